"""Sign: the second signature under one Auftrag, given or refused by the other parent.

Who is asked was decided with the first yes (``steps.confirm``). With the last signature the Auftrag goes on its way.
The first parent learns only whether a signature is still missing. Left to others: taking a signature back
(``steps.undo``), what becomes of a missing one (``steps.silence``). Source: data-path.md § 5 (Two parents).
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, update
from sqlmodel import Session

from consent.model import SubjectStatus
from consent.store import raise_epoch
from proaktiv.assent import Transmission, act, give_transmit
from proaktiv.core.canonical import dumps
from proaktiv.core.cases import Moved, apply
from proaktiv.core.confirming import signing_trust, undo_after_signature
from proaktiv.core.errors import Conflict, NotAllowed, NotFound
from proaktiv.core.states import AuftragState
from proaktiv.core.trust import SessionProof, Trust
from proaktiv.house import House
from proaktiv.matters import AUFTRAEGE, PROPOSALS, SIGNATURES, load_case, silence_bundles, write_moves
from proaktiv.subjects import read_subjects, stopped_events
from proaktiv.vault import Compartment, Place

SIGNERS = 2
"""How many sign where one is not enough."""


def to_sign(session: Session, house: House, proof: SessionProof, auftrag: UUID) -> dict[str, Any]:
    """Return what is to be signed, with the MAC over it that a signature must carry.

    Raises ``NotFound``, or ``NotAllowed`` below V2: a letter code shows nothing of another person.
    """
    row = _mine(session, proof, auftrag)
    content = _content(session, house, proof, auftrag, row)
    return {
        "auftrag": str(auftrag),
        "state": row.state,
        **content,
        "shown": house.vault.mac("rendered", dumps(content)).hex(),
    }


def sign(session: Session, house: House, proof: SessionProof, auftrag: UUID, shown: bytes, now: datetime) -> None:
    """Record the signature under what was shown; again is no error.

    Raises ``NotFound``, ``NotAllowed`` or ``Conflict``.
    """
    row = _locked(session, proof, auftrag)
    if row.state == "signed":
        return
    _refuse_closed(session, proof, row)
    content = _content(session, house, proof, auftrag, row)
    if house.vault.mac("rendered", dumps(content)) != shown:
        raise Conflict("the content changed since it was shown")
    connection = session.connection()
    connection.execute(
        update(SIGNATURES)
        .where(SIGNATURES.c.auftrag == auftrag, SIGNATURES.c.person == proof.person)
        .values(state="signed", trust=int(proof.trust), shown_mac=shown, at=now)
    )
    signed = connection.execute(
        select(SIGNATURES.c.person).where(SIGNATURES.c.auftrag == auftrag, SIGNATURES.c.state == "signed")
    ).all()
    if len(signed) >= SIGNERS:
        _, effects = apply(load_case(session, PROPOSALS.c.id == row.proposal), Moved(row.proposal, AuftragState.HELD))
        write_moves(session, house.ids, effects, now)
        until = undo_after_signature(content["fristen"], proof.trust, now, row.undo_until)
        connection.execute(update(AUFTRAEGE).where(AUFTRAEGE.c.id == auftrag).values(undo_until=until, due_at=until))
    silence_bundles(session, [row.bundle])
    order = Transmission(auftrag, row.lebenslage, row.leistung)
    give_transmit(session, house, proof, order, "auftrag.signed", now)


def refuse(session: Session, house: House, proof: SessionProof, auftrag: UUID, now: datetime) -> None:
    """Record that the second parent does not sign; again is no error. Raises ``NotFound`` or ``Conflict``.

    Nobody is told: until its date the Auftrag waits as for a signature that has not come yet.
    """
    row = _locked(session, proof, auftrag)
    if row.state == "refused":
        return
    _refuse_closed(session, proof, row)
    session.connection().execute(
        update(SIGNATURES)
        .where(SIGNATURES.c.auftrag == auftrag, SIGNATURES.c.person == proof.person)
        .values(state="refused", content=None)
    )
    silence_bundles(session, [row.bundle])
    house.log.record(session, [act(house, proof, auftrag, "signature.refused")], now)


def _mine(session: Session, proof: SessionProof, auftrag: UUID) -> Row[*tuple[Any, ...]]:
    """Return the request to this person. Raises ``NotFound`` where there is none, or the matter is stopped."""
    where = [SIGNATURES.c.auftrag == auftrag, SIGNATURES.c.person == proof.person, SIGNATURES.c.bundle.is_not(None)]
    if proof.trust <= Trust.V1:
        where.append(SIGNATURES.c.bundle == proof.bundle)
    row = (
        session.connection()
        .execute(
            select(
                SIGNATURES.c.state,
                SIGNATURES.c.bundle,
                SIGNATURES.c.content,
                AUFTRAEGE.c.proposal,
                AUFTRAEGE.c.person,
                AUFTRAEGE.c.trust,
                AUFTRAEGE.c.undo_until,
                AUFTRAEGE.c.lebenslage,
                AUFTRAEGE.c.leistung,
                AUFTRAEGE.c.state.label("auftrag_state"),
                PROPOSALS.c.event,
            )
            .join(AUFTRAEGE, AUFTRAEGE.c.id == SIGNATURES.c.auftrag)
            .join(PROPOSALS, PROPOSALS.c.id == AUFTRAEGE.c.proposal)
            .where(*where)
        )
        .one_or_none()
    )
    if row is None or stopped_events(session, [row.event], proof.person):
        raise NotFound("signature")
    return row


def _locked(session: Session, proof: SessionProof, auftrag: UUID) -> Row[*tuple[Any, ...]]:
    """Lock both parents, then read anew: whoever moves the Auftrag holds the first one."""
    row = _mine(session, proof, auftrag)
    raise_epoch(session.connection(), [proof.person, row.person])
    return _mine(session, proof, auftrag)


def _refuse_closed(session: Session, proof: SessionProof, row: Row[*tuple[Any, ...]]) -> None:
    subject = read_subjects(session, [proof.person])[proof.person]
    if (
        subject.status is not SubjectStatus.ALIVE
        or row.state != "requested"
        or row.auftrag_state != AuftragState.AWAITING_SIGNATURE.value
    ):
        raise Conflict("no longer open")


def _content(
    session: Session, house: House, proof: SessionProof, auftrag: UUID, row: Row[*tuple[Any, ...]]
) -> dict[str, Any]:
    least = signing_trust(Trust(row.trust))
    if proof.trust < least:
        raise NotAllowed(f"this needs trust level {least.name}")
    if row.content is None:
        raise NotFound("signature")
    ring = house.vault.ring(session, [proof.person], [Compartment.VIEW])
    place = Place("signatures", auftrag, "content")
    content: dict[str, Any] = ring.open(proof, proof.person, Compartment.VIEW, place, row.content)
    return content
