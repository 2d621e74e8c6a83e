"""Every state and every transition of a proposal, an Auftrag, a delivery, a register event.

One table each; whoever moves a row asks ``moved`` first. Sources: data-path.md § 8, channels-and-pages.md § 3.2.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from proaktiv.core.errors import Conflict


class EventState(StrEnum):
    """A register event. ``waiting`` and ``needs`` are unfinished; a case's next event waits for them.

    ``held`` is quarantined: kept, and nothing of it goes on before a human lets it. Nobody waits for it.
    """

    WAITING = "waiting"
    HELD = "held"
    NEEDS = "needs"
    ADMITTED = "admitted"
    REFUSED = "refused"
    STOPPED = "stopped"


class ProposalState(StrEnum):
    """A pre-filled Auftrag before the yes."""

    OPEN = "open"
    LATER = "later"
    CONFIRMED = "confirmed"
    DECLINED = "declined"
    SUPERSEDED = "superseded"
    LAPSED = "lapsed"
    RECALLED = "recalled"


class AuftragState(StrEnum):
    """A confirmed order on its way."""

    AWAITING_SIGNATURE = "awaiting_signature"
    HELD = "held"
    READY = "ready"
    ANNOUNCED = "announced"
    SENT = "sent"
    ACKNOWLEDGED = "acknowledged"
    QUESTION = "question"
    DECIDED = "decided"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    WITH_CITIZEN = "with_citizen"
    IN_DOUBT = "in_doubt"


class DeliveryState(StrEnum):
    """One message on one channel. ``skipped`` is no failure: the channel is missing or not wanted."""

    ANNOUNCED = "announced"
    HANDED_OVER = "handed_over"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"
    FAILED = "failed"
    IN_DOUBT = "in_doubt"
    BOUNCED_HARD = "bounced_hard"
    BOUNCED_SOFT = "bounced_soft"


State = TypeVar("State", EventState, ProposalState, AuftragState, DeliveryState)

PROPOSAL: Mapping[ProposalState, frozenset[ProposalState]] = {
    ProposalState.OPEN: frozenset(
        {
            ProposalState.LATER,
            ProposalState.CONFIRMED,
            ProposalState.DECLINED,
            ProposalState.SUPERSEDED,
            ProposalState.LAPSED,
            ProposalState.RECALLED,
        }
    ),
    ProposalState.LATER: frozenset(
        {
            ProposalState.CONFIRMED,
            ProposalState.DECLINED,
            ProposalState.SUPERSEDED,
            ProposalState.LAPSED,
            ProposalState.RECALLED,
        }
    ),
    ProposalState.CONFIRMED: frozenset({ProposalState.OPEN}),  # undo
    ProposalState.DECLINED: frozenset(),
    ProposalState.SUPERSEDED: frozenset(),
    ProposalState.LAPSED: frozenset({ProposalState.OPEN, ProposalState.RECALLED}),  # the yes that closed it is undone
    ProposalState.RECALLED: frozenset(),
}

AUFTRAG: Mapping[AuftragState, frozenset[AuftragState]] = {
    AuftragState.AWAITING_SIGNATURE: frozenset({AuftragState.HELD, AuftragState.WITHDRAWN, AuftragState.WITH_CITIZEN}),
    AuftragState.HELD: frozenset(
        {
            AuftragState.READY,
            AuftragState.ANNOUNCED,
            AuftragState.WITHDRAWN,
            AuftragState.AWAITING_SIGNATURE,  # the second signature is taken back
            AuftragState.WITH_CITIZEN,  # a clerk found no way to the Behörde
            AuftragState.SENT,  # it came there by another way than ours (§ 52 BMG)
        }
    ),
    AuftragState.READY: frozenset(
        {
            AuftragState.ANNOUNCED,
            AuftragState.WITHDRAWN,
            AuftragState.WITH_CITIZEN,
            AuftragState.AWAITING_SIGNATURE,
            AuftragState.SENT,
        }
    ),
    AuftragState.ANNOUNCED: frozenset(
        {AuftragState.SENT, AuftragState.READY, AuftragState.IN_DOUBT, AuftragState.ACKNOWLEDGED}
    ),
    AuftragState.SENT: frozenset(
        {AuftragState.ACKNOWLEDGED, AuftragState.QUESTION, AuftragState.DECIDED, AuftragState.REJECTED}
    ),
    AuftragState.ACKNOWLEDGED: frozenset({AuftragState.QUESTION, AuftragState.DECIDED, AuftragState.REJECTED}),
    AuftragState.QUESTION: frozenset({AuftragState.ACKNOWLEDGED, AuftragState.DECIDED, AuftragState.REJECTED}),
    AuftragState.DECIDED: frozenset(),
    AuftragState.REJECTED: frozenset(),
    AuftragState.WITHDRAWN: frozenset(),
    AuftragState.WITH_CITIZEN: frozenset({AuftragState.WITHDRAWN, AuftragState.SENT}),  # the sheet arrived there
    AuftragState.IN_DOUBT: frozenset(
        {AuftragState.SENT, AuftragState.READY, AuftragState.ACKNOWLEDGED, AuftragState.WITH_CITIZEN}
    ),
}

DELIVERY: Mapping[DeliveryState, frozenset[DeliveryState]] = {
    DeliveryState.ANNOUNCED: frozenset(
        {DeliveryState.HANDED_OVER, DeliveryState.CANCELLED, DeliveryState.FAILED, DeliveryState.IN_DOUBT}
    ),
    DeliveryState.HANDED_OVER: frozenset({DeliveryState.BOUNCED_HARD, DeliveryState.BOUNCED_SOFT}),
    DeliveryState.SKIPPED: frozenset(),
    DeliveryState.CANCELLED: frozenset({DeliveryState.HANDED_OVER}),  # it had left before: the truth wins
    DeliveryState.FAILED: frozenset({DeliveryState.HANDED_OVER}),
    DeliveryState.IN_DOUBT: frozenset(
        {DeliveryState.HANDED_OVER, DeliveryState.BOUNCED_HARD, DeliveryState.BOUNCED_SOFT}
    ),
    DeliveryState.BOUNCED_HARD: frozenset(),
    DeliveryState.BOUNCED_SOFT: frozenset({DeliveryState.BOUNCED_HARD}),
}

OPEN_PROPOSALS = frozenset({ProposalState.OPEN, ProposalState.LATER})
UNSENT_AUFTRAEGE = frozenset({AuftragState.AWAITING_SIGNATURE, AuftragState.HELD, AuftragState.READY})
OWN_AUFTRAEGE = UNSENT_AUFTRAEGE | {AuftragState.WITH_CITIZEN}
"""What is with us or on the citizen's own table, so that ending it reaches no Behörde."""
UNDOABLE_AUFTRAEGE = frozenset({AuftragState.AWAITING_SIGNATURE, AuftragState.HELD, AuftragState.WITH_CITIZEN})
TO_BE_TOLD = frozenset({AuftragState.WITH_CITIZEN, AuftragState.QUESTION, AuftragState.REJECTED})
"""What the person must hear of in time: it is theirs to hand in, or the Behörde asks back or turns it down."""
SENT_AUFTRAEGE = frozenset(
    {
        AuftragState.ANNOUNCED,
        AuftragState.SENT,
        AuftragState.ACKNOWLEDGED,
        AuftragState.QUESTION,
        AuftragState.IN_DOUBT,
    }
)


def moved(
    table: Mapping[State, frozenset[State]],
    now: State,
    to: State,
) -> State:
    """Return ``to`` when the table allows the step from ``now``. Raises ``Conflict`` when it does not."""
    if to not in table[now]:
        raise Conflict(f"{now} cannot become {to}")
    return to
