"""What the log says of an event that may not go on: to whom it was refused, and of them no more than they may know.

Source: data-path.md §§ 3, 5; flowlog.md § 3.
"""

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
    return Flow(
        kind=Kind.REFUSED,
        sender=event.source,
        receiver=house.controller,
        purpose=event.kind,
        action="event.refused",
        basis="schutz" if secret else "einwilligung",
        scope="" if secret else refusal.activity,
        outcome="schutz" if secret else told,
        restrict=secret,
        person=PersonKey(person),
        case=str(event.id),
        reason=refusal.reason.value if isinstance(refusal, Refusal) else "",
    )


def holder_entry(house: House, event: Claimed, person: UUID) -> Flow:
    """Return the entry for somebody who is told nothing about a child any more."""
    return Flow(
        kind=Kind.REFUSED,
        sender=event.source,
        receiver=house.controller,
        purpose=event.kind,
        action="event.refused",
        basis="schutz",
        outcome="schutz",
        restrict=True,
        person=PersonKey(person),
        case=str(event.id),
        reason=Guard.SORGE_ENTZOGEN.value,
    )


def unknown_entry(house: House, event: Claimed, n: int) -> Flow:
    """Return the one entry for everybody who never enrolled: a number, no person."""
    return Flow(
        kind=Kind.REFUSED,
        sender=event.source,
        receiver=house.controller,
        purpose=event.kind,
        action="event.refused",
        basis="einwilligung",
        outcome=Reason.NO_DISCLOSURE.value,
        n=n,
        case=str(event.id),
    )


def stop_entry(house: House, event: Claimed) -> Flow:
    """Return the one entry for an event that a veto ends."""
    return Flow(
        kind=Kind.REFUSED,
        sender=event.source,
        receiver=house.controller,
        purpose="schutz",
        action="event.stopped",
        basis="schutz",
        outcome="schutz",
        n=len(event.addressees),
        restrict=True,
        case=str(event.id),
    )
