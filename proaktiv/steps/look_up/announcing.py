"""First transaction: ask the gate again, log each question as authorised, lease its row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypedDict
from uuid import UUID

from sqlalchemy import ColumnElement, and_, bindparam, case, or_, select, update
from sqlalchemy import Row as SqlRow
from sqlalchemy.dialects.postgresql import distinct_on
from sqlmodel import Session

from consent.model import Operation, Permit, Prefill, Refusal
from proaktiv.calling import call_human
from proaktiv.core.calendar import berlin_date
from proaktiv.core.flows import Flow
from proaktiv.core.forms import ANSCHRIFT, GEBURT, Form
from proaktiv.core.outbound import (
    AWAY_FOR,
    HOUSE_MADE,
    HOUSE_PAUSE,
    LEASE,
    PATIENCE,
    again_at,
    authorised,
    refused,
    stopped,
)
from proaktiv.house import House
from proaktiv.matters import release_events
from proaktiv.outages import REGISTER, Absent, absent, claim_named
from proaktiv.outward import Wish, ask, hold, loggable, write_log
from proaktiv.registers.model import Question
from proaktiv.steps.look_up.asking import Asking
from proaktiv.tables import EnrolmentRow, EventFactsRow, LookupRow, RegisterEventRow, core_table
from proaktiv.vault import Compartment, Place, Ring, VaultError
from proaktiv.workers import abandoned, dead_workers

_LOOKUPS = core_table(LookupRow)
_EVENTS = core_table(RegisterEventRow)
_WAITED = _EVENTS.alias("waited")
_FACTS = core_table(EventFactsRow)
_ENROLMENTS = core_table(EnrolmentRow)

_ENROLMENT_ACTIVITY = "anmeldung/prefill"
ENROLMENT_FORMS = {
    "kennung": Form("text"),
    "vornamen": Form("text"),
    "familienname": Form("text"),
    "geburtsdatum": Form(GEBURT),
    "anschrift": Form(ANSCHRIFT),
}
"""What a request to enrol is answered with: not what rules read, but what a letter and its code need."""

_KENNUNG = ("elternteil.kennung", "person.kennung")
_CHILD, _OF_A_CHILD = "kind.kennung", "kind."


@dataclass(slots=True)
class _Doings:
    """What ``announce`` decided, before it is written."""

    flows: list[Flow] = field(default_factory=list)
    refused: list[UUID] = field(default_factory=list)
    waiting: list[UUID] = field(default_factory=list)
    failed: list[UUID] = field(default_factory=list)
    asked: list[tuple[SqlRow[Any], Permit[Prefill], Question]] = field(default_factory=list)


def announce(
    session: Session, house: House, now: datetime, limit: int, *, wall: datetime | None = None
) -> list[Asking]:
    """Clear up to ``limit`` due look-ups for asking. ``wall`` is the real time where ``now`` is a demonstration's."""
    house.probe("look_up.announce.before")
    wall = wall or now
    away = absent(session, REGISTER, now)
    due = _due(now, wall, dead_workers(session, _LOOKUPS), away)
    candidates = _candidates(session, due, away, limit)
    held = hold(session, {row.event for row in candidates if row.event is not None})
    candidates = [row for row in candidates if row.event is None or row.event in held.events]
    answers, _ = ask(session, house, Prefill, [_wish(row) for row in candidates], operation=Operation.READ, now=now)
    decided = {row.id: answer for row, answer in zip(candidates, answers, strict=True)}
    locked = _lock(session, decided, due)
    ring = house.vault.ring(session, {row.person for row in locked.values()}, (Compartment.FACTS, Compartment.FLOW))
    facts = _kennungen(session, [row for row in locked.values() if row.event is not None])
    requests = _requests(session, [row.enrolment for row in locked.values() if row.enrolment is not None])
    doings = _Doings()
    for lookup, row in locked.items():
        answer = decided[lookup]
        guard = None if row.event is None else held.stopped.get(row.event)
        person = loggable(ring, row.person)
        if guard is not None:
            doings.refused.append(lookup)
            doings.flows.append(stopped(guard.value, **_about(house, person, lookup)))
        elif isinstance(answer, Refusal):
            (doings.waiting if answer.reason in HOUSE_MADE else doings.refused).append(lookup)
            doings.flows.append(refused(answer, **_about(house, person, lookup)))
        elif row.register_name in away.for_long or (
            row.lease_until is not None and again_at(now, row.tries + 1) is None
        ):
            doings.failed.append(lookup)
        else:
            question = _question(house, row, answer, ring, facts, requests)
            if question is None:
                doings.failed.append(lookup)
            else:
                doings.asked.append((row, answer, question))
    asked = {row.register_name for row, _, _ in doings.asked} & away.names
    left_alone = away.names - claim_named(session, REGISTER, asked, now)
    doings.asked = [each for each in doings.asked if each[0].register_name not in left_alone]
    return _write(session, house, doings, locked, ring, now, wall)


class _About(TypedDict):
    house: str
    action: str
    person: UUID | None
    case: str


def _about(house: House, person: UUID | None, lookup: UUID) -> _About:
    return _About(house=house.controller, action="register.not_asked", person=person, case=str(lookup))


def _due(now: datetime, wall: datetime, dead: frozenset[int], away: Absent) -> ColumnElement[bool]:
    """Return the condition on ``lookups``: of a register that is away one question a minute is due, as a probe.

    Where it is away for long, what has waited long enough is due to go on without it; a request to enrol waits.
    """
    wanted = _LOOKUPS.c.state == "wanted"
    due = or_(
        and_(wanted, _LOOKUPS.c.due_at <= now),
        and_(_LOOKUPS.c.state == "announced", abandoned(_LOOKUPS, wall, dead)),
    )
    if not away.names:
        return due
    old = select(_WAITED.c.id).where(_WAITED.c.id == _LOOKUPS.c.event, _WAITED.c.arrived_at <= now - PATIENCE).exists()
    over = and_(
        wanted, _LOOKUPS.c.due_at <= now + AWAY_FOR, _LOOKUPS.c.register_name.in_(away.for_long), old
    )  # a probe rests a minute, and so does its register: it would never be its turn
    return or_(and_(due, _LOOKUPS.c.register_name.not_in(away.names - away.probing)), over)


def _candidates(session: Session, due: ColumnElement[bool], away: Absent, limit: int) -> list[SqlRow[Any]]:
    connection = session.connection()
    one = (
        select(
            _LOOKUPS.c.id,
            _LOOKUPS.c.event,
            _LOOKUPS.c.person,
            _LOOKUPS.c.register_name,
            _LOOKUPS.c.names,
            _EVENTS.c.kind,
        )
        .join(_EVENTS, _EVENTS.c.id == _LOOKUPS.c.event, isouter=True)
        .where(due)
    )
    first = (_LOOKUPS.c.due_at, _LOOKUPS.c.id)
    asked = one.where(_LOOKUPS.c.register_name.not_in(away.probing)) if away.probing else one
    found: list[SqlRow[Any]] = [*connection.execute(asked.order_by(*first).limit(limit))]
    if away.probing:
        probes = one.where(_LOOKUPS.c.register_name.in_(away.probing)).ext(distinct_on(_LOOKUPS.c.register_name))
        found += connection.execute(probes.order_by(_LOOKUPS.c.register_name, *first))
    return found


def _wish(row: SqlRow[Any]) -> Wish:
    prefix = _ENROLMENT_ACTIVITY if row.event is None else f"{row.kind}/prefill"
    return Wish(
        activity=f"{prefix}/{row.register_name}",
        person=row.person,
        fields=frozenset(row.names),
        requested=row.event is None,
    )


def _lock(session: Session, decided: Mapping[UUID, Any], due: ColumnElement[bool]) -> dict[UUID, SqlRow[Any]]:
    """Return the rows that are still due and that no other worker has."""
    found = session.connection().execute(
        select(_LOOKUPS)
        .where(_LOOKUPS.c.id.in_(decided), due)
        .order_by(_LOOKUPS.c.id)
        .with_for_update(skip_locked=True)
    )
    return {row.id: row for row in found}


def _kennungen(session: Session, rows: Sequence[SqlRow[Any]]) -> dict[tuple[UUID, UUID], bytes]:
    """Return the sealed facts by event and person."""
    if not rows:
        return {}
    found = session.connection().execute(
        select(_FACTS.c.event, _FACTS.c.person, _FACTS.c["values"]).where(
            _FACTS.c.event.in_({row.event for row in rows}), _FACTS.c.person.in_({row.person for row in rows})
        )
    )
    return {(event, person): values for event, person, values in found}


def _requests(session: Session, enrolments: Sequence[UUID]) -> dict[UUID, bytes]:
    if not enrolments:
        return {}
    found = session.connection().execute(
        select(_ENROLMENTS.c.id, _ENROLMENTS.c.request).where(
            _ENROLMENTS.c.id.in_(enrolments), _ENROLMENTS.c.request.is_not(None)
        )
    )
    return {row.id: row.request for row in found}


def _question(
    house: House,
    row: SqlRow[Any],
    permit: Permit[Prefill],
    ring: Ring,
    facts: Mapping[tuple[UUID, UUID], bytes],
    requests: Mapping[UUID, bytes],
) -> Question | None:
    """Return what to ask, or None when what it takes cannot be read: one broken row must not hold up the others."""
    child = ""
    try:
        if row.event is None:
            person = house.vault.open_payload(
                permit, Place("enrolments", row.enrolment, "request"), requests[row.enrolment]
            )
        else:
            sealed = facts[row.event, row.person]
            known = ring.open(permit, row.person, Compartment.FACTS, Place("event_facts", row.event, "values"), sealed)
            person = {"kennung": next(known[name]["wert"] for name in _KENNUNG if name in known)}
            if any(name.startswith(_OF_A_CHILD) for name in row.names):
                child = known[_CHILD]["wert"]
    except (KeyError, StopIteration, VaultError):
        return None
    forms = ENROLMENT_FORMS if row.event is None else house.rules.forms(row.names)
    return Question(row.register_name, person, tuple(row.names), forms, child)


def _write(
    session: Session,
    house: House,
    doings: _Doings,
    locked: Mapping[UUID, SqlRow[Any]],
    ring: Ring,
    now: datetime,
    wall: datetime,
) -> list[Asking]:
    connection = session.connection()
    for state, lookups in (("refused", doings.refused), ("failed", doings.failed)):
        if lookups:
            connection.execute(
                update(_LOOKUPS).where(_LOOKUPS.c.id.in_(lookups)).values(state=state, lease_until=None, worker=None)
            )
    if doings.waiting:
        lost = case((_LOOKUPS.c.lease_until.is_not(None), 1), else_=0)
        connection.execute(
            update(_LOOKUPS)
            .where(_LOOKUPS.c.id.in_(doings.waiting))
            .values(
                state="wanted", tries=_LOOKUPS.c.tries + lost, due_at=now + HOUSE_PAUSE, lease_until=None, worker=None
            )
        )
    over = [*doings.refused, *doings.failed]
    release_events(session, {locked[lookup].event for lookup in over if locked[lookup].event is not None}, now)
    # A question that could not be asked says nothing about the person: only what was refused ends their request.
    lapsed = [locked[lookup].enrolment for lookup in doings.refused if locked[lookup].enrolment is not None]
    if lapsed:
        connection.execute(
            update(_ENROLMENTS).where(_ENROLMENTS.c.id.in_(lapsed)).values(state="not_found", due_at=None, request=None)
        )
    tasks = [("register.silent", lookup, "") for lookup in doings.failed]
    tasks += [("lookup.house_refused", lookup, "") for lookup in doings.waiting]
    call_human(session, house, tasks, now)
    asked = [
        authorised(
            permit,
            sender=house.controller,
            receiver=row.register_name,
            action="register.asked",
            person=loggable(ring, row.person),
            case=str(row.id),
        )
        for row, permit, _ in doings.asked
    ]
    clearances = write_log(
        session,
        house,
        doings.flows,
        [(flow, str(row.id)) for flow, (row, _, _) in zip(asked, doings.asked, strict=True)],
        ring,
        now,
    )
    today = berlin_date(now)
    announced = [
        Asking(row.id, row.event, row.enrolment, row.person, question, permit.norm, flow, clearance, today)
        for (row, permit, question), flow, clearance in zip(doings.asked, asked, clearances, strict=True)
    ]
    if announced:
        connection.execute(
            update(_LOOKUPS)
            .where(_LOOKUPS.c.id == bindparam("b_id"))
            .values(
                state="announced",
                tries=bindparam("tries"),
                lease_until=wall + LEASE,
                worker=house.worker,
                wire_id=bindparam("wire_id"),
                flow_id=bindparam("flow_id"),
            ),
            [
                {
                    "b_id": asking.lookup,
                    "tries": locked[asking.lookup].tries + (locked[asking.lookup].lease_until is not None),
                    "wire_id": asking.clearance.wire_id,
                    "flow_id": asking.clearance.flow,
                }
                for asking in announced
            ],
        )
    house.probe("look_up.announce.during")
    return announced
