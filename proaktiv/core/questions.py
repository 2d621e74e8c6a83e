"""Fragen: what only the person can say, how it is asked, and what counts as an answer. Pure.

A question is a fact of the catalogue whose source is the person; the Plan carries it, so that an old question can be
read again as it was asked. Left to others: when one is asked (``core.matching``), keeping answers.
Source: rules.md § 5.1; lebenslagen.md § 2.1 (FRAGE).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from proaktiv.core.errors import BadInput
from proaktiv.core.fristen import Value
from proaktiv.core.texts import one_line

ANSWERED = "Ihre Angabe"
"""What stands as source beside a field that the person filled."""

MAX_TEXT = 200
"""Longest answer in words of one's own, in characters."""

_GROUPS = re.compile(r"[. ]")
_EUROS = re.compile(r"([0-9]{1,12}|[0-9]{1,3}(?:[. ][0-9]{3}){1,3})(?:,([0-9]{2}))?(?: ?(?:€|EUR|Euro))?")

YES_NO: Mapping[str, Mapping[str, str]] = {
    "ja": {"de": "Ja", "en": "Yes", "ls": "Ja"},
    "nein": {"de": "Nein", "en": "No", "ls": "Nein"},
}


@dataclass(frozen=True, slots=True)
class Frage:
    """One question: the fact it fills, its ``typ`` (janein, code, zahl, betrag, datum, text), its words by language.

    ``antworten`` are the choices by the word that stands for them; ``low`` and ``high`` bound a number, cents, and, for
    text, its length in characters. ``sensibel`` questions come last, when nothing else can decide any more.
    """

    name: str
    typ: str
    text: Mapping[str, str] = field(hash=False)
    antworten: Mapping[str, Mapping[str, str]] = field(default_factory=dict, hash=False)
    low: int = 0
    high: int = 0
    sensibel: bool = False

    def read(self, written: str) -> Value:
        """Return what the person wrote as the fact's value. Raises ``BadInput``; its message never repeats the answer.

        ``ja`` or ``nein``, a word of ``antworten``, a whole number, euros (``1.234,50``), ``2026-10-31``, or one line
        of text.
        """
        match self.typ:
            case "janein" | "code":
                if written not in self.antworten:
                    raise BadInput(self.name, f"choose one of: {', '.join(self.antworten)}")
                return written == "ja" if self.typ == "janein" else written
            case "zahl":
                return self._number(written.strip())
            case "betrag":
                return self._cents(written.strip())
            case "datum":
                try:
                    return date.fromisoformat(written.strip())
                except ValueError:
                    raise BadInput(self.name, "write the date as 2026-10-31") from None
            case _:
                text = " ".join(one_line(written).split())
                if not self.low <= len(text) <= self.high:
                    raise BadInput(self.name, f"write {self.low} to {self.high} characters")
                return text

    def _number(self, written: str) -> int:
        # Longer digits are out of every range, and int() of very long ones is slow.
        if written.removeprefix("-").isdecimal() and written.isascii() and len(written) <= len(str(10**15)):
            number = int(written)
            if self.low <= number <= self.high:
                return number
        raise BadInput(self.name, f"write a whole number from {self.low} to {self.high}, digits only")

    def _cents(self, written: str) -> int:
        """Return euros as a person writes them, in cents: point or blank between thousands, a comma before cents."""
        if found := _EUROS.fullmatch(written):
            cents = int(_GROUPS.sub("", found[1])) * 100 + int(found[2] or 0)
            if self.low <= cents <= self.high:
                return cents
        low, high = self.low // 100, self.high // 100
        raise BadInput(self.name, f"write euros from {low} to {high}, like 1234 or 1234,50")

    def shown(self) -> dict[str, Any]:
        """Return the question as a page needs it, as JSON data."""
        data: dict[str, Any] = {"name": self.name, "text": dict(self.text), "typ": self.typ}
        if self.antworten:
            data["werte"] = [{"wert": word, "text": dict(label)} for word, label in self.antworten.items()]
        if self.typ in {"zahl", "text"}:
            data["bereich"] = [self.low, self.high]
        if self.typ == "betrag":
            data["bereich"] = [self.low // 100, self.high // 100]
        return data

    def to_json(self) -> dict[str, Any]:
        """Return the question as JSON data."""
        return {
            "antworten": [[word, dict(label)] for word, label in self.antworten.items()],
            "high": self.high,
            "low": self.low,
            "name": self.name,
            "sensibel": self.sensibel,
            "text": dict(self.text),
            "typ": self.typ,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Frage":
        """Return what ``to_json`` gave."""
        return cls(**{**data, "antworten": dict(data["antworten"])})
