"""A run of the log's retention: its sets, each a transaction of its own, and when the month's run is due.

Left to others: what is over, and what a set does (``flowlog.keeping.retention``), who starts it (``proaktiv log
retain``, or ``proaktiv work --erase`` once a month).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from proaktiv.core.calendar import berlin_date, month_of
from proaktiv.database import Database
from proaktiv.flowlog.keeping.retention import Preview, Pruning, Reach, last_finished


@dataclass(frozen=True, slots=True)
class LogRetention:
    """One process's share of the installation; ``clock`` is the one that entries carry."""

    database: Database
    pruning: Pruning
    clock: Callable[[], datetime]

    def preview(self, on: date | None = None) -> Preview:
        """Count what a run today, or on another day, would take; nothing is written."""
        with self.database.transaction() as session:
            return self.pruning.preview(session, on or berlin_date(self.clock()))

    def run(self, by: str = "system", told: Callable[[int], None] = lambda _n: None) -> int:
        """Take everything that is over, set by set, each a transaction with its entry. Returns how many went.

        ``told`` hears after each set how many went so far. Raises ``NotPruned``: earlier sets are gone and told of.
        """
        reach: Reach | None = None
        after: UUID | None = UUID(int=0)
        gone = 0
        while after is not None:
            with self.database.transaction() as session:
                reach = reach or self.pruning.reach(session, berlin_date(self.clock()))
                taken = self.pruning.take(session, reach, after, by, self.clock())
            after = taken.following
            gone += taken.n
            told(gone)
        return gone

    def monthly(self) -> int:
        """Do the month's run unless one was finished in this month already. Returns 0: nothing is left to do today."""
        with self.database.transaction() as session:
            last = last_finished(session)
        if last is None or month_of(berlin_date(last)) != month_of(berlin_date(self.clock())):
            self.run()
        return 0
