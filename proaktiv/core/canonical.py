"""Canonical JSON: one value, one sequence of bytes.

RFC 8785 JCS under the narrow profile of flowlog.md § 3. Under it the standard library's encoder, told to sort and to
leave no blanks, is byte-equal to a full JCS implementation and four times faster; outside it is not, so the profile
is checked where bytes are signed or hashed for others (``checked``).
"""

import json
import re
import unicodedata
from functools import lru_cache
from typing import Any

_KEY = re.compile(r"[a-z_]+")
MAX_BYTES = 16 * 1024
MAX_DEPTH = 4
_MAX_INT = 2**53
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


class CanonicalError(ValueError):
    """A value lies outside the canonical profile; the message names the place."""


def dumps(value: Any) -> bytes:
    """Return the canonical bytes of JSON data whose keys are ASCII and that holds no floats."""
    return _ENCODER.encode(value).encode()


def checked(value: Any) -> bytes:
    """Return the canonical bytes of ``value`` after checking the profile. Raises ``CanonicalError``."""
    _check(value, "$", 0)
    body = dumps(value)
    if len(body) > MAX_BYTES:
        raise CanonicalError(f"$: {len(body)} bytes, at most {MAX_BYTES}")
    return body


def _check(value: Any, place: str, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise CanonicalError(f"{place}: nested deeper than {MAX_DEPTH}")
    if isinstance(value, str):
        if not value.isascii():
            _check_text(value, place)
    elif isinstance(value, bool):
        return
    elif isinstance(value, int):
        if not -_MAX_INT < value < _MAX_INT:
            raise CanonicalError(f"{place}: integer beyond 2^53")
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            _check(item, f"{place}[{index}]", depth + 1)
    elif isinstance(value, dict):
        _check_record(value, place, depth)
    else:
        raise CanonicalError(f"{place}: {type(value).__name__} has no canonical form")


def _check_record(value: dict[Any, Any], place: str, depth: int) -> None:
    for key, item in value.items():
        if not _is_key(key):
            raise CanonicalError(f"{place}: keys are [a-z_]+")
        if type(item) is str and item.isascii() and depth < MAX_DEPTH:
            continue  # as nearly every value of the log is
        _check(item, f"{place}.{key}", depth + 1)


@lru_cache(maxsize=256)
def _is_key(key: object) -> bool:
    return isinstance(key, str) and _KEY.fullmatch(key) is not None


def _check_text(value: str, place: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise CanonicalError(f"{place}: lone surrogate") from None
    if not unicodedata.is_normalized("NFC", value):
        raise CanonicalError(f"{place}: not NFC")
