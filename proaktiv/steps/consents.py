"""Consents: give, refuse, withdraw, object. As easy to withdraw as to give; effective with the commit.

A withdrawal, and an objection to a public task, cancels what rests on it: wanted look-ups, open proposals, messages.
A confirmed Auftrag rests on its own
``transmit`` consent and runs on unless that one is withdrawn (data-path.md § 5). The first decision after an
activation letter finishes the enrolment.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, or_, select, update
from sqlmodel import Session

from consent.errors import ConsentConflict
from consent.model import CHOSEN_IN_ADVANCE, Activity, Basis, ConsentState, Notice, Phase
from consent.notices import digest_of
from consent.store import activities, give, heads_of, object_to, put_notice, raise_epoch, refuse, withdraw
from proaktiv.assent import Transmission, act, given_transmit, withdraw_transmit
from proaktiv.core.cases import Case, ConsentWithdrawn, Effect, ForClerk, Moved, ProposalMoved, TransmitWithdrawn, apply
from proaktiv.core.errors import BadInput, Conflict, NotFound
from proaktiv.core.flows import Flow, Kind
from proaktiv.core.notices import LOCALE, MEDIA_TYPE, notice_of
from proaktiv.core.states import SENT_AUFTRAEGE, AuftragState, ProposalState
from proaktiv.core.trust import SessionProof, Trust
from proaktiv.house import House
from proaktiv.matters import (
    AUFTRAEGE,
    PROPOSALS,
    SIGNATURES,
    bundles_of,
    decide_anew,
    drop_lookups,
    load_case,
    open_bundles,
    silence_bundles,
    write_moves,
)
from proaktiv.tables import (
    AnswerRow,
    BundleRow,
    EnrolmentRow,
    EventFactsRow,
    FetchedFactsRow,
    LookupRow,
    MatchRow,
    PersonRow,
    RegisterEventRow,
    WiedervorlageRow,
    core_table,
)

_BUNDLES = core_table(BundleRow)
_EVENTS = core_table(RegisterEventRow)
_LOOKUPS = core_table(LookupRow)
_FETCHED = core_table(FetchedFactsRow)
_FACTS = core_table(EventFactsRow)
_ANSWERS = core_table(AnswerRow)
_MATCHES = core_table(MatchRow)
_WIEDERVORLAGEN = core_table(WiedervorlageRow)
_PERSONS = core_table(PersonRow)
_ENROLMENTS = core_table(EnrolmentRow)


@dataclass(frozen=True, slots=True)
class Choice:
    """One decision about one activity. ``notice`` is the hex digest of the text that was shown."""

    activity: str
    gives: bool
    notice: str


def choose(session: Session, house: House, proof: SessionProof, choices: Sequence[Choice], now: datetime) -> None:
    """Record what a person gives and refuses. Raises ``BadInput``, or ``Conflict`` where the text has changed."""
    connection = session.connection()
    known = activities(connection)
    for place, choice in enumerate(choices):
        _check(house, known, choice, f"/decisions/{place}")
    raise_epoch(connection, [proof.person])
    _finish_enrolment(session, proof)  # rows before the log, whose lock comes last
    if any(choice.gives and known[choice.activity].phase is Phase.PROPOSE for choice in choices):
        _tell_again(session, proof, now)
    _decide_again(session, house, proof, [known[choice.activity] for choice in choices if choice.gives], now)
    flows = [
        _changed(house, proof, known[choice.activity], "given" if choice.gives else "refused") for choice in choices
    ]
    # The ledger names its log entry, so the log comes first here; only this person's head is locked by it.
    recorded = house.log.record(session, flows, now)
    for choice, flow_id in zip(choices, recorded, strict=True):
        activity = known[choice.activity]
        body = notice_of(house.rules.fluss(activity.name))
        shown = put_notice(connection, activity, locale=LOCALE, media_type=MEDIA_TYPE, body=body)
        try:
            (give if choice.gives else refuse)(
                connection,
                person=proof.person,
                activity=activity,
                at=now,
                record=house.ids.secret(),
                flow_id=flow_id,
                notice=shown,
                channel="web",
                trust=int(proof.trust),
            )
        except ConsentConflict as error:
            raise Conflict(f"{activity.name}: {error}; to take a given consent back, withdraw it") from None


def _check(house: House, known: Mapping[str, Activity], choice: Choice, place: str) -> None:
    activity = known.get(choice.activity)
    if activity is None or activity.phase not in CHOSEN_IN_ADVANCE or not activity.consent_required:
        raise BadInput(f"{place}/activity", "names no activity that can be decided here; see GET /einwilligungen")
    body = notice_of(house.rules.fluss(activity.name))
    if digest_of(Notice(activity.id, LOCALE, MEDIA_TYPE, body)).hex() != choice.notice:
        raise Conflict("the text changed since it was shown; read it again")


def _finish_enrolment(session: Session, proof: SessionProof) -> None:
    connection = session.connection()
    connection.execute(
        update(_PERSONS)
        .where(_PERSONS.c.person == proof.person, _PERSONS.c.status == "requested")
        .values(status="active")
    )
    connection.execute(
        update(_ENROLMENTS)
        .where(_ENROLMENTS.c.person == proof.person, _ENROLMENTS.c.state.in_(("found", "letter")))
        .values(state="finished", due_at=None)
    )


def _tell_again(session: Session, proof: SessionProof, now: datetime) -> None:
    """Let notify look again at open bundles that nobody was told about: now they may be told."""
    session.connection().execute(
        update(_BUNDLES)
        .where(
            _BUNDLES.c.person == proof.person,
            _BUNDLES.c.state == "open",
            _BUNDLES.c.due_at.is_(None),
            _BUNDLES.c.messages == 0,
        )
        .values(due_at=now)
    )


def _decide_again(
    session: Session, house: House, proof: SessionProof, given: Sequence[Activity], now: datetime
) -> None:
    """Let events be decided anew of which this person's facts are here and to which they had said no meanwhile.

    So what an age brings is noted again (``wiedervorlagen``): evaluate reckons the month; no fact is opened here.
    """
    connection = session.connection()
    standing = {
        head.activity
        for head in heads_of(connection, proof.person)
        if head.state is ConsentState.GIVEN and not head.scope
    }
    kinds = {
        kind
        for activity in given
        if activity.name not in standing
        for kind in _kinds(house, activity.name.partition("/")[0])
    }
    if kinds:
        mine = select(_FACTS.c.event).where(_FACTS.c.person == proof.person)
        found = connection.execute(select(_EVENTS.c.id).where(_EVENTS.c.kind.in_(kinds), _EVENTS.c.id.in_(mine)))
        decide_anew(session, set(found.scalars()), now)


def withdraw_lebenslage(
    session: Session, house: House, proof: SessionProof, lebenslage: str, now: datetime
) -> tuple[str, ...]:
    """Withdraw everything given in advance for one Lebenslage. Returns the activities; again is no error."""
    raise_epoch(session.connection(), [proof.person])
    heads = [
        head
        for head in heads_of(session.connection(), proof.person)
        if head.activity.startswith(f"{lebenslage}/") and head.state is ConsentState.GIVEN and not head.scope
    ]
    return _withdraw(session, house, proof, [head.activity for head in heads], lebenslage, now)


def withdraw_activity(
    session: Session, house: House, proof: SessionProof, activity: str, now: datetime
) -> tuple[str, ...]:
    """Withdraw one activity. Raises ``BadInput`` where the name is none; again is no error."""
    known = activities(session.connection())
    if activity not in known or known[activity].phase not in CHOSEN_IN_ADVANCE:
        raise BadInput("/activity", "names no activity; see GET /einwilligungen")
    raise_epoch(session.connection(), [proof.person])
    given = [
        head.activity
        for head in heads_of(session.connection(), proof.person)
        if head.activity == activity and head.state is ConsentState.GIVEN and not head.scope
    ]
    return _withdraw(session, house, proof, given, activity.partition("/")[0], now)


def _withdraw(
    session: Session, house: House, proof: SessionProof, names: Sequence[str], lebenslage: str, now: datetime
) -> tuple[str, ...]:
    """Take back what rests on the activities; the caller holds the person's lock since before it read them."""
    if not names:
        return ()
    known = activities(session.connection())
    _take_back(session, house, proof, lebenslage, now)
    if any(known[name].phase in (Phase.WATCH, Phase.MATCH) for name in names):
        _forget_facts(session, proof, _kinds(house, lebenslage))
    flows = [_changed(house, proof, known[name], "withdrawn") for name in names]
    for name, flow_id in zip(names, house.log.record(session, flows, now), strict=True):
        _withdraw_head(session, proof, known[name], "", flow_id, now)
    return tuple(names)


def object_to_public_task(
    session: Session, house: House, proof: SessionProof, *, lebenslage: str, activity: str, now: datetime
) -> tuple[str, ...]:
    """Object to one activity, or to every one of a Lebenslage, that rests on a public task. Returns those it stops.

    Again is no error. What rests on a consent is withdrawn instead, and a confirmed Auftrag runs on. Who consents again
    takes the objection back; until then it stops, whatever a clerk thinks of it. Raises ``BadInput``.
    Source: Art. 18 (1) (d), 21 (1) DSGVO; consent.md § 6, row 23.
    """
    connection = session.connection()
    open_to_it = {each.name: each for each in activities(connection).values() if each.basis is Basis.PUBLIC_TASK}
    if activity and activity not in open_to_it:
        raise BadInput("/activity", "names no activity that rests on a public task; a consent can be withdrawn")
    raise_epoch(connection, [proof.person])
    before = {h.activity for h in heads_of(connection, proof.person) if h.state is ConsentState.OBJECTED}
    wanted = [activity] if activity else sorted(name for name in open_to_it if name.startswith(f"{lebenslage}/"))
    names = [name for name in wanted if name not in before]
    if names:
        _take_back(session, house, proof, names[0].partition("/")[0], now)
    flows = [_changed(house, proof, open_to_it[name], "objected") for name in names]
    for name, flow_id in zip(names, house.log.record(session, flows, now), strict=True):
        object_to(
            connection,
            person=proof.person,
            activity=open_to_it[name],
            at=now,
            record=house.ids.secret(),
            flow_id=flow_id,
            channel="web",
            trust=int(proof.trust),
        )
    return tuple(names)


def _take_back(session: Session, house: House, proof: SessionProof, lebenslage: str, now: datetime) -> None:
    """Recall what is not confirmed of a Lebenslage: proposals, letters, look-ups and what they brought."""
    connection = session.connection()
    mine = PROPOSALS.c.bundle.in_(
        select(_BUNDLES.c.id).where(_BUNDLES.c.person == proof.person, _BUNDLES.c.lebenslage == lebenslage)
    )
    _, effects = apply(load_case(session, mine), ConsentWithdrawn())
    write_moves(session, house.ids, effects, now)
    silence_bundles(session, connection.execute(select(PROPOSALS.c.bundle).where(mine).distinct()).scalars())
    _drop_facts(session, proof, _kinds(house, lebenslage), now)
    connection.execute(
        delete(_WIEDERVORLAGEN).where(
            _WIEDERVORLAGEN.c.person == proof.person,
            _WIEDERVORLAGEN.c.what.startswith(f"{lebenslage}/", autoescape=True),
        )
    )


def _drop_facts(session: Session, proof: SessionProof, kinds: Sequence[str], now: datetime) -> None:
    """End look-ups of the Lebenslage's events, and forget what registers answered for events not decided yet."""
    events = select(_EVENTS.c.id).where(_EVENTS.c.kind.in_(kinds))
    drop_lookups(session, (_LOOKUPS.c.person == proof.person) & _LOOKUPS.c.event.in_(events), now)
    session.connection().execute(
        delete(_FETCHED).where(
            _FETCHED.c.person == proof.person,
            _FETCHED.c.event.in_(events.where(_EVENTS.c.state.in_(("waiting", "needs")))),
        )
    )


def _forget_facts(session: Session, proof: SessionProof, kinds: Sequence[str]) -> None:
    """Destroy what is known of the person from the Lebenslage's events, but for what a confirmed Auftrag rests on.

    Source: Art. 17 (1) (b) DSGVO.
    """
    connection = session.connection()
    confirmed = select(PROPOSALS.c.event).where(
        PROPOSALS.c.person == proof.person, PROPOSALS.c.state == ProposalState.CONFIRMED.value
    )
    events = select(_EVENTS.c.id).where(_EVENTS.c.kind.in_(kinds), _EVENTS.c.id.not_in(confirmed))
    for table in (_FACTS, _FETCHED, _ANSWERS):
        connection.execute(delete(table).where(table.c.person == proof.person, table.c.event.in_(events)))
    connection.execute(
        update(_MATCHES).where(_MATCHES.c.person == proof.person, _MATCHES.c.event.in_(events)).values(facts=None)
    )


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
        _, effects = apply(case, TransmitWithdrawn(row.proposal))
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


def _withdraw_head(
    session: Session, proof: SessionProof, activity: Activity, scope: str, flow_id: UUID, now: datetime
) -> None:
    withdraw(
        session.connection(),
        person=proof.person,
        activity=activity,
        scope=scope,
        at=now,
        flow_id=flow_id,
        channel="web",
        trust=int(proof.trust),
    )


def _kinds(house: House, lebenslage: str) -> tuple[str, ...]:
    found = house.rules.lebenslagen.get(lebenslage)
    return found.ereignisse if found else ()


def _changed(house: House, proof: SessionProof, activity: Activity, outcome: str, case: str = "") -> Flow:
    return Flow(
        kind=Kind.CONSENT_CHANGED,
        sender="citizen",
        receiver=house.controller,
        receiver_name=house.name,
        purpose=activity.purpose,
        action=f"consent.{outcome}",
        basis=activity.norm,
        scope=activity.id,
        outcome=outcome,
        person=proof.person,
        actor="citizen",
        case=case,
    )
