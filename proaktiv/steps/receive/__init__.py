"""Receive: keep what a register reports, once, sealed to the worker; write its stops and take back what they reach.

Everything happens in the caller's transaction, before the answer 202. The event's payload is destroyed after the gate;
an event that only stops leaves no payload and no subjects at all.
Left to others: who calls (``steps.authenticate``), whether the event is one (``core.events``), what comes of it.
Source: data-path.md §§ 3–5.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import insert, or_, select
from sqlmodel import Session

from proaktiv.core.calendar import month_of
from proaktiv.core.clients import Client, check_may_report
from proaktiv.core.errors import Conflict
from proaktiv.core.events import RegisterEvent
from proaktiv.core.flows import Flow, Kind
from proaktiv.core.states import EventState
from proaktiv.house import House
from proaktiv.recall import LIFTED_BY_STORNO, lift, recall
from proaktiv.steps.receive import days
from proaktiv.steps.receive.names import Names, lock, names_of
from proaktiv.tables import EventSubjectRow, RegisterEventRow, StopRow, core_table
from proaktiv.vault import Place

__all__ = ["PROBES", "Received", "receive"]

PROBES = ("receive.lock.after", "receive.write.after", "receive.recall.after")

_EVENTS = core_table(RegisterEventRow)
_SUBJECTS = core_table(EventSubjectRow)
_STOPS = core_table(StopRow)


@dataclass(frozen=True, slots=True)
class Received:
    """The stored event. ``duplicate``: it was here before, nothing was written."""

    id: UUID
    duplicate: bool


def receive(
    session: Session, house: House, event: RegisterEvent, client: Client, content: bytes, now: datetime
) -> Received:
    """Keep one event, or find that it is here. ``content`` is ``event.content``: equal for equal reports.

    Raises ``NotAllowed`` for what the client may not report, ``Conflict`` for a known id or a known register version
    with other content, ``TooMany`` beyond the day's number; the caller rolls back, so nothing stays.
    """
    check_may_report(client, event)
    names = names_of(house.vault, event, content)
    lock(session, names)
    house.probe("receive.lock.after")
    known = _known(session, event, names)
    if known is not None:
        return Received(known, duplicate=True)
    days.check(session, client, now)
    row = _write(session, house, event, client, names, now)
    house.probe("receive.write.after")
    if event.cancels is not None and event.cancels[1] in LIFTED_BY_STORNO:
        lift(session, house, next(stop.target for stop in names.stops if stop.scope == "entry"), event.cancels[1], now)
    if names.stops:
        recall(session, house, names.stops, now)
        house.probe("receive.recall.after")
    days.count(session, client, now)
    return Received(row, duplicate=False)


def _known(session: Session, event: RegisterEvent, names: Names) -> UUID | None:
    """Return the event that this one repeats. Raises ``Conflict`` where it says something else."""
    same_wire = (_EVENTS.c.source == event.source) & (_EVENTS.c.event_id == event.event_id)
    same_version = (
        (_EVENTS.c.entry_hash == names.entry)
        & (_EVENTS.c.kind == event.kind.value)
        & (_EVENTS.c.register_version == event.fassung)
    )
    known = None
    for row in session.connection().execute(
        select(_EVENTS.c.id, _EVENTS.c.content_mac).where(or_(same_wire, same_version))
    ):
        if row.content_mac != names.content:
            raise Conflict(f"event {row.id} has this id, or this register entry and version, and says something else")
        known = row.id
    return known


def _write(session: Session, house: House, event: RegisterEvent, client: Client, names: Names, now: datetime) -> UUID:
    """Write the log's entry, the event, and what may be kept of it. Returns the event's row."""
    latest = _latest(session, event, names)
    goes_on = not event.only_stops and (latest is None or latest[1] < event.fassung)
    row = house.ids.row(now)
    (flow_id,) = house.log.record(session, [_flow(house, event, row)], now)
    place = Place("register_events", row, "payload")
    connection = session.connection()
    connection.execute(
        insert(_EVENTS),
        {
            "id": row,
            "client": client.id,
            "source": event.source,
            "event_id": event.event_id,
            "kind": event.kind.value,
            "entry_hash": names.entry,
            "register_version": event.fassung,
            "version_of": None if latest is None else latest[0],
            "case_key": names.case,
            "ars": event.ars,
            "occurred_month": month_of(event.ereignis_am),
            "arrived_at": now,
            "state": (EventState.WAITING if goes_on else EventState.STOPPED).value,
            "due_at": now if goes_on else None,
            "content_mac": names.content,
            "payload": house.vault.seal_to_worker(place, dict(event.payload)) if goes_on else None,
            "flow_id": flow_id,
        },
    )
    if goes_on:
        connection.execute(
            insert(_SUBJECTS), [{"event": row, "role": role, "lookup_hash": key} for role, key in names.subjects]
        )
    stops = [
        {
            "id": house.ids.row(now),
            "target": stop.target,
            "scope": stop.scope,
            "guard": stop.guard.value,
            "detail": detail,
            "event": row,
            "since": now,
        }
        for stop, detail in zip(names.stops, names.details, strict=True)
    ]
    if stops:
        connection.execute(insert(_STOPS), stops)
    return row


def _latest(session: Session, event: RegisterEvent, names: Names) -> tuple[UUID, int] | None:
    """Return id and version of the newest report of the same that came before, if any did."""
    found = session.connection().execute(
        select(_EVENTS.c.id, _EVENTS.c.register_version)
        .where(_EVENTS.c.entry_hash == names.entry, _EVENTS.c.kind == event.kind.value)
        .order_by(_EVENTS.c.register_version.desc())
        .limit(1)
    )
    row = found.one_or_none()
    return None if row is None else (row.id, row.register_version)


def _flow(house: House, event: RegisterEvent, row: UUID) -> Flow:
    """Return the one entry without person: how many people a report is about, never who.

    With a guard in it the entry is kept out of every view but the DSB's, and the guards stand in the staff part alone.
    """
    guarded = bool(event.stops)
    return Flow(
        kind=Kind.RECEIVED,
        sender=event.source,
        receiver=house.controller,
        receiver_name=house.name,
        purpose="schutz" if guarded else event.kind.value,
        action="event.received",
        basis="schutz" if guarded else "einwilligung",
        categories=() if guarded else tuple(sorted(event.payload)),
        n=len(event.subjects),
        restrict=guarded,
        case=str(row),
        reason=" ".join(sorted({stop.guard.value for stop in event.stops})),
    )
