"""What a browser sends with a form, and what is wrong with it: named by field, the typed kept, nothing lost.

``application/x-www-form-urlencoded`` alone; a file is never taken. Left to others: how long a body may be
(``web.limits``), who may change something (``web.pages.visitor``).
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import Depends
from starlette.requests import Request

from proaktiv.core.birthdays import Born, read_born
from proaktiv.core.errors import BadInput
from proaktiv.web.problems import WrongMediaType

MEDIA_TYPE = "application/x-www-form-urlencoded"
MAX_FIELDS = 120
MAX_NAME = 120
_DAY = re.compile(
    r"(?P<day>[0-9]{1,2})\. ?(?P<month>[0-9]{1,2})\. ?(?P<year>2[0-9]{3})"
    r"|(?P<year_iso>2[0-9]{3})-(?P<month_iso>[0-9]{2})-(?P<day_iso>[0-9]{2})"
)
_UNKNOWN = re.compile("0{1,2}|[xX]{1,2}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


async def read(request: Request) -> Mapping[str, str]:
    """Return the fields of a form, the last of equal names. Raises ``WrongMediaType``, ``BadInput``."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != MEDIA_TYPE:
        raise WrongMediaType(f"send a form as {MEDIA_TYPE}")
    try:
        pairs = parse_qsl(
            (await request.body()).decode("ascii"),
            keep_blank_values=True,
            strict_parsing=False,
            errors="strict",
            max_num_fields=MAX_FIELDS,
        )
    except ValueError:
        raise BadInput("", "is no form that can be read") from None
    return dict(pairs)


Fields = Annotated[Mapping[str, str], Depends(read)]


@dataclass
class Form:
    """Typed fields and what is wrong with them, in the order they were asked for."""

    typed: Mapping[str, str]
    errors: dict[str, str] = field(default_factory=dict)

    def line(self, name: str, wrong: str, *, most: int = MAX_NAME) -> str:
        """Return one line of text; ``wrong`` is what to say where it is empty, too long or no text."""
        value = unicodedata.normalize("NFC", self.typed.get(name, "")).strip()
        if not 0 < len(value) <= most or _CONTROL.search(value) or not value.isprintable():
            self.errors[name] = wrong
        return value

    def matching(self, name: str, pattern: str, wrong: str) -> str:
        """Return text that matches a pattern as a whole."""
        value = self.typed.get(name, "").strip()
        if len(value) > MAX_NAME or re.fullmatch(pattern, value) is None:
            self.errors[name] = wrong
        return value

    def born(self, name: str, wrong: str) -> Born:
        """Return the birth date of three fields ``<name>_tag``, ``_monat``, ``_jahr``, as people write them.

        00 or XX, as in a passport, where the day or month is not known; left out, it may have been forgotten.
        """
        year, *parts = (self.typed.get(f"{name}_{part}", "").strip() for part in ("jahr", "monat", "tag"))
        month, day = ("00" if _UNKNOWN.fullmatch(part) else part.zfill(2) for part in parts)
        if all(parts):
            with suppress(ValueError):  # a 31st of February
                return read_born(f"{year}-{month}-{day}")
        self.errors[name] = wrong
        return date.min

    def typed_day(self, name: str, wrong: str) -> date | None:
        """Return a day of 2000 to 2999 typed as 31.12.2027 or 2027-12-31, None where nothing is."""
        written = self.typed.get(name, "").strip()
        found = _DAY.fullmatch(written)
        if not written:
            return None
        if found is not None:
            with suppress(ValueError):  # a 31st of February
                year, month, day = (int(found[part] or found[f"{part}_iso"]) for part in ("year", "month", "day"))
                return date(year, month, day)
        self.errors[name] = wrong
        return None

    def one_of(self, name: str, allowed: Mapping[str, object] | frozenset[str], wrong: str) -> str:
        """Return a choice. Nothing is preset: no choice is an error."""
        value = self.typed.get(name, "")
        if value not in allowed:
            self.errors[name] = wrong
        return value

    def chosen(self, prefix: str) -> Iterator[tuple[str, str]]:
        """Yield what stands behind a prefix, and its value."""
        for name, value in self.typed.items():
            if name.startswith(prefix):
                yield name.removeprefix(prefix), value

    @property
    def well(self) -> bool:
        """Return whether nothing is wrong so far."""
        return not self.errors
