"""What a Plan compares with, over a whole table in Polars: values of parameters, and reckoned days.

The second implementation of ``core.parameters`` and ``core.dates``. Left to others: conditions (``vectorised``).
Source: rules.md § 5; §§ 187, 188, 192 BGB.
"""

from collections.abc import Callable, Mapping
from datetime import date

import polars as pl

from proaktiv.core.dates import MAX_STEPS
from proaktiv.core.fristen import Rechnung
from proaktiv.core.parameters import AREAS, Parameter, Parameterwert, Wert

_SHIFTED, _EPOCH = " shifted", " epoch"
"""Columns on the way; no fact's name begins with a space."""

_LAST_DAY = (date.max - date(1970, 1, 1)).days
_FIRST_DAY = (date.min - date(1970, 1, 1)).days
COLUMN: Mapping[str, type[pl.DataType]] = {
    "zahl": pl.Int64,
    "betrag": pl.Int64,
    "datum": pl.Date,
    "janein": pl.Boolean,
    "code": pl.String,
    "text": pl.String,
    "ars": pl.String,
}
"""Columns by the type of a fact or parameter. Amounts are whole cents."""


def value_column(name: str) -> str:
    """Return the column with a parameter's value."""
    return f"parameter {name}"


def day_column(rechnung: Rechnung) -> str:
    """Return the column with a reckoned day."""
    return f"= {rechnung}"


# parameters ----------------------------------------------------------------------------------------------------------


def value_of(parameter: Parameter) -> pl.Expr:
    """Return a parameter's value by its own key date, and by the Gemeinde where it has one each; null where unknown."""
    dtype = COLUMN[parameter.typ]
    return _looked_up(parameter, lambda wert: _chosen(wert, dtype), dtype)


def depends_on(parameter: Parameter) -> pl.Expr:
    """Return the fact that chooses among the values of the day, or "" for none; null where no value is found at all."""
    return _looked_up(parameter, lambda wert: pl.lit(wert.je), pl.String)


def series_of(parameter: Parameter) -> pl.Expr:
    """Return the number of the series of values of the row's Gemeinde; null where it has none."""
    # Hundreds of Gemeinden share few series of values: look up which, then choose among those.
    series = _different(parameter)
    which = {where: series.index(werte) for where, werte in parameter.orte.items()}
    ars, names, numbers = pl.col(parameter.je_ort), list(which), list(which.values())
    return pl.coalesce(
        ars.str.head(digits).replace_strict(names, numbers, default=None, return_dtype=pl.Int32) for digits in AREAS
    )


def _different(parameter: Parameter) -> list[tuple[Wert, ...]]:
    return list(dict.fromkeys(parameter.orte.values()))


def _looked_up(parameter: Parameter, of: Callable[[Wert], pl.Expr], dtype: type[pl.DataType]) -> pl.Expr:
    if not parameter.je_ort:
        return _by_day(parameter.schluessel, parameter.werte, of, dtype)
    found: pl.Expr = pl.lit(None, dtype=dtype)
    for number, werte in enumerate(_different(parameter)):
        here = (series_of(parameter) == number).fill_null(value=False)
        found = pl.when(here).then(_by_day(parameter.schluessel, werte, of, dtype)).otherwise(found)
    return found


def _by_day(
    schluessel: str, werte: tuple[Wert, ...], of: Callable[[Wert], pl.Expr], dtype: type[pl.DataType]
) -> pl.Expr:
    found: pl.Expr = pl.lit(None, dtype=dtype)
    for wert in werte:
        began = (pl.col(schluessel) >= pl.lit(wert.ab)).fill_null(value=False)
        found = pl.when(began).then(of(wert)).otherwise(found)
    return found


def _chosen(wert: Wert, dtype: type[pl.DataType]) -> pl.Expr:
    if not wert.je:
        return pl.lit(wert.wert, dtype=dtype)
    found: pl.Expr = pl.lit(None, dtype=dtype)
    for word, value in wert.wahl.items():
        said = pl.col(wert.je) == pl.lit(word == "ja" if asks_yes_or_no(wert) else word)
        found = pl.when(said.fill_null(value=False)).then(pl.lit(value, dtype=dtype)).otherwise(found)
    return found


# days ----------------------------------------------------------------------------------------------------------------


def reckoned(rows: pl.LazyFrame, rechnung: Rechnung) -> pl.LazyFrame:
    """Return ``rows`` with the column of a reckoned day: null where something is unknown or the calendar ends."""
    name = day_column(rechnung)
    rows = rows.with_columns(pl.col(rechnung.von).alias(name))
    for step, count in rechnung.schritte:
        if step in {"tage", "wochen"}:
            epoch = pl.col(name).cast(pl.Int32) + _steps(step, count)
        else:
            shifted = pl.col(name).dt.month_start() if step == "monatsende" else pl.col(name)
            # Polars moves to the same day number, or to the month's last where there is none.
            rows = rows.with_columns(shifted.dt.offset_by(_months(step, count)).alias(_SHIFTED))
            epoch = pl.col(_SHIFTED).cast(pl.Int32) - _days_back(pl.col(name), step)
        rows = rows.with_columns(epoch.alias(_EPOCH))
        inside = pl.col(_EPOCH).is_between(_FIRST_DAY, _LAST_DAY).fill_null(value=False)
        rows = rows.with_columns(pl.when(inside).then(pl.col(_EPOCH)).cast(pl.Date).alias(name))
    return rows


def _steps(step: str, count: int | Parameterwert) -> pl.Expr:
    """Return how many days or months a step goes, null where that is unknown or no period."""
    each = {"wochen": 7, "lebensjahr": 12}.get(step, 1)
    if isinstance(count, int):
        return pl.lit(count * each if 0 <= count * each <= MAX_STEPS else None, dtype=pl.Int32)
    n = pl.col(value_column(count.name)) * each
    return pl.when(n.is_between(0, MAX_STEPS).fill_null(value=False)).then(n).cast(pl.Int32)


def _months(step: str, count: int | Parameterwert) -> str | pl.Expr:
    """Return the months of a step in Polars' notation."""
    back, more = ("-" if step == "rueck_monate" else ""), int(step == "monatsende")
    if isinstance(count, int):
        each = 12 if step == "lebensjahr" else 1
        within = 0 <= count * each <= MAX_STEPS
        return f"{back}{count * each + more}mo" if within else pl.lit(None, dtype=pl.String)
    return pl.format(f"{back}{{}}mo", _steps(step, count) + more)


def _days_back(day: pl.Expr, step: str) -> pl.Expr:
    """Return how many days lie between the moved day and the end of the period.

    A month that counts its first day ends the day before, but where there is no such day number it ends with the
    month: taking a day away from a clamped day as well would be one too many (§ 188 (3) BGB).
    """
    if step in {"lebensmonat", "lebensjahr"}:
        return (pl.col(_SHIFTED).dt.day() == day.dt.day()).cast(pl.Int32)
    return pl.lit(0 if step == "monate" else 1, dtype=pl.Int32)


def asks_yes_or_no(wert: Wert) -> bool:
    """Return whether the fact that chooses this value is a yes or no."""
    return wert.wahl.keys() <= {"ja", "nein"}
