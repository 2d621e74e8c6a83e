"""Match: apply the rules to what admitted events say. The only place that opens an event's payload.

The first pass opens the payload once, keeps the facts that the permits cover under the addressees' own keys, and
asks for register facts that the rules lack. The second pass reads only those kept and fetched facts, and what the
person answered.
Left to others: what becomes of a decision (``steps.propose``), fetching (``steps.look_up``).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import and_, func, select
from sqlmodel import Session

from consent.model import Match, Permit
from proaktiv.calling import call_human
from proaktiv.core.binding import LEFT_OUT, Fact, bind, from_json, to_json, with_answers
from proaktiv.core.calendar import berlin_date
from proaktiv.core.outcomes import decide_together
from proaktiv.core.passage import Admitted, Matched, Matching, Needs
from proaktiv.house import House
from proaktiv.sets import among, copy_rows
from proaktiv.tables import AnswerRow, EventFactsRow, FetchedFactsRow, LookupRow, MatchRow, RegisterEventRow, core_table
from proaktiv.vault import Compartment, Place, Ring

_FACTS = core_table(EventFactsRow)
_FETCHED = core_table(FetchedFactsRow)
_LOOKUPS = core_table(LookupRow)
_MATCHES = core_table(MatchRow)
_ANSWERS = core_table(AnswerRow)
_EVENTS = core_table(RegisterEventRow)
_ASKED = _EVENTS.alias("asked")
_FACT_COLUMNS = ("event", "person", "names", "values", "source", "basis", "known_at", "expires_at")

INCOMPLETE = "event.incomplete"
"""The task: somebody who is enrolled is not told of what they may have, for the register left out what it rests on."""

FACTS_KEPT_DAYS = 365
"""Longest life of facts whose proposal is never answered; the retention job ends them earlier."""


def match(session: Session, house: House, admitted: Sequence[Admitted], ring: Ring, now: datetime) -> Matching:
    """Decide every Plan of the admitted events' Lebenslagen; the proposals of an event that needs facts must wait.

    ``ring`` holds the FACTS keys of the admitted persons.
    """
    facts = _facts(session, house, admitted, ring, now)
    # Of an event whose facts were destroyed nothing can be said any more, and no register is asked for them again.
    admitted = [item for item in admitted if (item.event.id, item.person) in facts]
    asked = _asked(session, {item.event.id for item in admitted})
    passes = _passes(session, {item.event.id for item in admitted if item.event.payload is None})
    today = berlin_date(now)
    matched: list[Matched] = []
    needs: dict[tuple[UUID, UUID, str], Needs] = {}
    for item in admitted:
        known = facts[item.event.id, item.person]
        values: dict[str, Any] = {name: fact.value for name, fact in known.items()}
        values["heute"] = today
        done = asked.get((item.event.id, item.person), frozenset())
        for plan, decision in decide_together(house.rules.lebenslagen[item.lebenslage].plans, values, today, done):
            matched.append(Matched(item, plan, known, decision, passes.get((item.event.id, item.person), 0) + 1))
            for register, names in decision.needs.items():
                key = (item.event.id, item.person, register)
                before = needs[key].names if key in needs else ()
                needs[key] = Needs(item, register, tuple(sorted({*before, *names})))
    return Matching(tuple(matched), tuple(needs.values()))


def _facts(
    session: Session, house: House, admitted: Sequence[Admitted], ring: Ring, now: datetime
) -> dict[tuple[UUID, UUID], dict[str, Fact]]:
    facts: dict[tuple[UUID, UUID], dict[str, Fact]] = {}
    rows = []
    opened: dict[UUID, dict[bytes, Mapping[str, Fact]]] = {}
    incomplete: set[tuple[str, UUID, str]] = set()
    for item in admitted:
        event = item.event
        if event.payload is None:
            continue
        if event.id not in opened:
            payload = house.vault.open_payload(item.match, Place("register_events", event.id, "payload"), event.payload)
            opened[event.id] = {
                house.vault.lookup_hash("register_id", row.kennung): row.facts
                for row in bind(event.kind, payload, berlin_date(event.arrived_at))
            }
        told = opened[event.id][item.lookup_hash]
        if LEFT_OUT[event.kind] - told.keys():
            incomplete.add((INCOMPLETE, event.id, ""))
        kept = _covered(told, item.match)
        facts[event.id, item.person] = kept
        rows.append(
            (
                event.id,
                item.person,
                sorted(kept),
                ring.seal(item.person, Compartment.FACTS, Place("event_facts", event.id, "values"), to_json(kept)),
                event.source,
                item.match.norm,
                now,
                now + timedelta(days=FACTS_KEPT_DAYS),
            )
        )
    if rows:
        copy_rows(session, _FACTS, _FACT_COLUMNS, rows)
    call_human(session, house, incomplete, now)
    again = [item for item in admitted if item.event.payload is None]
    if again:
        facts |= _kept_facts(session, again, ring)
    for place, answers in _answers(session, admitted, ring).items():
        if place in facts:
            facts[place] = with_answers(facts[place], answers)
    return facts


def _answers(session: Session, admitted: Sequence[Admitted], ring: Ring) -> dict[tuple[UUID, UUID], dict[str, Fact]]:
    """Return what the persons answered to questions of this entry, whichever version of it they were asked about."""
    by_place = {(item.event.id, item.person): item.match for item in admitted}
    found: dict[tuple[UUID, UUID], dict[str, Fact]] = {}
    rows = session.connection().execute(
        select(_ANSWERS.c.id, _ANSWERS.c.person, _ANSWERS.c["values"], _EVENTS.c.id.label("event"))
        .join(_ASKED, _ASKED.c.id == _ANSWERS.c.event)
        .join(_EVENTS, and_(_EVENTS.c.entry_hash == _ASKED.c.entry_hash, _EVENTS.c.kind == _ASKED.c.kind))
        .where(
            among(_EVENTS.c.id, {event for event, _ in by_place}),
            among(_ANSWERS.c.person, {person for _, person in by_place}),
        )
        .order_by(_ANSWERS.c.answered_at, _ANSWERS.c.id)
    )
    for answers, person, values, event in rows:
        permit = by_place.get((event, person))
        if permit is not None:
            # The person gave it for just this; the match permit is the reason to open it.
            opened = ring.open(permit, person, Compartment.VIEW, Place("answers", answers, "values"), values)
            found.setdefault((event, person), {}).update(from_json(opened))
    return found


def _covered(facts: Mapping[str, Fact], permit: Permit[Match]) -> dict[str, Fact]:
    """Return the facts that the permit names: what it does not name is unknown to the rules."""
    return {name: fact for name, fact in facts.items() if name in permit.fields}


def _kept_facts(session: Session, admitted: Sequence[Admitted], ring: Ring) -> dict[tuple[UUID, UUID], dict[str, Fact]]:
    by_place = {(item.event.id, item.person): item.match for item in admitted}
    events = {event for event, _ in by_place}
    facts: dict[tuple[UUID, UUID], dict[str, Fact]] = {}
    connection = session.connection()
    for event, person, values in connection.execute(
        select(_FACTS.c.event, _FACTS.c.person, _FACTS.c["values"]).where(among(_FACTS.c.event, events))
    ):
        if (event, person) in by_place:
            permit = by_place[event, person]
            opened = ring.open(permit, person, Compartment.FACTS, Place("event_facts", event, "values"), values)
            facts[event, person] = _covered(from_json(opened), permit)
    for lookup, event, person, values in connection.execute(
        select(_FETCHED.c.lookup, _FETCHED.c.event, _FETCHED.c.person, _FETCHED.c["values"])
        .where(among(_FETCHED.c.event, events))
        .order_by(_FETCHED.c.known_at)
    ):
        if (event, person) in facts:
            permit = by_place[event, person]
            place = Place("fetched_facts", lookup, "values")
            # What was fetched passed a gate of its own (prefill); the match permit is the reason to open it.
            facts[event, person] |= from_json(ring.open(permit, person, Compartment.FACTS, place, values))
    return facts


def _passes(session: Session, events: set[UUID]) -> dict[tuple[UUID, UUID], int]:
    """Return how often events were decided for whom: each decision is kept."""
    if not events:
        return {}
    rows = session.connection().execute(
        select(_MATCHES.c.event, _MATCHES.c.person, func.max(_MATCHES.c.pass_no))
        .where(among(_MATCHES.c.event, events))
        .group_by(_MATCHES.c.event, _MATCHES.c.person)
    )
    return {(event, person): number for event, person, number in rows}


def _asked(session: Session, events: set[UUID]) -> dict[tuple[UUID, UUID], frozenset[str]]:
    """Return which register facts were asked for already, answered or not: nothing is asked twice."""
    asked: dict[tuple[UUID, UUID], frozenset[str]] = {}
    for event, person, names in session.connection().execute(
        select(_LOOKUPS.c.event, _LOOKUPS.c.person, _LOOKUPS.c.names).where(among(_LOOKUPS.c.event, events))
    ):
        asked[event, person] = asked.get((event, person), frozenset()) | frozenset(names)
    return asked
