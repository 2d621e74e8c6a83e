"""How long an entry of the flow log is kept: per purpose, 730 days unless an installation says otherwise.

Pure. A period ends with the end of a day in Berlin, as all periods here do (``core.terms``). Sources: flowlog.md § 1
(legal reading: one year in § 13 WRegG and § 21a BZRG, two in § 9 (3) IDNrG); data-path.md § 5 (Retention).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from proaktiv.core.errors import BadInput
from proaktiv.core.terms import Period

SHORTEST_DAYS = 365
LONGEST_DAYS = 3650
DEFAULT = "default"
"""The name under which a setting changes what holds for every purpose that it does not name."""


@dataclass(frozen=True, slots=True)
class LogTerms:
    """The periods of one installation."""

    default: Period = field(default_factory=lambda: Period(days=730))
    purposes: Mapping[str, Period] = field(default_factory=dict, hash=False)

    @classmethod
    def read(cls, setting: Mapping[str, int]) -> "LogTerms":
        """Return the periods with what a setting changes, e.g. ``{"geburt": 1095}``, in days.

        Raises ``BadInput`` outside 365 to 3650 days: the database itself lets no younger entry go.
        """
        for purpose, days in setting.items():
            if not SHORTEST_DAYS <= days <= LONGEST_DAYS:
                raise BadInput(f"/{purpose}", f"must be {SHORTEST_DAYS} to {LONGEST_DAYS} days")
        periods = {purpose: Period(days=days) for purpose, days in setting.items()}
        return cls(periods.pop(DEFAULT, cls().default), periods)

    def newest_over(self, purpose: str, today: date) -> date:
        """Return the newest day whose entries of this purpose are over ``today``."""
        return self.purposes.get(purpose, self.default).newest_over(today)

    def newest_over_of_any(self, today: date) -> date:
        """Return the newest day of which an entry of any purpose is over: that of the shortest period."""
        return max(period.newest_over(today) for period in (self.default, *self.purposes.values()))
