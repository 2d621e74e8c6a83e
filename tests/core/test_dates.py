"""Deadlines against the vectors of lebenslagen.md § 3, and against the formula that everybody writes first."""

from calendar import monthrange
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proaktiv.core.dates import (
    DateRangeError,
    bundesweiter_feiertag,
    easter,
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

LEBENSMONAT_ENDS = [
    ("2026-10-31", 1, "2026-11-30"),
    ("2026-10-31", 2, "2026-12-30"),
    ("2026-10-31", 3, "2027-01-30"),
    ("2026-10-31", 4, "2027-02-28"),
    ("2025-12-31", 4, "2026-04-30"),
    ("2026-01-01", 4, "2026-04-30"),
    ("2024-02-29", 4, "2024-06-28"),
    ("2024-02-29", 12, "2025-02-28"),
    ("2025-01-31", 1, "2025-02-28"),
]

AGES = [
    ("2008-02-29", 18, "2026-02-28"),
    ("2008-12-01", 18, "2026-11-30"),
    ("2008-12-02", 18, "2026-12-01"),
    ("2020-07-01", 6, "2026-06-30"),
    ("2008-03-01", 18, "2026-02-28"),
    ("2008-01-01", 18, "2025-12-31"),
    ("2008-12-31", 18, "2026-12-30"),
]

days = st.dates(date(1900, 1, 1), date(2200, 12, 31))


def d(text: str) -> date:
    return date.fromisoformat(text)


def plain_holiday(_day: date) -> bool:
    return False


def bavarian(day: date) -> bool:
    return bundesweiter_feiertag(day) or (day.month, day.day) == (1, 6)


def naive(born_on: date, months: int) -> date:
    """Add months, clamp, minus one day: the formula that § 188 (3) BGB does not say."""
    years, month = divmod(born_on.month - 1 + months, 12)
    year, month = born_on.year + years, month + 1
    return date(year, month, min(born_on.day, monthrange(year, month)[1])) - timedelta(days=1)


@pytest.mark.parametrize(("born", "n", "ends"), LEBENSMONAT_ENDS)
def test_a_month_of_life_ends_where_the_law_says(born: str, n: int, ends: str) -> None:
    assert lebensmonat_ende(d(born), n) == d(ends)


def test_the_naive_formula_fails_the_same_vectors() -> None:
    wrong = [(born, n) for born, n, ends in LEBENSMONAT_ENDS if naive(d(born), n) != d(ends)]
    assert wrong == [("2026-10-31", 1), ("2026-10-31", 4), ("2025-12-31", 4), ("2024-02-29", 12), ("2025-01-31", 1)]


def test_the_naive_formula_is_wrong_for_about_one_start_in_eighty() -> None:
    start = date(2019, 1, 1)
    pairs = [(start + timedelta(days=k), n) for k in range(1461) for n in range(1, 37)]
    wrong = sum(naive(day, n) != ende_monate_tagbeginn(day, n) for day, n in pairs)
    assert 0.010 < wrong / len(pairs) < 0.015


@pytest.mark.parametrize(("born", "years", "on"), AGES)
def test_an_age_is_completed_the_day_before_the_birthday(born: str, years: int, on: str) -> None:
    assert vollendet(d(born), years) == d(on)


def test_months_after_an_event_keep_the_day_number_or_end_with_the_month() -> None:
    assert ende_monate_ereignis(d("2026-08-31"), 6) == d("2027-02-28")
    assert ende_monate_ereignis(d("2023-08-31"), 6) == d("2024-02-29")
    assert ende_monate_ereignis(d("2026-10-15"), 3) == d("2027-01-15")


def test_an_end_on_a_sunday_moves_to_monday() -> None:
    assert werktag_nach(ende_monate_ereignis(d("2026-08-31"), 6), bundesweiter_feiertag) == d("2027-03-01")


def test_two_weeks_from_before_christmas_end_on_epiphany_which_only_some_laender_keep() -> None:
    end = ende_wochen(d("2026-12-23"), 2)
    assert end == d("2027-01-06")
    assert werktag_nach(end, bundesweiter_feiertag) == d("2027-01-06")
    assert werktag_nach(end, bavarian) == d("2027-01-07")


def test_months_backwards_end_a_day_before_the_naive_day() -> None:
    assert rueck_monate(d("2027-10-06"), 6) == d("2027-04-05")
    assert rueck_monate(d("2027-08-31"), 6) == d("2027-02-27")


def test_the_end_of_a_month_is_its_last_day() -> None:
    assert monatsende(d("2026-10-31"), 6) == d("2027-04-30")
    assert monatsende(d("2026-10-01"), 0) == d("2026-10-31")
    assert monatsende(d("2024-01-31"), 1) == d("2024-02-29")


def test_days_after_an_event_do_not_count_the_event() -> None:
    assert ende_tage(d("2026-10-31"), 1) == d("2026-11-01")


def test_what_a_person_is_told_never_lies_after_the_end() -> None:
    assert werktag_vor(d("2026-10-18"), bundesweiter_feiertag) == d("2026-10-16")
    assert werktag_vor(d("2026-12-26"), bundesweiter_feiertag) == d("2026-12-24")
    assert werktag_vor(d("2026-10-16"), bundesweiter_feiertag) == d("2026-10-16")


def test_the_24th_and_the_31st_of_december_shift_nothing() -> None:
    assert not bundesweiter_feiertag(d("2026-12-24"))
    assert not bundesweiter_feiertag(d("2026-12-31"))


@pytest.mark.parametrize(
    ("year", "on"),
    [
        (1954, "04-18"),
        (1981, "04-19"),
        (2008, "03-23"),
        (2024, "03-31"),
        (2026, "04-05"),
        (2049, "04-18"),
        (2076, "04-19"),
    ],
)
def test_easter_falls_where_the_calendar_has_it(year: int, on: str) -> None:
    assert easter(year) == d(f"{year}-{on}")


def test_the_holidays_of_every_land_in_2026() -> None:
    found = [day for k in range(365) if bundesweiter_feiertag(day := d("2026-01-01") + timedelta(days=k))]
    expected = ["01-01", "04-03", "04-06", "05-01", "05-14", "05-25", "10-03", "12-25", "12-26"]
    assert [f"{day:%m-%d}" for day in found] == expected


@given(days, st.integers(1, 400))
def test_a_period_from_the_start_of_a_day_is_never_longer_than_one_after_an_event(day: date, n: int) -> None:
    begun, after = ende_monate_tagbeginn(day, n), ende_monate_ereignis(day, n)
    assert begun <= after <= begun + timedelta(days=1)


@given(days, st.integers(1, 400))
def test_periods_of_months_follow_each_other_without_gap_from_the_first(day: date, n: int) -> None:
    first = day.replace(day=1)
    assert ende_monate_tagbeginn(first, n) + timedelta(days=1) == ende_monate_ereignis(first, n)


@given(days, st.integers(0, 400))
def test_backwards_leaves_at_least_the_whole_months(day: date, n: int) -> None:
    assert ende_monate_ereignis(rueck_monate(day, n), n) < day


@given(days)
def test_a_working_day_is_its_own_next_and_last(day: date) -> None:
    forward, back = werktag_nach(day, plain_holiday), werktag_vor(day, plain_holiday)
    assert forward.weekday() < 5
    assert back.weekday() < 5
    assert back <= day <= forward <= day + timedelta(days=2)


@pytest.mark.parametrize("n", [-1, 3661])
@pytest.mark.parametrize("period", [ende_tage, ende_wochen, ende_monate_ereignis, ende_monate_tagbeginn, rueck_monate])
def test_a_negative_or_endless_period_is_refused(period: object, n: int) -> None:
    assert callable(period)
    with pytest.raises(DateRangeError):
        period(d("2026-10-31"), n)


@pytest.mark.parametrize("period", [ende_tage, ende_monate_ereignis, ende_monate_tagbeginn, monatsende, vollendet])
def test_a_period_that_leaves_the_calendar_is_refused(period: object) -> None:
    assert callable(period)
    with pytest.raises(DateRangeError):
        period(date(9999, 12, 31), 12)


def test_a_period_before_the_calendar_is_refused() -> None:
    with pytest.raises(DateRangeError):
        rueck_monate(date(1, 1, 1), 0)
    with pytest.raises(DateRangeError):
        rueck_monate(date(1, 1, 31), 1)


@given(days, st.integers(0, 12))
def test_a_month_ends_where_the_calendar_says(day: date, k: int) -> None:
    end = monatsende(day, k)
    assert end.day == monthrange(end.year, end.month)[1]
