"""What registers, Behörden and clerks do when somebody dies, see ``scenarios``."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import insert, update

from proaktiv.core.errors import OutcomeUnknown, Permanent
from proaktiv.core.tasks import How
from proaktiv.database import Database
from proaktiv.pipeline import Pipeline
from proaktiv.tables import BehoerdeRow, ClientDayRow, ClientRow, core_table
from tests.builders import a_birth, a_cancellation, a_death, a_protection, child_of, somebody
from tests.chaos.life import Cast
from tests.chaos.scenarios import Plan, Scenario, answered, into, silent, worker
from tests.intake.conftest import public, signed
from tests.world import BEHOERDEN, World

OFFICES: list[Scenario] = []
scenario = partial(into, OFFICES)


# receive ------------------------------------------------------------------------------------------------------------


@scenario("receive", "a birth", "people")
def _(_world: World, cast: Cast, size: int) -> Plan:
    return Plan([answered(lambda w, b=b: w.announce(b).id) for b in cast.births[:size]], reports=size)


@scenario("receive", "a batch", "people")
def _(_world: World, cast: Cast, size: int) -> Plan:
    wrong = a_birth(somebody("Fritz")).but(ars="Musterstadt")
    body = b"[" + b",".join(each.body for each in (*cast.births[:size], wrong, cast.births[0])) + b"]"

    def batch(world: World) -> list[object]:
        taken = world.pipeline.receive_batch("standesamt", body)
        return [getattr(each.answer, "id", type(each.answer).__name__) for each in taken]

    return Plan([batch], reports=size)


def stopping(way: str, moment: str, report: Callable[[Cast, int], Any], **plan: Any) -> None:
    def prepare(_world: World, cast: Cast, size: int) -> Plan:
        reports = [report(cast, number) for number in range(size)]
        return Plan([answered(lambda w, r=r: w.announce(r).id) for r in reports], reports=size, **plan)

    OFFICES.append(Scenario("receive", way, moment, prepare))


stopping("a death that recalls", "told", lambda cast, n: a_death(child_of(cast.births[n])))
stopping("a cancellation that recalls", "told", lambda cast, n: a_cancellation(cast.births[n]))
stopping("a death before an Auftrag leaves", "confirmed", lambda cast, n: a_death(child_of(cast.births[n])))
stopping("a death after an Auftrag left", "sent", lambda cast, n: a_death(child_of(cast.births[n])))
stopping("a protection", "told", lambda cast, n: a_protection(cast.mothers[n].kennung, "51"))
stopping(
    "a correction",
    "told",
    lambda cast, n: cast.births[n].but(
        id=f"{cast.births[n].id}-2", fassung=2, kind=cast.births[n].data["kind"] | {"vornamen": "Mio"}
    ),
)


# sources --------------------------------------------------------------------------------------------------------------


@scenario("collect", "a watched folder", "people")
def _(world: World, cast: Cast, size: int) -> Plan:
    folder = world.folder / "standesamt"
    folder.mkdir()
    wrong = a_birth(somebody("Fritz")).but(ars="Musterstadt")
    for number, birth in enumerate(cast.births[:size]):
        (folder / f"{number}.json").write_bytes(b"[" + birth.body + b"," + wrong.body + b"]")
    return Plan([worker("collect")], reports=size)


def a_flood(world: World, cast: Cast, size: int) -> None:
    owner = Database(world.urls["owner"], pool_size=1)
    days = [{"client": "standesamt", "day": world.now.date() - timedelta(days=ago), "n": 1} for ago in range(1, 8)]
    clients = core_table(ClientRow)
    with owner.transaction() as session:
        session.connection().execute(insert(core_table(ClientDayRow)), days)
        session.connection().execute(
            update(clients).where(clients.c.id == "standesamt").values(jump_factor=1, jump_floor=1)
        )
    owner.close()
    world.announce(a_birth(somebody("Greta")))
    for birth in cast.births[:size]:
        world.announce(birth)
    world.tick()


@scenario("release_source", "all of it", "people")
def _(world: World, cast: Cast, size: int) -> Plan:
    a_flood(world, cast, size)
    return Plan([silent(lambda w: w.pipeline.release_source("standesamt", "clerk-1"))])


@scenario("reject_source", "all of it", "people")
def _(world: World, cast: Cast, size: int) -> Plan:
    a_flood(world, cast, size)
    return Plan([silent(lambda w: w.pipeline.reject_source("standesamt", "clerk-1"))])


# Behörden -----------------------------------------------------------------------------------------------------------


def said(world: World, **changes: Any) -> list[bytes]:
    """What the Standesamt says about each Auftrag it has."""
    key, name = Ed25519PrivateKey.generate(), BEHOERDEN["standesamt"]
    owner, behoerden = Database(world.urls["owner"], pool_size=1), core_table(BehoerdeRow)
    with owner.transaction() as session:
        session.connection().execute(update(behoerden).where(behoerden.c.id == name).values(jwk=public(key)))
    owner.close()
    with world.database.transaction() as session:
        wires = sorted(session.connection().exec_driver_sql("SELECT wire_id FROM handovers").scalars())
    base = {"behoerde": name, "status": "acknowledged", "text": "", "iat": int(world.now.timestamp())} | changes
    messages = [base | {"wire_id": wire, "message_id": f"{wire}.1"} for wire in wires]
    return [signed(key, json.loads(json.dumps(message)), kid=name).encode() for message in messages]


@scenario("acknowledge", "what arrived", "sent")
def _(world: World, _cast: Cast, size: int) -> Plan:
    return Plan([answered(lambda w, m=m: w.pipeline.acknowledge(m)) for m in said(world)], acknowledged=size)


@scenario("acknowledge", "a question", "sent")
def _(world: World, _cast: Cast, size: int) -> Plan:
    messages = said(world, status="question", text="Wo haben Sie geheiratet?")
    return Plan([answered(lambda w, m=m: w.pipeline.acknowledge(m)) for m in messages], acknowledged=size)


@scenario("acknowledge", "a changed message", "sent")
def _(world: World, _cast: Cast, size: int) -> Plan:
    first = said(world)
    for message in first:
        world.pipeline.acknowledge(message)
    changed = said(world, status="rejected")[:1]  # each attempt is told to the DSB
    return Plan([answered(lambda w, m=m: w.pipeline.acknowledge(m)) for m in changed], acknowledged=size, anew=True)


# tasks --------------------------------------------------------------------------------------------------------------


def ending(way: str, moment: str, fails: Exception | None, what: str, how: How, *exempt: str) -> None:
    """Register a task's way out. ``fails`` is what its Behörde says."""

    def prepare(world: World, _cast: Cast, _size: int) -> Plan:
        world.pipeline = _failing(world.pipeline, fails)
        world.tick()
        tasks = [UUID(each["id"]) for each in world.pipeline.tasks() if each["what"] == what]
        assert tasks, what
        return Plan(
            [lambda w, t=t: w.pipeline.finish(t, how, "clerk-1") for t in tasks],
            exempt=frozenset(exempt),
        )

    OFFICES.append(Scenario("tasks", way, moment, prepare))


class _Failing:
    """A Behörde that takes nothing. ``idempotent`` is what makes doubt a human's."""

    name = "webhook"
    idempotent = False

    def __init__(self, fails: Exception) -> None:
        self._fails = fails

    def send(self, *_: object) -> None:
        raise self._fails


def _failing(pipeline: Pipeline, fails: Exception | None) -> Pipeline:
    return pipeline if fails is None else replace(pipeline, dispatchers={"webhook": _Failing(fails)})


# Its clerk says that it arrived; no arrival was seen and no outcome is in the log.
_CLERKS_WORD = ("dispatched = arrivals at the Behörden", "dispatched = hand-overs in the log")

ending("arrived", "waiting", OutcomeUnknown("x"), "auftrag.in_doubt", How.ARRIVED, *_CLERKS_WORD)
ending("again", "waiting", OutcomeUnknown("x"), "auftrag.in_doubt", How.AGAIN)
ending("to the citizen", "waiting", Permanent("x"), "auftrag.undeliverable", How.TO_CITIZEN)
