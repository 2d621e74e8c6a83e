"""What the readers of a journey share: single values or lists, moments, references to persons, open records.

Left to others: what stands where (``reading``, ``happenings``, ``expectations``).
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time
from difflib import get_close_matches
from typing import Any

from proaktiv.core.calendar import BERLIN
from proaktiv.rulebook.catalogue import Catalogue
from proaktiv.rulebook.journeys.words import REGISTERS
from proaktiv.rulebook.load import Mapping, Node, Scalar, Sequence
from proaktiv.rulebook.meant import likely_day, meant_day
from proaktiv.rulebook.reading import FAR_AWAY, Reader
from proaktiv.rulebook.suggest import suggestion, words

_MOMENT = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}) ([0-9]{2}:[0-9]{2})")
_CLOCK = re.compile(r"[0-9]{1,2}[.:][0-9]{2}(?: *Uhr)?|[0-9]{1,2} *Uhr")
_LIKE_MOMENT = re.compile(r"(\S*[0-9]{2}\S*?)(?:[ T]+|, *|,? um )([0-9]{1,2}(?:[.:][0-9]{2}){0,2}(?: *Uhr|Z)?)")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]{0,14})")
A_SLIP = 0.9
"""So alike are a name and what its author meant, or else it is something that is still to be written."""
MORNING = time(8)
"""When a day begins where the author names no time of day."""


@dataclass(slots=True)
class Reading:
    """One file being read: the reader that collects mistakes, the catalogue, who and what was named so far.

    ``leistungen`` are in the rules, ``behoerden`` competent; ``waits`` is what was named and is not there yet.
    """

    reader: Reader
    catalogue: Catalogue
    leistungen: frozenset[str]
    persons: set[str] = field(default_factory=set)
    bodies: set[str] = field(default_factory=set)
    labels: set[str] = field(default_factory=set)
    waits: dict[str, None] = field(default_factory=dict)
    behoerden: frozenset[str] = frozenset()

    def person(self, node: Node | None) -> str:
        """Return the name of a person of this journey."""
        return self._known(node, self.persons, "is no person of this case")

    def everybody(self, node: Node | None) -> tuple[str, ...]:
        """Return one name or several."""
        return tuple(name for item in one_or_more(node) if (name := self.person(item)))

    def addressees(self, node: Node | None, also: Iterable[str] = ()) -> tuple[str, ...]:
        """Return persons, or bodies of this journey."""
        known = {*self.persons, *self.bodies, *also}
        return tuple(name for item in one_or_more(node) if (name := self._known(item, known, "is nobody of this case")))

    def leistung(self, node: Node | None) -> str:
        """Return a Leistung; one that the rules do not have yet is remembered by name."""
        name = self.spelt(node)
        if name and name not in self.leistungen:
            self.waits[name] = None
        return name

    def spelt(self, node: Node | None) -> str:
        """Return a Leistung as it is called: what does not exist is still to be written, but a slip of the keys."""
        name = self.reader.text(node)
        if node is not None and name not in self.leistungen:
            capitals = {each.upper(): each for each in self.leistungen}
            written = name.upper().replace("_", "-").replace(" ", "-")
            close = get_close_matches(written, capitals, n=1, cutoff=A_SLIP)
            if close:
                self.reader.wrong(node, f"there is no Leistung '{name}'; did you mean '{capitals[close[0]]}'?")
        return name

    def unwanted(self, node: Node | None, known: Iterable[str]) -> tuple[str, ...]:
        """Return texts that must not appear: what is not known cannot, so only a slip of the keys is wrong."""
        choices = [*known]
        for item in one_or_more(node):
            name = self.reader.text(item)
            close = get_close_matches(name, choices, n=1, cutoff=A_SLIP)
            if close and name not in choices and "/" not in name:  # fields of a form have their own names
                self.reader.wrong(
                    item, f"'{name}' is not known here, so this forbids nothing; did you mean '{close[0]}'?"
                )
        return self.texts(node)

    def register(self, node: Node, name: str) -> str:
        """Return the name of a register; one that no fact and no consent names has nothing yet, a slip is wrong."""
        known = {fakt.register for fakt in self.catalogue.fakten.values() if fakt.register} | set(REGISTERS)
        fakt = self.catalogue.fakten.get(name)
        if fakt is not None:
            whose = fakt.register or min(known)
            self.reader.wrong(node, f"'{name}' is a fact; its register stands before it: {{{whose}: {{{name}: …}}}}")
        elif name not in known:
            close = get_close_matches(name, known, n=1, cutoff=A_SLIP)
            if close:
                message = f"'{name}' is no register; known: {words(sorted(known))}; did you mean '{close[0]}'?"
                self.reader.wrong(node, message)
        return name

    def label(self, node: Node | None) -> str:
        """Return the name that an earlier step gave to a report."""
        return self._known(node, self.labels, "names no report above; give it a name with 'als'")

    def _known(self, node: Node | None, known: Collection[str], message: str) -> str:
        if node is None:
            return ""
        name = self.reader.text(node)
        if name and name not in known:
            hint = suggestion(name, known) or f"; known here: {words(sorted(known))}"
            self.reader.wrong(node, f"'{name}' {message}{hint}")
            return ""
        return name

    def moment(self, node: Node, before: datetime | None) -> datetime:
        """Return when a step happens: a day (in the morning, or after what happened that day), or day and time."""
        written = self.reader.text(node)
        day = FAR_AWAY
        if match := _MOMENT.fullmatch(written):
            try:
                return datetime.combine(date.fromisoformat(match[1]), time.fromisoformat(match[2]), BERLIN)
            except ValueError:
                self.reader.wrong(node, f"'{written}' is no moment; {_meant_moment(match[1], match[2])}")
        elif match := _LIKE_MOMENT.fullmatch(written):
            self.reader.wrong(node, f"'{written}' is no date and time; {_meant_moment(match[1], match[2])}")
        elif _CLOCK.fullmatch(written):
            self.reader.wrong(node, f"'{written}' says no day; write it as 2026-11-11 17:30")
        else:
            day = self.reader.day(node)
        morning = datetime.combine(day, MORNING, BERLIN)
        return before if before is not None and before.date() == day and before > morning else morning

    def texts(self, node: Node | None) -> tuple[str, ...]:
        """Return one text or several."""
        return tuple(self.reader.text(item) for item in one_or_more(node))

    def record(self, node: Node | None) -> dict[str, Any]:
        """Return what a register says in its own words: ``ja`` and ``nein`` as truth values, digits as numbers."""
        if node is None:
            return {}
        if not isinstance(node, Mapping):
            self.reader.wrong(node, "here must stand named values, as the register reports them")
            return {}
        return {name: _open(inner) for name, inner in node.entries.items()}

    def shown_values(self, node: Node | None) -> dict[str, str]:
        """Return values by name as people read them: a day may stand as 2026-02-28, else everything as it is shown."""
        if node is None:
            return {}
        if not isinstance(node, Mapping):
            self.reader.wrong(node, "here must stand fields with their values: {kind/vornamen: Mia}")
            return {}
        return {name: _shown(self.reader.text(inner)) for name, inner in node.entries.items()}


def _meant_moment(written: str, clock: str) -> str:
    """Return which day and time were probably meant."""
    how = "write it as 2026-11-11 17:30"
    day = likely_day(written)
    if day is None:
        return meant_day(written).replace("write it as 2026-10-31", how)
    hour, _, minute = re.sub(r"[^0-9.:]", "", clock).replace(".", ":").partition(":")
    minute = minute[:2] or "00"
    if int(hour) > 23 or int(minute) > 59:
        return f"{how}; a day has hours from 00:00 to 23:59"
    return f"{how}; did you mean {day} {int(hour):02}:{minute}?"


def german_day(day: date) -> str:
    """Return a day as texts show it."""
    return f"{day:%d.%m.%Y}"


def _shown(text: str) -> str:
    try:
        return german_day(date.fromisoformat(text)) if _DAY.fullmatch(text) else text
    except ValueError:
        return text


def _open(node: Node) -> Any:
    if isinstance(node, Mapping):
        return {name: _open(inner) for name, inner in node.entries.items()}
    if isinstance(node, Sequence):
        return [_open(inner) for inner in node.items]
    if node.plain and node.text in ("ja", "nein"):
        return node.text == "ja"
    if node.plain and _WHOLE.fullmatch(node.text):
        return int(node.text)
    return node.text


def one_or_more(node: Node | None) -> list[Node]:
    """Return a list's nodes, or the one node; nothing for nothing."""
    if node is None:
        return []
    return node.items if isinstance(node, Sequence) else [node]


def is_word(node: Node, word: str) -> bool:
    """Return whether a plain ``word`` stands here."""
    return isinstance(node, Scalar) and node.text == word
