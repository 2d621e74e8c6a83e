"""Second transaction: keep what was answered, log the outcome, let the events go on."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, insert, select, update
from sqlmodel import Session

from proaktiv.calling import call_human
from proaktiv.core.binding import Fact, to_json
from proaktiv.core.flows import Flow, Kind
from proaktiv.core.outbound import AWAY_FOR, End, Ended, again_at, outcome
from proaktiv.house import House
from proaktiv.matters import release_events
from proaktiv.outages import REGISTER, tried
from proaktiv.registers.model import Answer
from proaktiv.steps.look_up.asking import Answered, Heard
from proaktiv.tables import FetchedFactsRow, IncidentRow, LookupRow, core_table
from proaktiv.vault import Compartment, Place, Ring

_LOOKUPS = core_table(LookupRow)
_FETCHED = core_table(FetchedFactsRow)
_INCIDENTS = core_table(IncidentRow)

UNASKED = "register.answered_unasked"

FACTS_KEPT = timedelta(days=365)
"""Longest life of a fetched fact whose proposal is never answered, as for facts from events."""


def record(session: Session, house: House, results: Sequence[Heard], now: datetime) -> list[Answered]:
    """Write how the questions ended; return the enrolments' answers for ``steps.enrol`` in the same transaction.

    A look-up that another worker has announced anew, or that was refused meanwhile, keeps its state: the answer is
    dropped and only the outcome is logged. A register that failed for good has said nothing about an enrolment: the
    request stays, sealed, until a human has looked.
    """
    house.probe("look_up.record.before")
    connection = session.connection()
    rows = {
        row.id: row
        for row in connection.execute(
            select(_LOOKUPS.c.id, _LOOKUPS.c.state, _LOOKUPS.c.tries, _LOOKUPS.c.flow_id)
            .where(_LOOKUPS.c.id.in_([heard.asking.lookup for heard in results]))
            .order_by(_LOOKUPS.c.id)
            .with_for_update()
        )
    }
    ring = house.vault.ring(session, {heard.asking.person for heard in results}, (Compartment.FACTS, Compartment.FLOW))
    moves: list[dict[str, Any]] = []
    fetched: list[dict[str, Any]] = []
    answered: list[Answered] = []
    finished: set[UUID] = set()
    tasks: list[tuple[str, UUID, str]] = []
    for heard in results:
        asking = heard.asking
        row = rows.get(asking.lookup)
        if row is None or row.state != "announced" or row.flow_id != asking.clearance.flow:
            continue
        move = _after(row.tries, heard.ended, now)
        moves.append({"b_id": asking.lookup, **move})
        if move["state"] == "wanted":
            continue
        if move["state"] == "failed":
            tasks.append(("register.silent", asking.lookup, ""))
        if asking.event is not None:
            finished.add(asking.event)
            if heard.answer is not None and ring.has(asking.person, Compartment.FACTS):
                fetched.append(_fetched_row(heard, heard.answer, ring, now))
        elif asking.enrolment is not None and heard.ended.arrived:
            facts = _whole(heard)
            if heard.answer is not None and facts is None:
                tasks.append(("register.incomplete", asking.lookup, ""))
            as_of = heard.answer.as_of if heard.answer is not None else None
            answered.append(Answered(asking.lookup, asking.enrolment, asking.person, facts, as_of))
    if moves:
        connection.execute(
            update(_LOOKUPS)
            .where(_LOOKUPS.c.id == bindparam("b_id"))
            .values(
                state=bindparam("state"),
                tries=bindparam("tries"),
                due_at=bindparam("due_at"),
                lease_until=None,
                worker=None,
            ),
            moves,
        )
    if fetched:
        connection.execute(insert(_FETCHED), fetched)
    release_events(session, finished, now)
    call_human(session, house, tasks, now)
    tried(session, house, REGISTER, [(heard.asking.question.register, heard.ended) for heard in results], now)
    unasked = [heard for heard in results if heard.answer is not None and heard.answer.unasked]
    _report(session, house, unasked, now)
    flows = [_outcome(heard) for heard in results] + [_incident(house, heard) for heard in unasked]
    house.log.record(session, flows, now, ring)
    house.probe("look_up.record.during")
    return answered


def _after(tries: int, ended: Ended, now: datetime) -> dict[str, Any]:
    """Return the row's next state, number of failed tries and due time."""
    if ended.arrived:
        return {"state": "answered", "tries": tries, "due_at": now}
    if ended.end is End.AWAY:
        return {"state": "wanted", "tries": tries, "due_at": now + AWAY_FOR}
    again = None if ended.end is End.NEVER else again_at(now, tries + 1, ended.retry_after_seconds)
    if again is None:
        return {"state": "failed", "tries": tries + 1, "due_at": now}
    return {"state": "wanted", "tries": tries + 1, "due_at": again}


def _fetched_row(heard: Heard, answer: Answer, ring: Ring, now: datetime) -> dict[str, Any]:
    asking = heard.asking
    values = to_json({name: Fact(value, answer.as_of) for name, value in answer.facts.items()})
    return {
        "lookup": asking.lookup,
        "event": asking.event,
        "person": asking.person,
        "names": sorted(values),
        "values": ring.seal(asking.person, Compartment.FACTS, Place("fetched_facts", asking.lookup, "values"), values),
        "source": asking.question.register,
        "basis": asking.norm,
        "known_at": now,
        "expires_at": now + FACTS_KEPT,
    }


def _whole(heard: Heard) -> Mapping[str, Any] | None:
    """Return an enrolment's facts if nothing that a letter needs is missing."""
    if heard.answer is None:
        return None
    facts = heard.answer.facts
    if not all(facts.get(name) for name in heard.asking.question.names):
        return None
    address = facts.get("anschrift")
    whole = isinstance(address, dict) and all(address.get(part) for part in ("strasse", "plz", "ort"))
    return facts if whole else None


def _report(session: Session, house: House, unasked: Sequence[Heard], now: datetime) -> None:
    """Tell the DSB of registers that answered more than they were asked."""
    rows = [{"id": house.ids.row(now), "what": UNASKED, "matter": heard.asking.lookup, "at": now} for heard in unasked]
    if rows:
        session.connection().execute(insert(_INCIDENTS), rows)


def _incident(house: House, heard: Heard) -> Flow:
    return Flow(
        kind=Kind.INCIDENT,
        sender=heard.asking.question.register,
        receiver=house.controller,
        purpose="sicherheit",
        action=UNASKED,
        basis="Art. 32 DSGVO",
        outcome="not_kept",
        restrict=True,
        case=str(heard.asking.lookup),
    )


def _outcome(heard: Heard) -> Flow:
    action = "register.answered" if heard.ended.arrived else "register.not_answered"
    return outcome(heard.asking.flow, heard.asking.clearance.flow, heard.ended, action)
