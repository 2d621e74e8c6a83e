"""Reads a journey file: one case of people over months, with everything that must and must not come of it.

An own typed builder on libyaml's nodes: every mistake has its place, and one run shows all of them. What the rules do
not know yet (a Leistung, a fact) is no mistake: the case waits for it, by name.
Left to others: letting it happen (``running``). Source: rules/README.md, chapter „Ganze Lebensläufe prüfen".
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from proaktiv.core.calendar import BERLIN
from proaktiv.core.fristen import Value
from proaktiv.core.keys import Ars, KeyFormatError
from proaktiv.rulebook.catalogue import Catalogue
from proaktiv.rulebook.journeys import words
from proaktiv.rulebook.journeys.expectations import read_expected, read_forbidden, read_guards, read_messages
from proaktiv.rulebook.journeys.happenings import ACTS, REPORTS, WORDS, facts, read_happening
from proaktiv.rulebook.journeys.model import Journey, Person, Step
from proaktiv.rulebook.journeys.nodes import Reading, one_or_more
from proaktiv.rulebook.load import Mapping as NodeMapping
from proaktiv.rulebook.load import Node, Problem, RuleFileError, load
from proaktiv.rulebook.reading import FAR_AWAY, Reader
from proaktiv.rulebook.said import SURROUNDINGS, read_competences, shared_competences

ABOUT = (
    *("am", "um", "als", "aufnahme", "geht", "erwartet", "nachrichten", "protokoll", "darf_nicht"),
    *("wartet_auf", "notiz"),
)
"""What may stand in a step beside the one thing that happens."""

_LOCKS = ("51", "52")
_NEVER = datetime(2, 1, 1, tzinfo=BERLIN)
"""Stands for a moment that is missing."""


def is_journey(node: Node) -> bool:
    """Return whether a file holds a journey; else it may hold cases of one Leistung."""
    return isinstance(node, NodeMapping) and ("fall" in node.entries or "verlauf" in node.entries)


def read_journey(
    path: Path, shown: str, catalogue: Catalogue, leistungen: Iterable[str], node: Node | None = None
) -> tuple[Journey | None, tuple[Problem, ...]]:
    """Return the journey of a file and what is wrong in it; it may run only where nothing is wrong.

    ``shown`` is how messages call the file. ``node``: the file's content, if it was loaded already.
    """
    reader = Reader(shown)
    reading = Reading(reader, catalogue, frozenset(leistungen))
    try:
        shared = _surroundings(path, shown, reader, catalogue.stellen)
        journey = _File(reading, shared).journey(node or load(path, shown))
    except RuleFileError as error:
        return None, (error.problem,)
    return (None if reader.problems else journey), tuple(reader.problems)


def _surroundings(path: Path, shown: str, reader: Reader, arten: frozenset[str]) -> Mapping[str, Mapping[str, str]]:
    """Return the competences that all journeys of the folder share."""
    beside = path.with_name(SURROUNDINGS)
    if not beside.is_file():
        return {}
    called = str(Path(shown).with_name(SURROUNDINGS))
    found, problems = shared_competences(beside, called, arten, beside.stat().st_mtime_ns)
    reader.problems += problems
    return found


class _File:
    def __init__(self, reading: Reading, competences: Mapping[str, Mapping[str, str]]) -> None:
        self.reading = reading
        self.reader = reading.reader
        self.shared = competences
        self.dwellings: dict[str, dict[str, str]] = {}

    def journey(self, node: Node) -> Journey:
        parts = self.reader.fields(
            node,
            ("fall", "personen", "verlauf"),
            ("titel", "quelle", "stellen", "wohnungen", "zustaendig", "nie"),
        )
        self.reader.text(parts.get("quelle"))
        self.dwellings = self.read_dwellings(parts.get("wohnungen"))
        self.reading.bodies = set(self.reading.texts(parts.get("stellen")))
        persons = self.persons(parts.get("personen"))
        competences = {art: dict(areas) for art, areas in self.shared.items()}
        for art, areas in read_competences(
            self.reader, parts.get("zustaendig"), self.reading.catalogue.stellen
        ).items():
            competences[art] = {**competences.get(art, {}), **areas}
        self.reading.behoerden = frozenset(name for areas in competences.values() for name in areas.values())
        steps = self.steps(parts.get("verlauf"))
        return Journey(
            place=self.reader.place(node),
            name=self.reader.text(parts.get("fall")),
            title=self.reader.text(parts.get("titel")),
            persons=persons,
            competences=competences,
            steps=steps,
            never=read_forbidden(self.reading, parts.get("nie")),
            waits=tuple(self.reading.waits),
        )

    # who -------------------------------------------------------------------------------------------------------------

    def read_dwellings(self, node: Node | None) -> dict[str, dict[str, str]]:
        found = {}
        for name, inner in self.named(node, "dwellings").items():
            parts = self.reader.fields(inner, ("strasse", "plz", "ort", "ars"))
            found[name] = {part: self.reader.text(parts.get(part)) for part in ("strasse", "plz", "ort", "ars")}
            try:
                Ars(found[name]["ars"])
            except KeyFormatError as error:
                self.reader.wrong(parts.get("ars", inner), f'{error}; in quotes, like "053150000000"')
        return found

    def persons(self, node: Node | None) -> dict[str, Person]:
        entries = self.named(node, "persons")
        self.reading.persons = set(entries)
        return {name: self.person(name, inner) for name, inner in entries.items()}

    def person(self, name: str, node: Node) -> Person:
        parts = self.reader.fields(
            node, ("geboren",), ("vornamen", "familienname", "wohnung", "sperre", "register", "notiz")
        )
        registers: dict[str, Mapping[str, Value]] = {}
        said = parts.get("register")
        for register, inner in self.named(said, "registers").items():
            if isinstance(said, NodeMapping):
                self.reading.register(said.keys[register], register)
            registers[register] = facts(self.reading, inner, register)
        dwelling = self.reader.word(parts.get("wohnung"), self.dwellings)
        return Person(
            name=name,
            vornamen=self.reader.text(parts.get("vornamen")) or name,
            familienname=self.reader.text(parts.get("familienname")) or "Beispiel",
            geboren=self.reader.day(parts.get("geboren")),
            address=self.dwellings.get(dwelling, {}),
            locks=tuple(self.reader.word(item, _LOCKS) for item in one_or_more(parts.get("sperre"))),
            register=registers,
        )

    def named(self, node: Node | None, what: str) -> dict[str, Node]:
        if node is None:
            return {}
        if not isinstance(node, NodeMapping):
            self.reader.wrong(node, f"here must stand {what} by name")
            return {}
        return node.entries

    # what happens ----------------------------------------------------------------------------------------------------

    def steps(self, node: Node | None) -> tuple[Step, ...]:
        found: list[Step] = []
        before: datetime | None = None
        for item in self.reader.items(node):
            step = self.step(item, before)
            if before is not None and step.at.date() == FAR_AWAY:  # which could not be read, and is reported
                step = replace(step, at=before)
            if before is not None and step.at < before:
                self.reader.wrong(item, f"this lies before the step above ({before:%Y-%m-%d %H:%M}); keep the order")
                step = replace(step, at=before)
            before = step.at
            found.append(step)
        if not found and node is not None and not self.reader.problems:
            self.reader.wrong(node, "a case needs at least one step")
        return tuple(found)

    def step(self, node: Node, before: datetime | None) -> Step:
        parts = self.reader.fields(node, (), (*ABOUT, *WORDS))
        when = parts.get("um", parts.get("am"))
        if when is None:
            self.reader.wrong(node, "'am' (a day) or 'um' (day and time) is missing")
        elif "am" in parts and "um" in parts:
            self.reader.wrong(parts["am"], "'am' (a day) or 'um' (day and time), not both")
        happens = [word for word in parts if word in WORDS]
        if len(happens) > 1 and isinstance(node, NodeMapping):
            self.reader.wrong(node.keys[happens[1]], f"one step, one happening: '{happens[0]}' stands here already")
        word = happens[0] if happens else ""
        happening = read_happening(self.reading, word, parts[word], self.dwellings) if word else None
        for name in ("als", "aufnahme"):
            if name in parts and word not in REPORTS:
                self.reader.wrong(parts[name], f"'{name}' belongs to what a register reports")
        if "geht" in parts and word not in ACTS:
            self.reader.wrong(parts["geht"], "'geht: nein' belongs to what somebody does")
        if "als" in parts:
            self.reading.labels.add(self.reader.text(parts["als"]))
        return Step(
            place=self.reader.place(node),
            at=self.reading.moment(when, before) if when is not None else before or _NEVER,
            happening=happening,
            label=self.reader.text(parts["als"]) if "als" in parts else "",
            verdict=self.reader.word(parts.get("aufnahme"), words.VERDICTS, "angenommen"),
            expected=read_expected(self.reading, parts.get("erwartet")),
            messages=read_messages(self.reading, parts.get("nachrichten")),
            guards=read_guards(self.reading, parts.get("protokoll")),
            forbidden=read_forbidden(self.reading, parts.get("darf_nicht")),
            waits=self.reader.text(parts.get("wartet_auf")),
            refused=not self.reader.yes(parts.get("geht"), instead=True),
        )
