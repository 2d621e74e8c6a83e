"""The ways to look at bytes: as MIME, as text, and as whatever is encoded inside, a few layers deep."""

import base64
import binascii
import codecs
import html
import quopri
import re
import unicodedata
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import SMTP
from functools import cached_property
from urllib.parse import unquote, unquote_plus

RAW = "raw bytes"
DEPTH = 3
_MOST_SIGNS = 4_000_000
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{6,}={0,2}")
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2}){4,}")
_ESCAPED = re.compile(r"\\u([0-9A-Fa-f]{4})|\\x([0-9A-Fa-f]{2})")
_SINGLE = str.maketrans({"đ": "d", "ł": "l", "ø": "o", "ð": "d", "ħ": "h", "ŧ": "t", "ı": "i", "ŋ": "n", "ə": "e"})
_PAIRS = str.maketrans({"æ": "ae", "œ": "oe", "þ": "th", "ß": "ss"})
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe"})


class TooDeep(Exception):  # noqa: N818
    """The bytes hold more layers than anybody looks through."""


@dataclass(frozen=True)
class View:
    """One way to read a part of the bytes. ``decoded``: it came out of an encoding that no reader sees through."""

    where: str
    text: str
    decoded: bool = False

    @cached_property
    def folded(self) -> str:
        """Return the text in small letters without accents, spaces made one."""
        return folded(self.text)

    @cached_property
    def squeezed(self) -> str:
        """Return its letters and digits alone."""
        return squeezed(self.folded)


def folded(text: str) -> str:
    """Return a text in small letters without accents; every run of spaces is one."""
    small = unicodedata.normalize("NFKD", text.casefold().translate(_PAIRS))
    return " ".join("".join(sign for sign in small if not unicodedata.combining(sign)).translate(_SINGLE).split())


def spelled_out(text: str) -> str:
    """Return a text in small letters with ae, oe, ue for the umlauts, and no other accents."""
    return folded(unicodedata.normalize("NFC", text).casefold().translate(_UMLAUTS))


def squeezed(text: str) -> str:
    """Return the letters and digits of a folded text: what is left when somebody spaces letters or dashes out."""
    return "".join(sign for sign in text if sign.isalnum())


def views(body: bytes, media_type: str, *, depth: int = DEPTH) -> Iterator[View]:
    """Yield every way to read the bytes, ``depth`` encodings deep. Raises ``TooDeep``."""
    budget = _MOST_SIGNS
    for view in _all(body, media_type, depth):
        budget -= len(view.text)
        if budget < 0:
            raise TooDeep
        yield view


def _all(body: bytes, media_type: str, depth: int) -> Iterator[View]:
    mail = media_type == "message/rfc822"
    yield from _layers(RAW if mail else "text", _text(body), depth)
    if not mail:
        return
    message = message_from_bytes(body, EmailMessage, policy=SMTP)
    for part in message.walk():
        for name, value in part.raw_items() if hasattr(part, "raw_items") else part.items():
            yield from _layers(f"header {name}", _header(str(value)), depth)
        if not part.is_multipart():
            content = part.get_payload(decode=True)
            if isinstance(content, bytes):
                yield from _layers(part.get_content_type(), _text(content), depth)


def _header(value: str) -> str:
    try:
        return f"{value} {make_header(decode_header(value))}"
    except (ValueError, LookupError):
        return value


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return body.decode("latin-1")


def _layers(where: str, text: str, depth: int, *, decoded: bool = False) -> Iterator[View]:
    yield View(where, text, decoded)
    if depth == 0:
        return
    done = {text}
    for how, inner in _decoded(text):
        if inner not in done and inner.strip():
            done.add(inner)
            yield from _layers(f"{where}, {how}", inner, depth - 1, decoded=True)


def _decoded(text: str) -> Iterator[tuple[str, str]]:
    """Yield what a text says once one encoding is taken off."""
    if "&" in text:
        yield "HTML", html.unescape(text)
    if "<" in text:
        yield "HTML without tags", html.unescape(re.sub(r"<[^>]*>", "", text))
    if "%" in text:
        yield "percent", unquote(text)
        yield "percent", unquote_plus(text)
    if "=" in text:
        yield "quoted-printable", _text(quopri.decodestring(text.encode("utf-8", "replace")))
    if "\\" in text:
        yield "escapes", _ESCAPED.sub(lambda match: chr(int(match[1] or match[2], 16)), text)
    if "xn--" in text:
        yield "punycode", _punycode(text)
    if "\0" in text:
        yield "UTF-16", text.replace("\0", "")
    yield "ROT13", codecs.encode(text, "rot13")
    compact = re.sub(r"\r?\n[ \t]*", "", text)
    for token in dict.fromkeys((*_BASE64.findall(text), *(_BASE64.findall(compact) if compact != text else ()))):
        yield from _base64(token)
    for token in dict.fromkeys(_HEX.findall(text)):
        yield from _readable("hex", bytes.fromhex(token))


def _base64(token: str) -> Iterator[tuple[str, str]]:
    plain = token.rstrip("=").replace("-", "+").replace("_", "/")
    for offset in range(4):  # what stands before it may look like base64 too
        part = plain[offset:]
        part = part[: len(part) - (len(part) % 4 == 1)]
        try:
            yield from _readable("base64", base64.b64decode(part + "=" * (-len(part) % 4)))
        except (binascii.Error, ValueError):
            continue


def _readable(how: str, body: bytes) -> Iterator[tuple[str, str]]:
    """Yield bytes as text if that is text, inflating what is deflated."""
    if body[:2] in {b"\x78\x9c", b"\x78\xda", b"\x78\x01", b"\x1f\x8b"}:
        try:
            body = zlib.decompressobj(47).decompress(body, _MOST_SIGNS)
        except zlib.error:
            return
    try:
        text = body.decode()
    except UnicodeDecodeError:
        text = body.decode("latin-1")
        if sum(32 <= ord(sign) < 127 for sign in text) < 0.7 * len(text):
            return
    if len(text) >= 3 and not all(unicodedata.category(sign)[0] == "C" for sign in text):
        yield how, text


def _punycode(text: str) -> str:
    def read(match: re.Match[str]) -> str:
        try:
            return match[0].encode().decode("idna")
        except (UnicodeError, ValueError):
            return match[0]

    return re.sub(r"xn--[a-z0-9-]+", read, text)
