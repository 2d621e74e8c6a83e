"""How many events a client may report on one UTC day, from which on they are held, and who is told that a day is full.

What only stops may go on beyond the day's number, up to a number of its own: a veto that comes too late cannot be
mended (docs/decisions/0012-quarantine.md). There it is held, so that a human sees it and can reject it.
Source: security-and-faults.md T4, T21; what is usual for a client says ``core.clients``.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from sqlalchemy import insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlmodel import Session

from proaktiv.calling import call_human
from proaktiv.core.clients import HISTORY_DAYS, Client, held_beyond
from proaktiv.core.errors import TooMany
from proaktiv.core.flows import Flow, Kind
from proaktiv.house import House
from proaktiv.locks import lock_keys
from proaktiv.tables import ClientDayRow, IncidentRow, core_table

_DAYS = core_table(ClientDayRow)
_INCIDENTS = core_table(IncidentRow)
_AGAIN_SECONDS = 1

VETO_FACTOR = 2
"""Vetoes are taken up to this times the day's number: it is bounded still what a stolen key can stop in a day."""

FULL = "source.full"
"""The task and the incident that a client's day is full and reports are refused."""


@dataclass(frozen=True, slots=True)
class Room:
    """How many more events the client may report today, how many vetoes, and how many go on unseen; None: all."""

    left: int
    for_vetoes: int
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
    left, for_vetoes = client.daily_max - sent, VETO_FACTOR * client.daily_max - sent
    if row and row.cleared_at:
        return Room(left, for_vetoes, None)
    if sent + asked <= client.jump_floor:
        return Room(left, for_vetoes, max(0, left))
    days = connection.execute(
        select(_DAYS.c.n)
        .where(_DAYS.c.client == client.id, _DAYS.c.day < today)
        .order_by(_DAYS.c.day.desc())
        .limit(HISTORY_DAYS)
    ).scalars()
    beyond = held_beyond(client, list(days))
    return Room(left, for_vetoes, max(0, left if beyond is None else min(left, beyond - sent)))


def count(session: Session, client: Client, now: datetime, events: int, vetoes: int = 0) -> None:
    """Count events, ``vetoes`` among them; raises ``TooMany`` where reports at once took the last room.

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
    if (events > vetoes and sent - vetoes > client.daily_max) or sent > VETO_FACTOR * client.daily_max:
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


def tell_full(session: Session, house: House, client: Client, refused: int, now: datetime) -> None:
    """Tell clerk and DSB that reports of a client are refused because its day is full: once a day."""
    if _told(session, client, now):
        return
    lock_keys(session, [_id(client).bytes])
    if _told(session, client, now):
        return
    matter = _id(client)
    call_human(session, house, [(FULL, matter, "")], now)
    incident = {"id": house.ids.row(now), "what": FULL, "matter": matter, "at": now}
    session.connection().execute(insert(_INCIDENTS), [incident])
    flow = Flow(
        kind=Kind.INCIDENT,
        sender=client.source,
        receiver=house.controller,
        purpose="betrieb",
        action=FULL,
        basis="Art. 32 DSGVO",
        outcome="refused",
        n=refused,
    )
    house.log.record(session, [flow], now)


def _told(session: Session, client: Client, now: datetime) -> bool:
    midnight = datetime.combine(_day(now), time(0), UTC)
    told = select(_INCIDENTS.c.id).where(
        _INCIDENTS.c.what == FULL, _INCIDENTS.c.matter == _id(client), _INCIDENTS.c.at >= midnight
    )
    return session.connection().execute(told.limit(1)).first() is not None


def _id(client: Client) -> UUID:
    return UUID(bytes=hashlib.sha256(client.id.encode()).digest()[:16])


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
