"""Ticks. A thread for each part of the work wakes every few seconds; no job is held per item.

Reckoned by the monotonic clock: by the wall's, a machine that was an hour ahead and is set back would sleep that hour.

Work is rows with a status and a due time, so ticks on many machines at once are harmless. A tick that finds work goes
on until nothing is due. An error ends the tick, never the worker: the row stays due.
"""

import signal
import threading
from collections.abc import Callable, Mapping
from queue import SimpleQueue

import structlog

from proaktiv.core.errors import ProaktivError

_log = structlog.get_logger()


def tick_until_stopped(parts: Mapping[str, Callable[[], int]], *, seconds: float) -> None:
    """Run every part each ``seconds`` until SIGTERM or SIGINT; a part never runs twice at once.

    Each part does one set and returns how much it did; zero ends the tick.
    """
    stopping = threading.Event()

    def ticking(name: str, part: Callable[[], int]) -> Callable[[], None]:
        def tick() -> None:
            try:
                while not stopping.is_set() and part():
                    pass
            except ProaktivError as error:
                _log.warning("tick.failed", part=name, error=type(error).__name__, detail=str(error))
            except Exception as error:  # noqa: BLE001 - an unexpected error must not end the worker; the row stays due
                _log.error("tick.broken", part=name, error=type(error).__name__)

        return tick

    def ticks(name: str, part: Callable[[], int]) -> None:
        tick = ticking(name, part)
        while not stopping.wait(seconds):
            tick()

    threads = [threading.Thread(target=ticks, args=each, name=each[0], daemon=True) for each in parts.items()]
    # Not ``stopping.set`` in the handler: a second signal that comes while it holds its lock would wait for ever.
    told: SimpleQueue[int] = SimpleQueue()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: told.put(number))
    for thread in threads:
        thread.start()
    _log.info("worker.started", parts=sorted(parts))
    told.get()
    stopping.set()
    for thread in threads:
        thread.join()
    _log.info("worker.stopped")
