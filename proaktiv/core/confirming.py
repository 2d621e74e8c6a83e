"""What follows from a yes: where the Auftrag begins, when the house looks at it next, until when it can be taken back.

Pure. Left to others: whether the yes counts (``core.cases``), writing it (``steps.confirm``, ``steps.silence``).
Source: data-path.md § 5 (Mode of sending, Two parents, Undo).
"""

from collections.abc import Mapping
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
        return AuftragState.AWAITING_SIGNATURE, max(now, signature_due(content["fristen"], now)), until
    return AuftragState.HELD, until, until


def without_second(ohne_zweite: str) -> AuftragState:
    """Return what becomes of an Auftrag whose second signature did not come in time."""
    return AuftragState.HELD if ohne_zweite == SUBMIT else AuftragState.WITH_CITIZEN
