"""The forms that what is known of a person can take."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import Literal

from notifiers.leak_views import folded, spelled_out, squeezed

_WHOLE_WORD_BELOW = 6
"""A shorter form counts only where it stands as a word of its own: ``Anna`` is no part of ``kann an``."""

WORD = "word"

_MONTHS = (
    ("Januar", "January"),
    ("Februar", "February"),
    ("März", "March"),
    ("April", "April"),
    ("Mai", "May"),
    ("Juni", "June"),
    ("Juli", "July"),
    ("August", "August"),
    ("September", "September"),
    ("Oktober", "October"),
    ("November", "November"),
    ("Dezember", "December"),
)


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one person. Every text counts whole and, from three letters on, word by word.

    ``names`` are names of people, ``places`` streets, towns and postcodes, ``days`` dates of any kind, ``ids`` numbers
    of registers, telephones and cases, ``others`` anything else, such as codes and mail addresses.
    """

    names: Sequence[str] = ()
    places: Sequence[str] = ()
    days: Sequence[date] = ()
    ids: Sequence[str] = ()
    others: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Form:
    """One spelling to search for; ``against`` says in which shape of a text."""

    kind: str
    needle: str
    against: Literal["folded", "squeezed"]
    pattern: re.Pattern[str] = field(compare=False)


def forms(known: Known) -> tuple[Form, ...]:
    """Return every form of what is known, each once."""
    found: dict[tuple[str, str], Form] = {}
    for form in _all(known):
        found.setdefault((form.needle, form.against), form)
    return tuple(found.values())


def vocabulary(words: Sequence[str]) -> tuple[Form, ...]:
    """Return the forms of words that may not stand in a message whoever it goes to."""
    found = [_form(WORD, spelling(word), "folded") for word in words for spelling in (folded, spelled_out)]
    return tuple(dict.fromkeys(form for form in found if form.needle))


def _all(known: Known) -> Iterator[Form]:
    for kind, texts in (("name", known.names), ("place", known.places), ("other", known.others)):
        for text in texts:
            yield from _of_text(kind, text)
    for day in known.days:
        yield from _of_day(day)
    for number in known.ids:
        yield from _of_id(number)


def _of_text(kind: str, text: str) -> Iterator[Form]:
    # Of a mail address the part before the @ is the person's; the rest is a provider's.
    words = [word for word in re.split(r"[\s,;./-]+", text.partition("@")[0]) if len(word) >= 3]
    for spelling in (folded, spelled_out):
        whole = spelling(text)
        parts = [spelling(word) for word in words]
        for part in dict.fromkeys((whole, *parts)):
            if len(part) >= 3:
                yield _form(kind, part, "folded")
                yield _form(kind, part[::-1], "folded")
        for together in dict.fromkeys((whole, *parts, *_pairs(parts))):
            letters = squeezed(together)
            if len(letters) >= _WHOLE_WORD_BELOW:
                yield _form(kind, letters, "squeezed")
                yield _form(kind, letters[::-1], "squeezed")
    yield from _hashes(kind, text)


def _pairs(parts: Sequence[str]) -> Iterator[str]:
    """Yield neighbours the other way round: ``Beispiel, Anna``."""
    for one, other in pairwise(parts):
        yield other + one


def _hashes(kind: str, text: str) -> Iterator[Form]:
    """Yield what trackers make of a mail address or a name: a hash without a key can be tried out."""
    for spelling in dict.fromkeys((text, text.strip().lower())):
        for digest in ("md5", "sha1", "sha256"):
            made = hashlib.new(digest, spelling.encode(), usedforsecurity=False).hexdigest()
            yield _form(f"{kind} as hash", made, "folded")


def _of_day(day: date) -> Iterator[Form]:
    y, m, d = day.year, day.month, day.day
    german, english = _MONTHS[m - 1]
    texts = [
        *(f"{y}-{m:02}-{d:02}", f"{d:02}.{m:02}.{y}", f"{d}.{m}.{y}", f"{d:02}.{m:02}.{y % 100:02}"),
        *(f"{d}.{m}.{y % 100:02}", f"{d:02}/{m:02}/{y}", f"{m:02}/{d:02}/{y}", f"{m}/{d}/{y}", f"{y}/{m:02}/{d:02}"),
        *(f"{d:02}-{m:02}-{y}", f"{d}. {german} {y}", f"{d}. {german}", f"{d} {english} {y}", f"{english} {d}, {y}"),
        *(f"{d} {english[:3]} {y}", f"{d:02} {english[:3]} {y}", f"{d} {german[:3]} {y}", f"{d}. {german[:3]}. {y}"),
        *(f"{y}{m:02}{d:02}", f"{d:02}{m:02}{y}", f"{d:02}{m:02}{y % 100:02}", f"{y % 100:02}{m:02}{d:02}"),
        *(f"{english} {d}", f"{d} {english}", str(y)),
        str(int(datetime(y, m, d, tzinfo=UTC).timestamp())),
    ]
    for text in texts:
        for spelling in (folded, spelled_out):
            yield _form("date", spelling(text), "folded", whole=True)
    for together in (f"{d:02}{m:02}{y}", f"{y}{m:02}{d:02}"):
        yield _form("date", together, "squeezed")


def _of_id(number: str) -> Iterator[Form]:
    yield from _of_text("id", number)
    letters = squeezed(folded(number))
    if len(letters) >= 8:
        yield _form("end of an id", letters[-4:], "folded", whole=True)
        yield _form("end of an id", number[-4:].casefold(), "folded", whole=True)


def _form(kind: str, needle: str, against: Literal["folded", "squeezed"], *, whole: bool = False) -> Form:
    pattern = re.escape(needle)
    if whole or (len(needle) < _WHOLE_WORD_BELOW and against == "folded"):
        pattern = rf"(?<![^\W_]){pattern}(?![^\W_])"
    return Form(kind, needle, against, re.compile(pattern))
