"""What anybody may ask of the log, without a name: reads, and nothing about anybody."""

from dataclasses import dataclass

from proaktiv.acts.means import Means
from proaktiv.flowlog import published


@dataclass(frozen=True, slots=True)
class PublishedActs(Means):
    """The public face of the log."""

    def log_checkpoint(self) -> str:
        """Return the newest checkpoint. Raises ``NotFound``."""
        with self.database.transaction() as session:
            return published.published_checkpoint(session)

    def log_file(self, path: str) -> bytes:
        """Return a tile or an entry bundle. Raises ``NotFound``."""
        with self.database.transaction() as session:
            return published.published_file(session, path)

    def log_minimum_index(self) -> int:
        """Return the place of the first entry that is published."""
        with self.database.transaction() as session:
            return published.minimum_index(session)
