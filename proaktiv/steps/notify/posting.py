"""The letter on its way: what leaves, how it ended, and the act between the two transactions."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from notifiers import model as channels
from notifiers.model import Channel, Clearance, DeadlineLike, Message, Recipient
from proaktiv.core.flows import Flow
from proaktiv.core.outbound import End, Ended
from proaktiv.house import Probe, no_probe
from proaktiv.outward import broken

LETTER = "LETTER"
BUNDLE = "bundle"
ACTIVATION = "activation"

PROBES = (
    "notify.announce.before",
    "notify.announce.during",
    "notify.announce.after",
    "notify.hand_over.before",
    "notify.hand_over.after",
    "notify.record.before",
    "notify.record.during",
    "notify.record.after",
)


@dataclass(frozen=True, slots=True)
class Posting:
    """One message that may leave now. ``matter`` is the bundle or the enrolment, as ``purpose`` says."""

    delivery: UUID
    matter: UUID
    purpose: str
    person: UUID
    channel: str
    message: Message
    recipient: Recipient
    flow: Flow
    clearance: Clearance
    idempotent: bool


@dataclass(frozen=True, slots=True)
class Posted:
    """How one message ended."""

    posting: Posting
    ended: Ended


def hand_over(posting: Posting, ways: Mapping[str, Channel], deadline: DeadlineLike, probe: Probe = no_probe) -> Posted:
    """Render and hand over. Never raises what the channel raises: how it ended stands in the answer."""
    probe("notify.hand_over.before")
    channel = ways.get(posting.channel)
    if channel is None:
        return Posted(posting, Ended(End.AWAY))
    try:
        channel.hand_over(channel.render(posting.message, posting.recipient), posting.clearance, deadline)
        ended = Ended(End.DONE)
    except channels.AlreadyDone:
        ended = Ended(End.REPEATED)
    except channels.Unavailable:
        ended = Ended(End.AWAY)
    except channels.Temporary as error:
        ended = Ended(End.LATER, error.retry_after_seconds)
    except channels.Permanent:
        ended = Ended(End.NEVER)
    except Exception as error:  # noqa: BLE001 - whatever it was, the other letters of the set must be recorded
        ended = broken("notify", posting.delivery, posting.clearance.wire_id, error)
    probe("notify.hand_over.after")
    return Posted(posting, ended)
