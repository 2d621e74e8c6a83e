"""Gate: which of the due events may be looked into, for whom. Everything after it needs the permits it returns.

Claims due events, source by source in turn (a flood of one makes no other wait) and case by case (no event overtakes
an earlier one of its case, none runs while ``receive`` writes a stop about it), lets stops veto, then asks consent for
``watch`` and ``match``; of a move also whether letters may follow it. Opens nothing.
Source: data-path.md §§ 3, 5; security-and-faults.md T21.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Row,
    Uuid,
    all_,
    and_,
    func,
    insert,
    literal,
    or_,
    select,
    true,
    update,
)
from sqlmodel import Session

from consent.model import Match, Permit, Question, Refusal, Subject, SubjectStatus, Watch
from consent.store import decide_set
from proaktiv.calling import call_human
from proaktiv.core.flows import Flow, Kind
from proaktiv.core.guards import STOPS_HOLDER, Guard, for_humans, stops_whole_event
from proaktiv.core.outbound import HOUSE_MADE
from proaktiv.core.passage import Admission, Admitted, Claimed
from proaktiv.core.states import EventState
from proaktiv.following import may_follow
from proaktiv.house import House
from proaktiv.locks import try_lock_keys
from proaktiv.matters import forget_events, take_back_older
from proaktiv.sets import among
from proaktiv.steps.gate.telling import holder_entry, refusal_entry, stop_entry, unknown_entry
from proaktiv.subjects import hold_subjects, resolve, stops_on
from proaktiv.tables import EventSubjectRow, IncidentRow, RegisterEventRow, core_table

PROBES = ("evaluate.claim.after", "evaluate.gate.after")

_EVENTS = core_table(RegisterEventRow)
_SUBJECTS = core_table(EventSubjectRow)
_INCIDENTS = core_table(IncidentRow)
_EARLIER = _EVENTS.alias("earlier")
_OTHERS = _EVENTS.alias("others")

# Written into the statement: as parameters they would hide from a kept plan that an index is about just these.
_WAITING = literal(EventState.WAITING.value, literal_execute=True)
_NEEDS = literal(EventState.NEEDS.value, literal_execute=True)

_ROUNDS = 8
"""How many sets that other workers hold are passed over in one claim."""

ASIDE = timedelta(hours=1)
"""How long an event waits that the house could not decide by its own fault."""


def admit(session: Session, house: House, now: datetime, limit: int) -> Admission:
    """Claim up to ``limit`` (1..250) due events, end those that may not go on, return permits for the rest."""
    events = _claim(session, now, limit)
    house.probe("evaluate.claim.after")
    if not events:
        return Admission()
    targets = {event.entry_hash for event in events} | {key for event in events for _, key in event.subjects}
    stops = stops_on(session, targets)
    running = [event for event in events if not _stopped(event, stops)]
    stopped = [event for event in events if _stopped(event, stops)]
    _call(session, house, events, stops, now)
    followed, waiting = may_follow(session, house, running, now)
    admitted, flows, refused, ours = _ask(session, house, running, stops, waiting, now)
    _set_aside(session, house, ours, now)
    _end(session, stopped, EventState.STOPPED)
    _end(session, refused, EventState.REFUSED)
    # A correction that leads nowhere still takes back what the older version led to.
    take_back_older(session, house.ids, [event.id for event in refused if event.register_version > 1], (), now)
    flows += [stop_entry(house, event) for event in stopped]
    house.probe("evaluate.gate.after")
    aside = {event.id for event in ours}
    followed = tuple(each for each in followed if each.event.id not in aside)
    return Admission(tuple(admitted), len(stopped) + len(refused), tuple(flows), followed)


def _claim(session: Session, now: datetime, limit: int) -> list[Claimed]:
    tried: set[UUID] = set()
    for _ in range(_ROUNDS):
        candidates = _candidates(session, now, limit, tried)
        if not candidates:
            return []
        subjects = _subjects(session, list(candidates))
        wanted = {event: {case, *(key for _, key in subjects.get(event, ()))} for event, case in candidates.items()}
        # Never waits: a case that receive or another worker holds is left for the next tick, so no deadlock is
        # possible. Where another worker holds the whole set, the one behind it is ours.
        held = try_lock_keys(session, set().union(*wanted.values()))
        mine = [event for event, keys in wanted.items() if keys <= held]
        if mine:
            return _locked(session, now, mine, subjects)
        tried |= candidates.keys()
    return []


def _due(now: datetime) -> ColumnElement[bool]:
    """Say which events are due and have no unfinished earlier one in their case."""
    earlier = (
        select(_EARLIER.c.id)
        .where(
            _EARLIER.c.case_key == _EVENTS.c.case_key,
            _EARLIER.c.seq < _EVENTS.c.seq,
            or_(_EARLIER.c.state == _WAITING, _EARLIER.c.state == _NEEDS),
        )
        .exists()
    )
    return and_(_EVENTS.c.state == _WAITING, _EVENTS.c.due_at <= now, ~earlier)


def _candidates(session: Session, now: datetime, limit: int, tried: Collection[UUID]) -> dict[UUID, bytes]:
    """Return due events with their cases: the oldest of each source, then the second of each, and so on.

    The sources are found by jumping along the index of waiting events, one probe each. Of each source no more than
    twice its share of the set is looked at, so a set costs as much with a thousand sources as with one.
    """
    first = select(func.min(_EVENTS.c.client).label("client")).where(_EVENTS.c.state == _WAITING)
    sources = first.cte("sources", recursive=True)
    following = select(func.min(_OTHERS.c.client)).where(
        _OTHERS.c.state == _WAITING, _OTHERS.c.client > sources.c.client
    )
    sources = sources.union_all(select(following.scalar_subquery()).where(sources.c.client.is_not(None)))
    counted = sources.alias("counted")
    share = (
        select(1 + literal(2 * limit) // func.greatest(func.count(counted.c.client), 1))
        .select_from(counted)
        .scalar_subquery()
    )
    order = (_EVENTS.c.due_at, _EVENTS.c.seq)
    theirs = (
        select(_EVENTS.c.id, _EVENTS.c.case_key, *order, func.row_number().over(order_by=order).label("turn"))
        .where(_EVENTS.c.client == sources.c.client, _due(now))
        .order_by(*order)
        .limit(share)
    )
    if tried:
        theirs = theirs.where(_EVENTS.c.id != all_(literal(list(tried), ARRAY(Uuid()))))
    turns = theirs.correlate(sources).lateral("turns")
    found = session.connection().execute(
        select(turns.c.id, turns.c.case_key)
        .select_from(sources.join(turns, true()))
        .order_by(turns.c.turn, turns.c.due_at, turns.c.seq)
        .limit(limit)
    )
    return {row.id: row.case_key for row in found}


def _locked(
    session: Session, now: datetime, events: Sequence[UUID], subjects: dict[UUID, tuple[tuple[str, bytes], ...]]
) -> list[Claimed]:
    """Lock events whose cases are ours, and return those that are still due."""
    rows = session.connection().execute(
        select(
            _EVENTS.c.id,
            _EVENTS.c.kind,
            _EVENTS.c.source,
            _EVENTS.c.entry_hash,
            _EVENTS.c.case_key,
            _EVENTS.c.arrived_at,
            _EVENTS.c.payload,
            _EVENTS.c.register_version,
        )
        .where(among(_EVENTS.c.id, events), _due(now))
        .order_by(_EVENTS.c.seq)
        .with_for_update(of=_EVENTS, skip_locked=True)
    )
    return [_claimed(row, subjects.get(row.id, ())) for row in rows]


def _claimed(row: Row[*tuple[Any, ...]], subjects: tuple[tuple[str, bytes], ...]) -> Claimed:
    return Claimed(
        row.id,
        row.kind,
        row.source,
        row.entry_hash,
        row.case_key,
        row.arrived_at,
        row.payload,
        subjects,
        row.register_version,
    )


def _subjects(session: Session, events: Sequence[UUID]) -> dict[UUID, tuple[tuple[str, bytes], ...]]:
    found: dict[UUID, list[tuple[str, bytes]]] = {}
    for event, role, key in session.connection().execute(
        select(_SUBJECTS.c.event, _SUBJECTS.c.role, _SUBJECTS.c.lookup_hash)
        .where(among(_SUBJECTS.c.event, events))
        .order_by(_SUBJECTS.c.event, _SUBJECTS.c.role)
    ):
        found.setdefault(event, []).append((role, key))
    return {event: tuple(subjects) for event, subjects in found.items()}


def _stopped(event: Claimed, stops: dict[bytes, frozenset[Guard]]) -> bool:
    child = frozenset() if event.child is None else stops.get(event.child, frozenset())
    return stops_whole_event(stops.get(event.entry_hash, frozenset()), child)


def _call(
    session: Session, house: House, events: Sequence[Claimed], stops: dict[bytes, frozenset[Guard]], now: datetime
) -> None:
    """Give a human what no rule may go on with, where the event is about somebody who is enrolled here.

    Of a stillbirth, an adoption, a cancelled entry, a child that died, nobody is called.
    """
    wanted: dict[UUID, tuple[str, ...]] = {}
    for event in events:
        at_entry = stops.get(event.entry_hash, frozenset())
        at_child = stops.get(event.child, frozenset()) if event.child is not None else frozenset()
        if not stops_whole_event(at_entry, at_child - {Guard.SORGE_ENTZOGEN}):
            wanted[event.id] = for_humans((role, stops.get(key, frozenset())) for role, key in event.subjects)
    wanted = {event: tasks for event, tasks in wanted.items() if tasks}
    if not wanted:
        return
    meant = [event for event in events if event.id in wanted]
    known = resolve(session, {key for event in meant for _, key in event.addressees})
    tasks = [
        (task, event.id, "")
        for event in meant
        if any(key in known for _, key in event.addressees)
        for task in wanted[event.id]
    ]
    call_human(session, house, tasks, now, once=True)


def _ask(
    session: Session,
    house: House,
    events: Sequence[Claimed],
    stops: dict[bytes, frozenset[Guard]],
    waiting: Collection[UUID],
    now: datetime,
) -> tuple[list[Admitted], list[Flow], list[Claimed], list[Claimed]]:
    """Return what is admitted, the log's refusals, the events of which nothing remains, those that we must not end.

    ``waiting`` are those that we must not end for another reason.
    """
    persons = resolve(session, {key for event in events for _, key in event.addressees})
    standing = hold_subjects(session, persons.values())
    places: list[tuple[Claimed, str, bytes, UUID, str]] = []
    unknown: dict[UUID, int] = {}
    flows: list[Flow] = []
    for event in events:
        for role, key in event.addressees:
            person = persons.get(key)
            if person is None or standing[person].status is SubjectStatus.UNKNOWN:
                unknown[event.id] = unknown.get(event.id, 0) + 1
                continue
            if event.child is not None and stops.get(key, frozenset()) & STOPS_HOLDER:
                flows.append(holder_entry(house, event, person))
                continue
            places.extend(
                (event, role, key, person, lebenslage.name) for lebenslage in house.rules.for_event(event.kind)
            )
    watch = decide_set(session.connection(), Watch, [_question(house, p, standing, "watch", now) for p in places])
    match = decide_set(session.connection(), Match, [_question(house, p, standing, "match", now) for p in places])
    admitted: list[Admitted] = []
    # A release or an approval that is missing is the house's fault: it must not cost a family its event.
    ours = set(waiting) | {
        place[0].id
        for place, *answers in zip(places, watch, match, strict=True)
        if any(isinstance(answer, Refusal) and answer.reason in HOUSE_MADE for answer in answers)
    }
    for place, first, second in zip(places, watch, match, strict=True):
        event, role, key, person, lebenslage = place
        if event.id in ours:
            continue
        if isinstance(first, Permit) and isinstance(second, Permit):
            admitted.append(Admitted(event, person, key, role, lebenslage, first, second))
        else:
            flows.append(refusal_entry(house, event, person, first if isinstance(first, Refusal) else second))
    kept = {item.event.id for item in admitted}
    flows += [
        unknown_entry(house, event, unknown[event.id])
        for event in events
        if event.id in unknown and event.id not in ours
    ]
    flows += [unknown_entry(house, event, 0) for event in events if not event.addressees]
    ended = [event for event in events if event.id not in kept | ours]
    return admitted, flows, ended, [event for event in events if event.id in ours]


def _question(
    house: House,
    place: tuple[Claimed, str, bytes, UUID, str],
    standing: dict[UUID, Subject],
    phase: str,
    now: datetime,
) -> Question:
    _, _, _, person, lebenslage = place
    flow = house.rules.fluss(f"{lebenslage}/{phase}")
    return Question(activity=flow.name, subject=standing[person], ask=flow.ask(house.controller, now))


def _set_aside(session: Session, house: House, events: Sequence[Claimed], now: datetime) -> None:
    """Let events wait that the house itself cannot admit now, and tell operator and DSB."""
    for event in events:
        set_aside(session, house, event.id, "event.house_refused", now)


def set_aside(session: Session, house: House, event: UUID, what: str, now: datetime) -> None:
    """Let one event wait an hour, with an incident that names it; its payload stays sealed as it is."""
    connection = session.connection()
    connection.execute(update(_EVENTS).where(_EVENTS.c.id == event).values(due_at=now + ASIDE))
    connection.execute(insert(_INCIDENTS), [{"id": house.ids.row(now), "what": what, "matter": event, "at": now}])
    flow = Flow(
        kind=Kind.INCIDENT,
        sender=house.controller,
        receiver=house.controller,
        purpose="betrieb",
        action="event.set_aside",
        basis="Art. 32 DSGVO",
        outcome=what,
        case=str(event),
    )
    house.log.record(session, [flow], now)


def _end(session: Session, events: Sequence[Claimed], state: EventState) -> None:
    """End events that go no further, and destroy what they say."""
    if not events:
        return
    ids = [event.id for event in events]
    session.connection().execute(
        update(_EVENTS).where(among(_EVENTS.c.id, ids)).values(state=state.value, payload=None, due_at=None)
    )
    forget_events(session, ids)
