"""Forms of facts: what a register's answer must be to be the fact that the catalogue describes.

Left to others: the catalogue (``rulebook.facts``), asking (``registers``), what comes of an answer that fits none.
Source: rules.md § 0; data-path.md § 5.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from proaktiv.core.birthdays import read_born

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")  # fromisoformat alone reads weeks, too
_ARS = re.compile(r"[0-9]{12}")

ANSCHRIFT = "anschrift"
"""A typ beside those of the catalogue: an object of texts, as a letter needs it."""
GEBURT = "geburt"
"""The other: a birth date as far as it is known. Rules count from whole dates alone."""


@dataclass(frozen=True, slots=True)
class Form:
    """What values of a fact are like. ``codes`` are those of typ code; ``low`` and ``high`` bound a number or cents."""

    typ: str
    codes: tuple[str, ...] = ()
    low: int = 0
    high: int = 0

    def read(self, value: Any) -> Any:
        """Return a value as JSON brings it, typed. Raises ``ValueError``, which never repeats the value."""
        match self.typ:
            case "janein":
                fits = isinstance(value, bool)
            case "zahl" | "betrag":
                fits = isinstance(value, int) and not isinstance(value, bool) and self.low <= value <= self.high
            case "code":
                fits = isinstance(value, str) and value in self.codes
            case "ars":
                fits = isinstance(value, str) and _ARS.fullmatch(value) is not None
            case "datum":
                return _day(value)
            case "geburt":
                return read_born(value)
            case "anschrift":
                fits = isinstance(value, dict)
            case "einzeln":
                fits = not isinstance(value, dict)
            case _:
                fits = isinstance(value, str) and value.strip() != ""
        if not fits:
            raise ValueError(f"is no {self.typ} of the catalogue")
        return value

    def to_json(self) -> dict[str, Any]:
        """Return the form as JSON data."""
        return {"codes": list(self.codes), "high": self.high, "low": self.low, "typ": self.typ}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Form":
        """Return what ``to_json`` gave."""
        return cls(data["typ"], tuple(data["codes"]), data["low"], data["high"])


ANY = Form("einzeln")
"""The form of a fact that was released before there were forms: one value, whichever."""


def _day(value: Any) -> date:
    if isinstance(value, str) and _DAY.fullmatch(value):
        return date.fromisoformat(value)
    raise ValueError("is no date")
