"""What a change of rules changes: old and new decide the same synthetic families, and are counted against each other.

Never stored decisions of living people: a comparison needs nobody's data, and the families stand crowded where rules
change. Left to others: making families (``families``). Source: rules.md §§ 0, 6.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from proaktiv.core.derived import REGISTRY
from proaktiv.core.errors import BadInput
from proaktiv.core.matching import Decision, decide
from proaktiv.core.nodes import facts_of
from proaktiv.core.parameters import Value
from proaktiv.core.plans import Plan
from proaktiv.rulebook import check as checking
from proaktiv.rulebook.explain import shown
from proaktiv.rulebook.families import Families
from proaktiv.rulebook.simulate import RESULTS

Cell = tuple[str, str]
"""The old result and the new one."""


@dataclass(frozen=True, slots=True)
class Example:
    """One family of a changed cell: its invented ``kennung`` and the facts that either Plan looks at."""

    kennung: str
    facts: Mapping[str, Value] = field(hash=False)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Old against new for one Leistung. ``fristen``: families with the same yes and another date."""

    lebenslage: str
    leistung: str
    families: int
    cells: Mapping[Cell, int] = field(hash=False)
    examples: Mapping[Cell, tuple[Example, ...]] = field(hash=False)
    fristen: int
    same_rule: bool

    @property
    def changed(self) -> int:
        """Return how many families get another result."""
        return sum(count for (old, new), count in self.cells.items() if old != new)

    def to_json(self) -> dict[str, Any]:
        """Return the comparison as JSON data."""
        return {
            "cells": {old: {new: self.cells.get((old, new), 0) for new in RESULTS} for old in RESULTS},
            "changed": self.changed,
            "examples": {
                f"{old} -> {new}": [
                    {"kennung": one.kennung, **{name: shown(value) for name, value in one.facts.items()}}
                    for one in found
                ]
                for (old, new), found in self.examples.items()
            },
            "families": self.families,
            "fristen_changed": self.fristen,
            "lebenslage": self.lebenslage,
            "leistung": self.leistung,
            "same_rule": self.same_rule,
        }


@dataclass(frozen=True, slots=True)
class Difference:
    """All Leistungen of two sets of rules."""

    comparisons: tuple[Comparison, ...]
    only_old: tuple[str, ...]
    only_new: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the difference as JSON data."""
        return {
            "leistungen": [one.to_json() for one in self.comparisons],
            "only_new": list(self.only_new),
            "only_old": list(self.only_old),
        }


def read_plans(path: Path) -> dict[str, Plan]:
    """Return the Plans of a rules folder, or of a released Lebenslage or Plan as JSON, by Lebenslage/LEISTUNG.

    Raises ``BadInput`` with everything that is wrong in a folder, or where a file holds no rules.
    """
    if path.is_dir():
        compiled, problems = checking.check(path)
        if problems:
            raise BadInput(str(path), "\n".join(str(problem) for problem in problems))
        return _named(plan for one in compiled if one.lebenslage for plan in one.lebenslage.plans)
    try:
        data = json.loads(path.read_bytes())
        return _named(Plan.from_json(plan) for plan in data.get("plans", [data]))
    except (OSError, AttributeError, KeyError, TypeError, ValueError):
        raise BadInput(str(path), "neither a rules folder nor a released Lebenslage or Plan (JSON)") from None


def _named(plans: Iterable[Plan]) -> dict[str, Plan]:
    return {f"{plan.lebenslage}/{plan.leistung}": plan for plan in plans}


def differ(
    old: Mapping[str, Plan], new: Mapping[str, Plan], *, families: int, seed: int, today: date, examples: int = 3
) -> Difference:
    """Return old against new for every Leistung that both have, up to ``examples`` families for each changed cell."""
    both = sorted(old.keys() & new.keys())
    return Difference(
        tuple(
            compare(old[name], new[name], families=families, seed=seed, today=today, examples=examples) for name in both
        ),
        tuple(sorted(old.keys() - new.keys())),
        tuple(sorted(new.keys() - old.keys())),
    )


def compare(old: Plan, new: Plan, *, families: int, seed: int, today: date, examples: int) -> Comparison:
    """Return two Plans of one Leistung against each other; families are drawn beside the boundaries of both."""
    cells: Counter[Cell] = Counter()
    found: dict[Cell, list[Example]] = {}
    moved = 0
    names = sorted(_deciding(old) | _deciding(new))
    same = old.hash == new.hash
    for row in Families([old, new], today, seed).rows(families):
        before, after = decide(old, row, today), decide(new, row, today)
        cell = before.result, after.result
        cells[cell] += 1
        moved += before.result == after.result and _dates(before) != _dates(after)
        if before.result != after.result and len(found.setdefault(cell, [])) < examples:
            known = {name: row[name] for name in names if name in row}
            found[cell].append(Example(str(row["kennung"]), known))
    kept = {cell: tuple(each) for cell, each in sorted(found.items())}
    return Comparison(new.lebenslage, new.leistung, families, dict(cells), kept, moved, same)


def _deciding(plan: Plan) -> set[str]:
    """Return the facts that decide, each derived one as what it is derived from."""
    found: set[str] = set()
    for one in (plan, *plan.fassungen):
        for name in facts_of(one.bedingung, one.parameter) | {one.gilt.schluessel}:
            found |= REGISTRY[name].needs.keys() if name in REGISTRY else {name}
    return found


def _dates(decision: Decision) -> list[tuple[str, date | None]]:
    return [(clock.name, clock.gesetzlich) for clock in decision.clocks]


def lines(difference: Difference) -> list[str]:
    """Return a difference as an author reads it."""
    found = [f"only in the old rules: {name}" for name in difference.only_old]
    found += [f"only in the new rules: {name}" for name in difference.only_new]
    for one in difference.comparisons:
        found += _comparison(one)
    return found


def _comparison(one: Comparison) -> Sequence[str]:
    name = f"{one.lebenslage}/{one.leistung}"
    if one.same_rule:
        return [f"{name}: the same rule"]
    found = [f"{name}: {one.changed:,} of {one.families:,} synthetic families are decided otherwise"]
    if one.fristen:
        found.append(f"  {one.fristen:,} more get other dates")
    found.append(f"  {'old, new:':<14}" + "".join(f"{result:>12}" for result in RESULTS))
    for old in RESULTS:
        counts = "".join(f"{one.cells.get((old, new), 0):>12,}" for new in RESULTS)
        found.append(f"  {old:<14}{counts}")
    for (old, new), examples in one.examples.items():
        found.append(f"  {old} -> {new}, for example:")
        for example in examples:
            facts = ", ".join(f"{name} {shown(value)}" for name, value in example.facts.items())
            found.append(f"    {example.kennung}: {facts}")
    return found
