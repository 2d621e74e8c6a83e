"""Reads what happens in a journey: reports of registers, consents, acts of people, of the Behörde, of the house.

Each word has its own closed list of fields. Left to others: what follows from it (``town``).
Source: rules/README.md, chapter „Ganze Lebensläufe prüfen".
"""

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any

from proaktiv.core.fristen import Value
from proaktiv.core.trust import Trust
from proaktiv.rulebook.catalogue import find_fact, read_value
from proaktiv.rulebook.journeys import words
from proaktiv.rulebook.journeys.model import Happening
from proaktiv.rulebook.journeys.nodes import A_SLIP, Reading, one_or_more
from proaktiv.rulebook.load import Mapping as NodeMapping
from proaktiv.rulebook.load import Node

ROLES = ("mutter", "zweiter_elternteil")
CUSTODY = ("allein", "gemeinsam", "keine", "ruht")
NOTES = ("51", "52", "64", "adoption", "sorge")
RUNS, STANDS = "laeuft", "steht"
CLERKS_ACTS = ("erledigt", "nochmal", "angekommen", "an_person", "zurueckgezogen")
_PROTECTS, _PROTECTS_BIRTH = ("adoption", "sperrvermerk_64"), ("totgeboren", "vertraulich")
OF_CHILD = ("vornamen", "familienname", "geburtsdatum", "geburtsort", "lebt")
"""What a correction may change of a child."""

_WHICH = ("fuer", "anlass")
LEVELS = [level.name for level in Trust]


def read_happening(reading: Reading, word: str, node: Node, dwellings: Mapping[str, Mapping[str, str]]) -> Happening:
    """Return one happening; ``dwellings`` are the addresses that the file names."""
    if word == "umzug":
        return Happening(word, _move(reading, node, dwellings))
    return Happening(word, _READERS[word](reading, node))


def facts(reading: Reading, node: Node | None, register: str = "") -> dict[str, Value]:
    """Return facts by name. One that the catalogue lacks is remembered: it waits, and nothing can need it yet.

    ``register`` is where they are said to stand; a fact that another register has would never be found there.
    """
    if node is None:
        return {}
    if not isinstance(node, NodeMapping):
        reading.reader.wrong(node, "here must stand facts by name")
        return {}
    found: dict[str, Value] = {}
    for name, inner in node.entries.items():
        fakt = reading.catalogue.fakten.get(name)
        if fakt is None:
            # Near to a known one, it is a slip of the keys; else something that is still to be written.
            if get_close_matches(name, reading.catalogue.fakten, n=1, cutoff=A_SLIP):
                find_fact(reading.reader, reading.catalogue, node.keys[name], name, "")
            reading.waits[f"Fakt {name}"] = None
            continue
        if register and fakt.register and fakt.register != register:
            reading.reader.wrong(node.keys[name], f"{name} stands in the register {fakt.register}, not in {register}")
        found[name] = read_value(reading.reader, fakt, inner)
    return found


def _named_register(reading: Reading, node: Node | None) -> str:
    return reading.register(node, reading.reader.text(node)) if node is not None else ""


def _which(reading: Reading, parts: Mapping[str, Node]) -> dict[str, Any]:
    """Return which of several is meant: about which child, after which report."""
    return {"child": reading.person(parts.get("fuer")), "report": reading.label(parts.get("anlass"))}


def _consent(reading: Reading, node: Node) -> dict[str, Any]:
    parts = reading.reader.fields(node, ("von", "zu"))
    return {"persons": reading.everybody(parts.get("von")), "codes": _codes(reading, parts.get("zu"))}


def _withdrawal(reading: Reading, node: Node) -> dict[str, Any]:
    parts = reading.reader.fields(node, ("von",), ("zu", "auftrag", *_WHICH))
    if ("zu" in parts) == ("auftrag" in parts) and isinstance(node, NodeMapping):
        reading.reader.wrong(node, "say either 'zu' (consents) or 'auftrag' (one Leistung), not both")
    return {
        "persons": reading.everybody(parts.get("von")),
        "codes": _codes(reading, parts.get("zu")),
        "leistung": reading.leistung(parts["auftrag"]) if "auftrag" in parts else "",
        **_which(reading, parts),
    }


def _codes(reading: Reading, node: Node | None) -> tuple[str, ...]:
    return tuple(reading.reader.word(item, words.CONSENT_CODES) for item in one_or_more(node))


def _entry(reading: Reading, parts: Mapping[str, Node], protects: tuple[str, ...]) -> dict[str, Any]:
    """Return what every report may carry: its entry, protective notes, and more in the register's own words."""
    reader = reading.reader
    notes = reader.fields(parts["schutz"], (), protects) if "schutz" in parts else {}
    return {
        "eintrag": reader.text(parts.get("eintrag")),
        "schutz": {name: reader.yes(said) for name, said in notes.items()},
        "weitere": reading.record(parts.get("weitere")),
    }


def _birth(reading: Reading, node: Node) -> dict[str, Any]:
    reader = reading.reader
    parts = reader.fields(node, ("ort", "ars"), ("kind", "eltern", "lebt", "mehrlinge", "eintrag", "schutz", "weitere"))
    parents = []
    for item in reader.items(parts.get("eltern")):
        each = reader.fields(item, ("person", "rolle", "sorge"), ("weitere",))
        parents.append(
            {
                "person": reading.person(each.get("person")),
                "rolle": reader.word(each.get("rolle"), ROLES, ROLES[0]),
                "sorge": reader.word(each.get("sorge"), CUSTODY, CUSTODY[0]),
                "weitere": reading.record(each.get("weitere")),
            }
        )
    return {
        "kind": reading.person(parts.get("kind")),
        "ort": reader.text(parts.get("ort")),
        "ars": reader.ars(parts["ars"]) if "ars" in parts else "",
        "eltern": tuple(parents),
        "lebt": reader.yes(parts.get("lebt"), instead=True),
        "mehrlinge": reader.text(parts.get("mehrlinge")),
        **_entry(reading, parts, (*_PROTECTS, *_PROTECTS_BIRTH)),
    }


def _move(reading: Reading, node: Node, dwellings: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    reader = reading.reader
    parts = reader.fields(
        node, ("personen", "nach", "einzug"), ("von", "wohnungsart", "meldeweg", "eintrag", "schutz", "weitere")
    )
    return {
        "persons": reading.everybody(parts.get("personen")),
        "nach": dwellings.get(reader.word(parts.get("nach"), dwellings), {}),
        "von": dwellings.get(reader.word(parts.get("von"), dwellings), {}),
        "einzug": reader.day(parts.get("einzug")),
        "wohnungsart": reader.word(parts.get("wohnungsart"), ("hauptwohnung", "nebenwohnung"), "hauptwohnung"),
        "meldeweg": reader.word(parts.get("meldeweg"), ("persoenlich", "elektronisch"), "persoenlich"),
        **_entry(reading, parts, _PROTECTS),
    }


def _death(reading: Reading, node: Node) -> dict[str, Any]:
    parts = reading.reader.fields(node, ("person", "am"), ("eintrag",))
    return {
        "person": reading.person(parts.get("person")),
        "am": reading.reader.day(parts.get("am")),
        "eintrag": reading.reader.text(parts.get("eintrag")),
    }


def _note(reading: Reading, node: Node) -> dict[str, Any]:
    parts = reading.reader.fields(node, ("person", "art"))
    return {
        "person": reading.person(parts.get("person")),
        "art": reading.reader.word(parts.get("art"), NOTES, NOTES[0]),
    }


def _of_report(reading: Reading, node: Node) -> dict[str, Any]:
    parts = reading.reader.fields(node, ("von",))
    return {"report": reading.label(parts.get("von"))}


def _correction(reading: Reading, node: Node) -> dict[str, Any]:
    parts = reading.reader.fields(node, ("von", "statt"))
    changes = parts.get("statt")
    if isinstance(changes, NodeMapping) and isinstance(changes.entries.get("kind"), NodeMapping):
        child = reading.reader.fields(changes.entries["kind"], (), OF_CHILD)
        reading.reader.day_or_none(child.get("geburtsdatum"))
        reading.reader.yes(child.get("lebt"))
    return {"report": reading.label(parts.get("von")), "changes": reading.record(changes)}


def _other_report(reading: Reading, node: Node) -> dict[str, Any]:
    parts = reading.reader.fields(node, ("art",), ("personen", "weitere"))
    return {
        "art": reading.reader.text(parts.get("art")),
        "persons": reading.everybody(parts.get("personen")),
        "weitere": reading.record(parts.get("weitere")),
    }


def _register(reading: Reading, node: Node) -> dict[str, Any]:
    parts = reading.reader.fields(node, ("person", "register", "angaben"))
    return {
        "person": reading.person(parts.get("person")),
        "register": (name := _named_register(reading, parts.get("register"))),
        "facts": facts(reading, parts.get("angaben"), name),
    }


def _yes(reading: Reading, node: Node) -> dict[str, Any]:
    return _act(reading, node, ("vertrauen", "antworten"))


def _plain_act(reading: Reading, node: Node) -> dict[str, Any]:
    return _act(reading, node, ("vertrauen",))


def _act(reading: Reading, node: Node, more: tuple[str, ...]) -> dict[str, Any]:
    parts = reading.reader.fields(node, ("von", "zu"), (*_WHICH, *more))
    return {
        "person": reading.person(parts.get("von")),
        "leistung": reading.leistung(parts.get("zu")),
        **_which(reading, parts),
        "trust": Trust[reading.reader.word(parts.get("vertrauen"), LEVELS, "V1")],
        "facts": facts(reading, parts.get("antworten")),
    }


def _answer(reading: Reading, node: Node) -> dict[str, Any]:
    parts = reading.reader.fields(node, ("von", "angaben"), _WHICH)
    return {
        "person": reading.person(parts.get("von")),
        **_which(reading, parts),
        "facts": facts(reading, parts.get("angaben")),
    }


def _behoerde(reading: Reading, node: Node) -> dict[str, Any]:
    parts = reading.reader.fields(node, ("zu", "von", "antwort"), (*_WHICH, "notiz"))
    return {
        "leistung": reading.leistung(parts.get("zu")),
        "person": reading.person(parts.get("von")),
        **_which(reading, parts),
        "to": words.ANSWERS.get(reading.reader.word(parts.get("antwort"), words.ANSWERS)),
    }


def _clerk(reading: Reading, node: Node) -> dict[str, Any]:
    parts = reading.reader.fields(node, ("zu", "von", "tut"), _WHICH)
    return {
        "leistung": reading.leistung(parts.get("zu")),
        "person": reading.person(parts.get("von")),
        **_which(reading, parts),
        "act": reading.reader.word(parts.get("tut"), CLERKS_ACTS, CLERKS_ACTS[0]),
    }


def _queue(reading: Reading, node: Node) -> dict[str, Any]:
    return {"runs": reading.reader.word(node, (RUNS, STANDS), RUNS) == RUNS}


def _processing(reading: Reading, node: Node) -> dict[str, Any]:
    reading.reader.word(node, ("ja",))
    return {}


def _stock(reading: Reading, node: Node) -> dict[str, Any]:
    reader = reading.reader
    items = []
    for item in reader.items(node):
        parts = reader.fields(item, ("leistung", "an"), ("ergebnis", "fuer", "stand", "faellig", "lebenslage", "zu"))
        name = reader.text(parts.get("leistung"))  # it stands already, so it does not wait for the rules
        items += [
            {
                "leistung": name,
                "person": person,
                "outcome": reader.word(parts.get("ergebnis"), words.OUTCOMES, "auftrag"),
                "child": reading.person(parts.get("fuer")),
                "state": reader.word(parts.get("stand"), words.STATES, "offen"),
                "due_on": reader.day_or_none(parts.get("faellig")),
                "lebenslage": reader.text(parts.get("lebenslage")),
                "report": reading.label(parts.get("zu")),
            }
            for person in reading.everybody(parts.get("an"))
        ]
    return {"items": tuple(items)}


_READERS: Mapping[str, Callable[[Reading, Node], dict[str, Any]]] = {
    "einwilligung": _consent,
    "widerruf": _withdrawal,
    "geburt": _birth,
    "sterbefall": _death,
    "schutzvermerk": _note,
    "storno": _of_report,
    "wiederholung": _of_report,
    "berichtigung": _correction,
    "meldung": _other_report,
    "register": _register,
    "bearbeitung": _processing,
    "ja": _yes,
    "nein": _plain_act,
    "spaeter": _plain_act,
    "zurueck": _plain_act,
    "unterschrift": _plain_act,
    "antwort": _answer,
    "behoerde": _behoerde,
    "sachbearbeitung": _clerk,
    "druckstrasse": _queue,
    "versand": _queue,
    "bestand": _stock,
}
WORDS = (*_READERS, "umzug")
REPORTS = frozenset(
    {"geburt", "umzug", "sterbefall", "storno", "schutzvermerk", "berichtigung", "wiederholung", "meldung"}
)
"""What a register says; only these may have a name (``als``) and a verdict (``aufnahme``)."""

ACTS = frozenset({*("ja", "nein", "spaeter", "zurueck", "unterschrift", "widerruf"), *("behoerde", "sachbearbeitung")})
"""What somebody does to one Auftrag or proposal; the house may refuse these (``geht: nein``)."""

__all__ = ["ACTS", "REPORTS", "WORDS", "facts", "read_happening"]
