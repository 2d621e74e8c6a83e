"""The message on its way: what leaves, how it ended, and the act between the two transactions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import structlog

from notifiers import leaks
from notifiers import model as channels
from notifiers.leaks import Known
from notifiers.model import Channel, Clearance, DeadlineLike, Message, Recipient, Rendered
from proaktiv.core.flows import Flow
from proaktiv.core.outbound import End, Ended
from proaktiv.house import Probe, no_probe
from proaktiv.outward import broken

LETTER = "LETTER"
MAIL = "MAIL"
BUNDLE = "bundle"
ACTIVATION = "activation"
ACCOUNT = "account"
ADDRESS = "address"
CONFIRMATION = "confirmation"

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

_NOBODY = "nobody@invalid.example"
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Posting:
    """One message that may leave now. ``matter`` is the bundle, enrolment, notice or confirmation, as ``purpose`` says.

    ``known`` and ``words`` are what may not stand in it where its channel is not confidential. ``remind_at``: when the
    bundle is told of once more, if it left.
    """

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
    known: Known = field(default_factory=Known, repr=False)
    words: Sequence[str] = ()
    remind_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Posted:
    """How one message ended. ``refused``: the address itself, so that nothing may be sent to it again.

    ``forbidden``: its domain takes no mail of ours, whoever it is for. ``slow``: the deadline ended it.
    """

    posting: Posting
    ended: Ended
    refused: bool = False
    forbidden: bool = False
    slow: bool = False


def hand_over(posting: Posting, ways: Mapping[str, Channel], deadline: DeadlineLike, probe: Probe = no_probe) -> Posted:
    """Render and hand over. Never raises what the channel raises: how it ended stands in the answer."""
    probe("notify.hand_over.before")
    channel = ways.get(posting.channel)
    if channel is None:
        return Posted(posting, Ended(End.AWAY))
    refused = forbidden = slow = False
    try:
        rendered = channel.render(posting.message, posting.recipient)
        if not channel.capability.confidential:
            _look_through(channel, rendered, posting)
        channel.hand_over(rendered, posting.clearance, deadline)
        ended = Ended(End.DONE)
    except channels.AlreadyDone:
        ended = Ended(End.REPEATED)
    except channels.Unavailable:
        ended = Ended(End.AWAY)
    except channels.Temporary as error:
        ended = Ended(End.LATER, error.retry_after_seconds)
        forbidden, slow = isinstance(error, channels.Forbidden), isinstance(error, channels.TooSlow)
    except channels.OutcomeUnknown:
        ended = Ended(End.UNSURE)
    except leaks.Leak as error:
        # What was found and where, never the thing: a house whose mails tell something must learn of it.
        _log.error("message.leaks", delivery=str(posting.delivery), found=str(error))
        ended = Ended(End.NEVER)
    except channels.Permanent as error:
        ended, refused = Ended(End.NEVER), isinstance(error, channels.Undeliverable)
    except Exception as error:  # noqa: BLE001 - whatever it was, the other letters of the set must be recorded
        ended = broken("notify", posting.delivery, posting.clearance.wire_id, error)
    probe("notify.hand_over.after")
    return Posted(posting, ended, refused, forbidden, slow)


def _look_through(channel: Channel, rendered: Rendered, posting: Posting) -> None:
    """Raise ``Leak`` where the final bytes tell something that the same message to nobody does not."""
    nobody = Recipient((), posting.recipient.language, mail=_NOBODY)
    leaks.check(
        rendered,
        posting.known,
        neutral=channel.render(posting.message, nobody),
        links=frozenset({posting.message.link} - {""}),
        words=posting.words,
    )
