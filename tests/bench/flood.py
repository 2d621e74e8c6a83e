"""One source floods with twenty times what is usual for it: what does another one notice?

Three runs of one installation: as usual; flooded by a source whose usual days are known, so that most of the flood is
held; flooded by one that nobody knows yet, so that all of it is worked on and only the turns of the sources protect the
other one.
"""

from collections.abc import Iterator

from tests.bench.city import Town, a_town, births, mothers
from tests.bench.openloop import evenly, quantile
from tests.bench.table import Figure
from tests.bench.watching import Load, run

USUAL = 10
FACTOR = 20
BATCH = 20
DRAIN_SECONDS = 240.0
MOST = 2.0


def bench_flood(seconds: float) -> Iterator[Figure]:
    """Measure each run for ``seconds``."""
    with a_town(["flooding", "quiet"]) as town:
        town.start()
        _load(town, 2, USUAL, 1)  # warms up
        before, _ = _load(town, seconds, USUAL, 1)
        usual = quantile(before.latencies, 0.99)
        for name, held in (("held", True), ("worked on", False)):
            town.usual("flooding", int(USUAL * seconds) if held else 0, days=7 if held else 0)
            quiet, flood = _load(town, seconds, USUAL * FACTOR / BATCH, BATCH, held=held)
            during = quantile(quiet.latencies, 0.99)
            print(
                f"  flood {name}: the quiet source's p99 {during:.2f} s against {usual:.2f} s; "
                f"its 202 {quantile([one.latency for one in quiet.answers], 0.99):.2f} s; "
                f"of the flood {len(flood.latencies)} worked on, {flood.backlog} without a proposal at its end"
            )
            yield Figure(
                f"p99 beside a flood, flood {name}",
                f"{during:.2f} s against {usual:.2f} s",
                during / usual,
                MOST,
                f"event → proposal of a source with {USUAL} events/s while another sends {FACTOR} × its usual "
                f"{USUAL}/s, in batches of {BATCH}, for {seconds:.0f} s",
                most=True,
            )
            lost = quiet.lost + _unaccounted(town)
            yield Figure(
                f"accepted events lost, flood {name}",
                f"{lost}; {flood.backlog:,} of the flood without a proposal at its end",
                float(lost),
                0.0,
                "the same run; neither decided nor waiting nor held; the ratio is the number lost",
                most=True,
            )


def _load(town: Town, seconds: float, rate: float, size: int, *, held: bool = False) -> tuple[Load, Load]:
    """Run the quiet source beside the other one and return both. What is held gets no proposal and is not awaited."""
    loads = []
    for source, theirs, batch in (("quiet", float(USUAL), 1), ("flooding", rate, size)):
        due = evenly(theirs, seconds)
        people = mothers(len(due) * batch)
        town.know(people)
        loads.append(Load(source, due, births(source, people), batch))
    run(town, loads, 20.0 if held else DRAIN_SECONDS)
    return loads[0], loads[1]


def _unaccounted(town: Town) -> int:
    """Return how many events were answered 202 and are in no state in which anything becomes of them."""
    with town.reader() as connection:
        row = connection.execute(
            "SELECT (SELECT coalesce(sum(n), 0) FROM client_days WHERE day = (now() AT TIME ZONE 'utc')::date)"
            " - (SELECT count(*) FROM register_events WHERE state IN ('admitted', 'held', 'waiting')"
            "    AND (state <> 'admitted' OR EXISTS (SELECT FROM proposals p WHERE p.event = register_events.id)))"
        ).fetchone()
        return int(str(row[0])) if row else 0
