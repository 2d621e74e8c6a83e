"""Series: more of one thing in a short time than work needs. Pure: instants in, stretches out.

What is more than usual is the DSB's own policy and never forbids anything: the work goes on, and is seen.
Left to others: whose acts they are (``flowlog.findings.series``). Source: Art. 5 (1) lit. b and c, 32 DSGVO.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Pace:
    """How many look-ups of one person, or by the same two, are no series yet: in any hour, in any 24 hours."""

    per_hour: int = 5
    per_day: int = 20

    def exceeded(self, hour: int, day: int) -> bool:
        """Return whether so many are a series."""
        return hour > self.per_hour or day > self.per_day


@dataclass(frozen=True, slots=True)
class Stretch:
    """A series: places of its first and last act, and the most acts that an hour and 24 hours of it hold."""

    first: int
    last: int
    hour: int
    day: int


def stretches(at: Sequence[datetime], pace: Pace) -> list[Stretch]:
    """Return the series among acts at these instants, the oldest first; windows that overlap are one series.

    ``at`` is sorted. A window holds what lies less than its length before its last act.
    """
    found: list[Stretch] = []
    hour_from = day_from = 0
    for place, now in enumerate(at):
        while at[hour_from] <= now - HOUR:
            hour_from += 1
        while at[day_from] <= now - DAY:
            day_from += 1
        hour, day = place - hour_from + 1, place - day_from + 1
        if not pace.exceeded(hour, day):
            continue
        first = day_from if day > pace.per_day else hour_from
        while found and found[-1].last >= first:
            before = found.pop()
            first, hour, day = min(first, before.first), max(hour, before.hour), max(day, before.day)
        found.append(Stretch(first, place, hour, day))
    return found
