"""Deadlines: from a day that the law names to the last day of its period. Pure calendar dates, no clock.

The one place with month arithmetic; whoever writes ``+ months`` elsewhere gets § 188 (3) BGB wrong. Which clock is
shifted by a weekend is the rule's business (``core.lebenslagen.Frist``), which days are holidays the caller's.
Sources: §§ 187, 188, 192, 193 BGB; lebenslagen.md § 3 (normative, with its test vectors).
"""

from collections.abc import Callable
from datetime import date, timedelta
from functools import lru_cache

MAX_STEPS = 3660
"""Longest period in days, weeks or months. Longer ones are typing errors."""

_DAY = timedelta(days=1)
_SATURDAY = 5
_FEBRUARY = 2
_LENGTHS = (0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)

Holiday = Callable[[date], bool]
"""Says whether a day is a public holiday where the declaration is to be made."""


class DateRangeError(ValueError):
    """A period is negative or too long, or leaves the calendar; the message holds no date of a person."""


def ende_tage(day: date, n: int) -> date:
    """Return the end of a period of ``n`` days after an event on ``day``, which does not count.

    ``n`` is 0..3660 here and below; raises ``DateRangeError`` outside. Source: §§ 187 (1), 188 (1) BGB.
    """
    try:
        return day + timedelta(days=_checked(n))
    except OverflowError:
        raise DateRangeError("the period leaves the calendar") from None


def ende_wochen(day: date, n: int) -> date:
    """Return the end of a period of ``n`` weeks after an event on ``day``. Source: §§ 187 (1), 188 (2) BGB."""
    return ende_tage(day, 7 * n)


def ende_monate_ereignis(day: date, n: int) -> date:
    """Return the end of a period of ``n`` months after an event on ``day``, which does not count.

    The same day number, or the month's last day where there is none. Source: §§ 187 (1), 188 (2) Alt. 1, (3) BGB.
    """
    year, month = _month(day, _checked(n))
    return date(year, month, min(day.day, _length(year, month)))


def ende_monate_tagbeginn(day: date, n: int) -> date:
    """Return the end of a period of ``n`` months that begins with the start of ``day``, which counts.

    The day before the same day number. Not "add months, clamp, minus one day": that ends a month from 31 January on
    27 February instead of the 28th. Source: §§ 187 (2), 188 (2) Alt. 2, (3) BGB.
    """
    if day.day == 1:
        return monatsende(day, _checked(n) - 1)
    year, month = _month(day, _checked(n))
    return date(year, month, min(day.day - 1, _length(year, month)))


def lebensmonat_ende(born_on: date, n: int) -> date:
    """Return the last day of the ``n``-th month of life. Source: § 4 BEEG with §§ 187 (2), 188 BGB."""
    return ende_monate_tagbeginn(born_on, n)


def vollendet(born_on: date, years: int) -> date:
    """Return the day with whose end the age of ``years`` (0..305) is completed: the day before the birthday.

    Source: § 187 (2) S. 2 BGB.
    """
    return ende_monate_tagbeginn(born_on, 12 * years)


def monatsende(day: date, k: int) -> date:
    """Return the last day of the month ``k`` (-1..3660) months after that of ``day``. Source: § 192 BGB."""
    year, month = _month(day, k if k == -1 else _checked(k))
    return date(year, month, _length(year, month))


def rueck_monate(day: date, n: int) -> date:
    """Return the last day on which ``n`` whole months still lie before ``day``.

    The day before the same day number ``n`` months earlier (clamped to that month's end first, which is the earlier
    and so the safe reading). Never shifted forward. Source: §§ 187, 188 BGB by analogy.
    """
    year, month = _month(day, -_checked(n))
    try:
        return date(year, month, min(day.day, _length(year, month))) - _DAY
    except OverflowError:
        raise DateRangeError("the period leaves the calendar") from None


def werktag_nach(day: date, holiday: Holiday) -> date:
    """Return ``day``, or the next day that is no Saturday, Sunday or holiday. Source: § 193 BGB."""
    while day.weekday() >= _SATURDAY or holiday(day):
        day += _DAY
    return day


def werktag_vor(day: date, holiday: Holiday) -> date:
    """Return ``day``, or the last day before it that is no Saturday, Sunday or holiday: what a person is told."""
    while day.weekday() >= _SATURDAY or holiday(day):
        day -= _DAY
    return day


@lru_cache(maxsize=4096)
def bundesweiter_feiertag(day: date) -> bool:
    """Return whether ``day`` is a public holiday in every Land. 24 and 31 December are none.

    The fallback where the receiving office's own calendar is not known. Source: the Länder's Feiertagsgesetze, which
    agree on these nine.
    """
    if (day.month, day.day) in {(1, 1), (5, 1), (10, 3), (12, 25), (12, 26)}:
        return True
    return (day - easter(day.year)).days in {-2, 1, 39, 50}


@lru_cache(maxsize=64)
def easter(year: int) -> date:
    """Return Easter Sunday of a Gregorian year. Source: Gauß' rule with Lichtenberg's two exceptions."""
    century = year // 100
    moon = 15 + (3 * century + 3) // 4 - (8 * century + 13) // 25
    sun = 2 - (3 * century + 3) // 4
    cycle = year % 19
    seed = (19 * cycle + moon) % 30
    limit = 21 + seed - (seed + cycle // 11) // 29
    sunday = 7 - (year + year // 4 + sun) % 7
    return date(year, 3, 1) + timedelta(days=limit + 7 - (limit - sunday) % 7 - 1)


def _checked(n: int) -> int:
    if not 0 <= n <= MAX_STEPS:
        raise DateRangeError(f"a period has 0 to {MAX_STEPS} steps, not {n}")
    return n


def _length(year: int, month: int) -> int:
    """Return the number of days of a month; ``calendar.monthrange`` also finds its weekday, which takes longer."""
    if month == _FEBRUARY and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0):
        return 29
    return _LENGTHS[month]


def _month(day: date, shift: int) -> tuple[int, int]:
    """Return year and month ``shift`` months away. Raises ``DateRangeError`` outside the years 1..9999."""
    years, month = divmod(day.month - 1 + shift, 12)
    year = day.year + years
    if not 1 <= year <= 9999:
        raise DateRangeError("the period leaves the calendar")
    return year, month + 1
