"""What a channel takes and gives back; the errors it may raise.

The steps pass state in; a channel only renders and hands over. Source: channels-and-pages.md § 3, architecture.md § 2.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Clearance:
    """Leave for one flow to cross the border of the house: it is in the flow log as authorised.

    Only ``proaktiv.flowlog.record`` makes one. ``wire_id`` stays equal over repeats, so a receiver that honours it
    takes a repeat for what it is.
    """

    flow: UUID
    wire_id: str
    authorised_at: datetime


class DeadlineLike(Protocol):
    """Total time for one outbound act, measured by a monotonic clock."""

    def remaining(self) -> float:
        """Return the seconds left; zero or less means that the act is over."""
        ...


class ReceiptLevel(StrEnum):
    """The best receipt a channel can ever give."""

    NONE = "none"
    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    OPENED = "opened"


@dataclass(frozen=True, slots=True)
class Capability:
    """What a channel can promise. ``idempotent``: a repeat with the same wire id arrives once."""

    name: str
    receipt: ReceiptLevel
    confidential: bool
    idempotent: bool


@dataclass(frozen=True, slots=True)
class Recipient:
    """Where a message goes. ``address`` is the address field, three to nine lines, name first.

    ``mail`` is an address like ``a@b.example``; ``large_print`` asks for letters of 16 points.
    """

    address: Sequence[str]
    language: str = "de"
    mail: str = ""
    large_print: bool = False


@dataclass(frozen=True, slots=True)
class Version:
    """A message said once more: in another language, or in Leichte Sprache (language ``ls``).

    ``checked_by`` names the readers who checked a text in Leichte Sprache; without them it is printed as a draft.
    Source: DIN SPEC 33429.
    """

    language: str
    subject: str
    paragraphs: Sequence[str]
    checked_by: str = ""


@dataclass(frozen=True, slots=True)
class ReplySheet:
    """A sheet to tick, sign and send back, in German. It bears the message's reference, never its secret."""

    subject: str
    paragraphs: Sequence[str]
    choices: Sequence[str]


@dataclass(frozen=True, slots=True)
class Message:
    """One message of one purpose. ``secret`` is the letter code, empty on channels that must not carry one.

    ``sent_on`` is the day as it is printed, ``made_at`` the aware instant behind it; both are the same for every
    repeat, so that a repeat has the same bytes. ``versions`` and ``reply`` are for channels that have room.
    """

    purpose: str
    reference: str
    sender: str
    sent_on: str
    subject: str
    paragraphs: Sequence[str]
    secret: str = ""
    link: str = ""
    made_at: datetime | None = None
    versions: Sequence[Version] = ()
    reply: ReplySheet | None = None


@dataclass(frozen=True, slots=True)
class Rendered:
    """Final bytes. The same message and recipient always give the same bytes.

    ``to`` is the envelope's address where the bytes need one; ``ticket`` is what a printer must know, without names.
    """

    media_type: str
    body: bytes
    to: str = ""
    ticket: Mapping[str, str | int | bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DeliveryReceipt:
    """What the channel knows after handing over."""

    receipt: ReceiptLevel
    reference: str


class ChannelError(Exception):
    """A message was not handed over. Messages hold ids, never personal data."""


class Temporary(ChannelError):  # noqa: N818
    """Nothing left the house; try again, not before ``retry_after_seconds`` if that is known."""

    def __init__(self, message: str, retry_after_seconds: int | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class Forbidden(Temporary):
    """A policy refuses our mail, whoever it is for: no fault of the address, and no reason to take another channel."""


class TooSlow(Temporary):
    """The deadline ended it, and nothing left: where nobody else gets through either, the channel is away."""


class OutcomeUnknown(ChannelError):  # noqa: N818
    """It may have left the house; repeat only where the capability says ``idempotent``."""


class Permanent(ChannelError):  # noqa: N818
    """This address will never take it; another channel or a clerk must."""


class Undeliverable(Permanent):
    """The address itself was refused: nothing of any matter may be sent to it again until its owner mends it."""


class Unavailable(ChannelError):  # noqa: N818
    """The channel as a whole is away; the try does not count."""


class AlreadyDone(ChannelError):  # noqa: N818
    """The channel has this wire id already, which is success."""


class Channel(Protocol):
    """One way to a person. Must be usable from several threads at once."""

    @property
    def capability(self) -> Capability:
        """Return what this channel can promise."""
        ...

    def render(self, message: Message, recipient: Recipient) -> Rendered:
        """Return the final bytes; pure and deterministic."""
        ...

    def hand_over(self, rendered: Rendered, clearance: Clearance, deadline: DeadlineLike) -> DeliveryReceipt:
        """Hand the bytes over before the deadline, durable once this returns. Raises the channel errors."""
        ...
