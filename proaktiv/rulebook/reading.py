"""From nodes to typed values, with a message for the author at every place that is wrong.

Nothing here raises: a wrong value is reported and replaced by a harmless one, so that one run shows every mistake.
Whoever uses the result must look at ``problems`` first. Left to others: YAML itself (``load``).
"""

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from proaktiv.core.keys import Ars, KeyFormatError, LeikaKey
from proaktiv.rulebook.load import Mapping, Node, Problem, Scalar, Sequence
from proaktiv.rulebook.meant import (
    cut_off,
    meant_amount,
    meant_day,
    meant_number,
    no_quotes,
    no_space,
    other_shape,
    several,
)
from proaktiv.rulebook.suggest import suggestion, words

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is written."""

    file: str
    line: int
    column: int


_KIND = {Scalar: "a single value", Sequence: "a list", Mapping: "named values (name: value)"}
_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]{0,14})")
_EURO = re.compile(r"(-?(?:0|[1-9][0-9]{0,11}))(?:\.([0-9]{2}))?")
FAR_AWAY = date(1, 1, 1)
"""Stands for a date that could not be read."""


class Reader:
    """Reads one file's nodes and remembers what was wrong."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []

    def wrong(self, node: Node, message: str) -> None:
        """Remember one mistake at a node."""
        self.problems.append(Problem(self.file, node.line, node.column, message))

    def place(self, node: Node) -> Place:
        """Return where a node stands."""
        return Place(self.file, node.line, node.column)

    def fields(self, node: Node, required: Collection[str], optional: Collection[str] = ()) -> dict[str, Node]:
        """Return named nodes: unknown names, missing ones and other shapes are reported."""
        if not isinstance(node, Mapping):
            like = f", like {{{', '.join(f'{name}: …' for name in required)}}}" if required else ""
            self.wrong(node, f"here must stand {_KIND[Mapping]}, not {_KIND[type(node)]}{like}{other_shape(node)}")
            return {}
        allowed = [*required, *optional]
        before: Node | None = None
        for name, key in node.keys.items():
            value = node.entries[name]
            if name not in allowed:
                hint = suggestion(name, allowed)
                if isinstance(value, Scalar) and value.plain and not value.text:
                    hint = cut_off(name, before)
                self.wrong(key, f"'{name}' is not known here; allowed: {words(allowed)}{hint}")
            before = value
        for name in required:
            if name not in node.entries:
                self.wrong(node, f"'{name}' is missing")
        return {name: value for name, value in node.entries.items() if name in allowed}

    def items(self, node: Node | None) -> list[Node]:
        """Return a list's nodes; nothing for nothing."""
        if node is None:
            return []
        if not isinstance(node, Sequence):
            self.wrong(node, f"here must stand {_KIND[Sequence]}, not {_KIND[type(node)]}{other_shape(node, Sequence)}")
            return []
        return node.items

    def text(self, node: Node | None) -> str:
        """Return text that is not empty."""
        if node is None:
            return ""
        if not isinstance(node, Scalar):
            hint = "; a text that begins with { needs quotes" if isinstance(node, Mapping) else ""
            self.wrong(node, f"here must stand {_KIND[Scalar]}, not {_KIND[type(node)]}{hint}")
            return ""
        if not node.text.strip():
            self.wrong(node, "here must stand text")
        return node.text.strip()

    def texts(self, node: Node | None) -> tuple[str, ...]:
        """Return a list of different texts."""
        found: dict[str, None] = {}
        for item in self.items(node):
            text = self.text(item)
            if text in found:
                self.wrong(item, f"'{text}' stands in the list twice")
            found[text] = None
        return tuple(found)

    def word(self, node: Node | None, allowed: Iterable[str], instead: str = "") -> str:
        """Return one word of a closed list, or ``instead``."""
        if node is None:
            return instead
        written, choices = self.text(node), list(allowed)
        if written in choices:
            return written
        if written:
            hint = several(written, choices) or suggestion(written, choices)
            self.wrong(node, f"'{written}' is not allowed here; allowed: {words(choices)}{hint}")
        return instead

    def yes(self, node: Node | None, instead: bool = False) -> bool:
        """Return ``ja`` or ``nein`` as a truth value."""
        return instead if node is None else self.word(node, ("ja", "nein"), "nein") == "ja"

    def whole(self, node: Node | None, low: int, high: int) -> int:
        """Return a whole number from ``low`` to ``high``, written without points."""
        if node is None:
            return low
        written = self.text(node)
        if not _WHOLE.fullmatch(written):
            self.wrong(node, f"'{written}' is no whole number; write digits only, like 175000{meant_number(written)}")
            return low
        number = int(written)
        if not low <= number <= high:
            self.wrong(node, f"{number} is out of range; allowed: {low} to {high}")
            return low
        return number

    def cents(self, node: Node | None, low: int, high: int) -> int:
        """Return an amount written in euros, as cents from ``low`` to ``high``: 250 or 255.50, nothing else."""
        if node is None:
            return low
        written = self.text(node)
        found = _EURO.fullmatch(written)
        if not found:
            self.wrong(node, f"'{written}' is no amount in euros; {meant_amount(written)}")
            return low
        cents = int(found[1]) * 100
        cents += int(found[2] or 0) * (-1 if written.startswith("-") else 1)
        if not low <= cents <= high:
            self.wrong(node, f"{written} is out of range; allowed: {euros(low)} to {euros(high)}")
            return low
        return cents

    def day(self, node: Node | None) -> date:
        """Return a calendar date written as 2026-10-31."""
        if node is None:
            return FAR_AWAY
        written = self.text(node)
        try:
            if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", written):
                return date.fromisoformat(written)
        except ValueError:
            pass  # reported below with the other ways to miss a date
        self.wrong(node, f"'{written}' is no date; {meant_day(written)}")
        return FAR_AWAY

    def day_or_none(self, node: Node | None) -> date | None:
        """Return a calendar date, or None where there is no entry."""
        return None if node is None else self.day(node)

    def ars(self, node: Node) -> str:
        """Return a checked ARS."""
        written = self.text(node)
        try:
            return str(Ars(written))  # exactly a str: conditions compare exact types
        except KeyFormatError as error:
            self.wrong(node, f"{error}{no_quotes(written)}")
            return ""

    def leika(self, node: Node | None) -> str:
        """Return a checked LeiKa key; an unverified one must be left out, not guessed."""
        written = self.text(node)
        try:
            return LeikaKey(written) if node is not None else ""
        except KeyFormatError as error:
            if node is not None:
                self.wrong(node, f"{error}; leave 'leika' out where the key is not verified")
            return ""

    def one_of(self, node: Node, makers: dict[str, Callable[[Node], T]]) -> T | None:
        """Return what the one maker that is named in ``node`` makes, or None after a report."""
        if not isinstance(node, Mapping) or len(node.entries) != 1:
            glued = [name for name in node.entries if ":" in name] if isinstance(node, Mapping) else []
            hint = no_space(glued[0]) if glued else other_shape(node)
            self.wrong(node, f"here must stand exactly one of: {words(makers)}{hint}")
            return None
        ((name, inner),) = node.entries.items()
        if name not in makers:
            hint = suggestion(name, makers)
            self.wrong(node.keys[name], f"'{name}' is not known here; allowed: {words(makers)}{hint}")
            return None
        return makers[name](inner)


def euros(cents: int) -> str:
    """Return cents as an author writes them: ``250`` or ``255.50``."""
    whole, rest = divmod(abs(cents), 100)
    return f"{'-' if cents < 0 else ''}{whole}" + (f".{rest:02}" if rest else "")
