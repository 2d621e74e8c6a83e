"""How many events a client may report on one UTC day (security-and-faults.md T4, T21)."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlmodel import Session

from proaktiv.core.clients import Client
from proaktiv.core.errors import TooMany
from proaktiv.tables import ClientDayRow, core_table

_DAYS = core_table(ClientDayRow)


def check(session: Session, client: Client, now: datetime) -> None:
    """Turn a flood away before anything is sealed or written; ``count`` has the last word. Raises ``TooMany``."""
    sent = (
        session.connection()
        .execute(select(_DAYS.c.n).where(_DAYS.c.client == client.id, _DAYS.c.day == now.astimezone(UTC).date()))
        .scalar_one_or_none()
    )
    if (sent or 0) >= client.daily_max:
        raise _too_many(client, now)


def count(session: Session, client: Client, now: datetime) -> None:
    """Count one event; raises ``TooMany``. All reports of a client wait for this row: lock it last and briefly."""
    statement = upsert(_DAYS).values(client=client.id, day=now.astimezone(UTC).date(), n=1)
    sent: int = (
        session.connection()
        .execute(
            statement.on_conflict_do_update(
                index_elements=[_DAYS.c.client, _DAYS.c.day], set_={"n": _DAYS.c.n + 1}
            ).returning(_DAYS.c.n)
        )
        .scalar_one()
    )
    if sent > client.daily_max:
        raise _too_many(client, now)


def _too_many(client: Client, now: datetime) -> TooMany:
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    seconds = int((today + timedelta(days=1) - now).total_seconds()) + 1
    return TooMany(f"client {client.id} may report {client.daily_max} events a day", seconds)
