"""Intake: batches of 100 births through the HTTP route to committed, sealed, logged events.

Driver: a route that inserts the same rows without any check: same framework, same body limit, same middleware, the same
rows into the same tables with the same indexes by insertmanyvalues, one transaction a request; it neither reads the
body nor asks who sends it. Both run in rounds, interleaved, on databases of one server, each in this process over ASGI:
a socket would cost both the same and flatter the ratio.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI, Request
from sqlalchemy import Engine, Table, create_engine, insert, select, text, update

from proaktiv import tables
from proaktiv.core.clients import Client
from proaktiv.embedded import EmbeddedServer
from proaktiv.schema import migrate
from proaktiv.tables import ClientRow, core_table
from proaktiv.web import problems
from proaktiv.web.intake import BATCH_TYPE, make_intake
from proaktiv.web.limits import BodyLimit
from proaktiv.web.security import SecurityHeaders
from tests.bench.table import Figure
from tests.builders import a_birth, somebody
from tests.world import World

ROUNDS = 5
SET = 100
WRITTEN = ("register_events", "event_subjects", "flow_log", "flow_secret", "flow_queue")


def bench_intake(events: int) -> Iterator[Figure]:
    """Measure in rounds of ``events / ROUNDS``; each round adds to one growing database."""
    share = events // ROUNDS
    with tempfile.TemporaryDirectory() as folder, EmbeddedServer() as server:
        server.prepare()
        migrate(server.url("proaktiv_owner"))
        server.create_database("driver", "proaktiv")
        server.create_database("city", "proaktiv")
        urls = {role: server.url(f"proaktiv_{role}", "city") for role in ("owner", "app", "sequencer", "reader")}
        city = World(urls, Path(folder)).found()
        _open_the_day(server.url("postgres", "city"))
        driver = create_engine(server.url("postgres", "driver"))
        ours, drivers = [], []
        for number in range(ROUNDS + 1):  # the first warms both up
            bodies = [_batch() for _ in range(share // SET)]
            marks = {name: city.count(name) for name in WRITTEN}
            mine = share / asyncio.run(_send(make_intake(_Known(city)), bodies))  # type: ignore[arg-type]
            slices = _slices(city, marks, share // SET)
            theirs = share / asyncio.run(_send(_inserting(driver, slices), bodies))
            if number:
                ours.append(mine)
                drivers.append(theirs)
                print(f"  round {number}/{ROUNDS}: {mine:,.0f} events/s, driver {theirs:,.0f}")
        assert city.count("register_events", "state = 'waiting'") == share * (ROUNDS + 1)
        rows = sum(city.count(name) for name in WRITTEN) / (share * (ROUNDS + 1))
        driver.dispose()
        city.close()
    ratio = statistics.median(mine / other for mine, other in zip(ours, drivers, strict=True))
    yield Figure(
        "intake in batches",
        f"{statistics.median(ours):,.0f} events/s ({rows:.0f} rows an event)",
        ratio,
        0.5,
        f"{events:,} births by POST /events in batches of {SET}, one sender, median of {ROUNDS}",
    )
    yield Figure(
        "driver of intake",
        f"{statistics.median(drivers):,.0f} events/s",
        how="a route that inserts the same rows without any check, one transaction a request",
    )


class _Known:
    """The city's pipeline for a sender whose token is known: who asks is the driver's question as little as ours."""

    def __init__(self, city: World) -> None:
        self.receive_batch = city.pipeline.receive_batch

    def client(self, _token: str) -> Client:
        return Client("standesamt", "", (), frozenset(), 0)


async def _send(app: FastAPI, bodies: Sequence[bytes]) -> float:
    headers = {"content-type": BATCH_TYPE, "authorization": "Bearer x"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://intake") as client:
        begun = time.perf_counter()
        for body in bodies:
            answer = await client.post("/events", content=body, headers=headers)
            assert answer.status_code == 202, answer.text
        return time.perf_counter() - begun


def _inserting(engine: Engine, slices: Sequence[dict[str, list[dict[str, Any]]]]) -> FastAPI:
    waiting = iter(slices)
    app = FastAPI()
    app.add_middleware(BodyLimit)
    app.add_middleware(problems.LastResort)
    app.add_middleware(SecurityHeaders)

    @app.post("/events", status_code=202)
    def keep(_request: Request) -> dict[str, list[str]]:
        rows = next(waiting)
        with engine.begin() as connection:
            for name, found in rows.items():
                table = _table(name)
                # RETURNING is what makes SQLAlchemy use insertmanyvalues on psycopg.
                connection.execute(insert(table).returning(next(iter(table.primary_key))), found)
        return {"events": [str(row["id"]) for row in rows["register_events"]]}

    return app


def _batch() -> bytes:
    return b"[" + b",".join(a_birth(somebody(), other=somebody("Ben")).body for _ in range(SET)) + b"]"


def _table(name: str) -> Table:
    return tables.METADATA.tables[name]


def _slices(city: World, marks: dict[str, int], parts: int) -> list[dict[str, list[dict[str, Any]]]]:
    """The rows a round has written, in as many parts as there were requests (physical order: nothing is updated)."""
    with city.database.transaction() as session:
        rows = {
            name: [
                dict(row._mapping)
                for row in session.connection().execute(select(_table(name)).order_by(text("ctid")).offset(marks[name]))
            ]
            for name in WRITTEN
        }
    for row in rows["register_events"]:
        del row["seq"]  # the database numbers it
    return [
        {name: found[len(found) * part // parts : len(found) * (part + 1) // parts] for name, found in rows.items()}
        for part in range(parts)
    ]


def _open_the_day(url: str) -> None:
    clients = core_table(ClientRow)
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(update(clients).values(daily_max=10_000_000))
    engine.dispose()
