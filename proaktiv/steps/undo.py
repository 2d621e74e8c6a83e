"""Undo: take a yes, or a signature, back while nothing has left the house.

The Auftrag ends, its proposal stands open again, and so do the siblings that the yes had closed (but for those of
somebody to whom that would tell of one who hides). What the register has
corrected meanwhile is decided anew; what rests on a consent that has ended meanwhile stays closed. Later there is only
the withdrawal (``steps.consents``), which a Behörde may have to be told of. Source: data-path.md § 5 (Undo).
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, or_, select, update
from sqlmodel import Session

from consent.model import ConsentState, Phase
from consent.store import heads_of, raise_epoch
from proaktiv.assent import Transmission, act, withdraw_transmit
from proaktiv.core.cases import ConsentWithdrawn, Moved, ProposalMoved, Undone, apply
from proaktiv.core.errors import Conflict, NotFound
from proaktiv.core.items import Case
from proaktiv.core.states import AuftragState, ProposalState
from proaktiv.core.trust import SessionProof, Trust
from proaktiv.house import House
from proaktiv.matters import (
    AUFTRAEGE,
    PROPOSALS,
    SIGNATURES,
    addressees,
    bundles_of,
    corrected,
    decide_anew,
    load_case,
    open_bundles,
    silence_bundles,
    write_moves,
)
from proaktiv.subjects import hidden_of, stopped_events

TOO_LATE = "the time to take it back is over; it can still be withdrawn"


def undo(session: Session, house: House, proof: SessionProof, auftrag: UUID, now: datetime) -> None:
    """Take back the own yes, or the own signature; again is no error. Raises ``NotFound`` or ``Conflict``."""
    row = _own(session, proof, auftrag)
    # Whose Auftrag it is, too: that is what dispatch holds while it hands over.
    raise_epoch(session.connection(), [proof.person, row.person])
    case = load_case(session, or_(PROPOSALS.c.id == row.proposal, PROPOSALS.c.closed_by == row.proposal))
    row = _own(session, proof, auftrag)
    if row.person == proof.person:
        _undo_yes(session, house, proof, auftrag, row, case, now)
    else:
        _undo_signature(session, house, proof, auftrag, row, case, now)


def _own(session: Session, proof: SessionProof, auftrag: UUID) -> Row[*tuple[Any, ...]]:
    """Return the Auftrag that this person confirmed or was asked to sign. Raises ``NotFound``."""
    bundle = or_(PROPOSALS.c.bundle == proof.bundle, SIGNATURES.c.bundle == proof.bundle)
    row = (
        session.connection()
        .execute(
            select(
                AUFTRAEGE.c.proposal,
                AUFTRAEGE.c.person,
                AUFTRAEGE.c.lebenslage,
                AUFTRAEGE.c.leistung,
                AUFTRAEGE.c.state,
                AUFTRAEGE.c.undo_until,
                AUFTRAEGE.c.undone_at,
                PROPOSALS.c.event,
                PROPOSALS.c.bundle,
                SIGNATURES.c.state.label("signature"),
                SIGNATURES.c.bundle.label("asked_in"),
            )
            .join(PROPOSALS, PROPOSALS.c.id == AUFTRAEGE.c.proposal)
            .join(SIGNATURES, SIGNATURES.c.auftrag == AUFTRAEGE.c.id)
            .where(
                AUFTRAEGE.c.id == auftrag,
                SIGNATURES.c.person == proof.person,
                *([bundle] if proof.trust <= Trust.V1 else []),
            )
        )
        .one_or_none()
    )
    if row is None or stopped_events(session, [row.event], proof.person):
        raise NotFound("auftrag")
    return row


def _undo_yes(
    session: Session,
    house: House,
    proof: SessionProof,
    auftrag: UUID,
    row: Row[*tuple[Any, ...]],
    case: Case,
    now: datetime,
) -> None:
    if row.undone_at is not None:
        return
    if row.state != AuftragState.AWAITING_SIGNATURE.value and row.undo_until <= now:
        raise Conflict(TOO_LATE)
    hidden = hidden_of(session, addressees(session, row.event) | {item.candidate.person for item in case.items})
    case, effects = apply(case, Undone(row.proposal, hidden))
    if _consent_ended(session, proof, row.lebenslage):
        own = Case(tuple(item for item in case.items if item.id == row.proposal))
        effects += apply(own, ConsentWithdrawn())[1]
    write_moves(session, house.ids, effects, now)
    connection = session.connection()
    connection.execute(update(AUFTRAEGE).where(AUFTRAEGE.c.id == auftrag).values(undone_at=now))
    asked = connection.execute(
        update(SIGNATURES)
        .where(SIGNATURES.c.auftrag == auftrag, SIGNATURES.c.state == "requested")
        .values(state="closed", content=None)
        .returning(SIGNATURES.c.bundle)
    ).scalars()
    reopened = [e.item for e in effects if isinstance(e, ProposalMoved) and e.to is ProposalState.OPEN]
    others = [item for item in reopened if item != row.proposal]
    open_bundles(session, [row.bundle], now, tell_at=None)
    # Whoever was told that it is no longer open must hear that it is.
    open_bundles(session, bundles_of(session, others) - {row.bundle}, now, tell_at=now)
    silence_bundles(session, [*asked, row.bundle])
    # Deciding stands in the log of all whom the event is about: where one hides, only if there is something to decide.
    if not hidden or corrected(session, row.event):
        decide_anew(session, [row.event], now)
    order = Transmission(auftrag, row.lebenslage, row.leistung)
    withdraw_transmit(session, house, proof, order, [act(house, proof, auftrag, "auftrag.undone")], now)


def _consent_ended(session: Session, proof: SessionProof, lebenslage: str) -> bool:
    """Return whether the person has taken back, since the yes, what their proposals of the Lebenslage rest on."""
    rests_on = {f"{lebenslage}/{Phase.WATCH.value}", f"{lebenslage}/{Phase.MATCH.value}"}
    heads = heads_of(session.connection(), proof.person)
    return any(head.activity in rests_on and head.state is not ConsentState.GIVEN for head in heads)


def _undo_signature(
    session: Session,
    house: House,
    proof: SessionProof,
    auftrag: UUID,
    row: Row[*tuple[Any, ...]],
    case: Case,
    now: datetime,
) -> None:
    if row.signature == "requested":
        return
    waits = row.state == AuftragState.HELD.value and row.undo_until > now
    if row.signature != "signed" or not waits:
        raise Conflict(TOO_LATE)
    _, effects = apply(case, Moved(row.proposal, AuftragState.AWAITING_SIGNATURE))
    write_moves(session, house.ids, effects, now)
    connection = session.connection()
    connection.execute(
        update(SIGNATURES)
        .where(SIGNATURES.c.auftrag == auftrag, SIGNATURES.c.person == proof.person)
        .values(state="requested", trust=None, shown_mac=None, at=None)
    )
    connection.execute(update(AUFTRAEGE).where(AUFTRAEGE.c.id == auftrag).values(due_at=AUFTRAEGE.c.signature_by))
    open_bundles(session, [row.asked_in], now, tell_at=None)
    order = Transmission(auftrag, row.lebenslage, row.leistung)
    withdraw_transmit(session, house, proof, order, [act(house, proof, auftrag, "signature.undone")], now)
