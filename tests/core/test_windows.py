"""When people sleep, in Berlin time, in summer and in winter."""

from datetime import UTC, datetime, timedelta

import pytest

from proaktiv.core.windows import quiet


@pytest.mark.parametrize(
    ("at", "sleeps"),
    [
        (datetime(2026, 7, 1, 18, 59, 59, tzinfo=UTC), False),
        (datetime(2026, 7, 1, 19, 0, tzinfo=UTC), True),
        (datetime(2026, 7, 1, 4, 59, 59, tzinfo=UTC), True),
        (datetime(2026, 7, 1, 5, 0, tzinfo=UTC), False),
        (datetime(2026, 12, 1, 20, 0, tzinfo=UTC), True),
        (datetime(2026, 12, 1, 5, 59, 59, tzinfo=UTC), True),
        (datetime(2026, 12, 1, 6, 0, tzinfo=UTC), False),
    ],
)
def test_the_night_is_from_nine_to_seven_in_berlin(at: datetime, sleeps: bool) -> None:
    assert quiet(at) is sleeps


@pytest.mark.parametrize("day", [datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC)])
def test_every_night_has_ten_hours_but_those_when_the_clocks_change(day: datetime) -> None:
    noon = day - timedelta(hours=12)
    asleep = sum(quiet(noon + timedelta(minutes=15 * step)) for step in range(96))
    assert asleep == (36 if day.month == 3 else 44)
