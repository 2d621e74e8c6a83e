"""How fast messages may leave: a bucket of leaves that refills, for a channel and for each recipient's domain.

Pure: the bucket is what stands in a row (how full it was, and when), the steps bring the clock. A message that finds
the bucket empty did not fail; it goes a moment later. Source: channels-and-pages.md § 3.3.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Rate:
    """So many a second, and as many at once after a quiet second, or ``at_once`` after a longer one; at least one."""

    per_second: float
    at_once: float = 1.0

    def __post_init__(self) -> None:
        """Raise ``ValueError`` where nothing could ever leave."""
        if self.per_second <= 0:
            raise ValueError("a rate is more than nothing")

    @property
    def burst(self) -> float:
        """Return how many may leave at once."""
        return max(self.per_second, self.at_once, 1.0)

    def filled(self, level: float, at: datetime, now: datetime) -> float:
        """Return how full a bucket is ``now`` that was at ``level`` then; a clock that went back fills nothing."""
        passed = max((now - at).total_seconds(), 0.0)
        return min(level + passed * self.per_second, self.burst)

    def turn(self, place: int) -> timedelta:
        """Return when it is the turn of whoever stands at ``place`` (1 or more) behind an empty bucket."""
        return timedelta(seconds=place / self.per_second)


@dataclass(frozen=True, slots=True)
class Rates:
    """The most that mail may do: in all, and towards one domain."""

    total: Rate = Rate(50.0)
    domain: Rate = Rate(10.0)

    def of(self, target: bytes) -> Rate:
        """Return the rate of one domain's bucket, or, without a domain, of all mail together."""
        return self.domain if target else self.total
