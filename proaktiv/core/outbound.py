"""How an outbound act ended, when it is tried again, and what the flow log says about it.

Pure: shared by look_up, notify and dispatch. Left to others: the act itself (registers, channels, dispatchers), the
rows (steps). Source: channels-and-pages.md § 3.3; data-path.md § 5.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from consent.model import Permit, Reason, Refusal
from proaktiv.core.errors import AlreadyDone, OutboundError, OutcomeUnknown, Temporary, Unavailable
from proaktiv.core.flows import Flow, Kind
from proaktiv.core.keys import PersonKey
from proaktiv.core.states import AuftragState

LEASE = timedelta(seconds=60)
"""How long an announced act belongs to the worker that announced it; every deadline is shorter."""

AWAY_FOR = timedelta(seconds=60)
"""Pause after the far side as a whole was away; such a try does not count."""

BACKOFF = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(hours=1),
    timedelta(hours=4),
)
"""Pause after the first, second … failed try; there is no try after the last pause's one failed too."""

MAIL_BACKOFF = (*BACKOFF, timedelta(hours=12), timedelta(hours=24))
"""The same for mail, which nobody waits for: greylists and full mailboxes get time, up to three days with its limit."""

PATIENCE = sum(BACKOFF, timedelta())
"""For so long an event waits for a register that is away, as for one that answers nonsense (decision 0006)."""

NEAR_DAYS = 3
"""So many days before the month of its last safe day a clerk is called about an Auftrag whose Behörde is away."""

ALARM_AFTER = timedelta(minutes=10)
"""For so long a way out may be away before a human is called."""

LOST = "lost"
"""Why an attempt is in doubt of which nothing was ever recorded: its worker is gone."""

HOUSE_PAUSE = timedelta(hours=1)
"""Pause after a refusal that the house brought about itself: time for a human to put it right."""

_LONGEST_PAUSE_SECONDS = 24 * 3600


class End(StrEnum):
    """How an act ended. The values are what the log's outcome entry says."""

    DONE = "done"
    REPEATED = "done_before"
    LATER = "again_later"
    UNSURE = "not_known"
    AWAY = "away"
    NEVER = "failed"


@dataclass(frozen=True, slots=True)
class Ended:
    """The end of one act. ``retry_after_seconds`` is the far side's own wish, if it had one."""

    end: End
    retry_after_seconds: int | None = None

    @property
    def arrived(self) -> bool:
        """Return whether the far side has it."""
        return self.end in {End.DONE, End.REPEATED}


def ended_by(error: OutboundError) -> Ended:
    """Return what an outbound error means for the row."""
    if isinstance(error, AlreadyDone):
        return Ended(End.REPEATED)
    if isinstance(error, Unavailable):
        return Ended(End.AWAY)
    if isinstance(error, OutcomeUnknown):
        return Ended(End.UNSURE, error.retry_after_seconds)
    if isinstance(error, Temporary):
        return Ended(End.LATER, error.retry_after_seconds)
    return Ended(End.NEVER)


def again_at(
    now: datetime,
    failed_tries: int,
    retry_after_seconds: int | None = None,
    pauses: Sequence[timedelta] = BACKOFF,
) -> datetime | None:
    """Return when to try again after ``failed_tries`` (1 or more) tries, or None when the tries are used up.

    The far side's own wish can make the pause longer, up to a day, never shorter.
    """
    if failed_tries > len(pauses):
        return None
    pause = pauses[failed_tries - 1]
    wish = timedelta(seconds=min(retry_after_seconds or 0, _LONGEST_PAUSE_SECONDS))
    return now + max(pause, wish)


HOUSE_MADE = frozenset(
    {
        Reason.ACTIVITY_NOT_APPROVED,
        Reason.CALLER_NOT_PARTY,
        Reason.NORM_NOT_IN_FORCE,
        Reason.RECIPIENT_NOT_COVERED,
        Reason.FIELDS_NOT_COVERED,
        Reason.DEFAULT_DENY,
    }
)
"""Refusals that the house brought about itself: they must not end what a person may still be owed."""

GUARDED = frozenset({Reason.SUBJECT_UNRESOLVED, Reason.PROTECTED, Reason.DECEASED})
"""Refusals that would tell something about the person: kept out of every view but the DSB's."""


def authorised(
    permit: Permit[Any],
    *,
    sender: str,
    receiver: str,
    action: str,
    person: UUID | None,
    case: str,
    receiver_name: str = "",
    rule: str = "",
) -> Flow:
    """Return the entry that must stand in the log before a byte leaves."""
    return Flow(
        kind=Kind.AUTHORISED,
        sender=sender,
        receiver=receiver,
        receiver_name=receiver_name,
        purpose=permit.purpose,
        action=action,
        basis=permit.norm,
        categories=tuple(sorted(permit.fields)),
        scope=permit.activity,
        rule=rule,
        person=None if person is None else PersonKey(person),
        consent="" if permit.record is None else str(permit.record),
        outbox=case,
        case=case,
    )


def outcome(authorised_flow: Flow, of: UUID, ended: Ended, action: str) -> Flow:
    """Return the entry that closes an authorised one."""
    return replace(authorised_flow, kind=Kind.OUTCOME, action=action, outcome=ended.end.value, of=of)


def refused(refusal: Refusal, *, house: str, action: str, person: UUID | None, case: str) -> Flow:
    """Return the entry of an act that the gate refused; the true reason stands in the staff part alone."""
    secret = refusal.reason in GUARDED
    return Flow(
        kind=Kind.REFUSED,
        sender=house,
        receiver=house,
        purpose="schutz" if secret else refusal.activity.partition("/")[0],
        action=action,
        basis="schutz" if secret else "einwilligung",
        scope="" if secret else refusal.activity,
        outcome="schutz" if secret else refusal.told.value,
        restrict=secret,
        person=None if person is None else PersonKey(person),
        case=case,
        reason=refusal.reason.value,
    )


def stopped(guard: str, *, house: str, action: str, person: UUID | None, case: str) -> Flow:
    """Return the entry of an act that a guard stopped. The guard's id stands in the staff part alone."""
    return Flow(
        kind=Kind.REFUSED,
        sender=house,
        receiver=house,
        purpose="schutz",
        action=action,
        basis="schutz",
        outcome="schutz",
        restrict=True,
        person=None if person is None else PersonKey(person),
        case=case,
        reason=guard,
    )


UNTOLD_TASKS: Mapping[AuftragState, str] = {
    AuftragState.QUESTION: "auftrag.question",
    AuftragState.REJECTED: "auftrag.rejected",
    AuftragState.WITH_CITIZEN: "auftrag.sheet_untold",
}
"""What a human must tell the person, of those in ``TO_BE_TOLD``, where no letter may go: nothing tells them to look."""

TWICE = "auftrag.twice"
"""Two of one group said yes, and neither could be told of the other."""
