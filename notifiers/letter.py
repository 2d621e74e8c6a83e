"""Letters as PDF after DIN 5008 form B, in a folder for the printer: ``<wire id>.pdf`` and its ticket ``.json``.

The first sheet has the window's address, the German text and the code; then the same in other words; then a sheet to
send back. The QR code holds the code in the URL's fragment, which never reaches a server, a log or a referrer.
The ticket comes last and names no person: a letter without one is not to be printed. Whoever takes files away keeps
the references: a repeat after that is theirs to know. Left to others: the words, enveloping, the way to the printer.
Source: channels-and-pages.md §§ 3.8, 5.2, 6.
"""

import hashlib
import io
import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import segno

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
    ReplySheet,
    Temporary,
    Unavailable,
    Version,
)
from notifiers.placing import place, placing
from notifiers.typesetting import NoGlyph, NoRoom, Typesetter, TypesettingError

_ENTRY = re.compile(r"(?:https://[a-z0-9.-]+|http://(?:localhost|127\.0\.0\.1))(?::[0-9]{1,5})?(?:/[a-z0-9/_-]*)?")
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_SOFT_HYPHEN = "\u00ad"
_BERLIN = ZoneInfo("Europe/Berlin")
_PAGES = re.compile(rb"/Type\s*/Page\b")
_BODY, _LARGE, _EASY = 11.5, 16.0, 14.0  # points; DIN SPEC 33429 asks for 14 in Leichte Sprache
_TITLES = {"ls": "In Leichter Sprache", "en": "In English"}
_DRAFT = "Entwurf, noch nicht von Prüferinnen und Prüfern gelesen"
_WORDS = {
    "page": "Seite",
    "of": "von",
    "reference": "Unser Zeichen",
    "greeting": "Guten Tag,",
    "closing": "Mit freundlichen Grüßen",
    "unsigned": "Dieser Brief ist maschinell erstellt und gilt ohne Unterschrift.",
}


@dataclass(frozen=True, slots=True)
class Letterhead:
    """What stands on every letter of a house.

    ``address`` is the house's own address, two to five lines, name first: the return line above the window, and the
    window of a reply sheet. ``contact`` are pairs like ``("Telefon", "0000 1234")``. ``entry`` is the page that takes
    a code. ``mark`` is printed in the head, such as ``Muster – kein echter Brief``.
    """

    name: str
    address: Sequence[str]
    contact: Sequence[tuple[str, str]]
    entry: str
    mark: str = ""

    def __post_init__(self) -> None:
        """Raise ``ValueError`` where a letter could not be written under this head."""
        if not _ENTRY.fullmatch(self.entry) or len(self.entry) > 64:
            raise ValueError("the entry is https://host/path of at most 64 characters: no user, query or fragment")
        if not 2 <= len(self.address) <= 5 or len(self.contact) > 5:
            raise ValueError("a house has an address of two to five lines and at most five contacts")


class LetterChannel:
    """The channel ``LETTER`` of a printer's folder. Usable from several threads and processes at once."""

    def __init__(self, folder: Path, head: Letterhead, typesetter: Typesetter, name: str = "LETTER") -> None:
        self._folder = folder
        self._head = head
        self._typesetter = typesetter
        self._capability = Capability(name=name, receipt=ReceiptLevel.ACCEPTED, confidential=True, idempotent=True)

    @property
    def capability(self) -> Capability:
        """Return what this channel can promise: accepted, and one letter for one wire id."""
        return self._capability

    def render(self, message: Message, recipient: Recipient) -> Rendered:
        """Return the letter as PDF/UA-1 and PDF/A-2a; the same message and recipient always give the same bytes.

        Raises ``Permanent`` when the address is none that fits the window or a sign cannot be printed, ``Temporary``
        when no PDF came in time, ``Unavailable`` when the letterhead itself does not fit.
        """
        try:
            body = self._typesetter.pdf(self._data(message, recipient))
        except NoGlyph:
            raise Permanent("a sign of the letter cannot be printed") from None
        except NoRoom as error:
            if error.part == "address":
                raise Permanent("the address does not fit the window") from None
            raise Unavailable("the letterhead's address does not fit the window") from None
        except TypesettingError as error:
            raise Temporary(str(error)) from None
        pages = len(_PAGES.findall(body))
        ticket: dict[str, str | int | bool] = {
            "format": "proaktiv/letter@1",
            "reference": message.reference,
            "sent_on": message.sent_on,
            "sha256": hashlib.sha256(body).hexdigest(),
            "pages": pages,
            "sheets": (pages + 1) // 2,
            "duplex": pages > 1,
            "paper": "A4",
            "colour": False,
            "window": "DIN 5008 B",
            "reply_sheet": message.reply is not None,
        }
        return Rendered("application/pdf", body, ticket=ticket)

    def hand_over(self, rendered: Rendered, clearance: Clearance, deadline: DeadlineLike) -> DeliveryReceipt:
        """Place the PDF, then its ticket, both durable once this returns.

        Raises ``AlreadyDone`` when both are there, ``Permanent`` when another letter has the wire id or it is no file
        name, ``Unavailable`` when the folder is away, ``Temporary`` when it is full or the time is over.
        """
        wire_id = clearance.wire_id
        ticket = json.dumps({"file": f"{wire_id}.pdf", **rendered.ticket}, ensure_ascii=False, indent=1) + "\n"
        with placing(wire_id, deadline):
            with suppress(AlreadyDone):  # by somebody who may have died before the ticket
                place(self._folder, f"{wire_id}.pdf", rendered.body)
            place(self._folder, f"{wire_id}.json", ticket.encode())
        return DeliveryReceipt(ReceiptLevel.ACCEPTED, wire_id)

    def _data(self, message: Message, recipient: Recipient) -> dict[str, Any]:
        """Return what the template asks for, every value a plain text."""
        if message.made_at is None:
            raise Permanent("the message does not say when it was made")
        day = message.made_at.astimezone(_BERLIN)
        head = self._head
        data: dict[str, Any] = {
            "title": f"Brief, {_WORDS['reference']} {message.reference}",
            "lang": "de",
            "date": [day.year, day.month, day.day],
            "size": _LARGE if recipient.large_print else _BODY,
            "words": _WORDS,
            "sender": head.name,
            "mark": head.mark,
            "return_line": " · ".join(head.address),
            "contact": [head.name, *(" ".join(pair) for pair in head.contact)],
            "info": [[_WORDS["reference"], message.reference], ["Datum", message.sent_on], *head.contact],
            "address": _address(recipient.address),
            "reference": message.reference,
            "sent_on": message.sent_on,
            "subject": message.subject,
            "paragraphs": list(message.paragraphs),
            "code": _code(head.entry, message.secret),
            "versions": [_version(each) for each in _ordered(message.versions, recipient.language)],
            "reply": _reply(message.reply, message.reference, head.address),
        }
        printable: dict[str, Any] = _printable(data)
        return printable


def _address(lines: Sequence[str]) -> list[str]:
    """Return the lines of an address field. Raises ``Permanent``."""
    if not 3 <= len(lines) <= 9:
        raise Permanent("an address has three to nine lines")
    for line in lines:
        if not line.strip() or len(line) > 150 or "\n" in line:
            raise Permanent("a line of the address is empty, more than one, or has more than 150 characters")
        # The post's machines and people read Latin letters; registers write names in them (DIN 91379).
        if any(sign.isalpha() and not _latin(sign) for sign in line):
            raise Permanent("the address has a letter that is not Latin")
    return [" ".join(line.split()) for line in lines]


def _latin(sign: str) -> bool:
    name = unicodedata.name(sign, "")
    return name.startswith(("LATIN ", "MODIFIER LETTER ")) or sign in "ªº"


def _code(entry: str, secret: str) -> dict[str, str] | None:
    if not secret:
        return None
    return {
        "open": "Öffnen Sie diese Seite im Browser:",
        "page": entry.removeprefix("https://").rstrip("/"),
        "label": "Geben Sie Ihren Code ein:",
        "value": secret,
        "birth": "Geben Sie Ihr Geburtsdatum ein.",
        "qr": _qr(f"{entry}#{secret.replace('-', '')}"),
        "alt": "QR-Code. Er öffnet dieselbe Seite und trägt den Code aus diesem Brief ein.",
        "caption": "Oder mit der Kamera Ihres Telefons",
    }


def _qr(content: str) -> str:
    """Return a QR code as SVG without its margin; the mask is fixed, because searching for the best one is slow."""
    image = io.BytesIO()
    segno.make(content, error="m", micro=False, mask=3).save(image, kind="svg", border=0, xmldecl=False)
    return image.getvalue().decode()


def _ordered(versions: Sequence[Version], language: str) -> list[Version]:
    """Return the versions, that in the recipient's own language first."""
    return sorted(versions, key=lambda version: version.language != language)


def _version(version: Version) -> dict[str, Any]:
    easy = version.language == "ls"
    return {
        "lang": "de" if easy else version.language,
        "size": _EASY if easy else _BODY,
        "leading": 0.55 if easy else 0.32,
        "title": _TITLES.get(version.language, version.language),
        "draft": _DRAFT if easy and not version.checked_by else "",
        "subject": version.subject,
        "paragraphs": list(version.paragraphs),
    }


def _reply(reply: ReplySheet | None, reference: str, address: Sequence[str]) -> dict[str, Any] | None:
    if reply is None:
        return None
    return {
        "to": "Bitte zurück an",
        "address": list(address),
        "qr": _qr(reference),
        "alt": "QR-Code mit unserem Zeichen, für die Stelle, die dieses Blatt bekommt.",
        "subject": reply.subject,
        "paragraphs": list(reply.paragraphs),
        "choices": list(reply.choices),
        "day": "Ort, Datum",
        "signature": "Unterschrift",
    }


def _printable(value: Any) -> Any:
    """Return the data with every text composed (NFC). Raises ``Permanent`` on signs that cannot be seen on paper."""
    if isinstance(value, str):
        text = unicodedata.normalize("NFC", value)
        if any(unicodedata.category(sign) in _UNSEEN and sign not in {"\n", _SOFT_HYPHEN} for sign in text):
            raise Permanent("the letter has a sign that cannot be seen")
        return text
    if isinstance(value, Mapping):
        return {name: _printable(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_printable(each) for each in value]
    return value
