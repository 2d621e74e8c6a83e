"""How many events a client may report on one UTC day, and from which on they are held.

Source: security-and-faults.md T4, T21; what is usual for a client says ``core.clients``.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlmodel import Session

from proaktiv.core.clients import HISTORY_DAYS, Client, held_beyond
from proaktiv.core.errors import TooMany
from proaktiv.tables import ClientDayRow, core_table

_DAYS = core_table(ClientDayRow)
_AGAIN_SECONDS = 1


@dataclass(frozen=True, slots=True)
class Room:
    """How many more events the client may report today, and how many of those go on unseen; None: all."""

    left: int
    unseen: int | None


def room(session: Session, client: Client, now: datetime, asked: int) -> Room:
    """Return the room for ``asked`` more events. Read without a lock: reports at once may each see the same room.

    So the daily maximum has its last word in ``count``; what is held may begin one set later for each report at once.
    """
    today = _day(now)
    connection = session.connection()
    row = connection.execute(
        select(_DAYS.c.n, _DAYS.c.cleared_at).where(_DAYS.c.client == client.id, _DAYS.c.day == today)
    ).one_or_none()
    sent = row.n if row else 0
    if sent + asked <= client.jump_floor or (row and row.cleared_at):
        return Room(client.daily_max - sent, None)
    days = connection.execute(
        select(_DAYS.c.n)
        .where(_DAYS.c.client == client.id, _DAYS.c.day < today)
        .order_by(_DAYS.c.day.desc())
        .limit(HISTORY_DAYS)
    ).scalars()
    beyond = held_beyond(client, list(days))
    return Room(client.daily_max - sent, None if beyond is None else max(0, beyond - sent))


def count(session: Session, client: Client, now: datetime, events: int) -> None:
    """Count events; raises ``TooMany`` where reports at once took the last room.

    All reports of a client wait for this row: lock it last and briefly.
    """
    statement = upsert(_DAYS).values(client=client.id, day=_day(now), n=events)
    sent: int = (
        session.connection()
        .execute(
            statement.on_conflict_do_update(
                index_elements=[_DAYS.c.client, _DAYS.c.day], set_={"n": _DAYS.c.n + statement.excluded.n}
            ).returning(_DAYS.c.n)
        )
        .scalar_one()
    )
    if sent > client.daily_max:
        # Others were quicker. What is left of today the next try finds under ``room``.
        raise TooMany(f"client {client.id} reported the last events of its day at once", _AGAIN_SECONDS)


def first_held(session: Session, client: Client, now: datetime) -> bool:
    """Note that events of today are held; return whether these are the first. Call after ``count``."""
    noted = session.connection().execute(
        update(_DAYS)
        .where(_DAYS.c.client == client.id, _DAYS.c.day == _day(now), _DAYS.c.held_at.is_(None))
        .values(held_at=now)
    )
    return noted.rowcount > 0


def clear(session: Session, client: str, now: datetime) -> None:
    """Let the rest of today go on: a human looked."""
    session.connection().execute(
        update(_DAYS).where(_DAYS.c.client == client, _DAYS.c.day == _day(now)).values(cleared_at=now)
    )


def too_many(client: Client, now: datetime) -> TooMany:
    """Return what a client is told whose day is full."""
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    seconds = int((today + timedelta(days=1) - now).total_seconds()) + 1
    return TooMany(f"client {client.id} may report {client.daily_max} events a day", seconds)


def _day(now: datetime) -> date:
    return now.astimezone(UTC).date()
