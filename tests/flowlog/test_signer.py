"""The signer tells one story, and remembers it where the database cannot reach."""

from pathlib import Path

import pytest
from sqlalchemy import text

from proaktiv.flowlog.checkpoints import Checkpoint, open_checkpoint
from proaktiv.flowlog.signer import (
    PROBES,
    LogForked,
    LogShrunk,
    MemoryLost,
    NotCommitted,
    Signer,
    SigningRefused,
)
from proaktiv.flowlog.tiles import LogBroken
from tests.flowlog.conftest import NOW, ORIGIN, SIGNING_KEY, World, a_flow

TABLES = ("tile", "flow_leaf", "log_head", "checkpoint", "flow_queue", "flow_secret", "flow_log")


def notes(world: World) -> dict[int, str]:
    return {size: note for size, note in world.rows("SELECT size, note FROM checkpoint")}  # noqa: C416 - rows are tuples


def evidence(world: World) -> list[str]:
    return [file.read_text() for file in sorted(world.state.glob("refused-*.txt"))]


def wipe(world: World) -> None:
    """An attacker with the database, or an operator with an old dump, starts anew."""
    for table in TABLES:
        if table != "log_head":
            with world.role("owner").transaction() as session:
                session.connection().execute(text(f"DELETE FROM {table}"))
    world.as_owner("UPDATE log_head SET size = 0, root = sha256(''::bytea)")


def test_each_growth_is_signed_once(world: World) -> None:
    world.record(a_flow(), a_flow())
    world.integrate()
    note = world.sign()
    assert note is not None
    assert open_checkpoint(note, world.signer().vkey).size == 2
    assert world.sign() is None
    world.log_and_sign(a_flow())
    assert sorted(notes(world)) == [2, 3]
    assert notes(world)[2] == note


def test_an_empty_log_is_not_signed(world: World) -> None:
    assert world.sign() is None
    assert notes(world) == {}


def test_what_is_not_committed_is_not_signed(world: World) -> None:
    world.record(a_flow())
    world.integrate()
    with world.role("sequencer").transaction() as session:
        session.connection().execute(text("UPDATE log_head SET size = size"))
        with pytest.raises(NotCommitted):
            world.signer().sign(session, NOW)
    assert not (world.state / "last_signed").exists()


@pytest.mark.flowlog_test(16)
def test_another_past_is_refused_and_kept_as_evidence(world: World) -> None:
    world.log_and_sign(*(a_flow() for _ in range(3)))
    wipe(world)
    world.record(*(a_flow() for _ in range(5)))
    world.integrate()
    for _ in range(2):
        with pytest.raises(LogForked, match="first 3"):
            world.sign()
    assert notes(world) == {}
    assert len(evidence(world)) == 1
    assert Checkpoint.parse((world.state / "last_signed").read_text()).size == 3


@pytest.mark.flowlog_test(16)
def test_another_root_of_the_same_size_is_refused(world: World) -> None:
    world.log_and_sign(*(a_flow() for _ in range(3)))
    wipe(world)
    world.record(*(a_flow() for _ in range(3)))
    world.integrate()
    with pytest.raises(LogForked):
        world.sign()


@pytest.mark.flowlog_test(16)
def test_a_smaller_log_is_refused(world: World) -> None:
    world.log_and_sign(*(a_flow() for _ in range(3)))
    wipe(world)
    with pytest.raises(LogShrunk, match="3 entries were signed, the database holds 0"):
        world.sign()
    world.record(a_flow())
    world.integrate()
    with pytest.raises(LogShrunk):
        world.sign()
    assert len(evidence(world)) == 2
    assert "\n3\n" in evidence(world)[0]


@pytest.mark.flowlog_control(16)
def test_control_a_signer_that_does_not_compare_signs_the_fork(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.log_and_sign(*(a_flow() for _ in range(3)))
    wipe(world)
    world.record(*(a_flow() for _ in range(5)))
    world.integrate()
    monkeypatch.setattr(Signer, "_check_grown", lambda *_: None)
    assert world.sign() is not None
    assert world.found() == []  # and nobody inside the house can tell


@pytest.mark.flowlog_test(16)
def test_evidence_holds_no_signature_over_what_was_refused(world: World) -> None:
    world.log_and_sign(*(a_flow() for _ in range(3)))
    wipe(world)
    world.record(*(a_flow() for _ in range(3)))
    world.integrate()
    with pytest.raises(LogForked):
        world.sign()
    signed, refused = evidence(world)[0].removeprefix("signed:\n").split("\nrefused:\n")
    assert open_checkpoint(signed, world.signer().vkey).size == 3
    assert "—" not in refused


@pytest.mark.flowlog_test(14)
def test_a_head_that_the_tiles_do_not_give_is_refused(world: World) -> None:
    world.record(a_flow())
    world.integrate()
    world.as_owner("UPDATE log_head SET root = sha256('x'::bytea)")
    with pytest.raises(LogBroken):
        world.sign()
    world.as_owner("DELETE FROM log_head")
    with pytest.raises(LogBroken):
        world.sign()


def test_another_checkpoint_of_the_same_size_is_refused(world: World) -> None:
    world.log_and_sign(a_flow())
    world.as_owner("UPDATE checkpoint SET note = 'x'")
    with pytest.raises(LogForked, match="another checkpoint"):
        world.sign()


class Crash(BaseException):
    """The process is gone at this point."""


@pytest.mark.flowlog_test(18)
@pytest.mark.parametrize("place", PROBES)
def test_after_a_crash_the_same_bytes_are_signed(world: World, tmp_path: Path, place: str) -> None:
    world.log_and_sign(a_flow())
    world.record(a_flow(), a_flow())
    world.integrate()

    def crash(name: str) -> None:
        if name == place:
            raise Crash

    with pytest.raises(Crash):
        world.sign(probe=crash)
    assert sorted(notes(world)) == [1]
    note = world.sign()
    undisturbed = Signer(tmp_path / "another", SIGNING_KEY, ORIGIN, adopt=True)
    world.as_owner("DELETE FROM checkpoint WHERE size = 3")
    assert note is not None
    assert world.sign(undisturbed) == note


def test_a_crash_before_storing_does_not_stop_a_log_that_grew_meanwhile(world: World) -> None:
    world.record(a_flow())
    world.integrate()

    def crash(name: str) -> None:
        if name == "signer.publish.before":
            raise Crash

    with pytest.raises(Crash):
        world.sign(probe=crash)
    world.log_and_sign(a_flow())
    assert sorted(notes(world)) == [2]
    assert world.found() == []


def test_the_memory_is_written_before_the_signature_exists(world: World) -> None:
    world.record(a_flow())
    world.integrate()
    remembered: dict[str, bool] = {}
    world.sign(probe=lambda name: remembered.__setitem__(name, (world.state / "last_signed").exists()))
    assert remembered == {
        "signer.remember.before": False,
        "signer.remember.after": True,
        "signer.publish.before": True,
        "signer.publish.after": True,
    }


def test_an_empty_memory_beside_a_signed_log_is_refused_unless_people_adopt_it(world: World, tmp_path: Path) -> None:
    world.log_and_sign(a_flow(), a_flow())
    world.record(a_flow())
    world.integrate()
    moved = Signer(tmp_path / "moved", SIGNING_KEY, ORIGIN)
    with pytest.raises(MemoryLost, match="adopt"):
        world.sign(moved)
    assert world.sign(Signer(tmp_path / "moved", SIGNING_KEY, ORIGIN, adopt=True)) is not None
    assert world.sign(moved) is None


def test_adopting_still_refuses_a_forged_checkpoint_and_another_past(world: World, tmp_path: Path) -> None:
    world.log_and_sign(a_flow(), a_flow())
    note = notes(world)[2]
    wipe(world)
    world.record(*(a_flow() for _ in range(3)))
    world.integrate()
    world.as_owner("INSERT INTO checkpoint (size, note, published_at) VALUES (2, :note, now())", note=note)
    with pytest.raises(LogForked):
        world.sign(Signer(tmp_path / "moved", SIGNING_KEY, ORIGIN, adopt=True))
    world.as_owner("UPDATE checkpoint SET note = left(note, -3)")
    with pytest.raises(MemoryLost, match="cannot be adopted"):
        world.sign(Signer(tmp_path / "moved", SIGNING_KEY, ORIGIN, adopt=True))


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"flowlog\n3\n"])
def test_an_unreadable_memory_is_refused_even_when_adopting(world: World, content: bytes) -> None:
    world.log_and_sign(a_flow())
    (world.state / "last_signed").write_bytes(content)
    with pytest.raises(MemoryLost, match="unreadable"):
        world.sign(world.signer(adopt=True))


def test_the_memory_of_another_log_is_refused(world: World) -> None:
    world.log_and_sign(a_flow())
    with pytest.raises(SigningRefused, match="memory is of log"):
        world.sign(Signer(world.state, SIGNING_KEY, "flowlog.musterstadt.example/2"))


@pytest.mark.flowlog_test(16)
@pytest.mark.flowlog_test(17)
def test_a_restored_backup_is_refused_however_it_grows(world: World) -> None:
    world.log_and_sign(a_flow(), a_flow())
    backup = {table: world.rows(f"SELECT * FROM {table}") for table in ("flow_log", "flow_secret", "flow_leaf", "tile")}
    head = world.rows("SELECT size, root FROM log_head")[0]
    world.log_and_sign(a_flow(), a_flow())
    wipe(world)
    with world.role("owner").transaction() as session:
        for table, rows in backup.items():
            for row in rows:
                values = {f"v{number}": value for number, value in enumerate(row)}
                places = ", ".join(f":{name}" for name in values)
                session.connection().execute(text(f"INSERT INTO {table} VALUES ({places})"), values)
        session.connection().execute(text("UPDATE log_head SET size = :s, root = :r"), {"s": head[0], "r": head[1]})
    with pytest.raises(LogShrunk):
        world.sign()
    world.record(*(a_flow() for _ in range(4)))
    world.integrate()
    with pytest.raises(LogForked):
        world.sign()
