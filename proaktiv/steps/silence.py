"""Silence: what happens when nobody answers. It confirms nothing.

Three things, each by the day: a proposal lapses after its last day; a bundle whose letter was not answered is told
once more, so late that the answer still comes in time; an Auftrag that waits for a second signature goes on without,
or back to the person, as its rule says. Left to others: writing the reminder (``steps.notify``), sending
(``steps.dispatch``). Source: data-path.md § 5 (Two parents, Retention); channels-and-pages.md § 3.5.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, func, select, update
from sqlmodel import Session

from consent.store import raise_epoch
from proaktiv.core.calendar import berlin_date
from proaktiv.core.cases import DayPassed, Effect, Moved, ProposalMoved, apply
from proaktiv.core.confirming import SUBMIT, without_second
from proaktiv.core.flows import Flow, Kind
from proaktiv.core.keys import PersonKey
from proaktiv.core.states import AuftragState
from proaktiv.house import House
from proaktiv.matters import (
    AUFTRAEGE,
    PROPOSALS,
    SIGNATURES,
    bring_news,
    bundles_of,
    load_case,
    silence_bundles,
    write_moves,
)
from proaktiv.outward import loggable
from proaktiv.tables import BundleRow, core_table
from proaktiv.vault import Compartment

PROBES = ("silence.before", "silence.during", "silence.after")

_BUNDLES = core_table(BundleRow)


def keep_silence(session: Session, house: House, now: datetime, limit: int) -> int:
    """Let up to ``limit`` of each kind happen. Returns how much was done."""
    house.probe("silence.before")
    done = _remind(session, now, limit) + _go_on_alone(session, house, now, limit) + _lapse(session, house, now, limit)
    house.probe("silence.after")
    return done


def _remind(session: Session, now: datetime, limit: int) -> int:
    """Make bundles due to be told once more in which something still waits for its answer."""
    connection = session.connection()
    due = list(
        connection.execute(
            select(_BUNDLES.c.id)
            .where(_BUNDLES.c.state == "open", _BUNDLES.c.remind_at <= now)
            .order_by(_BUNDLES.c.remind_at, _BUNDLES.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        ).scalars()
    )
    if due:
        connection.execute(update(_BUNDLES).where(_BUNDLES.c.id.in_(due)).values(due_at=now, remind_at=None))
    return len(due)


def _go_on_alone(session: Session, house: House, now: datetime, limit: int) -> int:
    """Decide what becomes of Aufträge whose second signature has not come."""
    connection = session.connection()
    waiting = and_(
        AUFTRAEGE.c.state == AuftragState.AWAITING_SIGNATURE.value,
        AUFTRAEGE.c.due_at <= now,
        AUFTRAEGE.c.undone_at.is_(None),
    )
    rows = select(AUFTRAEGE.c.id, AUFTRAEGE.c.proposal, AUFTRAEGE.c.person, AUFTRAEGE.c.ohne_zweite)
    found = connection.execute(rows.where(waiting).order_by(AUFTRAEGE.c.due_at, AUFTRAEGE.c.id).limit(limit)).all()
    if not found:
        return 0
    raise_epoch(connection, {row.person for row in found if row.person is not None})
    # Read anew under the lock: the signature may have come this instant.
    found = connection.execute(rows.where(waiting, AUFTRAEGE.c.id.in_([row.id for row in found]))).all()
    case = load_case(session, PROPOSALS.c.id.in_([row.proposal for row in found]))
    effects: list[Effect] = []
    for row in found:
        effects += apply(case, Moved(row.proposal, without_second(row.ohne_zweite)))[1]
    write_moves(session, house.ids, effects, now)
    ids = [row.id for row in found]
    until = func.greatest(AUFTRAEGE.c.undo_until, now)  # what the first parent was promised stays
    connection.execute(
        update(AUFTRAEGE)
        .where(AUFTRAEGE.c.id.in_(ids), AUFTRAEGE.c.state == AuftragState.HELD.value)
        .values(due_at=until, undo_until=until)
    )
    asked = connection.execute(
        update(SIGNATURES)
        .where(SIGNATURES.c.auftrag.in_(ids), SIGNATURES.c.state == "requested")
        .values(state="closed", content=None)
        .returning(SIGNATURES.c.bundle)
    ).scalars()
    silence_bundles(session, asked)
    # Who now holds a sheet instead of an Auftrag under way must hear of it while there is time to hand it in.
    back = [row.proposal for row in found if row.ohne_zweite != SUBMIT]
    bring_news(session, back, now)
    return len(found)


def _lapse(session: Session, house: House, now: datetime, limit: int) -> int:
    """Close what nobody answered in time."""
    connection = session.connection()
    today = berlin_date(now)
    overdue = and_(PROPOSALS.c.state.in_(("open", "later")), PROPOSALS.c.answer_by < today)
    found = connection.execute(
        select(PROPOSALS.c.id, PROPOSALS.c.person)
        .where(overdue)
        .order_by(PROPOSALS.c.answer_by, PROPOSALS.c.id)
        .limit(limit)
    ).all()
    if not found:
        return 0
    raise_epoch(connection, {row.person for row in found})
    case = load_case(session, and_(PROPOSALS.c.id.in_([row.id for row in found]), overdue))
    _, effects = apply(case, DayPassed(today))
    write_moves(session, house.ids, effects, now)
    house.probe("silence.during")
    moved = [effect.item for effect in effects if isinstance(effect, ProposalMoved)]
    silence_bundles(session, bundles_of(session, moved))
    _log(session, house, moved, now)
    return len(found)


def _log(session: Session, house: House, moved: Sequence[UUID], now: datetime) -> None:
    """Tell each person in their own log what lapsed: one entry for each bundle."""
    rows = session.connection().execute(
        select(PROPOSALS.c.person, PROPOSALS.c.bundle, _BUNDLES.c.lebenslage)
        .join(_BUNDLES, _BUNDLES.c.id == PROPOSALS.c.bundle)
        .where(PROPOSALS.c.id.in_(moved))
        .order_by(PROPOSALS.c.person, PROPOSALS.c.bundle)
    )
    by_bundle: dict[tuple[UUID, UUID, str], int] = {}
    for row in rows:
        key = (row.person, row.bundle, row.lebenslage)
        by_bundle[key] = by_bundle.get(key, 0) + 1
    ring = house.vault.ring(session, {person for person, _, _ in by_bundle}, (Compartment.FLOW,))
    flows = []
    for (person, bundle, lebenslage), n in by_bundle.items():
        known = loggable(ring, person)
        flows.append(
            Flow(
                kind=Kind.RECALL,
                sender=house.controller,
                receiver=house.controller,
                purpose=lebenslage,
                action="proposal.lapsed",
                basis="Ablauf der Frist",
                outcome="lapsed",
                n=n,
                person=None if known is None else PersonKey(known),
                case=str(bundle),
            )
        )
    house.log.record(session, flows, now, ring)
