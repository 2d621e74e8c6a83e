"""What clerks and the DSB do."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlmodel import Session

from notifiers.reports import Fate
from proaktiv.acts.means import Means
from proaktiv.core.calendar import berlin_date
from proaktiv.core.retention import RULES
from proaktiv.core.tasks import How
from proaktiv.flowlog.keeping import holds
from proaktiv.flowlog.verifying.sealed import Seals
from proaktiv.steps import (
    notify,
    proving,
    release,
    retain,
    tasks,
    verifying,
)

RETENTION_SET = 500
"""Rows of one set that is deleted in one transaction."""


@dataclass(frozen=True, slots=True)
class OfficeActs(Means):
    """The acts of the office's surface."""

    def tasks(self, behoerde: str = "") -> list[dict[str, Any]]:
        """Return what waits for a human."""
        with self.database.transaction() as session:
            return tasks.open_tasks(session, behoerde)

    def incidents(self) -> list[dict[str, str]]:
        """Return what the DSB must see."""
        with self.database.transaction() as session:
            return tasks.incidents(session)

    def bounced(self, delivery: UUID, fate: Fate) -> bool:
        """Apply a failure report of a mail; False where its hand-over is not recorded yet."""
        now = self.clock()
        with self.database.transaction() as session:
            return notify.bounced(session, self.house, delivery, fate, now)

    def finish(self, task: UUID, how: How, by: str) -> None:
        """End a task in one of its ways."""
        now = self.clock()
        with self.database.transaction() as session:
            tasks.finish(session, self.house, task, how, by, now)

    def prove_flow(self, fid: UUID, by: str, reason: str) -> str:
        """Return the proof of one entry with its staff part open, which is logged first."""
        now = self.clock()
        with self.database.transaction() as session:
            proving.announce(session, self.house, fid, by, reason, now)
        with self.database.transaction() as session:
            return proving.opened_proof(session, self.house, fid, self.staff_private)

    @contextmanager
    def opened_log(self, by: str, reason: str, *, staff: bool, subjects: bool) -> Iterator[tuple[Session, Seals]]:
        """Yield a moment of the whole log and what opens its sealed parts to judge them, which is logged first."""
        now = self.clock()
        with self.database.transaction() as session:
            entry = verifying.announce(session, self.house, by, reason, now, staff=staff, subjects=subjects)
        with self.database.transaction() as session:
            yield (
                session,
                verifying.seals(session, self.house, entry, self.staff_private, staff=staff, subjects=subjects),
            )

    def preview_retention(self, on: date | None = None) -> retain.Preview:
        """Return what would be deleted today, or on another day; nothing is."""
        today = on or berlin_date(self.clock())
        with self.database.transaction() as session:
            return retain.preview(session, self.terms, today, on or berlin_date(self.wall()))

    def delete_all(self, told: Callable[[str, int], None]) -> dict[str, int]:
        """Delete everything that is over now, whether or not this day's run is done; say after each set what went.

        Returns the rows by rule. What somebody works on this instant is left to the worker's next run.
        """
        now, wall = self.clock(), self.wall()
        taken: dict[str, int] = {}
        for rule in RULES:
            while True:
                with self.database.transaction() as session:
                    done = retain.take(session, self.house, self.terms, rule, now, wall, RETENTION_SET)
                taken[rule.name] = taken.get(rule.name, 0) + done.n
                told(rule.name, done.n)
                if not done.n or not done.more:
                    break
        return taken

    def hold(self, *, person: UUID | None, auftrag: UUID | None, reason: str, by: str) -> UUID:
        """Keep everything of a person, or of an Auftrag, from deletion."""
        now = self.clock()
        with self.database.transaction() as session:
            return retain.place(session, self.house, person=person, auftrag=auftrag, reason=reason, by=by, now=now)

    def release_hold(self, hold: UUID, *, reason: str, by: str) -> None:
        """Let what was held go when its time has come."""
        now = self.clock()
        with self.database.transaction() as session:
            retain.release(session, self.house, hold, reason=reason, by=by, now=now)

    # the flow log -------------------------------------------------------------------------------------------------

    def hold_entries(self, held: holds.Held, *, reason: str, review_on: date, by: str, and_by: str) -> UUID:
        """Keep entries of the flow log from retention until two people release them."""
        now = self.clock()
        hold = self.house.ids.row(now)
        with self.database.transaction() as session:
            holds.place(
                session,
                self.house.log,
                self.house.controller,
                held,
                reason=reason,
                review_on=review_on,
                by=by,
                and_by=and_by,
                hold=hold,
                now=now,
            )
        return hold

    def release_entries(self, hold: UUID, *, reason: str, by: str, and_by: str) -> None:
        """Let entries go with the next run whose time has come."""
        now, house = self.clock(), self.house
        with self.database.transaction() as session:
            holds.release(session, house.log, house.controller, hold, reason=reason, by=by, and_by=and_by, now=now)

    def held_entries(self) -> list[dict[str, Any]]:
        """Return the holds on entries that stand."""
        with self.database.transaction() as session:
            return holds.standing(session)

    def release_entry(self, fid: UUID, *, reason: str, by: str) -> UUID:
        """Show a person an entry of the log that was kept from them."""
        now = self.clock()
        with self.database.transaction() as session:
            return release.release(session, self.house, fid, reason, by, now)
