"""When something is over, as SQL: conditions on days and states alone, so that what one rule takes changes no other.

That is why a dry run counts exactly what a run takes. Source: ``core.retention``; data-path.md § 5 (Retention).
"""

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Column, ColumnElement, FromClause, Select, and_, case, exists, literal, or_, select

from proaktiv.core.states import SENT_AUFTRAEGE, UNSENT_AUFTRAEGE, AuftragState
from proaktiv.core.terms import Term, Terms, end_of
from proaktiv.tables import (
    AuftragRow,
    BundleRow,
    CodeRow,
    DeliveryRow,
    EnrolmentRow,
    HandoverRow,
    LookupRow,
    ProposalRow,
    RegisterEventRow,
    SignatureRow,
    TaskRow,
    WiedervorlageRow,
    core_table,
)

EVENTS = core_table(RegisterEventRow)
PROPOSALS = core_table(ProposalRow)
AUFTRAEGE = core_table(AuftragRow)
SIGNATURES = core_table(SignatureRow)
HANDOVERS = core_table(HandoverRow)
BUNDLES = core_table(BundleRow)
DELIVERIES = core_table(DeliveryRow)
ENROLMENTS = core_table(EnrolmentRow)
LOOKUPS = core_table(LookupRow)
CODES = core_table(CodeRow)
TASKS = core_table(TaskRow)
WIEDERVORLAGEN = core_table(WiedervorlageRow)

Condition = ColumnElement[bool]
Value = Column[Any] | ColumnElement[Any]

ENDED_EVENTS = ("admitted", "refused", "stopped")
OPEN = ("open", "later")
FINISHED = tuple(
    state.value
    for state in (
        AuftragState.DECIDED,
        AuftragState.REJECTED,
        AuftragState.WITHDRAWN,
        AuftragState.WITH_CITIZEN,
        # Many Behörden never say how it ended: what has not moved for the whole period is finished for this house.
        AuftragState.SENT,
        AuftragState.ACKNOWLEDGED,
        AuftragState.QUESTION,
    )
)
UNDER_WAY = tuple(sorted(state.value for state in UNSENT_AUFTRAEGE | SENT_AUFTRAEGE if state.value not in FINISHED))


class Over:
    """The conditions on one day in Berlin, with one installation's terms."""

    def __init__(self, terms: Terms, today: date, wall: date | None = None) -> None:
        """``wall`` is the day in real time, by which sessions and tokens end; without it, it is the same day."""
        self._terms = terms
        self.today = today
        self._real = min(today, wall or today)

    def since(self, column: Value, term: Term, lebenslage: Value | None = None) -> Condition:
        """Say whether a term that began at an instant is over."""
        return column < self._limit(term, lebenslage, instant=True)

    def since_really(self, column: Value, term: Term) -> Condition:
        """Say the same of what ends by real time, also where the demonstration's clock runs ahead."""
        return column < literal(end_of(self._terms.over(term, self._real)))

    def since_day(self, column: Value, term: Term, lebenslage: Value | None = None) -> Condition:
        """Say whether a term that began on a day is over."""
        return column <= self._limit(term, lebenslage, instant=False)

    def _limit(self, term: Term, lebenslage: Value | None, *, instant: bool) -> ColumnElement[Any]:
        def value(day: date) -> ColumnElement[Any]:
            return literal(end_of(day) if instant else day)

        default = value(self._terms.over(term, self.today))
        own = self._terms.over_in(term, self.today)
        if lebenslage is None or not own:
            return default
        return case(*((lebenslage == name, value(day)) for name, day in own.items()), else_=default)

    # proposals and Aufträge ------------------------------------------------------------------------------------------

    def auftrag(self, a: FromClause) -> Condition:
        """Say whether an Auftrag's content has done its service."""
        return or_(
            self.since(a.c.undone_at, Term.ENDED, a.c.lebenslage),
            and_(
                a.c.undone_at.is_(None),
                a.c.state.in_(FINISHED),
                self.since(a.c.moved_at, Term.AUFTRAG, a.c.lebenslage),
            ),
        )

    def unanswered(self, p: FromClause) -> Condition:
        """Say whether a proposal that nobody answered is over."""
        return and_(p.c.state == "lapsed", self.since_day(p.c.answer_by, Term.UNANSWERED, _lebenslage(p)))

    def ended(self, p: FromClause) -> Condition:
        """Say whether a proposal that was declined, replaced or taken back is over."""
        return and_(
            p.c.state.in_(("declined", "superseded", "recalled")),
            self.since(p.c.moved_at, Term.ENDED, _lebenslage(p)),
        )

    def confirmed(self, p: FromClause) -> Condition:
        """Say whether the Auftrag is over that a proposal became."""
        a = AUFTRAEGE.alias()
        return and_(
            p.c.state == "confirmed",
            exists().where(a.c.proposal == p.c.id, a.c.undone_at.is_(None), self.auftrag(a)),
        )

    def proposal(self, p: FromClause) -> Condition:
        """Say whether a proposal is over, however it ended."""
        return or_(self.unanswered(p), self.ended(p), self.confirmed(p))

    # facts -----------------------------------------------------------------------------------------------------------

    def facts(self, f: FromClause, known: Value, expires: Value) -> Condition:
        """Say whether what is known of (event, person) has done its service.

        Never while something rests on it: a proposal, an Auftrag that has not left, a Wiedervorlage, a task. Else with
        the last proposal or Auftrag of the register entry, in whatever version; at the latest by ``expires``.
        """
        p, same, this = PROPOSALS.alias(), EVENTS.alias(), EVENTS.alias()
        entry = select(same.c.id).where(
            this.c.id == f.c.event, same.c.entry_hash == this.c.entry_hash, same.c.kind == this.c.kind
        )
        of_entry = and_(p.c.event.in_(entry.correlate(f)), p.c.person == f.c.person)
        w, t = WIEDERVORLAGEN.alias(), TASKS.alias()
        a = AUFTRAEGE.alias()
        busy = or_(
            p.c.state.in_(OPEN),
            exists().where(a.c.proposal == p.c.id, a.c.undone_at.is_(None), a.c.state.in_(UNDER_WAY)),
        )
        at_work = exists().where(this.c.id == f.c.event, this.c.state.not_in(ENDED_EVENTS))
        return and_(
            ~at_work,
            ~exists().where(of_entry, busy),
            ~exists().where(w.c.event.in_(entry.correlate(f)), w.c.person == f.c.person),
            ~exists().where(t.c.matter.in_(entry.correlate(f)), t.c.done_at.is_(None)),
            or_(
                and_(self.since(known, Term.ENDED), ~exists().where(of_entry, ~self.proposal(p))),
                expires,
            ),
        )

    # what is left of a matter ----------------------------------------------------------------------------------------

    def events(self) -> Select[tuple[UUID]]:
        """Return the events of which nothing needs to be known any more, not even that they were here."""
        e = EVENTS.alias()
        p, a, w = PROPOSALS.alias(), AUFTRAEGE.alias(), WIEDERVORLAGEN.alias()
        running = and_(
            p.c.event == e.c.id,
            a.c.proposal == p.c.id,
            ~and_(a.c.state.in_(FINISHED), self.since(a.c.moved_at, Term.TRACE)),
        )
        mine = p.c.event == e.c.id
        return select(e.c.id).where(
            e.c.state.in_(ENDED_EVENTS),
            self.since(e.c.arrived_at, Term.TRACE),
            ~exists().where(running),
            ~exists().where(mine, or_(p.c.state.in_(OPEN), task_open(p.c.id), task_open(p.c.bundle))),
            ~exists().where(mine, a.c.proposal == p.c.id, task_open(a.c.id)),
            ~exists().where(w.c.event == e.c.id),
            ~task_open(e.c.id),
        )

    # enrolments ------------------------------------------------------------------------------------------------------

    def enrolment(self, n: FromClause) -> Condition:
        """Say whether an enrolment that nobody finished is over: no code of it can be typed any more."""
        c, d, q = CODES.alias(), DELIVERIES.alias(), LOOKUPS.alias()
        return and_(
            n.c.state != "finished",
            self.since(n.c.requested_at, Term.ENROLMENT),
            ~exists().where(c.c.enrolment == n.c.id, ~self.since(c.c.expires_at, Term.AT_ONCE)),
            ~exists().where(d.c.matter == n.c.id, d.c.state == "announced"),
            ~exists().where(q.c.enrolment == n.c.id, q.c.state == "announced"),
            ~exists().where(q.c.enrolment == n.c.id, task_open(q.c.id)),
            ~task_open(n.c.id),
        )

    def enrolled(self, n: FromClause) -> Condition:
        """Say whether it need not be shown any more how somebody enrolled."""
        return and_(n.c.state == "finished", self.since(n.c.requested_at, Term.PROOF), ~task_open(n.c.id))


def task_open(matter: Value) -> Condition:
    """Say whether a human still has to do something about a matter."""
    t = TASKS.alias()
    return exists().where(t.c.matter == matter, t.c.done_at.is_(None))


def _lebenslage(p: FromClause) -> ColumnElement[Any]:
    b = BUNDLES.alias()
    return select(b.c.lebenslage).where(b.c.id == p.c.bundle).scalar_subquery()
