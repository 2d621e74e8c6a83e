"""Derived facts of a child: months and years that laws count by."""

from datetime import date

from proaktiv.core.dates import DateRangeError, monatsende, vollendet
from proaktiv.core.derived.registry import Derived
from proaktiv.core.parameters import Value


def _month(born_on: date) -> Value:
    return born_on.replace(day=1)


def _next_january(born_on: date, today: date) -> Value | None:
    """Return the first of January after the birth once it has come: what holds then was not known before."""
    if born_on.year >= date.max.year:
        return None
    first = date(born_on.year + 1, 1, 1)
    return first if first <= today else None


def _assessed_year(born_on: date) -> Value:
    return born_on.year - 1


def _turned(years: int, born_on: date) -> Value | None:
    """Return the day after the one with whose end the age is completed: the first day of the next year of life."""
    try:
        return date.fromordinal(vollendet(born_on, years).toordinal() + 1)
    except (DateRangeError, ValueError):
        return None


def _first(born_on: date) -> Value | None:
    return _turned(1, born_on)


def _last_kindergeld_month(born_on: date) -> Value | None:
    """Return the last day of the last month at whose beginning 18 years are not yet completed."""
    try:
        done = vollendet(born_on, 18)
        # Completed with the end of this day: the next month begins with the age completed, this one did not.
        return monatsende(done, 0)
    except DateRangeError:
        return None


_BORN = {"kind.geburtsdatum": date}

ALL = (
    Derived("kind.geburtsmonat", "datum", "§ 66 Abs. 2 EStG", _BORN, _month),
    Derived("kind.januar_danach", "datum", "§ 66 Abs. 2 EStG", {**_BORN, "heute": date}, _next_january),
    Derived("kind.veranlagungsjahr", "zahl", "§ 1 Abs. 8 S. 1 BEEG", _BORN, _assessed_year),
    Derived("kind.ein_jahr_alt_am", "datum", "§ 24 Abs. 2 SGB VIII; § 187 Abs. 2 BGB", _BORN, _first),
    Derived("kind.kindergeld_bis", "datum", "§ 32 Abs. 3 EStG; § 187 Abs. 2 BGB", _BORN, _last_kindergeld_month),
)
