"""Letters as text files in a folder: what a print shop, or a demonstration's citizens, pick up.

One UTF-8 file a letter, named by its wire id, address field first. A file that is there is complete and durable; the
folder itself is made by the operator, so that a wrong path is seen and not filled.
"""

import errno
import os
import re
import tempfile
from pathlib import Path

from notifiers.model import (
    AlreadyDone,
    Capability,
    Clearance,
    DeadlineLike,
    DeliveryReceipt,
    Message,
    Permanent,
    ReceiptLevel,
    Recipient,
    Rendered,
    Temporary,
    Unavailable,
)

_WIRE_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z-]{0,63}")
_WIDTH = 78
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EMFILE, errno.ENFILE})
_LABELS = {"de": ("Unser Zeichen", "Datum"), "en": ("Our reference", "Date")}
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
        return Rendered("text/plain; charset=utf-8", "\n".join(lines).encode())

    def hand_over(self, rendered: Rendered, clearance: Clearance, deadline: DeadlineLike) -> DeliveryReceipt:
        """Write ``<wire id>.txt``, durable once this returns.

        Raises ``AlreadyDone`` when the same bytes are there, ``Permanent`` when other bytes are or the wire id is no
        file name, ``Unavailable`` when the folder is away, ``Temporary`` when it is full or the time is over.
        """
        wire_id = clearance.wire_id
        if not _WIRE_ID.fullmatch(wire_id):
            raise Permanent("the wire id is no file name")
        if deadline.remaining() <= 0:
            raise Temporary(f"{wire_id}: the deadline is over")
        try:
            self._write(wire_id, rendered.body)
        except OSError as error:
            # The text of an OSError holds the path, which is the operator's; only its name is told on.
            name = errno.errorcode.get(error.errno or 0, "EUNKNOWN")
            if error.errno in _FULL:
                raise Temporary(f"{wire_id}: {name}") from None
            raise Unavailable(f"the folder cannot be used: {name}") from None
        return DeliveryReceipt(ReceiptLevel.ACCEPTED, wire_id)

    def _write(self, wire_id: str, body: bytes) -> None:
        final = self._folder / f"{wire_id}.txt"
        if final.exists():
            _compare(final, body)
        handle, name = tempfile.mkstemp(prefix=f".{wire_id}.", suffix=".part", dir=self._folder)
        part = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
            try:
                # A hard link never replaces a file that is there, which a rename would.
                final.hardlink_to(part)
            except (FileExistsError, FileNotFoundError):
                # There already; or our part was swept as forgotten by the writer who came first.
                _compare(final, body)
        finally:
            part.unlink(missing_ok=True)
        _sync(self._folder)
        for forgotten in self._folder.glob(f".{wire_id}.*.part"):  # of a process that died while writing
            forgotten.unlink(missing_ok=True)


def _compare(final: Path, body: bytes) -> None:
    """Raise what a file that is there already means."""
    if final.read_bytes() == body:
        _sync(final.parent)  # whoever wrote it may have died before this
        raise AlreadyDone(f"{final.stem}: it is there")
    raise Permanent(f"{final.stem}: another letter has this wire id")


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


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
