"""A series is found wherever a window holds too much, once, and by nothing else; held against counting every window."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from proaktiv.core.series import DAY, HOUR, Pace, stretches

NOON = datetime(2026, 10, 14, 12, tzinfo=UTC)


def minutes(*after: float) -> list[datetime]:
    return [NOON + timedelta(minutes=minute) for minute in after]


def test_five_in_an_hour_are_none_and_the_sixth_makes_one_of_them_all() -> None:
    assert stretches(minutes(0, 10, 20, 30, 40), Pace()) == []
    (found,) = stretches(minutes(0, 10, 20, 30, 40, 50), Pace())
    assert (found.first, found.last, found.hour, found.day) == (0, 5, 6, 6)


def test_an_hour_is_over_after_an_hour() -> None:
    assert stretches(minutes(0, 10, 20, 30, 40, 60), Pace()) == []
    assert len(stretches(minutes(0, 10, 20, 30, 40, 59.9), Pace())) == 1


def test_what_stays_below_an_hours_measure_is_a_series_by_the_days() -> None:
    slow = minutes(*(n * 60 for n in range(21)))
    (found,) = stretches(slow, Pace())
    assert (found.first, found.last, found.hour, found.day) == (0, 20, 1, 21)
    assert stretches(slow[:20], Pace()) == []


def test_twenty_in_thirteen_minutes_are_one_series_and_the_next_days_another() -> None:
    burst = minutes(*(n * 0.65 for n in range(20)))
    again = [at + timedelta(days=2) for at in burst]
    assert [(s.first, s.last, s.hour) for s in stretches(burst + again, Pace())] == [(0, 19, 20), (20, 39, 20)]


def test_with_nothing_allowed_each_act_is_seen() -> None:
    assert [(s.first, s.last) for s in stretches(minutes(0, 3000), Pace(0, 0))] == [(0, 0), (1, 1)]


@given(st.lists(st.integers(0, 4000), max_size=40), st.integers(0, 4), st.integers(0, 8))
def test_an_act_is_in_a_series_just_where_some_window_with_it_holds_too_many(
    after: list[int], per_hour: int, per_day: int
) -> None:
    at = minutes(*sorted(after))
    pace = Pace(per_hour, per_day)
    found = stretches(at, pace)
    told = {place for one in found for place in range(one.first, one.last + 1)}
    expected: set[int] = set()
    for last, now in enumerate(at):
        for span, most in ((HOUR, per_hour), (DAY, per_day)):
            window = {place for place in range(last + 1) if at[place] > now - span}
            expected |= window if len(window) > most else set()
    assert told == expected
    assert sum(one.last - one.first + 1 for one in found) == len(told), "none stands in two"
    for one in found:
        assert one.hour > per_hour or one.day > per_day
