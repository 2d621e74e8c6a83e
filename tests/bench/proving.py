"""What it costs to prove and to check: one proof in a small and in a large log, a person's 200 entries, an export.

The large log is filled up with entries of nobody: leaves in the tree and no rows, for a proof reads tiles alone. "Cold"
is a session that has read no tile; PostgreSQL's own cache stays warm for both. Source: flowlog.md § 9.
"""

import os
import secrets
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from random import Random

from sqlalchemy import text

from proaktiv.core.merkle import leaf_hash, node_hash, verify_inclusion
from proaktiv.embedded import EmbeddedServer
from proaktiv.flowlog.exports.handing_out import hand_out
from proaktiv.flowlog.exports.writing import export_log
from proaktiv.flowlog.proving.inclusions import included
from proaktiv.flowlog.proving.paths import inclusion
from proaktiv.flowlog.signer import Signer
from proaktiv.flowlog.tiles import StoredTree
from proaktiv.flowlog.verifying.export import verify_export
from proaktiv.schema import migrate
from tests.bench.openloop import quantile
from tests.bench.table import Figure
from tests.builders import somebody
from tests.flowlog import conftest as logs
from tests.flowlog.exports import VKEY
from tests.world import World

ROUNDS = 9
PROOFS = 100
ENTRIES = 200
VIEWS = 200
COCKPIT_SECONDS = 0.5
"""A register's answer to XDatenschutzcockpit (flowlog.md § 1)."""
SMALL, LARGE = 1_000, 1_000_000
ROLES = ("owner", "app", "sequencer", "reader")
_GROWN = text("UPDATE log_head SET size = :size, root = :root")


def bench_proving(large: int = LARGE, exported: int = 20_000) -> Iterator[Figure]:
    """Measure proofs, a person's view and an export's verification; ``large`` is the size of the large log."""
    with tempfile.TemporaryDirectory() as folder, EmbeddedServer() as server:
        server.prepare()
        migrate(server.url("proaktiv_owner"))
        for name in ("small", "large", "export"):
            server.create_database(name, "proaktiv")
            (Path(folder) / name).mkdir()
        urls = {
            name: {role: server.url(f"proaktiv_{role}", name) for role in ROLES}
            for name in ("small", "large", "export")
        }
        cities = [World(urls[name], Path(folder) / name).found() for name in ("small", "large")]
        _pad(cities[0], SMALL)
        yield from _view(cities[1], large, cities[0])
        for city in cities:
            city.close()
        yield from _exported(logs.World(urls["export"], Path(folder) / "export"), exported)


# proofs ---------------------------------------------------------------------------------------------------------------


def _pad(city: World, leaves: int) -> int:
    """Let the tree grow by leaves that belong to no row, and return its size."""
    with city.sequencer.transaction() as session:
        size: int = session.connection().execute(text("SELECT size FROM log_head")).scalar_one()
        tree = StoredTree(session)
        dice = secrets.token_bytes(32 * leaves)
        tree.append(size, [dice[32 * n : 32 * n + 32] for n in range(leaves)])
        session.connection().execute(_GROWN, {"size": size + leaves, "root": tree.root(size + leaves)})
    return size + leaves


def _view(city: World, large: int, small: World) -> Iterator[Figure]:
    """A person's entries lie scattered in the large log."""
    anna = somebody("Anna")
    proof = replace(city.settles(anna), trust=logs.Trust.V2)
    house = city.pipeline.house
    for _ in range(ENTRIES):
        with city.database.transaction() as session:
            house.log.record(session, [logs.a_flow(person=proof.person)], datetime.now(UTC))
        with city.sequencer.transaction() as session:
            logs.integrate(session)
        size = _pad(city, large // ENTRIES)
    with city.sequencer.transaction() as session:
        Signer(city.folder / "signer", city.signing_key, city.signer._origin).sign(session, datetime.now(UTC))
    dice = Random(7)

    def one_of(city: World, size: int) -> None:
        with city.reader.transaction() as session:
            inclusion(session, dice.randrange(size), size)

    def view() -> None:
        found = city.pipeline.usages(proof, None, None, 0, ENTRIES)
        assert len(found) == ENTRIES
        assert all(each["proof"] for each in found)

    def one_signed() -> None:
        with city.reader.transaction() as session:
            assert included(session, [dice.randrange(size)])

    small_size = SMALL
    at_small, at_large, alone, whole = [], [], [], []
    for number in range(ROUNDS + 1):
        taken = [
            _seconds(lambda: one_of(small, small_size), PROOFS),
            _seconds(lambda: one_of(city, size), PROOFS),
            _seconds(one_signed, PROOFS),
            _seconds(view, 3),
        ]
        if number:
            for kept, seconds in zip((at_small, at_large, alone, whole), taken, strict=True):
                kept.append(seconds)
    yield Figure(
        f"a cold proof among {size:,}",
        f"{_ms(at_large)} (among {small_size:,}: {_ms(at_small)})",
        _ratio(at_large, at_small),
        4.0,
        f"one transaction, its tiles read anew, {PROOFS} random entries a round, median of {ROUNDS}",
        most=True,
    )
    yield Figure(
        f"a person's {ENTRIES} entries with proofs",
        f"{_ms(whole)} (one proof: {_ms(alone)})",
        _ratio(whole, alone),
        20.0,
        f"as GET /me/flows answers: opened, checked and proven, scattered among {size:,}; median of {ROUNDS}",
        most=True,
    )
    slow = quantile([_seconds(view, 1) for _ in range(VIEWS)], 0.99)
    yield Figure(
        f"a person's {ENTRIES} entries, to what a Datenschutzcockpit may take",
        f"p99 {slow * 1e3:.0f} ms",
        slow / COCKPIT_SECONDS,
        0.5,
        f"the same, {VIEWS} times one after the other; the ratio is p99 to 500 ms",
        most=True,
    )
    yield from _checking()


def _checking() -> Iterator[Figure]:
    """Check a proof, against its hashes alone."""
    path = [secrets.token_bytes(32) for _ in range(20)]
    leaf, index, size = leaf_hash(b"x"), 0, 2**20
    root = leaf
    for step in path:
        root = node_hash(root, step)
    assert verify_inclusion(index, size, leaf, path, root)

    def bare() -> None:
        node = leaf
        for step in path:
            node = node_hash(node, step)

    checked, hashed = [], []
    for _ in range(ROUNDS):
        hashed.append(_seconds(bare, 2_000))
        checked.append(_seconds(lambda: verify_inclusion(index, size, leaf, path, root), 2_000))
    yield Figure(
        "check of a proof, to its hashes",
        f"{statistics.median(checked) * 1e6:.1f} µs",
        _ratio(checked, hashed),
        2.0,
        f"20 steps; the same hashes alone {statistics.median(hashed) * 1e6:.1f} µs; median of {ROUNDS}",
        most=True,
    )


# exports --------------------------------------------------------------------------------------------------------------


def _exported(world: logs.World, entries: int) -> Iterator[Figure]:
    persons = [world.a_person() for _ in range(100)]
    begun = time.perf_counter()
    for number in range(0, entries, 100):
        with world.role("app").transaction() as session:
            flows = [logs.a_flow(person=persons[(number + n) % 100]) for n in range(100)]
            world.log.record(session, flows, datetime.now(UTC))
    recorded = entries / (time.perf_counter() - begun)
    while world.integrate():
        world.sign()
    folder = world.state / "export"
    with world.role("reader").transaction() as session:
        export_log(session, folder)
    world.close()
    policy = folder.parent / "policy.txt"
    policy.write_text(f"log {VKEY}\nquorum none\n")
    programs = folder.parent / "programs"
    hand_out(programs)
    rates = {"proaktiv log verify": [], "verify.py": [], "verify.mjs": []}
    commands = {"verify.py": [sys.executable, str(programs / "verify.py")]}
    if node := shutil.which("node"):
        commands["verify.mjs"] = [node, str(programs / "verify.mjs")]
    for _ in range(5):
        rates["proaktiv log verify"].append(entries / _seconds(lambda: _own(folder), 1))
        for name, command in commands.items():
            rates[name].append(entries / _seconds(partial(_told, [*command, str(folder), "--policy", str(policy)]), 1))
    for name, found in rates.items():
        if found:
            yield Figure(
                f"an export verified by {name}",
                f"{statistics.median(found):,.0f} entries/s (recorded {recorded:,.0f}/s)",
                statistics.median(found) / recorded,
                1.0,
                f"{entries:,} entries, wall time from cold, median of 5; recorded by one process in sets of 100",
            )


def _own(folder: Path) -> None:
    assert verify_export(folder, VKEY).ok


def _told(command: list[str]) -> None:
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})


def _seconds(act: Callable[[], object], times: int) -> float:
    begun = time.perf_counter()
    for _ in range(times):
        act()
    return (time.perf_counter() - begun) / times


def _ratio(ours: list[float], others: list[float]) -> float:
    return statistics.median(mine / other for mine, other in zip(ours, others, strict=True))


def _ms(seconds: list[float]) -> str:
    return f"{statistics.median(seconds) * 1e3:.1f} ms"
