"""Case file: what clerks see of the Aufträge that were sent to their Behörde.

The list says nothing personal. One Auftrag is opened with an ``Inspection`` alone, which is logged and committed by
then. Left to others: who may (``inspection``), what a clerk answers (``acknowledge``).
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlmodel import Session

from proaktiv.core.errors import BadInput, NotAllowed, NotFound
from proaktiv.core.staff import Inspection, Role, StaffProof
from proaktiv.core.views import for_office, named_sources
from proaktiv.house import House
from proaktiv.matters import AUFTRAEGE, SIGNATURES
from proaktiv.subjects import read_subjects
from proaktiv.tables import AcknowledgementRow, HandoverRow, core_table
from proaktiv.vault import Compartment, Destroyed, Place

PAGE = 50

_HANDOVERS = core_table(HandoverRow)
_ACKNOWLEDGEMENTS = core_table(AcknowledgementRow)


def sent_to(session: Session, house: House, proof: StaffProof, before: str) -> dict[str, Any]:
    """Return the Aufträge that were sent to this clerk's Behörde, the newest first, and where the next page begins.

    Raises ``BadInput``, and ``NotAllowed`` for another role.
    """
    _require(proof)
    where = [_HANDOVERS.c.behoerde == proof.behoerde, _HANDOVERS.c.state == "sent"]
    if before:
        where.append(_HANDOVERS.c.id < _uuid(before))
    rows = (
        session.connection()
        .execute(
            select(
                _HANDOVERS.c.id.label("handover"),
                _HANDOVERS.c.moved_at.label("sent_at"),
                AUFTRAEGE.c.id,
                AUFTRAEGE.c.reference,
                AUFTRAEGE.c.leistung,
                AUFTRAEGE.c.lebenslage,
                AUFTRAEGE.c.state,
                AUFTRAEGE.c.eingang_at,
                AUFTRAEGE.c.moved_at,
            )
            .join(AUFTRAEGE, AUFTRAEGE.c.id == _HANDOVERS.c.auftrag)
            .where(*where)
            .order_by(_HANDOVERS.c.id.desc())
            .limit(PAGE + 1)
        )
        .all()
    )
    shown = [
        {
            "id": str(row.id),
            "reference": row.reference,
            "name": _name(house, row.lebenslage, row.leistung),
            "state": row.state,
            "eingang_at": (row.eingang_at or row.sent_at).isoformat(),
            "moved_at": row.moved_at.isoformat(),
        }
        for row in rows[:PAGE]
    ]
    return {"auftraege": shown, "more": str(rows[PAGE - 1].handover) if len(rows) > PAGE else ""}


def auftrag(session: Session, house: House, leave: Inspection) -> dict[str, Any]:
    """Return one Auftrag as it was sent, with each value's source, who signed it, and what was answered.

    Raises ``NotFound`` where its content is gone.
    """
    connection = session.connection()
    row = connection.execute(select(AUFTRAEGE).where(AUFTRAEGE.c.id == leave.matter)).one_or_none()
    if row is None or row.content is None or row.person not in leave.persons:
        raise NotFound("auftrag")
    ring = house.vault.ring(session, leave.persons, (Compartment.VIEW,))
    place = Place("auftraege", leave.matter, "content")
    try:
        content = ring.open(leave, row.person, Compartment.VIEW, place, row.content)
    except Destroyed:
        raise NotFound("auftrag") from None
    handover = connection.execute(
        select(_HANDOVERS)
        .where(_HANDOVERS.c.auftrag == leave.matter, _HANDOVERS.c.state == "sent")
        .order_by(_HANDOVERS.c.attempt.desc())
        .limit(1)
    ).one()
    felder = content["felder"]  # as the person saw them; a clerk is told of whom they are
    return {
        "id": str(leave.matter),
        "reference": row.reference,
        "name": content["name"],
        "state": row.state,
        "confirmed_at": row.confirmed_at.isoformat(),
        "eingang_at": (row.eingang_at or handover.moved_at).isoformat(),
        "sent_at": handover.moved_at.isoformat(),
        "wire_id": handover.wire_id,
        "trust": row.trust,
        # As it went, or as the register says by now.
        "sperrvermerk": row.sperrvermerk or bool(read_subjects(session, [row.person])[row.person].protections),
        "felder": [field | {"name": house.rules.office_labels(field["aus"]) or field["name"]} for field in felder],
        "fristen": content["fristen"],
        "quellen": for_office(named_sources(house.rules, content)),
        "unterschriften": _signatures(session, leave.matter),
        "antworten": _answers(session, leave.matter),
    }


def wire_id_of(session: Session, proof: StaffProof, auftrag: UUID) -> str:
    """Return the id under which this clerk's Behörde was handed an Auftrag. Raises ``NotFound``, ``NotAllowed``."""
    _require(proof)
    found = session.connection().execute(
        select(_HANDOVERS.c.wire_id)
        .where(
            _HANDOVERS.c.auftrag == auftrag,
            _HANDOVERS.c.behoerde == proof.behoerde,
            _HANDOVERS.c.state == "sent",
        )
        .order_by(_HANDOVERS.c.attempt.desc())
        .limit(1)
    )
    wire_id: str | None = found.scalar_one_or_none()
    if wire_id is None:
        raise NotFound("auftrag")
    return wire_id


def _require(proof: StaffProof) -> None:
    if proof.role is not Role.CLERK:
        raise NotAllowed("Aufträge are for clerks")


def _signatures(session: Session, auftrag: UUID) -> list[dict[str, Any]]:
    """Return who signed in which role, at which trust, over what; no name: that stands among the fields."""
    rows = session.connection().execute(
        select(SIGNATURES.c.role, SIGNATURES.c.state, SIGNATURES.c.trust, SIGNATURES.c.shown_mac, SIGNATURES.c.at)
        .where(SIGNATURES.c.auftrag == auftrag)
        .order_by(SIGNATURES.c.at)
    )
    return [
        {
            "role": row.role,
            "state": row.state,
            "trust": row.trust,
            "shown": row.shown_mac.hex()[:16] if row.shown_mac else "",
            "at": _written(row.at),
        }
        for row in rows
    ]


def _answers(session: Session, auftrag: UUID) -> list[dict[str, Any]]:
    rows = session.connection().execute(
        select(_ACKNOWLEDGEMENTS.c.status, _ACKNOWLEDGEMENTS.c.received_at, _ACKNOWLEDGEMENTS.c.signed)
        .join(_HANDOVERS, _HANDOVERS.c.id == _ACKNOWLEDGEMENTS.c.handover)
        .where(_HANDOVERS.c.auftrag == auftrag)
        .order_by(_ACKNOWLEDGEMENTS.c.received_at)
    )
    return [{"status": row.status, "at": row.received_at.isoformat(), "signed": row.signed} for row in rows]


def _name(house: House, lebenslage: str, leistung: str) -> str:
    try:
        return house.rules.lebenslage(lebenslage).plan(leistung).name
    except NotFound:
        return leistung


def _written(at: datetime | None) -> str:
    return at.isoformat() if at else ""


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise BadInput("bis", "is no id") from None
