"""Texts with placeholders: ``{kind.vornamen}`` and nothing else.

No expressions, no format specifications, no attribute access: a text is written by legal staff and filled with what a
register says, and neither may do more than stand there. Left to others: which text (``core.lebenslagen.Texte``),
escaping for HTML (templates). Source: rules.md § 4.
"""

import re
import unicodedata
from collections.abc import Mapping
from datetime import date
from functools import lru_cache

MAX_TEXT = 4000
"""Longest filled text, in characters: two letter pages."""

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_NAME = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*")
_YES_NO = {"de": ("ja", "nein"), "ls": ("ja", "nein"), "en": ("yes", "no")}
_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


class TextError(ValueError):
    """A text cannot be filled; the message names the placeholder or the limit, never a value."""


@lru_cache(maxsize=1024)
def placeholders(text: str) -> tuple[str, ...]:
    """Return the names a text asks for, each once. Raises ``TextError`` on a stray or malformed brace."""
    names: dict[str, None] = {}
    for match in _PLACEHOLDER.finditer(text):
        if not _NAME.fullmatch(match[1]):
            raise TextError(f"placeholder {{{match[1]}}} is no name like {{kind.vornamen}}")
        names[match[1]] = None
    if stray := re.search(r"[{}]", _PLACEHOLDER.sub("", text)):
        raise TextError(f"a single {stray[0]} stands in the text; placeholders look like {{kind.vornamen}}")
    return tuple(names)


def without_placeholders(text: str) -> str:
    """Return what the author wrote besides the placeholders."""
    return _PLACEHOLDER.sub("", text)


def fill(text: str, values: Mapping[str, object], *, language: str = "de", budget: int = MAX_TEXT) -> str:
    """Return ``text`` with every placeholder replaced by its value as a person reads it.

    ``values`` is the closed list of what may stand there. What a value contains is never read as a placeholder again.
    Raises ``TextError`` where a value is missing or the result has more than ``budget`` characters.
    """
    for name in placeholders(text):
        if name not in values:
            raise TextError(f"nothing is known for the placeholder {{{name}}}")
    filled = _PLACEHOLDER.sub(lambda match: shown(values[match[1]], language), text)
    if len(filled) > budget:
        raise TextError(f"the text has {len(filled)} characters, at most {budget}")
    return filled


def shown(value: object, language: str = "de") -> str:
    """Return a value as text of a language: ``05.10.2026`` or ``5 October 2026``, ``ja`` or ``yes``, one line."""
    if isinstance(value, bool):
        yes, no = _YES_NO.get(language, _YES_NO["de"])
        return yes if value else no
    if isinstance(value, date):
        return f"{value.day} {_MONTHS[value.month - 1]} {value.year}" if language == "en" else f"{value:%d.%m.%Y}"
    return one_line(str(value))


def euros(cents: int, language: str = "de") -> str:
    """Return cents as a person reads them: ``175.000 Euro``, ``255,50 Euro``, in English ``EUR 175,000``."""
    whole, rest = divmod(abs(cents), 100)
    sign = "-" if cents < 0 else ""
    if language == "en":
        return f"{sign}EUR {whole:,}" + (f".{rest:02}" if rest else "")
    grouped = f"{whole:,}".replace(",", ".")
    return f"{sign}{grouped}" + (f",{rest:02}" if rest else "") + " Euro"


def one_line(text: str) -> str:
    """Return text without control, line-breaking and direction-changing characters: a name cannot forge a letter."""
    if text.isprintable():  # holds none of them, as nearly every text
        return text.strip()
    return "".join(" " if unicodedata.category(sign) in _UNSEEN else sign for sign in text).strip()


_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
