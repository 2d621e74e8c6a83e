"""A stop recalls what is queued, in the transaction that writes the stop (data-path.md § 3).

Needs no consent: a veto stands before the gate. What was handed over before, to a Behörde or as a letter that may not
be printed yet, becomes a clerk's task, also where an address is protected from now on. Called by
``steps.receive`` and, later, by a clerk's page; the caller holds the advisory locks of case and subjects.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Table, and_, delete, insert, or_, select, update
from sqlmodel import Session

from consent.store import raise_epoch
from proaktiv.calling import call_human
from proaktiv.core.cases import AuftragMoved, ForClerk, ProposalMoved, Stopped, apply
from proaktiv.core.flows import Flow, Kind
from proaktiv.core.guards import (
    CUSTODY_ELSEWHERE,
    MOTHER_DIED,
    PROTECTED_AFTER_SENDING,
    PROTECTS_PERSON,
    STOPS_HOLDER,
    Guard,
    of_child,
    reaches_addressee,
    reaches_events,
    reaches_holder,
)
from proaktiv.core.keys import PersonKey
from proaktiv.core.states import SENT_AUFTRAEGE, AuftragState, EventState, ProposalState
from proaktiv.core.windows import MOURNING
from proaktiv.house import House
from proaktiv.locks import lock_keys
from proaktiv.matters import (
    AUFTRAEGE,
    PERHAPS_THERE,
    PROPOSALS,
    SIGNATURES,
    bundles_of,
    drop_lookups,
    load_case,
    open_bundles,
    silence_bundles,
    write_moves,
)
from proaktiv.outtray import call_back
from proaktiv.subjects import resolve, stops_on
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

_HOLDS_BACK = frozenset({Guard.BEDINGTER_SPERRVERMERK})
"""What dispatch does not send for, and leaves with us (§ 52 BMG)."""


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
    """Take back what the stops of a set of events reach. Locks the persons, then rows, the log last.

    Reached by an entry's stop: everything of its events. Reached by a person's stop: everything addressed to them
    (where custody is gone: everything about a child) and everything of events in which they are the child. The log
    tells of each person by which guards.
    """
    known = resolve(session, [stop.target for stop in stops if stop.scope == "person"])
    gone: dict[UUID, set[Guard]] = {}
    for stop in stops:
        if reaches_addressee(stop.scope, stop.guard) and stop.target in known:
            gone.setdefault(known[stop.target], set()).add(stop.guard)
    without = {known[s.target] for s in stops if reaches_holder(s.scope, s.guard) and s.target in known}
    events, children = _events_of(session, stops)
    hides = {stop.target for stop in stops if stop.scope == "person" and stop.guard in PROTECTS_PERSON}
    if not known and not events:
        _tell_behoerde(session, house, hides, (), now)
        return Recalled(0, 0, 0)
    connection = session.connection()
    addressed = connection.execute(select(PROPOSALS.c.person).where(PROPOSALS.c.event.in_(events)).distinct())
    raise_epoch(connection, {*known.values(), *addressed.scalars()})
    where = _reached(PROPOSALS, events, gone, without)
    # With what their yes had closed: the other parent may want what the dead one had ordered.
    case = load_case(session, or_(where, PROPOSALS.c.closed_by.in_(select(PROPOSALS.c.id).where(where))))
    reached = connection.execute(select(PROPOSALS.c.id, PROPOSALS.c.event, PROPOSALS.c.bundle).where(where)).all()
    event_of = {row.id: row.event for row in reached}
    _, effects = apply(case, Stopped(stops[0].guard, frozenset(event_of)))
    write_moves(session, house.ids, effects, now)
    reopened = {e.item for e in effects if isinstance(e, ProposalMoved) and e.to is ProposalState.OPEN}
    open_bundles(session, bundles_of(session, reopened), now, tell_at=now + MOURNING)
    session.connection().execute(delete(_WIEDERVORLAGEN).where(_reached(_WIEDERVORLAGEN, events, gone, without)))
    silence_bundles(session, {row.bundle for row in reached})
    drop_lookups(session, _reached(_LOOKUPS, events, gone, without), now)
    _sign_no_more(session, without)
    _call(session, house, stops, events, without, now)
    dead = [person for person, guards in gone.items() if Guard.VERSTORBEN in guards]
    if dead:
        connection.execute(update(_PERSONS).where(_PERSONS.c.person.in_(dead)).values(status="deceased"))
    hidden = {known[target] for target in hides if target in known}
    _ask_no_more(session, hidden)
    _tell_behoerde(session, house, hides, hidden, now)
    call_back(session, house, {*gone, *hidden}, {row.bundle for row in reached}, now)
    moved = {effect.item for effect in effects if isinstance(effect, ProposalMoved | AuftragMoved)} & event_of.keys()
    told: dict[UUID | None, tuple[int, set[Guard]]] = {}
    for item in case.items:
        if item.id in moved:
            person = item.candidate.person
            n, guards = told.get(person, (0, set()))
            guards = guards | events.get(event_of[item.id], set()) | gone.get(person, set())
            told[person] = (n + 1, guards | (STOPS_HOLDER if person in without else set()))
    # A stop that finds nothing to take back leaves its entry, too.
    standing = {of_child(stop.guard) if stop.target in children else stop.guard for stop in stops}
    idle = standing.difference(*(guards for _, guards in told.values()))
    if idle:
        told[None] = (0, idle)
    house.log.record(session, [_flow(house, person, n, _names(guards)) for person, (n, guards) in told.items()], now)
    return Recalled(
        proposals=sum(isinstance(effect, ProposalMoved) for effect in effects) - len(reopened),
        auftraege=sum(isinstance(effect, AuftragMoved) for effect in effects),
        tasks=sum(isinstance(effect, ForClerk) for effect in effects),
    )


def _reached(
    table: Table, events: Collection[UUID], gone: Collection[UUID], without: Collection[UUID]
) -> ColumnElement[bool]:
    """Say which rows of a table stops reach: of these events, of the dead, and about a child of these holders.

    Also what would remind of it later: no birthday of a child that died.
    """
    of_holders = and_(table.c.person.in_(without), table.c.event.in_(_about_children()))
    return or_(table.c.event.in_(events), table.c.person.in_(gone), of_holders)


def _about_children() -> Select[tuple[UUID]]:
    return select(_SUBJECTS.c.event).where(_SUBJECTS.c.role == "kind")


def _sign_no_more(session: Session, without: Collection[UUID]) -> None:
    """End what second signatures were asked for of those who are told nothing about a child any more."""
    if not without:
        return
    about = (
        select(AUFTRAEGE.c.id)
        .join(PROPOSALS, PROPOSALS.c.id == AUFTRAEGE.c.proposal)
        .where(PROPOSALS.c.event.in_(_about_children()))
    )
    ended = update(SIGNATURES).where(
        SIGNATURES.c.state == "requested", SIGNATURES.c.person.in_(without), SIGNATURES.c.auftrag.in_(about)
    )
    bundles = session.connection().execute(ended.values(state="refused", content=None).returning(SIGNATURES.c.bundle))
    silence_bundles(session, set(bundles.scalars()))


def _ask_no_more(session: Session, hidden: Collection[UUID]) -> None:
    """End what a second signature was asked for where one of the two hides: what either did would tell the other.

    It ends like a refusal, of which nobody hears. Source: § 51 BMG.
    """
    if not hidden:
        return
    theirs = select(SIGNATURES.c.auftrag).where(SIGNATURES.c.person.in_(hidden))
    ended = (
        session.connection()
        .execute(
            update(SIGNATURES)
            .where(SIGNATURES.c.state == "requested", SIGNATURES.c.auftrag.in_(theirs))
            .values(state="refused", content=None)
            .returning(SIGNATURES.c.bundle)
        )
        .scalars()
    )
    silence_bundles(session, set(ended))


def _tell_behoerde(
    session: Session, house: House, hides: Collection[bytes], hidden: Collection[UUID], now: datetime
) -> None:
    """Let a human tell each Behörde that has an Auftrag of somebody who hides from now on, and did not hear it then.

    It is theirs, signed by them, or about them as the child. Nothing is taken back: what is sent from now on carries
    the mark by itself (§ 51 BMG) or rests (§ 52 BMG).
    """
    if not hides:
        return
    about = select(PROPOSALS.c.id).where(
        PROPOSALS.c.event.in_(
            select(_SUBJECTS.c.event).where(_SUBJECTS.c.role == "kind", _SUBJECTS.c.lookup_hash.in_(hides))
        )
    )
    signed = select(SIGNATURES.c.auftrag).where(SIGNATURES.c.person.in_(hidden), SIGNATURES.c.state == "signed")
    there = select(AUFTRAEGE.c.id, AUFTRAEGE.c.behoerde).where(
        or_(AUFTRAEGE.c.person.in_(hidden), AUFTRAEGE.c.proposal.in_(about), AUFTRAEGE.c.id.in_(signed)),
        AUFTRAEGE.c.undone_at.is_(None),
        AUFTRAEGE.c.sperrvermerk.is_(False),
        or_(AUFTRAEGE.c.state.in_([state.value for state in SENT_AUFTRAEGE]), PERHAPS_THERE),
    )
    found = session.connection().execute(there).all()
    call_human(session, house, [(PROTECTED_AFTER_SENDING, row.id, row.behoerde) for row in found], now)


def lift(session: Session, house: House, stops: Collection[UUID], now: datetime) -> int:
    """Lift standing stops, and let a human look at what each had taken back. Returns how many were lifted."""
    if not stops:
        return 0
    connection = session.connection()
    standing = connection.execute(
        select(_STOPS.c.target, _STOPS.c.event).where(_STOPS.c.id.in_(stops), _STOPS.c.lifted_at.is_(None))
    ).all()
    if not standing:
        return 0
    targets = {row.target for row in standing}
    lock_keys(session, targets)
    persons = resolve(session, targets)
    raise_epoch(connection, set(persons.values()))
    lifted = connection.execute(
        update(_STOPS).where(_STOPS.c.id.in_(stops), _STOPS.c.lifted_at.is_(None)).values(lifted_at=now)
    ).rowcount
    still = stops_on(session, targets)
    back = {person for key, person in persons.items() if Guard.VERSTORBEN not in still.get(key, frozenset())}
    children = select(_RELATIONS.c.to_person).where(_RELATIONS.c.kind == "elternteil")
    gone = _PERSONS.c.person.in_(back) & (_PERSONS.c.status == "deceased")
    connection.execute(update(_PERSONS).where(gone, _PERSONS.c.person.in_(children)).values(status="child"))
    connection.execute(update(_PERSONS).where(gone).values(status="active"))
    _go_on(session, {person for key, person in persons.items() if not still.get(key, frozenset()) & _HOLDS_BACK}, now)
    tasks = [
        {"id": house.ids.row(now), "what": "stop.lifted", "matter": event, "behoerde": "", "made_at": now}
        for event in sorted({row.event for row in standing}, key=str)
    ]
    connection.execute(insert(_TASKS), tasks)
    flow = replace(_flow(house, None, lifted, ""), action="stop.lifted", outcome="lifted")
    house.log.record(session, [flow], now)
    return lifted


def _go_on(session: Session, persons: Collection[UUID], now: datetime) -> None:
    """Let what rested with us for a protection that is lifted go its ordinary way; dispatch asks the gate anew."""
    session.connection().execute(
        update(AUFTRAEGE)
        .where(
            AUFTRAEGE.c.person.in_(persons),
            AUFTRAEGE.c.state.in_((AuftragState.HELD.value, AuftragState.READY.value)),
            AUFTRAEGE.c.due_at.is_(None),
            AUFTRAEGE.c.undone_at.is_(None),
        )
        .values(due_at=now)
    )


def _call(
    session: Session,
    house: House,
    stops: Sequence[Stop],
    events: Mapping[UUID, set[Guard]],
    without: Collection[UUID],
    now: datetime,
) -> None:
    """Give a human what no rule may go on with: custody that lies elsewhere, a birth whose mother died."""
    connection = session.connection()
    children = [event for event, guards in events.items() if Guard.SORGE_ENTZOGEN in guards]
    dead = [stop.target for stop in stops if stop.scope == "person" and stop.guard is Guard.VERSTORBEN]
    tasks: list[tuple[str, UUID, str]] = []
    if without or children:
        addressed = select(PROPOSALS.c.event).where(
            or_(
                and_(PROPOSALS.c.person.in_(without), PROPOSALS.c.event.in_(_about_children())),
                PROPOSALS.c.event.in_(children),
            )
        )
        tasks += [(CUSTODY_ELSEWHERE, event, "") for event in connection.execute(addressed.distinct()).scalars()]
    if dead:  # what still waits for the gate is seen there
        births = (
            select(_SUBJECTS.c.event)
            .join(_EVENTS, _EVENTS.c.id == _SUBJECTS.c.event)
            .where(
                _SUBJECTS.c.lookup_hash.in_(dead),
                _SUBJECTS.c.role == "mutter",
                _EVENTS.c.state.in_((EventState.ADMITTED.value, EventState.NEEDS.value)),
            )
        )
        tasks += [(MOTHER_DIED, event, "") for event in set(connection.execute(births).scalars()) - events.keys()]
    call_human(session, house, tasks, now, once=True)


def _events_of(session: Session, stops: Sequence[Stop]) -> tuple[dict[UUID, set[Guard]], set[bytes]]:
    """Return the events that may go no further, by which guards, and who of the stopped is the child of one."""
    by_target: dict[bytes, set[Guard]] = {}
    for stop in stops:
        if reaches_events(stop.scope, stop.guard):
            by_target.setdefault(stop.target, set()).add(stop.guard)
    entries = {stop.target for stop in stops if stop.scope == "entry"} & by_target.keys()
    children = {stop.target for stop in stops if stop.scope == "person"} & by_target.keys()
    connection = session.connection()
    events: dict[UUID, set[Guard]] = {}
    born: set[bytes] = set()
    if entries:
        query = select(_EVENTS.c.id, _EVENTS.c.entry_hash).where(_EVENTS.c.entry_hash.in_(entries))
        for event, target in connection.execute(query):
            events.setdefault(event, set()).update(by_target[target])
    if children:
        query = select(_SUBJECTS.c.event, _SUBJECTS.c.lookup_hash).where(
            _SUBJECTS.c.lookup_hash.in_(children), _SUBJECTS.c.role == "kind"
        )
        for event, target in connection.execute(query):
            born.add(target)
            events.setdefault(event, set()).update(of_child(guard) for guard in by_target[target])
    return events, born


def _names(guards: Iterable[Guard]) -> str:
    return " ".join(sorted(guard.value for guard in guards))


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
