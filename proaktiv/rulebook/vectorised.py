"""A Plan over a whole table at once, in Polars: for simulations, and as a second implementation to test the first.

Needs the extra ``proaktiv[simulation]``; nothing that serves citizens imports this. An unknown fact is a null, and
Polars' Boolean logic over nulls is Kleene's. Therefore **never ``when`` on a condition that can be null**: it takes
the other branch and turns "open" into "no". Left to others: making or reading families (``families``), counting
(``vectorised_tally``). Source: rules.md §§ 3.4, 5.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import reduce
from itertools import chain
from operator import and_, or_
from pathlib import Path

import polars as pl

from proaktiv.core.derived import REGISTRY
from proaktiv.core.fristen import Rechnung
from proaktiv.core.nodes import NUMBERS, Alle, Nicht, Node, Op, Operand, Vergleich, leaves, parameters_of
from proaktiv.core.parameters import Parameter, Parameterwert, Table, Value
from proaktiv.core.plans import Plan
from proaktiv.rulebook.simulate import versions
from proaktiv.rulebook.vectorised_values import COLUMN, asks_yes_or_no, day_column, reckoned, value_column, value_of

TODAY = "heute"
RESULTS = ("ja", "nein", "offen", "gilt_nicht")

_PYTHON: Mapping[type[pl.DataType], type] = {pl.Boolean: bool, pl.Int64: int, pl.Date: date, pl.String: str}


# tables --------------------------------------------------------------------------------------------------------------


def columns_of(plans: Iterable[Plan]) -> dict[str, type[pl.DataType]]:
    """Return the facts that decide ``plans``, each with its column's type; today is one, derived facts are others."""
    found: dict[str, type[pl.DataType]] = {TODAY: pl.Date}
    for plan in chain.from_iterable(versions(each) for each in plans):
        found[plan.gilt.schluessel] = pl.Date
        for leaf in leaves(plan.bedingung):
            found[leaf.das] = _column_type(leaf, plan.parameter)
            if isinstance(leaf.wert, Rechnung):
                found[leaf.wert.von] = pl.Date
        for name in sorted(parameters_of(plan.bedingung)):
            found |= _columns_of_parameter(plan.parameter[name])
    for name in found.keys() & REGISTRY.keys():
        needs = REGISTRY[name].needs.items()
        found |= {need: next(column for column, kind in _PYTHON.items() if kind is wanted) for need, wanted in needs}
    return found


def table_of(plan: Plan, rows: Iterable[Mapping[str, Value]]) -> pl.DataFrame:
    """Return rows of facts, each with its ``heute``, as the table that decides ``plan``."""
    return frame_of([plan.known(row) for row in rows], columns_of([plan]))


def frame_of(rows: Sequence[Mapping[str, Value]], columns: Mapping[str, type[pl.DataType]]) -> pl.DataFrame:
    """Return rows of facts as a table. What is not of its column's very type is unknown, as in ``conditions``."""
    return pl.DataFrame(
        {name: pl.Series(name, list(_values(rows, name, dtype)), dtype=dtype) for name, dtype in columns.items()}
    )


def _values(rows: Sequence[Mapping[str, Value]], name: str, dtype: type[pl.DataType]) -> Iterator[Value | None]:
    kind = _PYTHON[dtype]
    for row in rows:
        value = row.get(name)
        yield value if type(value) is kind else None


def _column_type(leaf: Vergleich, parameter: Table) -> type[pl.DataType]:
    if leaf.op in NUMBERS:
        return pl.Int64
    if leaf.op is Op.EINER_VON:
        return pl.String
    if isinstance(leaf.wert, Parameterwert):
        return COLUMN[parameter[leaf.wert.name].typ]
    return next((column for column, kind in _PYTHON.items() if type(leaf.wert) is kind), pl.Date)


def _columns_of_parameter(parameter: Parameter) -> dict[str, type[pl.DataType]]:
    found: dict[str, type[pl.DataType]] = {parameter.schluessel: pl.Date}
    if parameter.je_ort:
        found[parameter.je_ort] = pl.String
    for werte in (parameter.werte, *parameter.orte.values()):
        found |= {wert.je: pl.Boolean if asks_yes_or_no(wert) else pl.String for wert in werte if wert.je}
    return found


# deciding ------------------------------------------------------------------------------------------------------------


def decide(plan: Plan, frame: pl.DataFrame) -> pl.Series:
    """Return one of ``RESULTS`` for every row of ``frame``, which has the columns ``columns_of`` this Plan."""
    return prepared(plan, frame.lazy()).select(result(plan).alias("result")).collect().to_series()


def prepared(plan: Plan, rows: pl.LazyFrame) -> pl.LazyFrame:
    """Return ``rows`` with a column more for every parameter and every reckoned day that decides ``plan``.

    One column a step of reckoning: nested into one expression, each step would repeat the one before it three times.
    """
    for each in versions(plan):
        rows = _prepared(each, rows)
    return rows


def _prepared(plan: Plan, rows: pl.LazyFrame) -> pl.LazyFrame:
    names = sorted(parameters_of(plan.bedingung))
    rows = rows.with_columns(value_of(plan.parameter[name]).alias(value_column(name)) for name in names)
    for rechnung in dict.fromkeys(leaf.wert for leaf in leaves(plan.bedingung)):
        if isinstance(rechnung, Rechnung):
            rows = reckoned(rows, rechnung)
    return rows


def result(plan: Plan) -> pl.Expr:
    """Return the Plan's result over ``prepared`` rows: one of ``RESULTS``, never null."""
    first, *later = versions(plan)
    found = _result(first)
    for each in later:
        found = pl.when(applies_to(each).fill_null(value=False)).then(_result(each)).otherwise(found)
    return found


def _result(plan: Plan) -> pl.Expr:
    applies, holds = applies_to(plan), condition(plan.bedingung)
    # Every `when` below asks something that is never null; "open" is what remains. Numbers are a fifth of the work.
    ja, nein, offen, gilt_nicht = (pl.lit(number, dtype=pl.UInt8) for number in range(len(RESULTS)))
    return (
        pl.when(applies.is_null())
        .then(offen)
        .when(applies.fill_null(value=False).not_())
        .then(gilt_nicht)
        .when(holds.is_null())
        .then(offen)
        .when(holds.fill_null(value=False))
        .then(ja)
        .otherwise(nein)
        .cat.to(pl.Enum(RESULTS))
    )


def applies_to(plan: Plan) -> pl.Expr:
    """Return whether the rule applies to this time at all; null where its key date is unknown."""
    key = pl.col(plan.gilt.schluessel)
    applies = key >= pl.lit(plan.gilt.ab)
    return applies & (key <= pl.lit(plan.gilt.bis)) if plan.gilt.bis is not None else applies


def condition(node: Node) -> pl.Expr:
    """Return a condition over ``prepared`` rows as a nullable Boolean: true is ja, false nein, null offen."""
    if isinstance(node, Vergleich):
        return _comparison(node)
    if isinstance(node, Nicht):
        return condition(node.teil).not_()
    return reduce(and_ if isinstance(node, Alle) else or_, [condition(part) for part in node.teile])


def known(leaf: Vergleich) -> pl.Expr:
    """Return the fact's column, null where a register's code is none that the catalogue knows."""
    column = pl.col(leaf.das)
    if not leaf.codes:
        return column
    return pl.when(column.is_in(list(leaf.codes)).fill_null(value=False)).then(column)


def limit(operand: Operand) -> pl.Expr:
    """Return what a fact is compared with over ``prepared`` rows; null where it is unknown."""
    if isinstance(operand, Rechnung):
        return pl.col(day_column(operand))
    return pl.col(value_column(operand.name)) if isinstance(operand, Parameterwert) else pl.lit(operand)


def _comparison(leaf: Vergleich) -> pl.Expr:
    fact, against = known(leaf), limit(leaf.wert)
    match leaf.op:
        case Op.MAXIMAL | Op.BIS:
            return fact <= against
        case Op.MINDESTENS | Op.AB:
            return fact >= against
        case Op.WENIGER_ALS:
            return fact < against
        case Op.MEHR_ALS:
            return fact > against
        case Op.EINER_VON:
            return fact.is_in(list(leaf.wert) if isinstance(leaf.wert, tuple) else [leaf.wert])
        case Op.IST:
            return fact == against


def read_parquet(path: Path) -> tuple[list[str], Iterator[dict[str, object]]]:
    """Return the columns and the rows of a Parquet file. Raises ``OSError`` where it is none."""
    try:
        frame = pl.read_parquet(path)
    except pl.exceptions.PolarsError as error:
        raise OSError(str(error).partition("\n")[0]) from None
    return frame.columns, frame.iter_rows(named=True)
