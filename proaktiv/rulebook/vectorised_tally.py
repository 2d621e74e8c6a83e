"""Counts families under one Plan in one pass over a table: the same Tally as ``simulate.Counting``, in Polars.

Source: rules.md § 3.4.
"""

from collections.abc import Iterator, Mapping
from functools import reduce
from operator import and_, or_

import polars as pl

from proaktiv.core.derived import REGISTRY
from proaktiv.core.fristen import Rechnung
from proaktiv.core.nodes import Alle, Nicht, Node, Vergleich
from proaktiv.core.parameters import Parameter, Parameterwert, Table
from proaktiv.core.plans import Plan
from proaktiv.rulebook import vectorised, vectorised_values
from proaktiv.rulebook.simulate import RESULTS, Tally, make_tally, steps_of

_APPLIES, _RESULT = " applies", " result"


def tally(plan: Plan, frame: pl.DataFrame) -> Tally:
    """Return the counts of every row of ``frame``, which has the columns of ``vectorised.columns_of``.

    ``plan`` is one Fassung (``simulate.versions``).
    """
    steps = steps_of(plan.bedingung)
    numbers = {id(node): number for number, (_, node) in enumerate(steps)}
    rows = vectorised.prepared(plan, frame.lazy())
    rows = rows.with_columns(vectorised.applies_to(plan).alias(_APPLIES), vectorised.result(plan).alias(_RESULT))
    # Children stand behind their parents, so each node finds its parts done.
    for number, (_, node) in reversed(list(enumerate(steps))):
        rows = rows.with_columns(_said(node, numbers).alias(_column(number)))
    in_time = pl.col(_APPLIES).fill_null(value=False)
    counts: dict[str, pl.Expr] = {}
    possible = in_time
    for number, (step, _) in enumerate(steps):
        said = pl.col(_column(number))
        counts[f"ja {number}"] = (in_time & said.fill_null(value=False)).sum()
        counts[f"nein {number}"] = (in_time & said.not_().fill_null(value=False)).sum()
        counts[f"offen {number}"] = (in_time & said.is_null()).sum()
        if step.funnel:
            possible = possible & said.fill_null(value=True)
        counts[f"left {number}"] = possible.sum()
    waiting: dict[str, pl.Expr] = {}
    undated = (plan.gilt.schluessel, pl.col(_APPLIES).is_null())
    for wanted, waits in (undated, *_waiting(plan.bedingung, in_time, plan.parameter, numbers)):
        for name, lacks in _sources(wanted, waits):
            waiting[name] = waiting[name] | lacks if name in waiting else lacks
    rows = rows.with_columns(waits.alias(f"? {name}") for name, waits in waiting.items())
    facts = pl.sum_horizontal(pl.col(f"? {name}").cast(pl.Int32) for name in waiting)
    for name in waiting:
        counts[f"waits {name}"] = pl.col(f"? {name}").sum()
        counts[f"alone {name}"] = (pl.col(f"? {name}") & (facts == 1)).sum()
    counts |= {f"result {word}": (pl.col(_RESULT) == word).sum() for word in RESULTS}
    found = rows.select(**counts).collect().row(0, named=True)
    return make_tally(
        plan,
        frame.height,
        {word: found[f"result {word}"] for word in RESULTS},
        [
            (step, found[f"ja {n}"], found[f"nein {n}"], found[f"offen {n}"], found[f"left {n}"])
            for n, (step, _) in enumerate(steps)
        ],
        {name: (found[f"waits {name}"], found[f"alone {name}"]) for name in waiting},
    )


def _column(number: int) -> str:
    return f" node {number}"


def _said(node: Node, numbers: Mapping[int, int]) -> pl.Expr:
    if isinstance(node, Vergleich):
        return vectorised.condition(node)
    if isinstance(node, Nicht):
        return pl.col(_column(numbers[id(node.teil)])).not_()
    parts = [pl.col(_column(numbers[id(part)])) for part in node.teile]
    return reduce(and_ if isinstance(node, Alle) else or_, parts)


def _waiting(node: Node, above: pl.Expr, parameter: Table, numbers: Mapping[int, int]) -> Iterator[tuple[str, pl.Expr]]:
    """Yield facts with whether they can still decide ``node``: never null. The same as ``conditions.missing``."""
    is_open = above & pl.col(_column(numbers[id(node)])).is_null()
    if not isinstance(node, Vergleich):
        for part in (node.teil,) if isinstance(node, Nicht) else node.teile:
            yield from _waiting(part, is_open, parameter, numbers)
        return
    yield node.das, is_open & vectorised.known(node).is_null()
    wert = node.wert
    if isinstance(wert, Parameterwert):
        yield from ((name, is_open & lacks) for name, lacks in _lacking(parameter[wert.name]))
    elif isinstance(wert, Rechnung):
        lost = is_open & vectorised.limit(wert).is_null()
        unknown = pl.col(wert.von).is_null()
        lacking = [one for name in sorted(wert.parameters()) for one in _lacking(parameter[name])]
        none_lacks = pl.all_horizontal(lacks.not_() for _, lacks in lacking) if lacking else pl.lit(value=True)
        yield wert.von, lost & (unknown | none_lacks)
        yield from ((name, lost & unknown.not_() & lacks) for name, lacks in lacking)


def _sources(name: str, waits: pl.Expr) -> Iterator[tuple[str, pl.Expr]]:
    """Yield what a derived fact lacks, instead of it. The same as ``core.derived.lacking``."""
    if name not in REGISTRY:
        yield name, waits
        return
    needs = list(REGISTRY[name].needs)
    none_lacks = pl.all_horizontal(pl.col(need).is_not_null() for need in needs)
    yield from ((need, waits & (none_lacks | pl.col(need).is_null())) for need in needs)


def _lacking(parameter: Parameter) -> list[tuple[str, pl.Expr]]:
    """Return, by fact, whether it is what a parameter lacks for a value. The same as ``Parameter.stand(…).fehlt``."""
    undated = pl.col(parameter.schluessel).is_null()
    placeless = vectorised_values.series_of(parameter).is_null() if parameter.je_ort else pl.lit(value=False)
    found = undated.not_() & placeless.not_()
    by = vectorised_values.depends_on(parameter)
    nothing = vectorised_values.value_of(parameter).is_null()
    lacking = [(parameter.schluessel, undated | (found & by.is_null()))]
    if parameter.je_ort:
        lacking.append((parameter.je_ort, placeless))
    facts = {wert.je for werte in (parameter.werte, *parameter.orte.values()) for wert in werte if wert.je}
    lacking += [(name, found & nothing & (by == name).fill_null(value=False)) for name in sorted(facts)]
    return lacking
