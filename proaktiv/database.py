"""The database: one transaction per step, locks with names, and honest answers when a COMMIT is in doubt.

What PostgreSQL says becomes one of ours where the caller must act on it: ``DatabaseAway`` (nothing was kept, try
later) and ``CommitUnknown`` (nobody knows; check, do not repeat). Everything else passes through as SQLAlchemy's.
Left to others: tables, who may do what (the migrations), where the URL comes from.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, BigInteger, Connection, bindparam, create_engine, event, make_url, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlmodel import Session

from alembic import command
from proaktiv.core.canonical import dumps
from proaktiv.core.errors import CommitUnknown, NotSafe, ProaktivError

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
_DOUBTS = "proaktiv.doubts"
_LOCK_CLASS = 0x70726B74  # session locks use PostgreSQL's space of two integers, transaction locks that of one

_LOCK = text("SELECT pg_advisory_xact_lock(k) FROM unnest(:keys) AS t(k)").bindparams(
    bindparam("keys", type_=ARRAY(BigInteger))
)
_TRY_LOCK = text("SELECT k, pg_try_advisory_xact_lock(k) FROM unnest(:keys) AS t(k)").bindparams(
    bindparam("keys", type_=ARRAY(BigInteger))
)

# pg_locks shows the two integers of a session lock as oid, which has no sign.
_HELD = text(
    "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 2"
    " AND classid::bigint = :class AND objid::bigint = :name & 4294967295"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))"
).bindparams(bindparam("class", type_=BigInteger), bindparam("name", type_=BigInteger))


class DatabaseAway(ProaktivError):  # noqa: N818 - reads as the sentence it is: raise DatabaseAway
    """PostgreSQL cannot be reached or went away before COMMIT: nothing was kept; try again later."""


class Database:
    """A pool of connections to one database as one role. Threads share it; processes do not."""

    def __init__(
        self,
        url: str,
        application_name: str = "proaktiv",
        pool_size: int = 5,
        pool_wait_seconds: float = _POOL_WAIT_SECONDS,
    ) -> None:
        self._engine = create_engine(
            _with_defaults(url, application_name),
            isolation_level="READ COMMITTED",
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=pool_wait_seconds,
            pool_pre_ping=True,
            hide_parameters=True,  # an exception's text may reach a log, and parameters may be personal
            json_serializer=lambda value: dumps(value).decode(),
        )
        event.listen(self._engine, "connect", _hear_doubts)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Yield a session in one transaction; commit at the end, roll back on any exception.

        Raises ``DatabaseAway`` when the connection is missing or lost before COMMIT, ``CommitUnknown`` when it is lost
        during COMMIT or PostgreSQL gave up waiting for its standby (warning 01000: kept here, perhaps nowhere else).
        """
        with self._connection() as connection, _session(connection) as session:
            try:
                yield session
                session.flush()
            except DBAPIError as error:
                if error.connection_invalidated:
                    raise DatabaseAway("the connection was lost before COMMIT; nothing was kept") from error
                raise
            except psycopg.OperationalError as error:  # from a cursor used past SQLAlchemy (COPY)
                if _broken(connection):
                    raise DatabaseAway("the connection was lost before COMMIT; nothing was kept") from error
                raise
            _commit(session, connection)

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

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        with self._connect() as connection:
            yield connection


def _with_defaults(url: str, application_name: str) -> URL:
    parsed = make_url(url)
    if parsed.drivername in {"postgresql", "postgres"}:
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername != "postgresql+psycopg":
        raise NotSafe(f"the database must be PostgreSQL, not {parsed.drivername}: locks and roles rest on it")
    defaults = {**_LINE, "application_name": application_name}
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


def _commit(session: Session, connection: Connection) -> None:
    doubts: list[str] = connection.info[_DOUBTS]
    doubts.clear()
    try:
        session.commit()
    except DBAPIError as error:
        if error.connection_invalidated:
            raise CommitUnknown("the connection was lost during COMMIT") from error
        raise
    # Not matched by its text: that is translated where the server's lc_messages says so.
    if doubts:
        raise CommitUnknown("PostgreSQL stopped waiting for its standby during COMMIT")


def _broken(connection: Connection) -> bool:
    raw: Any = None if connection.invalidated else connection.connection.dbapi_connection
    return raw is None or raw.closed or raw.broken


# locks ----------------------------------------------------------------------------------------------------------------


def lock_keys(session: Session, keys: Iterable[bytes]) -> None:
    """Take the transaction's advisory lock on each key, in one order, waiting for others. Keys have ≥ 8 bytes."""
    numbers = sorted({_number(key) for key in keys})
    if numbers:
        session.connection().execute(_LOCK, {"keys": numbers})


def try_lock_keys(session: Session, keys: Iterable[bytes]) -> frozenset[bytes]:
    """Take what is free of the transaction's advisory locks on ``keys``; return the keys that are ours now."""
    wanted = {key: _number(key) for key in keys}
    if not wanted:
        return frozenset()
    tried = session.connection().execute(_TRY_LOCK, {"keys": sorted(set(wanted.values()))})
    ours = {number for number, taken in tried if taken}
    return frozenset(key for key, number in wanted.items() if number in ours)


def _number(key: bytes) -> int:
    if len(key) < 8:
        raise ValueError(f"a lock's key has at least 8 bytes, not {len(key)}")
    return int.from_bytes(key[:8], "big", signed=True)


@contextmanager
def session_lock(database: Database, name: str) -> Iterator[bool]:
    """Hold the lock ``name`` on a connection of its own; yield whether it is ours. Never waits.

    The server frees it when the connection ends, however that comes: a dead holder is noticed at once.
    """
    arguments = _named(name)
    with database.own_connection() as connection:
        ours = bool(connection.execute(text("SELECT pg_try_advisory_lock(:class, :name)"), arguments).scalar_one())
        try:
            yield ours
        finally:
            if ours:  # closing would free it too, but a moment later than we return
                with suppress(DBAPIError):
                    connection.execute(text("SELECT pg_advisory_unlock(:class, :name)"), arguments)


def session_lock_held(session: Session, name: str) -> bool:
    """Return whether anybody holds the session lock ``name`` in this database."""
    return bool(session.connection().execute(_HELD, _named(name)).scalar_one())


def _named(name: str) -> dict[str, int]:
    return {"class": _LOCK_CLASS, "name": int.from_bytes(sha256(name.encode()).digest()[:4], "big", signed=True)}


# schema ---------------------------------------------------------------------------------------------------------------


def migrate(owner_url: str) -> None:
    """Bring the schema to the newest revision, as the owner. Raises ``DatabaseAway``; runs one at a time."""
    database = Database(owner_url, "proaktiv-migrate", pool_size=1)
    try:
        with database._connection() as connection, connection.begin():  # noqa: SLF001 - one module
            connection.execute(text("SELECT pg_advisory_xact_lock(:class)"), {"class": _LOCK_CLASS})
            config = _alembic()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    finally:
        database.close()


def check_current(url: str) -> None:
    """Raise ``NotSafe`` unless the schema is at the newest revision this code knows."""
    newest = ScriptDirectory.from_config(_alembic()).get_current_head()
    database = Database(url, "proaktiv-check", pool_size=1)
    try:
        with database._connection() as connection:  # noqa: SLF001 - one module
            found = MigrationContext.configure(connection).get_current_revision()
    finally:
        database.close()
    if found != newest:
        raise NotSafe(f"the schema is at {found or 'nothing'}, this program needs {newest}: migrate as the owner first")


def refuse_embedded(session: Session) -> None:
    """Raise ``NotSafe`` where the server says that it is the demonstration's: it has no password and no backup."""
    if session.connection().execute(text("SELECT current_setting('proaktiv.embedded', true)")).scalar_one() == "on":
        raise NotSafe("this is the embedded PostgreSQL of demonstration and tests; production needs one of its own")


def _alembic() -> Config:
    here = Path(__file__).parent
    for scripts in (here / "_data" / "alembic", here.parent / "alembic"):  # installed; checkout
        if (scripts / "env.py").exists():
            config = Config()
            config.set_main_option("script_location", str(scripts).replace("%", "%%"))
            return config
    raise NotSafe(f"no migrations beside {here}: the installation is not whole")
