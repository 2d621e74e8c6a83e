"""CloudEvents 1.0 in JSON, one (structured mode) or a list of them (batch mode), read strictly.

Stricter than the specification where it leaves a door open: no duplicate keys, no floats, no extensions, no binary
data, nothing unknown. What is refused is refused with a JSON pointer and a remedy, never with a value.
Left to others: what ``data`` means and whether ``time`` can be (``core.events``).
Source: CloudEvents 1.0.2 §§ 3.1–3.2, JSON format §§ 3–4; RFC 8259; RFC 6901; RFC 3339.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from proaktiv.core.errors import BadInput
from proaktiv.core.payloads import clean, joined

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 16
MAX_BATCH = 100
"""How many events one batch may hold: what one transaction keeps."""
_MAX_INT = 2**53 - 1
_REQUIRED = ("specversion", "id", "source", "type", "time")
_OPTIONAL = ("subject", "datacontenttype", "dataschema", "data")
LONGEST = {"id": 128, "source": 256, "type": 128, "subject": 256, "dataschema": 256}
TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})")
_BLANKS = re.compile(r"[ \t\n\r]*")
URI = re.compile(r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+")


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the attributes say, and ``data`` as plain JSON values without floats. ``time`` is aware UTC."""

    id: str
    source: str
    type: str
    time: datetime
    data: Mapping[str, Any]


class _Pairs(list[tuple[str, Any]]):
    """A JSON object as it was written: duplicates still stand in it."""


class _NoNumber:
    """Stands where the text has a number that we do not take: a float, NaN, Infinity, an endless integer."""


_DECODER = json.JSONDecoder(
    object_pairs_hook=_Pairs,
    parse_float=lambda _digits: _NoNumber(),
    parse_constant=lambda _name: _NoNumber(),
    parse_int=lambda digits: int(digits) if len(digits) <= 17 else _NoNumber(),
)


def parse(body: bytes) -> Envelope:
    """Return the event in ``body``, at most 1 MiB of UTF-8. Raises ``BadInput`` and nothing else.

    ``field`` is a JSON pointer, empty where the body as a whole is no JSON object.
    """
    written = _text(body)
    place = _blank(written, 0)
    loaded, end = _value(written, place)
    if _blank(written, end) != len(written):
        raise _no_json()
    return _envelope(loaded)


@dataclass(frozen=True, slots=True)
class Part:
    """One event of a batch and how it was written. Not yet read: what is wrong in it is its own affair."""

    text: str
    _loaded: Any

    def envelope(self) -> Envelope:
        """Return the event. Raises ``BadInput`` as ``parse``."""
        return _envelope(self._loaded)


def parse_batch(body: bytes) -> list[Part]:
    """Return the events of a JSON batch, none to ``MAX_BATCH``. Raises ``BadInput`` where the whole is no such list.

    Source: CloudEvents 1.0.2, JSON format § 4.
    """
    written = _text(body)
    place = _blank(written, 0)
    if written[place : place + 1] != "[":
        raise BadInput("", "must be a JSON list of events (CloudEvents batch mode)")
    parts: list[Part] = []
    place = _blank(written, place + 1)
    if written[place : place + 1] == "]":
        return _ended(written, place, parts)
    while True:
        if len(parts) == MAX_BATCH:
            raise BadInput("", f"must be at most {MAX_BATCH} events; send the rest as another batch")
        loaded, end = _value(written, place)
        parts.append(Part(written[place:end], loaded))
        place = _blank(written, end)
        following = written[place : place + 1]
        if following == "]":
            return _ended(written, place, parts)
        if following != ",":
            raise _no_json()
        place = _blank(written, place + 1)


def _envelope(loaded: Any) -> Envelope:
    event = _plain(loaded, None, 1)
    if not isinstance(event, dict):
        raise BadInput("", "must be one JSON object in CloudEvents structured mode")
    _check_names(event)
    for name, longest in LONGEST.items():
        if name in event:
            _check_text(event[name], f"/{name}", longest)
    for name in ("source", "dataschema"):
        if name in event and not URI.fullmatch(event[name]):
            raise BadInput(f"/{name}", "must be a URI of ASCII characters")
    if event.get("datacontenttype", "application/json") != "application/json":
        raise BadInput("/datacontenttype", "must be application/json, or be left out")
    if not isinstance(event.get("data"), dict):
        raise BadInput("/data", "must be an object")
    return Envelope(event["id"], event["source"], event["type"], _time(event["time"]), event["data"])


def _blank(written: str, place: int) -> int:
    """Return where the next token begins."""
    found = _BLANKS.match(written, place)
    assert found is not None  # noqa: S101 - it matches nothing, too
    return found.end()


def _ended(written: str, place: int, parts: list[Part]) -> list[Part]:
    if _blank(written, place + 1) != len(written):
        raise _no_json()
    return parts


def _text(body: bytes) -> str:
    if len(body) > MAX_BYTES:
        raise BadInput("", f"must be at most {MAX_BYTES} bytes")
    if body.startswith(b"\xef\xbb\xbf"):
        raise BadInput("", "must be UTF-8 without a byte order mark")
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise BadInput("", "must be UTF-8") from None


def _value(written: str, place: int) -> tuple[Any, int]:
    """Return the JSON value at a place, with stand-ins for what we do not take, and where it ends."""
    try:
        return _DECODER.raw_decode(written, place)
    except RecursionError:
        raise BadInput("", f"must be nested at most {MAX_DEPTH} deep") from None
    except ValueError:
        raise _no_json() from None


def _no_json() -> BadInput:
    return BadInput("", "must be JSON (RFC 8259)")


_Path = tuple["_Path | None", str | int]
"""Where a value stands: its parent's place and its key. Put together as a pointer for an error alone."""


def _plain(value: Any, path: _Path | None, depth: int) -> Any:
    """Return ``value`` without our stand-ins; ``depth`` counts objects and lists from 1."""
    if isinstance(value, str):
        _check_symbols(value, path)
        return value
    if isinstance(value, list):
        if depth > MAX_DEPTH:
            raise BadInput(_pointer(path), f"must be nested at most {MAX_DEPTH} deep")
        if not isinstance(value, _Pairs):
            return [_plain(item, (path, index), depth + 1) for index, item in enumerate(value)]
        members: dict[str, Any] = {}
        for key, item in value:
            if key in members:
                raise BadInput(_pointer((path, key)), "must stand once: the key is there twice")
            _check_symbols(key, path)
            members[key] = _plain(item, (path, key), depth + 1)
        return members
    if isinstance(value, _NoNumber) or (
        isinstance(value, int) and not isinstance(value, bool) and abs(value) > _MAX_INT
    ):
        raise BadInput(_pointer(path), "must be a whole number within ±(2^53 - 1): no fractions, no exponents, no NaN")
    return value


def _pointer(path: _Path | None) -> str:
    return "" if path is None else joined(_pointer(path[0]), path[1])


def _check_symbols(value: str, path: _Path | None) -> None:
    if not value.isascii() and any("\ud800" <= symbol <= "\udfff" for symbol in value):
        raise BadInput(_pointer(path), "must be Unicode text: there is half a surrogate pair")
    if "\x00" in value:
        raise BadInput(_pointer(path), "must not hold NUL")


def _check_names(event: Mapping[str, Any]) -> None:
    for name, value in event.items():
        if name in _REQUIRED or name in _OPTIONAL:
            continue
        if name == "data_base64":
            raise BadInput("/data_base64", "must be left out: put a JSON object into data")
        if isinstance(value, dict | list):
            raise BadInput(joined("", name), "must be left out: an attribute is never an object or a list")
        raise BadInput(joined("", name), f"must be left out; known are {', '.join((*_REQUIRED, *_OPTIONAL))}")
    for name in _REQUIRED:
        if event.get(name) is None or event[name] == "":
            raise BadInput(f"/{name}", "is missing or empty")
    if event["specversion"] != "1.0":
        raise BadInput("/specversion", 'must be "1.0"')


def _check_text(value: Any, pointer: str, longest: int) -> None:
    if not isinstance(value, str) or not 0 < len(value) <= longest:
        raise BadInput(pointer, f"must be a text of 1 to {longest} characters")
    if not clean(value):
        raise BadInput(pointer, "must hold printable characters in normal form NFC only")


def _time(value: Any) -> datetime:
    if not isinstance(value, str) or not TIME.fullmatch(value):
        raise BadInput("/time", "must be a time with zone as in 2026-03-01T08:00:00Z (RFC 3339)")
    try:
        return datetime.fromisoformat(value).astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadInput("/time", "must be a time that exists") from None
