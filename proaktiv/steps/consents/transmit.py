"""Withdraw the ``transmit`` consent of one confirmed Auftrag, by whoever confirmed or signed it.

Unsent it never leaves, sent it becomes a clerk's task. Left to others: undoing a yes, which is not a withdrawal
(``steps.undo``). Source: data-path.md § 5 (Withdrawal).
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, or_, select, update
from sqlmodel import Session

from consent.store import raise_epoch
from proaktiv.assent import Transmission, act, given_transmit, withdraw_transmit
from proaktiv.core.cases import Effect, ForClerk, Moved, ProposalMoved, TransmitWithdrawn, apply
from proaktiv.core.errors import NotFound
from proaktiv.core.items import Case
from proaktiv.core.states import SENT_AUFTRAEGE, AuftragState
from proaktiv.core.trust import SessionProof, Trust
from proaktiv.house import House
from proaktiv.matters import AUFTRAEGE, PROPOSALS, SIGNATURES, bundles_of, load_case, open_bundles, write_moves
from proaktiv.subjects import hidden_of


def withdraw_auftrag(session: Session, house: House, proof: SessionProof, auftrag: UUID, now: datetime) -> None:
    """Withdraw the consent of one confirmed Auftrag: unsent it never leaves, sent it becomes a clerk's task.

    Whoever signed as the second takes the signature back: unsent, the Auftrag waits for it again. Again is no error
    and changes nothing. Raises ``NotFound``.
    """
    row = _confirmed(session, proof, auftrag)
    # Whose Auftrag it is, too: that is what dispatch holds while it hands over.
    raise_epoch(session.connection(), [proof.person, row.person])
    row = _confirmed(session, proof, auftrag)
    order = Transmission(auftrag, row.lebenslage, row.leistung)
    sheet = row.state == AuftragState.WITH_CITIZEN.value
    if not sheet and not given_transmit(session, proof.person, order):
        return
    where = or_(PROPOSALS.c.id == row.proposal, PROPOSALS.c.closed_by == row.proposal)
    case = load_case(session, where)
    if row.person == proof.person:
        hidden = hidden_of(session, {item.candidate.person for item in case.items})
        _, effects = apply(case, TransmitWithdrawn(row.proposal, hidden))
    else:
        effects = _unsigned(session, proof, auftrag, row, case)
    write_moves(session, house.ids, effects, now)
    reopened = [e.item for e in effects if isinstance(e, ProposalMoved)]
    open_bundles(session, bundles_of(session, reopened), now, tell_at=now)
    before = [act(house, proof, auftrag, "auftrag.withdrawn")] if sheet else []
    withdraw_transmit(session, house, proof, order, before, now)


def _confirmed(session: Session, proof: SessionProof, auftrag: UUID) -> Row[*tuple[Any, ...]]:
    """Return the Auftrag that this person signed, as the first or the second, locked."""
    where = [AUFTRAEGE.c.id == auftrag, SIGNATURES.c.person == proof.person, SIGNATURES.c.state == "signed"]
    if proof.trust <= Trust.V1:  # what a code does not show, it does not withdraw
        where.append(or_(PROPOSALS.c.bundle == proof.bundle, SIGNATURES.c.bundle == proof.bundle))
    row = (
        session.connection()
        .execute(
            select(
                AUFTRAEGE.c.proposal,
                AUFTRAEGE.c.person,
                AUFTRAEGE.c.state,
                AUFTRAEGE.c.lebenslage,
                AUFTRAEGE.c.leistung,
            )
            .join(PROPOSALS, PROPOSALS.c.id == AUFTRAEGE.c.proposal)
            .join(SIGNATURES, SIGNATURES.c.auftrag == AUFTRAEGE.c.id)
            .where(*where)
        )
        .one_or_none()
    )
    if row is None:
        raise NotFound("auftrag")
    return row


def _unsigned(
    session: Session, proof: SessionProof, auftrag: UUID, row: Row[*tuple[Any, ...]], case: Case
) -> tuple[Effect, ...]:
    """Take a second signature back; what has left is a clerk's matter."""
    item = next(item for item in case.items if item.id == row.proposal)
    connection = session.connection()
    if item.auftrag in SENT_AUFTRAEGE:
        return (ForClerk(item.id, "auftrag.withdrawn_after_sending"),)
    connection.execute(
        update(SIGNATURES)
        .where(SIGNATURES.c.auftrag == auftrag, SIGNATURES.c.person == proof.person)
        .values(state="refused", content=None)
    )
    if item.auftrag not in {AuftragState.HELD, AuftragState.READY}:
        return ()
    connection.execute(update(AUFTRAEGE).where(AUFTRAEGE.c.id == auftrag).values(due_at=AUFTRAEGE.c.signature_by))
    return apply(case, Moved(item.id, AuftragState.AWAITING_SIGNATURE))[1]
