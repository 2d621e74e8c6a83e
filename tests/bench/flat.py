"""Memory, handles and connections of one long-lived worker while a hundred thousand events go through it.

The worker is the real process with all its parts. One birth in ten is of a mother who is enrolled and gets a letter;
of the others the refusal is all that remains, as it will be for most people. The intake is fed no faster than the
worker decides: what is asked here is not speed.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import psutil
import psycopg

from tests.bench.city import Town, a_town, births, mothers, wait_for_none_waiting
from tests.bench.posting import Intake, batch
from tests.bench.table import Figure
from tests.bench.watching import BATCH_TYPE

SET = 100
KNOWN = 10
"""One mother in so many is enrolled."""

MOST_WAITING = 2_000
WARM_UP = 0.2
"""The part of the samples that is left out: caches fill, pools open."""

MOST_MB = 1.0
"""security-and-faults.md § 4, row 16: growth of the resident memory in 100,000 events."""

TOKEN_EVENTS = 20_000
"""How many events are sent with one token, which is good for five minutes."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at the worker after so many events. ``memory`` is the resident set in bytes."""

    events: int
    memory: int
    descriptors: int
    threads: int
    connections: int


def slope(samples: Sequence[Sample]) -> float:
    """Return the growth of the memory in MB (10⁶ bytes) for 100,000 events, by least squares."""
    mean_x = sum(sample.events for sample in samples) / len(samples)
    mean_y = sum(sample.memory for sample in samples) / len(samples)
    over = sum((sample.events - mean_x) * (sample.memory - mean_y) for sample in samples)
    under = sum((sample.events - mean_x) ** 2 for sample in samples)
    return over / under * 100_000 / 1e6


def climb(values: Sequence[int]) -> float:
    """Return the least in the second half to the least in the first; 1 or less is flat.

    Letters go out by eight threads at a time that come and end. What is kept for ever lifts the least as well.
    """
    half = len(values) // 2
    return min(values[half:]) / min(values[:half])


def warm(samples: Sequence[Sample]) -> list[Sample]:
    """Return the samples after the warm-up."""
    return [sample for sample in samples if sample.events >= WARM_UP * samples[-1].events]


def bench_flat(events: int) -> Iterator[Figure]:
    """Send ``events`` births and sample the worker twenty times or more on the way."""
    with a_town(["standesamt"]) as town:
        town.start()
        samples = asyncio.run(_send(town, events))
        left = wait_for_none_waiting(town)
        with town.reader() as connection:
            proposals = _one(connection, "SELECT count(DISTINCT event) FROM proposals")
            letters = _one(connection, "SELECT count(*) FROM deliveries WHERE state = 'handed_over'")
            undecided = events - _one(
                connection, "SELECT count(*) FROM register_events WHERE state IN ('admitted', 'refused')"
            )
    kept = warm(samples)
    growth = slope(kept)
    how = (
        f"{events:,} births through intake and one worker, {proposals:,} with proposals, {letters:,} letters "
        f"meanwhile; {len(kept)} samples after a warm-up of {WARM_UP:.0%}"
    )
    print(
        f"  memory {samples[0].memory / 1e6:.0f} → {samples[-1].memory / 1e6:.0f} MB, "
        f"undecided {undecided}, left {left}"
    )
    yield Figure(
        "growth of a worker's memory",
        f"{growth:+.2f} MB for 100,000 events, at {kept[-1].memory / 1e6:.0f} MB",
        growth / MOST_MB,
        1.0,
        f"{how}; least squares; the ratio is to {MOST_MB:g} MB",
        most=True,
    )
    for name, values in (
        ("open files", [sample.descriptors for sample in kept]),
        ("connections", [sample.connections for sample in kept]),
        ("threads", [sample.threads for sample in kept]),
    ):
        yield Figure(
            f"a worker's {name}",
            f"{min(values)} to {max(values)}",
            climb(values),
            1.0,
            "the same run; the ratio is the least in its second half to the least in its first",
            most=True,
        )
    yield Figure("undecided at the end", f"{undecided} of {events:,}", float(undecided), 0.0, "the same run", most=True)


async def _send(town: Town, events: int) -> list[Sample]:
    worker = psutil.Process(town.processes.pid("work"))
    every = max(SET, events // 40 // SET * SET)
    samples: list[Sample] = []
    intake = Intake(town.port, town.token("standesamt"))
    with town.reader() as connection:
        for sent in range(0, events, SET):
            if sent % every == 0:
                await _until_few_wait(connection, town)
                samples.append(_sample(worker, connection, sent))
                print(f"    {sent:,} events: {samples[-1].memory / 1e6:.1f} MB", flush=True)
            if sent and sent % TOKEN_EVENTS == 0:
                intake.close()
                intake = Intake(town.port, town.token("standesamt"))
            people = mothers(SET)
            town.know(people[: SET // KNOWN])
            await intake.report(batch(births("standesamt", people)), BATCH_TYPE)
            if sent % MOST_WAITING == 0:
                await _until_few_wait(connection, town)
        wait_for_none_waiting(town)
        samples.append(_sample(worker, connection, events))
    intake.close()
    return samples


async def _until_few_wait(connection: psycopg.Connection[tuple[object, ...]], town: Town) -> None:
    while _one(connection, "SELECT count(*) FROM register_events WHERE state = 'waiting'") > MOST_WAITING:
        town.processes.check()
        await asyncio.sleep(0.1)


def _sample(worker: psutil.Process, connection: psycopg.Connection[tuple[object, ...]], events: int) -> Sample:
    connections = _one(connection, "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'proaktiv-work'")
    with worker.oneshot():
        return Sample(events, worker.memory_info().rss, worker.num_fds(), worker.num_threads(), connections)


def _one(connection: psycopg.Connection[tuple[object, ...]], query: str) -> int:
    row = connection.execute(query).fetchone()
    return int(str(row[0])) if row else 0
