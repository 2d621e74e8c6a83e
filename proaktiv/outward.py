"""What the steps that cross the border of the house share: hold the cases, see the stops, ask the gate, call a human.

Locks in this order: case and child advisory locks (tried, never waited for), ``consent_subjects``, rows, log last.
Left to others: the rows themselves (``steps.look_up``, ``notify``, ``dispatch``). Source: data-path.md § 3.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar
from uuid import UUID

import structlog
from sqlalchemy import select
from sqlmodel import Session

from consent.model import (
    Activity,
    Ask,
    Operation,
    Permit,
    Prefill,
    Propose,
    Question,
    Refusal,
    Subject,
    SubjectStatus,
    Transmit,
    Watch,
)
from consent.store import activities, decide_set
from notifiers.model import Clearance
from proaktiv.core.flows import Flow
from proaktiv.core.guards import PROTECTS_PERSON, STOPS_CHILD, STOPS_EVENT, STOPS_PERSON, Guard
from proaktiv.core.outbound import End, Ended
from proaktiv.house import House
from proaktiv.locks import try_lock_keys
from proaktiv.subjects import hold_subjects, stops_on
from proaktiv.tables import (
    EventSubjectRow,
    PersonIdentifierRow,
    RegisterEventRow,
    StopRow,
    SubjectHeadRow,
    TaskRow,
    core_table,
)
from proaktiv.vault import Compartment, Ring

_EVENTS = core_table(RegisterEventRow)
_SUBJECTS = core_table(EventSubjectRow)
_IDENTIFIERS = core_table(PersonIdentifierRow)
_STOPS = core_table(StopRow)
_HEADS = core_table(SubjectHeadRow)
_TASKS = core_table(TaskRow)

_log = structlog.get_logger(__name__)

Outward = TypeVar("Outward", Watch, Prefill, Propose, Transmit)


@dataclass(frozen=True, slots=True)
class Wish:
    """What an outward step wants to do for one person.

    ``fields`` None means all that the activity names, ``recipient`` None whom it names. ``requested``: the person is
    known by their own request to enrol and by nothing else yet, which is no reason to call them unknown. ``channel``
    is set where the act is a message.
    """

    activity: str
    person: UUID
    scope: str = ""
    fields: frozenset[str] | None = None
    requested: bool = False
    recipient: str | None = None
    channel: str = ""


@dataclass(frozen=True, slots=True)
class Held:
    """The events whose cases this transaction holds, and the guards that stop some of them.

    ``hidden`` are those about a child whom §§ 51, 52 BMG protect, whatever its parents are.
    """

    events: frozenset[UUID]
    stopped: dict[UUID, Guard]
    hidden: frozenset[UUID] = frozenset()


def hold(session: Session, events: Collection[UUID]) -> Held:
    """Take the locks that ``receive`` takes before it writes a stop, as far as nobody has them; then read the stops.

    An event whose case somebody else holds is missing in the answer: it is left for the next tick.
    """
    if not events:
        return Held(frozenset(), {})
    connection = session.connection()
    entries = {
        row.id: row
        for row in connection.execute(
            select(_EVENTS.c.id, _EVENTS.c.case_key, _EVENTS.c.entry_hash).where(_EVENTS.c.id.in_(set(events)))
        )
    }
    children: dict[UUID, set[bytes]] = {}
    for event, lookup_hash in connection.execute(
        select(_SUBJECTS.c.event, _SUBJECTS.c.lookup_hash).where(
            _SUBJECTS.c.event.in_(entries), _SUBJECTS.c.role == "kind"
        )
    ):
        children.setdefault(event, set()).add(lookup_hash)
    wanted = {event: {row.case_key, *children.get(event, ())} for event, row in entries.items()}
    gained = try_lock_keys(session, set[bytes]().union(*wanted.values()))
    mine = [event for event, keys in wanted.items() if keys <= gained]
    stops = stops_on(session, {entries[event].entry_hash for event in mine} | {k for e in mine for k in wanted[e]})
    stopped: dict[UUID, Guard] = {}
    for event in mine:
        guards = stops.get(entries[event].entry_hash, frozenset()) & STOPS_EVENT
        for child in children.get(event, ()):
            guards |= stops.get(child, frozenset()) & (STOPS_CHILD | STOPS_EVENT)
        if guards:
            stopped[event] = min(guards)
    hidden = {e for e in mine if any(stops.get(c, frozenset()) & PROTECTS_PERSON.keys() for c in children.get(e, ()))}
    return Held(frozenset(mine), stopped, frozenset(hidden))


def ask(
    session: Session,
    house: House,
    phase: type[Outward],
    wishes: Sequence[Wish],
    *,
    operation: Operation,
    now: datetime,
) -> tuple[list[Permit[Outward] | Refusal], dict[UUID, Subject]]:
    """Lock the persons, read how they stand, and ask the gate for each wish. Answers are in the order of the wishes."""
    if not wishes:
        return [], {}
    connection = session.connection()
    standing = hold_subjects(session, {wish.person for wish in wishes})
    dead = _dead(session, {wish.person for wish in wishes if wish.requested})
    released = activities(connection, {wish.activity for wish in wishes})
    questions = []
    for wish in wishes:
        activity = released.get(wish.activity)
        subject = standing[wish.person]
        if wish.requested and subject.status is SubjectStatus.UNKNOWN:
            status = SubjectStatus.DECEASED if wish.person in dead else SubjectStatus.ALIVE
            subject = replace(subject, status=status)
        fields = wish.fields
        if fields is None:
            fields = frozenset() if activity is None else activity.fields
        questions.append(
            Question(
                activity=wish.activity,
                subject=subject,
                ask=Ask(
                    caller=house.controller,
                    recipient=_recipient(wish, activity),
                    operation=operation,
                    fields=fields,
                    at=now,
                    channel=wish.channel,
                ),
                scope=wish.scope,
            )
        )
    return decide_set(connection, phase, questions), standing


def _dead(session: Session, persons: set[UUID]) -> set[UUID]:
    """Return who of the persons that are enrolling is stopped: to the gate they are nobody yet, to us not."""
    if not persons:
        return set()
    found = session.connection().execute(
        select(_IDENTIFIERS.c.person)
        .join(_STOPS, _STOPS.c.target == _IDENTIFIERS.c.lookup_hash)
        .where(
            _IDENTIFIERS.c.person.in_(persons),
            _STOPS.c.scope == "person",
            _STOPS.c.guard.in_([guard.value for guard in STOPS_PERSON]),
            _STOPS.c.lifted_at.is_(None),
        )
    )
    return set(found.scalars())


def _recipient(wish: Wish, activity: Activity | None) -> str:
    if wish.recipient is not None:
        return wish.recipient
    return "" if activity is None else activity.recipient


def loggable(ring: Ring, person: UUID | None) -> UUID | None:
    """Return the person if the log can seal an entry for them; whoever has no key yet, or no more, stays unnamed."""
    return person if person is not None and ring.has(person, Compartment.FLOW) else None


def write_log(
    session: Session,
    house: House,
    ended: Sequence[Flow],
    cleared: Sequence[tuple[Flow, str]],
    ring: Ring,
    now: datetime,
) -> list[Clearance]:
    """Log what was refused and what may leave; return the leaves in order.

    The log numbers each person's entries under a lock. Two calls would take these locks in two orders, and two
    workers could wait for each other: so all of them are taken here first.
    """
    if ended and cleared:
        persons = {flow.person for flow in (*ended, *(flow for flow, _ in cleared)) if flow.person is not None}
        session.connection().execute(
            select(_HEADS.c.subj)
            .where(_HEADS.c.subj.in_([house.log.subj(person) for person in persons]))
            .order_by(_HEADS.c.subj)
            .with_for_update()
        )
    house.log.record(session, ended, now, ring)
    return house.log.authorise(session, cleared, now, ring)


def broken(step: str, matter: UUID, wire_id: str, error: Exception) -> Ended:
    """Log an error that no act should end with, and call the end unsure: it may have arrived.

    One odd error must not lose the results of the whole set. Its text stays out of the log: it may hold anything.
    """
    _log.error("hand_over.broken", step=step, matter=str(matter), wire_id=wire_id, error=type(error).__name__)
    return Ended(End.UNSURE)
