"""First transaction: ask the gate now, freeze the attempt, log it as authorised, lease its row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row as SqlRow
from sqlalchemy import insert, update
from sqlmodel import Session

from consent.model import Operation, Permit, Reason, Refusal, Subject, Transmit
from proaktiv.calling import call_human
from proaktiv.core.flows import Flow
from proaktiv.core.keys import PersonKey
from proaktiv.core.outbound import HOUSE_MADE, HOUSE_PAUSE, LEASE, LOST, TWICE, again_at, authorised, refused, stopped
from proaktiv.core.states import AUFTRAG, AuftragState, moved
from proaktiv.core.trust import Trust
from proaktiv.dispatchers.model import Auftrag, Dispatcher
from proaktiv.house import House
from proaktiv.outages import BEHOERDE, absent, claim_named
from proaktiv.outward import Wish, ask, hold, loggable, write_log
from proaktiv.steps.dispatch.due import (
    Attempts,
    Signed,
    attempts,
    candidates,
    due,
    late,
    lock,
    not_competent,
    signatures,
    twice,
)
from proaktiv.steps.dispatch.sending import IN_DOUBT, UNDELIVERABLE, Sending
from proaktiv.subjects import read_subjects
from proaktiv.tables import AuftragRow, HandoverRow, core_table
from proaktiv.vault import Compartment, Place, Ring, VaultError

_AUFTRAEGE = core_table(AuftragRow)
_HANDOVERS = core_table(HandoverRow)

LOOK_AGAIN = timedelta(minutes=15)
"""Pause while nobody has said how a Behörde is reached."""


@dataclass(frozen=True, slots=True)
class _Cleared:
    row: SqlRow[Any]
    way: SqlRow[Any]
    permit: Permit[Transmit]
    order: Auftrag
    tries: int
    attempt: int
    idempotent: bool
    signed: Sequence[Signed] = ()


@dataclass(slots=True)
class _Doings:
    """What ``announce`` decided, before it is written."""

    cleared: list[_Cleared] = field(default_factory=list)
    flows: list[Flow] = field(default_factory=list)
    lost: list[UUID] = field(default_factory=list)
    moves: dict[AuftragState, list[UUID]] = field(default_factory=dict)
    resting: list[UUID] = field(default_factory=list)
    later: list[UUID] = field(default_factory=list)
    refused_by_house: list[UUID] = field(default_factory=list)
    tasks: list[tuple[str, UUID, str]] = field(default_factory=list)


def announce(
    session: Session,
    house: House,
    ways: Mapping[str, Dispatcher],
    now: datetime,
    limit: int,
    *,
    wall: datetime | None = None,
) -> list[Sending]:
    """Clear up to ``limit`` due Aufträge. ``wall`` is the real time where ``now`` is a demonstration's."""
    house.probe("dispatch.announce.before")
    wall = wall or now
    condition = due(session, now, wall)
    away = absent(session, BEHOERDE, now)
    call_human(session, house, late(session, away, now), now, once=True)
    found = candidates(session, condition, away, limit)
    held = hold(session, {row.event for row in found if row.event is not None})
    found = [row for row in found if row.event is None or row.event in held.events]
    foreign = not_competent(session, house.rules, found)
    wishes = [_wish(row, foreign=row.id in foreign) for row in found]
    answers, standing = ask(session, house, Transmit, wishes, operation=Operation.TRANSMIT, now=now)
    by_id = {row.id: (row, answer) for row, answer in zip(found, answers, strict=True)}
    rows = lock(session, list(by_id), condition)
    before = attempts(session, [row.id for row in rows])
    signed = signatures(session, [row.id for row in rows])
    doubled = twice(session, [row.id for row in rows])
    standing = {**read_subjects(session, {each.person for all_of in signed.values() for each in all_of}), **standing}
    ring = house.vault.ring(session, standing, (Compartment.VIEW, Compartment.FLOW))
    doings = _Doings()
    for row in rows:
        way, answer = by_id[row.id]
        tried = before.get(row.id, Attempts())
        dispatcher = ways.get(way.dispatcher)
        guard = None if way.event is None else held.stopped.get(way.event)
        if tried.lost is not None:
            doings.lost.append(tried.lost)
        failed = tried.failed + (tried.lost is not None)
        if tried.lost is not None and (dispatcher is None or not dispatcher.idempotent):
            _doubt(doings, row)
        elif guard is not None:
            doings.flows.append(stopped(guard.value, **_about(house, ring, row)))
            _take_back(doings, row, tried)
        elif isinstance(answer, Refusal):
            doings.flows.append(refused(answer, **_about(house, ring, row)))
            _refuse(doings, row, tried, answer, standing[row.person].protections)
        elif row.id in doubled and not tried.made:
            _call(doings, TWICE, row, tried)
        elif dispatcher is None:
            doings.later.append(row.id)
            doings.tasks.append(("behoerde.not_reachable", row.id, row.behoerde))
        elif tried.lost is not None and again_at(now, failed) is None:
            _doubt(doings, row)
        else:
            mine = signed.get(row.id, [])
            order = _order(row, answer, ring, way.event in held.hidden or _hides(row, mine, standing), mine)
            if order is None:
                _call(doings, UNDELIVERABLE, row, tried)
            else:
                doings.cleared.append(
                    _Cleared(row, way, answer, order, failed, tried.made + 1, dispatcher.idempotent, mine)
                )
    doings.cleared = _reachable(session, doings.cleared, away.names, now)
    return _write(session, house, doings, ring, now, wall)


def _reachable(session: Session, cleared: Sequence[_Cleared], away: frozenset[str], now: datetime) -> list[_Cleared]:
    """Return what may go: to a Behörde that is away only what this worker sends to see whether it is back."""
    left_alone = away - claim_named(session, BEHOERDE, {item.row.behoerde for item in cleared} & away, now)
    return [item for item in cleared if item.row.behoerde not in left_alone]


def _wish(row: SqlRow[Any], *, foreign: bool) -> Wish:
    """Return the wish to hand over just the facts that fill it; of an older Auftrag, which names none, all of them.

    A Behörde that is not competent is another recipient than the activity's, whatever the Auftrag says: row 10 denies.
    """
    return Wish(
        f"{row.lebenslage}/transmit/{row.leistung}",
        row.person,
        scope=str(row.id),
        fields=frozenset(row.names) or None,
        recipient=row.behoerde if foreign else None,
    )


def _about(house: House, ring: Ring, row: SqlRow[Any]) -> dict[str, Any]:
    return {
        "house": house.controller,
        "action": "auftrag.not_sent",
        "person": loggable(ring, row.person),
        "case": str(row.id),
    }


def _hides(row: SqlRow[Any], signers: Sequence[Signed], standing: Mapping[UUID, Subject]) -> bool:
    """Return whether it tells where somebody is to be found who hides: a second parent may live at that address."""
    return any(standing[person].protections for person in (row.person, *(each.person for each in signers)))


def _doubt(doings: _Doings, row: SqlRow[Any]) -> None:
    """Leave it to a human whether the lost attempt arrived."""
    state = moved(AUFTRAG, AuftragState(row.state), AuftragState.IN_DOUBT)
    doings.moves.setdefault(state, []).append(row.id)
    doings.tasks.append((IN_DOUBT, row.id, row.behoerde))


def _take_back(doings: _Doings, row: SqlRow[Any], tried: Attempts) -> None:
    if tried.lost is not None:
        _doubt(doings, row)
    else:
        state = moved(AUFTRAG, AuftragState(row.state), AuftragState.WITHDRAWN)
        doings.moves.setdefault(state, []).append(row.id)


def _call(doings: _Doings, what: str, row: SqlRow[Any], tried: Attempts) -> None:
    """Let a human look, and keep it as it is until then."""
    doings.tasks.append((what, row.id, row.behoerde))
    _rest(doings, row, tried)


def _rest(doings: _Doings, row: SqlRow[Any], tried: Attempts) -> None:
    """Keep it as it is until a human has looked."""
    if tried.lost is not None:
        _doubt(doings, row)
    else:
        doings.resting.append(row.id)


def _refuse(doings: _Doings, row: SqlRow[Any], tried: Attempts, refusal: Refusal, protections: frozenset[str]) -> None:
    """Take back what the person no longer wants; what the house or § 52 BMG forbids is a clerk's matter."""
    if refusal.reason is Reason.PROTECTED and protections:
        if tried.lost is None:  # else a human finds out first whether it arrived
            doings.tasks.append(("auftrag.protected", row.id, row.behoerde))
        _rest(doings, row, tried)
    elif refusal.reason in HOUSE_MADE and tried.lost is None:
        doings.tasks.append((UNDELIVERABLE, row.id, row.behoerde))
        doings.refused_by_house.append(row.id)
    else:
        _take_back(doings, row, tried)


def _order(
    row: SqlRow[Any], permit: Permit[Transmit], ring: Ring, mark: bool, signed: Sequence[Signed]
) -> Auftrag | None:
    """Return what was confirmed, or None when it cannot be read: one broken row must not hold up the others."""
    try:
        place = Place("auftraege", row.id, "content")
        content = ring.open(permit, row.person, Compartment.VIEW, place, row.content)
        felder = tuple({name: feld[name] for name in ("ziel", "wert", "quelle", "stand")} for feld in content["felder"])
        roles = content["unterzeichner"] if row.ohne_zweite else [each.role for each in signed]
    except (KeyError, TypeError, VaultError):
        return None
    given = {each.role for each in signed}
    return Auftrag(
        reference=row.reference,
        leistung=row.leistung,
        confirmed_at=row.confirmed_at,
        trust=Trust(row.trust),
        sperrvermerk=row.sperrvermerk or mark,
        felder=felder,
        unterschriften=tuple({"rolle": each.role, "trust": each.trust, "am": each.at.isoformat()} for each in signed),
        nachzureichen=tuple(role for role in roles if role not in given),
    )


# writing -------------------------------------------------------------------------------------------------------------


def _write(session: Session, house: House, doings: _Doings, ring: Ring, now: datetime, wall: datetime) -> list[Sending]:
    connection = session.connection()
    for state, auftraege in doings.moves.items():
        connection.execute(
            update(_AUFTRAEGE)
            .where(_AUFTRAEGE.c.id.in_(auftraege))
            .values(state=state.value, due_at=None, moved_at=now)
        )
    if doings.resting:
        connection.execute(update(_AUFTRAEGE).where(_AUFTRAEGE.c.id.in_(doings.resting)).values(due_at=None))
    for auftraege, pause in ((doings.later, LOOK_AGAIN), (doings.refused_by_house, HOUSE_PAUSE)):
        if auftraege:
            connection.execute(update(_AUFTRAEGE).where(_AUFTRAEGE.c.id.in_(auftraege)).values(due_at=now + pause))
    if doings.lost:
        connection.execute(
            update(_HANDOVERS)
            .where(_HANDOVERS.c.id.in_(doings.lost))
            .values(state="in_doubt", reason=LOST, lease_until=None, worker=None, moved_at=now)
        )
    fresh = [item for item in doings.cleared if item.row.state != AuftragState.ANNOUNCED.value]
    for item in fresh:
        moved(AUFTRAG, AuftragState(item.row.state), AuftragState.ANNOUNCED)
    if fresh:
        connection.execute(
            update(_AUFTRAEGE)
            .where(_AUFTRAEGE.c.id.in_([item.row.id for item in fresh]))
            .values(state=AuftragState.ANNOUNCED.value, due_at=None, moved_at=now)
        )
    marked = [item.row.id for item in doings.cleared if item.order.sperrvermerk]
    if marked:
        connection.execute(update(_AUFTRAEGE).where(_AUFTRAEGE.c.id.in_(marked)).values(sperrvermerk=True))
    call_human(session, house, doings.tasks, now)
    sendings = _authorise(session, house, doings.flows, doings.cleared, ring, now)
    if sendings:
        connection.execute(
            insert(_HANDOVERS),
            [
                _handover(sending, item.attempt, house.worker, now, wall)
                for sending, item in zip(sendings, doings.cleared, strict=True)
            ],
        )
    house.probe("dispatch.announce.during")
    return sendings


def _authorise(
    session: Session, house: House, ended: Sequence[Flow], cleared: Sequence[_Cleared], ring: Ring, now: datetime
) -> list[Sending]:
    flows = [
        authorised(
            item.permit,
            sender=house.controller,
            receiver=item.row.behoerde,
            receiver_name=item.way.behoerde_name,
            action="auftrag.sent",
            person=loggable(ring, item.row.person),
            case=str(item.row.id),
            rule=item.row.leistung,
        )
        for item in cleared
    ]
    signers = [
        (place, replace(flows[place], person=PersonKey(each.person), consent="", categories=("unterschrift",)))
        for place, item in enumerate(cleared)
        for each in item.signed
        if each.person != item.row.person and ring.has(each.person, Compartment.FLOW)
    ]
    clearances = write_log(
        session,
        house,
        ended,
        [
            *((flow, str(item.row.id)) for flow, item in zip(flows, cleared, strict=True)),
            *((flow, str(cleared[place].row.id)) for place, flow in signers),
        ],
        ring,
        now,
    )
    # Whoever signed as the second sees in their own log that, and where, it went.
    also: dict[int, list[tuple[Flow, UUID]]] = {}
    for (place, flow), clearance in zip(signers, clearances[len(cleared) :], strict=True):
        also.setdefault(place, []).append((flow, clearance.flow))
    return [
        Sending(
            handover=house.ids.row(now),
            auftrag=item.row.id,
            person=item.row.person,
            behoerde=item.row.behoerde,
            dispatcher=item.way.dispatcher,
            endpoint=item.way.endpoint,
            idempotent=item.idempotent,
            tries=item.tries,
            order=item.order,
            flow=flow,
            clearance=clearance,
            also=tuple(also.get(place, ())),
        )
        for place, (item, flow, clearance) in enumerate(zip(cleared, flows, clearances, strict=False))
    ]


def _handover(sending: Sending, attempt: int, worker: int | None, now: datetime, wall: datetime) -> dict[str, Any]:
    return {
        "id": sending.handover,
        "auftrag": sending.auftrag,
        "attempt": attempt,
        "person": sending.person,
        "behoerde": sending.behoerde,
        "wire_id": sending.clearance.wire_id,
        "state": "announced",
        "reason": "",
        "lease_until": wall + LEASE,
        "worker": worker,
        "flow_id": sending.clearance.flow,
        "made_at": now,
        "moved_at": now,
    }
