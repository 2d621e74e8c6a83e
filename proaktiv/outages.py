"""Ways out of the house that are away: one act a minute probes each, the others wait, and a human is told.

An outage is a row for (way, target): a channel, a mail domain, a register, a Behörde. The first act that gets through
ends it, and the task with it. No try counts meanwhile. These rows are locked after all others and before the log.
Left to others: what shows that a way is there, and what may not wait for it (the outward steps).
Source: channels-and-pages.md § 3.3; docs/decisions/0028-who-is-away.md.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlmodel import Session

from proaktiv.calling import call_human, call_off
from proaktiv.core.outbound import ALARM_AFTER, AWAY_FOR, PATIENCE, End, Ended
from proaktiv.house import House
from proaktiv.tables import OutageRow, core_table

_OUTAGES = core_table(OutageRow)

REGISTER, BEHOERDE = "REGISTER", "BEHOERDE"
"""Ways whose target is a name, in UTF-8."""

_TASKS = {REGISTER: "register.away", BEHOERDE: "behoerde.away"}

Place = tuple[str, bytes]
"""A way and its target."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """The task that an outage brings, and how long after it began."""

    task: str
    after: timedelta = ALARM_AFTER


@dataclass(frozen=True, slots=True)
class Absent:
    """Who of one way is away: all of them; by one act each; and who was tried within a minute and is away for long."""

    names: frozenset[str] = frozenset()
    probing: frozenset[str] = frozenset()
    for_long: frozenset[str] = frozenset()


def absent(session: Session, way: str, now: datetime) -> Absent:
    """Return which registers or Behörden are away. Reads without a lock: see ``claim``."""
    rows = session.connection().execute(
        select(_OUTAGES.c.target, _OUTAGES.c.since, _OUTAGES.c.probe_at).where(_OUTAGES.c.channel == way)
    )
    found = {row.target.decode(): row for row in rows}
    probing = frozenset(name for name, row in found.items() if row.probe_at <= now)
    old = frozenset(name for name, row in found.items() if row.since + PATIENCE <= now)
    return Absent(frozenset(found), probing, old - probing)


def claim(session: Session, way: str, targets: Collection[bytes], now: datetime) -> set[bytes]:
    """Return those of some targets that this worker may try now, to see whether they are back."""
    if not targets:
        return set()
    mine = (
        select(_OUTAGES.c.id, _OUTAGES.c.target)
        .where(_OUTAGES.c.channel == way, _OUTAGES.c.target.in_(targets), _OUTAGES.c.probe_at <= now)
        .order_by(_OUTAGES.c.target)
        .with_for_update(skip_locked=True)
    )
    found = session.connection().execute(mine).all()
    probe(session, [row.id for row in found], now)
    return {row.target for row in found}


def claim_named(session: Session, way: str, names: Collection[str], now: datetime) -> set[str]:
    """Return which registers or Behörden this worker may try now."""
    return {target.decode() for target in claim(session, way, {name.encode() for name in names}, now)}


def probe(session: Session, outages: Collection[UUID], now: datetime) -> None:
    """Note that one act is on its way to see whether each of these is over."""
    if outages:
        session.connection().execute(update(_OUTAGES).where(_OUTAGES.c.id.in_(outages)).values(probe_at=now + AWAY_FOR))


def tried(session: Session, house: House, way: str, ends: Sequence[tuple[str, Ended]], now: datetime) -> None:
    """Begin, prolong and end the outages of registers or Behörden as acts on them ended.

    Whoever answered one of a set is there: what else failed then failed alone. What was cut off says neither.
    """
    there = {name for name, ended in ends if ended.end not in {End.AWAY, End.UNSURE}}
    away = {name for name, ended in ends if ended.end is End.AWAY} - there
    is_back(session, {(way, name.encode()) for name in there}, now)
    is_away(session, house, {(way, name.encode()): Alarm(_TASKS[way]) for name in away}, now)


def is_away(session: Session, house: House, places: Mapping[Place, Alarm], now: datetime) -> None:
    """Write or prolong outages; call a human for those that are due for it and were not told of."""
    tell: dict[UUID, str] = {}
    for (channel, target), alarm in sorted(places.items(), key=lambda item: item[0]):
        statement = upsert(_OUTAGES).values(
            id=house.ids.row(now), channel=channel, target=target, since=now, probe_at=now + AWAY_FOR, told_at=None
        )
        row = (
            session.connection()
            .execute(
                statement.on_conflict_do_update(
                    index_elements=["channel", "target"], set_={"probe_at": now + AWAY_FOR}
                ).returning(_OUTAGES.c.id, _OUTAGES.c.since, _OUTAGES.c.told_at)
            )
            .one()
        )
        if row.told_at is None and row.since + alarm.after <= now:
            tell[row.id] = alarm.task
    if tell:
        session.connection().execute(update(_OUTAGES).where(_OUTAGES.c.id.in_(tell)).values(told_at=now))
        call_human(session, house, [(what, outage, "") for outage, what in tell.items()], now)


def is_back(session: Session, places: set[Place], now: datetime) -> None:
    """Delete the outages that are over, and end the tasks that told of them."""
    if not places:
        return
    connection = session.connection()
    over = [
        row.id
        for row in connection.execute(
            select(_OUTAGES.c.id, _OUTAGES.c.channel, _OUTAGES.c.target)
            .where(_OUTAGES.c.channel.in_({channel for channel, _ in places}))
            .where(_OUTAGES.c.target.in_({target for _, target in places}))
            .order_by(_OUTAGES.c.channel, _OUTAGES.c.target)
            .with_for_update()
        )
        if (row.channel, row.target) in places
    ]
    if over:
        connection.execute(delete(_OUTAGES).where(_OUTAGES.c.id.in_(over)))
        call_off(session, over, now)
