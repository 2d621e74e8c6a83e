"""Which Aufträge may go now: undo time over, or an attempt of which nothing was heard; read, then locked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select, tuple_
from sqlalchemy import Row as SqlRow
from sqlalchemy.dialects.postgresql import distinct_on
from sqlmodel import Session

from proaktiv.core.calendar import berlin_date, end_of_month
from proaktiv.core.errors import NotFound
from proaktiv.core.lebenslagen import Rulebook
from proaktiv.core.outbound import NEAR_DAYS, TWICE, End
from proaktiv.core.states import AuftragState
from proaktiv.core.tasks import How
from proaktiv.outages import Absent
from proaktiv.steps.dispatch.sending import LATE
from proaktiv.tables import (
    AuftragRow,
    BehoerdeRow,
    CompetenceRow,
    HandoverRow,
    ProposalRow,
    SignatureRow,
    TaskRow,
    core_table,
)
from proaktiv.workers import abandoned, dead_workers

_AUFTRAEGE = core_table(AuftragRow)
_HANDOVERS = core_table(HandoverRow)
_PROPOSALS = core_table(ProposalRow)
_BEHOERDEN = core_table(BehoerdeRow)
_SIGNATURES = core_table(SignatureRow)
_COMPETENCES = core_table(CompetenceRow)
_TASKS = core_table(TaskRow)


@dataclass(frozen=True, slots=True)
class Attempts:
    """What was tried before: number of attempts, how many of them count as failed, the one that was lost."""

    made: int = 0
    failed: int = 0
    lost: UUID | None = None


def due(session: Session, now: datetime, wall: datetime) -> ColumnElement[bool]:
    """Return the condition on ``auftraege``; an announced one is due when its attempt is abandoned."""
    dead = dead_workers(session, _HANDOVERS)
    lost = (
        select(_HANDOVERS.c.id)
        .where(
            _HANDOVERS.c.auftrag == _AUFTRAEGE.c.id,
            _HANDOVERS.c.state == "announced",
            abandoned(_HANDOVERS, wall, dead),
        )
        .exists()
    )
    return and_(
        _AUFTRAEGE.c.person.is_not(None),
        _AUFTRAEGE.c.content.is_not(None),
        or_(
            and_(
                _AUFTRAEGE.c.state.in_((AuftragState.HELD.value, AuftragState.READY.value)),
                _AUFTRAEGE.c.due_at <= now,
                _AUFTRAEGE.c.undo_until <= now,
            ),
            and_(_AUFTRAEGE.c.state == AuftragState.ANNOUNCED.value, lost),
        ),
    )


def candidates(session: Session, condition: ColumnElement[bool], away: Absent, limit: int) -> list[SqlRow[Any]]:
    """Return what may be due, without a lock, each with its event and how its Behörde is reached.

    For a Behörde that is away it is one Auftrag a minute, to see whether it is back.
    """
    connection = session.connection()
    one = (
        select(
            _AUFTRAEGE.c.id,
            _AUFTRAEGE.c.person,
            _AUFTRAEGE.c.lebenslage,
            _AUFTRAEGE.c.leistung,
            _AUFTRAEGE.c.names,
            _AUFTRAEGE.c.behoerde,
            _PROPOSALS.c.event,
            _BEHOERDEN.c.name.label("behoerde_name"),
            _BEHOERDEN.c.dispatcher,
            _BEHOERDEN.c.endpoint,
        )
        .join(_PROPOSALS, _PROPOSALS.c.id == _AUFTRAEGE.c.proposal, isouter=True)
        .join(_BEHOERDEN, _BEHOERDEN.c.id == _AUFTRAEGE.c.behoerde, isouter=True)
        .where(condition)
    )
    first = (_AUFTRAEGE.c.due_at.nulls_first(), _AUFTRAEGE.c.id)
    there = one.where(_AUFTRAEGE.c.behoerde.not_in(away.names)) if away.names else one
    found: list[SqlRow[Any]] = [*connection.execute(there.order_by(*first).limit(limit))]
    if away.probing:
        probes = one.where(_AUFTRAEGE.c.behoerde.in_(away.probing)).ext(distinct_on(_AUFTRAEGE.c.behoerde))
        found += connection.execute(probes.order_by(_AUFTRAEGE.c.behoerde, *first))
    return found


def late(session: Session, away: Absent, now: datetime) -> list[tuple[str, UUID, str]]:
    """Return a task for each Auftrag whose Behörde is away for long while its last safe day may be near.

    Outside what is sealed only the month of that day is known: it counts from its first day on.
    """
    if not away.for_long:
        return []
    soon = berlin_date(now) + timedelta(days=NEAR_DAYS)
    found = session.connection().execute(
        select(_AUFTRAEGE.c.id, _AUFTRAEGE.c.behoerde)
        .join(_PROPOSALS, _PROPOSALS.c.id == _AUFTRAEGE.c.proposal)
        .where(
            _AUFTRAEGE.c.behoerde.in_(away.for_long),
            _AUFTRAEGE.c.state.in_((AuftragState.HELD.value, AuftragState.READY.value)),
            _AUFTRAEGE.c.due_at.is_not(None),
            _AUFTRAEGE.c.undo_until <= now,
            _PROPOSALS.c.answer_by <= end_of_month(soon),
        )
    )
    return [(LATE, row.id, row.behoerde) for row in found]


def lock(session: Session, auftraege: Sequence[UUID], condition: ColumnElement[bool]) -> list[SqlRow[Any]]:
    """Return the rows that are still due and that no other worker has."""
    return list(
        session.connection().execute(
            select(_AUFTRAEGE)
            .where(_AUFTRAEGE.c.id.in_(auftraege), condition)
            .order_by(_AUFTRAEGE.c.id)
            .with_for_update(skip_locked=True)
        )
    )


def attempts(session: Session, auftraege: Sequence[UUID]) -> dict[UUID, Attempts]:
    """Return what was tried before. An attempt while the Behörde was away does not count as failed."""
    lost = func.max(_HANDOVERS.c.attempt).filter(_HANDOVERS.c.state == "announced")
    found = session.connection().execute(
        select(
            _HANDOVERS.c.auftrag,
            func.max(_HANDOVERS.c.attempt).label("made"),
            func.count()
            .filter(_HANDOVERS.c.state.in_(("failed", "in_doubt")), _HANDOVERS.c.reason != End.AWAY.value)
            .label("failed"),
            lost.label("lost"),
        )
        .where(_HANDOVERS.c.auftrag.in_(auftraege))
        .group_by(_HANDOVERS.c.auftrag)
    )
    rows = {row.auftrag: row for row in found}
    open_ones = session.connection().execute(
        select(_HANDOVERS.c.auftrag, _HANDOVERS.c.id).where(
            _HANDOVERS.c.auftrag.in_([auftrag for auftrag, row in rows.items() if row.lost is not None]),
            _HANDOVERS.c.state == "announced",
        )
    )
    lost_ids = {row.auftrag: row.id for row in open_ones}
    return {auftrag: Attempts(row.made, row.failed, lost_ids.get(auftrag)) for auftrag, row in rows.items()}


def twice(session: Session, auftraege: Sequence[UUID]) -> frozenset[UUID]:
    """Return which Aufträge come second: somebody else of their group confirmed one before, and it stands.

    The first yes of a group closes the others, but where one of two hides (§ 51 BMG): then nobody is told and two may
    say yes. What a clerk has let go ("again") comes second no longer.
    """
    first, its, mine = _AUFTRAEGE.alias("first"), _PROPOSALS.alias("its"), _PROPOSALS.alias("mine")
    let_go = select(_TASKS.c.id).where(
        _TASKS.c.what == TWICE, _TASKS.c.matter == _AUFTRAEGE.c.id, _TASKS.c.how == How.AGAIN.value
    )
    found = select(_AUFTRAEGE.c.id).where(
        _AUFTRAEGE.c.id.in_(auftraege),
        mine.c.id == _AUFTRAEGE.c.proposal,
        its.c.group_key == mine.c.group_key,
        first.c.proposal == its.c.id,
        first.c.person.is_distinct_from(_AUFTRAEGE.c.person),
        first.c.undone_at.is_(None),
        first.c.state.not_in((AuftragState.WITHDRAWN.value, AuftragState.REJECTED.value)),
        tuple_(first.c.confirmed_at, first.c.id) < tuple_(_AUFTRAEGE.c.confirmed_at, _AUFTRAEGE.c.id),
        ~let_go.exists(),
    )
    return frozenset(session.connection().execute(found).scalars())


def not_competent(session: Session, rules: Rulebook, found: Sequence[SqlRow[Any]]) -> frozenset[UUID]:
    """Return the Aufträge whose Behörde is no office of the kind that their Leistung belongs to, or no longer one."""
    offices = {
        (row.behoerde, row.art)
        for row in session.connection().execute(
            select(_COMPETENCES.c.behoerde, _COMPETENCES.c.art).where(
                _COMPETENCES.c.behoerde.in_({row.behoerde for row in found})
            )
        )
    }
    return frozenset(row.id for row in found if (row.behoerde, _art(rules, row)) not in offices)


def _art(rules: Rulebook, row: SqlRow[Any]) -> str:
    try:
        return rules.plan(row.lebenslage, row.leistung).stelle_art
    except NotFound:
        return ""


@dataclass(frozen=True, slots=True)
class Signed:
    """Who signed one Auftrag, in which role, at which trust and when."""

    person: UUID
    role: str
    trust: int
    at: datetime


def signatures(session: Session, auftraege: Sequence[UUID]) -> dict[UUID, list[Signed]]:
    """Return the signatures under some Aufträge, oldest first."""
    found: dict[UUID, list[Signed]] = {}
    for row in session.connection().execute(
        select(_SIGNATURES)
        .where(_SIGNATURES.c.auftrag.in_(auftraege), _SIGNATURES.c.state == "signed")
        .order_by(_SIGNATURES.c.auftrag, _SIGNATURES.c.at)
    ):
        found.setdefault(row.auftrag, []).append(Signed(row.person, row.role, row.trust, row.at))
    return found
