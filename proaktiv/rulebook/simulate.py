"""Simulation: one Plan over many families, counted: results, condition by condition, and which question matters most.

Two ways with equal answers: the interpreter on rows (``Counting``), Polars on a table (``vectorised_tally``).
Counts only; no row is kept. Left to others: the families (``families``, ``family_files``), printing (``report``).
Source: rules.md §§ 3.4, 6.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

from proaktiv.core import conditions
from proaktiv.core.conditions import Explained
from proaktiv.core.derived import REGISTRY, lacking
from proaktiv.core.nodes import Alle, Eine, Nicht, Node, Vergleich
from proaktiv.core.parameters import Value
from proaktiv.core.plans import Plan
from proaktiv.rulebook.explain import shown

TODAY = "heute"
RESULTS = ("ja", "nein", "offen", "gilt_nicht")


@dataclass(frozen=True, slots=True)
class Step:
    """One node of a Plan's tree, in the order written. ``funnel``: a part of the top ``alle``, which narrows it."""

    text: str
    norm: str
    line: int
    depth: int
    funnel: bool


@dataclass(frozen=True, slots=True)
class StepCount:
    """What one node said of the families to whom the rule applies. ``left``: still possible after it, in a funnel."""

    step: Step
    ja: int
    nein: int
    offen: int
    left: int | None


@dataclass(frozen=True, slots=True)
class Asked:
    """One fact that open decisions wait for: in how many it still matters, and in how many nothing else does."""

    name: str
    source: str
    open: int
    alone: int


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of all families under one Fassung, from ``ab`` on. ``asked``: the fact that decides most is first."""

    lebenslage: str
    leistung: str
    ab: date
    families: int
    results: Mapping[str, int]
    steps: tuple[StepCount, ...]
    asked: tuple[Asked, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the tally as JSON data."""
        return {
            "ab": self.ab.isoformat(),
            "asked": [
                {"alone": one.alone, "fact": one.name, "open": one.open, "source": one.source} for one in self.asked
            ],
            "conditions": [
                {
                    "condition": one.step.text,
                    "depth": one.step.depth,
                    "ja": one.ja,
                    "left": one.left,
                    "line": one.step.line,
                    "nein": one.nein,
                    "norm": one.step.norm,
                    "offen": one.offen,
                }
                for one in self.steps
            ],
            "families": self.families,
            "lebenslage": self.lebenslage,
            "leistung": self.leistung,
            "results": dict(self.results),
        }


def versions(plan: Plan) -> tuple[Plan, ...]:
    """Return the Plan and its Fassungen as Plans of their own, each with the days on which it counts."""
    whole = (replace(plan, fassungen=()), *plan.fassungen)
    ends = [later.gilt.ab - timedelta(days=1) for later in plan.fassungen]
    early = [replace(one, gilt=replace(one.gilt, bis=end)) for one, end in zip(whole, ends, strict=False)]
    return (*early, whole[-1])


def steps_of(node: Node, depth: int = 0, *, funnel: bool = False) -> tuple[tuple[Step, Node], ...]:
    """Return every node of a tree with what it is called, parents first."""
    text, norm, parts = _named(node)
    below = [steps_of(part, depth + 1, funnel=depth == 0 and isinstance(node, Alle)) for part in parts]
    return ((Step(text, norm, node.line, depth, funnel), node), *(one for found in below for one in found))


def _named(node: Node) -> tuple[str, str, tuple[Node, ...]]:
    match node:
        case Vergleich():
            return f"{node.das} {node.op.value} {shown(node.wert, node.typ)}", node.norm, ()
        case Nicht():
            return "nicht", "", (node.teil,)
        case Alle():
            return "alle von", "", node.teile
        case Eine():
            return "eine von", "", node.teile


def source_of(plan: Plan, name: str) -> str:
    """Return who could say a fact: a register by its name, ``person``, or ``ereignis``."""
    return plan.register.get(name) or ("person" if any(frage.name == name for frage in plan.fragen) else "ereignis")


@dataclass(slots=True)
class Counting:
    """Counts families under one Fassung of a Plan, row by row; about 20,000 rows a second."""

    plan: Plan
    today: date
    families: int = 0
    results: Counter[str] = field(default_factory=Counter)
    _nodes: list[Counter[str]] = field(init=False)
    _left: list[int] = field(init=False)
    _open: Counter[str] = field(default_factory=Counter)
    _alone: Counter[str] = field(default_factory=Counter)
    _steps: tuple[Step, ...] = field(init=False)

    def __post_init__(self) -> None:
        self._steps = tuple(step for step, _ in steps_of(self.plan.bedingung))
        self._nodes = [Counter() for _ in self._steps]
        self._left = [0 for _ in self._steps]

    def add(self, row: Mapping[str, Value]) -> str:
        """Count one family and return its result. A row's own ``heute`` goes before the day of the simulation."""
        plan = self.plan
        facts = plan.known({TODAY: self.today, **row})
        self.families += 1
        result = applies(plan, facts)
        missing: tuple[str, ...] = ()
        if result == "offen":
            missing = (plan.gilt.schluessel,)
        elif not result:
            tree = conditions.interpret(plan.bedingung, facts, plan.parameter)
            self._count(tree)
            result = tree.ergebnis.value
            missing = conditions.missing(plan.bedingung, facts, plan.parameter) if result == "offen" else ()
        missing = lacking(REGISTRY, missing, facts)
        self.results[result] += 1
        self._open.update(missing)
        if len(missing) == 1:
            self._alone[missing[0]] += 1
        return result

    def _count(self, tree: Explained) -> None:
        number, possible = 0, True
        pending = [tree]
        while pending:
            said = pending.pop()
            self._nodes[number][said.ergebnis.value] += 1
            if self._steps[number].funnel:
                possible = possible and said.ergebnis is not conditions.NEIN
                self._left[number] += possible
            number += 1
            pending += reversed(said.teile)

    def tally(self) -> Tally:
        """Return what was counted so far."""
        counts = zip(self._steps, self._nodes, self._left, strict=True)
        return make_tally(
            self.plan,
            self.families,
            self.results,
            [(step, said["ja"], said["nein"], said["offen"], left) for step, said, left in counts],
            {name: (count, self._alone[name]) for name, count in self._open.items()},
        )


def applies(plan: Plan, facts: Mapping[str, Value]) -> str:
    """Return ``offen`` or ``gilt_nicht`` where the rule's own time decides, else nothing."""
    key, gilt = facts.get(plan.gilt.schluessel), plan.gilt
    if type(key) is not date:
        return "offen"
    return "" if gilt.ab <= key and (gilt.bis is None or key <= gilt.bis) else "gilt_nicht"


def make_tally(
    plan: Plan,
    families: int,
    results: Mapping[str, int],
    counted: Iterable[tuple[Step, int, int, int, int]],
    waiting: Mapping[str, tuple[int, int]],
) -> Tally:
    """Return counts as a Tally: ``waiting`` holds for each fact how many decisions wait for it, and for it alone."""
    asked = [Asked(name, source_of(plan, name), many, alone) for name, (many, alone) in waiting.items() if many]
    return Tally(
        plan.lebenslage,
        plan.leistung,
        plan.gilt.ab,
        families,
        {result: results.get(result, 0) for result in RESULTS},
        tuple(
            StepCount(step, ja, nein, offen, left if step.funnel else None) for step, ja, nein, offen, left in counted
        ),
        tuple(sorted(asked, key=lambda one: (-one.alone, -one.open, one.name))),
    )


def lines(tally: Tally) -> list[str]:
    """Return a tally as an author reads it."""
    whole = tally.families or 1
    shares = "  ".join(f"{result} {count:,} ({count / whole:.0%})" for result, count in tally.results.items())
    found = [f"{tally.lebenslage}/{tally.leistung} (ab {tally.ab}): {tally.families:,} families", f"  {shares}"]
    width = max((len(_condition(one.step)) for one in tally.steps), default=0)
    found.append(f"  {'condition':<{width}}  {'ja':>9} {'nein':>9} {'offen':>9} {'left':>9}")
    for one in tally.steps:
        left = "" if one.left is None else f"{one.left:,}"
        counts = f"{one.ja:>9,} {one.nein:>9,} {one.offen:>9,} {left:>9}"
        found.append(f"  {_condition(one.step):<{width}}  {counts}".rstrip())
    if tally.asked:
        found.append("  what matters most of what is not known:")
        found += [
            f"    {one.name} ({one.source}): open in {one.open:,}, alone decides {one.alone:,}" for one in tally.asked
        ]
    return found


def _condition(step: Step) -> str:
    return f"{'  ' * step.depth}{step.text} (Z. {step.line})"
