"""Who waits to be erased: the requests of a day are done together, so that no tombstone groups one person's entries.

A request is one row, by two people; it goes with the person. Whoever cannot be erased yet (a hold, an Auftrag about to
leave) stays in the list and is told of; the others go. Left to others: erasing itself (``keys.erasing``), the same for
whoever asks with ``proaktiv keys destroy``; what was wished in the office (``keys.requested``).
Source: flowlog.md § 4 (Erasure), Art. 12 (3), 17 (1) DSGVO.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from proaktiv.core.calendar import berlin_date
from proaktiv.core.errors import NotFound
from proaktiv.keys.erasing import Erased, Eraser, Reason, Refused, four_eyes
from proaktiv.tables import ErasureRequestRow, ErasureRow, core_table

COMPANY = timedelta(days=7)
"""So long somebody who waits alone waits for company; Art. 12 (3) DSGVO gives a month."""
TOGETHER_MAX = 200
"""So many at once: their file numbers must fit into one entry's staff part."""

_ERASURES = core_table(ErasureRow)
_REQUESTS = core_table(ErasureRequestRow)
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Done:
    """What a run did. ``refused``: who stays in the list, and everything that stands in the way."""

    erased: Erased = field(default_factory=Erased)
    refused: Mapping[UUID, tuple[str, ...]] = field(default_factory=dict)
    waiting: int = 0
    """Who could be erased and waits for company."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """The list of one installation."""

    eraser: Eraser

    def ask(
        self,
        persons: Sequence[UUID],
        reason: Reason,
        by: str,
        and_by: str,
        case: str = "",
        at: datetime | None = None,
    ) -> int:
        """Put persons on the list; who is on it already stays as they are. Returns how many are new.

        ``at`` is when it was decided, if that was earlier.
        Raises ``BadInput`` without a second person, ``NotFound``, and ``Refused`` with all that stands in the way now.
        """
        four_eyes(by, and_by)
        self.eraser.look(list(dict.fromkeys(persons)))
        asked_at = at or self.eraser.clock()
        row = {"reason": reason.value, "asked_by": by, "asked_and": and_by, "case_id": case, "asked_at": asked_at}
        with self.eraser.database.transaction() as session:
            statement = insert(_ERASURES).values([row | {"person": person} for person in dict.fromkeys(persons)])
            added = statement.on_conflict_do_nothing().returning(_ERASURES.c.person)
            return len(session.connection().execute(added).all())

    def drop(self, person: UUID) -> None:
        """Take somebody off the list who took the request back. Raises ``NotFound``."""
        with self.eraser.database.transaction() as session:
            if not session.connection().execute(delete(_ERASURES).where(_ERASURES.c.person == person)).rowcount:
                raise NotFound(f"person {person} does not wait to be erased")
            session.connection().execute(delete(_REQUESTS).where(_REQUESTS.c.person == person))

    def asked(self) -> list[Any]:
        """Return the requests, oldest first."""
        with self.eraser.database.transaction() as session:
            return list(session.connection().execute(select(_ERASURES).order_by(_ERASURES.c.asked_at)).all())

    def daily(self) -> int:
        """Erase whoever was asked for on an earlier day. Returns 0: what is left is left until tomorrow."""
        today = berlin_date(self.eraser.clock())
        due = [row for row in self.asked() if berlin_date(row.asked_at) < today]
        if due:
            done = self._together(due, self.eraser.clock(), wait=True)
            for person, reasons in done.refused.items():
                _log.warning("erasure.waits", person=str(person), reasons=list(reasons))
            if done.erased.persons:
                _log.info("persons.erased", n=len(done.erased.persons), entries=done.erased.entries)
        return 0

    def run(self, *, wait: bool = True) -> Done:
        """Erase everybody on the list who can be; somebody alone waits for company unless ``wait`` is false."""
        return self._together(self.asked(), self.eraser.clock(), wait=wait)

    def _together(self, rows: Sequence[Any], now: datetime, *, wait: bool) -> Done:
        refused: dict[UUID, tuple[str, ...]] = {}
        ready = []
        for row in rows[:TOGETHER_MAX]:
            try:
                self.eraser.look([row.person])
            except Refused as error:
                refused[row.person] = error.reasons
            else:
                ready.append(row)
        if not ready:
            return Done(refused=refused)
        if wait and len(ready) == 1 and now - ready[0].asked_at < COMPANY:
            return Done(refused=refused, waiting=1)
        bases = {Reason(row.reason).basis for row in ready}
        erased = self.eraser.destroy_decided(
            [row.person for row in ready],
            basis=bases.pop() if len(bases) == 1 else "Art. 17 Abs. 1 DSGVO",
            by="; ".join(sorted({f"{row.asked_by} + {row.asked_and}" for row in ready})),
            case="; ".join(sorted({row.case_id for row in ready if row.case_id})),
        )
        return Done(erased, refused)
