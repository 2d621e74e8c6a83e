"""What clerks and the DSB do."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from proaktiv.acts.means import Means
from proaktiv.core.tasks import How
from proaktiv.steps import (
    tasks,
)


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

    def finish(self, task: UUID, how: How, by: str) -> None:
        """End a task in one of its ways."""
        now = self.clock()
        with self.database.transaction() as session:
            tasks.finish(session, self.house, task, how, by, now)
