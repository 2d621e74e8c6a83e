"""What the worker, the sequencer and the signer do when they die, see ``scenarios``."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

from proaktiv.flowlog.sequencer import integrate
from tests.builders import a_birth, a_move, somebody
from tests.chaos.life import Cast, wish
from tests.chaos.offices import said
from tests.chaos.scenarios import Plan, Scenario, into, worker
from tests.world import World

WORKERS: list[Scenario] = []
scenario = partial(into, WORKERS)


def of_worker(step: str, way: str, moment: str, grow: Callable[[World, Cast, int], object] = lambda *_: None) -> None:
    """Register a part of the worker's work that has something to do at this moment."""

    def prepare(world: World, cast: Cast, size: int) -> Plan:
        grow(world, cast, size)
        return Plan([worker(step)])

    WORKERS.append(Scenario(step, way, moment, prepare))


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


def asked_back(world: World, size: int) -> Plan:
    """A Behörde has a question about each Auftrag; the worker has yet to tell of it."""
    for message in said(world, status="question", text="Wo haben Sie geheiratet?"):
        world.pipeline.acknowledge(message)
    return Plan([worker("notify")], acknowledged=size)


@scenario("notify", "a question", "sent")
def _(world: World, _cast: Cast, size: int) -> Plan:
    return asked_back(world, size)


@scenario("notify", "a question that no letter may bring", "sent")
def _(world: World, cast: Cast, size: int) -> Plan:
    for proof in cast.proofs:
        world.pipeline.withdraw(proof, lebenslage="", activity="geburt/propose/LETTER")
    return asked_back(world, size)


def last_day_is_over(world: World, _cast: Cast, _size: int) -> None:
    while world.count("bundles", "remind_at IS NOT NULL AND state = 'open'"):
        world.wait(days=7)
    world.now = world.now.replace(year=world.now.year + 1)


def reminder_is_due(world: World, _cast: Cast, _size: int) -> None:
    world.now = world.value("SELECT max(remind_at) FROM bundles WHERE state = 'open'")


def comes_of_age(world: World, _cast: Cast, size: int) -> None:
    # § 62 (1) S. 3 PStG: sixteen then. All move in first, so that each letter that comes meanwhile is a code.
    kims = [world.lives_here(somebody("Kim", geburtsdatum="2010-11-20")) for _ in range(size)]
    for kim in kims:
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
