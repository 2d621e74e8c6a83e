"""Witness, rotation and succession as the operator and the DSB type them, each on a machine of their own."""

import json
import shutil
import socket
import ssl
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from proaktiv.egress import Deadline, Egress
from proaktiv.flowlog.checkpoints import vkey_of
from proaktiv.flowlog.vouching import attesting
from proaktiv.flowlog.vouching.attesting import FarWitness, Question, ask_witness
from proaktiv.flowlog.vouching.cosignatures import WitnessKey, witness_key_of
from tests.flowlog.authority import a_server
from tests.flowlog.conftest import ORIGIN, World, a_flow
from tests.flowlog.exports import VKEY
from tests.flowlog.test_rotation import NEW, signed_by
from tests.flowlog.test_succession import NEW as SECOND_KEY
from tests.flowlog.test_succession import SECOND, backup, restore
from tests.flowlog.vouching import House
from tests.processes import PATIENCE_SECONDS, end, proaktiv, refused, start

NAME = "dsb.example/zeuge"
POLICY = "# noted at the founding\nlog {log}\nwitness dsb {witness}\n# proaktiv: cosignature-max-age 36h\nquorum dsb\n"


def until(done: Callable[[], bool]) -> None:
    over = time.monotonic() + PATIENCE_SECONDS
    while not done():
        assert time.monotonic() < over
        time.sleep(0.05)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


def found(folder: Path, *logs: str) -> str:
    made = proaktiv("witness", "init", str(folder), NAME, *(word for log in logs for word in ("--log", log)))
    assert made.returncode == 0, made.stderr
    return made.stdout.strip()


@pytest.fixture
def house(world: World, tmp_path: Path) -> dict[str, str]:
    """What the operator has set, on the signer's machine."""
    return {
        "PROAKTIV_ENV": "test",
        "PROAKTIV_CONTROLLER": "musterstadt",
        "PROAKTIV_SEQUENCER_URL": world.urls["sequencer"],
        "PROAKTIV_READER_URL": world.urls["reader"],
        "PROAKTIV_SIGNING_KEY": b64encode(b"s" * 32).decode(),
        "PROAKTIV_LOG_ORIGIN": ORIGIN,
        "PROAKTIV_LOG_VKEY": VKEY,
        "PROAKTIV_TICK_SECONDS": "0.1",
    }


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """A witness that runs; its key and its address."""
    key, port = found(tmp_path / "zeuge", VKEY), free_port()
    process = start("-m", "proaktiv", "witness", "serve", str(tmp_path / "zeuge"), "--port", str(port))
    try:
        yield key, f"http://127.0.0.1:{port}"
    finally:
        end(process)


def test_house_and_dsb_vouch_for_a_log_together(
    world: World, house: dict[str, str], served: tuple[str, str], tmp_path: Path
) -> None:
    key, url = served
    house |= {"PROAKTIV_WITNESSES": json.dumps({key: url}), "PROAKTIV_OUTBOUND": '["127.0.0.1"]'}
    world.record(a_flow(), a_flow())
    signer = start("-m", "proaktiv", "work", "--sign", "--state", str(world.state), settings=house)
    try:
        until(lambda: bool(world.rows("SELECT 1 FROM cosignature WHERE size = 2")))
    finally:
        signer.terminate()
        assert signer.wait(PATIENCE_SECONDS) == 0
        end(signer)
    told = proaktiv("log", "status", "--json", settings=house)
    assert json.loads(told.stdout).items() >= {"signed": 2, "cosigned": 2, "stamped": 0}.items()
    printed = proaktiv("log", "checkpoint", "--at", "cosigned", settings=house)
    assert [line.split(" ")[1] for line in printed.stdout.splitlines()[4:]] == [ORIGIN, NAME]
    kept = tmp_path / "kept"
    assert proaktiv("log", "checkpoint", "--out", str(kept), settings=house).returncode == 0
    assert (kept / "checkpoint").read_text() == printed.stdout
    assert "no" in refused(proaktiv("log", "checkpoint", "--at", "stamped", settings=house))
    out, policy = tmp_path / "out", tmp_path / "policy.txt"
    assert proaktiv("log", "export", str(out), "--at", "cosigned", settings=house).returncode == 0
    policy.write_text(POLICY.format(log=VKEY, witness=key))
    verify = ("log", "verify", "--export", str(out), "--policy", str(policy))
    told = proaktiv(*verify, "--since", str(kept / "checkpoint"))
    assert (told.returncode, told.stderr) == (0, ""), told.stdout
    assert "cosigned as the policy asks: 2 entries" in told.stdout.splitlines()
    other = Ed25519PrivateKey.from_private_bytes(b"x" * 32)
    policy.write_text(POLICY.format(log=VKEY, witness=witness_key_of(NAME, other)))
    told = proaktiv(*verify)
    assert told.returncode == 1
    assert "cosignature: the log is not cosigned by dsb" in told.stdout


def test_a_witness_speaks_tls_without_a_proxy(world: World, tmp_path: Path) -> None:
    key, port = found(tmp_path / "zeuge", VKEY), free_port()
    certificate, secret = a_server(tmp_path)
    words = ("witness", "serve", str(tmp_path / "zeuge"), "--port", str(port))
    process = start("-m", "proaktiv", *words, "--certificate", str(certificate), "--key", str(secret))
    try:
        far = FarWitness(WitnessKey.parse(key), f"https://127.0.0.1:{port}")
        trusting = ssl.create_default_context(cafile=str(certificate))
        egress = Egress(frozenset({"127.0.0.1"}), loopback=True, tls=trusting)
        world.log_and_sign(a_flow())
        note = world.one("SELECT note FROM checkpoint")

        def asked() -> str:
            return ask_witness(Question(far, 1, note, 0, []), egress, Deadline(30.0, time.monotonic)).word

        until(lambda: asked() == "cosigned")
        plain = FarWitness(far.key, f"http://127.0.0.1:{port}")
        assert ask_witness(Question(plain, 1, note, 1, []), egress, Deadline(30.0, time.monotonic)).word == "away"
    finally:
        end(process)


def test_an_operator_rotates_the_key(world: World, house: dict[str, str]) -> None:
    world.log_and_sign(a_flow())
    house |= {"PROAKTIV_SIGNING_KEY_NEXT": b64encode(b"n" * 32).decode()}
    assert proaktiv("log", "vkey", settings=house).stdout.splitlines() == [VKEY, NEW]
    keeper = {
        "PROAKTIV_ENV": "test",
        "PROAKTIV_CONTROLLER": "musterstadt",
        "PROAKTIV_KEEPER_URL": world.urls["keeper"],
        "PROAKTIV_STAFF_PUBLIC_KEY": b64encode(b"o" * 32).decode(),
        **{
            f"PROAKTIV_{name}": b64encode(bytes([number]) * 32).decode()
            for number, name in enumerate(
                ("INDEX_KEY", "KEK_VIEW", "KEK_CONTACT", "KEK_FACTS", "KEK_FLOW", "KEK_PROOF"), 1
            )
        },
    }
    assert "signs already" in refused(proaktiv("log", "rotate", VKEY, "--by", "Frau Beispiel", settings=keeper))
    done = proaktiv("log", "rotate", NEW, "--by", "Frau Beispiel", settings=keeper)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    world.integrate()
    signer = start("-m", "proaktiv", "work", "--sign", "--state", str(world.state), settings=house)
    try:
        until(lambda: bool(world.rows("SELECT 1 FROM checkpoint WHERE size = 2")))
    finally:
        end(signer)
    assert [signed_by(world, size) for size in (1, 2)] == [["old"], ["old", "new"]]


def an_owner(world: World, key: str) -> dict[str, str]:
    """What the operator has set for a succession."""
    return {
        "PROAKTIV_ENV": "test",
        "PROAKTIV_CONTROLLER": "musterstadt",
        "PROAKTIV_OWNER_URL": world.urls["owner"],
        "PROAKTIV_INDEX_KEY": b64encode(b"i" * 32).decode(),
        "PROAKTIV_STAFF_PUBLIC_KEY": b64encode(b"p" * 32).decode(),
        "PROAKTIV_LOG_VKEY": VKEY,
        "PROAKTIV_WITNESSES": json.dumps({key: "https://dsb.example"}),
    }


def the_second() -> dict[str, str]:
    """What changes on the signer's machine after a succession."""
    return {
        "PROAKTIV_LOG_ORIGIN": SECOND,
        "PROAKTIV_SIGNING_KEY": b64encode(b"2" * 32).decode(),
        "PROAKTIV_LOG_VKEY": str(vkey_of(SECOND, Ed25519PrivateKey.from_private_bytes(b"2" * 32))),
    }


def test_a_log_with_a_loss_is_succeeded_by_operator_and_dsb(
    world: World, house: dict[str, str], tmp_path: Path
) -> None:
    key = found(tmp_path / "zeuge", VKEY)
    world.log_and_sign(a_flow(), a_flow())
    kept = backup(world)
    world.log_and_sign(a_flow())
    restore(world, kept)
    owner = an_owner(world, key)
    draft = proaktiv("log", "succeed", "--state", str(world.state), settings=owner)
    assert draft.returncode == 0, draft.stderr
    _format, old, signed, kept_line, new = draft.stdout.splitlines()
    assert (old, signed[:9], kept_line, new) == (f"old {ORIGIN}", "signed 3 ", "kept 2", f"new {SECOND}")
    statement = tmp_path / "statement"
    statement.write_text(draft.stdout)
    note = proaktiv("witness", "confirm", str(tmp_path / "zeuge"), str(statement), SECOND_KEY)
    assert note.returncode == 0, note.stderr
    confirmed = tmp_path / "confirmed"
    confirmed.write_text(note.stdout)
    succeed = ("log", "succeed", "--state", str(world.state), "--confirmed", str(confirmed))
    assert "must name who does it" in refused(proaktiv(*succeed, settings=owner))
    done = proaktiv(*succeed, "--by", "Frau Beispiel", settings=owner)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert done.stdout.splitlines()[0] == f"{ORIGIN} has ended with 3 entries; 2-2 are lost."
    house |= the_second()
    signer = start("-m", "proaktiv", "work", "--sign", "--state", str(world.state), settings=house)
    try:
        until(lambda: bool(world.rows("SELECT 1 FROM checkpoint WHERE size = 3")))
    finally:
        end(signer)
    told = proaktiv("log", "verify", settings=house)
    assert (told.returncode, told.stdout.splitlines()[-1]) == (0, "Everything adds up."), told.stdout


def test_a_lost_memory_is_brought_back_by_operator_and_dsb(
    world: World, house: dict[str, str], served: tuple[str, str], tmp_path: Path
) -> None:
    key, url = served
    house |= {"PROAKTIV_WITNESSES": json.dumps({key: url}), "PROAKTIV_OUTBOUND": '["127.0.0.1"]'}
    sign = ("-m", "proaktiv", "work", "--sign", "--state", str(world.state))
    world.record(a_flow(), a_flow())
    signer = start(*sign, settings=house)
    try:
        until(lambda: bool(world.rows("SELECT 1 FROM cosignature WHERE size = 2")))
        told = tmp_path / "told"
        told.write_text(proaktiv("witness", "tell", str(tmp_path / "zeuge"), ORIGIN).stdout)
        remember = ("log", "remember", str(told), "--state", str(world.state))
        assert "another signing worker holds the lock" in refused(proaktiv(*remember, settings=house))
    finally:
        end(signer)
    assert "knows all of this" in refused(proaktiv(*remember, settings=house))
    shutil.rmtree(world.state)
    world.record(a_flow())
    world.integrate()
    assert "a witness knows better" in refused(proaktiv(*sign[2:], "--adopt", settings=house))
    done = proaktiv(*remember, settings=house)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert done.stdout.startswith(f"The signer remembers 2 entries of {ORIGIN}.")
    signer = start(*sign, settings=house)
    try:
        until(lambda: bool(world.rows("SELECT 1 FROM cosignature WHERE size = 3")))
    finally:
        end(signer)


def test_a_log_with_a_loss_and_no_memory_is_succeeded_by_operator_and_dsb(
    world: World, house: dict[str, str], served: tuple[str, str], tmp_path: Path
) -> None:
    (key, url), zeuge = served, tmp_path / "zeuge"
    signing = House(world, (FarWitness(WitnessKey.parse(key), url),))

    def cosigned(size: int) -> bool:
        signing.now += attesting.PAUSE  # the witness may not listen yet
        return signing.asks() == {NAME: ("cosigned", size)}

    signing.signs(a_flow(), a_flow())
    until(lambda: cosigned(2))
    kept = backup(world)
    signing.signs(a_flow())
    until(lambda: cosigned(3))
    signing.close()
    restore(world, kept)
    (world.state / "last_signed").write_bytes(b"")
    owner = an_owner(world, key)
    told, statement, confirmed = (tmp_path / name for name in ("told", "statement", "confirmed"))
    succeed = ("log", "succeed", "--state", str(world.state))
    assert "--memory-lost" in refused(proaktiv(*succeed, settings=owner))
    told.write_text(proaktiv("witness", "tell", str(zeuge), ORIGIN).stdout)
    succeed = (*succeed, "--memory-lost", str(told))
    draft = proaktiv(*succeed, settings=owner)
    assert draft.stdout.splitlines()[3:] == ["kept 2", f"new {SECOND}", "memory lost"], draft.stderr
    statement.write_text(draft.stdout)
    confirmed.write_text(proaktiv("witness", "confirm", str(zeuge), str(statement), SECOND_KEY).stdout)
    for _ in range(2):  # interrupted after the commit, the same command again
        done = proaktiv(*succeed, "--confirmed", str(confirmed), "--by", "Frau Beispiel", settings=owner)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        assert done.stdout.splitlines()[:2] == [
            f"{ORIGIN} has ended with 3 entries; 2-2 are lost.",
            f"What was signed after {NAME} had cosigned these is known to nobody; the log says so.",
        ]
    assert len(list(world.state.glob("unreadable-*"))) == 1
    assert "memory lost" in world.one("SELECT outcome FROM flow_log JOIN flow_leaf USING (fid) WHERE idx = 0")
    house |= the_second()
    signer = start("-m", "proaktiv", "work", "--sign", "--state", str(world.state), settings=house)
    try:
        until(lambda: bool(world.rows("SELECT 1 FROM checkpoint WHERE size = 3")))
    finally:
        end(signer)
    told_by = proaktiv("log", "verify", settings=house)
    assert (told_by.returncode, told_by.stdout.splitlines()[-1]) == (0, "Everything adds up."), told_by.stdout
