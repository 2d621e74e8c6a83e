"""What it costs to keep the log: bytes, fsyncs, hashes, a sequencer beside the writers, and taking a person out of it.

Each goal of flowlog.md § 9 that ``logging`` and ``proving`` do not measure. Source: flowlog.md §§ 6, 9.
"""

import secrets
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256

from sqlalchemy import text

from proaktiv.core.keys import PersonKey
from proaktiv.core.merkle import extend_tiles
from proaktiv.keys.rows import take_out_of_log
from tests.bench.city import a_town, births, mothers, wait_for_none_waiting
from tests.bench.logging import BARE, LOGGED, WARM_UP_SECONDS, Kind, a_log, apart, drain, in_processes, ratio, write
from tests.bench.openloop import evenly
from tests.bench.table import Figure
from tests.bench.watching import Load, run
from tests.flowlog.conftest import World, a_flow

ROUNDS = 5
LEAVES, SET = 200_000, 10_000
ENTRIES = 200
BIRTHS, RATE, DRAIN_SECONDS = 1_000, 50.0, 120.0
_WAL = text("SELECT current_setting('wal_block_size'), current_setting('server_version_num')::int >= 180000")
_SYNCS = text("SELECT wal_sync FROM pg_stat_wal")
_SYNCS_18 = text("SELECT sum(fsyncs) FROM pg_stat_io WHERE object = 'wal'")
_BYTES = text(
    "SELECT sum(pg_total_relation_size(t::regclass))"
    " FROM unnest(ARRAY['flow_log', 'flow_secret', 'flow_leaf', 'tile']) AS t"
)
_PAYLOAD = text(
    "SELECT count(*), sum(length(f_bytes) + CASE WHEN subj IS NULL THEN 0 ELSE length(s_blob) - :around END"
    " + length(a_blob) - :around) FROM flow_log JOIN flow_secret USING (fid) WHERE s_blob IS NOT NULL"
)
_AROUND = 12 + 32 + 16
"""Nonce, salt and tag of a sealed part, in bytes."""
_VACUUM = text("VACUUM (FULL, ANALYZE) flow_log, flow_secret, flow_leaf, tile")


def bench_keeping(seconds: float, others: int = 100_000) -> Iterator[Figure]:
    """Measure writers for ``seconds`` a round; ``others`` is how many entries of others lie around a person's."""
    yield _tiles()
    with a_log() as (world, persons):
        yield _syncs(world, persons, seconds)
        yield _beside(world, persons, seconds)
        drain(world)
    with a_log() as (world, persons):
        yield _taking_out(world, persons, others)
    yield _stored()


def _tiles() -> Figure:
    """Build the tiles of a tree in the sequencer's sets, against hashing its leaves in a loop."""
    entries = [secrets.token_bytes(115) for _ in range(LEAVES)]
    built, hashed = [], []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        leaves = [sha256(b"\0" + entry).digest() for entry in entries]
        middle = time.perf_counter()
        tiles: dict[tuple[int, int], bytes] = {}
        load = partial(_tile_of, tiles)
        for size in range(0, LEAVES, SET):
            tiles |= extend_tiles(size, leaves[size : size + SET], load)
        hashed.append(LEAVES / (middle - begun))
        built.append(LEAVES / (time.perf_counter() - middle))
    return Figure(
        "tiles of a tree, to hashing its leaves",
        f"{statistics.median(built):,.0f} leaves/s (hashed {statistics.median(hashed):,.0f}/s)",
        ratio(built, hashed),
        0.6,
        f"{LEAVES:,} leaves in sets of {SET:,}, in memory; median of {ROUNDS}",
    )


def _tile_of(tiles: Mapping[tuple[int, int], bytes], level: int, n: int) -> bytes:
    return tiles[level, n]


def _syncs(world: World, persons: Sequence[PersonKey], seconds: float) -> Figure:
    """Count how often the disk was asked to keep what was written, for each transaction of one worker."""
    each: dict[Kind, list[float]] = {BARE: [], LOGGED: []}
    for _ in range(ROUNDS):
        for kind, found in each.items():
            before = _asked(world)
            rows = _rows(world)
            apart(world)
            begins = time.perf_counter() + WARM_UP_SECONDS
            in_processes(1, partial(write, world, persons, kind, 0.0, seconds, begins))
            found.append((_asked(world) - before) / (_rows(world) - rows))
        drain(world)
    bare, logged = statistics.median(each[BARE]), statistics.median(each[LOGGED])
    return Figure(
        "fsyncs of a logged transaction, to one without",
        f"{logged:.2f} (bare {bare:.2f})",
        logged / bare,
        1.05,
        f"as PostgreSQL counts them, its own writer's among them (one more for each entry: 2); median of {ROUNDS}",
        most=True,
    )


def _asked(world: World) -> int:
    with world.role("owner").transaction() as session:
        new = session.connection().execute(_WAL).one()[1]
        found: int = session.connection().execute(_SYNCS_18 if new else _SYNCS).scalar_one()
    return int(found)


def _rows(world: World) -> int:
    return int(world.one("SELECT count(*) FROM bench_work"))


def _beside(world: World, persons: Sequence[PersonKey], seconds: float) -> Figure:
    """Write alone, and beside a sequencer that gives places and signs once a second."""
    span = max(3 * seconds, 1.0)

    def act(begins: float, me: int) -> float:
        if me:
            return write(world, persons, LOGGED, 0.0, span, begins, 0)
        until = begins + span
        while time.perf_counter() < until:
            world.integrate()
            world.sign()
            time.sleep(max(0.0, min(1.0, until - time.perf_counter())))
        return 0.0

    alone, beside = [], []
    for _ in range(ROUNDS):
        apart(world)
        begins = time.perf_counter() + WARM_UP_SECONDS
        alone += in_processes(1, partial(write, world, persons, LOGGED, 0.0, span, begins))
        drain(world)
        apart(world)
        beside.append(sum(in_processes(2, partial(act, time.perf_counter() + WARM_UP_SECONDS))))
    return Figure(
        "a writer beside the sequencer, to one alone",
        f"{statistics.median(beside):,.0f}/s (alone {statistics.median(alone):,.0f}/s)",
        ratio(beside, alone),
        0.75,
        f"single entries, places given and signed every second, {span:.0f} s each, median of {ROUNDS}",
    )


def _taking_out(world: World, persons: Sequence[PersonKey], others: int) -> Figure:
    """Take a person's entries away while the log is small, and again when it is large."""
    _, *persons = persons  # who has an entry already
    some, more = persons[: ROUNDS + 1], persons[ROUNDS + 1 : 2 * ROUNDS + 2]
    _write_about(world, some, ENTRIES)
    small = _taken(world, some)
    _write_about(world, more, ENTRIES)
    _write_about(world, persons[2 * ROUNDS + 2 :], others // len(persons[2 * ROUNDS + 2 :]))
    large = _taken(world, more)
    before, after = statistics.median(small), statistics.median(large)
    return Figure(
        f"a person's {ENTRIES} entries taken out of a log of {others:,}",
        f"{after * 1e3:.1f} ms (of {ENTRIES * len(some):,}: {before * 1e3:.1f} ms)",
        after / before,
        2.0,
        f"their parts made null and their numbers ended, until its COMMIT; median of {ROUNDS} persons",
        most=True,
    )


def _write_about(world: World, persons: Sequence[PersonKey], each: int) -> None:
    """Write so that entries of one person do not lie side by side."""
    for _ in range(each):
        with world.role("app").transaction() as session:
            world.log.record(session, [a_flow(person=person) for person in persons], datetime.now(UTC))
    while world.integrate():
        world.sign()


def _taken(world: World, persons: Sequence[PersonKey]) -> list[float]:
    """Return the seconds of each but the first, which warms up."""

    def take(person: PersonKey) -> None:
        with world.role("eraser").transaction() as session:
            placed, unplaced = take_out_of_log(session, [world.log.subj(person)])
        assert len(placed) == ENTRIES
        assert not unplaced

    return [_seconds(partial(take, person)) for person in persons][1:]


def _stored() -> Figure:
    """Weigh the log with its indexes and its tree against what it keeps, of births in a whole installation."""
    people = mothers(BIRTHS)
    with a_town(["standesamt"]) as town:
        town.know(people)
        town.start()
        run(
            town,
            [Load("standesamt", evenly(RATE / 10, BIRTHS / RATE), births("standesamt", people), 10)],
            DRAIN_SECONDS,
        )
        wait_for_none_waiting(town, DRAIN_SECONDS)
        with town.owner.own_connection() as connection:
            connection.execute(_VACUUM)
            kept: int = connection.execute(_BYTES).scalar_one()
            entries, payload = connection.execute(_PAYLOAD, {"around": _AROUND}).one()
    return Figure(
        "stored bytes, to what is kept",
        f"{kept / entries:,.0f} bytes an entry (kept {payload / entries:,.0f})",
        float(kept) / float(payload),
        3.0,
        f"tables, indexes and tiles of {entries:,} entries, {BIRTHS:,} births, packed; kept: the bodies F, S and A",
        most=True,
    )


def _seconds(act: Callable[[], object]) -> float:
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun
