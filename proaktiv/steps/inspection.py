"""Inspection: the leave for staff to open a matter, logged first. The only maker of ``Inspection``.

A clerk opens what was sent to the own Behörde and nothing else; the DSB looks a person up with a reason. Each look is
an entry of kind ``access`` that the person finds among theirs, and it is committed before anything is opened: whoever
breaks off meanwhile was seen. So many matters in an hour and no more: beyond, the DSB sees it.
Left to others: opening (``case_file``, ``oversight``). Source: security-and-faults.md T2, T22; Art. 15, 32 DSGVO.
"""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, func, insert, select
from sqlmodel import Session

from proaktiv.assent import Transmission, given_transmit
from proaktiv.core.errors import BadInput, NotAllowed, NotFound, TooMany
from proaktiv.core.flows import Flow, Kind
from proaktiv.core.keys import PersonKey
from proaktiv.core.staff import Inspection, Role, StaffProof
from proaktiv.house import House
from proaktiv.locks import lock_keys
from proaktiv.matters import AUFTRAEGE, PROPOSALS, SIGNATURES
from proaktiv.outward import loggable
from proaktiv.subjects import resolve, stopped_events
from proaktiv.tables import FlowLogRow, HandoverRow, IncidentRow, StaffLookRow, core_table
from proaktiv.vault import Compartment

PER_HOUR = {"auftrag": 20, "person": 20, "flow": 50}
"""How many different matters somebody opens in an hour (T2, T22)."""

REASON_MIN, REASON_MAX = 10, 500
_HOUR = timedelta(hours=1)
_LOOKS = core_table(StaffLookRow)
_HANDOVERS = core_table(HandoverRow)
_FLOWS = core_table(FlowLogRow)
_INCIDENTS = core_table(IncidentRow)


class Curious(TooMany):
    """Somebody opened more matters in an hour than work needs; tell the DSB with ``report``."""

    incident = "staff.too_many_looks"


class Foreign(NotFound):
    """Somebody asked for a matter of another Behörde; tell the DSB with ``report``."""

    incident = "staff.foreign_matter"


def of_auftrag(
    session: Session, house: House, proof: StaffProof, auftrag: UUID, now: datetime, wall: datetime
) -> Inspection:
    """Log that a clerk opens an Auftrag of the own Behörde, for each person in it; return the leave.

    Raises ``NotAllowed`` for another role, ``NotFound``, ``Foreign``, ``Curious``.
    """
    require(proof, Role.CLERK)
    connection = session.connection()
    row = connection.execute(
        select(
            AUFTRAEGE.c.person,
            AUFTRAEGE.c.lebenslage,
            AUFTRAEGE.c.leistung,
            PROPOSALS.c.event,
            _HANDOVERS.c.behoerde,
            _FLOWS.c.purpose,
            _FLOWS.c.basis,
            _FLOWS.c.scope,
        )
        .join(PROPOSALS, PROPOSALS.c.id == AUFTRAEGE.c.proposal)
        .join(_HANDOVERS, _HANDOVERS.c.auftrag == AUFTRAEGE.c.id)
        .join(_FLOWS, _FLOWS.c.fid == _HANDOVERS.c.flow_id)
        .where(AUFTRAEGE.c.id == auftrag, _HANDOVERS.c.state == "sent")
        .order_by(_HANDOVERS.c.attempt.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        raise NotFound("auftrag")
    if row.behoerde != proof.behoerde:
        raise Foreign("auftrag")
    # Withdrawn, stopped or erased: a task says so, and there is nothing to work on any more.
    if row.person is None or stopped_events(session, [row.event]):
        raise NotFound("auftrag")
    if not given_transmit(session, row.person, Transmission(auftrag, row.lebenslage, row.leistung)):
        raise NotFound("auftrag")
    signers = connection.execute(select(SIGNATURES.c.person).where(SIGNATURES.c.auftrag == auftrag)).scalars()
    persons = [row.person, *sorted(set(signers) - {row.person})]
    _count(session, house, proof, "auftrag", auftrag, wall)
    flow = Flow(
        kind=Kind.ACCESS,
        sender=house.controller,
        receiver=row.behoerde,
        purpose=row.purpose,
        action="auftrag.opened",
        basis=row.basis,
        categories=("auftrag",),
        scope=row.scope,
        actor=proof.name,
        case=str(auftrag),
        reason="Bearbeitung des Auftrags",
    )
    fid = _log(session, house, flow, persons, now)
    return Inspection(fid, auftrag, frozenset({row.person}), proof)


def find(session: Session, house: House, typed: str) -> UUID | None:
    """Return whom a reference number or a register's key leads to. Nobody is searched by name (T2)."""
    by_reference = select(AUFTRAEGE.c.person).where(AUFTRAEGE.c.reference == typed.strip())
    found: UUID | None = session.connection().execute(by_reference).scalar_one_or_none()
    if found is not None:
        return found
    key = house.vault.lookup_hash("register_id", typed)
    return resolve(session, [key]).get(key)


def of_person(
    session: Session, house: House, proof: StaffProof, typed: str, reason: str, now: datetime, wall: datetime
) -> Inspection:
    """Log that the DSB looks a person up, also where nobody is found; return the leave, then of nobody.

    Raises ``NotAllowed`` for another role, ``BadInput`` for a reason that is none, ``Curious``.
    """
    require(proof, Role.DSB)
    given = " ".join(reason.split())
    if not REASON_MIN <= len(given) <= REASON_MAX:
        raise BadInput("grund", f"must say in {REASON_MIN} to {REASON_MAX} characters why")
    person = find(session, house, typed)
    # Who is not there is counted too, or one could try them all.
    index = house.log.subj(person) if person is not None else house.vault.mac("nobody", typed.strip().encode())[:16]
    matter = UUID(bytes=index)
    _count(session, house, proof, "person", matter, wall)
    flow = Flow(
        kind=Kind.ACCESS,
        sender=house.controller,
        receiver=house.controller,
        purpose="datenschutzaufsicht",
        action="person.looked_up",
        basis="Art. 39 Abs. 1 lit. b DSGVO",
        categories=("protokoll",),
        outcome="found" if person is not None else "not_found",
        actor=proof.name,
        reason=given,
    )
    fid = _log(session, house, flow, [] if person is None else [person], now)
    return Inspection(fid, matter, frozenset() if person is None else frozenset({person}), proof)


def of_flow(session: Session, house: House, proof: StaffProof, fid: UUID, now: datetime, wall: datetime) -> Inspection:
    """Log that the DSB opens one entry; whom it is about its index does not say. Return the leave.

    Raises ``NotAllowed`` for another role, ``NotFound``, ``Curious``.
    """
    require(proof, Role.DSB)
    if session.connection().execute(select(_FLOWS.c.fid).where(_FLOWS.c.fid == fid)).first() is None:
        raise NotFound("entry")
    _count(session, house, proof, "flow", fid, wall)
    flow = Flow(
        kind=Kind.ACCESS,
        sender=house.controller,
        receiver=house.controller,
        purpose="datenschutzaufsicht",
        action="flow.opened",
        basis="Art. 39 Abs. 1 lit. b DSGVO",
        categories=("protokoll",),
        actor=proof.name,
        case=str(fid),
    )
    return Inspection(_log(session, house, flow, [], now), fid, frozenset(), proof)


def report(session: Session, house: House, proof: StaffProof, error: Curious | Foreign, now: datetime) -> None:
    """Tell the DSB of a look that was refused, in a transaction of its own: the one that refused is rolled back."""
    session.connection().execute(
        insert(_INCIDENTS), [{"id": house.ids.row(now), "what": error.incident, "matter": proof.staff, "at": now}]
    )
    flow = Flow(
        kind=Kind.INCIDENT,
        sender=house.controller,
        receiver=house.controller,
        purpose="sicherheit",
        action=error.incident,
        basis="Art. 32 DSGVO",
        outcome="refused",
        restrict=True,
        actor=proof.name,
    )
    house.log.record(session, [flow], now)


def require(proof: StaffProof, role: Role) -> None:
    """Raise ``NotAllowed`` where this is for another role."""
    if proof.role is not role:
        raise NotAllowed(f"this is for another role than {proof.role}")


def _count(session: Session, house: House, proof: StaffProof, what: str, matter: UUID, wall: datetime) -> None:
    """Count one look; the same matter again is the same work. One person's looks are counted one after the other."""
    lock_keys(session, [house.vault.mac("staff-looks", proof.staff.bytes)])
    connection = session.connection()
    connection.execute(delete(_LOOKS).where(_LOOKS.c.at <= wall - _HOUR))
    others = connection.execute(
        select(func.count(_LOOKS.c.matter.distinct()), func.min(_LOOKS.c.at)).where(
            _LOOKS.c.staff == proof.staff, _LOOKS.c.what == what, _LOOKS.c.matter != matter
        )
    ).one()
    if others[0] >= PER_HOUR[what]:
        wait = max(1, int((others[1] + _HOUR - wall).total_seconds()))
        raise Curious(f"more than {PER_HOUR[what]} in an hour", wait)
    connection.execute(
        insert(_LOOKS),
        [{"id": house.ids.secret(), "staff": proof.staff, "what": what, "matter": matter, "at": wall}],
    )


def _log(session: Session, house: House, flow: Flow, persons: Collection[UUID], now: datetime) -> UUID:
    """Write one entry for each person, or one without; return the first."""
    ring = house.vault.ring(session, persons, (Compartment.FLOW,))
    flows = []
    for person in persons:
        known = loggable(ring, person)
        flows.append(replace(flow, person=None if known is None else PersonKey(known)))
    return house.log.record(session, flows or [flow], now, ring)[0]
