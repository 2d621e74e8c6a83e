"""What the doctor finds: one line per check, with what to do next. Never a secret, never personal data."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Union


class Level(StrEnum):
    """How a check ended. Only ``broken`` makes the whole examination end with 1."""

    FINE = "fine"
    LOOK = "look"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line. ``do`` says what to do next; it is empty only where all is well."""

    check: str
    level: Level
    says: str
    do: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON data."""
        return {"check": self.check, "level": self.level.value, "says": self.says, "do": self.do}


def fine(check: str, says: str) -> Finding:
    """Return that all is well."""
    return Finding(check, Level.FINE, says)


def look(check: str, says: str, do: str) -> Finding:
    """Return that somebody should look, although everything works."""
    return Finding(check, Level.LOOK, says, do)


def broken(check: str, says: str, do: str) -> Finding:
    """Return that something does not work."""
    return Finding(check, Level.BROKEN, says, do)


@dataclass(frozen=True, slots=True)
class Check:
    """One question. ``act`` yields findings, and checks that make sense only now; ``do`` is for no answer in time."""

    name: str
    act: Callable[[], Iterable[Union[Finding, "Check"]]]
    do: str


_MARKS = {Level.FINE: "✓", Level.LOOK: "!", Level.BROKEN: "✗"}
_PLAIN = {Level.FINE: "ok", Level.LOOK: "! ", Level.BROKEN: "x "}


def healthy(findings: Iterable[Finding]) -> bool:
    """Return whether nothing is broken."""
    return all(finding.level is not Level.BROKEN for finding in findings)


def lines(findings: Sequence[Finding], *, plain: bool = False) -> list[str]:
    """Return one line per finding, and one that sums up; ``plain`` for terminals that know ASCII alone."""
    marks = _PLAIN if plain else _MARKS
    wide = max((len(finding.check) for finding in findings), default=0)
    arrow = "->" if plain else "→"
    written = [
        " ".join((marks[each.level], f"{each.check:<{wide}}", each.says, *((arrow, each.do) if each.do else ())))
        for each in findings
    ]
    count = {level: sum(finding.level is level for finding in findings) for level in Level}
    return [*written, f"{count[Level.BROKEN]} broken, {count[Level.LOOK]} to look at, {count[Level.FINE]} fine"]
