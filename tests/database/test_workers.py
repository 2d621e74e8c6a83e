import secrets
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from sqlalchemy import event, insert, text

from proaktiv.database import Database, DatabaseAway
from proaktiv.embedded import EmbeddedServer
from proaktiv.locks import try_lock_keys
from proaktiv.tables import FlowLogRow, LookupRow, core_table
from proaktiv.workers import Identity, dead_workers

NOW = datetime(2026, 10, 14, 9, 0, tzinfo=UTC)
LOOKUPS = core_table(LookupRow)
NOBODYS = 4711  # small: what is drawn at random in these tests is not


@pytest.fixture
def identities(database: Database) -> Iterator[Callable[[], Identity]]:
    made: list[Identity] = []

    def make() -> Identity:
        made.append(Identity(database, secrets.token_bytes))
        return made[-1]

    yield make
    for identity in made:
        identity.close()


def announced(database: Database, worker: int | None, state: str = "announced") -> None:
    fid = uuid4()
    entry = {
        **dict.fromkeys(("sender", "receiver", "purpose", "basis", "scope", "outcome"), ""),
        "fid": fid,
        "kind": 1,
        "t": NOW,
        "f_salt": bytes(32),
        "f_bytes": b"{}",
        "entry": bytes(115),
    }
    with database.transaction() as session:
        session.connection().execute(insert(core_table(FlowLogRow)), [entry])
        session.connection().execute(
            insert(LOOKUPS),
            [
                {
                    "id": uuid4(), "person": UUID(int=1), "register_name": "MELDEREGISTER", "names": [],
                    "state": state, "due_at": NOW, "lease_until": NOW, "wire_id": "", "flow_id": fid,
                    "worker": worker,
                }
            ],
        )  # fmt: skip


def dead(database: Database) -> frozenset[int]:
    with database.transaction() as session:
        return dead_workers(session, LOOKUPS)


def end_connection(postgres: EmbeddedServer, number: int) -> None:
    with postgres._superuser() as connection:
        ended = connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE locktype = 'advisory' AND objid::bigint = %s",
            [number],
        ).fetchall()
    assert ended == [(True,)]


def test_a_worker_keeps_its_number_and_no_two_have_the_same(identities: Callable[[], Identity]) -> None:
    one, other = identities(), identities()
    assert one.number() == one.number() != other.number()


def test_a_number_that_somebody_holds_is_not_taken(database: Database) -> None:
    drawn = iter([b"\x00\x00\x00\x02", b"\x00\x00\x00\x02", b"\xff\xff\xff\xff"])
    one, other = (Identity(database, lambda _: next(drawn)) for _ in range(2))
    assert (one.number(), other.number()) == (1, 2**31 - 1)
    announced(database, 1)
    announced(database, 2**31 - 1)
    assert dead(database) == frozenset()
    one.close()
    other.close()


def test_a_worker_is_dead_when_its_lock_is_free(database: Database, identities: Callable[[], Identity]) -> None:
    living, closed = identities(), identities()
    numbers = living.number(), closed.number()
    for number in (*numbers, NOBODYS):
        announced(database, number)
    assert dead(database) == {NOBODYS}
    closed.close()
    for _ in range(1000):
        if len(dead(database)) == 2:
            break
        time.sleep(0.01)  # PostgreSQL frees it a moment after we have closed
    assert dead(database) == {NOBODYS, numbers[1]}


def test_only_workers_with_announced_rows_are_looked_for(database: Database) -> None:
    announced(database, None)
    announced(database, NOBODYS, state="answered")
    asked: list[str] = []
    event.listen(database._engine, "before_cursor_execute", lambda *said: asked.append(said[2]))
    assert dead(database) == frozenset()
    assert len(asked) == 1
    assert "pg_locks" not in asked[0]
    announced(database, NOBODYS)
    assert dead(database) == {NOBODYS}
    assert "pg_locks" in asked[-1]


def test_another_lock_on_the_same_number_does_not_make_a_worker_live(
    urls: dict[str, str], database: Database, postgres: EmbeddedServer
) -> None:
    announced(database, NOBODYS)
    elsewhere = f"{urls['app'].partition('?')[0].rpartition('/')[2]}_b"
    postgres.create_database(elsewhere)
    foreign = Database(postgres.url("proaktiv_app", elsewhere), pool_size=1)
    other = Identity(foreign, lambda _: (NOBODYS << 1).to_bytes(4, "big"))
    try:
        with database.transaction() as session:
            assert other.number() == NOBODYS, "of another installation on the same server"
            key = (0x70726B77).to_bytes(4, "big") + NOBODYS.to_bytes(4, "big")
            assert try_lock_keys(session, [key]) == {key}, "a case whose key begins alike"
            session.connection().execute(text("SELECT pg_advisory_xact_lock(7, :n)"), {"n": NOBODYS})
            assert dead_workers(session, LOOKUPS) == {NOBODYS}
    finally:
        other.close()
        foreign.close()
        postgres.drop_database(elsewhere)


@pytest.mark.chaos
def test_a_worker_that_lost_its_connection_is_somebody_new_and_its_old_rows_are_a_dead_workers(
    database: Database, postgres: EmbeddedServer, identities: Callable[[], Identity]
) -> None:
    me = identities()
    before = me.number()
    announced(database, before)
    assert dead(database) == frozenset()
    end_connection(postgres, before)
    assert dead(database) == {before}
    now = me.number()
    assert now != before
    announced(database, now)
    assert dead(database) == {before}


def test_without_a_database_there_is_no_number() -> None:
    me = Identity(Database("postgresql://nobody@127.0.0.1:9/nothing"), secrets.token_bytes)
    for _ in range(2):
        with pytest.raises(DatabaseAway):
            me.number()
    me.close()


def test_a_number_takes_no_place_in_the_pool_and_threads_share_it(urls: dict[str, str]) -> None:
    small = Database(urls["app"], pool_size=1, pool_wait_seconds=0.01)
    me = Identity(small, secrets.token_bytes)
    me.number()
    seen: list[int] = []
    with small.transaction() as session:
        threads = [threading.Thread(target=lambda: seen.append(me.number())) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert session.connection().execute(text("SELECT 1")).scalar_one() == 1
    assert len(seen) == 8
    assert len(set(seen)) == 1
    me.close()
    small.close()
