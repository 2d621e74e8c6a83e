"""A bucket refills with time, holds a second's worth, and lets whoever waits know when to come."""

from datetime import UTC, datetime, timedelta

import pytest

from proaktiv.core.rates import Rate

NOW = datetime(2026, 10, 14, 9, 0, tzinfo=UTC)


def test_a_bucket_refills_up_to_one_seconds_worth_and_no_more() -> None:
    rate = Rate(10.0)
    assert rate.filled(0.0, NOW, NOW + timedelta(milliseconds=300)) == pytest.approx(3.0)
    assert rate.filled(4.0, NOW, NOW + timedelta(days=9)) == rate.burst == 10.0


def test_a_clock_that_went_back_fills_nothing() -> None:
    assert Rate(10.0).filled(2.0, NOW, NOW - timedelta(hours=1)) == 2.0


def test_less_than_one_a_second_still_lets_one_go() -> None:
    slow = Rate(0.5)
    assert slow.burst == 1.0
    assert slow.turn(3) == timedelta(seconds=6)


@pytest.mark.parametrize("none", [0.0, -1.0])
def test_a_rate_of_nothing_is_none(none: float) -> None:
    with pytest.raises(ValueError, match="nothing"):
        Rate(none)
