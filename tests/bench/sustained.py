"""A steady stream through a whole installation: intake over HTTP, one worker, the signer, letters in a folder.

Open loop. Once as registers report that send each event as it happens, once as those that collect ten.
"""

from collections.abc import Iterator

from tests.bench.city import TICK_SECONDS, a_town, births, mothers, wait_for_none_waiting
from tests.bench.openloop import evenly, quantile
from tests.bench.table import Figure
from tests.bench.watching import Load, run

RATE = 200
P99_SECONDS = 10.0
"""security-and-faults.md § 4, row 13. A proposal is what a letter is written of the next day: seconds do for it."""

DRAIN_SECONDS = 180.0


def bench_sustained(seconds: float) -> Iterator[Figure]:
    """Send ``RATE`` events a second for ``seconds``, singly and in batches of ten."""
    for size in (1, 10):
        yield from _one(seconds, size)


def _one(seconds: float, size: int) -> Iterator[Figure]:
    events = int(RATE * seconds)
    people = mothers(events)
    with a_town(["standesamt"]) as town:
        town.know(people)
        bodies = births("standesamt", people)
        town.start()
        warm = mothers(RATE)
        town.know(warm)
        run(town, [Load("standesamt", evenly(RATE, 1), births("standesamt", warm))], DRAIN_SECONDS)
        load = Load("standesamt", evenly(RATE / size, seconds), bodies, size)
        run(town, [load], DRAIN_SECONDS)
        wait_for_none_waiting(town, DRAIN_SECONDS)
        with town.reader() as connection:
            row = connection.execute("SELECT count(*) FROM register_events").fetchone()
            kept = int(str(row[0])) - RATE if row else 0
    how = "singly" if size == 1 else f"in batches of {size}"
    p50, p99 = quantile(load.latencies, 0.5), quantile(load.latencies, 0.99)
    print(
        f"  {how}: event → proposal p50 {p50:.2f} s, p99 {p99:.2f} s, max {max(load.latencies):.2f} s; "
        f"backlog {load.backlog}, lost {load.lost + events - kept}; the generator itself was late by at most "
        f"{max(timing.late for timing in load.answers):.3f} s"
    )
    yield Figure(
        f"event → proposal, {RATE} a second {how}",
        f"p50 {p50:.2f} s, p99 {p99:.2f} s, max {max(load.latencies):.2f} s",
        p99 / P99_SECONDS,
        1.0,
        f"open loop for {seconds:.0f} s, from due time to the committed proposal; the ratio is p99 to "
        f"{P99_SECONDS:.0f} s; one worker, one signer, ticks of {TICK_SECONDS:g} s",
        most=True,
    )
    yield Figure(
        f"202 of the intake, {RATE} a second {how}",
        f"p99 {1000 * quantile([timing.latency for timing in load.answers], 0.99):,.0f} ms",
        how="the same run, from due time",
    )
    yield Figure(
        f"lost, {RATE} a second {how}",
        f"{load.lost + events - kept} of {events:,}; {load.backlog} without a proposal when the last was due",
        float(load.lost + events - kept),
        0.0,
        "the same run; the ratio is the number lost",
        most=True,
    )
