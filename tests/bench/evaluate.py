"""Evaluate: stored events with consents to committed proposals, bundles and flows, rules and crypto inside.

Driver: the same rows, inserted again into the same tables with the same indexes by SQLAlchemy's insertmanyvalues, in as
many transactions. Both run in rounds, interleaved, on databases of one server.
"""

import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Table, create_engine, insert, select, text

from proaktiv import tables
from proaktiv.embedded import EmbeddedServer
from proaktiv.schema import migrate
from tests.bench.table import Figure
from tests.stored import decide_from_the_event_alone, store_births
from tests.world import World

ROUNDS = 5
SET = 100

WRITTEN = (
    "persons",
    "person_identifiers",
    "vault_keys",
    "relations",
    "event_facts",
    "matches",
    "bundles",
    "proposals",
    "flow_log",
    "flow_secret",
    "flow_queue",
    "subject_heads",
)
"""Tables into which evaluate inserts, parents first."""


def bench_evaluate(events: int) -> Iterator[Figure]:
    """Measure in rounds of ``events / ROUNDS``; each round is the next slice of one growing database."""
    share = events // ROUNDS
    with tempfile.TemporaryDirectory() as folder, EmbeddedServer() as server:
        server.prepare()
        migrate(server.url("proaktiv_owner"))
        server.create_database("driver", "proaktiv")
        server.create_database("city", "proaktiv")
        urls = {role: server.url(f"proaktiv_{role}", "city") for role in ("owner", "app", "sequencer", "reader")}
        city = World(urls, Path(folder)).found()
        decide_from_the_event_alone(city, batch=SET)
        ours, drivers, rows_per_event = [], [], 0.0
        for number in range(ROUNDS):
            store_births(city, share)
            marks = _marks(city)
            begun = time.perf_counter()
            while city.pipeline.evaluate():
                pass
            ours.append(share / (time.perf_counter() - begun))
            rows = _rows_since(city, marks)
            rows_per_event = sum(len(found) for found in rows.values()) / share
            drivers.append(share / _drive(server.url("postgres", "driver"), rows, share // SET))
            print(f"  round {number + 1}/{ROUNDS}: {ours[-1]:,.0f} events/s, driver {drivers[-1]:,.0f}")
        assert city.count("proposals") == 2 * share * ROUNDS, "two Leistungen an event"
        assert city.count("register_events", "state = 'admitted'") == share * ROUNDS
        city.close()
    ratio = statistics.median(mine / other for mine, other in zip(ours, drivers, strict=True))
    yield Figure(
        "evaluate",
        f"{statistics.median(ours):,.0f} events/s ({rows_per_event:.0f} rows an event)",
        ratio,
        0.3,
        f"{events:,} stored births with consents, 2 Leistungen each, sets of {SET}, one worker, median of {ROUNDS}",
    )
    yield Figure(
        "driver of evaluate",
        f"{statistics.median(drivers):,.0f} events/s",
        how="the same rows by insertmanyvalues into the same tables and indexes, one transaction a set",
    )


def _table(name: str) -> Table:
    return tables.METADATA.tables[name]


def _marks(city: World) -> dict[str, int]:
    """How many rows each table has before a round."""
    return {name: city.count(name) for name in WRITTEN}


def _rows_since(city: World, marks: dict[str, int]) -> dict[str, list[dict[str, Any]]]:
    """The rows a round has written, oldest ones left out (physical order: nothing is updated in these tables)."""
    with city.database.transaction() as session:
        return {
            name: [
                dict(row._mapping)
                for row in session.connection().execute(select(_table(name)).order_by(text("ctid")).offset(marks[name]))
            ]
            for name in WRITTEN
        }


def _drive(url: str, rows: dict[str, list[dict[str, Any]]], transactions: int) -> float:
    """Insert the rows in as many transactions as evaluate had; return the seconds."""
    engine = create_engine(url)
    slices = [{name: _slice(found, part, transactions) for name, found in rows.items()} for part in range(transactions)]
    with engine.connect() as connection:
        begun = time.perf_counter()
        for part in slices:
            for name, found in part.items():
                if found:
                    # RETURNING is what makes SQLAlchemy use insertmanyvalues on psycopg.
                    table = _table(name)
                    connection.execute(insert(table).returning(next(iter(table.primary_key))), found)
            connection.commit()
        seconds = time.perf_counter() - begun
    engine.dispose()
    return seconds


def _slice(found: Sequence[dict[str, Any]], part: int, parts: int) -> list[dict[str, Any]]:
    return list(found[len(found) * part // parts : len(found) * (part + 1) // parts])
