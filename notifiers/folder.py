"""Letters as text files in a folder: what a print shop, or a demonstration's citizens, pick up.

One UTF-8 file a letter, named by its wire id, address field first. A file that is there is complete and durable; the
folder itself is made by the operator, so that a wrong path is seen and not filled.
"""

from pathlib import Path

from notifiers.model import (
    Capability,
    Clearance,
    DeadlineLike,
    DeliveryReceipt,
    Message,
    ReceiptLevel,
    Recipient,
    Rendered,
)
from notifiers.placing import place, placing

_WIDTH = 78
_LABELS = {"de": ("Unser Zeichen", "Datum"), "en": ("Our reference", "Date")}
_DRAFT = "Leichte Sprache, Entwurf: noch nicht von Prüferinnen und Prüfern gelesen"
_CODE = "Ihr Code"  # one label in every language: it is what the page asks for


class FolderChannel:
    """The channel ``LETTER`` of a folder. Usable from several threads and processes at once."""

    def __init__(self, folder: Path, name: str = "LETTER") -> None:
        self._folder = folder
        self._capability = Capability(name=name, receipt=ReceiptLevel.ACCEPTED, confidential=True, idempotent=True)

    @property
    def capability(self) -> Capability:
        """Return what this channel can promise: accepted, and one file for one wire id."""
        return self._capability

    def render(self, message: Message, recipient: Recipient) -> Rendered:
        """Return the letter as text; the same message and recipient always give the same bytes."""
        reference, day = _LABELS.get(recipient.language, _LABELS["de"])
        lines = [*recipient.address, "", message.sender, f"{reference}: {message.reference}"]
        lines += [f"{day}: {message.sent_on}", "", message.subject, ""]
        for paragraph in message.paragraphs:
            lines += [*_wrapped(paragraph), ""]
        if message.secret:
            lines += [f"{_CODE}: {message.secret}", ""]
        if message.link:
            lines += [message.link, ""]
        for version in message.versions:
            lines += ["-" * len(version.subject), version.subject, ""]
            if version.language == "ls" and not version.checked_by:
                lines += [_DRAFT, ""]
            for paragraph in version.paragraphs:
                lines += [*_wrapped(paragraph), ""]
        return Rendered("text/plain; charset=utf-8", "\n".join(lines).encode())

    def hand_over(self, rendered: Rendered, clearance: Clearance, deadline: DeadlineLike) -> DeliveryReceipt:
        """Write ``<wire id>.txt``, durable once this returns.

        Raises ``AlreadyDone`` when the same bytes are there, ``Permanent`` when other bytes are or the wire id is no
        file name, ``Unavailable`` when the folder is away, ``Temporary`` when it is full or the time is over.
        """
        wire_id = clearance.wire_id
        with placing(wire_id, deadline):
            self._write(wire_id, rendered.body)
        return DeliveryReceipt(ReceiptLevel.ACCEPTED, wire_id)

    def _write(self, wire_id: str, body: bytes) -> None:
        place(self._folder, f"{wire_id}.txt", body)


def _wrapped(paragraph: str) -> list[str]:
    """Return a paragraph in lines of at most 78 characters; a longer word stands alone."""
    lines: list[str] = []
    line = ""
    for word in paragraph.split():
        if line and len(line) + 1 + len(word) > _WIDTH:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return [*lines, line] if line else lines
