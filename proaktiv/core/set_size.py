"""How many items one set may have, so that whoever comes meanwhile waits about half a second for it and no longer.

A large set costs less an item; but while it is worked on nobody else's event is. On a machine at rest a hundred take
a fifth of a second; beside a flood, which keeps PostgreSQL and the processors busy too, they take whole seconds.
Pure. Source: security-and-faults.md T21.
"""

from dataclasses import dataclass

TARGET_SECONDS = 0.5
LEAST = 40
"""Below it the set's own statements cost more than its items."""


@dataclass(slots=True)
class SetSize:
    """Between ``LEAST`` and ``most``. Threads may share it: what is lost between them is one observation."""

    most: int
    _size: float = 0.0

    def __post_init__(self) -> None:
        self._size = float(self.most)

    @property
    def now(self) -> int:
        """Return how many the next set may have."""
        return max(min(LEAST, self.most), min(self.most, int(self._size)))

    def took(self, items: int, seconds: float) -> None:
        """Learn from a set: half from it, half from those before. A small one says little, and only if it was slow."""
        if items <= 0 or (items < LEAST and seconds < TARGET_SECONDS):
            return
        fits = items * TARGET_SECONDS / max(seconds, 0.001)
        self._size = max(1.0, min(float(self.most), (self._size + fits) / 2))
