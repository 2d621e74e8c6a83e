import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import JSON, bindparam, text
from sqlalchemy.exc import IntegrityError, ProgrammingError

from proaktiv.core.errors import CommitUnknown, NotSafe
from proaktiv.database import Database, DatabaseAway
from proaktiv.embedded import EmbeddedServer
from proaktiv.sets import past_sqlalchemy

_INSERT = text("INSERT INTO client_days (client, day, n) VALUES ('c', '2026-01-01', 1)")
_COUNT = text("SELECT count(*) FROM client_days")
_MY_PID = text("SELECT pg_backend_pid()")


def count(database: Database) -> int:
    with database.transaction() as session:
        return int(session.connection().execute(_COUNT).scalar_one())


@pytest.fixture
def owner(urls: dict[str, str]) -> Iterator[Database]:
    opened = Database(urls["owner"])
    yield opened
    opened.close()


def on_commit(owner: Database, plpgsql: str) -> None:
    """Let COMMIT of an insert into client_days run some PL/pgSQL first."""
    with owner.transaction() as session:
        connection = session.connection()
        connection.execute(
            text(f"CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {plpgsql} RETURN NULL; END $$")
        )
        connection.execute(
            text(
                "CREATE CONSTRAINT TRIGGER late AFTER INSERT ON client_days"
                " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION late()"
            )
        )


def terminate(database: Database, pid: int) -> None:
    with database.transaction() as session:
        session.connection().execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})


def test_what_a_transaction_wrote_is_there_after_it(database: Database) -> None:
    with database.transaction() as session:
        session.connection().execute(_INSERT)
    assert count(database) == 1


def test_an_exception_rolls_everything_back(database: Database) -> None:
    def fail() -> None:
        with database.transaction() as session:
            session.connection().execute(_INSERT)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert count(database) == 0


def test_every_transaction_reads_what_is_committed(database: Database) -> None:
    with database.transaction() as session:
        assert session.connection().execute(text("SHOW transaction_isolation")).scalar_one() == "read committed"


def test_the_server_can_tell_which_process_asks(urls: dict[str, str]) -> None:
    named = Database(urls["app"], application_name="proaktiv-intake")
    with named.transaction() as session:
        assert session.connection().execute(text("SHOW application_name")).scalar_one() == "proaktiv-intake"
    named.close()


def test_json_is_written_the_same_way_whatever_the_order_of_its_keys(database: Database) -> None:
    ask = text("SELECT CAST(:value AS json)::text").bindparams(bindparam("value", type_=JSON))
    with database.transaction() as session:
        written = [
            session.connection().execute(ask, {"value": value}).scalar_one()
            for value in ({"b": "ü", "a": [1, 2]}, {"a": [1, 2], "b": "ü"})
        ]
    assert written == ['{"a":[1,2],"b":"ü"}'] * 2


def test_an_error_of_the_database_does_not_repeat_the_values(database: Database) -> None:
    statement = text("INSERT INTO no_such_table (name) VALUES (:name)")
    with pytest.raises(ProgrammingError) as raised, database.transaction() as session:
        session.connection().execute(statement, {"name": "Erna Erfunden"})
    assert "Erfunden" not in str(raised.value)


def test_a_database_other_than_postgresql_is_refused() -> None:
    with pytest.raises(NotSafe, match="must be PostgreSQL"):
        Database("sqlite:///:memory:")


def test_an_unreachable_server_is_away_and_its_password_stays_unsaid() -> None:
    nowhere = Database("postgresql://somebody:geheim@/nowhere?host=/nonexistent")
    with pytest.raises(DatabaseAway) as raised, nowhere.transaction():
        pytest.fail("there is no server")
    assert "geheim" not in str(raised.value)


def test_a_connection_lost_before_commit_keeps_nothing_and_says_so(database: Database) -> None:
    def lose() -> None:
        with database.transaction() as session:
            session.connection().execute(_INSERT)
            session.connection().execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    with pytest.raises(DatabaseAway):
        lose()
    assert count(database) == 0


def test_a_connection_lost_under_a_copy_past_sqlalchemy_is_away_too(
    database: Database, postgres: EmbeddedServer
) -> None:
    superuser = Database(postgres.url())

    def lose() -> None:
        with database.transaction() as session:
            connection = session.connection()
            terminate(superuser, connection.execute(_MY_PID).scalar_one())
            raw = connection.connection.dbapi_connection
            assert raw is not None
            with raw.cursor() as cursor, cursor.copy("COPY client_days FROM STDIN"):
                pytest.fail("there is nobody to copy to")

    with pytest.raises(DatabaseAway):
        lose()
    assert count(database) == 0
    superuser.close()


def test_what_is_written_past_sqlalchemy_where_postgresql_only_reads_is_for_later(database: Database) -> None:
    def write() -> None:
        with database.transaction() as session:
            session.connection().execute(text("SET TRANSACTION READ ONLY"))
            with past_sqlalchemy(session) as raw:
                raw.execute(str(_INSERT))

    with pytest.raises(DatabaseAway, match="only reads here"):
        write()
    assert count(database) == 0


def test_a_lost_connection_does_not_hide_why_a_transaction_ended(database: Database, postgres: EmbeddedServer) -> None:
    superuser = Database(postgres.url())

    def fail() -> None:
        with database.transaction() as session:
            terminate(superuser, session.connection().execute(_MY_PID).scalar_one())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert count(database) == 0
    superuser.close()


def test_a_connection_that_died_while_idle_is_replaced(database: Database, postgres: EmbeddedServer) -> None:
    with database.transaction() as session:
        pid = session.connection().execute(_MY_PID).scalar_one()
    superuser = Database(postgres.url())
    terminate(superuser, pid)
    superuser.close()
    assert count(database) == 0


def test_no_free_connection_is_away_too(urls: dict[str, str]) -> None:
    small = Database(urls["app"], pool_size=1, pool_wait_seconds=0.01)
    with small.transaction(), pytest.raises(DatabaseAway, match="pool"), small.transaction():
        pytest.fail("there is one connection only")
    small.close()


def test_a_connection_lost_during_commit_is_unknown(database: Database, owner: Database) -> None:
    on_commit(owner, "PERFORM pg_terminate_backend(pg_backend_pid());")
    with pytest.raises(CommitUnknown), database.transaction() as session:
        session.connection().execute(_INSERT)


def test_a_commit_that_the_database_refuses_is_a_refusal_and_not_unknown(database: Database, owner: Database) -> None:
    on_commit(owner, "RAISE unique_violation;")
    with pytest.raises(IntegrityError), database.transaction() as session:
        session.connection().execute(_INSERT)
    assert count(database) == 0


def test_a_notice_during_commit_that_is_no_warning_changes_nothing(database: Database, owner: Database) -> None:
    on_commit(owner, "RAISE NOTICE 'hello';")
    with database.transaction() as session:
        session.connection().execute(_INSERT)
    assert count(database) == 1


def test_a_warning_before_commit_changes_nothing(database: Database) -> None:
    with database.transaction() as session:
        session.connection().execute(text("DO $$ BEGIN RAISE WARNING 'early'; END $$"))
        session.connection().execute(_INSERT)
    assert count(database) == 1


def _commit_while_waiting_for_a_standby(server: EmbeddedServer) -> tuple[str, int]:
    """Commit while the server waits for a standby that is not there, cancel that wait; return outcome and rows."""
    superuser = Database(server.url(database="postgres"), pool_size=1)
    app = Database(server.url(database="postgres"), pool_size=1)
    pids: list[int] = []
    ready = threading.Event()
    outcome: list[str] = []

    def commit() -> None:
        try:
            with app.transaction() as session:
                pids.append(session.connection().execute(_MY_PID).scalar_one())
                session.connection().execute(text("INSERT INTO orders VALUES (1)"))
                ready.set()
            outcome.append("kept")
        except CommitUnknown:
            outcome.append("unknown")

    worker = threading.Thread(target=commit)
    worker.start()
    ready.wait(10)
    waiting = text("SELECT count(*) FROM pg_stat_activity WHERE pid = :pid AND wait_event = 'SyncRep'")
    with superuser.transaction() as session:
        while worker.is_alive():
            if session.connection().execute(waiting, {"pid": pids[0]}).scalar_one():
                session.connection().execute(text("SELECT pg_cancel_backend(:pid)"), {"pid": pids[0]})
            session.connection().execute(text("SELECT pg_stat_clear_snapshot(), pg_sleep(0.02)"))
        rows = session.connection().execute(text("SELECT count(*) FROM orders")).scalar_one()
    worker.join()
    superuser.close()
    app.close()
    return outcome[0], rows


def _alter(server: EmbeddedServer, name: str) -> None:
    with server._superuser() as connection:  # ALTER SYSTEM wants no transaction around it
        connection.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{name}'")
        connection.execute("SELECT pg_reload_conf()")
        shown = None
        while shown != name:
            with server._superuser() as fresh:
                row = fresh.execute("SHOW synchronous_standby_names").fetchone()
                shown = row[0] if row else None


@pytest.mark.chaos
def test_a_commit_whose_wait_for_the_standby_was_cancelled_is_unknown() -> None:
    with EmbeddedServer() as server:
        with server._superuser() as connection:
            connection.execute("CREATE TABLE orders (n int)")
        assert _commit_while_waiting_for_a_standby(server) == ("kept", 1)  # the control: no standby asked for, no doubt
        _alter(server, "nobody")
        assert _commit_while_waiting_for_a_standby(server) == ("unknown", 2)
        _alter(server, "")
