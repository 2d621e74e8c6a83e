"""What is done when somebody dies: every way through every step that a register, an office or the worker goes.

A scenario starts from a moment of the city's life, may go on from there, and returns what is requested and what that
adds to the world once, however often it is requested. What citizens do stands in ``citizens``.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import insert, update

from proaktiv.core.errors import OutcomeUnknown, Permanent, ProaktivError
from proaktiv.core.tasks import How
from proaktiv.database import Database
from proaktiv.demo.citizens import Deed
from proaktiv.flowlog.sequencer import integrate
from proaktiv.pipeline import Pipeline
from proaktiv.tables import BehoerdeRow, ClientDayRow, ClientRow, core_table
from tests.builders import a_birth, a_cancellation, a_death, a_move, a_protection, child_of, somebody
from tests.chaos.life import Cast, wish
from tests.chaos.stages import Request
from tests.intake.conftest import public, signed
from tests.world import BEHOERDEN, World


@dataclass(frozen=True)
class Plan:
    """What is requested, and what it adds: events, deeds of citizens, acknowledgements.

    ``exempt`` are equations that this scenario breaks also where nobody dies, each with its reason there. ``anew``: who
    says it again has said it again, and that is kept too; then it was said by the dead process wholly or not at all.
    """

    requests: Sequence[Request]
    reports: int = 0
    deeds: Mapping[Deed, int] = field(default_factory=dict)
    acknowledged: int = 0
    exempt: frozenset[str] = frozenset()
    anew: bool = False


@dataclass(frozen=True)
class Scenario:
    """One way through one step."""

    step: str
    way: str
    moment: str
    prepare: Callable[[World, Cast, int], Plan]

    @property
    def name(self) -> str:
        return f"{self.step}-{self.way}".replace(" ", "-")


HOUSE: list[Scenario] = []


def scenario(
    step: str, way: str, moment: str
) -> Callable[[Callable[[World, Cast, int], Plan]], Callable[[World, Cast, int], Plan]]:
    def register(prepare: Callable[[World, Cast, int], Plan]) -> Callable[[World, Cast, int], Plan]:
        HOUSE.append(Scenario(step, way, moment, prepare))
        return prepare

    return register


def answered(call: Callable[[World], Any]) -> Request:
    """A request whose refusal is an answer too."""

    def request(world: World) -> Any:
        try:
            return call(world)
        except ProaktivError as refusal:
            return type(refusal).__name__, str(refusal)

    return request


def silent(call: Callable[[World], Any]) -> Request:
    """A request whose answer says how much was left to do, which is another the second time."""

    def request(world: World) -> None:
        call(world)

    return request


def worker(name: str) -> Request:
    """One part of the worker's work: nobody hears an answer."""
    return silent(lambda world: getattr(world.pipeline, name)())


def of_worker(step: str, way: str, moment: str, grow: Callable[[World, Cast, int], object] = lambda *_: None) -> None:
    """Register a part of the worker's work that has something to do at this moment."""

    def prepare(world: World, cast: Cast, size: int) -> Plan:
        grow(world, cast, size)
        return Plan([worker(step)])

    HOUSE.append(Scenario(step, way, moment, prepare))


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

    HOUSE.append(Scenario("receive", way, moment, prepare))


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


# the worker ---------------------------------------------------------------------------------------------------------


def asks_to_be_known(world: World, _cast: Cast, size: int) -> None:
    for number in range(size):
        person = somebody("Emil", geburtsdatum=f"1990-01-0{number + 1}")
        world.melderegister.knows(person)
        world.pipeline.enrol(wish(person))


def asks_and_is_found(world: World, cast: Cast, size: int) -> None:
    asks_to_be_known(world, cast, size)
    world.pipeline.look_up()


def moves(world: World, cast: Cast, _size: int) -> None:
    world.announce(a_move(cast.ada))


of_worker("evaluate", "first", "reported")
of_worker("evaluate", "with what registers said", "asked")
of_worker("evaluate", "a move beside", "reported", moves)
of_worker("look_up", "what a rule needs", "evaluated")
of_worker("look_up", "who enrols", "people", asks_to_be_known)
of_worker("notify", "a bundle", "decided")
of_worker("notify", "an activation", "people", asks_and_is_found)
of_worker("dispatch", "what was confirmed", "waiting")


def last_day_is_over(world: World, _cast: Cast, _size: int) -> None:
    while world.count("bundles", "remind_at IS NOT NULL AND state = 'open'"):
        world.wait(days=7)
    world.now = world.now.replace(year=world.now.year + 1)


def reminder_is_due(world: World, _cast: Cast, _size: int) -> None:
    world.now = world.value("SELECT max(remind_at) FROM bundles WHERE state = 'open'")


def comes_of_age(world: World, _cast: Cast, size: int) -> None:
    for _ in range(size):
        kim = world.lives_here(somebody("Kim", geburtsdatum="2010-11-20"))  # § 62 (1) S. 3 PStG: sixteen then
        world.announce(a_birth(kim))
    world.tick()
    world.now += timedelta(days=60)


of_worker("keep_silence", "lapses", "told", last_day_is_over)
of_worker("keep_silence", "reminds", "told", reminder_is_due)
of_worker("revisit", "comes of age", "people", comes_of_age)


@scenario("tick", "everything that is due", "reported")
def _(world: World, cast: Cast, _size: int) -> Plan:
    moves(world, cast, 1)
    return Plan([World.tick])


# the log ------------------------------------------------------------------------------------------------------------


@scenario("sequencer", "what is queued", "told")
def _(_world: World, _cast: Cast, _size: int) -> Plan:
    def sequence(world: World) -> None:
        with world.sequencer.transaction() as session:
            integrate(session)

    return Plan([sequence])


@scenario("signer", "what is in the tree", "told")
def _(world: World, _cast: Cast, _size: int) -> Plan:
    with world.sequencer.transaction() as session:
        integrate(session)

    def sign(world: World) -> None:
        with world.sequencer.transaction() as session:
            world.signer.sign(session, world.now)

    return Plan([sign])


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

    HOUSE.append(Scenario("tasks", way, moment, prepare))


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
