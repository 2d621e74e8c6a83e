"""Locks with names: of a transaction on keys, in one order; of a session on a word, for as long as it lives.

Left to others: which keys and in which order of steps (data-path.md § 3), the lock per person (``consent.locks``).
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256

from sqlalchemy import BigInteger, bindparam, text
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
_HELD = text(
    "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 2"
    " AND classid::bigint = :class AND objid::bigint = :name & 4294967295"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))"
).bindparams(bindparam("class", type_=BigInteger), bindparam("name", type_=BigInteger))


def lock_keys(session: Session, keys: Iterable[bytes]) -> None:
    """Take the transaction's advisory lock on each key, in one order, waiting for others.

    Keys have ≥ 8 bytes, of which the first 8 count.
    """
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
