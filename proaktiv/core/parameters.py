"""Dated parameters: numbers and words of the law that change with time, each under its own legal key date.

Which value counts is decided by the parameter's own key fact (a birth, a month of entitlement), never by today: the
cap of a child born before a change stays the old one. What cannot be looked up is unknown, so a comparison with it is
open: no default, no last known value that runs on for ever.
Left to others: reading the files (``rulebook.parameters``), comparing (``core.conditions``).
Source: rules.md §§ 0, 2 (T1, T2, T8), 4, 5.3.
"""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from types import MappingProxyType
from typing import Any

from proaktiv.core.texts import euros

Value = str | int | bool | date
"""A known fact. An unknown fact is absent: there is no null (rules.md § 5.1)."""

AREAS = (12, 9, 5, 3, 2)
"""How many digits of an ARS name a Gemeinde, Verband, Kreis, Regierungsbezirk, Land: the longest that fits wins."""


@dataclass(frozen=True, slots=True)
class Parameterwert:
    """Stands in a rule for the value of a parameter of this name."""

    name: str

    def __str__(self) -> str:
        return f"parameter {self.name}"


@dataclass(frozen=True, slots=True)
class Wert:
    """One value, the day from which it holds, and where it is printed.

    With ``je`` the value depends on a fact: ``wahl`` holds one for each word of it (``ja``, ``nein``, or a code), and
    ``wert`` is None.
    """

    ab: date
    wert: Value | None
    fundstelle: str
    je: str = ""
    wahl: Mapping[str, Value] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Stand:
    """What a parameter is for some facts, and why.

    ``wert`` is None where it is unknown; ``fehlt`` are then the facts that would have to be known, or to be others.
    ``vorlaeufig``: nobody has checked the law for this key date.
    """

    name: str
    wert: Value | None
    ab: date | None = None
    fundstelle: str = ""
    schluessel: str = ""
    stichtag: date | None = None
    fehlt: tuple[str, ...] = ()
    vorlaeufig: bool = False


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter with all its values in the order of their days.

    ``typ`` is zahl, betrag (cents), datum, janein, code or text. ``je_ort`` is the fact with the ARS of the Gemeinde
    whose value counts; ``orte`` are then the values by ARS or by the beginning of one (``AREAS``), and ``werte`` is
    empty. A Gemeinde that is not there is unknown, never nein.
    """

    name: str
    typ: str
    schluessel: str
    werte: tuple[Wert, ...] = ()
    geprueft_bis: date | None = None
    einheit: str = ""
    je_ort: str = ""
    orte: Mapping[str, tuple[Wert, ...]] = field(default_factory=dict, hash=False)
    benoetigt: frozenset[str] = field(init=False, compare=False, repr=False)
    _tage: Mapping[str, tuple[date, ...]] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        set_once = object.__setattr__
        series = dict(self.orte) if self.je_ort else {"": self.werte}
        used = {self.schluessel, *(wert.je for werte in series.values() for wert in werte if wert.je)}
        set_once(self, "orte", MappingProxyType(dict(self.orte)))
        set_once(self, "benoetigt", frozenset(used | ({self.je_ort} if self.je_ort else set())))
        set_once(self, "_tage", {where: tuple(wert.ab for wert in werte) for where, werte in series.items()})

    def value(self, facts: Mapping[str, Value]) -> Value | None:
        """Return the value for these facts, or None where it is unknown. For the fast path; ``stand`` says why."""
        key = facts.get(self.schluessel)
        if type(key) is not date:
            return None
        where = self._area(facts) if self.je_ort else ""
        if where is None:
            return None
        at = bisect_right(self._tage[where], key)
        if not at:
            return None
        wert = (self.orte[where] if self.je_ort else self.werte)[at - 1]
        return wert.wahl.get(_word(facts.get(wert.je))) if wert.je else wert.wert

    def stand(self, facts: Mapping[str, Value]) -> Stand:
        """Return the value for these facts with its reasons. Independent of ``value``."""
        key = facts.get(self.schluessel)
        stichtag = key if isinstance(key, date) else None
        unknown = Stand(self.name, None, schluessel=self.schluessel, stichtag=stichtag)
        where = self._area(facts) if self.je_ort else ""
        fehlt = [name for name, known in ((self.schluessel, stichtag), (self.je_ort, where)) if known is None]
        if stichtag is None or where is None:
            return replace(unknown, fehlt=tuple(fehlt))
        began = [wert for wert in (self.orte[where] if self.je_ort else self.werte) if wert.ab <= stichtag]
        if not began:
            return replace(unknown, fehlt=(self.schluessel,))
        last = began[-1]
        value = last.wahl.get(_word(facts.get(last.je))) if last.je else last.wert
        late = self.geprueft_bis is not None and stichtag > self.geprueft_bis
        lacking = (last.je,) if value is None else ()
        return replace(unknown, wert=value, ab=last.ab, fundstelle=last.fundstelle, fehlt=lacking, vorlaeufig=late)

    def shown(self, wert: Value, language: str = "de") -> object:
        """Return a value as a text may show it: an amount in euros, anything else as it is."""
        return euros(wert, language) if self.typ == "betrag" and isinstance(wert, int) else wert

    def days(self) -> frozenset[date]:
        """Return every day on which a value begins, wherever."""
        return frozenset(day for days in self._tage.values() for day in days)

    def _area(self, facts: Mapping[str, Value]) -> str | None:
        ars = facts.get(self.je_ort)
        if type(ars) is str:
            for digits in AREAS:
                if ars[:digits] in self.orte:
                    return ars[:digits]
        return None

    def to_json(self) -> dict[str, Any]:
        """Return the parameter as JSON data; dates stay apart from text."""
        return {
            "einheit": self.einheit,
            "geprueft_bis": self.geprueft_bis.isoformat() if self.geprueft_bis else None,
            "je_ort": self.je_ort,
            "name": self.name,
            "orte": {where: [_wert_to_json(wert) for wert in werte] for where, werte in self.orte.items()},
            "schluessel": self.schluessel,
            "typ": self.typ,
            "werte": [_wert_to_json(wert) for wert in self.werte],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Parameter":
        """Return what ``to_json`` gave."""
        return cls(
            name=data["name"],
            typ=data["typ"],
            schluessel=data["schluessel"],
            werte=tuple(_wert_from_json(wert) for wert in data["werte"]),
            geprueft_bis=date.fromisoformat(data["geprueft_bis"]) if data["geprueft_bis"] else None,
            einheit=data["einheit"],
            je_ort=data["je_ort"],
            orte={where: tuple(_wert_from_json(wert) for wert in werte) for where, werte in data["orte"].items()},
        )


Table = Mapping[str, Parameter]
NO_PARAMETERS: Table = MappingProxyType({})


def _word(value: Value | None) -> str:
    if isinstance(value, bool):
        return "ja" if value else "nein"
    return value if isinstance(value, str) else ""


def value_to_json(value: Value | None) -> Any:
    """Return a value as JSON data that keeps dates apart from text."""
    return {"datum": value.isoformat()} if isinstance(value, date) else value


def value_from_json(data: Any) -> Value:
    """Return the value that ``value_to_json`` gave."""
    result: Value = date.fromisoformat(data["datum"]) if isinstance(data, Mapping) else data
    return result


def _wert_to_json(wert: Wert) -> dict[str, Any]:
    data: dict[str, Any] = {"ab": wert.ab.isoformat(), "fundstelle": wert.fundstelle}
    if wert.je:
        chosen = [[word, value_to_json(value)] for word, value in wert.wahl.items()]
        return data | {"je": wert.je, "wahl": chosen}
    return data | {"wert": value_to_json(wert.wert)}


def _wert_from_json(data: Mapping[str, Any]) -> Wert:
    ab, fundstelle = date.fromisoformat(data["ab"]), data["fundstelle"]
    if "je" in data:
        return Wert(ab, None, fundstelle, data["je"], {word: value_from_json(value) for word, value in data["wahl"]})
    return Wert(ab, value_from_json(data["wert"]), fundstelle)
