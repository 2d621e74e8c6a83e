"""Letters of the demonstration: as PDF for people, and as text beside it for the robots, who cannot read paper.

The text holds the code in the clear, so this channel is refused in production (``contradictions``); the ticket does
not, as everywhere. Left to others: both letters themselves (``notifiers``).
"""

from contextlib import suppress
from dataclasses import dataclass

from notifiers.folder import FolderChannel
from notifiers.letter import LetterChannel
from notifiers.model import (
    AlreadyDone,
    Capability,
    Clearance,
    DeadlineLike,
    DeliveryReceipt,
    Message,
    Recipient,
    Rendered,
)


@dataclass(frozen=True, slots=True)
class _Both(Rendered):
    text: Rendered | None = None


class BesideChannel:
    """The channel ``LETTER`` of the demonstration. Usable from several threads and processes at once."""

    def __init__(self, pdf: LetterChannel, text: FolderChannel) -> None:
        self._pdf = pdf
        self._text = text

    @property
    def capability(self) -> Capability:
        """Return what the PDF's channel can promise."""
        return self._pdf.capability

    def render(self, message: Message, recipient: Recipient) -> Rendered:
        """Return both. Raises as ``LetterChannel.render``."""
        pdf = self._pdf.render(message, recipient)
        return _Both(pdf.media_type, pdf.body, pdf.to, pdf.ticket, self._text.render(message, recipient))

    def hand_over(self, rendered: Rendered, clearance: Clearance, deadline: DeadlineLike) -> DeliveryReceipt:
        """Place the text, then the PDF and its ticket. Raises as ``LetterChannel.hand_over``."""
        if isinstance(rendered, _Both) and rendered.text is not None:
            with suppress(AlreadyDone):
                self._text.hand_over(rendered.text, clearance, deadline)
        return self._pdf.hand_over(rendered, clearance, deadline)
