"""Inspection: the leave for staff to open a matter, logged first. The only maker of ``Inspection``.

A clerk opens what was sent to the own Behörde and nothing else; the DSB opens entries of the log, and looks a person up
with a reason and a second person's yes (``four_eyes``), as somebody is erased (``erasing``) and entries are held
(``holding``). Each look is an entry of kind ``access``, which the person
finds among theirs where it is about one, and it is committed before anything is opened: whoever breaks off meanwhile
was seen. So many matters in an hour and no more: beyond, the DSB sees it.
Left to others: opening (``case_file``, ``oversight``). Source: security-and-faults.md T2, T22; Art. 15, 32 DSGVO.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlmodel import Session

from proaktiv.assent import Transmission, given_transmit
from proaktiv.core.errors import NotFound
from proaktiv.core.flows import Flow, Kind
from proaktiv.core.staff import Inspection, Role, StaffProof
from proaktiv.house import House
from proaktiv.matters import AUFTRAEGE, PROPOSALS, SIGNATURES
from proaktiv.steps.inspection import erasing, four_eyes, holding, wishes
from proaktiv.steps.inspection.erasing import Forged
from proaktiv.steps.inspection.looks import (
    PER_HOUR,
    REASON_MAX,
    REASON_MIN,
    Curious,
    Foreign,
    count,
    log,
    overseen,
    report,
    require,
)
from proaktiv.subjects import stopped_events
from proaktiv.tables import FlowLeafRow, FlowLogRow, FlowSecretRow, HandoverRow, core_table

_HANDOVERS = core_table(HandoverRow)
_FLOWS = core_table(FlowLogRow)
_LEAVES = core_table(FlowLeafRow)
_SECRETS = core_table(FlowSecretRow)


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
    count(session, house, proof, "auftrag", auftrag, wall)
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
    fid = log(session, house, flow, persons, now)
    return Inspection(fid, auftrag, frozenset({row.person}), proof)


def of_request(
    session: Session,
    house: House,
    proof: StaffProof,
    request: UUID,
    now: datetime,
    wall: datetime,
    sought: str = "",
) -> Inspection:
    """Log that the DSB looks at what a second person allowed; return the leave, of nobody where nobody was found.

    ``sought`` is what the list is filtered by. Raises ``NotAllowed`` for another role and before the yes, ``NotFound``
    for what is somebody else's or over, ``Curious``.
    """
    granted = four_eyes.granted(session, proof, request, wall)
    count(session, house, proof, "person", granted.matter, wall)
    flow = overseen(
        house,
        proof,
        "person.looked_up",
        outcome="not_found" if granted.person is None else "found",
        case=str(granted.flow_id),
        reason=f"siehe Eintrag {granted.flow_id}" + (f"; gefiltert: {sought}" if sought else ""),
    )
    fid = log(session, house, flow, [] if granted.person is None else [granted.person], now)
    return Inspection(
        fid, granted.matter, frozenset() if granted.person is None else frozenset({granted.person}), proof
    )


def of_flow(
    session: Session,
    house: House,
    proof: StaffProof,
    fid: UUID,
    now: datetime,
    wall: datetime,
    request: UUID | None = None,
    action: str = "flow.opened",
) -> Inspection:
    """Log that the DSB opens one entry; whom it is about its index does not say. Return the leave.

    With a granted ``request`` the person's own part opens, too, if the entry is theirs; ``action`` says whether it is
    shown or taken away as a proof. Raises ``NotAllowed`` for another role, ``NotFound``, ``Curious``.
    """
    require(proof, Role.DSB)
    connection = session.connection()
    there = connection.execute(select(_FLOWS.c.fid).where(_FLOWS.c.fid == fid)).first()
    if there is None and connection.execute(select(_LEAVES.c.idx).where(_LEAVES.c.fid == fid)).first() is None:
        raise NotFound("entry")
    count(session, house, proof, "flow", fid, wall)
    person = four_eyes.granted(session, proof, request, wall).person if request else None
    if person is not None and not _is_about(session, house, fid, person):
        raise NotFound("entry")
    flow = overseen(house, proof, action, case=str(fid))
    logged = log(session, house, flow, [] if person is None else [person], now)
    return Inspection(logged, fid, frozenset() if person is None else frozenset({person}), proof)


def _is_about(session: Session, house: House, fid: UUID, person: UUID) -> bool:
    found = select(_SECRETS.c.fid).where(_SECRETS.c.fid == fid, _SECRETS.c.subj == house.log.subj(person))
    return session.connection().execute(found).first() is not None


def glance(session: Session, house: House, proof: StaffProof, action: str, now: datetime, case: str = "") -> None:
    """Log that the DSB looks at what names nobody. Raises ``NotAllowed`` for another role."""
    require(proof, Role.DSB)
    house.log.record(session, [overseen(house, proof, action, case=case)], now)


__all__ = [
    "PER_HOUR",
    "REASON_MAX",
    "REASON_MIN",
    "Curious",
    "Foreign",
    "Forged",
    "erasing",
    "four_eyes",
    "glance",
    "holding",
    "of_auftrag",
    "of_flow",
    "of_request",
    "report",
    "require",
    "wishes",
]
