"""What the log says of an event that may not go on: to whom it was refused, and of them no more than they may know.

Source: data-path.md §§ 3, 5; flowlog.md § 3.
"""

from dataclasses import replace
from uuid import UUID

from consent.model import Match, Permit, Reason, Refusal
from proaktiv.core.flows import Flow, Kind
from proaktiv.core.guards import Guard
from proaktiv.core.keys import PersonKey
from proaktiv.core.outbound import GUARDED
from proaktiv.core.passage import Claimed
from proaktiv.house import House


def refusal_entry(house: House, event: Claimed, person: UUID, refusal: Refusal | Permit[Match]) -> Flow:
    """Return the entry for somebody whose consent, or whose protection, does not let it pass."""
    secret = isinstance(refusal, Refusal) and refusal.reason in GUARDED
    told = refusal.told.value if isinstance(refusal, Refusal) else ""
    return replace(
        _refused(house, event, basis="schutz" if secret else "einwilligung", outcome="schutz" if secret else told),
        scope="" if secret else refusal.activity,
        restrict=secret,
        person=PersonKey(person),
        reason=refusal.reason.value if isinstance(refusal, Refusal) else "",
    )


def holder_entry(house: House, event: Claimed, person: UUID) -> Flow:
    """Return the entry for somebody who is told nothing about a child any more."""
    entry = _refused(house, event, basis="schutz", outcome="schutz")
    return replace(entry, restrict=True, person=PersonKey(person), reason=Guard.SORGE_ENTZOGEN.value)


def unknown_entry(house: House, event: Claimed, n: int) -> Flow:
    """Return the one entry for everybody who never enrolled: a number, no person."""
    return replace(_refused(house, event, basis="einwilligung", outcome=Reason.NO_DISCLOSURE.value), n=n)


def stop_entry(house: House, event: Claimed) -> Flow:
    """Return the one entry for an event that a veto ends."""
    entry = _refused(house, event, basis="schutz", outcome="schutz")
    return replace(entry, purpose="schutz", action="event.stopped", n=len(event.addressees), restrict=True)


def _refused(house: House, event: Claimed, *, basis: str, outcome: str) -> Flow:
    return Flow(
        kind=Kind.REFUSED,
        sender=event.source,
        receiver=house.controller,
        purpose=event.kind,
        action="event.refused",
        basis=basis,
        outcome=outcome,
        case=str(event.id),
    )
