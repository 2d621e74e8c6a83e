"""From the due time of an event to the moment at which its proposals can be read by others.

A thread of its own asks for the events that are still out, so the moment is late by at most one pause. Asked by id,
through an index: what is done already costs nothing.
"""

import asyncio
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

from tests.bench.city import Town
from tests.bench.openloop import Timing, send_all
from tests.bench.posting import Intake, batch

PAUSE_SECONDS = 0.05
BATCH_TYPE = "application/cloudevents-batch+json"
EVENT_TYPE = "application/cloudevents+json"

_FOUND = "SELECT DISTINCT event::text FROM proposals WHERE event = ANY(%s::uuid[])"


@dataclass
class Load:
    """What one source sends: when, and in batches of how many. ``latencies`` are seconds from due time to proposal.

    ``backlog`` are the events that had no proposal when the last of them was due, ``lost`` those that never got one.
    """

    source: str
    due: list[float]
    bodies: list[bytes]
    size: int = 1
    latencies: list[float] = field(default_factory=list)
    answers: list[Timing] = field(default_factory=list)
    backlog: int = 0
    lost: int = 0


class Watch:
    """Which events are out, and how long those took that are not. Due times are on the monotonic clock."""

    def __init__(self, town: Town) -> None:
        self._connection = town.reader()
        self._lock = threading.Lock()
        self._out: dict[str, tuple[float, Load]] = {}
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()
        self._connection.close()

    def expect(self, events: Sequence[str], due: float, load: Load) -> None:
        """Count events as out since ``due``."""
        with self._lock:
            self._out |= dict.fromkeys(events, (due, load))

    def out(self, load: Load) -> int:
        """Return how many events of a load have no proposal yet."""
        with self._lock:
            return sum(1 for _, theirs in self._out.values() if theirs is load)

    def _watch(self) -> None:
        while not self._end.wait(PAUSE_SECONDS):
            with self._lock:
                asked = list(self._out)
            if not asked:
                continue
            found = [str(row[0]) for row in self._connection.execute(_FOUND, (asked,))]
            seen = time.monotonic()
            with self._lock:
                for event in found:
                    due, load = self._out.pop(event)
                    load.latencies.append(seen - due)


def run(town: Town, loads: Sequence[Load], drain_seconds: float) -> None:
    """Send all loads side by side in open loops, then wait until everything has its proposal or the time is over."""
    tokens = {load.source: town.token(load.source) for load in loads}
    with Watch(town) as watch:
        asyncio.run(_send(town, loads, tokens, watch))
        end = time.monotonic() + drain_seconds
        while any(watch.out(load) for load in loads) and time.monotonic() < end:
            town.processes.check()
            time.sleep(PAUSE_SECONDS)
        for load in loads:
            load.lost = watch.out(load)


async def _send(town: Town, loads: Sequence[Load], tokens: dict[str, str], watch: Watch) -> None:
    start = asyncio.get_running_loop().time()

    async def one(load: Load) -> None:
        intake = Intake(town.port, tokens[load.source])

        async def act(number: int) -> None:
            bodies = load.bodies[number * load.size : (number + 1) * load.size]
            if load.size == 1:
                events = await intake.report(bodies[0], EVENT_TYPE)
            else:
                events = await intake.report(batch(bodies), BATCH_TYPE)
            watch.expect(events, start + load.due[number], load)

        load.answers = await send_all(load.due, act, start)
        load.backlog = watch.out(load)
        intake.close()

    await asyncio.gather(*(one(load) for load in loads))
