import threading
from collections.abc import Callable, Iterable, Iterator

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlmodel import Session

from proaktiv.database import Database
from proaktiv.embedded import EmbeddedServer
from proaktiv.flowlog import signer
from proaktiv.locks import SessionLock, lock_keys, session_lock, try_lock_keys
from proaktiv.steps import retain
from proaktiv.tables import HOLDS_LOCK

A, B = b"aaaaaaaa-case", b"\xff" * 32
Lock = Callable[[Session, Iterable[bytes]], None]


@pytest.fixture
def other(urls: dict[str, str]) -> Iterator[Database]:
    opened = Database(urls["app"])
    yield opened
    opened.close()


def lock_in_given_order(session: Session, keys: Iterable[bytes]) -> None:
    for key in keys:
        lock_keys(session, [key])


def opposite_orders(database: Database, lock: Lock, rounds: int, *given: bytes) -> list[str]:
    """Let two threads take the same keys in opposite orders; return the errors they met."""
    errors: list[str] = []
    orders = ([*given], [*reversed(given)])
    start = threading.Barrier(2)

    def take(keys: list[bytes]) -> None:
        for _ in range(rounds):
            start.wait(30)
            try:
                with database.transaction() as session:
                    lock(session, keys[:1] if lock is lock_in_given_order else keys)
                    session.connection().execute(text("SELECT pg_sleep(0.02)"))
                    lock(session, keys[1:] if lock is lock_in_given_order else keys)
            except OperationalError as error:
                errors.append(str(error.orig))

    threads = [threading.Thread(target=take, args=(keys,)) for keys in orders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return errors


def test_two_that_lock_the_same_keys_in_opposite_orders_never_meet_in_a_deadlock(database: Database) -> None:
    assert opposite_orders(database, lock_keys, 10, A, B) == []


@pytest.mark.chaos
def test_control_without_one_order_they_do_meet_in_a_deadlock(database: Database) -> None:
    assert any("deadlock" in error for error in opposite_orders(database, lock_in_given_order, 1, A, B))


def test_a_key_is_ours_until_the_end_of_the_transaction_and_no_longer(database: Database, other: Database) -> None:
    with database.transaction() as holder:
        lock_keys(holder, [A])
        with other.transaction() as session:
            assert try_lock_keys(session, [A, B]) == {B}
    with other.transaction() as session:
        assert try_lock_keys(session, [A, B]) == {A, B}


ALIKE, ALSO = A + b"-another", A[:8] + b"\xff-a-third"


def test_keys_that_begin_alike_share_a_lock_and_hinder_nobody_but_one_another(
    database: Database, other: Database
) -> None:
    with database.transaction() as holder:
        lock_keys(holder, [A, ALIKE])
        lock_keys(holder, [ALSO])
        assert try_lock_keys(holder, [ALSO, ALIKE, B]) == {ALSO, ALIKE, B}, "what is held is given again"
        with other.transaction() as session:
            assert try_lock_keys(session, [ALIKE]) == try_lock_keys(session, [ALSO]) == frozenset()
            assert try_lock_keys(session, [b"elsewhere"]) == {b"elsewhere"}
    with other.transaction() as session:
        assert try_lock_keys(session, [ALIKE, ALSO]) == {ALIKE, ALSO}


def test_keys_that_begin_alike_bring_no_deadlock_in_whatever_order_they_come(database: Database) -> None:
    assert ALIKE < B < b"\xff" * 40
    assert opposite_orders(database, lock_keys, 10, ALSO, B, A, b"\xff" * 8 + b"!", ALIKE) == []


def test_no_two_locks_with_a_word_of_ours_begin_alike() -> None:
    words = [signer._TURN, retain._LOCK, HOLDS_LOCK]
    assert len({word[:8] for word in words}) == len(words)


def test_keys_may_come_twice_or_not_at_all(database: Database) -> None:
    with database.transaction() as session:
        lock_keys(session, [])
        lock_keys(session, [A, A])
        assert try_lock_keys(session, []) == frozenset()
        assert try_lock_keys(session, [A, A]) == {A}


def test_a_key_that_is_too_short_is_refused(database: Database) -> None:
    with database.transaction() as session:
        with pytest.raises(ValueError, match="at least 8 bytes"):
            lock_keys(session, [b"short"])
        with pytest.raises(ValueError, match="at least 8 bytes"):
            try_lock_keys(session, [A, b"short"])


def test_a_session_lock_has_one_holder_at_a_time(database: Database, other: Database) -> None:
    with session_lock(database, "signer") as first:
        assert first.ours()
        with session_lock(other, "signer") as second, session_lock(other, "sequencer") as another:
            assert not second.ours()
            assert another.ours()
        with session_lock(other, "signer") as third:  # whoever did not get it does not free it
            assert not third.ours()
        assert first.ours()
    with session_lock(other, "signer") as later:
        assert later.ours()


def test_a_session_lock_is_freed_when_its_holder_fails(database: Database, other: Database) -> None:
    with pytest.raises(ZeroDivisionError), session_lock(database, "signer"):
        raise ZeroDivisionError
    with session_lock(other, "signer") as free:
        assert free.ours()


def end(database: Database, lock: SessionLock) -> None:
    """The line of a holder dies, and the server notices."""
    assert lock._connection is not None
    with database.transaction() as session:
        session.connection().execute(text("SELECT pg_terminate_backend(:pid, 60000)"), {"pid": lock._pid})


def test_a_holder_whose_line_died_holds_nothing_and_takes_it_again_where_it_is_free(
    database: Database, other: Database
) -> None:
    with session_lock(database, "signer") as lost:
        end(database, lost)
        with session_lock(other, "signer") as next_one:
            assert next_one.ours()
            assert not lost.ours()
        assert lost.ours(), "free again"
        assert not SessionLock(other, "signer").ours()


def test_a_holder_that_only_looks_at_its_own_memory_would_go_on(database: Database, other: Database) -> None:
    """The red control: what it took once says nothing about now."""
    with session_lock(database, "signer") as lost:
        end(database, lost)
        with session_lock(other, "signer") as next_one:
            assert next_one.ours()
            assert lost._connection is not None


def test_a_session_lock_takes_no_place_in_the_pool(urls: dict[str, str]) -> None:
    small = Database(urls["app"], pool_size=1, pool_wait_seconds=0.01)
    with session_lock(small, "signer") as ours:
        assert ours.ours()
        with small.transaction() as session:
            assert session.connection().execute(text("SELECT 1")).scalar_one() == 1
    small.close()


def test_a_session_lock_does_not_stand_in_the_way_of_keys(database: Database, other: Database) -> None:
    with session_lock(database, "signer"), other.transaction() as session:
        held = session.connection().execute(text("SELECT classid, objid FROM pg_locks WHERE locktype = 'advisory'"))
        ((upper, lower),) = held
        assert try_lock_keys(session, [upper.to_bytes(4, "big") + lower.to_bytes(4, "big")])


@pytest.mark.chaos
def test_a_session_lock_is_free_as_soon_as_its_holders_connection_dies(
    database: Database, other: Database, postgres: EmbeddedServer
) -> None:
    with session_lock(database, "signer") as ours:
        assert ours.ours()
        with postgres._superuser() as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE locktype = 'advisory' AND granted"
            )
        with session_lock(other, "signer") as next_holder:
            assert next_holder.ours()
