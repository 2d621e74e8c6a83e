"""A second signer of one log, with another memory: whatever it is, no second continuation of the log is signed.

Source: flowlog.md §§ 0 (4), 5 (16).
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from proaktiv.clock import wall_clock
from proaktiv.core.errors import NotSafe
from proaktiv.database import Database
from proaktiv.flowlog.checkpoints import Checkpoint, open_checkpoint
from proaktiv.flowlog.signer import LOCK, MemoryBehind, Signer
from proaktiv.locks import SessionLock
from proaktiv.signing import SigningWorker
from tests.flowlog.conftest import ORIGIN, SIGNING_KEY, World, a_flow

_STORED = ("flow_log", "flow_secret", "flow_leaf", "tile")


def signed(world: World) -> dict[int, bytes]:
    """Size → root of what the database holds as signed."""
    vkey = world.signer().vkey
    return {size: open_checkpoint(note, vkey).root for size, note in world.rows("SELECT size, note FROM checkpoint")}


def knows(memory: Path) -> int:
    return Checkpoint.parse((memory / "last_signed").read_text()).size


def a_copy(world: World, to: Path) -> Path:
    """The memory as a backup holds it."""
    shutil.copytree(world.state, to)
    return to


@contextmanager
def taken_back(world: World) -> Iterator[None]:
    """Afterwards the log has its former content, as on a node that had not heard of the rest; what was signed stays."""
    backup = {table: world.rows(f"SELECT * FROM {table}") for table in _STORED}
    size, root = world.rows("SELECT size, root FROM log_head")[0]
    yield
    with world.role("owner").transaction() as session:
        connection = session.connection()
        for table in reversed(_STORED):
            connection.execute(text(f"DELETE FROM {table}"))
        for table, rows in backup.items():
            for row in rows:
                values = {f"v{number}": value for number, value in enumerate(row)}
                places = ", ".join(f":{name}" for name in values)
                connection.execute(text(f"INSERT INTO {table} VALUES ({places})"), values)
        connection.execute(text("UPDATE log_head SET size = :s, root = :r"), {"s": size, "r": root})


@pytest.mark.flowlog_test(16)
def test_an_older_memory_signs_nothing_and_says_what_to_do(world: World, tmp_path: Path) -> None:
    world.log_and_sign(a_flow(), a_flow())
    older = a_copy(world, tmp_path / "older")
    world.log_and_sign(a_flow())
    world.record(a_flow())
    world.integrate()
    for adopt in (False, True):
        with pytest.raises(MemoryBehind, match="3 entries were signed and this memory knows 2: end the other signer"):
            world.sign(Signer(older, SIGNING_KEY, ORIGIN, adopt=adopt))
    assert knows(older) == 2, "it learned nothing"
    assert sorted(signed(world)) == [2, 3]
    assert world.sign() is not None, "the first goes on"


@pytest.mark.parametrize(
    "careless",
    [
        pytest.param(False, id="asked", marks=pytest.mark.flowlog_test(16)),
        pytest.param(True, id="control: not asked", marks=pytest.mark.flowlog_control(16)),
    ],
)
def test_an_older_memory_would_sign_another_continuation(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, careless: bool
) -> None:
    world.log_and_sign(a_flow(), a_flow())
    older = Signer(a_copy(world, tmp_path / "older"), SIGNING_KEY, ORIGIN)
    with taken_back(world):
        world.log_and_sign(a_flow())
    world.record(a_flow(), a_flow())
    world.integrate()
    if careless:
        monkeypatch.setattr(Signer, "_check_newest", lambda *_: None)
        assert world.sign(older) is not None
        assert {what for what, _ in world.found()} != set(), "3 and 4 entries are signed, and tell two pasts"
        return
    with pytest.raises(MemoryBehind):
        world.sign(older)
    assert sorted(signed(world)) == [2, 3]


def test_two_signers_in_turn_are_one_too_many_and_the_later_memory_goes_on(world: World, tmp_path: Path) -> None:
    """Somebody adopted for a second machine while the first one ran: whoever is behind stops, whoever leads goes on."""
    world.log_and_sign(a_flow())
    second = Signer(tmp_path / "second", SIGNING_KEY, ORIGIN, adopt=True)
    world.record(a_flow())
    world.integrate()
    assert world.sign(second) is not None
    world.record(a_flow())
    world.integrate()
    with pytest.raises(MemoryBehind):
        world.sign()
    assert world.sign(second) is not None
    assert sorted(signed(world)) == [1, 2, 3]
    assert world.found() == []


# the workers ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def other(world: World) -> Iterator[Database]:
    """What the second machine has opened."""
    opened = Database(world.urls["sequencer"], "test-other", pool_size=2)
    yield opened
    opened.close()


def worker(database: Database, signer: Signer) -> SigningWorker:
    return SigningWorker(database, signer, SessionLock(database, LOCK), wall_clock)


def loses_its_line(lock: SessionLock, database: Database) -> None:
    with database.transaction() as session:
        session.connection().execute(text("SELECT pg_terminate_backend(:pid, 60000)"), {"pid": lock._pid})


def test_a_worker_that_lost_the_lock_signs_nothing_while_another_has_it(
    world: World, other: Database, tmp_path: Path
) -> None:
    first = worker(world.role("sequencer"), world.signer())
    world.record(a_flow())
    assert first.integrate() == 1
    loses_its_line(first.lock, other)
    second = worker(other, Signer(tmp_path / "second", SIGNING_KEY, ORIGIN, adopt=True))
    assert second.lock.ours()
    world.record(a_flow())
    with pytest.raises(NotSafe, match="another signing worker holds the lock"):
        first.integrate()
    assert sorted(signed(world)) == [1]
    assert second.integrate() == 1
    second.lock.close()
    with pytest.raises(MemoryBehind):
        first.integrate()
    first.lock.close()


def test_a_worker_that_lost_the_lock_takes_it_again_where_nobody_else_came(world: World, other: Database) -> None:
    first = worker(world.role("sequencer"), world.signer())
    loses_its_line(first.lock, other)
    world.record(a_flow())
    assert first.integrate() == 1
    assert not SessionLock(other, LOCK).ours()
    assert sorted(signed(world)) == [1]
    first.lock.close()
