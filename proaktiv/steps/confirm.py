"""Confirm: the citizen's yes, no, or later to one proposal.

A yes makes exactly one Auftrag, signs what was shown, gives the consent that it alone rests on (``transmit``) and
closes the siblings of its group, unless that would tell of somebody who hides (§ 51 BMG). Where two must sign, the
Auftrag waits for the second signature; whoever of the group is known here is asked for it, nobody else is ever
contacted. A second yes gets the same answer as the first.
Left to others: who stands there (``steps.prove``), the second signature (``steps.sign``), taking back
(``steps.undo``), sending (``steps.dispatch``). Source: data-path.md § 5; channels-and-pages.md § 5.2.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, insert, or_, select
from sqlmodel import Session

from consent.model import SubjectStatus
from consent.store import raise_epoch
from proaktiv.assent import Transmission, act, give_transmit, log_yes
from proaktiv.core.calendar import berlin_date
from proaktiv.core.canonical import dumps
from proaktiv.core.cases import Confirmed, Declined, Postponed, ProposalMoved, apply
from proaktiv.core.codes import ALPHABET
from proaktiv.core.confirming import asks_second, first_state
from proaktiv.core.errors import Conflict, NotAllowed, NotFound
from proaktiv.core.items import Case, Item
from proaktiv.core.proposals import way_of
from proaktiv.core.states import AuftragState
from proaktiv.core.trust import SessionProof, Trust
from proaktiv.core.views import BEHOERDE, counts_here, for_second, plan_of, rendered
from proaktiv.database import certain
from proaktiv.house import House
from proaktiv.matters import (
    AUFTRAEGE,
    PROPOSALS,
    SIGNATURES,
    STANDING,
    bundles_of,
    load_case,
    open_bundles,
    silence_bundles,
    write_moves,
)
from proaktiv.subjects import hidden_of, read_subjects, stopped_events, without_custody
from proaktiv.tables import BundleRow, core_table
from proaktiv.vault import Compartment, Place, Ring

_BUNDLES = core_table(BundleRow)

FIRST, SECOND = "elternteil", "zweiter_elternteil"


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What the citizen gets after the yes."""

    auftrag: UUID
    reference: str
    undo_until: datetime


def confirm(
    session: Session, house: House, proof: SessionProof, proposal: UUID, shown: bytes, now: datetime
) -> Confirmation:
    """Record the yes to what was shown. Raises ``NotFound``, ``NotAllowed`` or ``Conflict``.

    ``shown`` is the MAC the page carried: where what it would show changed meanwhile, nothing is confirmed.
    """
    row = _own(session, proof, proposal)
    if row.auftrag is not None:
        certain(session)
        return Confirmation(row.auftrag, row.reference, row.undo_until)
    if proof.trust < row.min_vertrauen:
        raise NotAllowed(f"this needs trust level V{row.min_vertrauen}")
    case = _locked_case(session, proof, row)
    again = _own(session, proof, proposal)
    if again.auftrag is not None:
        certain(session)
        return Confirmation(again.auftrag, again.reference, again.undo_until)
    _refuse_stopped(session, proof, row)
    if again.answer_by < berlin_date(now) or again.draft is None:
        raise Conflict("no longer open")
    asked = _to_ask(session, case, proposal)
    ring = house.vault.ring(session, [proof.person, *asked], (Compartment.VIEW, Compartment.FLOW))
    place = Place("proposals", proposal, "draft")
    content = ring.open(proof, proof.person, Compartment.VIEW, place, again.draft)
    view = rendered(content, proof.trust, now, plan_of(house.rules, row.lebenslage, row.leistung))
    if house.vault.mac("rendered", dumps(view)) != shown:
        raise Conflict("the content changed since it was shown")
    state, due_at, until = first_state(content, proof.trust, now)
    hidden = hidden_of(session, {item.candidate.person for item in case.items})
    _, effects = apply(case, Confirmed(proposal, again.shown_mac, state, tuple(content.get("nach", ())), hidden))
    order = Transmission(house.ids.row(now), row.lebenslage, row.leistung)
    reference = _reference(house)
    write_moves(session, house.ids, effects, now)
    session.connection().execute(
        insert(AUFTRAEGE),
        [
            {
                "id": order.auftrag,
                "reference": reference,
                "proposal": proposal,
                "person": proof.person,
                "leistung": row.leistung,
                "lebenslage": row.lebenslage,
                "behoerde": row.behoerde,
                "names": sorted({field["aus"] for field in content["felder"]}),
                "content": ring.seal(
                    proof.person, Compartment.VIEW, Place("auftraege", order.auftrag, "content"), content
                ),
                "shown_mac": shown,
                "trust": int(proof.trust),
                "sperrvermerk": False,
                "confirmed_at": now,
                "eingang_at": now if counts_here(content) and state is not AuftragState.WITH_CITIZEN else None,
                "undo_until": until,
                "undone_at": None,
                "ohne_zweite": content["ohne_zweite"] if state is AuftragState.AWAITING_SIGNATURE else "",
                "signature_by": due_at if state is AuftragState.AWAITING_SIGNATURE else None,
                "state": state.value,
                "due_at": due_at,
                "moved_at": now,
            }
        ],
    )
    session.connection().execute(insert(SIGNATURES), [_signature(order, proof, shown, now)])
    closed = [effect.item for effect in effects if isinstance(effect, ProposalMoved)]
    if asks_second(state, due_at, now):
        _ask_second(session, ring, order, content, asked, now)
    silence_bundles(session, bundles_of(session, closed))
    if way_of(content, proof.trust) == BEHOERDE:
        give_transmit(session, house, proof, order, "auftrag.confirmed", now)
    else:
        log_yes(session, house, proof, order, now)
    return Confirmation(order.auftrag, reference, until)


def _signature(order: Transmission, proof: SessionProof, shown: bytes, now: datetime) -> dict[str, Any]:
    return {
        "auftrag": order.auftrag,
        "person": proof.person,
        "role": FIRST,
        "state": "signed",
        "bundle": None,
        "content": None,
        "trust": int(proof.trust),
        "shown_mac": shown,
        "at": now,
    }


def _to_ask(session: Session, case: Case, proposal: UUID) -> dict[UUID, Item]:
    """Return who else of the group is known here and may be asked for a signature, with their own proposal.

    Nobody under protection, and nobody by somebody under protection: to be asked would tell the one of the other
    (§ 51 BMG). The Auftrag goes as it goes where a signature never comes.
    """
    mine = next(item for item in case.items if item.id == proposal)
    me = mine.candidate.person
    if mine.candidate.group is None or read_subjects(session, [me])[me].protections:
        return {}
    others = {
        item.candidate.person: item
        for item in case.items
        if item.candidate.group == mine.candidate.group
        and item.candidate.leistung == mine.candidate.leistung
        and item.candidate.person != mine.candidate.person
        and item.state.value in ("open", "later", "declined")
    }
    standing = read_subjects(session, others.keys() - without_custody(session, others))
    return {
        person: item
        for person, item in others.items()
        if person in standing and standing[person].status is SubjectStatus.ALIVE and not standing[person].protections
    }


def _ask_second(
    session: Session,
    ring: Ring,
    order: Transmission,
    content: dict[str, Any],
    asked: dict[UUID, Item],
    now: datetime,
) -> None:
    """Lay what is to be signed before the second parent, under their own key, and let notify tell them."""
    if not asked:
        return
    connection = session.connection()
    places = dict(
        connection.execute(
            select(PROPOSALS.c.person, PROPOSALS.c.bundle).where(PROPOSALS.c.id.in_([i.id for i in asked.values()]))
        ).all()
    )
    place = Place("signatures", order.auftrag, "content")
    connection.execute(
        insert(SIGNATURES),
        [
            {
                "auftrag": order.auftrag,
                "person": person,
                "role": SECOND,
                "state": "requested",
                "bundle": places[person],
                "content": ring.seal(person, Compartment.VIEW, place, for_second(content)),
                "trust": None,
                "shown_mac": None,
                "at": None,
            }
            for person in asked
        ],
    )
    open_bundles(session, set(places.values()), now, tell_at=now)


def decline(session: Session, house: House, proof: SessionProof, proposal: UUID, now: datetime) -> None:
    """Record the no. Raises ``NotFound`` or ``Conflict``."""
    row = _own(session, proof, proposal)
    if row.state == "declined":
        certain(session)
        return
    case = _locked_case(session, proof, row)
    _, effects = apply(case, Declined(proposal))
    write_moves(session, house.ids, effects, now)
    silence_bundles(session, [row.bundle])
    house.log.record(session, [act(house, proof, proposal, "proposal.declined")], now)


def postpone(session: Session, house: House, proof: SessionProof, proposal: UUID, now: datetime) -> None:
    """Record the later. Raises ``NotFound`` or ``Conflict``."""
    row = _own(session, proof, proposal)
    case = _locked_case(session, proof, row)
    _, effects = apply(case, Postponed(proposal))
    write_moves(session, house.ids, effects, now)
    house.log.record(session, [act(house, proof, proposal, "proposal.postponed")], now)


def _own(session: Session, proof: SessionProof, proposal: UUID) -> Row[*tuple[Any, ...]]:
    """Return the proposal if it is the proven person's, else the same ``NotFound`` as for none at all."""
    where = [PROPOSALS.c.id == proposal, PROPOSALS.c.person == proof.person]
    if proof.trust <= Trust.V1:
        where.append(PROPOSALS.c.bundle == proof.bundle)
    row = (
        session.connection()
        .execute(
            select(
                PROPOSALS.c.bundle,
                PROPOSALS.c.event,
                PROPOSALS.c.leistung,
                PROPOSALS.c.group_key,
                PROPOSALS.c.state,
                PROPOSALS.c.draft,
                PROPOSALS.c.behoerde,
                PROPOSALS.c.versand,
                PROPOSALS.c.min_vertrauen,
                PROPOSALS.c.shown_mac,
                PROPOSALS.c.answer_by,
                _BUNDLES.c.lebenslage,
                AUFTRAEGE.c.id.label("auftrag"),
                AUFTRAEGE.c.reference,
                AUFTRAEGE.c.undo_until,
            )
            .join(_BUNDLES, _BUNDLES.c.id == PROPOSALS.c.bundle)
            .join(AUFTRAEGE, STANDING, isouter=True)
            .where(*where)
        )
        .one_or_none()
    )
    if row is None:
        raise NotFound("proposal")
    return row


def _locked_case(session: Session, proof: SessionProof, row: Row[*tuple[Any, ...]]) -> Case:
    """Lock the person first, then the proposals of the group: the order every writer keeps.

    A yes gives consent, so it takes the exclusive lock that a withdrawal takes.
    """
    raise_epoch(session.connection(), [proof.person])
    where = PROPOSALS.c.bundle == row.bundle
    if row.group_key is not None:
        where = or_(where, PROPOSALS.c.group_key == row.group_key)
    return load_case(session, where)


def _refuse_stopped(session: Session, proof: SessionProof, row: Row[*tuple[Any, ...]]) -> None:
    subject = read_subjects(session, [proof.person])[proof.person]
    if subject.status is not SubjectStatus.ALIVE or stopped_events(session, [row.event], proof.person):
        raise Conflict("no longer open")


def _reference(house: House) -> str:
    """Return a number to read aloud: fifty random bits, nothing of the matter."""
    number = int.from_bytes(house.ids.random(7), "big")
    symbols = "".join(ALPHABET[number >> shift & 31] for shift in range(0, 50, 5))
    return f"A-{symbols[:5]}-{symbols[5:]}"
