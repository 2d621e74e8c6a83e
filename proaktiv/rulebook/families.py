"""Synthetic families: facts drawn at random for simulations and comparisons, and never anybody's.

Crowded on and beside every boundary that the Plans have, so that a rule's change shows; therefore **no population**:
shares among them are not shares among people. Whoever gets one sees it: its ``kennung`` begins with ``SYN-``.
Made from the Plans alone, so that a Plan released years ago can be tried too. Source: rules.md §§ 0, 3.4.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import chain
from random import Random

from proaktiv.core.derived import REGISTRY
from proaktiv.core.fristen import Rechnung
from proaktiv.core.nodes import NUMBERS, Op, Vergleich, leaves, parameters_of
from proaktiv.core.parameters import Parameter, Parameterwert, Value, Wert
from proaktiv.core.plans import Plan

TODAY = "heute"
OTHER = "anderes"
"""What a text fact is if it is none of the values that the rules name."""

PLACES = ("990010000000", *(f"{land:02}0000000000" for land in range(1, 17)))
"""An invented place that lies in no Land, and each Land as a whole, which is nobody's address."""

_ON_THE_EDGE = 0.35
_FITS = 0.8
_UNKNOWN = {"register": 0.1, "person": 0.4, "": 0.03}
"""How often a fact is unknown, by where it comes from: a register may not answer, a person was often not asked."""

_DAYS = {"tage": 1.0, "wochen": 7.0, "monate": 30.44, "lebensmonat": 30.44, "monatsende": 30.44, "lebensjahr": 365.25}
_A_DECADE = 3_652


@dataclass(slots=True)
class _Shape:
    """What is known of one fact from the Plans that look at it."""

    kind: type = str
    codes: dict[str, None] = field(default_factory=dict)
    wanted: set[Value] = field(default_factory=set)
    bounds: set[int] = field(default_factory=set)
    days: set[date] = field(default_factory=set)
    spans: list[Rechnung] = field(default_factory=list)
    source: str = ""


class Families:
    """Draws rows of facts for ``plans`` as they are on ``today``; the same seed gives the same rows."""

    def __init__(self, plans: Sequence[Plan], today: date, seed: int) -> None:
        self.plans = plans
        self.today = today
        self.dice = Random(seed)  # noqa: S311 - dice for invented people
        self.shapes = _shapes(plans)
        self.pairs = [
            (plan, leaf, leaf.wert)
            for plan in plans
            for leaf in leaves(plan.bedingung)
            if isinstance(leaf.wert, Rechnung) and leaf.das != TODAY
        ]
        self.draws: dict[str, Callable[[], Value]] = {name: self._draw(shape) for name, shape in self.shapes.items()}

    def rows(self, families: int) -> Iterator[dict[str, Value]]:
        """Yield so many rows; each has a ``kennung`` of its own that shows that it is invented."""
        for number in range(1, families + 1):
            row = {name: draw() for name, draw in self.draws.items()}
            for plan, leaf, wert in self.pairs:
                limit = wert.on(row, plan.parameter)
                if limit is not None and self.dice.random() < _ON_THE_EDGE:
                    row[leaf.das] = self._beside(limit)
            for name, shape in self.shapes.items():
                if self.dice.random() < _UNKNOWN[shape.source]:
                    del row[name]
            row["kennung"] = f"SYN-{number:07d}"
            yield row

    def _draw(self, shape: _Shape) -> Callable[[], Value]:
        dice = self.dice
        if shape.kind is bool:
            fitting = next(iter(shape.wanted)) if len(shape.wanted) == 1 else True
            return lambda: fitting if dice.random() < _FITS else not fitting
        if shape.kind is int:
            edges = sorted(shape.bounds) or [1]
            most = 2 * max(edges) + 2
            return lambda: (
                dice.choice(edges) + dice.randint(-1, 1) if dice.random() < _ON_THE_EDGE else dice.randrange(most)
            )
        if shape.kind is date:
            return self._day(shape)
        words = list(shape.codes) or [*sorted(str(word) for word in shape.wanted), OTHER]
        return lambda: dice.choice(words)

    def _day(self, shape: _Shape) -> Callable[[], Value]:
        dice = self.dice
        spans = [_length(span) for span in shape.spans] or [0.0]
        edges = sorted(shape.days)
        # A span of ten years or more is somebody's age: born so long ago or longer. A short one began not long since.
        ages = [span for span in spans if span > _A_DECADE]
        low, high = (0.9 * min(ages), max(ages) + 3 * _A_DECADE) if ages else (0.0, max(400.0, 1.5 * max(spans)))

        def draw() -> Value:
            if shape.spans and dice.random() < _ON_THE_EDGE:
                return self._ending_today(dice.choice(shape.spans))
            if edges and dice.random() < _ON_THE_EDGE / 2:
                return self._beside(dice.choice(edges))
            return self.today - timedelta(days=dice.randint(int(low), int(high)))

        return draw

    def _beside(self, day: date) -> date:
        return day + timedelta(days=self.dice.randint(-1, 1)) if date.min < day < date.max else day

    def _ending_today(self, span: Rechnung) -> date:
        """Return a day from which ``span`` ends today, or a day off."""
        begun = self.today - timedelta(days=round(_length(span)))
        for _ in range(2):
            end = span.on({span.von: begun})
            begun += self.today - end if end else timedelta()
        return self._beside(begun)


def _shapes(plans: Iterable[Plan]) -> dict[str, _Shape]:
    shapes: dict[str, _Shape] = {}

    def shape(name: str, plan: Plan, kind: type | None = None) -> _Shape:
        found = shapes.setdefault(name, _Shape())
        found.kind = kind or found.kind
        asked = {frage.name for frage in plan.fragen}
        found.source = "register" if name in plan.register else "person" if name in asked else ""
        return found

    for plan in chain.from_iterable((each, *each.fassungen) for each in plans):
        edges = shape(plan.gilt.schluessel, plan, date).days
        edges |= {day for day in (plan.gilt.ab, plan.gilt.bis) if day is not None}
        for leaf in leaves(plan.bedingung):
            _learn(shape(leaf.das, plan, _kind(leaf, plan)), leaf, plan)
            if isinstance(leaf.wert, Rechnung):
                begun = shape(leaf.wert.von, plan, date)
                if leaf.das == TODAY and not leaf.wert.parameters():
                    begun.spans.append(leaf.wert)
        for name in sorted(parameters_of(plan.bedingung)):
            parameter = plan.parameter[name]
            shape(parameter.schluessel, plan, date).days |= parameter.days()
            if parameter.je_ort:
                shape(parameter.je_ort, plan, str).codes |= dict.fromkeys(parameter.orte)
            for wert in _werte(parameter):
                if wert.je:
                    yes_or_no = wert.wahl.keys() <= {"ja", "nein"}
                    chosen = shape(wert.je, plan, bool if yes_or_no else str)
                    chosen.codes |= {} if yes_or_no else dict.fromkeys(wert.wahl)
    shapes.pop(TODAY, None)
    for name in shapes.keys() & REGISTRY.keys():
        _learn_sources(shapes, name)
    return shapes


def _learn_sources(shapes: dict[str, _Shape], name: str) -> None:
    """Let the facts from which one is derived be drawn instead of it, beside the same edges where both are days."""
    derived = shapes.pop(name)
    for need, kind in REGISTRY[name].needs.items():
        source = shapes.setdefault(need, _Shape(kind, source=derived.source))
        source.kind = kind
        if kind is date:
            source.days |= derived.days
            source.spans += derived.spans
        elif kind is str and need.endswith("_ars"):
            source.codes |= dict.fromkeys(PLACES)


def _werte(parameter: Parameter) -> Iterator[Wert]:
    yield from parameter.werte
    for werte in parameter.orte.values():
        yield from werte


def _kind(leaf: Vergleich, plan: Plan) -> type:
    if leaf.op in NUMBERS:
        return int
    if leaf.op in {Op.BIS, Op.AB}:
        return date
    if isinstance(leaf.wert, Parameterwert):
        typ = plan.parameter[leaf.wert.name].typ
        return {"zahl": int, "betrag": int, "janein": bool, "datum": date}.get(typ, str)
    return str if isinstance(leaf.wert, tuple) else type(leaf.wert)


def _learn(shape: _Shape, leaf: Vergleich, plan: Plan) -> None:
    shape.codes |= dict.fromkeys(leaf.codes)
    wert = leaf.wert
    named: list[Value] = []
    if isinstance(wert, Parameterwert):
        for one in _werte(plan.parameter[wert.name]):
            named += [*one.wahl.values(), *([one.wert] if one.wert is not None else [])]
    elif isinstance(wert, tuple):
        named += wert
    elif not isinstance(wert, Rechnung):
        named.append(wert)
    for value in named:
        if isinstance(value, bool | str):
            shape.wanted.add(value)
        elif isinstance(value, int):
            shape.bounds.add(value)
        else:
            shape.days.add(value)


def _length(span: Rechnung) -> float:
    """Return about how many days a reckoning goes forward."""
    days = 0.0
    for step, n in span.schritte:
        if isinstance(n, int):
            days += n * _DAYS[step] if step in _DAYS else -30.44 * n
    return days
