"""What an author probably meant by a value that is none: a date in German writing, a comma before the cents.

Each returns the end of a message. Left to others: names and words (``suggest``), YAML itself (``unreadable``).
"""

import re
from calendar import monthrange
from collections.abc import Collection
from datetime import date

from proaktiv.rulebook.load import Mapping, Node, Scalar, Sequence

_GERMAN = re.compile(r"([0-9]{1,2})\.\s?([0-9]{1,2})\.\s?([0-9]{4})")
_WEEKDAYS = ("Mo", "Di", "Mi", "Do", "Fr", "Sa", "So")
_WEEKDAY = re.compile(rf"(?:{'|'.join(_WEEKDAYS)})[a-z]{{0,8}}\.?,?\s+")
_LIKE_ISO = re.compile(r"([0-9]{4})[-/.]([0-9]{1,2})[-/.]([0-9]{1,2})(?P<time>[T ].*)?")
_GROUPED = re.compile(r"[0-9]{1,3}(?:[.'\u00a0\u202f ][0-9]{3})+(?:,[0-9]{1,2})?")


_NONE = frozenset({"nichts", "keine", "keiner", "kein", "nein", "leer", "-", "~", ""})


def other_shape(node: Node, wanted: type[Node] = Mapping) -> str:
    """Return what was probably forgotten where a node has another shape than it must have."""
    if isinstance(node, Mapping):
        return "; begin each entry with '- '" if wanted is Sequence else ""
    if isinstance(node, Sequence):
        return ""
    if node.plain and re.match(r"-\S", node.text):
        return "; a space is missing after the '-'"
    if wanted is Sequence and node.text.strip().lower() in _NONE:
        return "; write [] for none"
    if wanted is Sequence:
        return f"; write [{node.text}]" if node.text and "\n" not in node.text else ""
    return no_space(node.text) if node.plain else ""


def several(written: str, choices: Collection[str]) -> str:
    """Return how several words are written, where somebody put them into one value."""
    parts = re.split(r"\s*[;,/+&]\s*|\s+(?:und|oder)\s+|\s+", written)
    return f"; several stand in a list: [{', '.join(parts)}]" if len(parts) > 1 and set(parts) <= {*choices} else ""


def no_space(text: str) -> str:
    """Return how a name and its value are parted, where nothing stands between them but a colon."""
    name, colon, value = text.partition(":")
    return f"; a space is missing after the colon: {name}: {value}" if colon and value and name.strip() else ""


def cut_off(name: str, before: Node | None) -> str:
    """Return why a name without a value stands in { }: what a comma cut off, or a colon without its space."""
    if hint := no_space(name):
        return hint
    if isinstance(before, Scalar) and re.fullmatch(r"-?[0-9]+", before.text) and re.fullmatch(r"[0-9]+", name):
        cents = name.ljust(2, "0")
        return f"; cents stand after a point: did you mean {before.text}.{cents}?"
    return "; a comma inside { } ends a value: put the whole value in quotes"


def likely_day(written: str) -> date | None:
    """Return the day that an author probably means, however it is written, or None."""
    year, month, day = _parts_of_day(written)
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _parts_of_day(written: str) -> tuple[int, int, int]:
    plain = _WEEKDAY.sub("", written)
    if german := _GERMAN.fullmatch(plain):
        return int(german[3]), int(german[2]), int(german[1])
    if other := _LIKE_ISO.fullmatch(plain):
        return int(other[1]), int(other[2]), int(other[3])
    return 0, 0, 0


def meant_day(written: str) -> str:
    """Return what is wrong in a date, and which was probably meant."""
    how = "write it as 2026-10-31"
    year, month, _ = _parts_of_day(written)
    if year < 1:
        return how
    if not 1 <= month <= 12:
        return f"there is no month {month}; {how}"
    day = likely_day(written)
    if day is None:
        return f"{year}-{month:02} has {monthrange(year, month)[1]} days; {how}"
    weekday = _WEEKDAYS[day.weekday()]
    if _WEEKDAY.match(written) and written[:2] != weekday:
        return f"{day} is a {weekday}; write it without the day of the week: {day}"
    if (other := _LIKE_ISO.fullmatch(written)) and other["time"]:
        return f"no time of day stands here; did you mean {day}?"
    return f"{how}; did you mean {day}?"


def no_quotes(written: str) -> str:
    """Return a hint where somebody typed quotation marks that are none for YAML."""
    return "; only \" and ' are quotation marks here" if written[:1] in "„“”‚‘’»«" and written else ""


def meant_number(written: str) -> str:
    """Return which whole number was probably meant."""
    if re.fullmatch(r"-?[0-9]+(?:[.,]0+)", written):
        return f"; did you mean {re.split('[.,]', written)[0]}?"
    return ""


def meant_amount(written: str) -> str:
    """Return how an amount is written, and which was probably meant."""
    if _GROUPED.fullmatch(written):
        whole, _, cents = written.partition(",")
        digits = re.sub(r"[^0-9]", "", whole)
        if cents:
            return f"write {digits}.{cents.ljust(2, '0')}: a point before the cents, no sign between thousands"
        first = re.split(r"[^0-9]", whole)[0]
        return f"it could be {first} or {digits}: write {digits}, without a sign between thousands"
    how = "write digits like 250, or 255.50 with two digits of cents"
    if re.fullmatch(r"-?[0-9]+[.,][0-9]{1,2}", written):
        whole, _, cents = written.replace(",", ".").partition(".")
        return f"{how}; did you mean {whole}.{cents.ljust(2, '0')}?"
    return f"{how}, without the currency" if re.search(r"€|EUR|Euro", written) else how
