"""Between the pure case and its rows: read the items a happening touches, write what it did.

Left to others: what a happening does (``core.cases``), new proposals (``steps.propose``), the log.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, delete, insert, or_, select, tuple_, update
from sqlmodel import Session

from proaktiv.core.cases import AuftragMoved, Decided, Effect, ForClerk, ProposalMoved, apply
from proaktiv.core.ids import Ids
from proaktiv.core.items import Candidate, Case, Item
from proaktiv.core.outbound import LOST, End
from proaktiv.core.plans import TOLD
from proaktiv.core.states import TO_BE_TOLD, AuftragState, EventState, ProposalState
from proaktiv.sets import among
from proaktiv.tables import (
    AuftragRow,
    BundleRow,
    EventFactsRow,
    EventSubjectRow,
    FetchedFactsRow,
    HandoverRow,
    LookupRow,
    ProposalRow,
    RegisterEventRow,
    SignatureRow,
    TaskRow,
    core_table,
)

PROPOSALS = core_table(ProposalRow)
AUFTRAEGE = core_table(AuftragRow)
SIGNATURES = core_table(SignatureRow)
_BUNDLES = core_table(BundleRow)
_LOOKUPS = core_table(LookupRow)
_EVENTS = core_table(RegisterEventRow)
_SUBJECTS = core_table(EventSubjectRow)
_FACTS = core_table(EventFactsRow)
_FETCHED = core_table(FetchedFactsRow)
_TASKS = core_table(TaskRow)
_HANDOVERS = core_table(HandoverRow)

STANDING = and_(AUFTRAEGE.c.proposal == PROPOSALS.c.id, AUFTRAEGE.c.undone_at.is_(None))
"""Joins a proposal and its Auftrag; one that was taken back is none."""

PERHAPS_THERE = and_(
    AUFTRAEGE.c.state == AuftragState.READY.value,
    select(_HANDOVERS.c.id)
    .where(_HANDOVERS.c.auftrag == AUFTRAEGE.c.id, _HANDOVERS.c.reason.in_((End.UNSURE.value, LOST)))
    .exists(),
)
"""Says of an Auftrag that is to be sent again whether an attempt may have arrived all the same."""

TO_SIGN = and_(
    SIGNATURES.c.auftrag == AUFTRAEGE.c.id,
    SIGNATURES.c.state == "requested",
    AUFTRAEGE.c.state == AuftragState.AWAITING_SIGNATURE.value,
)
"""Joins a second signature that is still asked for and its Auftrag."""

NEWS = among(AUFTRAEGE.c.state, [state.value for state in TO_BE_TOLD])
UNTOLD = and_(NEWS, AUFTRAEGE.c.due_at.is_not(None))
"""Say of an Auftrag that there is news of it for its person; and that they have not been told yet."""

_TERMINAL = frozenset(
    {
        AuftragState.WITHDRAWN,
        AuftragState.ANNOUNCED,
        AuftragState.SENT,
        AuftragState.ACKNOWLEDGED,
        AuftragState.DECIDED,
        AuftragState.REJECTED,
        AuftragState.IN_DOUBT,
        AuftragState.WITH_CITIZEN,
    }
)
"""States in which dispatch has nothing due."""


def load_case(session: Session, where: ColumnElement[bool], *, lock: bool = True) -> Case:
    """Return the case of the proposals that ``where`` selects, locked in a fixed order unless told otherwise."""
    query = (
        select(
            PROPOSALS.c.id,
            PROPOSALS.c.dedupe,
            PROPOSALS.c.leistung,
            PROPOSALS.c.person,
            PROPOSALS.c.shown_mac,
            PROPOSALS.c.group_key,
            PROPOSALS.c.state,
            PROPOSALS.c.generation,
            PROPOSALS.c.outcome,
            PROPOSALS.c.answer_by,
            PROPOSALS.c.closed_by,
            AUFTRAEGE.c.state.label("auftrag"),
            PERHAPS_THERE.label("perhaps_there"),
        )
        .join(AUFTRAEGE, STANDING, isouter=True)
        .where(where)
        .order_by(PROPOSALS.c.id)
    )
    if lock:
        query = query.with_for_update(of=PROPOSALS)
    return Case(
        tuple(
            Item(
                id=row.id,
                candidate=Candidate(
                    row.dedupe,
                    row.leistung,
                    row.person,
                    row.shown_mac,
                    row.group_key,
                    asks=row.outcome == "frage",
                    told=row.outcome in TOLD,
                ),
                state=ProposalState(row.state),
                auftrag=AuftragState(row.auftrag) if row.auftrag else None,
                generation=row.generation,
                answer_by=row.answer_by,
                closed_by=row.closed_by,
                perhaps_there=bool(row.perhaps_there),
            )
            for row in session.connection().execute(query)
        )
    )


def write_moves(session: Session, ids: Ids, effects: Sequence[Effect], now: datetime) -> None:
    """Write moved proposals, moved Aufträge and a clerk's tasks: one statement for each target state."""
    proposals: dict[tuple[ProposalState, UUID | None], list[UUID]] = {}
    auftraege: dict[AuftragState, list[UUID]] = {}
    tasks = []
    for effect in effects:
        if isinstance(effect, ProposalMoved):
            proposals.setdefault((effect.to, effect.closed_by), []).append(effect.item)
        elif isinstance(effect, AuftragMoved):
            auftraege.setdefault(effect.to, []).append(effect.item)
        elif isinstance(effect, ForClerk):
            tasks.append(
                {"id": ids.row(now), "what": effect.what, "matter": effect.item, "behoerde": "", "made_at": now}
            )
    connection = session.connection()
    for (state, closed_by), items in proposals.items():
        connection.execute(
            update(PROPOSALS)
            .where(PROPOSALS.c.id.in_(items))
            .values(state=state.value, closed_by=closed_by, moved_at=now)
        )
    for order_state, items in auftraege.items():
        values: dict[str, object] = {"state": order_state.value, "moved_at": now}
        if order_state in _TERMINAL:
            values["due_at"] = None
        connection.execute(
            update(AUFTRAEGE).where(AUFTRAEGE.c.proposal.in_(items), AUFTRAEGE.c.undone_at.is_(None)).values(**values)
        )
    if tasks:
        connection.execute(insert(_TASKS), tasks)


def take_back_older(
    session: Session, ids: Ids, corrections: Collection[UUID], kept: Collection[bytes], now: datetime
) -> None:
    """Take back what older versions of these events led to, but for the dedupe keys that the newest leads to as well.

    What is open is recalled; what was confirmed is looked at by a human, who asks the person.
    """
    if not corrections:
        return
    newer = _EVENTS.alias("newer")
    older = (
        select(_EVENTS.c.id)
        .join(
            newer,
            and_(newer.c.entry_hash == _EVENTS.c.entry_hash, newer.c.register_version > _EVENTS.c.register_version),
        )
        .where(newer.c.id.in_(corrections))
    )
    case = load_case(session, and_(PROPOSALS.c.event.in_(older), PROPOSALS.c.dedupe.not_in(kept)))
    if case.items:
        _, effects = apply(case, Decided((), (), frozenset(item.candidate.key for item in case.items)))
        write_moves(session, ids, effects, now)
        silence_bundles(session, bundles_of(session, {item.id for item in case.items}))


HINTS = ("/propose/MAIL",)
"""Activities that nothing rests on but a hint: without them the letter goes and every proposal stands."""


def silence_hints(session: Session, person: UUID, lebenslage: str) -> None:
    """Let no mail hint any more at what was prepared for a person."""
    session.connection().execute(
        update(_BUNDLES)
        .where(_BUNDLES.c.person == person, _BUNDLES.c.lebenslage == lebenslage)
        .values(mail_due_at=None)
    )


def silence_bundles(session: Session, bundles: Iterable[UUID]) -> None:
    """Make bundles that have no open proposal left silent: nothing more is told about them.

    A hint needs no answer: once it has been told it keeps no bundle speaking.
    """
    wanted = list(bundles)
    if not wanted:
        return
    still_open = (
        select(PROPOSALS.c.id)
        .where(
            PROPOSALS.c.bundle == _BUNDLES.c.id,
            PROPOSALS.c.state.in_(("open", "later")),
            or_(PROPOSALS.c.outcome.not_in(TOLD), _BUNDLES.c.messages == 0),
        )
        .exists()
    )
    session.connection().execute(
        update(_BUNDLES)
        .where(_BUNDLES.c.id.in_(wanted), ~still_open, ~_to_sign(), ~untold_in(_BUNDLES.c.id))
        .values(state="closed", due_at=None, remind_at=None)
    )


def _to_sign() -> ColumnElement[bool]:
    """Say whether a second signature is asked for in the bundle: then something is open there."""
    return select(SIGNATURES.c.auftrag).join(AUFTRAEGE, TO_SIGN).where(SIGNATURES.c.bundle == _BUNDLES.c.id).exists()


def untold_in(bundle: ColumnElement[UUID]) -> ColumnElement[bool]:
    """Say whether there is news of an Auftrag of the bundle that the citizen has not been told yet."""
    return (
        select(AUFTRAEGE.c.id)
        .join(PROPOSALS, PROPOSALS.c.id == AUFTRAEGE.c.proposal)
        .where(PROPOSALS.c.bundle == bundle, UNTOLD)
        .exists()
    )


def open_bundles(session: Session, bundles: Collection[UUID], now: datetime, *, tell_at: datetime | None) -> None:
    """Open bundles in which something can be decided again.

    ``tell_at``: they are written to then, also who was before. Whoever never was is written to in any case.
    """
    if not bundles:
        return
    these = update(_BUNDLES).where(_BUNDLES.c.id.in_(bundles))
    connection = session.connection()
    connection.execute(these.values(state="open"))
    again = these.where(_BUNDLES.c.messages == 0) if tell_at is None else these
    connection.execute(again.values(due_at=tell_at or now))


def bring_news(session: Session, proposals: Collection[UUID], now: datetime) -> None:
    """Let the persons be told what became of their Aufträge, of those in ``TO_BE_TOLD``: by a letter with a new code.

    Until they are, ``auftraege.due_at`` says since when it waits.
    """
    if not proposals:
        return
    session.connection().execute(update(AUFTRAEGE).where(AUFTRAEGE.c.proposal.in_(proposals), NEWS).values(due_at=now))
    open_bundles(session, bundles_of(session, proposals), now, tell_at=now)


def bundles_of(session: Session, proposals: Collection[UUID]) -> set[UUID]:
    """Return the bundles of some proposals."""
    found = session.connection().execute(select(PROPOSALS.c.bundle).where(PROPOSALS.c.id.in_(proposals)).distinct())
    return set(found.scalars())


def addressees(session: Session, event: UUID) -> set[UUID]:
    """Return to whom an event led."""
    found = session.connection().execute(select(PROPOSALS.c.person).where(PROPOSALS.c.event == event).distinct())
    return {person for person in found.scalars() if person is not None}


def corrected(session: Session, event: UUID) -> bool:
    """Return whether the register has reported the event in a newer version."""
    newer = _EVENTS.alias("newer")
    query = (
        select(newer.c.id)
        .join(_EVENTS, and_(newer.c.entry_hash == _EVENTS.c.entry_hash, newer.c.kind == _EVENTS.c.kind))
        .where(
            _EVENTS.c.id == event,
            newer.c.register_version > _EVENTS.c.register_version,
            newer.c.state != EventState.HELD.value,
        )
    )
    return session.connection().execute(query.limit(1)).first() is not None


def decide_anew(session: Session, events: Collection[UUID], now: datetime) -> int:
    """Make events due again that were decided before, each in its latest version; the facts kept are read anew.

    What the register has corrected meanwhile is taken from the correction. An event that was stopped or refused, or is
    due already, stays as it is. Returns how many are due now.
    """
    if not events:
        return 0
    connection = session.connection()
    meant = select(_EVENTS.c.entry_hash, _EVENTS.c.kind).where(_EVENTS.c.id.in_(events))
    latest: dict[tuple[bytes, str], UUID] = {
        (row.entry_hash, row.kind): row.id
        for row in connection.execute(
            select(_EVENTS.c.id, _EVENTS.c.entry_hash, _EVENTS.c.kind)
            .where(tuple_(_EVENTS.c.entry_hash, _EVENTS.c.kind).in_(meant), _EVENTS.c.state != EventState.HELD.value)
            .order_by(_EVENTS.c.register_version, _EVENTS.c.seq)
        )
    }
    return connection.execute(
        update(_EVENTS)
        .where(_EVENTS.c.id.in_(latest.values()), _EVENTS.c.state == EventState.ADMITTED.value)
        .values(state=EventState.WAITING.value, due_at=now)
    ).rowcount


def forget_events(session: Session, events: Collection[UUID]) -> None:
    """Destroy what events that go no further say, and whom they name: no shadow register.

    But for the child of one that led to proposals. They stand while the event is over; by its child alone a later
    death finds them, and a page knows that there is nothing to show. With them it goes (``core.retention``).
    """
    led_somewhere = select(PROPOSALS.c.id).where(PROPOSALS.c.event == _SUBJECTS.c.event).exists()
    needed = and_(_SUBJECTS.c.role == "kind", led_somewhere)
    connection = session.connection()
    connection.execute(delete(_SUBJECTS).where(among(_SUBJECTS.c.event, events), ~needed))
    for table in (_FACTS, _FETCHED):
        connection.execute(delete(table).where(among(table.c.event, events)))


def drop_lookups(session: Session, where: ColumnElement[bool], now: datetime) -> None:
    """Refuse look-ups that are wanted or under way, and let events go on that wait for none any more.

    An answer that is still to come finds its row refused and is not kept.
    """
    events = (
        session.connection()
        .execute(
            update(_LOOKUPS)
            .where(where, _LOOKUPS.c.state.in_(("wanted", "announced")))
            .values(state="refused", lease_until=None, worker=None)
            .returning(_LOOKUPS.c.event)
        )
        .scalars()
    )
    release_events(session, {event for event in events if event is not None}, now)


def release_events(session: Session, events: Collection[UUID], now: datetime) -> None:
    """Make events due again of which no look-up is wanted or under way any more.

    The events are locked before their look-ups are counted: of two transactions that each end one of the last two,
    the second sees what the first wrote.
    """
    if not events:
        return
    connection = session.connection()
    locked = connection.execute(
        select(_EVENTS.c.id)
        .where(_EVENTS.c.id.in_(events), _EVENTS.c.state == EventState.NEEDS.value)
        .order_by(_EVENTS.c.id)
        .with_for_update()
    ).scalars()
    under_way = (
        select(_LOOKUPS.c.id)
        .where(_LOOKUPS.c.event == _EVENTS.c.id, _LOOKUPS.c.state.in_(("wanted", "announced")))
        .exists()
    )
    connection.execute(
        update(_EVENTS)
        .where(_EVENTS.c.id.in_(list(locked)), ~under_way)
        .values(state=EventState.WAITING.value, due_at=now)
    )
