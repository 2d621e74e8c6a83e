"""What follows from a yes: where the Auftrag begins, when the house looks at it next, until when it can be taken back.

Pure. Left to others: whether the yes counts (``core.cases``), writing it (``steps.confirm``, ``steps.silence``).
Source: data-path.md § 5 (Mode of sending, Two parents, Undo).
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from proaktiv.core.proposals import way_of
from proaktiv.core.states import AuftragState
from proaktiv.core.trust import Trust
from proaktiv.core.views import BEHOERDE, signers
from proaktiv.core.windows import signature_due, undo_until

SUBMIT, WAIT = "einreichen_und_nachreichen", "warten"
"""What a rule may say of a missing second signature."""


def first_state(
    content: Mapping[str, Any], trust: Trust, now: datetime
) -> tuple[AuftragState, datetime | None, datetime]:
    """Return the state after the yes, when the house looks at it next, and until when it can be taken back.

    ``selbst`` and ``hinweis`` end with the citizen: nothing is sent (data-path.md § 5, mode of sending).
    """
    if way_of(content, trust) != BEHOERDE:
        return AuftragState.WITH_CITIZEN, None, undo_until(content["fristen"], trust, now, sent=False)
    until = undo_until(content["fristen"], trust, now)
    if signers(content, trust):
        return AuftragState.AWAITING_SIGNATURE, max(until, signature_due(content["fristen"], now)), until
    return AuftragState.HELD, until, until


def asks_second(state: AuftragState, due_at: datetime | None, now: datetime) -> bool:
    """Return whether the other parent is asked to sign: not where nothing will wait for it any more."""
    return state is AuftragState.AWAITING_SIGNATURE and due_at is not None and due_at > now


def signing_trust(first: Trust) -> Trust:
    """Return the least level for a second signature: never below the first, and never with a letter's code alone.

    What is to be signed tells of the other parent, which a code does not show (security-and-faults.md T3).
    """
    return max(Trust.V2, first)


def undo_after_signature(
    fristen: Iterable[Mapping[str, Any]], trust: Trust, now: datetime, promised: datetime
) -> datetime:
    """Return until when an Auftrag with its last signature can be taken back: no sooner than the first was promised."""
    return max(promised, undo_until(fristen, trust, now))


def without_second(ohne_zweite: str) -> AuftragState:
    """Return what becomes of an Auftrag whose second signature did not come in time."""
    return AuftragState.HELD if ohne_zweite == SUBMIT else AuftragState.WITH_CITIZEN
