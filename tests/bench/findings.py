"""What it takes to look for what does not fit: a city's month of entries, with what went out under them.

Each matter is ten entries about one person, as the steps write them: received, admitted, three pairs of what was
authorised and how it ended, an act, a look by the office. The measure is what nobody can do without: reading every
entry of the month once and hashing its facts. Source: flowlog.md §§ 5, 8.
"""

import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from sqlalchemy import text

from proaktiv.core.flows import Kind
from proaktiv.core.keys import PersonKey
from proaktiv.embedded import EmbeddedServer
from proaktiv.flowlog.findings import Code, findings, timed
from proaktiv.schema import migrate
from proaktiv.sets import copy_rows
from proaktiv.tables import DeliveryRow, HandoverRow, LookupRow, core_table
from tests.bench.table import Figure
from tests.flowlog import conftest as logs

MONTH = timedelta(days=30)
ENTRIES, PERSONS = 1_000_000, 20_000
PER_MATTER, MATTERS_AT_ONCE = 10, 50
ROUNDS = 3
ROLES = ("owner", "app", "sequencer", "reader")

_HASHED = text(
    r"SELECT count(*) FROM flow_log g WHERE g.fid >= :since"
    r" AND sha256(convert_to(E'proaktiv/commit/v1\nF', 'UTF8') || g.f_salt || g.f_bytes)"
    r" <> substring(g.entry FROM 20 FOR 32)"
)
_OUTWARD = {
    table: core_table(row)
    for table, row in (("lookups", LookupRow), ("deliveries", DeliveryRow), ("handovers", HandoverRow))
}
_COLUMNS = {
    "lookups": ("id", "person", "register_name", "names", "state", "tries", "due_at", "wire_id", "flow_id"),
    "deliveries": (
        *("id", "matter", "purpose", "channel", "run", "state", "reason", "tries", "wire_id", "flow_id"),
        *("made_at", "moved_at"),
    ),
    "handovers": (
        "id",
        "auftrag",
        "attempt",
        "behoerde",
        "wire_id",
        "state",
        "reason",
        "flow_id",
        "made_at",
        "moved_at",
    ),
}


def bench_findings(entries: int = ENTRIES) -> Iterator[Figure]:
    """Measure the look at a month of ``entries`` entries, with nothing to be found and all of it to be read."""
    with tempfile.TemporaryDirectory() as folder, EmbeddedServer() as server:
        server.prepare()
        migrate(server.url("proaktiv_owner"))
        urls = {role: server.url(f"proaktiv_{role}") for role in ROLES}
        world = logs.World(urls, Path(folder) / "signer")
        now = datetime.now(UTC)
        size = write_month(world, entries, now)
        yield from _measured(world, size, now)
        world.close()


def write_month(world: logs.World, entries: int, now: datetime) -> int:
    """Write a month that ends a minute before ``now``, signed as it grew; return how many entries it has."""
    persons = _persons(world, max(10, min(PERSONS, entries // 50)))
    sets = max(1, entries // (PER_MATTER * MATTERS_AT_ONCE))
    for n in range(sets):
        at = now - MONTH + (MONTH - timedelta(minutes=2)) * n / sets
        with world.role("app").transaction() as session:
            mine = [persons[(n * MATTERS_AT_ONCE + m) % len(persons)] for m in range(MATTERS_AT_ONCE)]
            authorised = _first(mine)
            fids = world.log.record(session, authorised, at)
            pairs = [(fid, flow) for fid, flow in zip(fids, authorised, strict=True) if flow.kind is Kind.AUTHORISED]
            world.log.record(
                session,
                [logs.a_flow(kind=Kind.OUTCOME, of=fid, outcome="done", person=f.person) for fid, f in pairs],
                at,
            )
            for place, table in enumerate(_OUTWARD):
                copy_rows(
                    session, _OUTWARD[table], _COLUMNS[table],
                    [_row(world, table, fid, at) for fid, _ in pairs[place::3]],
                )  # fmt: skip
        with world.role("sequencer").transaction() as session:
            size = logs.integrate(session)
        with world.role("sequencer").transaction() as session:
            world.signer().sign(session, at + timedelta(seconds=1))
    with world.role("owner").transaction() as session:
        session.connection().exec_driver_sql("ANALYZE")
    return sets * PER_MATTER * MATTERS_AT_ONCE if size else 0


def _persons(world: logs.World, many: int) -> Sequence[PersonKey]:
    persons = [PersonKey(world.ids.secret()) for _ in range(many)]
    with world.role("app").transaction() as session:
        world.vault.create(session, persons, logs.NOW)
    return persons


def _first(persons: Sequence[PersonKey]) -> list[logs.Flow]:
    """What is written of each matter but how what left ended."""
    kinds = (Kind.RECEIVED, Kind.ADMITTED, Kind.CONFIRMED, Kind.ACCESS, *[Kind.AUTHORISED] * 3)
    return [
        logs.a_flow(
            kind=kind,
            person=None if kind is Kind.RECEIVED else person,
            scope="geburt/match@1",
            restrict=kind is Kind.ACCESS,
        )
        for person in persons
        for kind in kinds
    ]


def _row(world: logs.World, table: str, fid: UUID, at: datetime) -> tuple[object, ...]:
    row = world.ids.row(at)
    return {
        "lookups": (row, row, "MELDEREGISTER", [], "answered", 0, at, "", fid),
        "deliveries": (row, row, "bundle", "LETTER", 1, "handed_over", "", 0, "", fid, at, at),
        "handovers": (row, row, 1, "amt", "", "sent", "", fid, at, at),
    }[table]


def _measured(world: logs.World, size: int, now: datetime) -> Iterator[Figure]:
    whole, hashed = [], []
    parts: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        with world.role("reader").transaction() as session:
            begun = time.perf_counter()
            session.connection().execute(_HASHED, {"since": UUID(int=0)})
            hashed.append(time.perf_counter() - begun)
        with world.role("reader").transaction() as session:
            begun = time.perf_counter()
            assert findings(session, now) == []
            whole.append(time.perf_counter() - begun)
        with world.role("reader").transaction() as session:
            for code, seconds in timed(session, now, time.perf_counter).items():
                parts.setdefault(code, []).append(seconds)
    slowest = sorted(((statistics.median(taken), code) for code, taken in parts.items()), reverse=True)[:3]
    yield Figure(
        f"findings among a month's {size:,} entries",
        f"{statistics.median(whole):.1f} s ({', '.join(f'{code} {seconds:.1f} s' for seconds, code in slowest)})",
        statistics.median(mine / floor for mine, floor in zip(whole, hashed, strict=True)),
        6.0,
        f"all {len(Code)} codes, as the DSB's page asks; reading and hashing each entry once takes"
        f" {statistics.median(hashed):.1f} s; median of {ROUNDS}",
        most=True,
    )
