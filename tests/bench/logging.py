"""What the flow log costs whoever writes: the same small transactions bare, logged, and chained in the transaction.

Each worker is a process with a connection of its own; each transaction inserts one row of business, may do other work
for 10 ms, and commits to a disk. The chain is what we did not build: each entry names the one before it, so its row is
locked from the entry to the commit. All kinds take turns in rounds on one server. Source: flowlog.md § 9.
"""

import itertools
import os
import pickle
import secrets
import statistics
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlmodel import Session

from proaktiv.core.ids import Ids
from proaktiv.core.keys import PersonKey
from proaktiv.embedded import EmbeddedServer
from proaktiv.schema import migrate
from proaktiv.vault import Compartment, Ring
from tests.bench.openloop import quantile
from tests.bench.table import Figure
from tests.flowlog.conftest import World, a_flow

ROUNDS = 15
"""Short ones that take turns: a disk's COMMIT drifts between 0.2 and 4 ms within a minute (flowlog.md § 10)."""
PERSONS = 200
OTHER_WORK_SECONDS = 0.01
INTERVAL_SECONDS = 1.0
WARM_UP_SECONDS = 3.0
"""A worker lives for days. In the first second of a fork, the copying of its pages is half of what an entry costs."""
_BUSINESS = text("INSERT INTO bench_work (worker, body) VALUES (:worker, :body)")
_TIP = text("SELECT size, hash FROM bench_chain WHERE id = 1 FOR UPDATE")
_LINK = text("UPDATE bench_chain SET size = :size, hash = :hash WHERE id = 1")
_TABLES = (
    "CREATE TABLE bench_work (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, worker int, body text)",
    "CREATE TABLE bench_chain (id int PRIMARY KEY, size bigint, hash bytea)",
    "INSERT INTO bench_chain VALUES (1, 0, '')",
    "GRANT ALL ON bench_work, bench_chain TO proaktiv_app",
)

Log = Callable[[World, Session, PersonKey], None]


@dataclass(frozen=True)
class Kind:
    """One kind of transaction: what is written beside the row of business."""

    name: str
    log: Log


def _nothing(_world: World, _session: Session, _person: PersonKey) -> None:
    pass


def _entry(world: World, session: Session, person: PersonKey) -> None:
    """An entry about a person whose keys the step has read for its own work, and with them their last number."""
    world.log.record(session, [a_flow(person=person)], datetime.now(UTC), RINGS[person])


def _with_keys(world: World, session: Session, person: PersonKey) -> None:
    """The same where nothing but the log needs the person's keys."""
    world.log.record(session, [a_flow(person=person)], datetime.now(UTC))


def _chained(world: World, session: Session, person: PersonKey) -> None:
    tip = session.connection().execute(_TIP).one()
    _entry(world, session, person)
    session.connection().execute(_LINK, {"size": tip.size + 1, "hash": sha256(tip.hash + person.bytes).digest()})


BARE, LOGGED, CHAINED = Kind("bare", _nothing), Kind("logged", _entry), Kind("chained", _chained)
KEYS_TOO = Kind("keys too", _with_keys)
RINGS: dict[PersonKey, Ring] = {}
"""Of one process: no two of them write about the same person."""


@contextmanager
def a_log() -> Iterator[tuple[World, list[PersonKey]]]:
    """Yield a log on a server of its own, with the tables of the bench and ``PERSONS`` to write about."""
    with tempfile.TemporaryDirectory() as folder, EmbeddedServer() as server:
        server.prepare()
        migrate(server.url("proaktiv_owner"))
        roles = ("owner", "app", "sequencer", "reader", "eraser")
        world = World({role: server.url(f"proaktiv_{role}") for role in roles}, Path(folder), Ids(secrets.token_bytes))
        with world.role("owner").transaction() as session:
            for statement in _TABLES:
                session.connection().execute(text(statement))
        persons = [world.a_person() for _ in range(PERSONS)]
        world.record(a_flow(person=persons[0]))  # the month's staff key is there
        apart(world)
        yield world, persons
        world.close()


def apart(world: World) -> None:
    """Close what is open: no connection is shared with a fork."""
    for name in list(world.opened):
        world.opened.pop(name).close()


def bench_logging(seconds: float) -> Iterator[Figure]:
    """Measure each kind for ``seconds`` a round, and what the sequencer makes of the queue."""
    with a_log() as (world, persons):
        yield from _measured(world, persons, seconds)


def _measured(world: World, persons: Sequence[PersonKey], seconds: float) -> Iterator[Figure]:
    alone = _rounds(world, persons, (BARE, LOGGED, KEYS_TOO), workers=1, work=0.0, seconds=seconds)
    yield Figure(
        "a logged transaction",
        f"{median(alone['logged']):,.0f}/s (bare {median(alone['bare']):,.0f}/s)",
        ratio(alone["logged"], alone["bare"]),
        0.50,
        f"one row of business with and without one entry about a person, one worker, median of {ROUNDS}",
    )
    yield Figure(
        "a logged transaction that reads the person's keys, too",
        f"{median(alone['keys too']):,.0f}/s",
        ratio(alone["keys too"], alone["bare"]),
        how="the same; one more query, where nothing but the log needs the keys",
    )
    busy = _rounds(world, persons, (BARE, LOGGED, CHAINED), workers=8, work=OTHER_WORK_SECONDS, seconds=seconds)
    yield Figure(
        "logged, 8 workers with 10 ms of other work",
        f"{median(busy['logged']):,.0f}/s (bare {median(busy['bare']):,.0f}/s)",
        ratio(busy["logged"], busy["bare"]),
        0.90,
        f"the entry first, then the other work, then the commit; processes, median of {ROUNDS}",
    )
    yield Figure(
        "logged, to a chain in the transaction",
        f"{median(busy['logged']):,.0f}/s (chain {median(busy['chained']):,.0f}/s)",
        ratio(busy["logged"], busy["chained"]),
        5.0,
        "the same load and order; the chain's tip is locked from the entry to the commit",
    )
    peaks = _rounds(world, persons, (LOGGED,), workers=4, work=0.0, seconds=seconds)["logged"]
    peak = max(*alone["logged"], *peaks)
    drain(world)
    backlog = 50_000
    _queue_up(world, backlog)
    begun = time.perf_counter()
    drain(world)
    drained = backlog / (time.perf_counter() - begun)
    yield Figure(
        "the sequencer's drain",
        f"{drained:,.0f} entries/s (peak of single inserts {peak:,.0f}/s)",
        drained / peak,
        5.0,
        f"{backlog:,} queued entries to signed tiles in sets of 10,000; peak of 1 and 4 workers without other work",
    )
    yield from _lag(world, persons, 0.8 * median(alone["logged"]), max(10.0, 4 * seconds))


# writers --------------------------------------------------------------------------------------------------------------


def _rounds(
    world: World, persons: Sequence[PersonKey], kinds: Sequence[Kind], *, workers: int, work: float, seconds: float
) -> dict[str, list[float]]:
    """Return each kind's rates; they take turns, and the first round warms up."""
    rates: dict[str, list[float]] = {kind.name: [] for kind in kinds}
    for number in range(ROUNDS + 1):
        for kind in kinds:
            begins = time.perf_counter() + WARM_UP_SECONDS
            rate = sum(in_processes(workers, partial(write, world, persons, kind, work, seconds, begins)))
            if number:
                rates[kind.name].append(rate)
        if number:
            told = ", ".join(f"{name} {found[-1]:,.0f}" for name, found in rates.items())
            print(f"  round {number}/{ROUNDS}, {workers} workers: {told} a second", flush=True)
        drain(world)
    return rates


def write(
    world: World, persons: Sequence[PersonKey], kind: Kind, work: float, seconds: float, begins: float, me: int
) -> float:
    """Write transactions of a kind; return how many a second were there in the ``seconds`` from ``begins`` on.

    All workers count in the same window. Each in one of its own, their sum was up to 140 a second for a chain that
    can do 100: while one still warms up, another has the lock for itself.
    """
    database, mine = world.role("app"), persons[me::8]
    _read_rings(world, mine)
    done = 0
    for number in itertools.count():
        with database.transaction() as session:
            session.connection().execute(_BUSINESS, {"worker": me, "body": "x" * 100})
            kind.log(world, session, mine[number % len(mine)])
            if work:
                time.sleep(work)
        now = time.perf_counter()
        if now >= begins + seconds:
            break
        done += now >= begins
    return done / seconds


def _read_rings(world: World, persons: Sequence[PersonKey]) -> None:
    with world.role("app").transaction() as session:
        RINGS.update({person: world.vault.ring(session, [person], (Compartment.FLOW,)) for person in persons})


def in_processes(workers: int, act: Callable[[int], Any]) -> list[Any]:
    """Fork, act with a number each, and return what they found."""
    pipes = []
    for number in range(workers):
        ours, theirs = os.pipe()
        if os.fork() == 0:
            code = 1
            try:
                with os.fdopen(theirs, "wb") as answer:
                    answer.write(pickle.dumps(act(number)))
                code = 0
            except BaseException:  # noqa: BLE001 - a child must not go on as its parent
                traceback.print_exc()
            finally:
                os._exit(code)
        os.close(theirs)
        pipes.append(ours)
    answers = []
    for pipe in pipes:
        with os.fdopen(pipe, "rb") as answer:
            answers.append(answer.read())
    ends = [os.waitstatus_to_exitcode(os.wait()[1]) for _ in range(workers)]
    if any(ends):
        raise RuntimeError("a worker of the bench failed; what it said stands above")
    return [pickle.loads(answer) for answer in answers]  # noqa: S301 - written by our own children


# the sequencer --------------------------------------------------------------------------------------------------------


def drain(world: World) -> None:
    """Integrate and sign what is queued, as the signing worker does."""

    def child(_me: int) -> None:
        while world.integrate():
            world.sign()

    in_processes(1, child)


def _queue_up(world: World, entries: int) -> None:
    def child(_me: int) -> None:
        for _ in range(entries // 1000):
            world.record(*[a_flow()] * 1000)

    in_processes(1, child)


def _lag(world: World, persons: Sequence[PersonKey], rate: float, seconds: float) -> Iterator[Figure]:
    """Write at a fixed rate beside a sequencer; how long after its commit an entry is signed."""

    done = world.state / "written"

    def act(me: int) -> list[tuple[float, int]]:
        return _signs(world, done) if me == 0 else _evenly(world, persons, rate, seconds, done)

    signed, written = in_processes(2, act)
    assert signed[-1][1] >= written[-1][1], "the sequencer stopped before the last entry"
    lags = [next(moment for moment, size in signed if size >= number) - at for at, number in written]
    yield Figure(
        "lag until signed, 80 % load",
        f"p50 {quantile(lags, 0.5):.2f} s, p99 {quantile(lags, 0.99):.2f} s",
        quantile(lags, 0.99) / INTERVAL_SECONDS,
        2.0,
        f"{rate:,.0f} single entries a second for {seconds:.0f} s, from commit to signature; the ratio is p99 to the "
        "interval of 1 s",
        most=True,
    )


def _evenly(
    world: World, persons: Sequence[PersonKey], rate: float, seconds: float, done: Path
) -> list[tuple[float, int]]:
    """Write at due times; return when each commit was there, and its place from now on."""
    database, found = world.role("app"), []
    _read_rings(world, persons)
    with database.transaction() as session:
        before = session.connection().execute(text("SELECT size FROM log_head")).scalar_one()
    begun = time.perf_counter()
    for number in range(int(rate * seconds)):
        time.sleep(max(0.0, begun + number / rate - time.perf_counter()))
        with database.transaction() as session:
            session.connection().execute(_BUSINESS, {"worker": 0, "body": "x" * 100})
            _entry(world, session, persons[number % len(persons)])
        found.append((time.perf_counter(), before + number + 1))
    done.touch()
    return found


def _signs(world: World, done: Path) -> list[tuple[float, int]]:
    """Integrate and sign at the interval until all is written; return when how many entries were signed."""
    found, begun, last = [], time.perf_counter(), False
    for turn in itertools.count():
        if last:
            break
        last = done.exists()
        time.sleep(max(0.0, begun + turn * INTERVAL_SECONDS - time.perf_counter()))
        world.integrate()
        world.sign()
        with world.role("sequencer").transaction() as session:
            size = session.connection().execute(text("SELECT size FROM log_head")).scalar_one()
        found.append((time.perf_counter(), size))
    return found


def ratio(ours: Sequence[float], others: Sequence[float]) -> float:
    return statistics.median(mine / other for mine, other in zip(ours, others, strict=True))


def median(rates: Sequence[float]) -> float:
    return statistics.median(rates)
