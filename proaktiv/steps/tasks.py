"""Tasks: what a human must do, and what their answer does.

``core.tasks`` is the table of kinds and ways out. Each act is logged with who did it; the person it is about sees it.
Left to others: writing tasks (any step), who may do this (the office's surface, the operator's shell).
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, func, or_, select, true, update
from sqlmodel import Session

from consent.store import raise_epoch
from proaktiv.core.cases import Moved, apply
from proaktiv.core.errors import BadInput, Conflict, NotAllowed, NotFound
from proaktiv.core.flows import Flow, Kind
from proaktiv.core.keys import PersonKey
from proaktiv.core.staff import Role, StaffProof
from proaktiv.core.states import AUFTRAG, AuftragState, DeliveryState, EventState
from proaktiv.core.tasks import TASKS, How, Matter, Task
from proaktiv.house import House
from proaktiv.matters import AUFTRAEGE, PROPOSALS, bring_news, decide_anew, load_case, write_moves
from proaktiv.outward import loggable
from proaktiv.tables import (
    BundleRow,
    DeliveryRow,
    EnrolmentRow,
    IncidentRow,
    LookupRow,
    MatchRow,
    NoticeRow,
    RegisterEventRow,
    StaffRow,
    TaskRow,
    core_table,
)
from proaktiv.vault import Compartment

_TASKS = core_table(TaskRow)
_INCIDENTS = core_table(IncidentRow)
_DELIVERIES = core_table(DeliveryRow)
_NOTICES = core_table(NoticeRow)
_BUNDLES = core_table(BundleRow)
_LOOKUPS = core_table(LookupRow)
_ENROLMENTS = core_table(EnrolmentRow)
_EVENTS = core_table(RegisterEventRow)
_MATCHES = core_table(MatchRow)
_STAFF = core_table(StaffRow)

_UNSETTLED = (DeliveryState.IN_DOUBT.value, DeliveryState.FAILED.value)
_WRITTEN_ABOUT = (
    (_BUNDLES, _BUNDLES.c.state == "open"),
    (_NOTICES, true()),
    (_ENROLMENTS, _ENROLMENTS.c.state.in_(("found", "letter", "lapsed"))),
)
"""What a letter may be about, and while which it can be written again."""


def open_tasks(session: Session, behoerde: str = "", limit: int = 200) -> list[dict[str, Any]]:
    """Return open tasks, oldest first; of one Behörde where it is named. Ids only, nothing personal."""
    where: list[ColumnElement[bool]] = [_TASKS.c.done_at.is_(None)]
    if behoerde:
        where.append(_TASKS.c.behoerde == behoerde)
    return _found(session, where, limit)


def tasks_of(session: Session, proof: StaffProof, limit: int = 200) -> list[dict[str, Any]]:
    """Return what waits for this clerk, oldest first. Raises ``NotAllowed`` for another role."""
    return _found(session, [_TASKS.c.done_at.is_(None), _of(proof)], limit)


def require_own(session: Session, proof: StaffProof, task: UUID) -> None:
    """Raise ``NotFound`` where a task waits for somebody else, ``NotAllowed`` for another role."""
    if session.connection().execute(select(_TASKS.c.id).where(_TASKS.c.id == task, _of(proof))).first() is None:
        raise NotFound("task")


def _of(proof: StaffProof) -> ColumnElement[bool]:
    """Return which tasks are a clerk's: those of the own Behörde; of the house, all that no clerk's Behörde has."""
    if proof.role is not Role.CLERK:
        raise NotAllowed("tasks are for clerks")
    if proof.behoerde:
        return _TASKS.c.behoerde == proof.behoerde
    here = select(_STAFF.c.behoerde).where(_STAFF.c.role == Role.CLERK.value, _STAFF.c.ended_at.is_(None))
    return or_(_TASKS.c.behoerde == "", _TASKS.c.behoerde.not_in(here))


def _found(session: Session, where: list[ColumnElement[bool]], limit: int) -> list[dict[str, Any]]:
    leistung = func.coalesce(_MATCHES.c.leistung, AUFTRAEGE.c.leistung).label("leistung")
    rows = (
        session.connection()
        .execute(
            select(
                _TASKS,
                leistung,
                AUFTRAEGE.c.reference,
                AUFTRAEGE.c.state,
                AUFTRAEGE.c.undone_at,
                PROPOSALS.c.answer_by,
            )
            .join(_MATCHES, _MATCHES.c.id == _TASKS.c.matter, isouter=True)
            .join(AUFTRAEGE, AUFTRAEGE.c.id == _TASKS.c.matter, isouter=True)
            .join(PROPOSALS, PROPOSALS.c.id == AUFTRAEGE.c.proposal, isouter=True)
            .where(*where)
            .order_by(_TASKS.c.made_at, _TASKS.c.id)
            .limit(limit)
        )
        .all()
    )
    waiting = _waiting(session, [row.matter for row in rows])
    return [_described(row, waits=row.matter in waiting) for row in rows]


def _waiting(session: Session, matters: Collection[UUID | None]) -> frozenset[UUID]:
    """Return which Aufträge and letters move only when a human says how; the others have gone on by themselves."""
    rests = or_(
        AUFTRAEGE.c.state == AuftragState.IN_DOUBT.value,
        AUFTRAEGE.c.state.in_((AuftragState.HELD.value, AuftragState.READY.value)) & AUFTRAEGE.c.due_at.is_(None),
    )
    auftraege = select(AUFTRAEGE.c.id).where(AUFTRAEGE.c.id.in_(matters), AUFTRAEGE.c.undone_at.is_(None), rests)
    open_there = or_(
        *(select(t.c.id).where(t.c.id == _DELIVERIES.c.matter, wanted).exists() for t, wanted in _WRITTEN_ABOUT)
    )
    letters = select(_DELIVERIES.c.id).where(
        _DELIVERIES.c.id.in_(matters), _DELIVERIES.c.state.in_(_UNSETTLED), open_there
    )
    return frozenset(session.connection().execute(auftraege.union(letters)).scalars())


def incidents(session: Session, limit: int = 200) -> list[dict[str, str]]:
    """Return what the DSB must see, newest first."""
    rows = session.connection().execute(
        select(_INCIDENTS).order_by(_INCIDENTS.c.at.desc(), _INCIDENTS.c.id).limit(limit)
    )
    return [{"id": str(r.id), "what": r.what, "matter": str(r.matter or ""), "at": r.at.isoformat()} for r in rows]


def finish(session: Session, house: House, task: UUID, how: How, by: str, now: datetime) -> None:
    """End a task in one of its ways; the same again is no error.

    ``by`` is the id of whoever did it; it stands in the staff part of the log. Raises ``NotFound``, ``BadInput`` where
    the way is none of this task, ``Conflict`` where it was ended otherwise or the matter has gone on by itself.
    """
    if not by.strip():
        raise BadInput("--by", "must name who ends the task")
    connection = session.connection()
    row = connection.execute(select(_TASKS).where(_TASKS.c.id == task)).one_or_none()
    if row is None:
        raise NotFound("task")
    kind = TASKS[row.what]
    if how not in kind.ways and (how is not How.DONE or row.matter in _waiting(session, [row.matter])):
        raise BadInput("HOW", f"{row.what} can be ended by: {', '.join(kind.ways)}")
    person = _person(session, kind, row.matter)
    if person is not None:
        raise_epoch(connection, [person])
    row = connection.execute(select(_TASKS).where(_TASKS.c.id == task).with_for_update()).one()
    if row.done_at is not None:
        if row.how == how.value:
            return
        raise Conflict(f"this task was ended by {row.how or 'somebody'} before")
    if how is not How.DONE:
        _WAYS[kind.matter](session, house, row.matter, how, now)
    elif kind.matter is Matter.LOOKUP:
        _forget_request(session, row.matter)
    connection.execute(update(_TASKS).where(_TASKS.c.id == task).values(done_at=now, how=how.value))
    ring = house.vault.ring(session, {person} if person else set(), (Compartment.FLOW,))
    known = loggable(ring, person)
    flow = Flow(
        kind=Kind.ACT,
        sender=house.controller,
        receiver=house.controller,
        purpose="betrieb",
        action="task.ended",
        basis="Art. 32 DSGVO",
        outcome=how.value,
        person=None if known is None else PersonKey(known),
        actor=by,
        case=str(row.matter or ""),
        reason=row.what,
    )
    house.log.record(session, [flow], now, ring)


def _described(row: Row[*tuple[Any, ...]], *, waits: bool) -> dict[str, Any]:
    """Return a task as its page and the shell show it.

    ``no_frist_before`` is the first day on which a Frist of an Auftrag may end. The month is known here, no day of it.
    """
    kind = TASKS.get(row.what)
    ways = list(kind.ways) if kind else []
    if row.state is not None:
        ways = [way for way in ways if row.undone_at is None and _leads(AuftragState(row.state), way)]
    if How.DONE not in ways and not waits:
        ways.append(How.DONE)
    return {
        "id": str(row.id),
        "what": row.what,
        "matter": str(row.matter or ""),
        "behoerde": row.behoerde,
        "leistung": row.leistung or "",
        "auftrag": row.reference or "",
        "no_frist_before": row.answer_by.replace(day=1).isoformat() if row.answer_by else "",
        "made_at": row.made_at.isoformat(),
        "says": kind.says if kind else "",
        "do": kind.do if kind else "",
        "ways": [way.value for way in ways],
    }


def _person(session: Session, kind: Task, matter: UUID | None) -> UUID | None:
    """Return whom the matter is about, where it is about one person."""
    table = {
        Matter.PROPOSAL: PROPOSALS,
        Matter.AUFTRAG: AUFTRAEGE,
        Matter.LOOKUP: _LOOKUPS,
        Matter.DELIVERY: _DELIVERIES,
        Matter.BUNDLE: _BUNDLES,
        Matter.ENROLMENT: _ENROLMENTS,
        Matter.MATCH: _MATCHES,
    }.get(kind.matter)
    if table is None or matter is None:
        return None
    return session.connection().execute(select(table.c.person).where(table.c.id == matter)).scalar_one_or_none()


_TO = {
    How.ARRIVED: AuftragState.SENT,
    How.AGAIN: AuftragState.READY,
    How.TO_CITIZEN: AuftragState.WITH_CITIZEN,
    How.WITHDRAWN: AuftragState.WITHDRAWN,
}


def _leads(state: AuftragState, how: How) -> bool:
    """Return whether a way can be gone from an Auftrag's state."""
    return how is How.DONE or _only_due(state, how) or _TO[how] in AUFTRAG[state]


def _only_due(state: AuftragState, how: How) -> bool:
    """Return whether an Auftrag is with us and is tried once more as it is."""
    return how is How.AGAIN and state in (AuftragState.HELD, AuftragState.READY)


def _auftrag(session: Session, house: House, matter: UUID, how: How, now: datetime) -> None:
    connection = session.connection()
    row = connection.execute(select(AUFTRAEGE).where(AUFTRAEGE.c.id == matter)).one()
    if row.undone_at is not None:
        raise Conflict("the Auftrag was taken back by the person")
    if not _only_due(AuftragState(row.state), how):
        _, effects = apply(load_case(session, PROPOSALS.c.id == row.proposal), Moved(row.proposal, _TO[how]))
        write_moves(session, house.ids, effects, now)
    if how is How.TO_CITIZEN:
        bring_news(session, [row.proposal], now)
    if how is How.AGAIN:
        connection.execute(update(AUFTRAEGE).where(AUFTRAEGE.c.id == matter).values(due_at=now))


def _event(session: Session, _house: House, matter: UUID, _how: How, now: datetime) -> None:
    if not decide_anew(session, [matter], now):
        raise Conflict("the event is stopped, refused or under way; there is nothing to decide anew")


def _lookup(session: Session, _house: House, matter: UUID, _how: How, now: datetime) -> None:
    """Ask the register once more; an event that went on without the answer waits for it again."""
    connection = session.connection()
    asked = connection.execute(
        update(_LOOKUPS)
        .where(_LOOKUPS.c.id == matter, _LOOKUPS.c.state == "failed")
        .values(state="wanted", tries=0, due_at=now, lease_until=None, worker=None)
        .returning(_LOOKUPS.c.event)
    ).one_or_none()
    if asked is None:
        raise Conflict("the register is being asked, or may not be asked any more")
    if asked.event is not None:
        connection.execute(
            update(_EVENTS)
            .where(_EVENTS.c.id == asked.event, _EVENTS.c.state == EventState.ADMITTED.value)
            .values(state=EventState.NEEDS.value, due_at=None)
        )


def _delivery(session: Session, _house: House, matter: UUID, how: How, now: datetime) -> None:
    connection = session.connection()
    row = connection.execute(select(_DELIVERIES).where(_DELIVERIES.c.id == matter)).one()
    if row.state not in _UNSETTLED:
        raise Conflict("the letter has gone on by itself")
    if how is How.ARRIVED:
        connection.execute(
            update(_DELIVERIES)
            .where(_DELIVERIES.c.id == matter)
            .values(state=DeliveryState.HANDED_OVER.value, reason="seen_by_clerk", moved_at=now)
        )
        return
    _write_again(session, row.matter, now)


def _bundle(session: Session, _house: House, matter: UUID, _how: How, now: datetime) -> None:
    _write_again(session, matter, now)


def _write_again(session: Session, matter: UUID, now: datetime) -> None:
    """Make the bundle or the enrolment due for a letter with a new code, or a notice for a letter."""
    connection = session.connection()
    found = 0
    for table, wanted in _WRITTEN_ABOUT:
        again = {"due_at": now} | ({"state": "found"} if table is _ENROLMENTS else {})
        found += connection.execute(update(table).where(table.c.id == matter, wanted).values(**again)).rowcount
    if not found:
        raise Conflict("nothing is open there any more")


def _forget_request(session: Session, lookup: UUID) -> None:
    """Destroy what was typed to enrol where the register is not asked again."""
    asked = select(_LOOKUPS.c.enrolment).where(_LOOKUPS.c.id == lookup, _LOOKUPS.c.enrolment.is_not(None))
    session.connection().execute(
        update(_ENROLMENTS)
        .where(_ENROLMENTS.c.id.in_(asked), _ENROLMENTS.c.state == "requested")
        .values(state="lapsed", request=None, due_at=None)
    )


_WAYS = {
    Matter.AUFTRAG: _auftrag,
    Matter.EVENT: _event,
    Matter.LOOKUP: _lookup,
    Matter.DELIVERY: _delivery,
    Matter.BUNDLE: _bundle,
}
