"""What a newer version and a Storno take back of what was reported before, whichever of the two came first.

A correction ends older versions that are still under way: whatever they would lead to is not true any more, and no
register need be asked for it. What they led to already is compared when the correction is decided
(``matters.take_back_older``).
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlmodel import Session

from proaktiv.core.guards import CORRECTABLE, Guard
from proaktiv.core.states import EventState
from proaktiv.house import House
from proaktiv.matters import drop_lookups, forget_events
from proaktiv.recall import lift
from proaktiv.steps.receive.sorting import Fresh
from proaktiv.tables import (
    LookupRow,
    RegisterEventRow,
    StopRow,
    core_table,
)

_EVENTS = core_table(RegisterEventRow)
_LOOKUPS = core_table(LookupRow)
_STOPS = core_table(StopRow)

_UNFINISHED = (EventState.WAITING.value, EventState.NEEDS.value)


def lift_stops(session: Session, house: House, fresh: Sequence[Fresh], now: datetime) -> None:
    """Lift the stops that a Storno cancels by name, and those that a correction says the opposite of."""
    counting = [item for item in fresh if not (item.held or item.outdated)]
    cancelled = {stop.target for item in counting if item.lifts for stop in item.names.stops}
    wanted = stops_of_entries(session, cancelled)
    corrects = {row: item for item in counting for row in item.replaces}
    if corrects:
        for row in session.connection().execute(
            select(_STOPS.c.id, _STOPS.c.event, _STOPS.c.target, _STOPS.c.guard).where(
                _STOPS.c.event.in_(corrects), _STOPS.c.lifted_at.is_(None)
            )
        ):
            again = {(stop.target, stop.guard) for stop in corrects[row.event].names.stops}
            guard = Guard(row.guard)
            if guard in CORRECTABLE and (row.target, guard) not in again:
                wanted.add(row.id)
    lift(session, house, wanted, now)


def stops_of_entries(session: Session, entries: Collection[bytes]) -> set[UUID]:
    """Return the standing stops that the events of some register entries brought."""
    if not entries:
        return set()
    brought = (
        select(_STOPS.c.id)
        .join(_EVENTS, _EVENTS.c.id == _STOPS.c.event)
        .where(_EVENTS.c.entry_hash.in_(entries), _STOPS.c.lifted_at.is_(None))
    )
    return set(session.connection().execute(brought).scalars())


def retire(session: Session, events: Collection[UUID], now: datetime) -> None:
    """End older versions that are still under way, and leave nothing of what they say."""
    if not events:
        return
    connection = session.connection()
    ended = list(
        connection.execute(
            update(_EVENTS)
            .where(_EVENTS.c.id.in_(events), _EVENTS.c.state.in_(_UNFINISHED))
            .values(state=EventState.STOPPED.value, payload=None, due_at=None)
            .returning(_EVENTS.c.id)
        ).scalars()
    )
    if not ended:
        return
    forget_events(session, ended)
    drop_lookups(session, _LOOKUPS.c.event.in_(ended), now)
