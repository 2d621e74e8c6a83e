"""Open-loop load: due times are fixed beforehand, latency counts from the due time, and nobody waits for an answer.

A closed-loop generator waits for each answer before it sends on: while the far side stalls it sends nothing, so the
stall shows in one answer instead of in all those that would have been due (security-and-faults.md § 0.4).
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from math import ceil


@dataclass(frozen=True, slots=True)
class Timing:
    """One send, in seconds after the start. ``late`` tells the generator's own lateness from the far side's."""

    due: float
    sent: float
    answered: float

    @property
    def latency(self) -> float:
        """Return the seconds from the due time to the answer."""
        return self.answered - self.due

    @property
    def late(self) -> float:
        """Return by how much the generator itself missed the due time."""
        return self.sent - self.due


def evenly(rate: float, seconds: float, offset: float = 0.0) -> list[float]:
    """Return the due times of ``rate`` sends a second for ``seconds``, the first at ``offset``."""
    return [offset + number / rate for number in range(int(rate * seconds))]


async def send_all(
    due: Sequence[float], act: Callable[[int], Awaitable[None]], start: float | None = None
) -> list[Timing]:
    """Call ``act`` with the number of each due time when it comes, whatever became of those before.

    ``due`` is ascending, in seconds after ``start`` on the loop's clock, which is now where it is not given. An
    ``act`` that raises ends the run: a figure with errors in it is none. Returns a timing for each, in order.
    """
    clock = asyncio.get_running_loop().time
    begun = clock() if start is None else start

    async def one(number: int) -> Timing:
        sent = clock() - begun
        await act(number)
        return Timing(due[number], sent, clock() - begun)

    async with asyncio.TaskGroup() as sending:
        tasks = []
        for number, at in enumerate(due):
            await asyncio.sleep(max(0.0, begun + at - clock()))
            tasks.append(sending.create_task(one(number)))
    return [task.result() for task in tasks]


def quantile(values: Sequence[float], part: float) -> float:
    """Return the smallest value that at least ``part`` (0 … 1) of all do not exceed."""
    return sorted(values)[max(0, ceil(part * len(values)) - 1)]
