"""From an event's payload to one row of facts per role person, each fact with its day and source.

A row holds the addressee's own facts and those of the child, never the other parent's (lebenslagen.md § 4, V10).
Left to others: which facts a permit covers (``steps.match`` keeps only those), what they mean (``rules/``).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

Value = str | int | bool | date


@dataclass(frozen=True, slots=True)
class Fact:
    """A value and the day it is known as of."""

    value: Value
    stand: date


@dataclass(frozen=True, slots=True)
class Row:
    """The facts of one event for one role person. ``kennung`` is the register's own key of that person."""

    kennung: str
    role: str
    facts: Mapping[str, Fact]


ADDRESSEE_ROLES = frozenset({"mutter", "zweiter_elternteil", "person"})
"""Roles that a proposal may go to; a child is never one."""


LEFT_OUT: Mapping[str, frozenset[str]] = {
    "geburt": frozenset({"elternteil.geburtsdatum", "elternteil.anschrift"}),
    "umzug": frozenset({"person.geburtsdatum"}),
}
"""What an event may leave out of an addressee, by kind. Where it does, most rules say neither yes nor no."""


def bind(kind: str, payload: Mapping[str, Any], stand: date) -> tuple[Row, ...]:
    """Return one row per role person of an event. ``stand`` is the day the register reported."""
    return _BINDERS[kind](payload, stand)


def _geburt(payload: Mapping[str, Any], stand: date) -> tuple[Row, ...]:
    kind = payload["kind"]
    shared: dict[str, Value] = {
        "kind.kennung": kind["kennung"],
        "kind.vornamen": kind["vornamen"],
        "kind.familienname": kind["familienname"],
        "kind.geburtsdatum": date.fromisoformat(kind["geburtsdatum"]),
        "kind.geburtsort": kind["geburtsort"],
        "kind.lebt": kind["lebt"],
        "kind.mehrlingsgruppe": payload.get("mehrlingsgruppe") or payload["eintrag"],
        "eintrag.nummer": payload["eintrag"],
        "eintrag.ars": payload["ars"],
    }
    # A child born in this country is registered where the mother lives (§ 17 (3) BMG): the event says no more.
    mothers = (each["anschrift"] for each in payload["eltern"] if each["rolle"] == "mutter" and "anschrift" in each)
    homes = {one_line(each).casefold() for each in mothers}
    rows = []
    for parent in payload["eltern"]:
        own: dict[str, Value] = {
            "elternteil.kennung": parent["kennung"],
            "elternteil.rolle": parent["rolle"],
            "elternteil.vornamen": parent["vornamen"],
            "elternteil.familienname": parent["familienname"],
            "elternteil.sorge": parent["sorge"],
            **_born("elternteil", parent),
        }
        if "anschrift" in parent:
            own["elternteil.anschrift"] = one_line(parent["anschrift"])
            own["elternteil.wohnort_ars"] = parent["anschrift"]["ars"]
            if homes:
                own["kind.wohnt_bei_elternteil"] = one_line(parent["anschrift"]).casefold() in homes
        rows.append(_row(parent["kennung"], parent["rolle"], shared | own, stand))
    return tuple(rows)


def _umzug(payload: Mapping[str, Any], stand: date) -> tuple[Row, ...]:
    shared: dict[str, Value] = {
        "umzug.einzug_am": date.fromisoformat(payload["ereignis_am"]),
        "umzug.wohnungsart": payload["wohnungsart"],
        "umzug.meldeweg": payload["meldeweg"],
        "person.anschrift_neu": one_line(payload["anschrift_neu"]),
        "person.wohnort_ars": payload["anschrift_neu"]["ars"],
        "eintrag.nummer": payload["eintrag"],
        "eintrag.ars": payload["ars"],
    }
    if payload.get("anschrift_alt"):
        shared["person.anschrift_alt"] = one_line(payload["anschrift_alt"])
    rows = []
    for person in payload["personen"]:
        own: dict[str, Value] = {
            "person.kennung": person["kennung"],
            "person.vornamen": person["vornamen"],
            "person.familienname": person["familienname"],
            **_born("person", person),
        }
        rows.append(_row(person["kennung"], "person", shared | own, stand))
    return tuple(rows)


def _born(whose: str, person: Mapping[str, Any]) -> dict[str, Value]:
    """Return a birth date that is known in full, or nothing: unknown is never yes or no."""
    day = person.get("geburtsdatum")
    return {f"{whose}.geburtsdatum": date.fromisoformat(day)} if day else {}


_BINDERS: Mapping[str, Callable[[Mapping[str, Any], date], tuple[Row, ...]]] = {"geburt": _geburt, "umzug": _umzug}


def _row(kennung: str, role: str, values: Mapping[str, Value], stand: date) -> Row:
    return Row(kennung, role, {name: Fact(value, stand) for name, value in values.items()})


def with_answers(facts: Mapping[str, Fact], answers: Mapping[str, Fact]) -> dict[str, Fact]:
    """Return a row's facts and what the person answered; an answer never overwrites what a register said.

    An answer's ``stand`` is the day on which it was given.
    """
    return {**answers, **facts}


def one_line(address: Mapping[str, Any]) -> str:
    """Return an address as one line."""
    return f"{address['strasse']}, {address['plz']} {address['ort']}"


def to_json(facts: Mapping[str, Fact]) -> dict[str, dict[str, Any]]:
    """Return facts as JSON data that keeps dates apart from text: ``{name: {wert, stand, typ?}}``."""
    stored: dict[str, dict[str, Any]] = {}
    for name, fact in facts.items():
        if isinstance(fact.value, date):
            stored[name] = {"wert": fact.value.isoformat(), "stand": fact.stand.isoformat(), "typ": "datum"}
        else:
            stored[name] = {"wert": fact.value, "stand": fact.stand.isoformat()}
    return stored


def from_json(stored: Mapping[str, Mapping[str, Any]]) -> dict[str, Fact]:
    """Return the facts that ``to_json`` stored."""
    return {
        name: Fact(
            date.fromisoformat(entry["wert"]) if entry.get("typ") == "datum" else entry["wert"],
            date.fromisoformat(entry["stand"]),
        )
        for name, entry in stored.items()
    }
