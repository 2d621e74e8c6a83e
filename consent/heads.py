"""Heads: the last state of each consent record, read from the projection or made again from the ledger.

Left to others: writing one event into both (``ledger``), which lock is held meanwhile (the caller).
Source: consent.md § 0.5.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, delete, func, select, text
from sqlalchemy.dialects.postgresql import distinct_on, insert

from consent.model import Activity, ConsentState, Event, Head
from consent.tables import HEADS, LEDGER

HEAD_KEY = ("person", "activity", "recipient", "scope")
HEAD_COLUMNS = tuple(HEADS.c[name] for name in Head.__dataclass_fields__)
"""The columns that ``head_of_row`` takes, in order."""


def heads_of(connection: Connection, person: UUID) -> list[Head]:
    """Return every record head of a person, by activity, recipient and scope."""
    found = connection.execute(
        select(*HEAD_COLUMNS)
        .where(HEADS.c.person == person)
        .order_by(HEADS.c.activity, HEADS.c.recipient, HEADS.c.scope)
    )
    return [head_of_row(row) for row in found]


def rebuild_heads(connection: Connection) -> None:
    """Make the heads again from the ledger alone; nobody decides or changes meanwhile. For the owner role."""
    connection.execute(text("LOCK TABLE consent_subjects IN EXCLUSIVE MODE"))
    connection.execute(delete(HEADS))
    given_at = func.max(LEDGER.c.at).filter(LEDGER.c.event == Event.GIVE).over(partition_by=LEDGER.c.record)
    key = [LEDGER.c[name] for name in HEAD_KEY]
    last = select(
        *key,
        LEDGER.c.state_after,
        LEDGER.c.record,
        LEDGER.c.version,
        LEDGER.c.fields,
        given_at,
        LEDGER.c.valid_until,
        LEDGER.c.seq,
    )
    last = last.ext(distinct_on(*key)).order_by(*key, LEDGER.c.seq.desc())
    connection.execute(insert(HEADS).from_select([*HEAD_COLUMNS, HEADS.c.last_seq], last))


def head_of_row(row: Row[*tuple[Any, ...]]) -> Head:
    """Return the value of a row of ``HEAD_COLUMNS``."""
    parts = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    return Head(**{**parts, "state": ConsentState(parts["state"]), "fields": frozenset(parts["fields"])})


def head_for(connection: Connection, person: UUID, activity: Activity, scope: str) -> Head | None:
    """Return the head for this activity, its present recipient and this scope."""
    row = connection.execute(
        select(*HEAD_COLUMNS).where(
            HEADS.c.person == person,
            HEADS.c.activity == activity.name,
            HEADS.c.recipient == activity.recipient,
            HEADS.c.scope == scope,
        )
    ).one_or_none()
    return None if row is None else head_of_row(row)
