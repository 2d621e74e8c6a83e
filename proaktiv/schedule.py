"""Ticks. APScheduler wakes each part of the work every few seconds and holds no job per item.

Work is rows with a status and a due time, so ticks on many machines at once are harmless. A tick that finds work goes
on until nothing is due. An error ends the tick, never the worker: the row stays due.
"""

import logging
import signal
import threading
from collections.abc import Callable, Mapping
from queue import SimpleQueue

import structlog
from apscheduler.schedulers.background import BackgroundScheduler

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

    # A part that is still at work when its next tick comes is what ``max_instances`` is for, not a warning.
    logging.getLogger("apscheduler.scheduler").setLevel(logging.ERROR)
    scheduler = BackgroundScheduler(timezone="UTC")
    for name, part in parts.items():
        scheduler.add_job(
            ticking(name, part),
            "interval",
            seconds=seconds,
            id=name,
            max_instances=1,
            coalesce=True,
            misfire_grace_time=None,
        )
    # Not ``stopping.set`` in the handler: a second signal that comes while it holds its lock would wait for ever.
    told: SimpleQueue[int] = SimpleQueue()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: told.put(number))
    scheduler.start()
    _log.info("worker.started", parts=sorted(parts))
    told.get()
    stopping.set()
    scheduler.shutdown(wait=True)
    _log.info("worker.stopped")
