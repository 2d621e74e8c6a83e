"""Locks with names: of a transaction on keys, in one order; of a session on a word, for as long as it lives.

Left to others: which keys and in which order of steps (data-path.md § 3), the lock per person (``consent.locks``).
"""

from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from hashlib import sha256

from sqlalchemy import BigInteger, Connection, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from proaktiv.database import Database

_LOCK_CLASS = 0x70726B74  # session locks use PostgreSQL's space of two integers, transaction locks that of one
_LOCK = text("SELECT pg_advisory_xact_lock(k) FROM unnest(:keys) AS t(k)").bindparams(
    bindparam("keys", type_=ARRAY(BigInteger))
)
_TRY_LOCK = text("SELECT k, pg_try_advisory_xact_lock(k) FROM unnest(:keys) AS t(k)").bindparams(
    bindparam("keys", type_=ARRAY(BigInteger))
)

# pg_locks shows the two integers of a session lock as oid, which has no sign.
_HOLDER = text(
    "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 2"
    " AND classid::bigint = :class AND objid::bigint = :name & 4294967295"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
).bindparams(bindparam("class", type_=BigInteger), bindparam("name", type_=BigInteger))
_TAKE = text("SELECT pg_try_advisory_lock(:class, :name), pg_backend_pid()")
_UNLOCK = text("SELECT pg_advisory_unlock(:class, :name)")


def lock_keys(session: Session, keys: Iterable[bytes]) -> None:
    """Take the transaction's advisory lock on each key, in one order, waiting for others.

    Keys have ≥ 8 bytes, of which the first 8 count.
    """
    # Two keys that begin alike share a lock: two people then wait for each other a moment, nothing else. Keys are MACs,
    # so nobody can choose them: among n the chance is n²/2⁶⁵, 3·10⁻¹² for 10,000 at once, 3·10⁻⁴ for all 10⁸ that a
    # country has. It makes no deadlock either: the numbers are sorted, not the keys, and what a transaction holds it is
    # given again. What it may never do is let two in who must not be: a lock too many is held, never one too few.
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


class SessionLock:
    """The lock ``name`` on a connection of its own, for as long as that connection lives.

    The server frees it when the connection ends, however that comes: a dead holder is noticed at once, and a holder
    whose line died must not go on as if it held it.
    """

    def __init__(self, database: Database, name: str) -> None:
        """Try to take it; ``ours`` says whether that went well."""
        self._database = database
        self._arguments = _named(name)
        self._connection: Connection | None = None
        self._pid = 0
        self._take()

    def ours(self) -> bool:
        """Return whether the lock is ours on the server that transactions reach now; if it is free, it is ours again.

        Never waits. Raises ``DatabaseAway``.
        """
        if self._connection is not None:
            with self._database.transaction() as session:
                if session.connection().execute(_HOLDER, self._arguments).scalar_one_or_none() == self._pid:
                    return True
            self.close()
        self._take()
        return self._connection is not None

    def close(self) -> None:
        """Free it."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        with suppress(DBAPIError):  # closing would free it too, but a moment later than we return
            connection.execute(_UNLOCK, self._arguments)
        with suppress(DBAPIError):
            connection.close()

    def _take(self) -> None:
        connection = self._database.own_connection()
        try:
            taken, self._pid = connection.execute(_TAKE, self._arguments).one()
        except BaseException:
            connection.close()
            raise
        if taken:
            self._connection = connection
        else:
            connection.close()


@contextmanager
def session_lock(database: Database, name: str) -> Iterator[SessionLock]:
    """Try to take the lock ``name``; yield it, ours or not, and free it at the end. Never waits."""
    with closing(SessionLock(database, name)) as lock:
        yield lock


def session_lock_held(session: Session, name: str) -> bool:
    """Return whether anybody holds the session lock ``name`` in this database."""
    return session.connection().execute(_HOLDER, _named(name)).scalar_one_or_none() is not None


def _named(name: str) -> dict[str, int]:
    return {"class": _LOCK_CLASS, "name": int.from_bytes(sha256(name.encode()).digest()[:4], "big", signed=True)}
