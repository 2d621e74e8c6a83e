"""A stop recalls what is queued, in the transaction that writes the stop (data-path.md § 3).

Needs no consent: a veto stands before the gate. What was handed over before becomes a clerk's task. Called by
``steps.receive`` and, later, by a clerk's page; the caller holds the advisory locks of case and subjects.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, insert, or_, select, update
from sqlmodel import Session

from consent.store import raise_epoch
from proaktiv.core.cases import AuftragMoved, ForClerk, ProposalMoved, Stopped, apply
from proaktiv.core.flows import Flow, Kind
from proaktiv.core.guards import STOPS_EVENT, STOPS_PERSON, Guard
from proaktiv.core.keys import PersonKey
from proaktiv.core.states import ProposalState
from proaktiv.database import lock_keys
from proaktiv.house import House
from proaktiv.matters import (
    PROPOSALS,
    bundles_of,
    drop_lookups,
    load_case,
    open_bundles,
    silence_bundles,
    write_moves,
)
from proaktiv.subjects import resolve
from proaktiv.tables import (
    EventSubjectRow,
    LookupRow,
    PersonRow,
    RegisterEventRow,
    RelationRow,
    StopRow,
    TaskRow,
    WiedervorlageRow,
    core_table,
)

_EVENTS = core_table(RegisterEventRow)
_SUBJECTS = core_table(EventSubjectRow)
_PERSONS = core_table(PersonRow)
_LOOKUPS = core_table(LookupRow)
_RELATIONS = core_table(RelationRow)
_STOPS = core_table(StopRow)
_TASKS = core_table(TaskRow)
_WIEDERVORLAGEN = core_table(WiedervorlageRow)


QUIET = timedelta(days=28)
"""How long nothing is written to a parent whose proposals stand open again because the other one died."""


@dataclass(frozen=True, slots=True)
class Stop:
    """One veto: ``target`` is a look-up hash (scope ``person``) or an entry's hash (scope ``entry``)."""

    scope: str
    target: bytes
    guard: Guard


@dataclass(frozen=True, slots=True)
class Recalled:
    """How much was taken back."""

    proposals: int
    auftraege: int
    tasks: int


def recall(session: Session, house: House, stops: Sequence[Stop], now: datetime) -> Recalled:
    """Take back what the stops reach. Locks the persons, then rows, the log last.

    Reached by an entry's stop: everything of its events. Reached by a person's stop: everything addressed to them and
    everything of events in which they are the child.
    """
    persons = set(resolve(session, [stop.target for stop in stops if stop.scope == "person"]).values())
    stopped_persons = set(
        resolve(
            session, [stop.target for stop in stops if stop.scope == "person" and stop.guard in STOPS_PERSON]
        ).values()
    )
    events = _events_of(session, stops)
    if not persons and not events:
        return Recalled(0, 0, 0)
    connection = session.connection()
    addressed = connection.execute(select(PROPOSALS.c.person).where(PROPOSALS.c.event.in_(events)).distinct())
    raise_epoch(connection, persons | set(addressed.scalars()))
    where = or_(PROPOSALS.c.event.in_(events), PROPOSALS.c.person.in_(stopped_persons))
    reached = select(PROPOSALS.c.id).where(where)
    # With what their yes had closed: the other parent may want what the dead one had ordered.
    case = load_case(session, or_(where, PROPOSALS.c.closed_by.in_(reached)))
    ids = frozenset(connection.execute(reached).scalars())
    _, effects = apply(case, Stopped(stops[0].guard, ids))
    write_moves(session, house.ids, effects, now)
    reopened = {e.item for e in effects if isinstance(e, ProposalMoved) and e.to is ProposalState.OPEN}
    open_bundles(session, bundles_of(session, reopened), now, tell_at=now + QUIET)
    _forget(session, events, stopped_persons)
    silence_bundles(session, connection.execute(select(PROPOSALS.c.bundle).where(where).distinct()).scalars())
    drop_lookups(session, or_(_LOOKUPS.c.event.in_(events), _LOOKUPS.c.person.in_(stopped_persons)), now)
    if any(stop.guard is Guard.VERSTORBEN for stop in stops):
        connection.execute(update(_PERSONS).where(_PERSONS.c.person.in_(stopped_persons)).values(status="deceased"))
    by_person: dict[UUID | None, int] = {}
    moved = {effect.item for effect in effects if isinstance(effect, ProposalMoved | AuftragMoved)} & ids
    for item in case.items:
        if item.id in moved:
            by_person[item.candidate.person] = by_person.get(item.candidate.person, 0) + 1
    guards = " ".join(sorted({stop.guard.value for stop in stops}))
    # A stop that finds nothing to take back leaves its entry, too.
    flows = [_flow(house, person, n, guards) for person, n in (by_person or {None: 0}).items()]
    house.log.record(session, flows, now)
    return Recalled(
        proposals=sum(isinstance(effect, ProposalMoved) for effect in effects) - len(reopened),
        auftraege=sum(isinstance(effect, AuftragMoved) for effect in effects),
        tasks=sum(isinstance(effect, ForClerk) for effect in effects),
    )


def _forget(session: Session, events: set[UUID], persons: set[UUID]) -> None:
    """Delete what would remind of a stopped event, or a dead person, later: no birthday of a child that died."""
    session.connection().execute(
        delete(_WIEDERVORLAGEN).where(or_(_WIEDERVORLAGEN.c.event.in_(events), _WIEDERVORLAGEN.c.person.in_(persons)))
    )


LIFTED_BY_STORNO = frozenset({"sterbefall", "schutzvermerk"})
"""Kinds of events whose cancellation takes a stop away instead of bringing one."""


def lift(session: Session, house: House, entry: bytes, kind: str, now: datetime) -> int:
    """Lift the stops that a cancelled event brought, and let a human look at what they had taken back.

    ``entry`` is the hash of the cancelled register entry, ``kind`` one of ``LIFTED_BY_STORNO``. Returns how many.
    """
    connection = session.connection()
    cancelled = select(_EVENTS.c.id).where(_EVENTS.c.entry_hash == entry, _EVENTS.c.kind == kind)
    standing = select(_STOPS.c.id, _STOPS.c.target).where(_STOPS.c.event.in_(cancelled), _STOPS.c.lifted_at.is_(None))
    targets = {row.target for row in connection.execute(standing)}
    if not targets:
        return 0
    lock_keys(session, targets)
    persons = set(resolve(session, targets).values())
    raise_epoch(connection, persons)
    lifted = connection.execute(
        update(_STOPS).where(_STOPS.c.event.in_(cancelled), _STOPS.c.lifted_at.is_(None)).values(lifted_at=now)
    ).rowcount
    children = select(_RELATIONS.c.to_person).where(_RELATIONS.c.kind == "elternteil")
    gone = _PERSONS.c.person.in_(persons) & (_PERSONS.c.status == "deceased")
    connection.execute(update(_PERSONS).where(gone, _PERSONS.c.person.in_(children)).values(status="child"))
    connection.execute(update(_PERSONS).where(gone).values(status="active"))
    task = {"id": house.ids.row(now), "what": "stop.lifted", "matter": None, "behoerde": "", "made_at": now}
    connection.execute(insert(_TASKS), [task])
    flow = replace(_flow(house, None, lifted, ""), action="stop.lifted", outcome="lifted")
    house.log.record(session, [flow], now)
    return lifted


def _events_of(session: Session, stops: Sequence[Stop]) -> set[UUID]:
    """Return the events that may go no further."""
    entries = [stop.target for stop in stops if stop.scope == "entry" and stop.guard in STOPS_EVENT]
    children = [stop.target for stop in stops if stop.scope == "person" and stop.guard in (STOPS_PERSON | STOPS_EVENT)]
    connection = session.connection()
    events = set(connection.execute(select(_EVENTS.c.id).where(_EVENTS.c.entry_hash.in_(entries))).scalars())
    events |= set(
        connection.execute(
            select(_SUBJECTS.c.event).where(_SUBJECTS.c.lookup_hash.in_(children), _SUBJECTS.c.role == "kind")
        ).scalars()
    )
    return events


def _flow(house: House, person: UUID | None, n: int, guards: str) -> Flow:
    return Flow(
        kind=Kind.RECALL,
        sender=house.controller,
        receiver=house.controller,
        purpose="schutz",
        action="matter.recalled",
        basis="schutz",
        outcome="recalled",
        n=n,
        restrict=True,
        person=None if person is None else PersonKey(person),
        reason=guards,
    )
