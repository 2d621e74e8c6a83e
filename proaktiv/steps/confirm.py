"""Confirm: the citizen's yes, no, or later to one proposal.

A yes makes exactly one Auftrag, gives the consent that it alone rests on (``transmit``), signs what was shown and
closes the siblings of its group. A second yes gets the same answer as the first.
Left to others: who stands there (``steps.prove``), sending (``steps.dispatch``).
Source: data-path.md § 5; channels-and-pages.md § 5.2.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, insert, or_, select
from sqlmodel import Session

from consent.model import SubjectStatus
from consent.store import activities, give, put_notice, raise_epoch
from proaktiv.core.calendar import BERLIN
from proaktiv.core.cases import Case, Confirmed, Declined, Postponed, ProposalMoved, apply
from proaktiv.core.codes import ALPHABET
from proaktiv.core.errors import Conflict, NotAllowed, NotFound
from proaktiv.core.flows import Flow, Kind
from proaktiv.core.notices import LOCALE, MEDIA_TYPE, notice_of
from proaktiv.core.states import AuftragState
from proaktiv.core.trust import SessionProof, Trust
from proaktiv.house import House
from proaktiv.matters import AUFTRAEGE, PROPOSALS, load_case, silence_bundles, write_moves
from proaktiv.subjects import read_subjects, stopped_events
from proaktiv.tables import BundleRow, SignatureRow, core_table
from proaktiv.vault import Compartment, Place

_BUNDLES = core_table(BundleRow)
_SIGNATURES = core_table(SignatureRow)

UNDO = timedelta(hours=24)
"""How long an Auftrag confirmed at V1 waits, so that the person can take it back."""

TIGHT = timedelta(hours=48)
"""With less than this until a clock's loss, an Auftrag leaves at once."""


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

    ``shown`` is the MAC the page carried: where the content changed meanwhile, nothing is confirmed.
    """
    row = _own(session, proof, proposal)
    if row.auftrag is not None:
        return Confirmation(row.auftrag, row.reference, row.undo_until)
    if proof.trust < row.min_vertrauen:
        raise NotAllowed(f"this needs trust level V{row.min_vertrauen}")
    case = _locked_case(session, proof, row)
    again = _own(session, proof, proposal)
    if again.auftrag is not None:
        return Confirmation(again.auftrag, again.reference, again.undo_until)
    _refuse_stopped(session, proof, row)
    ring = house.vault.ring(session, [proof.person], (Compartment.VIEW, Compartment.FLOW))
    content = ring.open(proof, proof.person, Compartment.VIEW, Place("proposals", proposal, "draft"), row.draft)
    undo_until = _undo_until(content, proof.trust, now)
    # ``selbst`` and ``hinweis`` end with the citizen: nothing is sent (data-path.md § 5, mode of sending).
    state = AuftragState.HELD if row.versand == "behoerde" else AuftragState.WITH_CITIZEN
    _, effects = apply(case, Confirmed(proposal, shown, state))
    auftrag, reference = house.ids.row(now), _reference(house)
    write_moves(session, house.ids, effects, now)
    session.connection().execute(
        insert(AUFTRAEGE),
        [
            {
                "id": auftrag,
                "reference": reference,
                "proposal": proposal,
                "person": proof.person,
                "leistung": row.leistung,
                "lebenslage": row.lebenslage,
                "behoerde": row.behoerde,
                "names": sorted({field["aus"] for field in content["felder"]}),
                "content": ring.seal(proof.person, Compartment.VIEW, Place("auftraege", auftrag, "content"), content),
                "shown_mac": shown,
                "trust": int(proof.trust),
                "sperrvermerk": False,
                "confirmed_at": now,
                "eingang_at": now if _counts_here(content) else None,
                "undo_until": undo_until,
                "state": state.value,
                "due_at": undo_until if state is AuftragState.HELD else None,
                "moved_at": now,
            }
        ],
    )
    session.connection().execute(
        insert(_SIGNATURES),
        [
            {
                "auftrag": auftrag,
                "person": proof.person,
                "role": "antragsteller",
                "trust": int(proof.trust),
                "shown_mac": shown,
                "at": now,
            }
        ],
    )
    closed = [effect.item for effect in effects if isinstance(effect, ProposalMoved)]
    silence_bundles(session, _bundles_of(session, closed))
    _give_transmit(session, house, proof, row, auftrag, now)
    return Confirmation(auftrag, reference, undo_until)


def decline(session: Session, house: House, proof: SessionProof, proposal: UUID, now: datetime) -> None:
    """Record the no. Raises ``NotFound`` or ``Conflict``."""
    row = _own(session, proof, proposal)
    if row.state == "declined":
        return
    case = _locked_case(session, proof, row)
    _, effects = apply(case, Declined(proposal))
    write_moves(session, house.ids, effects, now)
    silence_bundles(session, [row.bundle])
    house.log.record(session, [_act(house, proof, proposal, "proposal.declined")], now)


def postpone(session: Session, house: House, proof: SessionProof, proposal: UUID, now: datetime) -> None:
    """Record the later. Raises ``NotFound`` or ``Conflict``."""
    row = _own(session, proof, proposal)
    case = _locked_case(session, proof, row)
    _, effects = apply(case, Postponed(proposal))
    write_moves(session, house.ids, effects, now)
    house.log.record(session, [_act(house, proof, proposal, "proposal.postponed")], now)


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
                _BUNDLES.c.lebenslage,
                AUFTRAEGE.c.id.label("auftrag"),
                AUFTRAEGE.c.reference,
                AUFTRAEGE.c.undo_until,
            )
            .join(_BUNDLES, _BUNDLES.c.id == PROPOSALS.c.bundle)
            .join(AUFTRAEGE, AUFTRAEGE.c.proposal == PROPOSALS.c.id, isouter=True)
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
    if subject.status is not SubjectStatus.ALIVE or stopped_events(session, [row.event]):
        raise Conflict("no longer open")


def _undo_until(content: dict[str, Any], trust: Trust, now: datetime) -> datetime:
    """Return until when the Auftrag waits: 24 h at V1, never past a clock's loss, not at all when time is short."""
    if trust > Trust.V1:
        return now
    ends = [
        datetime.combine(date.fromisoformat(clock["sicher_bis"]), time.max, BERLIN)
        for clock in content["fristen"]
        if clock["sicher_bis"]
    ]
    ahead = [end for end in ends if end > now]
    if ahead and min(ahead) - now < TIGHT:
        return now
    return now + UNDO


def _counts_here(content: dict[str, Any]) -> bool:
    """Return whether the yes at any Gemeinde already keeps the deadline (§ 16 (2) SGB I)."""
    return any(clock["massgeblich"] == "eingang_irgendein_traeger_oder_gemeinde" for clock in content["fristen"])


def _bundles_of(session: Session, proposals: list[UUID]) -> list[UUID]:
    return list(
        session.connection()
        .execute(select(PROPOSALS.c.bundle).where(PROPOSALS.c.id.in_(proposals)).distinct())
        .scalars()
    )


def _give_transmit(
    session: Session, house: House, proof: SessionProof, row: Row[*tuple[Any, ...]], auftrag: UUID, now: datetime
) -> None:
    connection = session.connection()
    activity = activities(connection)[f"{row.lebenslage}/transmit/{row.leistung}"]
    record = house.ids.secret()
    # What was shown of this Auftrag stands in the signature; the notice is the released text about handing it over.
    text = notice_of(house.rules.fluss(activity.name))
    notice = put_notice(connection, activity, locale=LOCALE, media_type=MEDIA_TYPE, body=text)
    flow = Flow(
        kind=Kind.CONFIRMED,
        sender="citizen",
        receiver=house.controller,
        receiver_name=house.name,
        purpose=activity.purpose,
        action="auftrag.confirmed",
        basis=activity.norm,
        categories=(row.leistung.lower(),),
        scope=activity.id,
        outcome="confirmed",
        person=proof.person,
        consent=str(record),
        actor="citizen",
        case=str(auftrag),
    )
    (flow_id,) = house.log.record(session, [flow], now)
    give(
        connection,
        person=proof.person,
        activity=activity,
        scope=str(auftrag),
        at=now,
        record=record,
        flow_id=flow_id,
        notice=notice,
        channel="web",
        trust=int(proof.trust),
    )


def _act(house: House, proof: SessionProof, proposal: UUID, action: str) -> Flow:
    return Flow(
        kind=Kind.ACT,
        sender="citizen",
        receiver=house.controller,
        purpose="proposal",
        action=action,
        basis="act of the person",
        outcome=action.rpartition(".")[2],
        person=proof.person,
        actor="citizen",
        case=str(proposal),
    )


def _reference(house: House) -> str:
    """Return a number to read aloud: fifty random bits, nothing of the matter."""
    number = int.from_bytes(house.ids.random(7), "big")
    symbols = "".join(ALPHABET[number >> shift & 31] for shift in range(0, 50, 5))
    return f"A-{symbols[:5]}-{symbols[5:]}"
