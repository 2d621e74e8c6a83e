"""Every start day 2019–2032 and every length 1–36 against the words of §§ 187–193 BGB, walked day by day.

The walker knows no month arithmetic: it goes from day to day and counts how often a month began. The naive formula
must fail the same comparison.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator
from datetime import date, timedelta

import pytest

from proaktiv.core.dates import (
    bundesweiter_feiertag,
    ende_monate_ereignis,
    ende_monate_tagbeginn,
    ende_tage,
    ende_wochen,
    lebensmonat_ende,
    monatsende,
    rueck_monate,
    vollendet,
    werktag_nach,
    werktag_vor,
)
from tests.core.test_dates import naive

DAY = timedelta(days=1)
FIRST, LAST = date(2019, 1, 1), date(2032, 12, 31)
LENGTHS = range(1, 37)


def days(first: date, last: date) -> Iterator[date]:
    day = first
    while day <= last:
        yield day
        day += DAY


MONTHS: list[list[date]] = []
for _day in days(date(2015, 1, 1), date(2036, 12, 31)):
    if not MONTHS or _day.month != MONTHS[-1][-1].month:
        MONTHS.append([])
    MONTHS[-1].append(_day)
STARTS = [month[0] for month in MONTHS]


def months_on(day: date, n: int) -> list[date]:
    """Return all days of the month that is ``n`` months after that of ``day``."""
    return MONTHS[bisect_right(STARTS, day) - 1 + n]


def by_event(day: date, n: int) -> date:
    """§ 188 (2) Alt. 1: the day whose number corresponds to the event's; (3): where it is missing, the last day."""
    month = months_on(day, n)
    return next((each for each in month if each.day == day.day), month[-1])


def by_beginning(day: date, n: int) -> date:
    """§ 188 (2) Alt. 2: the day before the one whose number corresponds; (3): where that is missing, the last day."""
    month = months_on(day, n)
    return next((each - DAY for each in month if each.day == day.day), month[-1])


def backwards(day: date, n: int) -> date:
    """The last day before the day from which ``n`` whole months lead to ``day``."""
    month = months_on(day, -n)
    return next((each for each in month if each.day == day.day), month[-1]) - DAY


def failures(made: Callable[[date, int], date], walked: Callable[[date, int], date]) -> int:
    return sum(made(day, n) != walked(day, n) for day in days(FIRST, LAST) for n in LENGTHS)


@pytest.mark.parametrize(
    ("made", "walked"),
    [
        (ende_monate_ereignis, by_event),
        (ende_monate_tagbeginn, by_beginning),
        (lebensmonat_ende, by_beginning),
        (rueck_monate, backwards),
        (monatsende, lambda day, n: months_on(day, n)[-1]),
        (ende_tage, lambda day, n: date.fromordinal(day.toordinal() + n)),
        (ende_wochen, lambda day, n: date.fromordinal(day.toordinal() + 7 * n)),
    ],
)
def test_a_period_ends_where_the_law_says_on_every_day(
    made: Callable[[date, int], date], walked: Callable[[date, int], date]
) -> None:
    assert failures(made, walked) == 0


def test_control_the_naive_formula_fails_for_more_than_one_in_a_hundred() -> None:
    wrong = failures(naive, by_beginning)
    assert 0.01 < wrong / (len(list(days(FIRST, LAST))) * len(LENGTHS)) < 0.02


def test_an_age_is_completed_when_twelve_times_as_many_months_are() -> None:
    for day in days(FIRST, date(2033, 12, 31)):
        for years in (1, 2):
            assert vollendet(day, years) == by_beginning(day, 12 * years)


def test_a_shift_lands_on_the_nearest_working_day_and_passes_only_over_others() -> None:
    for day in days(FIRST, LAST):
        after, before = werktag_nach(day, bundesweiter_feiertag), werktag_vor(day, bundesweiter_feiertag)
        assert before <= day <= after
        for each in days(before, after):
            free = each.weekday() >= 5 or bundesweiter_feiertag(each)
            assert free == (each not in {before, after})
