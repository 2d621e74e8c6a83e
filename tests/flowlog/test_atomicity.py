"""A flow and its entry are one: killed between any two statements, both are there or neither; and nobody waits."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import event, text
from sqlalchemy.engine import Engine
from sqlmodel import Session

from proaktiv.core.flows import Flow, Kind
from proaktiv.core.keys import PersonKey
from proaktiv.database import Database
from proaktiv.flowlog.record import FlowLog
from tests.chaos.dying import die, in_own_process
from tests.depth import depth
from tests.flowlog.conftest import NOW, World, a_flow

_OUTBOX = text(
    "INSERT INTO deliveries (id, matter, purpose, channel, run, state, reason, tries, wire_id, flow_id, made_at,"
    " moved_at) VALUES (:id, :id, 'tell', 'LETTER', 1, 'announced', '', 0, '', :flow, now(), now())"
)


@contextmanager
def killed_before(nth: int) -> Iterator[None]:
    """Let this process die before its nth statement, COMMIT included, whoever says it: SQLAlchemy or we past it."""
    seen = 0

    def count(*_: object) -> None:
        nonlocal seen
        seen += 1
        if seen == nth:
            die()

    execute = psycopg.Cursor.execute

    def counted(*arguments: Any, **options: Any) -> Any:
        count()
        return execute(*arguments, **options)

    event.listen(Engine, "commit", count)
    psycopg.Cursor.execute = counted  # type: ignore[method-assign]
    yield


Business = Callable[[World, Database, PersonKey], None]


def in_one(world: World, database: Database, person: PersonKey) -> None:
    """Something is announced as the house does it."""
    with database.transaction() as session:
        session.connection().execute(text("UPDATE tasks SET how = 'x'"))
        (fid, *_) = world.another_process().record(session, flows(person), NOW)
        session.connection().execute(_OUTBOX, {"id": UUID(int=5), "flow": fid})


def in_two(world: World, database: Database, person: PersonKey) -> None:
    """The log is written first, in a transaction of its own."""
    with database.transaction() as session:
        (fid, *_) = world.another_process().record(session, flows(person), NOW)
    with database.transaction() as session:
        session.connection().execute(_OUTBOX, {"id": UUID(int=5), "flow": fid})


def flows(person: PersonKey) -> list[Flow]:
    return [a_flow(kind=Kind.AUTHORISED, person=person), a_flow(person=person), a_flow()]


def deaths(world: World, business: Business) -> Iterator[tuple[int, ...]]:
    """Yield what is there after a death before the first statement, the second … until one lives; undone between."""
    for nth in range(1, 60):
        person = world.a_person()

        def work(nth: int = nth, person: PersonKey = person) -> None:
            database = Database(world.urls["app"])
            with killed_before(nth):
                business(world, database, person)

        ended = in_own_process(work)
        yield tuple(
            world.one(f"SELECT count(*) FROM {table}")
            for table in ("deliveries", "flow_log", "flow_secret", "flow_queue", "subject_heads")
        )
        world.integrate()
        world.sign()
        assert world.verify_opened([person]) == [], f"died before statement {nth}"
        sizes = world.rows("SELECT count(*), coalesce(max(idx) + 1, 0) FROM flow_leaf")
        assert sizes[0][0] == sizes[0][1], "gap-free"
        if ended == 0:
            return
        assert ended == -signal.SIGKILL
        forget(world)
    raise AssertionError("it never lived")


def forget(world: World) -> None:
    """Begin the log anew, as if nothing had ever been written."""
    with world.role("owner").transaction() as session:
        session.connection().execute(
            text(
                "TRUNCATE deliveries, flow_log, flow_secret, flow_queue, flow_leaf, subject_heads, tile, checkpoint"
                " CASCADE"
            )
        )
        session.connection().execute(text("UPDATE log_head SET size = 0, root = sha256('')"))
    (world.state / "last_signed").unlink(missing_ok=True)


@pytest.mark.chaos
@pytest.mark.flowlog_test(8)
def test_a_kill_between_any_two_statements_leaves_the_flow_and_its_entries_or_nothing(world: World) -> None:
    seen = list(deaths(world, in_one))
    assert len(seen) > 8, "statements were counted"
    assert set(seen[:-1]) == {(0, 0, 0, 0, 0)}
    assert seen[-1] == (1, 3, 3, 3, 1)


@pytest.mark.chaos
@pytest.mark.flowlog_control(8)
def test_control_a_log_in_a_transaction_of_its_own_is_left_alone_by_some_death(world: World) -> None:
    assert (0, 3, 3, 3, 1) in set(deaths(world, in_two))


# nobody waits for somebody else's transaction -------------------------------------------------------------------------

WRITERS = depth(8, 12)


def meet(world: World, before: Callable[[Session], object], patience: float) -> int:
    """Let writers record, each about a person of its own, and stay in their transactions; return how many met there.

    Whoever holds a lock until commit that others need meets nobody.
    """
    people = [world.a_person() for _ in range(WRITERS)]
    barrier = threading.Barrier(WRITERS)
    met: list[int] = []

    def write(number: int) -> None:
        log: FlowLog = world.another_process()
        try:
            with world.role("app").transaction() as session:
                before(session)
                log.record(session, [a_flow(person=people[number]), a_flow()], NOW)
                barrier.wait(patience)
                met.append(number)
        except threading.BrokenBarrierError:
            return

    threads = [threading.Thread(target=write, args=(number,)) for number in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(met)


@pytest.mark.flowlog_test(10)
def test_writers_about_different_people_are_all_in_their_transactions_at_once(world: World) -> None:
    assert meet(world, lambda _session: None, 60) == WRITERS
    world.integrate()
    world.sign()
    assert world.verify().ok


@pytest.mark.flowlog_control(10)
def test_control_with_one_lock_for_the_whole_log_each_waits_for_the_one_before(world: World) -> None:
    chained = text("SELECT pg_advisory_xact_lock(1)")  # as a counter or a hash chain would need one
    assert meet(world, lambda session: session.connection().execute(chained), 1) == 0
