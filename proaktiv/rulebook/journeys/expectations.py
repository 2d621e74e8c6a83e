"""Reads what must be after a step (``erwartet``, ``nachrichten``, ``protokoll``) and what must not (``darf_nicht``).

Left to others: comparing (``comparing``). Source: rules/README.md, chapter „Ganze Lebensläufe prüfen".
"""

from collections.abc import Iterable
from collections.abc import Mapping as MappingOf
from dataclasses import replace
from datetime import date
from typing import Any

from proaktiv.core.events import MISROUTED
from proaktiv.core.fristen import FristTyp, Massgeblich
from proaktiv.core.guards import Guard
from proaktiv.core.tasks import TASKS
from proaktiv.rulebook.journeys import words
from proaktiv.rulebook.journeys.model import Expected, ExpectedMessage, Forbidden
from proaktiv.rulebook.journeys.nodes import Reading, is_word, one_or_more
from proaktiv.rulebook.load import Mapping, Node
from proaktiv.rulebook.said import read_amounts

ITEM = ("ergebnis",)
ITEM_MORE = (
    *(
        "leistung",
        "an",
        "fuer",
        "stand",
        "wie",
        "fristen",
        "behoerde",
        "buendel",
        "buendel_bis",
        "faellig",
        "aufgabe",
        "fragt",
        "unterzeichner",
    ),
    *(
        "versand",
        "nach",
        "sperrvermerk",
        "sichtbar_ab",
        "felder",
        "betraege",
        "text",
        "text_nicht",
        "wartet_auf",
        "notiz",
    ),
)
DATES = ("fruehestens", "gesetzlich", "sicher_bis", "spaetestens")
_WAYS = ("behoerde", "selbst", "hinweis")


def read_expected(reading: Reading, node: Node | None) -> tuple[Expected, ...] | None:
    """Return the items that must be there; None where nothing is said, nothing for an empty list."""
    if node is None:
        return None
    return tuple(each for item in reading.reader.items(node) for each in _items(reading, item))


def _items(reading: Reading, node: Node) -> Iterable[Expected]:
    """Return one item, or one for each Leistung where a list of them stands."""
    reader = reading.reader
    parts = reader.fields(node, ITEM, ITEM_MORE)
    waits, waiting_parts = _waiting(reading, parts.get("wartet_auf"))
    outcome = reader.word(parts.get("ergebnis"), words.OUTCOMES, "auftrag")
    for_clerk = outcome == "manuell"
    if "an" not in parts and not for_clerk and isinstance(node, Mapping):
        reader.wrong(node, "'an' is missing: whom does this go to?")
    if "leistung" not in parts and not ("aufgabe" in parts and for_clerk) and isinstance(node, Mapping):
        reader.wrong(node, "'leistung' is missing; only a task of the whole house, named with 'aufgabe', has none")
    how = words.RECALLED if outcome == "rueckruf" else words.NEW
    first = Expected(
        place=reader.place(node),
        leistung="",
        outcome=outcome,
        addressees=reading.addressees(parts.get("an"), words.OFFICE) or ((words.CLERK,) if for_clerk else ()),
        how=reader.word(parts.get("wie"), words.HOWS, how),
        child=reading.person(parts.get("fuer")),
        state=reader.word(parts["stand"], words.STATES) if "stand" in parts else None,
        clocks=_clocks(reading, parts.get("fristen")),
        behoerde=reader.text(parts["behoerde"]) if "behoerde" in parts else None,
        bundle=reader.text(parts["buendel"]) if "buendel" in parts else None,
        bundle_by=reader.day_or_none(parts.get("buendel_bis")),
        due_on=reader.day_or_none(parts.get("faellig")),
        task=reader.word(parts["aufgabe"], (*TASKS, MISROUTED)) if "aufgabe" in parts else None,
        asks=reading.texts(parts["fragt"]) if "fragt" in parts else None,
        signers=reading.texts(parts["unterzeichner"]) if "unterzeichner" in parts else None,
        way=reader.word(parts["versand"], _WAYS) if "versand" in parts else None,
        after=reading.texts(parts["nach"]) if "nach" in parts else None,
        lock_flag=reader.yes(parts["sperrvermerk"]) if "sperrvermerk" in parts else None,
        seen_from=reader.word(parts["sichtbar_ab"], words.SEEN_FROM) if "sichtbar_ab" in parts else None,
        fields=reading.shown_values(parts.get("felder")),
        amounts=read_amounts(reader, one_or_more(parts.get("betraege"))),
        texts=reading.texts(parts.get("text")),
        no_texts=reading.texts(parts.get("text_nicht")),
        waits=waits,
        waiting_parts=waiting_parts,
    )
    names = [reading.spelt(each) for each in one_or_more(parts.get("leistung"))]
    return [replace(first, leistung=name) for name in names or [""]]


def _waiting(reading: Reading, node: Node | None) -> tuple[str, dict[str, str]]:
    """Return what a whole item waits for, or what single words of it wait for."""
    if not isinstance(node, Mapping):
        return reading.reader.text(node), {}
    parts = reading.reader.fields(node, (), [word for word in ITEM_MORE if word not in ("wartet_auf", "notiz")])
    return "", {word: reading.reader.text(reason) for word, reason in parts.items()}


def _clocks(reading: Reading, node: Node | None) -> tuple[MappingOf[str, Any], ...] | None:
    if node is None:
        return None
    if is_word(node, "offen"):
        reading.reader.wrong(node, "leave 'fristen' out of what is not new, or list the Fristen; [] for none")
        return None
    return tuple(_clock(reading, item) for item in reading.reader.items(node))


def _clock(reading: Reading, node: Node) -> dict[str, Any]:
    reader = reading.reader
    parts = reader.fields(node, (), ("name", "typ", "massgeblich", *DATES))
    clock: dict[str, Any] = {}
    if "name" in parts:
        clock["name"] = reader.text(parts["name"])
    if "typ" in parts:
        clock["typ"] = reader.word(parts["typ"], [each.value for each in FristTyp])
    if "massgeblich" in parts:
        clock["massgeblich"] = reader.word(parts["massgeblich"], [each.value for each in Massgeblich])
    days = {name: reader.day(parts[name]) for name in DATES if name in parts}
    shown = [days[name] for name in ("gesetzlich", "sicher_bis") if name in days]
    if len(shown) == 1:  # "If only one date is given, all fields coincide"
        days |= {"gesetzlich": shown[0], "sicher_bis": shown[0]}
    return clock | {name: days[name].isoformat() if name in days else "" for name in DATES}


def read_messages(reading: Reading, node: Node | None) -> tuple[ExpectedMessage, ...] | None:
    """Return the messages that must be there; None where nothing is said."""
    if node is None:
        return None
    found = []
    for item in reading.reader.items(node):
        parts = reading.reader.fields(item, ("an", "kanal"), ("stand",))
        channel = reading.reader.word(parts.get("kanal"), words.CHANNELS, "brief")
        state = reading.reader.word(parts.get("stand"), words.MESSAGE_STATES, "gesendet")
        found += [
            ExpectedMessage(reading.reader.place(item), person, channel, state)
            for person in reading.everybody(parts.get("an"))
        ]
    return tuple(found)


def read_guards(reading: Reading, node: Node | None) -> tuple[str, ...] | None:
    """Return the ids of the guards that the log must name, staff part."""
    if node is None:
        return None
    ids = [guard.value for guard in Guard]
    return tuple(reading.reader.word(item, ids) for item in one_or_more(node))


FORBIDDEN = (
    *("an", "leistung", "ergebnis", "text", "datum", "behoerde", "feld", "nachricht", "nachschlagen"),
    *("wartet_auf", "notiz"),
)


def read_forbidden(reading: Reading, node: Node | None) -> tuple[Forbidden, ...]:
    """Return what must not appear."""
    reader = reading.reader
    found = []
    for item in reader.items(node):
        parts = reader.fields(item, (), FORBIDDEN)
        if not parts.keys() - {"wartet_auf", "notiz"} and isinstance(item, Mapping):
            reader.wrong(item, "this forbids nothing; say at least one of an, leistung, ergebnis, text, …")
        messages = tuple(
            reader.word(each, ("jede", *words.CHANNELS), "jede") for each in one_or_more(parts.get("nachricht"))
        )
        found.append(
            Forbidden(
                place=reader.place(item),
                addressees=reading.addressees(parts.get("an"), words.OFFICE),
                leistungen=tuple(reading.spelt(each) for each in one_or_more(parts.get("leistung"))),
                outcomes=tuple(reader.word(each, words.OUTCOMES) for each in one_or_more(parts.get("ergebnis"))),
                texts=reading.texts(parts.get("text")),
                days=_days(reading, parts.get("datum")),
                behoerden=reading.unwanted(parts.get("behoerde"), reading.behoerden),
                fields=reading.unwanted(parts.get("feld"), reading.catalogue.fakten),
                messages=messages,
                registers=_registers(reading, parts.get("nachschlagen")),
                waits=reader.text(parts.get("wartet_auf")),
            )
        )
    return tuple(found)


def _registers(reading: Reading, node: Node | None) -> tuple[str, ...]:
    return tuple(reading.register(each, reading.reader.text(each)) for each in one_or_more(node))


def _days(reading: Reading, node: Node | None) -> tuple[date, ...]:
    return tuple(reading.reader.day(each) for each in one_or_more(node))
