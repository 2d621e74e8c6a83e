"""Who has an announced row in hand, and whether that worker still lives.

A worker is a random number and a session advisory lock on it: PostgreSQL frees the lock when the worker's connection
ends, however that comes. The lease is the second line, for what a connection cannot tell: a worker that hangs, a
machine that fell silent. Left to others: the rows (``steps.look_up``, ``notify``, ``dispatch``).
Source: security-and-faults.md, binding (c); docs/decisions/0007-worker-identity.md.
"""

import threading
from contextlib import suppress
from datetime import datetime

import structlog
from sqlalchemy import BigInteger, ColumnElement, Connection, Table, bindparam, or_, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from proaktiv.core.ids import RandomBytes
from proaktiv.database import Database, DatabaseAway

_log = structlog.get_logger(__name__)

_CLASS = 0x70726B77  # beside the class of named session locks, in PostgreSQL's space of two integers

_TAKE = text("SELECT pg_try_advisory_lock(:class, :number)")
_FREE = text(
    "SELECT n FROM unnest(:numbers) AS t(n) WHERE NOT EXISTS ("
    " SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 2"
    " AND classid::bigint = :class AND objid::bigint = n"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))"
).bindparams(bindparam("numbers", type_=ARRAY(BigInteger)), bindparam("class", type_=BigInteger))

_LIVING = text(
    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 2"
    " AND classid::bigint = :class"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
).bindparams(bindparam("class", type_=BigInteger))


class Identity:
    """This process as other workers see it. Threads share it."""

    def __init__(self, database: Database, random: RandomBytes) -> None:
        self._database = database
        self._random = random
        self._guard = threading.Lock()
        self._connection: Connection | None = None
        self._number = 0

    def number(self) -> int:
        """Return our number (0 … 2³¹ - 1) after asking whether its connection, and so its lock, is still there.

        Where it is lost we are somebody new: a number is drawn anew, and what was announced under the old one is due
        at once. Raises ``DatabaseAway`` where no connection can be had; then nothing may be announced.
        """
        with self._guard:
            if self._connection is None or not _answers(self._connection):
                before = self._connection
                self._forget()
                self._connection, self._number = self._taken()
                if before is not None:
                    _log.warning("worker.renumbered", worker=self._number)
            return self._number

    def close(self) -> None:
        """Free the number."""
        with self._guard:
            self._forget()

    def _taken(self) -> tuple[Connection, int]:
        connection = self._database.own_connection()
        try:
            while True:
                number = int.from_bytes(self._random(4), "big") >> 1
                if connection.execute(_TAKE, {"class": _CLASS, "number": number}).scalar_one():
                    return connection, number
        except DBAPIError as error:
            _end(connection)
            raise DatabaseAway("the connection was lost while this worker took its number") from error

    def _forget(self) -> None:
        if self._connection is not None:
            _end(self._connection)
            self._connection = None


def dead_workers(session: Session, table: Table) -> frozenset[int]:
    """Return the workers that have announced rows of ``table`` in hand and whose lock is free.

    A worker holds its lock before it announces, so a free one means that nobody will come back to these rows. Should a
    new worker draw the number of a dead one (1 in 2³¹), they wait for their lease.
    """
    connection = session.connection()
    numbers = list(
        connection.execute(
            select(table.c.worker).where(table.c.state == "announced", table.c.worker.is_not(None)).distinct()
        ).scalars()
    )
    if not numbers:
        return frozenset()
    return frozenset(connection.execute(_FREE, {"numbers": numbers, "class": _CLASS}).scalars())


def living_workers(session: Session) -> int:
    """Return how many workers of this database hold their number."""
    return int(session.connection().execute(_LIVING, {"class": _CLASS}).scalar_one())


def abandoned(table: Table, wall: datetime, dead: frozenset[int]) -> ColumnElement[bool]:
    """Return the condition on an announced row that its worker will not end: dead, or over its lease."""
    return or_(table.c.lease_until <= wall, table.c.worker.in_(dead))


def _answers(connection: Connection) -> bool:
    try:
        connection.execute(text("SELECT 1"))
    except DBAPIError:
        return False
    return True


def _end(connection: Connection) -> None:
    with suppress(DBAPIError):  # of a line that is dead already
        connection.close()
