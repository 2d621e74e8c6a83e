"""Ticks. APScheduler wakes each part of the work every few seconds and holds no job per item.

Work is rows with a status and a due time, so ticks on many machines at once are harmless. A tick that finds work goes
on until nothing is due. An error ends the tick, never the worker: the row stays due. APScheduler reckons by the wall's
clock: set back by an hour it would sleep that hour, so a jump of the clock begins all ticks anew; set ahead by a day it
would reckon every tick of that day, so a tick's next is after now and nowhere else.
"""

import logging
import signal
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from queue import Empty, SimpleQueue

import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger

from proaktiv.core.errors import ProaktivError

LOOK_SECONDS = 1.0
JUMP_SECONDS = 2.0
"""How often the clock is looked at, and how far it must have moved against the monotonic one to have jumped."""

_log = structlog.get_logger()


class Every(BaseTrigger):  # type: ignore[misc]  # APScheduler 3 has no types
    """A time after now, again and again; what was missed meanwhile is no tick."""

    def __init__(self, pause: timedelta) -> None:
        self._pause = pause

    def get_next_fire_time(self, _previous: datetime | None, now: datetime) -> datetime:
        """Return when the next tick is, seen from ``now``."""
        return now + self._pause


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
    every = Every(timedelta(seconds=seconds))
    for name, part in parts.items():
        scheduler.add_job(
            ticking(name, part),
            every,
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
    offset = _offset()
    while not _told(told):
        if abs(_offset() - offset) > JUMP_SECONDS:
            offset = _offset()
            _log.warning("clock.jumped")
            for name in parts:
                scheduler.reschedule_job(name, trigger=every)
    stopping.set()
    scheduler.shutdown(wait=True)
    _log.info("worker.stopped")


def _told(signals: SimpleQueue[int]) -> bool:
    """Wait a moment; return whether a signal came."""
    try:
        signals.get(timeout=LOOK_SECONDS)
    except Empty:
        return False
    return True


def _offset() -> float:
    """Return how far the wall's clock is from the monotonic one, which nobody sets."""
    return time.time() - time.monotonic()
