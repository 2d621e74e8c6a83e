"""Fristen of a Leistung: how each is reckoned from facts, and the two dates a person is told.

Always four things: ``typ``, ``gesetzlich`` (with the shift that the law gives), ``sicher_bis`` (a working day, without
any shift), ``massgeblich`` (what must have happened, and where). ``unverzueglich`` and ``keine`` never have a date.
Left to others: the calendar itself (``core.dates``), which Leistung has which Frist (``rules/``).
Source: lebenslagen.md §§ 2.2, 3.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from proaktiv.core.dates import (
    DateRangeError,
    Holiday,
    ende_monate_ereignis,
    ende_tage,
    ende_wochen,
    lebensmonat_ende,
    monatsende,
    rueck_monate,
    vollendet,
    werktag_nach,
    werktag_vor,
)
from proaktiv.core.parameters import NO_PARAMETERS, Parameterwert, Table, Value

STEPS: Mapping[str, Callable[[date, int], date]] = {
    "tage": ende_tage,
    "wochen": ende_wochen,
    "monate": ende_monate_ereignis,
    "lebensmonat": lebensmonat_ende,
    "lebensjahr": vollendet,
    "monatsende": monatsende,
    "rueck_monate": rueck_monate,
}
"""What a rule author may write before ``von:``. No bare "+ months": each word says which kind of month it means."""


class FristTyp(StrEnum):
    """What happens when the Frist passes."""

    PFLICHT = "pflicht"
    AUSSCHLUSS = "ausschluss"
    OHNE_VERLUST = "ohne_verlust"
    RUECKWAERTS = "rueckwaerts"
    UNVERZUEGLICH = "unverzueglich"
    KEINE = "keine"


DATELESS = frozenset({FristTyp.UNVERZUEGLICH, FristTyp.KEINE})


class Massgeblich(StrEnum):
    """What must have happened by the end of the Frist."""

    EINGANG_ZUSTAENDIGE_STELLE = "eingang_zustaendige_stelle"
    EINGANG_IRGENDEIN_TRAEGER_ODER_GEMEINDE = "eingang_irgendein_traeger_oder_gemeinde"
    ABGABE = "abgabe"
    BEURKUNDUNG = "beurkundung"


@dataclass(frozen=True, slots=True)
class Rechnung:
    """A date reckoned from a fact: ``schritte`` are applied in order, innermost first. How many may be a parameter."""

    von: str
    schritte: tuple[tuple[str, int | Parameterwert], ...]

    def on(self, facts: Mapping[str, Value], parameter: Table = NO_PARAMETERS) -> date | None:
        """Return the date, or None where something is unknown, is no date, or the calendar ends before it."""
        day = facts.get(self.von)
        if not isinstance(day, date):
            return None
        try:
            for step, count in self.schritte:
                n = parameter[count.name].value(facts) if isinstance(count, Parameterwert) else count
                if type(n) is not int:
                    return None
                day = STEPS[step](day, n)
        except DateRangeError:
            return None
        return day

    def parameters(self) -> frozenset[str]:
        """Return the names of the parameters that it counts with."""
        return frozenset(n.name for _, n in self.schritte if isinstance(n, Parameterwert))

    def to_json(self) -> dict[str, Any]:
        """Return the reckoning as JSON data."""
        steps = [[step, {"parameter": n.name} if isinstance(n, Parameterwert) else n] for step, n in self.schritte]
        return {"schritte": steps, "von": self.von}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Rechnung":
        """Return what ``to_json`` gave."""
        steps = ((step, Parameterwert(n["parameter"]) if isinstance(n, dict) else n) for step, n in data["schritte"])
        return cls(data["von"], tuple(steps))

    def __str__(self) -> str:
        text = self.von
        for step, n in self.schritte:
            text = f"{step} {n} von {text}"
        return text


@dataclass(frozen=True, slots=True)
class Clock:
    """One Frist of one decision. Both dates are None where the law gives none or a fact is unknown."""

    name: str
    typ: FristTyp
    gesetzlich: date | None
    sicher_bis: date | None
    massgeblich: Massgeblich


@dataclass(frozen=True, slots=True)
class Frist:
    """A Frist as the rule declares it. ``verschiebung`` is the norm that moves its end to a Werktag, or empty."""

    name: str
    typ: FristTyp
    massgeblich: Massgeblich
    ende: Rechnung | None = None
    verschiebung: str = ""
    norm: str = ""
    quelle: str = ""
    folge: str = ""

    def clock(self, facts: Mapping[str, Value], holiday: Holiday, parameter: Table = NO_PARAMETERS) -> Clock:
        """Return the Frist's dates for these facts."""
        end = self.ende.on(facts, parameter) if self.ende and self.typ not in DATELESS else None
        if end is None:
            return Clock(self.name, self.typ, None, None, self.massgeblich)
        legal = werktag_nach(end, holiday) if self.verschiebung else end
        return Clock(self.name, self.typ, legal, werktag_vor(end, holiday), self.massgeblich)

    def to_json(self) -> dict[str, Any]:
        """Return the Frist as JSON data."""
        return {
            "ende": self.ende.to_json() if self.ende else None,
            "folge": self.folge,
            "massgeblich": self.massgeblich.value,
            "name": self.name,
            "norm": self.norm,
            "quelle": self.quelle,
            "typ": self.typ.value,
            "verschiebung": self.verschiebung,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Frist":
        """Return what ``to_json`` gave."""
        return cls(
            name=data["name"],
            typ=FristTyp(data["typ"]),
            massgeblich=Massgeblich(data["massgeblich"]),
            ende=Rechnung.from_json(data["ende"]) if data["ende"] else None,
            verschiebung=data["verschiebung"],
            norm=data["norm"],
            quelle=data["quelle"],
            folge=data["folge"],
        )


__all__ = ["DATELESS", "STEPS", "Clock", "Frist", "FristTyp", "Massgeblich", "Rechnung", "Value"]
