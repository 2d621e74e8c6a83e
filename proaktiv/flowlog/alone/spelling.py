"""Everything in the formats has exactly one spelling, and what is spelt otherwise is not believed."""

import base64
import json
import re
import unicodedata
from contextlib import suppress
from typing import Any


class Unreadable(Exception):  # noqa: N818 - as in a sentence
    """Nothing can be judged."""


class Broken(Exception):  # noqa: N818 - as in a sentence
    """A line, a note or a key is not what it should be."""


def demand(holds: object, otherwise: str) -> None:
    """Raise ``Broken`` unless it holds."""
    if not holds:
        raise Broken(otherwise)


def unbase64(text: Any) -> bytes:
    """Return the bytes of standard base64."""
    with suppress(ValueError):
        if type(text) is str and base64.b64encode(raw := base64.b64decode(text, validate=True)).decode() == text:
            return raw
    raise Broken("not base64")


def parsed(raw: bytes) -> dict[str, Any]:
    """Return a JSON object: keys sorted, none twice, no blanks, no number that other readers round."""
    with suppress(ValueError, RecursionError):
        value = json.loads(raw)
        again = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        if type(value) is dict and again.encode() == raw:
            return value
    raise Broken("not JSON in its one spelling")


def typed(raw: bytes) -> bytes:
    """Return a text as C2SP wants it: an editor of Windows puts a mark before it and ends its lines with two signs.

    Raises ``Broken`` for UTF-16, which others of them write, and for what holds more than text.
    """
    demand(not raw.startswith((b"{\\rtf", b"PK\x03\x04")), "no plain text (RTF or Word): save it as plain text")
    halves = (raw[:64:2], raw[1:64:2]) if len(raw) > 1 else ()
    marked = raw[:2] in {b"\xff\xfe", b"\xfe\xff"}
    demand(not marked and all(any(half) for half in halves), "saved as UTF-16: save it as UTF-8")
    return raw.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n")


def is_text(pattern: str, *values: Any) -> bool:
    """Return whether all are text of this form."""
    return all(type(value) is str and re.fullmatch(pattern, value, re.DOTALL) for value in values)


def is_count(*values: Any) -> bool:
    """Return whether all are integers that every JSON reader reads alike."""
    return all(type(value) is int and abs(value) < 2**53 for value in values)


def canonical(value: Any, depth: int = 0) -> bool:
    """Return whether a committed value keeps to the profile."""
    if type(value) is dict:
        return depth < 5 and all(is_text("[a-z_]+", k) and canonical(v, depth + 1) for k, v in value.items())
    if type(value) is list:
        return depth < 5 and all(canonical(item, depth + 1) for item in value)
    text = type(value) is str and unicodedata.is_normalized("NFC", value)
    return depth < 5 and (text or type(value) is bool or is_count(value))
