"""For each rule of ``core.retention``: which rows are over, and which of them a hold keeps."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Table, and_, exists, or_, select

from proaktiv.core.retention import Rule
from proaktiv.core.terms import Term
from proaktiv.steps.retain.holds import HOLDS
from proaktiv.steps.retain.over import (
    AUFTRAEGE,
    BUNDLES,
    ENDED_EVENTS,
    ENROLMENTS,
    EVENTS,
    HANDOVERS,
    PROPOSALS,
    SIGNATURES,
    Condition,
    Over,
    Value,
    task_open,
)
from proaktiv.tables import METADATA


@dataclass(frozen=True, slots=True)
class Due:
    """The rows that one rule takes on one day. ``held`` says of a row whether a hold keeps it."""

    rule: Rule
    table: Table
    since: ColumnElement[Any]
    where: Condition
    held: Condition | None = None


def due(rule: Rule, over: Over) -> Due:
    """Return what a rule takes on the day of ``over``."""
    table = METADATA.tables[rule.table]
    since, where, held = _SETS[rule.name](table, over)
    if rule.columns:  # what is empty already is not taken again
        where = and_(or_(*(table.c[name].is_not(None) for name in rule.columns)), where)
    return Due(rule, table, since, where, held)


_Set = tuple[ColumnElement[Any], Condition, Condition | None]
_Make = Callable[[Table, Over], _Set]


def _day(name: str, term: Term) -> _Make:
    return lambda t, over: (t.c[name], over.since_day(t.c[name], term), None)


def _at(name: str, term: Term) -> _Make:
    return lambda t, over: (t.c[name], over.since(t.c[name], term), None)


def _really(name: str, term: Term) -> _Make:
    return lambda t, over: (t.c[name], over.since_really(t.c[name], term), None)


# holds --------------------------------------------------------------------------------------------------------------


def _held(*persons: Value, auftrag: Condition | None = None) -> Condition:
    """Say whether a hold stands on one of the persons, or one for which ``auftrag`` (on ``HOLDS.auftrag``) is true."""
    kept = or_(*(HOLDS.c.person == person for person in persons), *([] if auftrag is None else [auftrag]))
    return exists().where(HOLDS.c.released_at.is_(None), kept)


def _held_auftrag(auftrag: Value) -> Condition:
    """Say whether a hold stands on an Auftrag, on whom it belongs to, or on who signed it."""
    a, s = AUFTRAEGE.alias(), SIGNATURES.alias()
    return _held(
        auftrag=or_(
            HOLDS.c.auftrag == auftrag,
            exists().where(a.c.id == auftrag, a.c.person == HOLDS.c.person),
            exists().where(s.c.auftrag == auftrag, s.c.person == HOLDS.c.person),
        )
    )


def _of_proposals(where: Callable[[FromClause], Condition]) -> Condition:
    """Say of ``HOLDS.auftrag`` whether it is an Auftrag of such a proposal."""
    a, p = AUFTRAEGE.alias(), PROPOSALS.alias()
    return exists().where(a.c.id == HOLDS.c.auftrag, a.c.proposal == p.c.id, where(p))


def _held_facts(t: FromClause) -> Condition:
    return _held(t.c.person, auftrag=_of_proposals(lambda p: and_(p.c.event == t.c.event, p.c.person == t.c.person)))


def _held_event(event: Value) -> Condition:
    p, a, s = PROPOSALS.alias(), AUFTRAEGE.alias(), SIGNATURES.alias()
    signed = and_(p.c.event == event, a.c.proposal == p.c.id, s.c.auftrag == a.c.id, s.c.person == HOLDS.c.person)
    return _held(
        auftrag=or_(
            exists().where(p.c.event == event, p.c.person == HOLDS.c.person),
            exists().where(signed),
            _of_proposals(lambda each: each.c.event == event),
        )
    )


# the sets -----------------------------------------------------------------------------------------------------------


def _facts(known: str) -> _Make:
    def make(t: Table, over: Over) -> _Set:
        if "expires_at" in t.c:
            expires = over.since(t.c.expires_at, Term.AT_ONCE)
        else:
            expires = over.since(t.c[known], Term.FACTS)
        return t.c[known], over.facts(t, t.c[known], expires), _held_facts(t)

    return make


def _lookup(t: Table, over: Over) -> _Set:
    since, where, held = _facts("due_at")(t, over)
    return (
        since,
        and_(t.c.event.is_not(None), t.c.state.not_in(("wanted", "announced")), ~task_open(t.c.id), where),
        held,
    )


def _wiedervorlage(t: Table, _over: Over) -> _Set:
    facts, same, this = METADATA.tables["event_facts"].alias(), EVENTS.alias(), EVENTS.alias()
    known = exists().where(
        this.c.id == t.c.event,
        same.c.entry_hash == this.c.entry_hash,
        same.c.kind == this.c.kind,
        facts.c.event == same.c.id,
        facts.c.person == t.c.person,
    )
    return t.c.due_month, and_(t.c.event.is_not(None), ~known), _held(t.c.person)


def _proposal(which: str) -> _Make:
    def make(t: Table, over: Over) -> _Set:
        since = t.c.answer_by if which == "unanswered" else t.c.moved_at
        where: Condition = getattr(over, which)(t)
        return since, where, _held(t.c.person, auftrag=_of_proposals(lambda p: p.c.id == t.c.id))

    return make


def _auftrag_content(t: Table, over: Over) -> _Set:
    return t.c.moved_at, over.auftrag(t), _held_auftrag(t.c.id)


def _by_auftrag(since: str) -> _Make:
    def make(t: Table, over: Over) -> _Set:
        a = AUFTRAEGE.alias()
        return t.c[since], exists().where(a.c.id == t.c.auftrag, over.auftrag(a)), _held_auftrag(t.c.auftrag)

    return make


def _signature_content(t: Table, over: Over) -> _Set:
    a = AUFTRAEGE.alias()
    since = select(a.c.moved_at).where(a.c.id == t.c.auftrag).scalar_subquery()
    b = AUFTRAEGE.alias()
    return since, exists().where(b.c.id == t.c.auftrag, over.auftrag(b)), _held_auftrag(t.c.auftrag)


def _acknowledgement(t: Table, over: Over) -> _Set:
    a, h = AUFTRAEGE.alias(), HANDOVERS.alias()
    where = exists().where(h.c.id == t.c.handover, a.c.id == h.c.auftrag, over.auftrag(a))
    g = HANDOVERS.alias()
    auftrag = select(g.c.auftrag).where(g.c.id == t.c.handover).scalar_subquery()
    return t.c.received_at, where, _held_auftrag(auftrag)


def _delivery(term: Term) -> _Make:
    def make(t: Table, over: Over) -> _Set:
        b = BUNDLES.alias()
        where = and_(
            t.c.state != "announced",
            over.since(t.c.moved_at, term),
            ~exists().where(b.c.id == t.c.matter, b.c.state == "open"),
            ~task_open(t.c.id),
        )
        owner = BUNDLES.alias()
        person = select(owner.c.person).where(owner.c.id == t.c.matter).scalar_subquery()
        return t.c.moved_at, where, _held(t.c.person, person, auftrag=_of_proposals(lambda p: p.c.bundle == t.c.matter))

    return make


def _account_notice(t: Table, over: Over) -> _Set:
    where = and_(t.c.due_at.is_(None), over.since(t.c.made_at, Term.PROOF), ~task_open(t.c.id))
    return t.c.made_at, where, _held(t.c.person)


def _task(t: Table, over: Over) -> _Set:
    """Take what is done; a hold keeps what was done about its person or about an Auftrag under it."""
    return t.c.done_at, over.since(t.c.done_at, Term.DESK), or_(_held(t.c.matter), _held_auftrag(t.c.matter))


def _trace(event: str) -> _Make:
    def make(t: Table, over: Over) -> _Set:
        e = EVENTS.alias()
        since = select(e.c.arrived_at).where(e.c.id == t.c[event]).scalar_subquery()
        return since, t.c[event].in_(over.events()), _held_event(t.c[event])

    return make


def _auftrag_trace(t: Table, over: Over) -> _Set:
    p, e, q = PROPOSALS.alias(), EVENTS.alias(), PROPOSALS.alias()
    since = select(e.c.arrived_at).join(q, q.c.event == e.c.id).where(q.c.id == t.c.proposal).scalar_subquery()
    where = exists().where(p.c.id == t.c.proposal, p.c.event.in_(over.events()))
    r = PROPOSALS.alias()
    event = select(r.c.event).where(r.c.id == t.c.proposal).scalar_subquery()
    return since, where, _held_event(event)


def _signature_trace(t: Table, over: Over) -> _Set:
    p, a, e = PROPOSALS.alias(), AUFTRAEGE.alias(), EVENTS.alias()
    of_it = select(p.c.event).join(a, a.c.proposal == p.c.id).where(a.c.id == t.c.auftrag)
    since = select(e.c.arrived_at).where(e.c.id.in_(of_it)).scalar_subquery()
    where = of_it.where(p.c.event.in_(over.events())).exists()
    q, b = PROPOSALS.alias(), AUFTRAEGE.alias()
    event = select(q.c.event).join(b, b.c.proposal == q.c.id).where(b.c.id == t.c.auftrag).scalar_subquery()
    return since, where, _held_event(event)


def _bundle_trace(t: Table, over: Over) -> _Set:
    """Take a bundle when no event is left that something in it came from."""
    p, s, a, q, e = PROPOSALS.alias(), SIGNATURES.alias(), AUFTRAEGE.alias(), PROPOSALS.alias(), EVENTS.alias()
    gone = over.events()
    asked = and_(s.c.bundle == t.c.id, a.c.id == s.c.auftrag, q.c.id == a.c.proposal, q.c.event.not_in(gone))
    where = and_(
        t.c.state != "open",
        t.c.event.in_(gone),
        ~exists().where(p.c.bundle == t.c.id, p.c.event.not_in(gone)),
        ~exists().where(asked),
    )
    since = select(e.c.arrived_at).where(e.c.id == t.c.event).scalar_subquery()
    return since, where, or_(_held(t.c.person), _held_event(t.c.event))


def _unfinished(t: Table, over: Over) -> _Set:
    """Take what is known of a person whose enrolments were all left unfinished."""
    persons, n, m = METADATA.tables["persons"].alias(), ENROLMENTS.alias(), ENROLMENTS.alias()
    never = (
        exists()
        .where(
            persons.c.person == t.c.person,
            persons.c.status == "requested",
            over.since(persons.c.since, Term.ENROLMENT),
            ~exists().where(n.c.person == persons.c.person, ~over.enrolment(n)),
        )
        .correlate(t)
    )
    since = select(m.c.requested_at).where(m.c.person == t.c.person).limit(1).scalar_subquery()
    known = t.c.known_at if "known_at" in t.c else t.c.since if "since" in t.c else since
    return known, never, _held(t.c.person)


def _enrolment_lookup(t: Table, over: Over) -> _Set:
    n = ENROLMENTS.alias()
    where = exists().where(n.c.id == t.c.enrolment, or_(over.enrolment(n), over.enrolled(n)))
    return t.c.due_at, where, _held(t.c.person)


def _finished(t: Table, over: Over) -> _Set:
    return t.c.requested_at, over.enrolled(t), _held(t.c.person)


def _enrolment(t: Table, over: Over) -> _Set:
    return t.c.requested_at, over.enrolment(t), _held(t.c.person)


def _payload(t: Table, _over: Over) -> _Set:
    return t.c.arrived_at, t.c.state.in_(ENDED_EVENTS), None


def _relation(t: Table, over: Over) -> _Set:
    return t.c.known_to, over.since(t.c.known_to, Term.PROOF), _held(t.c.from_person, t.c.to_person)


_SETS: Mapping[str, _Make] = {
    "session": _really("expires_at", Term.AT_ONCE),
    "code": _at("expires_at", Term.AT_ONCE),
    "client_token": _really("expires_at", Term.AT_ONCE),
    "client_jti": _really("expires_at", Term.AT_ONCE),
    "unfinished_contact": _unfinished,
    "unfinished_address_doubt": _unfinished,
    "unfinished_mail_address": _unfinished,
    "unfinished_identifier": _unfinished,
    "unfinished_person": _unfinished,
    "enrolment_lookup": _enrolment_lookup,
    "enrolment": _enrolment,
    "enrolment_finished": _finished,
    "payload": _payload,
    "wiedervorlage": _wiedervorlage,
    "event_facts": _facts("known_at"),
    "fetched_facts": _facts("known_at"),
    "answer": _facts("answered_at"),
    "lookup": _lookup,
    "match_facts": _facts("decided_at"),
    "proposal_unanswered": _proposal("unanswered"),
    "proposal_ended": _proposal("ended"),
    "proposal_confirmed": _proposal("confirmed"),
    "acknowledgement": _acknowledgement,
    "handover": _by_auftrag("moved_at"),
    "signature_content": _signature_content,
    "auftrag_content": _auftrag_content,
    "delivery_person": _delivery(Term.ENDED),
    "delivery": _delivery(Term.PROOF),
    "mail_confirmation": _at("expires_at", Term.AT_ONCE),
    "account_notice": _account_notice,
    "suppression": _at("since", Term.PROOF),
    "signature_trace": _signature_trace,
    "auftrag_trace": _auftrag_trace,
    "proposal_trace": _trace("event"),
    "match_trace": _trace("event"),
    "subject_trace": _trace("event"),
    "bundle_trace": _bundle_trace,
    "event_trace": _trace("id"),
    "relation": _relation,
    "stop": _at("lifted_at", Term.PROOF),
    "task": _task,
    "incident": _at("at", Term.PROOF),
    "export_bundle": _really("expires_at", Term.AT_ONCE),
    "export": _really("expires_at", Term.PROOF),
    "person_request": _really("expires_at", Term.AT_ONCE),
    "erasure_request": _really("expires_at", Term.AT_ONCE),
    "hold_request": _really("expires_at", Term.AT_ONCE),
    "client_day": _day("day", Term.DESK),
    "hold": _at("released_at", Term.PROOF),
    "run": _day("day", Term.PROOF),
}
