"""Let somebody act while a step stands at one of its places, without a clock and without luck.

The step's own probe starts the act beside it and waits until the act is done, or until PostgreSQL says that it waits
for a lock; then the step goes on. What the act did before the step's commit, it did although the step was under way.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy import text

from proaktiv.database import Database

PATIENCE_SECONDS = 60.0
NAME = "meanwhile"
"""The application name of connections that acts beside a step use, so that their waiting can be seen."""

_WAITS = text(
    "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = :name"
    " AND datname = current_database() AND wait_event_type = 'Lock')"
).bindparams(name=NAME)


@dataclass
class Meanwhile:
    """A probe. ``act`` must use connections named ``NAME``; ``watcher`` belongs to the same role."""

    watcher: Database
    place: str
    act: Callable[[], object]
    waited: bool = False
    error: BaseException | None = None
    _thread: threading.Thread | None = None
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, name: str) -> None:
        """Stand at the place, once, until the act is done or waits for us."""
        if name != self.place:
            return
        with self._guard:
            if self._thread is not None:
                return
            self._thread = threading.Thread(target=self._run, daemon=True)
            self._thread.start()
        until = time.monotonic() + PATIENCE_SECONDS
        while self._thread.is_alive() and not self.waited:
            self._thread.join(0.01)  # returns at once where the act ends
            with self.watcher.transaction() as session:
                self.waited = bool(session.connection().execute(_WAITS).scalar_one())
            assert time.monotonic() < until, f"{self.place}: the act neither ended nor waited for a lock"

    @property
    def reached(self) -> bool:
        """Return whether the step came to the place."""
        return self._thread is not None

    def ends(self) -> None:
        """Wait for the act's end; where the step never came to the place, act now. Raises what the act raised."""
        if self._thread is None:
            self._run()
        else:
            self._thread.join(PATIENCE_SECONDS)
            assert not self._thread.is_alive(), f"{self.place}: the act did not end after the step had"
        if self.error is not None:
            raise self.error

    def _run(self) -> None:
        try:
            self.act()
        except BaseException as error:  # noqa: BLE001 - carried to whoever waits for the end
            self.error = error
