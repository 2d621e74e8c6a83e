"""Write what is new of one set: the log's entries, the events, their subjects and stops; each table once."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import insert
from sqlmodel import Session

from proaktiv.core.calendar import month_of
from proaktiv.core.clients import Client
from proaktiv.core.flows import Flow, Kind
from proaktiv.core.states import EventState
from proaktiv.house import House
from proaktiv.recall import Stop
from proaktiv.steps.receive.sorting import Fresh
from proaktiv.tables import EventSubjectRow, RegisterEventRow, StopRow, core_table
from proaktiv.vault import Place

_EVENTS = core_table(RegisterEventRow)
_SUBJECTS = core_table(EventSubjectRow)
_STOPS = core_table(StopRow)


def write(session: Session, house: House, client: Client, fresh: Sequence[Fresh], now: datetime) -> list[Stop]:
    """Write new reports. Returns the stops that count from now on."""
    flows = house.log.record(session, [_flow(house, item) for item in fresh], now)
    events = []
    subjects = []
    stops = []
    in_force: list[Stop] = []
    for item, flow_id in zip(fresh, flows, strict=True):
        event, names, row = item.event, item.names, item.row
        place = Place("register_events", row, "payload")
        events.append(
            {
                "id": row,
                "client": client.id,
                "source": event.source,
                "event_id": event.event_id,
                "kind": event.kind.value,
                "entry_hash": names.entry,
                "register_version": event.fassung,
                "version_of": item.earlier,
                "case_key": names.case,
                "ars": event.ars,
                "occurred_month": month_of(event.ereignis_am),
                "arrived_at": now,
                "state": item.state.value,
                "due_at": now if item.state is EventState.WAITING else None,
                "content_mac": names.content,
                "payload": house.vault.seal_to_worker(place, dict(event.payload)) if item.goes_on else None,
                "flow_id": flow_id,
                "quarantined_at": now if item.held else None,
            }
        )
        if item.goes_on:
            subjects += [{"event": row, "role": role, "lookup_hash": key} for role, key in names.subjects]
        for stop, detail in zip(names.stops, names.details, strict=True):
            counts = item.in_force(stop)
            if counts:
                in_force.append(stop)
            stops.append(
                {
                    "id": house.ids.row(now),
                    "target": stop.target,
                    "scope": stop.scope,
                    "guard": stop.guard.value,
                    "detail": detail,
                    "event": row,
                    "since": now,
                    "lifted_at": None if counts else now,
                }
            )
    connection = session.connection()
    # RETURNING is what makes SQLAlchemy send a set as one statement; rows are numbered (seq) in their order.
    connection.execute(insert(_EVENTS).returning(_EVENTS.c.id), events)
    if subjects:
        connection.execute(insert(_SUBJECTS).returning(_SUBJECTS.c.event), subjects)
    if stops:
        connection.execute(insert(_STOPS).returning(_STOPS.c.id), stops)
    return in_force


def _flow(house: House, item: Fresh) -> Flow:
    """Return the one entry without person: how many people a report is about, never who.

    With a guard in it the entry is kept out of every view but the DSB's, and the guards stand in the staff part alone.
    """
    event = item.event
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
        case=str(item.row),
        reason=" ".join(sorted({stop.guard.value for stop in event.stops})),
    )
