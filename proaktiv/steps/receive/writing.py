"""Write what is new of one set: the log's entries, the events, their subjects and stops; each table once."""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session

from proaktiv.core.calendar import month_of
from proaktiv.core.clients import Client
from proaktiv.core.flows import Flow, Kind
from proaktiv.core.states import EventState
from proaktiv.house import House
from proaktiv.recall import Stop
from proaktiv.sets import copy_rows
from proaktiv.steps.receive.sorting import Fresh
from proaktiv.tables import EventSubjectRow, RegisterEventRow, StopRow, core_table
from proaktiv.vault import Place

_EVENTS = core_table(RegisterEventRow)
_SUBJECTS = core_table(EventSubjectRow)
_STOPS = core_table(StopRow)
_EVENT_COLUMNS = (
    "id",
    "client",
    "source",
    "event_id",
    "kind",
    "entry_hash",
    "register_version",
    "version_of",
    "case_key",
    "ars",
    "occurred_month",
    "arrived_at",
    "state",
    "due_at",
    "content_mac",
    "payload",
    "flow_id",
    "quarantined_at",
)
_SUBJECT_COLUMNS = ("event", "role", "lookup_hash")
_STOP_COLUMNS = ("id", "target", "scope", "guard", "detail", "event", "since", "lifted_at")


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
            (
                row,
                client.id,
                event.source,
                event.event_id,
                event.kind.value,
                names.entry,
                event.fassung,
                item.earlier,
                names.case,
                event.ars,
                month_of(event.ereignis_am),
                now,
                item.state.value,
                now if item.state is EventState.WAITING else None,
                names.content,
                house.vault.seal_to_worker(place, dict(event.payload)) if item.goes_on else None,
                flow_id,
                now if item.held else None,
            )
        )
        if item.goes_on:
            subjects += [(row, role, key) for role, key in names.subjects]
        for stop, detail in zip(names.stops, names.details, strict=True):
            counts = item.in_force(stop)
            if counts:
                in_force.append(stop)
            lifted_at = None if counts else now
            stops.append(
                (house.ids.row(now), stop.target, stop.scope, stop.guard.value, detail, row, now, lifted_at),
            )
    # The database numbers the events (seq) in the order of the set.
    copy_rows(session, _EVENTS, _EVENT_COLUMNS, events)
    if subjects:
        copy_rows(session, _SUBJECTS, _SUBJECT_COLUMNS, subjects)
    if stops:
        copy_rows(session, _STOPS, _STOP_COLUMNS, stops)
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
