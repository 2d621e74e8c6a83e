"""The load generator itself, on a loop whose time passes only while nobody has anything to do: nothing is timed."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import pytest

from tests.bench.openloop import Timing, evenly, quantile, send_all

T = TypeVar("T")

SERVICE_SECONDS = 0.001
STALL_AT = 200
STALL_SECONDS = 1.0


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop with a clock of its own: instead of waiting it lets the time be what it would wait for."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        select = self._selector.select  # type: ignore[attr-defined]

        def at_once(timeout: float | None = None) -> Any:
            self._now += timeout or 0.0
            return select(0)

        self._selector.select = at_once  # type: ignore[attr-defined]

    def time(self) -> float:
        return self._now


def virtually(work: Coroutine[Any, Any, T]) -> T:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work)


def a_server(*, stalls: bool) -> Callable[[int], Awaitable[None]]:
    """A server that takes one request at a time; one of them may hold it for a second."""
    free = asyncio.Lock()

    async def serve(number: int) -> None:
        async with free:
            await asyncio.sleep(STALL_SECONDS if stalls and number == STALL_AT else SERVICE_SECONDS)

    return serve


async def open_loop(*, stalls: bool) -> list[Timing]:
    return await send_all(evenly(200, 10), a_server(stalls=stalls))


async def closed_loop(*, stalls: bool) -> list[Timing]:
    """The generator that lies: one after the other, each when the one before was answered."""
    serve, clock = a_server(stalls=stalls), asyncio.get_running_loop().time
    timings = []
    for number in range(2000):
        sent = clock()
        await serve(number)
        timings.append(Timing(sent, sent, clock()))
    return timings


def p99(timings: list[Timing]) -> float:
    return quantile([timing.latency for timing in timings], 0.99)


def test_a_stall_of_a_second_shows_in_the_p99_of_the_open_loop() -> None:
    assert p99(virtually(open_loop(stalls=True))) > 0.9 * STALL_SECONDS


def test_without_a_stall_the_open_loop_shows_none() -> None:
    assert p99(virtually(open_loop(stalls=False))) < 2 * SERVICE_SECONDS


def test_the_same_stall_does_not_show_in_the_p99_of_a_closed_loop() -> None:
    assert p99(virtually(closed_loop(stalls=True))) < 2 * SERVICE_SECONDS


def test_the_generator_never_waits_for_an_answer() -> None:
    timings = virtually(open_loop(stalls=True))
    assert max(timing.late for timing in timings) < SERVICE_SECONDS


def test_an_error_ends_the_run() -> None:
    async def refuses(number: int) -> None:
        raise ConnectionError(number)

    with pytest.raises(ExceptionGroup):
        virtually(send_all([0.0, 0.1], refuses))


def test_the_quantile_is_a_value_that_was_measured() -> None:
    values = [float(number) for number in range(1, 101)]
    assert [quantile(values, part) for part in (0.5, 0.99, 1.0)] == [50.0, 99.0, 100.0]
