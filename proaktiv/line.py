"""A watch on lines to PostgreSQL: what gives no answer for too long is cut.

Keepalives notice a line that is dead, not a server that is stuck behind a living one: a stalled disk, a standby that
is gone. The line is cut and nothing is cancelled: a COMMIT that waits for its standby goes on waiting on the server,
where nobody can see it, and is kept or lost as a whole. Cancelled, it would be shown before it is safe.
Left to others: what the loss of a line means (``database``). Source: security-and-faults.md, § 0.2 and § 4 row 5.
"""

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

_LOOK_SECONDS = 0.25


class Watch:
    """One thread that looks after all lines of a process."""

    def __init__(self) -> None:
        self._begin()
        os.register_at_fork(after_in_child=self._begin)  # no thread lives on in a child

    def _begin(self) -> None:
        self._guard = threading.Lock()
        self._some = threading.Event()
        self._waiting: dict[object, tuple[float, Any]] = {}
        self._thread: threading.Thread | None = None

    @contextmanager
    def over(self, raw: Any, seconds: float | None) -> Iterator[None]:
        """Cut the psycopg connection ``raw`` where the block takes longer than ``seconds``; None: never."""
        if seconds is None:
            yield
            return
        key = self.begin(raw, seconds)
        try:
            yield
        finally:
            self.end(key)

    def begin(self, raw: Any, seconds: float) -> object:
        """Begin to watch ``raw``; return what ``end`` takes."""
        key = object()
        with self._guard:
            self._waiting[key] = (time.monotonic() + seconds, raw)
            if self._thread is None:
                self._thread = threading.Thread(target=self._look, name="line-watch", daemon=True)
                self._thread.start()
        if not self._some.is_set():
            self._some.set()
        return key

    def end(self, key: object) -> None:
        """Stop watching. After this the line is not cut any more."""
        with self._guard:
            self._waiting.pop(key, None)

    def _look(self) -> None:
        while self._some.wait():
            with self._guard:
                now = time.monotonic()
                for key, (until, raw) in list(self._waiting.items()):
                    if until <= now:
                        del self._waiting[key]
                        _cut(raw)
                if not self._waiting:
                    self._some.clear()
                    continue
            time.sleep(_LOOK_SECONDS)


def _cut(raw: Any) -> None:
    # The descriptor is libpq's and stays so: a copy is shut down, libpq finds its own at an end.
    with suppress(Exception), socket.socket(fileno=os.dup(raw.fileno())) as line:
        line.shutdown(socket.SHUT_RDWR)


WATCH = Watch()
STATEMENT_SECONDS = "proaktiv.statement_seconds"
"""Under this name a pool's connection says how long one of its statements may take; None: as long as it likes."""
