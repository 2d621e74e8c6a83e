"""The signer's memory is lost: the witness's word brings it back, or takes its place when the log has to end."""

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from proaktiv.core.errors import BadInput, Conflict, NotSafe
from proaktiv.flowlog.ceremonies.remembering import FRESH, read, refuse_kept, remember, set_aside_unreadable, tell
from proaktiv.flowlog.ceremonies.succeeding import Ceremony
from proaktiv.flowlog.ceremonies.succession import Statement, confirm
from proaktiv.flowlog.checkpoints import Checkpoint, sign_note
from proaktiv.flowlog.signer import MemoryBehind, MemoryLost, Signer, memory_in
from proaktiv.flowlog.tiles import LogBroken
from proaktiv.flowlog.verifying.policy import Policy
from proaktiv.flowlog.verifying.whole import verify_database
from proaktiv.flowlog.vouching.cosignatures import WitnessKey
from proaktiv.flowlog.vouching.memory import WitnessError
from tests.flowlog.conftest import ORIGIN, SIGNING_KEY, World, a_flow
from tests.flowlog.exports import VKEY
from tests.flowlog.test_succession import NEW, NEW_KEY, SECOND, backup, restore
from tests.flowlog.vouching import SOON, Far, a_witness, asking

TRUSTED = Policy.of(VKEY)
MEMORY = "last_signed"


@pytest.fixture
def far(tmp_path: Path) -> Iterator[Far]:
    with a_witness(tmp_path / "zeuge") as far:
        yield far


def word(far: Far, at: datetime = SOON) -> str:
    return tell(far.memory, ORIGIN, at)


def brought_back(world: World, *fars: Far, told: list[str] | None = None, now: datetime = SOON) -> Checkpoint:
    """What `proaktiv log remember` does."""
    said = read(told or [word(far) for far in fars], [far.key for far in fars], TRUSTED)
    with world.role("sequencer").transaction() as session:
        return remember(session, world.state, ORIGIN, TRUSTED, said, now)


def a_log(world: World, *fars: Far) -> None:
    """Three entries that every witness cosigned, and two more that were signed alone."""
    with asking(world, *fars) as house:
        house.signs(a_flow(), a_flow(), a_flow())
        house.asks()
        house.signs(a_flow(), a_flow())


def a_loss(world: World, far: Far) -> None:
    """Five are signed and cosigned; a backup brings back three; the memory is gone; another comes in."""
    with asking(world, far) as house:
        house.signs(a_flow(), a_flow())
        house.asks()
        house.signs(a_flow())
        kept = backup(world)
        house.signs(a_flow(), a_flow())
        house.asks()
    restore(world, kept)
    (world.state / MEMORY).unlink()
    world.record(a_flow())
    world.integrate()


def a_ceremony(world: World, far: Far, act: str, *words: object, keys: tuple[WitnessKey, ...] = ()) -> Statement:
    with world.role("owner").transaction() as session:
        ceremony = Ceremony(session, world.log, "musterstadt", SOON, keys or (far.key,))
        said = ceremony.witnessed([word(far)], VKEY)
        found: Statement = getattr(ceremony, act)(said.last, VKEY, *words, by_witness=said.witness)
        return found


# only the memory is lost ----------------------------------------------------------------------------------------------


@pytest.mark.flowlog_test(17)
def test_a_lost_memory_is_brought_back_by_the_witness_and_the_log_goes_on(world: World, far: Far) -> None:
    a_log(world, far)
    (world.state / MEMORY).unlink()
    with pytest.raises(MemoryLost, match="log remember"):
        world.sign()
    assert brought_back(world, far).size == 5  # the newest that was signed here and continues what was cosigned
    world.record(a_flow())
    world.integrate()
    assert world.sign() is not None
    with asking(world, far) as house:
        assert house.asks() == {far.key.name: ("cosigned", 6)}


@pytest.mark.parametrize("left", [b"", b"\xff\xfe", b"flowlog\n3\n"])
def test_an_unreadable_memory_is_kept_beside_the_new_one(world: World, far: Far, left: bytes) -> None:
    a_log(world, far)
    (world.state / MEMORY).write_bytes(left)
    brought_back(world, far)
    (before,) = world.state.glob("before-*")
    assert before.read_bytes() == left
    world.record(a_flow())
    world.integrate()
    assert world.sign() is not None


def test_an_older_copy_of_the_memory_is_brought_up(world: World, far: Far) -> None:
    world.log_and_sign(a_flow())
    older = (world.state / MEMORY).read_bytes()
    a_log(world, far)
    (world.state / MEMORY).write_bytes(older)
    with pytest.raises(MemoryBehind, match="log remember"):
        world.sign()
    assert brought_back(world, far).size == 6
    assert memory_in(world.state) is not None


def test_a_memory_that_is_there_is_not_replaced(world: World, far: Far) -> None:
    a_log(world, far)
    before = (world.state / MEMORY).read_bytes()
    with pytest.raises(Conflict, match="knows all of this"):
        brought_back(world, far)
    assert (world.state / MEMORY).read_bytes() == before


def test_a_checkpoint_that_was_not_stored_any_more_is_remembered_by_the_witness(world: World, far: Far) -> None:
    with asking(world, far) as house:
        house.signs(a_flow(), a_flow())
        house.asks()
    world.as_owner("DELETE FROM cosignature")
    world.as_owner("DELETE FROM checkpoint")
    (world.state / MEMORY).unlink()
    assert brought_back(world, far).size == 2
    assert world.sign() is not None


def test_a_database_that_was_set_back_is_refused(world: World, far: Far) -> None:
    a_loss(world, far)
    with pytest.raises(NotSafe, match="does not hold the 5 entries"):
        brought_back(world, far)
    world.record(*(a_flow() for _ in range(7)))  # grown past it: another past
    world.integrate()
    with pytest.raises(NotSafe, match="does not hold the 5 entries"):
        brought_back(world, far)
    assert memory_in(world.state) is None


@pytest.mark.flowlog_control(17)
def test_control_without_the_look_into_the_tree_a_log_that_was_set_back_would_be_signed_on(
    world: World, far: Far, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_loss(world, far)
    world.record(*(a_flow() for _ in range(7)))
    world.integrate()
    monkeypatch.setattr("proaktiv.flowlog.ceremonies.remembering.contains", lambda *_: True)
    monkeypatch.setattr("proaktiv.flowlog.signer.verify_consistency", lambda *_: True)
    brought_back(world, far)
    assert world.sign() is not None
    with asking(world, far) as house:
        assert house.asks() == {far.key.name: ("behind", 5)}
        assert house.asks() == {far.key.name: ("contradicts", 5)}  # the proof from there does not lead here


def test_a_tree_that_does_not_give_its_head_is_refused(world: World, far: Far) -> None:
    a_log(world, far)
    (world.state / MEMORY).unlink()
    world.as_owner("UPDATE log_head SET root = sha256('x'::bytea)")
    with pytest.raises(LogBroken):
        brought_back(world, far)


def test_a_checkpoint_of_another_key_in_the_database_is_refused(world: World, far: Far) -> None:
    a_log(world, far)
    (world.state / MEMORY).unlink()
    root = bytes(world.one("SELECT root FROM log_head"))
    forged = sign_note(Checkpoint(ORIGIN, 5, root).text(), ORIGIN, NEW_KEY)
    world.as_owner("UPDATE checkpoint SET note = :note WHERE size = 5", note=forged)
    with pytest.raises(NotSafe, match="is not this log's"):
        brought_back(world, far)


# whose word counts ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", [SOON - FRESH - timedelta(minutes=1), SOON + timedelta(minutes=10)])
def test_a_word_of_yesterday_or_of_tomorrow_makes_no_memory(world: World, far: Far, at: datetime) -> None:
    a_log(world, far)
    (world.state / MEMORY).unlink()
    with pytest.raises(NotSafe, match="let it tell again"):
        brought_back(world, far, told=[word(far, at)])


def test_every_witness_of_the_house_is_heard(world: World, far: Far, tmp_path: Path) -> None:
    with a_witness(tmp_path / "second", "land.example/zeuge") as second:
        a_log(world, far, second)
        with asking(world, second) as house:
            house.asks()
        (world.state / MEMORY).unlink()
        with pytest.raises(NotSafe, match=r"the word of land\.example/zeuge is missing"):
            brought_back(world, far, second, told=[word(far)])
        assert [each.last.size for each in read([word(far), word(second)], [far.key, second.key], TRUSTED)] == [5, 3]
        assert brought_back(world, far, second).size == 5


def test_two_witnesses_of_two_logs_are_a_second_version(world: World, far: Far, tmp_path: Path) -> None:
    with a_witness(tmp_path / "second", "land.example/zeuge") as second:
        with asking(world, far) as house:
            house.signs(a_flow())
            house.asks()
        note = sign_note(Checkpoint(ORIGIN, 1, b"x" * 32).text(), ORIGIN, SIGNING_KEY)
        assert second.behave(f"old 0\n\n{note}".encode()).status == 200
        with pytest.raises(NotSafe, match="second version"):
            read([word(far), word(second)], [far.key, second.key], TRUSTED)


def test_nobody_else_can_say_it(world: World, far: Far) -> None:
    a_log(world, far)
    told = word(far)
    with pytest.raises(NotSafe, match="name the DSB's witness"):
        read([told], [], TRUSTED)
    with pytest.raises(NotSafe, match="no witness of the house says this"):
        read([told], [WitnessKey(far.key.name, b"x" * 32)], TRUSTED)
    with pytest.raises(NotSafe, match="no witness of the house says this"):
        read([told.replace("\n3\n", "\n2\n")], [far.key], TRUSTED)
    with pytest.raises(NotSafe, match="not signed by a key of this log"):
        read([told], [far.key], Policy.of(NEW))
    cosigned = world.one("SELECT note FROM checkpoint WHERE size = 3") + world.one("SELECT line FROM cosignature")
    with pytest.raises((NotSafe, BadInput)):
        read([cosigned], [far.key], TRUSTED)  # what anybody reads under /log/checkpoint is not its last word


@pytest.mark.parametrize(
    "text",
    [
        "",
        "proaktiv/remembered/v2\nat 2026-10-14T08:30:00Z\n\n{note}",
        "proaktiv/remembered/v1\nat 2026-10-14T08:30:00+\n\n{note}",
        "proaktiv/remembered/v1\nat 2026-13-14T08:30:00Z\n\n{note}",
        "proaktiv/succession/v1\nold a/1\n",
        "{note}",
    ],
)
def test_what_is_no_word_of_a_witness_is_refused_though_it_signed_it(world: World, far: Far, text: str) -> None:
    a_log(world, far)
    note = world.one("SELECT note FROM checkpoint WHERE size = 3")
    signed = sign_note(text.format(note=note), far.key.name, far.memory.key())
    with pytest.raises(BadInput, match="witness tell"):
        read([signed], [far.key], TRUSTED)


def test_a_witness_tells_of_what_it_cosigned_alone(world: World, far: Far) -> None:
    with pytest.raises(WitnessError, match="nothing of"):
        word(far)
    with pytest.raises(WitnessError, match="never watched"):
        tell(far.memory, "other.example/1", SOON)
    a_log(world, far)
    (said,) = read([word(far)], [far.key], TRUSTED)
    assert (said.last.size, said.at, said.witness, said.ended) == (3, SOON.replace(microsecond=0), far.key.name, "")


# entries are lost, too ------------------------------------------------------------------------------------------------


@pytest.mark.flowlog_test(17)
def test_without_the_memory_a_log_ends_where_the_witness_cosigned_last(world: World, far: Far) -> None:
    a_loss(world, far)
    statement = a_ceremony(world, far, "draft")
    # The third entry is there and signed, but nobody outside saw it: the key alone could have signed it since.
    assert (statement.last.size, statement.kept, statement.memory_lost) == (5, 2, True)
    note = confirm(far.memory, statement.text(), NEW)
    assert a_ceremony(world, far, "succeed", note, "Frau Beispiel") == statement
    assert a_ceremony(world, far, "succeed", note, "Frau Beispiel") == statement  # interrupted, and done again
    set_aside_unreadable(world.state)
    signer = Signer(world.state, NEW_KEY, SECOND)
    world.sign(signer)
    with world.role("reader").transaction() as session:
        report = verify_database(session, NEW)
    assert report.ok, report.text()
    assert report.size == 1 + 4
    facts = json.loads(world.one("SELECT f_bytes FROM flow_log JOIN flow_leaf USING (fid) WHERE idx = 0"))
    assert facts["n"] == 3
    assert re.fullmatch(rf"old {re.escape(ORIGIN)} signed 5 \S+ lost 2-4 confirmed \S+ memory lost", facts["outcome"])
    with asking(world, far, signer=signer) as house:
        assert house.asks() == {far.key.name: ("cosigned", 5)}
    with pytest.raises(NotSafe, match="which has ended"):
        brought_back(world, far)


def test_where_nothing_but_the_memory_is_lost_no_log_ends(world: World, far: Far) -> None:
    a_log(world, far)
    (world.state / MEMORY).unlink()
    with pytest.raises(Conflict, match="log remember"):
        a_ceremony(world, far, "draft")


@pytest.mark.flowlog_test(17)
def test_history_that_was_rewritten_before_the_memory_was_lost_does_not_count_as_kept(world: World, far: Far) -> None:
    """Whoever holds database, backups and the signing key tries to have another past confirmed by a loss."""
    a_loss(world, far)
    for table in ("flow_queue", "cosignature", "checkpoint", "tile", "flow_leaf"):
        with world.role("owner").transaction() as session:
            session.connection().exec_driver_sql(f"DELETE FROM {table}")
    world.as_owner("UPDATE log_head SET size = 0, root = sha256(''::bytea)")
    world.record(*(a_flow() for _ in range(4)))
    world.integrate()
    world.sign(Signer(world.state.parent / "thief", SIGNING_KEY, ORIGIN))
    statement = a_ceremony(world, far, "draft")
    assert (statement.last.size, statement.kept, statement.lost) == (5, 0, "0-4")


@pytest.mark.flowlog_control(17)
def test_control_with_signatures_alone_the_rewritten_history_would_count_as_kept(
    world: World, far: Far, monkeypatch: pytest.MonkeyPatch
) -> None:
    test_history_that_was_rewritten_before_the_memory_was_lost_does_not_count_as_kept(world, far)
    with world.role("owner").transaction() as session:
        ceremony = Ceremony(session, world.log, "musterstadt", SOON, (far.key,))
        (said,) = read([word(far)], [far.key], TRUSTED)
        assert ceremony.draft(said.last, VKEY).kept == 4


@pytest.mark.flowlog_test(17)
def test_a_fork_that_was_signed_cannot_be_passed_off_as_a_loss(world: World, far: Far) -> None:
    a_loss(world, far)
    world.record(a_flow(), a_flow())
    world.integrate()
    assert world.sign(world.signer(adopt=True)) is not None  # six entries, of another past than the five
    (world.state / MEMORY).unlink()
    with pytest.raises(NotSafe, match="second version"):
        a_ceremony(world, far, "draft")


@pytest.mark.flowlog_control(17)
def test_control_without_that_look_the_fork_would_end_as_a_loss(
    world: World, far: Far, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proaktiv.flowlog.ceremonies.succeeding._refuse_second_version", lambda *_: None)
    a_loss(world, far)
    world.record(a_flow(), a_flow())
    world.integrate()
    world.sign(world.signer(adopt=True))
    (world.state / MEMORY).unlink()
    statement = a_ceremony(world, far, "draft")
    assert a_ceremony(world, far, "succeed", confirm(far.memory, statement.text(), NEW), "Frau Beispiel") == statement


def test_the_witness_confirms_without_a_memory_exactly_what_it_cosigned_last(world: World, far: Far) -> None:
    a_loss(world, far)
    statement = a_ceremony(world, far, "draft")
    for other in (
        Checkpoint(ORIGIN, 4, statement.last.root),  # an older word, played again
        Checkpoint(ORIGIN, 6, statement.last.root),  # more than it knows
        Checkpoint(ORIGIN, 5, b"x" * 32),
    ):
        with pytest.raises(WitnessError, match="exactly these"):
            confirm(far.memory, Statement(other, 2, SECOND, memory_lost=True).text(), NEW)
    assert far.memory.read().logs[ORIGIN].succeeded_by == ""


def test_a_confirmation_with_a_memory_does_not_serve_without_one(world: World, far: Far) -> None:
    a_loss(world, far)
    statement = a_ceremony(world, far, "draft")
    other = Statement(statement.last, statement.kept, statement.new)
    note = confirm(far.memory, other.text(), NEW)
    with pytest.raises(Conflict, match="not what is the case now"):
        a_ceremony(world, far, "succeed", note, "Frau Beispiel")
    assert world.one("SELECT count(*) FROM succession") == 0


def test_the_memory_must_really_be_lost(world: World, far: Far) -> None:
    a_log(world, far)
    with pytest.raises(Conflict, match="leave out --memory-lost"):
        refuse_kept(world.state, ORIGIN)
    refuse_kept(world.state, "other.example/1")
    (world.state / MEMORY).write_bytes(b"\xff")
    refuse_kept(world.state, ORIGIN)
    set_aside_unreadable(world.state)
    assert [place.read_bytes() for place in world.state.glob("unreadable-*")] == [b"\xff"]
    assert not (world.state / MEMORY).exists()
    set_aside_unreadable(world.state)  # and again, with nothing there
    refuse_kept(world.state, ORIGIN)


def test_a_statement_without_a_memory_is_read_as_it_is_written() -> None:
    statement = Statement(Checkpoint(ORIGIN, 5, b"r" * 32), 3, SECOND, memory_lost=True)
    assert Statement.parse(statement.text()) == statement
    assert Statement.parse(statement.text().removesuffix("memory lost\n")) != statement
