"""Mail: a hint that something is ready, and never what; or the code that confirms the address it goes to.

The same words for everybody, in German and English. The one link is the neutral page. There is no name, no matter, no
Behörde, no letter's code, no picture, no tracking and no attachment; the reader finds a reference to tell a true mail
from a false one. Before it leaves, the mail is searched for what is known of its reader. DKIM is signed by the relay.
``List-Unsubscribe`` (RFC 8058) stands in the head, where scanners do not click: its id is of this one mail, a GET of it
does nothing, and it can stop mails alone. Left to others: consent, quiet hours, tries, what bounces (the steps), the
wire (``smtp``).
Source: channels-and-pages.md §§ 3.4, 3.6, 3.7, 5; RFC 5322, 3834, 8058.
"""

import html
import re
import ssl
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from email.header import Header
from email.utils import format_datetime
from quopri import encodestring
from zoneinfo import ZoneInfo

from notifiers import smtp
from notifiers.leaks import Known, Leak, check
from notifiers.mail_ids import MailIds
from notifiers.mail_words import CONFIRMATION, MailWords, in_order
from notifiers.model import (
    Capability,
    Clearance,
    DeadlineLike,
    DeliveryReceipt,
    Message,
    Permanent,
    ReceiptLevel,
    Recipient,
    Rendered,
)

MEDIA_TYPE = "message/rfc822"

_ADDRESS = re.compile(
    r"(?=.{3,254}$)[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])"
)
_PAGE = re.compile(r"(?:https://[a-z0-9.-]+|http://(?:localhost|127\.0\.0\.1))(?::[0-9]{1,5})?(?:/[a-z-]{0,20})?")
_CONFIRMS = re.compile(r"[0-9]{3} [0-9]{3}")
_REFERENCE = re.compile(r"[0-9A-Z-]{4,20}")
_WIRE_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z-]{0,40}")
_BERLIN = ZoneInfo("Europe/Berlin")
_STYLE = "font-family:sans-serif;font-size:1rem;line-height:1.5;max-width:38rem"


def is_address(text: str) -> bool:
    """Return whether mail can be sent to it: ``name@example.org`` of ASCII signs, at most 254 of them."""
    return _ADDRESS.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Sender:
    """Who writes. ``key`` makes ids that nobody else can make or join; ``bounces`` is a domain of its own, if any.

    ``page`` is the neutral page, the one link of every mail. ``leave`` is where a mail program may say that these mails
    shall stop: it stands in the head alone, with an id of that one mail.
    """

    name: str
    address: str
    page: str
    key: bytes = field(repr=False)
    bounces: str = ""
    leave: str = ""

    @property
    def ids(self) -> MailIds:
        """Return what makes the ids of these mails."""
        return MailIds(self.key, self.address.partition("@")[2], self.bounces)

    def __post_init__(self) -> None:
        """Raise ``ValueError`` where a mail could not be written in this name."""
        if not _ADDRESS.fullmatch(self.address) or not self.name.strip() or not self.name.isprintable():
            raise ValueError("a sender has a name and an address like post@musterstadt.example")
        if not _PAGE.fullmatch(self.page):
            raise ValueError("the page is https://host/word: no user, query, fragment or id")
        if self.leave and not _PAGE.fullmatch(self.leave):
            raise ValueError("the page to leave at is https://host/word: no user, query, fragment or id")
        if len(self.key) < 32:
            raise ValueError("the key has at least 32 bytes")
        if self.bounces and not _ADDRESS.fullmatch(f"b@{self.bounces}"):
            raise ValueError("bounces is a domain")


class MailChannel:
    """The channel ``MAIL`` of one relay. Usable from several threads: each mail has its own connection."""

    def __init__(
        self,
        relay: smtp.Relay,
        sender: Sender,
        *,
        tls: ssl.SSLContext | None = None,
        resolve: smtp.Resolve = smtp.system_resolve,
        name: str = "MAIL",
    ) -> None:
        self._relay = relay
        self._sender = sender
        self._tls = tls or ssl.create_default_context()
        self._resolve = resolve
        # Two mails with one Message-ID are folded by many programs, but no relay promises it: doubt is for the steps.
        self._capability = Capability(name=name, receipt=ReceiptLevel.ACCEPTED, confidential=False, idempotent=False)

    @property
    def capability(self) -> Capability:
        """Return what this channel can promise: accepted, perhaps twice, and confidential to nobody."""
        return self._capability

    def render(self, message: Message, recipient: Recipient) -> Rendered:
        """Return the mail but for its Message-ID, which is the wire id's.

        Of the message only purpose, reference, instant and the digits of a confirmation are used. Raises ``Leak`` when
        it brings any other code or link, or when something known of the recipient stands in the bytes; ``Permanent``
        when the address is none.
        """
        if message.secret and (message.purpose != CONFIRMATION or not _CONFIRMS.fullmatch(message.secret)):
            raise Leak("a mail carries no code but the digits that confirm its address")
        if message.link not in {"", self._sender.page, self._sender.page.partition("//")[2].rstrip("/")}:
            raise Leak("a mail has the neutral page as its only link")
        if not _ADDRESS.fullmatch(recipient.mail):
            raise Permanent("the recipient has no address that mail can go to")
        if message.made_at is None or not _REFERENCE.fullmatch(message.reference):
            raise Permanent("the message has no instant or no reference")
        if message.purpose == CONFIRMATION and not message.secret:
            raise Permanent("a confirmation has a code")
        rendered = self._rendered(message, message.made_at, recipient.mail, recipient.language)
        nobody = self._rendered(message, message.made_at, "nobody@invalid.example", recipient.language)
        check(rendered, _known(recipient), neutral=nobody, links=frozenset({self._sender.page}))
        return rendered

    def hand_over(self, rendered: Rendered, clearance: Clearance, deadline: DeadlineLike) -> DeliveryReceipt:
        """Give the mail to the relay; the same wire id always makes the same bytes.

        Raises ``Unavailable``, ``Temporary``, ``Permanent``, ``Undeliverable`` (suppress the address) or
        ``OutcomeUnknown`` (the answer was lost after the mail's end).
        """
        if not _WIRE_ID.fullmatch(clearance.wire_id):
            raise Permanent("the wire id cannot stand in a mail address")
        wire_id = clearance.wire_id
        body = f"Message-ID: {self.message_id(wire_id)}\r\n{self._leaving(wire_id)}".encode() + rendered.body
        smtp.send(
            self._relay,
            self.return_path(wire_id),
            rendered.to,
            body,
            deadline,
            tls=self._tls,
            resolve=self._resolve,
        )
        return DeliveryReceipt(ReceiptLevel.ACCEPTED, wire_id)

    def message_id(self, wire_id: str) -> str:
        """Return the Message-ID of a wire id: the same for every repeat, and nobody else can tell what it is of."""
        return self._sender.ids.message_id(wire_id)

    def return_path(self, wire_id: str) -> str:
        """Return the address that a failure report of this one mail goes to; without a domain for it the sender's."""
        return self._sender.ids.return_path(wire_id) or self._sender.address

    def _leaving(self, wire_id: str) -> str:
        """Return the lines by which a mail program offers to stop these mails (RFC 8058)."""
        if not self._sender.leave:
            return ""
        where = f"{self._sender.leave}?n={self._sender.ids.leave_token(wire_id)}"
        return f"List-Unsubscribe: <{where}>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"

    def _rendered(self, message: Message, made_at: datetime, to: str, language: str) -> Rendered:
        said = in_order(language, message.purpose)
        filled = {
            "sender": self._sender.name,
            "page": self._sender.page,
            "reference": message.reference,
            "code": message.secret,
        }
        # The boundary cannot stand in a part: quoted-printable writes every "=" as "=3D".
        boundary = "=_proaktiv"
        head = [
            f"From: {_phrase(self._sender.name)} <{self._sender.address}>",
            f"To: {to}",
            f"Subject: {_phrase(said[0].subject)}",
            f"Date: {format_datetime(made_at.astimezone(_BERLIN))}",
            "MIME-Version: 1.0",
            f"Content-Language: {', '.join(words.language for words in said)}",
            "Auto-Submitted: auto-generated",
            "X-Auto-Response-Suppress: All",
            f'Content-Type: multipart/alternative; boundary="{boundary}"',
        ]
        parts = (("plain", _plain(said, filled)), ("html", _html(said, filled)))
        lines = [*head, ""]
        for kind, text in parts:
            lines += [f"--{boundary}", f"Content-Type: text/{kind}; charset=utf-8"]
            lines += ["Content-Transfer-Encoding: quoted-printable", "", *_quoted(text)]
        lines += [f"--{boundary}--", ""]
        return Rendered(MEDIA_TYPE, "\r\n".join(lines).encode("ascii"), to=to)


def _known(recipient: Recipient) -> Known:
    """Return what a recipient tells of themselves; the steps know more and search for it too."""
    name, *places = recipient.address or ("",)
    return Known(names=(name,), places=tuple(places), others=(recipient.mail, recipient.mail.partition("@")[0]))


def _phrase(text: str) -> str:
    """Return a text as a header may carry it (RFC 2047); ASCII in quotes, so that no sign of it has a meaning."""
    if text.isascii():
        return text if re.fullmatch(r"[A-Za-z0-9 ]+", text) else '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'
    return Header(text, "utf-8", maxlinelen=200).encode()


def _quoted(text: str) -> Iterable[str]:
    return encodestring(text.encode()).decode("ascii").split("\n")


def _plain(said: Iterable[MailWords], filled: dict[str, str]) -> str:
    blocks = ["\n\n".join(each.format(**filled) for each in words.paragraphs) for words in said]
    return "\n\n-----\n\n".join(blocks) + "\n"


def _html(said: Iterable[MailWords], filled: dict[str, str]) -> str:
    said = tuple(said)
    link = f'<a href="{html.escape(filled["page"])}">{html.escape(filled["page"])}</a>'
    safe = {name: html.escape(value) for name, value in filled.items()} | {"page": link}
    blocks = [
        f'<div lang="{words.language}">\n'
        + "\n".join(f"<p>{html.escape(each, quote=False).format(**safe)}</p>" for each in words.paragraphs)
        + "\n</div>"
        for words in said
    ]
    return (
        f'<!doctype html>\n<html lang="{said[0].language}">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{html.escape(said[0].subject)}</title>\n</head>\n"
        f'<body style="{_STYLE}">\n' + "\n<hr>\n".join(blocks) + "\n</body>\n</html>\n"
    )
