"""``proaktiv log export`` and ``verify --export`` as operator and DSB type them."""

import base64
import json
from base64 import b64encode
from datetime import date
from pathlib import Path

import pytest

from proaktiv.flowlog.checkpoints import open_checkpoint
from tests.flowlog.conftest import ORIGIN, World, a_flow
from tests.flowlog.exports import SIZE, VKEY, change_entry, export, fill, given, sum_up
from tests.processes import proaktiv, refused


@pytest.fixture
def logged(world: World) -> World:
    fill(world)
    return world


def test_an_operator_exports_and_the_dsb_verifies(logged: World, tmp_path: Path) -> None:
    reader = {"PROAKTIV_READER_URL": logged.urls["reader"]}
    out = tmp_path / "auszug"
    done = proaktiv("log", "export", str(out), "--expires-on", "2027-03-31", settings=reader)
    assert (done.returncode, done.stderr) == (0, "")
    first, second = done.stdout.splitlines()
    assert first == f"{out}: entries 0 to 265 of flowlog.musterstadt.example/1"
    assert second.startswith("SHA-256 of its MANIFEST.json: ")

    told = proaktiv("log", "verify", "--export", str(out), "--vkey", VKEY)
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.splitlines()[0] == "266 entries, 2 signed checkpoints"
    assert told.stdout.splitlines()[-1] == "Everything adds up."

    change_entry(out, 3, given("somebody else", "x", "receiver"))
    sum_up(out)
    told = proaktiv("log", "verify", "--export", str(out), "--vkey", VKEY)
    assert (told.returncode, told.stderr) == (1, "")
    assert "column: receiver (entry 3)" in told.stdout.splitlines()
    assert told.stdout.splitlines()[-1] == "The log does not add up."
    told = proaktiv("log", "verify", "--export", str(out), "--vkey", VKEY, "--json")
    assert told.returncode == 1
    (finding,) = json.loads(told.stdout)["findings"]
    assert (finding["what"], finding["index"]) == ("column", 3)


def test_the_dsb_is_told_the_key_where_it_signs() -> None:
    signs = {"PROAKTIV_LOG_ORIGIN": ORIGIN, "PROAKTIV_SIGNING_KEY": b64encode(b"s" * 32).decode()}
    assert proaktiv("log", "vkey", settings=signs).stdout == f"{VKEY}\n"
    assert refused(proaktiv("log", "vkey")).startswith("log vkey needs PROAKTIV_SIGNING_KEY and PROAKTIV_LOG_ORIGIN")
    signs["PROAKTIV_LOG_ORIGIN"] = "two words"
    assert refused(proaktiv("log", "vkey", settings=signs)) == "a log's origin has neither blanks nor +"


def test_a_later_export_continues_an_earlier_one(logged: World, tmp_path: Path) -> None:
    reader = {"PROAKTIV_READER_URL": logged.urls["reader"]}
    export(logged, tmp_path / "october", expires_on=date(2026, 12, 31))
    logged.log_and_sign(*(a_flow() for _ in range(40)))
    done = proaktiv("log", "export", str(tmp_path / "november"), "--from", str(SIZE), "--json", settings=reader)
    assert json.loads(done.stdout).items() >= {"size": SIZE + 40, "first": 256}.items()
    verify = ("log", "verify", "--export", str(tmp_path / "november"), "--vkey", VKEY)
    assert "it begins with entry 256" in refused(proaktiv(*verify))
    told = proaktiv(*verify, "--since", str(tmp_path / "october" / "checkpoint"))
    assert told.returncode == 0
    grown = f"since your checkpoint of {SIZE} entries the log has only grown, to {SIZE + 40} entries"
    assert grown in told.stdout.splitlines()
    told = proaktiv(*verify, "--since", str(tmp_path / "october" / "checkpoint"), "--json")
    assert json.loads(told.stdout)["since"] == SIZE


def test_the_database_too_must_begin_with_what_was_kept(logged: World, tmp_path: Path) -> None:
    reader = {"PROAKTIV_READER_URL": logged.urls["reader"]}
    export(logged, tmp_path / "out")
    verify = ("log", "verify", "--vkey", VKEY, "--since", str(tmp_path / "out" / "checkpoint"))
    told = proaktiv(*verify, settings=reader)
    assert told.returncode == 0
    assert "since your checkpoint of 266 entries nothing was added to the log and nothing changed" in told.stdout
    # An older state of everything, as a restored backup is: nothing in it contradicts itself.
    logged.as_owner("DELETE FROM checkpoint WHERE size = 266")
    logged.as_owner("DELETE FROM flow_leaf WHERE idx >= 6")
    for table in ("flow_secret", "flow_log"):
        logged.as_owner(f"DELETE FROM {table} WHERE fid NOT IN (SELECT fid FROM flow_leaf)")
    logged.as_owner("DELETE FROM tile WHERE (level, n) <> (0, 0)")
    said = kept_of_six(logged)
    logged.as_owner("UPDATE log_head SET size = 6, root = :root", root=said)
    told = proaktiv(*verify, settings=reader)
    assert told.returncode == 1
    assert "266 entries stand in the one you kept, the log holds 6" in told.stdout
    assert proaktiv("log", "verify", "--vkey", VKEY, settings=reader).returncode == 0  # the control


def kept_of_six(world: World) -> bytes:
    return open_checkpoint(world.one("SELECT note FROM checkpoint WHERE size = 6"), VKEY).root


def test_the_key_may_come_from_the_dsbs_own_policy(logged: World, tmp_path: Path) -> None:
    export(logged, tmp_path / "out")
    policy = tmp_path / "policy.txt"
    policy.write_text(f"# noted at the founding, 1 March 2026\nlog {VKEY}\nquorum none\n")
    verify = ("log", "verify", "--export", str(tmp_path / "out"))
    assert proaktiv(*verify, "--policy", str(policy)).returncode == 0
    policy.write_text("log PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW\nquorum none\n")
    assert proaktiv(*verify, "--policy", str(policy)).returncode == 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("export", "{out}"), "this command needs PROAKTIV_READER_URL"),
        (("verify", "--export", "{there}"), "verify --export needs --vkey or --policy: the key to trust never comes"),
        (
            ("verify", "--export", "{there}", "--vkey", "x"),
            "the key is not whole: `proaktiv log vkey` prints all of it",
        ),
        (("verify", "--export", "{out}", "--vkey", VKEY), "is no folder: name the one that you unpacked"),
        (("verify", "--export", "{there}", "--vkey", VKEY, "--policy", "{out}"), "give one of them"),
        (("verify", "--export", "{there}", "--policy", "{out}"), "cannot be read: No such file or directory"),
        (("verify", "--export", "{there}", "--policy", "{there}/tile/0/000"), "is not UTF-8"),
        (
            ("verify", "--export", "{there}", "--vkey", VKEY, "--since", "{there}/README.txt"),
            "README.txt is no checkpoint of this log",
        ),
        (
            ("verify", "--export", "{there}", "--vkey", VKEY, "--since", "{out}"),
            "No such file or directory. Take the unchanged file that you kept; if it is that one, this is a finding",
        ),
        (("verify", "--export", "{there}", "--vkey", VKEY[:-9] + "…"), "the key is not whole"),
        (("verify", "--export", "{there}", "--policy", "{there}"), "is a folder, and a file is needed"),
    ],
)
def test_what_refuses_says_why_in_one_line(logged: World, tmp_path: Path, words: tuple[str, ...], told: str) -> None:
    export(logged, tmp_path / "there")
    given_words = [word.format(out=tmp_path / "out", there=tmp_path / "there") for word in words]
    assert told in refused(proaktiv("log", *given_words))


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be"])
def test_a_policy_in_utf_16_is_told_how_to_be_saved(logged: World, tmp_path: Path, codec: str) -> None:
    export(logged, tmp_path / "there")
    (tmp_path / "policy").write_bytes(f"log {VKEY}\r\nquorum none\r\n".encode(codec))
    told = refused(proaktiv("log", "verify", "--export", str(tmp_path / "there"), "--policy", str(tmp_path / "policy")))
    assert told.endswith("is saved as UTF-16: save it as UTF-8")


def test_an_export_never_overwrites(logged: World, tmp_path: Path) -> None:
    reader = {"PROAKTIV_READER_URL": logged.urls["reader"]}
    told = refused(proaktiv("log", "export", str(tmp_path), settings=reader))
    assert told == f"{tmp_path} is there already: name a new folder, an export is never overwritten"
    told = refused(proaktiv("log", "export", str(tmp_path / "out"), "--size", "7", settings=reader))
    assert told == "no checkpoint was signed at 7 entries; the nearest: 6, 266"


def test_the_state_of_the_log_counts_findings_and_the_dsb_sees_each(logged: World) -> None:
    reader = {"PROAKTIV_READER_URL": logged.urls["reader"]}
    status = json.loads(proaktiv("log", "status", "--json", settings=reader).stdout)
    assert (status["size"], status["findings"]) == (SIZE, {})
    assert proaktiv("log", "findings", settings=reader).stdout == ""
    logged.as_owner("UPDATE flow_log SET receiver = 'elsewhere' WHERE fid = (SELECT fid FROM flow_leaf WHERE idx = 3)")
    since = ("--since", "2026-10-01")
    done = proaktiv("log", "findings", *since, settings=reader)
    assert (done.returncode, done.stdout.split()[:3]) == (1, ["column_changed", "entry", "3"])
    done = proaktiv("log", "findings", *since, "--json", settings=reader)
    (finding,) = json.loads(done.stdout)
    assert (done.returncode, finding["code"], finding["index"]) == (1, "column_changed", 3)


def test_one_entry_is_proven_and_the_proof_verified_without_settings(logged: World, tmp_path: Path) -> None:
    reader = {"PROAKTIV_READER_URL": logged.urls["reader"]}
    fid = str(logged.one("SELECT fid FROM flow_leaf WHERE idx = 3"))
    proof = tmp_path / "beleg.tlog-proof"
    done = proaktiv("log", "prove", fid, "--out", str(proof), settings=reader)
    assert (done.stdout, done.stderr) == (f"{proof}: proof of entry {fid}\n", "")
    assert proof.stat().st_mode & 0o077 == 0
    told = proaktiv("log", "verify-proof", str(proof), "--vkey", VKEY)
    assert (told.returncode, told.stdout.splitlines()[-1]) == (0, "Everything adds up.")
    assert b"standesamt" not in base64.b64decode(proof.read_text().splitlines()[1].removeprefix("extra "))

    shown = proaktiv("log", "prove", fid, "--facts", settings=reader).stdout
    assert b"standesamt" in base64.b64decode(shown.splitlines()[1].removeprefix("extra "))
    (tmp_path / "facts").write_text(shown.replace("index 3", "index 4"))
    (tmp_path / "policy").write_text(f"log {VKEY}\nquorum none\n")
    verify = ("log", "verify-proof", str(tmp_path / "facts"), "--json", "--policy", str(tmp_path / "policy"))
    told = proaktiv(*verify)
    (finding,) = json.loads(told.stdout)["findings"]
    assert (told.returncode, finding["what"], finding["index"]) == (1, "entry", 4)


def test_what_cannot_be_proven_says_why_in_one_line(logged: World, tmp_path: Path) -> None:
    reader = {"PROAKTIV_READER_URL": logged.urls["reader"]}
    fid = str(logged.one("SELECT fid FROM flow_leaf WHERE idx = 3"))
    nobody = "00000000-0000-7000-8000-000000000000"
    assert nobody in refused(proaktiv("log", "prove", nobody, settings=reader))
    assert "is there already" in refused(proaktiv("log", "prove", fid, "--out", str(tmp_path), settings=reader))
    gone = str(tmp_path / "nowhere" / "x")
    assert "cannot be written" in refused(proaktiv("log", "prove", fid, "--out", gone, settings=reader))
    assert "needs PROAKTIV_READER_URL" in refused(proaktiv("log", "prove", fid))
    (tmp_path / "none").write_text("x")
    assert "either --vkey or --policy" in refused(proaktiv("log", "verify-proof", str(tmp_path / "none")))
    assert refused(proaktiv("log", "verify-proof", str(tmp_path / "none"), "--vkey", VKEY)) == "this is no tlog-proof"
