"""The life of one consent record as one table: (state, event) → state. Whatever is not listed is a conflict.

A record never leaves a terminal state; who consents again gets a new record. Left to others: locks and storage
(``ledger``), what a state permits (``decide``). An objection (Art. 21 DSGVO) stands in the same record: who gives again
has taken it back. Source: consent.md §§ 4, 5.
"""

from consent.errors import ConsentConflict
from consent.model import ConsentState, Event

BIRTH = None
"""Stands for "no record yet" where a state stands otherwise."""

TRANSITIONS: dict[tuple[ConsentState | None, Event], ConsentState] = {
    (BIRTH, Event.REQUEST): ConsentState.REQUESTED,
    (BIRTH, Event.GIVE): ConsentState.GIVEN,
    (BIRTH, Event.REFUSE): ConsentState.REFUSED,
    (BIRTH, Event.OBJECT): ConsentState.OBJECTED,
    (ConsentState.REQUESTED, Event.GIVE): ConsentState.GIVEN,
    (ConsentState.REQUESTED, Event.REFUSE): ConsentState.REFUSED,
    (ConsentState.REQUESTED, Event.EXPIRE): ConsentState.EXPIRED,
    (ConsentState.REQUESTED, Event.LAPSE): ConsentState.LAPSED,
    (ConsentState.REQUESTED, Event.OBJECT): ConsentState.OBJECTED,
    (ConsentState.GIVEN, Event.WITHDRAW): ConsentState.WITHDRAWN,
    (ConsentState.GIVEN, Event.EXPIRE): ConsentState.EXPIRED,
    (ConsentState.GIVEN, Event.LAPSE): ConsentState.LAPSED,
    (ConsentState.GIVEN, Event.REVOKE): ConsentState.REVOKED,
    (ConsentState.GIVEN, Event.SUPERSEDE): ConsentState.SUPERSEDED,
    (ConsentState.GIVEN, Event.OBJECT): ConsentState.OBJECTED,
}

TERMINAL = frozenset(ConsentState) - {state for state, _ in TRANSITIONS if state is not None}
"""States that no event leaves."""


def moved(state: ConsentState | None, event: Event) -> ConsentState:
    """Return the state after the event. Raises ``ConsentConflict`` for every pair that is not listed."""
    after = TRANSITIONS.get((state, event))
    if after is None:
        raise ConsentConflict(f"a record in state {state or 'none'} does not take {event}")
    return after
