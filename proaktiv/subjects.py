"""How a person stands at this instant: known, alive, protected, stopped. Read under the caller's lock.

The gate's rows 4–6 rest on it. Left to others: consent (``consent.store``), what a stop recalls (``recall``).
"""

from collections.abc import Iterable, Mapping
from uuid import UUID

from sqlalchemy import select
from sqlmodel import Session

from consent.model import Subject, SubjectStatus
from consent.store import enter_subjects, lock_subjects
from proaktiv.core.guards import PROTECTS_PERSON, STOPS_CHILD, STOPS_EVENT, STOPS_HOLDER, STOPS_PERSON, Guard
from proaktiv.sets import among
from proaktiv.tables import (
    EventSubjectRow,
    PersonIdentifierRow,
    PersonRow,
    RegisterEventRow,
    RelationRow,
    StopRow,
    core_table,
)

_PERSONS = core_table(PersonRow)
_IDENTIFIERS = core_table(PersonIdentifierRow)
_STOPS = core_table(StopRow)
_RELATIONS = core_table(RelationRow)
_EVENTS = core_table(RegisterEventRow)
_SUBJECTS = core_table(EventSubjectRow)


def read_subjects(session: Session, persons: Iterable[UUID]) -> dict[UUID, Subject]:
    """Return how each person stands; whoever has no row is UNKNOWN. Three queries, whatever the number.

    A person with a stop of ``STOPS_PERSON`` counts as DECEASED towards the gate: nothing goes to them.
    """
    wanted = set(persons)
    connection = session.connection()
    found_status = connection.execute(
        select(_PERSONS.c.person, _PERSONS.c.status).where(among(_PERSONS.c.person, wanted))
    )
    status: dict[UUID, str] = {row.person: row.status for row in found_status}
    stops: dict[UUID, set[Guard]] = {}
    found = connection.execute(
        select(_IDENTIFIERS.c.person, _STOPS.c.guard)
        .join(_STOPS, _STOPS.c.target == _IDENTIFIERS.c.lookup_hash)
        .where(among(_IDENTIFIERS.c.person, wanted), _STOPS.c.scope == "person", _STOPS.c.lifted_at.is_(None))
    )
    for person, guard in found:
        stops.setdefault(person, set()).add(Guard(guard))
    children = _children(session, wanted)
    return {
        person: _subject(person, status.get(person), stops.get(person, set()), children.get(person, set()))
        for person in wanted
    }


def hidden_of(session: Session, persons: Iterable[UUID]) -> frozenset[UUID]:
    """Return who of the persons is under protection: whoever is told nothing, and of whom nothing is told."""
    return frozenset(person for person, subject in read_subjects(session, persons).items() if subject.protections)


def hold_subjects(session: Session, persons: Iterable[UUID]) -> dict[UUID, Subject]:
    """Lock persons and their children FOR SHARE, then return how each person stands: it stays true until the commit.

    The lock comes first, so a death or a withdrawal that commits before it is seen and one that comes later waits.
    All at once and in one order, so that nobody who changes a child's and a holder's answer can wait in a circle.
    """
    wanted = set(persons)
    if not wanted:
        return {}
    everybody = wanted.union(*_children(session, wanted).values())
    enter_subjects(session.connection(), everybody)
    lock_subjects(session.connection(), everybody)
    return read_subjects(session, wanted)


def _children(session: Session, persons: set[UUID]) -> dict[UUID, set[UUID]]:
    children: dict[UUID, set[UUID]] = {}
    related = session.connection().execute(
        select(_RELATIONS.c.from_person, _RELATIONS.c.to_person).where(
            among(_RELATIONS.c.from_person, persons), _RELATIONS.c.kind == "sorge", _RELATIONS.c.known_to.is_(None)
        )
    )
    for holder, child in related:
        children.setdefault(holder, set()).add(child)
    return children


def _subject(person: UUID, status: str | None, guards: set[Guard], children: set[UUID]) -> Subject:
    if status is None or status == "requested":  # whoever has not finished enrolling is nobody to the gate
        standing = SubjectStatus.UNKNOWN
    elif status == "deceased" or guards & STOPS_PERSON:
        standing = SubjectStatus.DECEASED
    else:
        standing = SubjectStatus.ALIVE
    return Subject(
        person=person,
        status=standing,
        protections=frozenset(PROTECTS_PERSON[guard] for guard in guards if guard in PROTECTS_PERSON),
        children=frozenset(children),
    )


def resolve(session: Session, lookup_hashes: Iterable[bytes]) -> Mapping[bytes, UUID]:
    """Return the person of each look-up hash that resolves. Only ``register_id`` resolves an event."""
    found = session.connection().execute(
        select(_IDENTIFIERS.c.lookup_hash, _IDENTIFIERS.c.person).where(
            _IDENTIFIERS.c.kind == "register_id", among(_IDENTIFIERS.c.lookup_hash, set(lookup_hashes))
        )
    )
    return {row.lookup_hash: row.person for row in found}


def stops_on(session: Session, targets: Iterable[bytes]) -> dict[bytes, frozenset[Guard]]:
    """Return the standing stops on register entries or look-up hashes."""
    found = session.connection().execute(
        select(_STOPS.c.target, _STOPS.c.guard).where(
            among(_STOPS.c.target, set(targets)), _STOPS.c.lifted_at.is_(None)
        )
    )
    guards: dict[bytes, set[Guard]] = {}
    for target, guard in found:
        guards.setdefault(target, set()).add(Guard(guard))
    return {target: frozenset(names) for target, names in guards.items()}


def without_custody(session: Session, persons: Iterable[UUID]) -> frozenset[UUID]:
    """Return who of the persons is told nothing about a child any more (V09)."""
    found = session.connection().execute(
        select(_IDENTIFIERS.c.person)
        .join(_STOPS, _STOPS.c.target == _IDENTIFIERS.c.lookup_hash)
        .where(
            among(_IDENTIFIERS.c.person, set(persons)),
            _STOPS.c.scope == "person",
            _STOPS.c.guard.in_([guard.value for guard in STOPS_HOLDER]),
            _STOPS.c.lifted_at.is_(None),
        )
    )
    return frozenset(found.scalars())


def stopped_events(session: Session, events: Iterable[UUID], person: UUID | None = None) -> frozenset[UUID]:
    """Return which of the events a veto ended: on their register entry, or on the child they are about.

    With a ``person``: or ended for them, who are told nothing about a child any more.
    """
    wanted = set(events)
    if not wanted:
        return frozenset()
    connection = session.connection()
    targets: dict[UUID, set[bytes]] = {}
    about_child: set[UUID] = set()
    for event, entry in connection.execute(
        select(_EVENTS.c.id, _EVENTS.c.entry_hash).where(among(_EVENTS.c.id, wanted))
    ):
        targets.setdefault(event, set()).add(entry)
    for event, child in connection.execute(
        select(_SUBJECTS.c.event, _SUBJECTS.c.lookup_hash).where(
            among(_SUBJECTS.c.event, wanted), _SUBJECTS.c.role == "kind"
        )
    ):
        targets.setdefault(event, set()).add(child)
        about_child.add(event)
    stops = stops_on(session, set[bytes]().union(*targets.values()))
    ends = STOPS_EVENT | STOPS_CHILD
    over = frozenset(
        event for event, keys in targets.items() if any(stops.get(key, frozenset()) & ends for key in keys)
    )
    if person is None or not about_child - over or not without_custody(session, [person]):
        return over
    return over | about_child
