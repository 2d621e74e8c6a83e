"""After a loss the old log ends and another begins, in the open, confirmed by the DSB; what was proven stays proven."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import text

from proaktiv.core.errors import BadInput, Conflict, NotSafe
from proaktiv.flowlog.ceremonies.succeeding import Ceremony, ended_name, retire_memory, signers_memory
from proaktiv.flowlog.ceremonies.succession import Statement, confirm, successor_of
from proaktiv.flowlog.checkpoints import Checkpoint, NoteError, vkey_of
from proaktiv.flowlog.findings import findings
from proaktiv.flowlog.signer import LogForked, LogShrunk, Signer
from proaktiv.flowlog.tiles import LogBroken
from proaktiv.flowlog.verifying.export import verify_export
from proaktiv.flowlog.verifying.whole import verify_database
from proaktiv.flowlog.vouching.cosignatures import WitnessKey
from proaktiv.flowlog.vouching.memory import WitnessError
from tests.flowlog.alone import NODE, Verifiers
from tests.flowlog.conftest import ORIGIN, World, a_flow
from tests.flowlog.exports import VKEY, export
from tests.flowlog.test_retention import DAY_1, DAY_731, Office
from tests.flowlog.vouching import SOON, Far, a_witness, asking

SECOND = "flowlog.musterstadt.example/2"
NEW_KEY = Ed25519PrivateKey.from_private_bytes(b"2" * 32)
NEW = str(vkey_of(SECOND, NEW_KEY))
TABLES = ("flow_log", "flow_secret", "flow_leaf", "tile", "checkpoint", "cosignature", "subject_heads")


def backup(world: World) -> dict[str, list[tuple[object, ...]]]:
    found = {table: world.rows(f"SELECT * FROM {table}") for table in TABLES}
    return found | {"log_head": world.rows("SELECT size, root FROM log_head")}


def restore(world: World, kept: dict[str, list[tuple[object, ...]]]) -> None:
    """Put the database back to what a backup holds, as an operator does after a fire."""
    with world.role("owner").transaction() as session:
        for table in ("time_stamp", "witness_answer", "flow_queue", *reversed(TABLES)):
            session.connection().execute(text(f"DELETE FROM {table}"))
        for table in TABLES:
            for row in kept[table]:
                values = {f"v{number}": value for number, value in enumerate(row)}
                places = ", ".join(f":{name}" for name in values)
                session.connection().execute(text(f"INSERT INTO {table} VALUES ({places})"), values)
        size, root = kept["log_head"][0]
        session.connection().execute(text("UPDATE log_head SET size = :s, root = :r"), {"s": size, "r": root})


def lost(world: World, far: Far, folder: Path) -> None:
    """Five entries are signed, cosigned and exported; a backup brings back three; two more come in afterwards."""
    person = world.a_person()
    with asking(world, far) as house:
        house.signs(a_flow(person=person), a_flow(), a_flow())
        house.asks()
        kept = backup(world)
        house.signs(a_flow(person=person), a_flow())
        house.asks()
    export(world, folder)
    restore(world, kept)
    world.record(a_flow(person=person))
    world.integrate()
    world.record(a_flow())  # still waits for its place


def drafted(world: World, far: Far) -> Statement:
    with world.role("owner").transaction() as session:
        found = Ceremony(session, world.log, "musterstadt", SOON, (far.key,))
        return found.draft(signers_memory(world.state), VKEY)


def succeeded(world: World, note: str, *keys: WitnessKey, last: Checkpoint | None = None) -> Statement:
    with world.role("owner").transaction() as session:
        found = Ceremony(session, world.log, "musterstadt", SOON, keys)
        return found.succeed(last or signers_memory(world.state), VKEY, note, "Frau Beispiel")


@pytest.fixture
def far(tmp_path: Path) -> Iterator[Far]:
    with a_witness(tmp_path / "zeuge") as far:
        yield far


@pytest.mark.flowlog_test(17)
def test_after_a_loss_the_signer_refuses_and_the_succession_goes_on(world: World, far: Far, tmp_path: Path) -> None:
    lost(world, far, tmp_path / "before")
    with pytest.raises(LogShrunk):
        world.sign()
    statement = drafted(world, far)
    assert (statement.last.origin, statement.last.size, statement.kept, statement.new) == (ORIGIN, 5, 3, SECOND)
    assert statement.lost == "3-4"
    note = confirm(far.memory, statement.text(), NEW)
    assert succeeded(world, note, far.key) == statement
    retire_memory(world.state, statement)

    signer = Signer(world.state, NEW_KEY, SECOND)
    world.sign(signer)
    world.integrate()
    world.sign(signer)
    with world.role("reader").transaction() as session:
        report = verify_database(session, NEW)
    assert report.ok, report.text()
    assert report.size == 1 + 4 + 1  # the entry about it, what was left, what had waited
    facts = json.loads(world.one("SELECT f_bytes FROM flow_log JOIN flow_leaf USING (fid) WHERE idx = 0"))
    assert (facts["kind"], facts["n"]) == ("succession", 2)
    assert facts["outcome"].startswith(f"old {ORIGIN} signed 5 ")
    assert " lost 3-4 confirmed " in facts["outcome"]
    # What was exported before still verifies under the old key, and its checkpoints stand beside the new log.
    assert verify_export(tmp_path / "before", far.policy(), now=SOON).ok
    former = world.rows("SELECT size, note FROM former_checkpoint WHERE origin = :o ORDER BY size", o=ORIGIN)
    assert [size for size, _ in former] == [3]
    assert far.policy().open(former[0][1]).cosigned  # with its cosignature
    # The witness follows: the new log from nothing, the old one no more.
    far_again = a_house_under(world, far, signer)
    assert far_again == {far.key.name: ("cosigned", 6)}
    export(world, tmp_path / "after")
    assert verify_export(tmp_path / "after", NEW).ok


def a_house_under(world: World, far: Far, signer: Signer) -> dict[str, tuple[str, int]]:
    with asking(world, far, signer=signer) as house:
        return house.asks()


@pytest.mark.flowlog_test(17)
def test_what_retention_took_is_still_accounted_for_in_the_log_that_follows(
    world: World, far: Far, tmp_path: Path
) -> None:
    office = Office(world, DAY_1 + timedelta(seconds=1))
    office.writes(600, DAY_1)
    office.signs()
    office.now = DAY_731
    assert office.retains() == 512
    with asking(world, far) as house:
        house.asks()
        kept = backup(world)
        house.signs(a_flow())
        house.asks()
    restore(world, kept)
    statement = drafted(world, far)
    succeeded(world, confirm(far.memory, statement.text(), NEW), far.key)
    retire_memory(world.state, statement)
    signer = Signer(world.state, NEW_KEY, SECOND)
    world.sign(signer)
    (tmp_path / "policy").write_text(f"log {NEW}\nquorum none\n")
    files = Verifiers.handed_out(tmp_path / "verifiers")

    def by_all(name: str) -> dict[str, tuple[str, ...]]:
        with world.role("reader").transaction() as session:
            said = {"log verify": tuple(str(each.what) for each in verify_database(session, NEW).findings)}
            said |= {"findings": tuple(str(each.code) for each in findings(session, SOON) if "row" in each.code)}
        export(world, tmp_path / name)
        said |= {"export": tuple(str(each.what) for each in verify_export(tmp_path / name, NEW).findings)}
        told = [files.by_python([tmp_path / name], tmp_path / "policy")[0]]
        told += [files.by_node([tmp_path / name], tmp_path / "policy")[0]] if NODE else []
        return said | {str(at): tuple(what for what, _ in each.found) for at, each in enumerate(told)}

    assert set(by_all("after").values()) == {()}
    assert [each["minimum"] for each in office.told()] == [512, 768]
    office.now = DAY_731 + timedelta(days=40)
    assert office.retention.run("retainer") == 0, "nothing goes before the new log has signed as much"
    world.as_owner("DELETE FROM flow_secret WHERE fid = (SELECT fid FROM flow_leaf WHERE idx = 513)")
    world.as_owner("DELETE FROM flow_log WHERE fid = (SELECT fid FROM flow_leaf WHERE idx = 513)")
    found = by_all("stolen")
    assert set(found.values()) == {("row",), ("row_missing",)}, "one more is one too many"


def test_tiles_that_do_not_hold_are_not_carried_over(world: World, far: Far, tmp_path: Path) -> None:
    with asking(world, far) as house:
        house.signs(*(a_flow() for _ in range(257)))
        kept = backup(world)
        house.signs(a_flow())
    restore(world, kept)
    note = confirm(far.memory, drafted(world, far).text(), NEW)
    # A leaf behind the right edge: neither the sequencer nor the signer reads it again.
    world.as_owner("UPDATE tile SET data = sha256('x'::bytea) || substr(data, 33) WHERE level = 0 AND n = 0")
    with pytest.raises(LogBroken, match="do not give the root"):
        succeeded(world, note, far.key)
    assert world.one("SELECT count(*) FROM succession") == 0


@pytest.mark.flowlog_control(17)
def test_control_without_the_memory_a_restored_log_would_be_signed_on(world: World, far: Far, tmp_path: Path) -> None:
    lost(world, far, tmp_path / "before")
    (world.state / "last_signed").unlink()
    assert world.sign(world.signer(adopt=True)) is not None  # the house sees nothing; the witness does:
    with asking(world, far) as house:
        assert house.asks() == {far.key.name: ("contradicts", 5)}


@pytest.mark.flowlog_test(17)
def test_a_restored_log_that_grew_past_what_was_signed_is_refused_and_can_succeed(
    world: World, far: Far, tmp_path: Path
) -> None:
    lost(world, far, tmp_path / "before")
    world.record(*(a_flow() for _ in range(7)))
    world.integrate()
    with pytest.raises(LogForked):
        world.sign()
    statement = drafted(world, far)
    assert (statement.last.size, statement.kept) == (5, 3)
    succeeded(world, confirm(far.memory, statement.text(), NEW), far.key)
    retire_memory(world.state, statement)
    world.sign(Signer(world.state, NEW_KEY, SECOND))
    with world.role("reader").transaction() as session:
        assert verify_database(session, NEW).ok


def test_it_cannot_be_used_to_get_rid_of_a_log_that_is_whole(world: World, far: Far) -> None:
    world.log_and_sign(a_flow(), a_flow())
    with pytest.raises(Conflict, match="nothing is lost"):
        drafted(world, far)
    world.record(a_flow())
    world.integrate()
    with pytest.raises(Conflict, match="nothing is lost"):
        drafted(world, far)


def test_nobody_but_a_witness_of_the_house_confirms_it(world: World, far: Far, tmp_path: Path) -> None:
    lost(world, far, tmp_path / "before")
    statement = drafted(world, far)
    note = confirm(far.memory, statement.text(), NEW)
    with pytest.raises(NotSafe, match="name the DSB's witness"):
        succeeded(world, note)
    stranger = WitnessKey("dsb.example/zeuge", b"x" * 32)
    with pytest.raises(NotSafe, match="not confirmed by a witness"):
        succeeded(world, note, stranger)
    with pytest.raises(BadInput, match="no confirmed statement"):
        succeeded(world, statement.text(), far.key)
    assert world.one("SELECT count(*) FROM succession") == 0


def test_what_was_confirmed_must_still_be_the_case(world: World, far: Far, tmp_path: Path) -> None:
    lost(world, far, tmp_path / "before")
    statement = drafted(world, far)
    other = Statement(statement.last, 1, statement.new)
    with pytest.raises(Conflict, match="not what is the case now"):
        succeeded(world, confirm(far.memory, other.text(), NEW), far.key)
    with pytest.raises(BadInput, match="--vkey"), world.role("owner").transaction() as session:
        Ceremony(session, world.log, "musterstadt", SOON, (far.key,)).draft(statement.last, NEW)


def test_interrupted_after_the_commit_it_is_done_again_without_harm(world: World, far: Far, tmp_path: Path) -> None:
    lost(world, far, tmp_path / "before")
    statement = drafted(world, far)
    note = confirm(far.memory, statement.text(), NEW)
    succeeded(world, note, far.key)
    size = world.one("SELECT size FROM log_head")
    with pytest.raises(LogForked, match="memory is of log"):
        world.sign(Signer(world.state, NEW_KEY, SECOND))
    succeeded(world, note, far.key)  # again
    retire_memory(world.state, statement)
    assert signers_memory(world.state, ended_name(statement)) == statement.last
    succeeded(world, note, far.key, last=statement.last)  # and again
    assert world.one("SELECT size FROM log_head") == size
    assert world.sign(Signer(world.state, NEW_KEY, SECOND)) is not None
    other = Statement(statement.last, 2, SECOND)
    with pytest.raises(Conflict, match="begun already"):
        succeeded(world, confirm(far.memory, other.text(), NEW), far.key, last=statement.last)


# the witness's side ---------------------------------------------------------------------------------------------------


def test_the_witness_confirms_no_more_than_it_knows(world: World, far: Far, tmp_path: Path) -> None:
    lost(world, far, tmp_path / "before")
    last = drafted(world, far).last

    def refused(statement: Statement, key: str = NEW) -> str:
        with pytest.raises((WitnessError, NoteError)) as told:
            confirm(far.memory, statement.text(), key)
        return str(told.value)

    shorter = Checkpoint(ORIGIN, 4, last.root)
    assert "more is lost than it says" in refused(Statement(shorter, 3, SECOND))
    assert "second version" in refused(Statement(Checkpoint(ORIGIN, 5, b"x" * 32), 3, SECOND))
    strange = Statement(Checkpoint("other.example/1", 5, b"x" * 32), 3, "other.example/2")
    assert "never watched" in refused(strange, str(vkey_of("other.example/2", NEW_KEY)))
    assert "this is a key of" in refused(Statement(last, 3, SECOND), VKEY)
    assert "the successor of" in refused(Statement(last, 3, "flowlog.musterstadt.example/7"))
    assert "not a statement" in refused(Statement(last, 5, SECOND))
    assert far.memory.read().logs[ORIGIN].succeeded_by == ""


def test_an_ended_log_is_cosigned_no_more(world: World, far: Far, tmp_path: Path) -> None:
    lost(world, far, tmp_path / "before")
    statement = drafted(world, far)
    note = confirm(far.memory, statement.text(), NEW)
    assert confirm(far.memory, statement.text(), NEW) == note
    (world.state / "last_signed").unlink()
    world.sign(world.signer(adopt=True))
    with asking(world, far) as house:
        assert house.asks()[far.key.name][0] == "refused"


@pytest.mark.parametrize(
    "changed",
    [
        "",
        "proaktiv/succession/v2",
        "old a/1\nsigned 5 AAAA\n",
    ],
)
def test_what_is_no_statement_is_refused(changed: str) -> None:
    with pytest.raises(NoteError):
        Statement.parse(changed)


def test_a_statement_that_is_read_is_written_the_same() -> None:
    statement = Statement(Checkpoint(ORIGIN, 5, b"r" * 32), 3, SECOND)
    assert Statement.parse(statement.text()) == statement
    for wrong in (
        statement.text().replace("kept 3", "kept 03"),
        statement.text().replace("signed 5", "signed 3"),
        statement.text() + "\n",
    ):
        with pytest.raises(NoteError):
            Statement.parse(wrong)


@pytest.mark.parametrize(
    ("origin", "next_one"), [(ORIGIN, SECOND), ("a/9", "a/10"), ("a", "a/2"), ("a/09", "a/09/2"), ("a/b", "a/b/2")]
)
def test_a_successor_has_the_next_number(origin: str, next_one: str) -> None:
    assert successor_of(origin) == next_one
