"""The database: one transaction per step, and honest answers when a COMMIT is in doubt.

What PostgreSQL says becomes one of ours where the caller must act on it: ``DatabaseAway`` (nothing was kept, try
later) and ``CommitUnknown`` (nobody knows; check, do not repeat). Everything else passes through as SQLAlchemy's.
No statement and no COMMIT waits for ever. Left to others: tables, locks with names (``locks``), the schema and who
may do what (``schema``), where the URL comes from, cutting a line (``line``).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import psycopg
from sqlalchemy import URL, Connection, create_engine, event, make_url, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlmodel import Session

from proaktiv.core.canonical import dumps
from proaktiv.core.dsn import spread
from proaktiv.core.errors import CommitUnknown, NotSafe, ProaktivError
from proaktiv.line import STATEMENT_SECONDS, WATCH

# A dead line is noticed within 3 s instead of after minutes (measured: security-and-faults.md § 5).
_LINE = {
    "keepalives": "1",
    "keepalives_idle": "1",
    "keepalives_interval": "1",
    "keepalives_count": "3",
    "tcp_user_timeout": "3000",
    "connect_timeout": "3",
}
_POOL_WAIT_SECONDS = 10
_PING_SECONDS = 3.0
_WATCHED = "proaktiv.watched"
_DOUBTS = "proaktiv.doubts"

_DISK_FULL = "53100"
_NOT_NOW = {
    "25006": "PostgreSQL only reads here: it is a standby, or a COMMIT still waits for one",
    "55P03": "a lock did not become free in time",
    "53200": "PostgreSQL is out of memory",
    "53300": "PostgreSQL has no connection left",
}
_STILL_WAITING = text("SELECT pid FROM pg_stat_activity WHERE pid = ANY(:pids) AND wait_event = 'SyncRep'")
_LIMIT = text("SELECT current_setting('statement_timeout')")
_SET_LIMIT = text("SELECT set_config('statement_timeout', :limit, true)")
_CANCELED = "57014"
_SOMETHING = text("SELECT pg_logical_emit_message(true, 'proaktiv', '')")


class DatabaseAway(ProaktivError):  # noqa: N818 - reads as the sentence it is: raise DatabaseAway
    """PostgreSQL cannot be reached or went away before COMMIT: nothing was kept; try again later."""


class DatabaseFull(DatabaseAway):
    """PostgreSQL has no room left on its disk: nothing was kept; somebody must make room, then try again."""


class OutOfTime(ProaktivError):  # noqa: N818 - reads as the sentence it is: raise OutOfTime
    """What was to be hurried came to no end in time; the transaction stands where it stood before."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long an answer of PostgreSQL may take, in seconds; None: as long as it likes.

    A lock waits less long than a statement, so that it is PostgreSQL that says so, and a COMMIT as long as a citizen
    waits for a page. Source: security-and-faults.md § 4 row 5.
    """

    lock: float | None = 20.0
    statement: float | None = 60.0
    commit: float | None = 10.0


PATIENT = Patience()


class Database:
    """A pool of connections to one database as one role. Threads share it; processes do not."""

    def __init__(
        self,
        url: str,
        application_name: str = "proaktiv",
        pool_size: int = 5,
        pool_wait_seconds: float = _POOL_WAIT_SECONDS,
        patience: Patience = PATIENT,
    ) -> None:
        self._patience = patience
        self._abandoned: frozenset[int] = frozenset()
        self._engine = create_engine(
            _with_defaults(url, application_name, patience),
            isolation_level="READ COMMITTED",
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=pool_wait_seconds,
            pool_pre_ping=True,
            hide_parameters=True,  # an exception's text may reach a log, and parameters may be personal
            json_serializer=lambda value: dumps(value).decode(),
        )
        event.listen(self._engine, "connect", _hear_doubts)
        event.listen(self._engine, "connect", self._say_patience)
        event.listen(self._engine, "before_cursor_execute", self._statement_begins)
        event.listen(self._engine, "after_cursor_execute", _statement_ended)
        event.listen(self._engine, "handle_error", _statement_failed)
        _bound(self._engine.dialect, patience)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Yield a session in one transaction; commit at the end, roll back on any exception.

        Raises ``DatabaseAway`` when the connection is missing or lost before COMMIT, or PostgreSQL cannot write now;
        ``CommitUnknown`` when the connection is lost during COMMIT, COMMIT takes too long, or PostgreSQL gave up
        waiting for its standby (warning 01000: kept here, perhaps nowhere else). While a COMMIT of ours still waits
        for its standby, transactions can only read.
        """
        with self.connection() as connection, _session(connection) as session:
            try:
                if self._abandoned:
                    self._only_read(session)
                yield session
                session.flush()
            except DBAPIError as error:
                raise (_ours(error.orig, lost=error.connection_invalidated) or error) from error
            except psycopg.Error as error:  # from a cursor used past SQLAlchemy (``sets``)
                raise (_ours(error, lost=_broken(connection)) or error) from error
            self._commit(session, connection)

    def own_connection(self) -> Connection:
        """Return a connection outside the pool, each statement a transaction; the caller closes it.

        What a session holds (a session lock) lasts as long as it does. Raises ``DatabaseAway``.
        """
        connection = self._connect()
        connection.execution_options(isolation_level="AUTOCOMMIT")  # or it would sit idle in a transaction
        connection.detach()  # so that it takes no place in the pool, and closing it closes it
        return connection

    def close(self) -> None:
        """Close the pool's connections."""
        self._engine.dispose()

    def _connect(self) -> Connection:
        try:
            return self._engine.connect()
        except PoolTimeout:
            raise DatabaseAway("no connection of the pool became free in time") from None
        except OperationalError as error:
            raise DatabaseAway(f"PostgreSQL cannot be reached: {error.orig}") from error

    def _say_patience(self, _raw: Any, record: Any) -> None:
        record.info[STATEMENT_SECONDS] = self._patience.statement  # for what is said past SQLAlchemy (``sets``)

    def _statement_begins(self, connection: Connection, _cursor: Any, _sql: Any, _parameters: Any, *_: Any) -> None:
        if self._patience.statement is not None:
            raw = connection.connection.dbapi_connection
            connection.info[_WATCHED] = WATCH.begin(raw, self._patience.statement)

    def _only_read(self, session: Session) -> None:
        # Through the session: what is begun past it, its COMMIT would leave open, and closing roll back.
        connection = session.connection()
        waiting = connection.execute(_STILL_WAITING, {"pids": list(self._abandoned)}).scalars()
        self._abandoned = frozenset(waiting)
        if self._abandoned:
            connection.execute(text("SET TRANSACTION READ ONLY"))

    def _commit(self, session: Session, connection: Connection) -> None:
        doubts: list[str] = connection.info[_DOUBTS]
        doubts.clear()
        raw: Any = connection.connection.dbapi_connection
        pid = raw.info.backend_pid
        try:
            with WATCH.over(raw, self._patience.commit):
                session.commit()
        except DBAPIError as error:
            if error.connection_invalidated:
                self._abandoned |= {pid}
                raise CommitUnknown("the connection was lost during COMMIT") from error
            raise (_ours(error.orig, lost=False) or error) from error
        if connection.in_transaction():
            raise CommitUnknown("the transaction is still open after COMMIT: something began it past its session")
        # Not matched by its text: that is translated where the server's lc_messages says so.
        if doubts:
            raise CommitUnknown("PostgreSQL stopped waiting for its standby during COMMIT")

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """Yield a connection whose transactions are the caller's. Raises ``DatabaseAway``."""
        with self._connect() as connection:
            yield connection


def _with_defaults(url: str, application_name: str, patience: Patience) -> URL:
    parsed = make_url(spread(url))
    if parsed.drivername in {"postgresql", "postgres"}:
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername != "postgresql+psycopg":
        raise NotSafe(f"the database must be PostgreSQL, not {parsed.drivername}: locks and roles rest on it")
    defaults = {**_LINE, "application_name": application_name}
    if patience.lock is not None:
        # With the connection, not by a SET after it: that would be one more COMMIT on the way to the first statement.
        told = parsed.query.get("options", "")
        before = told if isinstance(told, str) else " ".join(told)
        parsed = parsed.update_query_dict({"options": f"-c lock_timeout={patience.lock}s {before}".strip()})
    return parsed.update_query_dict({name: value for name, value in defaults.items() if name not in parsed.query})


@contextmanager
def _session(connection: Connection) -> Iterator[Session]:
    """Roll back what is open at the end. A lost connection has nothing to, and must not hide why it ended."""
    session = Session(bind=connection, expire_on_commit=False)
    try:
        yield session
    finally:
        try:
            session.close()
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise


# COMMIT ---------------------------------------------------------------------------------------------------------------


def _hear_doubts(raw: Any, record: Any) -> None:
    """Collect on each new connection the warnings of class 01000; any other notice is none of our business."""
    doubts: list[str] = []
    record.info[_DOUBTS] = doubts

    def hear(notice: psycopg.errors.Diagnostic) -> None:
        if notice.sqlstate == "01000" and notice.severity_nonlocalized == "WARNING":
            doubts.append(notice.message_primary or "")

    raw.add_notice_handler(hear)


def _bound(dialect: Any, patience: Patience) -> None:
    """Bound what SQLAlchemy asks without telling anybody: whether an idle line still answers, and ROLLBACK."""
    ping, rollback = dialect.do_ping, dialect.do_rollback

    def pinged(raw: Any) -> bool:
        with WATCH.over(raw, _PING_SECONDS):
            return bool(ping(raw))

    def rolled_back(raw: Any) -> None:
        with WATCH.over(raw, patience.statement):
            rollback(raw)

    dialect.do_ping, dialect.do_rollback = pinged, rolled_back


def _ours(error: BaseException | None, *, lost: bool) -> DatabaseAway | None:
    """Return what an error before COMMIT means where the same again is right later; None for a fault of ours."""
    if lost:
        return DatabaseAway("the connection was lost before COMMIT; nothing was kept")
    state = getattr(error, "sqlstate", None) or ""
    if state == _DISK_FULL:
        return DatabaseFull("PostgreSQL's disk is full; nothing was kept: make room there, work goes on by itself")
    if state in _NOT_NOW:
        return DatabaseAway(f"{_NOT_NOW[state]}; nothing was kept")
    return None


@contextmanager
def hurried(session: Session, within: timedelta) -> Iterator[None]:
    """Let each statement of the block take ``within`` at most; then PostgreSQL ends it, and the transaction goes on.

    Raises ``OutOfTime``, also where no time is left; what the block wrote is undone then.
    """
    connection = session.connection()
    milliseconds = int(within.total_seconds() * 1000)
    if milliseconds <= 0:
        raise OutOfTime("no time is left")
    before = connection.execute(_LIMIT).scalar_one()
    try:
        with connection.begin_nested():
            connection.execute(_SET_LIMIT, {"limit": str(milliseconds)})
            yield
            connection.execute(_SET_LIMIT, {"limit": before})  # undone as well where the block is
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != _CANCELED:
            raise
        raise OutOfTime(f"a statement took longer than {milliseconds} ms") from error


def certain(session: Session) -> None:
    """Let this transaction's COMMIT wait for the standby, although it changes nothing.

    For an answer that rests on what an earlier transaction wrote whose COMMIT may have been in doubt.
    """
    session.connection().execute(_SOMETHING)


def _statement_ended(connection: Connection, *_: Any) -> None:
    if (key := connection.info.pop(_WATCHED, None)) is not None:
        WATCH.end(key)


def _statement_failed(context: Any) -> None:
    if context.connection is not None and not context.connection.invalidated:
        _statement_ended(context.connection)


def _broken(connection: Connection) -> bool:
    raw: Any = None if connection.invalidated else connection.connection.dbapi_connection
    return raw is None or raw.closed or raw.broken
