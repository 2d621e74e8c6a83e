"""Who saw my data: for programs and to take along. Only one's own, never the staff's part, gapless, provable."""

import io
import json
import zipfile
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, event, text
from typer.testing import CliRunner

from proaktiv.__main__ import app as commands
from proaktiv.core.canonical import dumps
from proaktiv.core.errors import BadInput, Conflict, NotAllowed, NotFound
from proaktiv.core.flows import Flow, Kind
from proaktiv.core.merkle import verify_inclusion
from proaktiv.core.trust import SessionProof, Trust
from proaktiv.database import Database
from proaktiv.flowlog.checkpoints import open_checkpoint, vkey_of
from proaktiv.flowlog.exports.layout import ExportUnreadable
from proaktiv.flowlog.verifying.report import Report
from proaktiv.flowlog.verifying.selection import is_selection, verify_selection
from proaktiv.steps.timeline import entries as reading
from proaktiv.web.citizen import make_citizen
from tests.builders import Somebody, a_birth, somebody
from tests.web.conftest import Browser
from tests.web.me.conftest import browser_of, proof_of, recorded
from tests.world import ORIGIN, World

ANDMEJALGIJA = {"logtime", "action", "receiverCode", "receiverName", "receiverSystem"}
REASON = "Die Ermittlung ist zu Ende, Aktenzeichen 7"


def numbers(world: World, proof: SessionProof) -> list[int]:
    return sorted(each["number"] for each in world.pipeline.usages(proof, None, None, 0, 200) if each["number"])


@pytest.mark.flowlog_test(22)
def test_a_person_sees_their_own_entries_alone_all_of_them_and_never_who_in_the_house(
    world: World, anna: Somebody
) -> None:
    _, proof = proof_of(world, anna)
    recorded(world, proof.person)
    world.check_log()
    answer = browser_of(world, anna).get("/me/flows?limit=200")
    shown = answer.json()
    subj = world.pipeline.house.log.subj(proof.person)
    with world.reader.transaction() as session:
        mine = set(
            session.connection().execute(
                text("SELECT i.idx FROM flow_leaf i JOIN flow_secret s USING (fid) WHERE s.subj = :subj"),
                {"subj": subj},
            ).scalars()
        )  # fmt: skip
        everything = session.connection().execute(text("SELECT count(*) FROM flow_leaf")).scalar_one()
    assert {each["index"] for each in shown} == mine
    assert 0 < len(mine) < everything, "others have entries, too"
    assert sorted(each["number"] for each in shown) == list(range(1, len(mine) + 1)), "complete: 1 to n"
    assert all(each.keys() >= ANDMEJALGIJA for each in shown)
    assert "polizei" in answer.text
    for staffs in ("k.geheim", "Kanarienvogel"):
        assert staffs not in answer.text


def test_refused_attempts_are_told(world: World) -> None:
    carl = world.lives_here(somebody("Carl"), gives=False)
    world.announce(a_birth(carl))
    world.tick()
    _, proof = proof_of(world, carl)
    assert {"event.refused"} <= {each["action"] for each in world.pipeline.usages(proof, None, None, 0, 200)}


@pytest.mark.flowlog_test(22)
def test_a_restricted_entry_leaves_no_trace_until_a_later_one_releases_it(world: World, anna: Somebody) -> None:
    _, proof = proof_of(world, anna)
    before = world.pipeline.usages(proof, None, None, 0, 200)
    page_before = world.pipeline.timeline(proof, "")
    period = world.pipeline.usage_period(proof)
    world.now += timedelta(hours=1)
    hidden = recorded(world, proof.person, restrict=True)
    assert world.pipeline.usages(proof, None, None, 0, 200) == before
    assert world.pipeline.timeline(proof, "") == page_before
    assert world.pipeline.usage_period(proof) == period
    world.now += timedelta(hours=1)
    recorded(world, proof.person)
    assert numbers(world, proof) == list(range(1, len(before) + 2)), "no gap where it stands"
    done = world.pipeline.release_entry(hidden, reason=REASON, by="k.haus")
    world.check_log()
    after = world.pipeline.usages(proof, None, None, 0, 200)
    (shown,) = [each for each in after if each["number"] is None]
    (release,) = [each for each in after if each["action"] == "entry.released"]
    assert (shown["purpose"], shown["released"]) == ("ermittlung", release["number"])
    assert numbers(world, proof) == list(range(1, len(before) + 3))
    assert world.value("SELECT convert_from(f_bytes, 'UTF8') LIKE '%' || :fid || '%' FROM flow_log WHERE fid = :done",
                       fid=str(hidden), done=done)  # fmt: skip


@pytest.mark.flowlog_control(22)
def test_control_an_entry_that_is_merely_left_out_is_betrayed_by_its_number(
    world: World, anna: Somebody, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The protection taken out: a number is given to what is kept back, and the view hides it all the same."""
    _, proof = proof_of(world, anna)
    recorded(world, proof.person, of=UUID(int=7))
    recorded(world, proof.person)
    shown = numbers(world, proof)
    assert shown == list(range(1, len(shown) + 1))
    monkeypatch.setattr(reading, "_RESTRICTED", b'"of":"00000000')
    assert numbers(world, proof) == [number for number in shown if number != shown[-2]]


@pytest.mark.flowlog_control(22)
def test_control_without_the_filter_the_restricted_entry_shows(
    world: World, anna: Somebody, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, proof = proof_of(world, anna)
    known = len(world.pipeline.usages(proof, None, None, 0, 200))
    recorded(world, proof.person, restrict=True)
    monkeypatch.setattr(reading, "_RESTRICTED", b"nothing says this")
    assert len(world.pipeline.usages(proof, None, None, 0, 200)) == known + 1


def test_pages_of_the_timeline_are_full_where_something_is_kept_back(
    world: World, anna: Somebody, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proaktiv.steps.timeline.PAGE", 3)
    _, proof = proof_of(world, anna)
    for number in range(6):
        recorded(world, proof.person, restrict=number % 2 == 0)
    pages, before = [], ""
    while True:
        page = world.pipeline.timeline(proof, before)
        pages.append(len(page["entries"]))
        if not (before := page["more"]):
            break
    assert set(pages[:-1]) == {3}, "a shorter page would tell that something is missing"


@pytest.mark.parametrize("what", ["short reason", "unknown", "never restricted", "nobody's", "twice"])
def test_what_cannot_be_released_is_said(world: World, anna: Somebody, what: str) -> None:
    _, proof = proof_of(world, anna)
    fid = recorded(world, proof.person, restrict=what != "never restricted")
    error: type[Exception] = Conflict
    reason = REASON
    if what == "short reason":
        error, reason = BadInput, "weil"
    elif what == "unknown":
        error, fid = NotFound, UUID(int=1)
    elif what == "nobody's":
        with world.database.transaction() as session:
            flow = Flow(Kind.REFUSED, "a", "b", "schutz", "event.refused", "§ 51 BMG", restrict=True)
            (fid,) = world.pipeline.house.log.record(session, [flow], world.now)
    elif what == "twice":
        world.pipeline.release_entry(fid, reason=REASON, by="k.haus")
    with pytest.raises(error):
        world.pipeline.release_entry(fid, reason=reason, by="k.haus")


def test_a_letters_code_alone_shows_no_history(world: World, anna: Somebody) -> None:
    browser = browser_of(world, anna, Trust.V1)
    assert {browser.get(f"/me/{path}").status_code for path in ("flows", "flows/bundle", "usage-period")} == {403}
    _, proof = proof_of(world, anna, Trust.V1)
    for act in (world.pipeline.usage_period, world.pipeline.own_bundle):
        with pytest.raises(NotAllowed):
            act(proof)
    nobody = Browser(make_citizen(world.pipeline, secure_cookies=False))
    assert {nobody.get(f"/me/{path}").status_code for path in ("flows", "flows/bundle", "usage-period")} == {401}


@pytest.mark.parametrize("query", ["from=x", "to=2026-13-01", "offset=-1", "limit=0", "limit=201", "from=1700000000"])
def test_a_wish_that_is_none_is_told(world: World, anna: Somebody, query: str) -> None:
    answer = browser_of(world, anna).get(f"/me/flows?{query}")
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:proaktiv:problem:bad-input")


def test_days_offset_and_limit_cut_what_they_say(world: World, anna: Somebody) -> None:
    world.now += timedelta(days=3)
    browser = browser_of(world, anna)
    _, proof = proof_of(world, anna)
    recorded(world, proof.person)
    everything = browser.get("/me/flows?limit=200").json()
    assert browser.get("/me/flows?offset=2&limit=3").json() == everything[2:5]
    day = f"{world.now:%Y-%m-%d}"
    assert [each["purpose"] for each in browser.get(f"/me/flows?from={day}").json()] == ["ermittlung"]
    assert browser.get(f"/me/flows?to={day}&limit=200").json() == everything
    assert browser.get("/me/flows?from=0001-01-01&to=9999-12-31&limit=200").json() == everything
    assert browser.get("/me/flows?to=2020-01-01").json() == []
    period = browser.get("/me/usage-period").json()
    assert (period["to"], period["from"]) == (everything[0]["logtime"], min(each["logtime"] for each in everything))


def test_the_heartbeat_says_whether_the_log_keeps_up(world: World, anna: Somebody) -> None:
    browser = Browser(make_citizen(world.pipeline, secure_cookies=False))
    world.check_log()
    assert browser.get("/me/heartbeat").json() == {"status": "ok", "log": "current"}
    world.lives_here(somebody("Dora"))
    world.now += timedelta(minutes=5)
    assert browser.get("/me/heartbeat").json() == {"status": "ok", "log": "behind"}


# proofs ---------------------------------------------------------------------------------------------------------------


def test_each_signed_entry_comes_with_a_proof_that_the_key_alone_checks(world: World, anna: Somebody) -> None:
    _, proof = proof_of(world, anna)
    assert {each["proof"] for each in world.pipeline.usages(proof, None, None, 0, 200)} == {None}
    world.check_log()
    recorded(world, proof.person)
    newest, *older = world.pipeline.usages(proof, None, None, 0, 200)
    assert (newest["index"], newest["proof"]) == (None, None), "it has no place yet"
    for each in older:
        head, _, note = each["proof"].partition("\n\n")
        form, index, *path = head.split("\n")
        assert (form, index) == ("c2sp.org/tlog-proof@v1", f"index {each['index']}")
        point = open_checkpoint(note, world.signer.vkey)
        leaf = world.value("SELECT sha256('\\x00'::bytea || entry) FROM flow_log JOIN flow_leaf USING (fid)"
                           " WHERE idx = :idx", idx=each["index"])  # fmt: skip
        assert verify_inclusion(each["index"], point.size, leaf, [b64decode(step) for step in path], point.root)


@contextmanager
def counted(database: Database, what: str) -> Iterator[list[str]]:
    """The statements of a database that name a table."""
    seen: list[str] = []

    def note(_connection: Connection, _cursor: Any, statement: str, *_: Any) -> None:
        if what in statement:
            seen.append(statement)

    event.listen(database._engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(database._engine, "before_cursor_execute", note)


def test_two_hundred_proofs_ask_the_database_no_more_often_than_one(world: World, anna: Somebody) -> None:
    _, proof = proof_of(world, anna)
    _, other = proof_of(world, world.lives_here(somebody("Carl")))
    flow = Flow(Kind.ACCESS, "a", "b", "p", "auftrag.opened", "§ 1", person=proof.person)
    strange = Flow(Kind.ACCESS, "a", "b", "p", "auftrag.opened", "§ 1", person=other.person)
    for _ in range(4):  # over several tiles, as the entries of one person among those of a city
        with world.database.transaction() as session:
            world.pipeline.house.log.record(session, [flow] * 50 + [strange] * 250, world.now)
    world.check_log()
    with counted(world.database, "FROM tile") as one:
        world.pipeline.usages(proof, None, None, 0, 1)
    with counted(world.database, "FROM tile") as many:
        shown = world.pipeline.usages(proof, None, None, 0, 200)
    assert len(shown) == 200
    assert all(each["proof"] for each in shown)
    assert world.value("SELECT count(*) FROM tile") >= 5
    assert len(many) == len(one) == 1


# the bundle -----------------------------------------------------------------------------------------------------------


def unpacked(packed: bytes, folder: Path) -> Path:
    with zipfile.ZipFile(io.BytesIO(packed)) as inside:
        inside.extractall(folder)
    return folder


@pytest.fixture
def taken(world: World, anna: Somebody, tmp_path: Path) -> Path:
    """Anna's bundle, unpacked; one of her entries was released."""
    _, proof = proof_of(world, anna)
    hidden = recorded(world, proof.person, restrict=True)
    world.pipeline.release_entry(hidden, reason=REASON, by="k.haus")
    world.check_log()
    answer = browser_of(world, anna).get("/me/flows/bundle")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip")
    return unpacked(answer.content, tmp_path / "bundle")


def test_before_anything_is_signed_the_bundle_is_asked_for_again(world: World, anna: Somebody) -> None:
    answer = browser_of(world, anna).get("/me/flows/bundle")
    assert (answer.status_code, answer.headers["retry-after"]) == (202, "10")


@pytest.mark.flowlog_test(22)
def test_the_bundle_verifies_without_the_house_and_holds_one_person_and_no_staff(
    world: World, anna: Somebody, taken: Path
) -> None:
    _, proof = proof_of(world, anna)
    assert is_selection(taken)
    report = verify_selection(taken, world.signer.vkey)
    assert report.ok, report.text()
    shown = world.pipeline.usages(proof, None, None, 0, 200)
    assert report.selected == len(shown)
    lines = [json.loads(line) for line in (taken / "entries.jsonl").read_text().splitlines()]
    assert {line["i"] for line in lines} == {each["index"] for each in shown}
    assert {json.loads(line["S"]["b"])["subject"] for line in lines} == {str(proof.person)}
    assert {line["A"]["is"] for line in lines} == {"sealed"}
    everything = b"".join(path.read_bytes() for path in taken.iterdir())
    assert b"k.geheim" not in everything
    assert b"Kanarienvogel" not in everything


def test_the_same_log_gives_the_same_bundle(world: World, anna: Somebody, taken: Path) -> None:
    _, proof = proof_of(world, anna)
    assert world.pipeline.own_bundle(proof) == world.pipeline.own_bundle(proof)


def test_the_command_tells_a_selection_from_a_whole_export(world: World, taken: Path) -> None:
    good = CliRunner().invoke(commands, ["log", "verify", "--export", str(taken), "--vkey", world.signer.vkey])
    assert good.exit_code == 0, good.output
    assert "of them are here, each with its proof" in good.output
    since = ["--since", str(taken / "checkpoint")]
    wrong = CliRunner().invoke(commands, ["log", "verify", "--export", str(taken), "--vkey", world.signer.vkey, *since])
    assert isinstance(wrong.exception, BadInput)


def lines_of(taken: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (taken / "entries.jsonl").read_text().splitlines()]


def write(taken: Path, lines: list[dict[str, Any]]) -> None:
    """As an attacker would: sums and counts are made to fit."""
    raw = b"".join(dumps(line) + b"\n" for line in lines)
    (taken / "entries.jsonl").write_bytes(raw)
    manifest = json.loads((taken / "MANIFEST.json").read_text())
    manifest["entries"] = len(lines)
    manifest["files"]["entries.jsonl"] = sha256(raw).hexdigest()
    (taken / "MANIFEST.json").write_bytes(dumps(manifest) + b"\n")


def _one_out(lines: list[dict[str, Any]]) -> None:
    lines.pop(len(lines) // 2)


def _facts(lines: list[dict[str, Any]]) -> None:
    lines[0]["F"]["b"] = lines[0]["F"]["b"].replace("geburt", "umzug")
    lines[0]["x"]["purpose"] = lines[0]["x"]["purpose"].replace("geburt", "umzug")


def _column(lines: list[dict[str, Any]]) -> None:
    lines[0]["x"]["receiver"] = "somebody else"


def _own_part(lines: list[dict[str, Any]]) -> None:
    lines[0]["S"]["b"] = lines[0]["S"]["b"].replace('"seq":1', '"seq":9')


def _proof(lines: list[dict[str, Any]]) -> None:
    lines[0]["p"] = lines[1]["p"]


def _swapped(lines: list[dict[str, Any]]) -> None:
    lines[0], lines[1] = lines[1], lines[0]


def _release_gone(lines: list[dict[str, Any]]) -> None:
    lines[:] = [line for line in lines if "entry.released" not in line["F"]["b"]]


def _line_broken(lines: list[dict[str, Any]]) -> None:
    lines[0]["more"] = 1


TAMPERED: dict[Callable[[list[dict[str, Any]]], None], str] = {
    _one_out: "sequence",
    _facts: "facts",
    _column: "column",
    _own_part: "subject part",
    _proof: "entry",
    _swapped: "index",
    _release_gone: "sequence",
    _line_broken: "file",
}


@pytest.mark.parametrize("tamper", TAMPERED, ids=lambda each: each.__name__.strip("_"))
def test_whatever_is_changed_in_a_bundle_is_found(
    world: World, taken: Path, tamper: Callable[[list[dict[str, Any]]], None]
) -> None:
    lines = lines_of(taken)
    write(taken, lines)
    assert verify_selection(taken, world.signer.vkey).ok, "the control: written anew it is the same"
    tamper(lines)
    write(taken, lines)
    found = {finding.what.value for finding in verify_selection(taken, world.signer.vkey).findings}
    assert TAMPERED[tamper] in found


def found_in(taken: Path, vkey: str) -> Report:
    return verify_selection(taken, vkey)


@pytest.mark.parametrize("name", ["README.txt", "checkpoint", "entries.jsonl"])
def test_a_file_that_is_not_what_was_handed_out_is_found(world: World, taken: Path, name: str) -> None:
    with (taken / name).open("ab") as out:
        out.write(b"more\n")
    assert not found_in(taken, world.signer.vkey).ok


def test_a_checkpoint_of_another_key_proves_nothing(world: World, taken: Path) -> None:
    other = str(vkey_of(ORIGIN, Ed25519PrivateKey.from_private_bytes(b"o" * 32)))
    report = found_in(taken, other)
    assert [finding.what.value for finding in report.findings] == ["head"]
    assert report.root is None


def test_what_is_no_selection_is_not_judged(world: World, taken: Path, tmp_path: Path) -> None:
    assert not is_selection(tmp_path / "nowhere")
    (taken / "entries.jsonl").unlink()
    with pytest.raises(ExportUnreadable):
        verify_selection(taken, world.signer.vkey)
    (taken / "entries.jsonl").symlink_to("/etc/hostname")
    with pytest.raises(ExportUnreadable):
        verify_selection(taken, world.signer.vkey)
    (taken / "MANIFEST.json").write_text("{}")
    with pytest.raises(ExportUnreadable):
        verify_selection(taken, world.signer.vkey)
