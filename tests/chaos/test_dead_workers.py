"""A worker is killed with rows in hand: others take them at once. One that lives keeps them, however long it takes.

The city's clock does not move in these tests, so no lease (60 s) ever ends: only the worker's own lock can tell.
"""

import os
import secrets
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from proaktiv.app import building
from proaktiv.database import Database, DatabaseAway
from proaktiv.pipeline import Pipeline
from proaktiv.steps.enrol import Wish
from proaktiv.workers import Identity
from tests.builders import somebody
from tests.chaos.dying import FolderBehoerde, Killer, in_own_process
from tests.chaos.test_crash_points import (
    a_waiting_auftrag,
    an_open_letter,
    child_of,
    everything_is_well_with_the_auftrag,
    everything_is_well_with_the_letter,
)
from tests.settings_of import everything, settings_of
from tests.world import World

pytestmark = pytest.mark.chaos

PATIENCE_SECONDS = 20
"""How long PostgreSQL may take to see that a killed process is gone, on a machine that has much else to do."""


def a_wanted_lookup(world: World) -> None:
    """Somebody asks to enrol; the register was not asked yet."""
    anna = somebody("Anna")
    world.melderegister.knows(anna)
    world.pipeline.enrol(Wish(anna.vornamen, anna.familienname, anna.geburtsdatum, anna.strasse, anna.plz, anna.ort))


def everything_is_well_with_the_lookup(world: World) -> None:
    world.wait(minutes=10)
    assert world.value("SELECT state FROM lookups") == "answered"
    assert world.value("SELECT state FROM enrolments") == "letter"
    world.check_log()


@dataclass(frozen=True)
class Step:
    name: str
    table: str
    begin: Callable[[World], None]
    run: Callable[[Pipeline], int]
    end: Callable[[World], None]

    def in_hand(self, world: World) -> int:
        return world.count(self.table, "state = 'announced' AND lease_until IS NOT NULL")


STEPS = (
    Step("look_up", "lookups", a_wanted_lookup, Pipeline.look_up, everything_is_well_with_the_lookup),
    Step("notify", "deliveries", an_open_letter, Pipeline.notify, everything_is_well_with_the_letter),
    Step("dispatch", "handovers", a_waiting_auftrag, Pipeline.dispatch, everything_is_well_with_the_auftrag),
)
each_step = pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)


def as_worker(world: World) -> Pipeline:
    """The city's pipeline as ``proaktiv work`` runs it."""
    me = Identity(world.database, secrets.token_bytes)
    me.number()
    return replace(world.pipeline, identity=me.number)


def without_identity(world: World) -> Pipeline:
    """The control: a worker that only has its lease."""
    return world.pipeline


def works(
    world: World, step: Step, who: Callable[[World], Pipeline] = as_worker, **changes: object
) -> Callable[[], None]:
    def work() -> None:
        step.run(who(child_of(world, **changes)))

    return work


def taken_at_once(step: Step, pipeline: Pipeline) -> bool:
    """Whether the step finds work, as soon as PostgreSQL has noticed a death."""
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        if step.run(pipeline):
            return True
        time.sleep(0.01)
    return False


@contextmanager
def standing_still(world: World, step: Step, who: Callable[[World], Pipeline]) -> Iterator[int]:
    """A worker beside us that has announced and stands still before it hands over. Yields its process id."""
    there = world.folder / "there"

    def stand(place: str) -> None:
        if place == f"{step.name}.announce.after":
            there.touch()
            signal.pause()

    child = os.fork()
    if child == 0:
        try:
            works(world, step, who, probe=stand)()
        finally:
            os._exit(1)
    try:
        while not there.exists():
            assert os.waitpid(child, os.WNOHANG) == (0, 0), "the worker ended too early"
            time.sleep(0.001)
        yield child
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


@each_step
@pytest.mark.parametrize("place", ["announce.after", "hand_over.after", "record.before", "record.during"])
def test_what_a_killed_worker_had_in_hand_is_taken_before_its_lease_ends(world: World, step: Step, place: str) -> None:
    step.begin(world)
    survivor, now = as_worker(world), world.now
    assert in_own_process(works(world, step, probe=Killer(f"{step.name}.{place}"))) == -signal.SIGKILL
    assert step.in_hand(world) == 1
    assert taken_at_once(step, survivor)
    assert step.in_hand(world) == 0
    assert world.now == now
    step.end(world)


@each_step
def test_control_without_an_identity_it_waits_for_the_lease(world: World, step: Step) -> None:
    step.begin(world)
    dying = works(world, step, without_identity, probe=Killer(f"{step.name}.announce.after"))
    assert in_own_process(dying) == -signal.SIGKILL
    time.sleep(1)  # as long as PostgreSQL may need to notice: it does not help
    assert [step.run(as_worker(world)) for _ in range(3)] == [0, 0, 0]
    assert step.in_hand(world) == 1
    world.now += timedelta(seconds=61)
    assert step.run(as_worker(world)) == 1


@each_step
def test_what_a_living_worker_has_in_hand_is_left_to_it_until_it_dies(world: World, step: Step) -> None:
    step.begin(world)
    survivor = as_worker(world)
    with standing_still(world, step, as_worker):
        assert [step.run(survivor) for _ in range(3)] == [0, 0, 0]
        assert step.in_hand(world) == 1
    assert taken_at_once(step, survivor)
    step.end(world)


@each_step
def test_a_worker_that_hangs_is_overtaken_when_its_lease_ends(world: World, step: Step) -> None:
    step.begin(world)
    survivor = as_worker(world)
    with standing_still(world, step, as_worker) as hanging:
        os.kill(hanging, signal.SIGSTOP)
        assert step.run(survivor) == 0
        world.now += timedelta(seconds=61)
        assert step.run(survivor) == 1, "its lock is still held, so only the second line can tell"


def test_what_a_dead_worker_sent_to_a_receiver_without_memory_is_in_doubt_at_once_and_never_sent_again(
    world: World,
) -> None:
    a_waiting_auftrag(world)
    assert isinstance(world.behoerde, FolderBehoerde)
    careless = replace(world.behoerde, idempotent=False)
    dying = works(world, STEPS[2], behoerde=replace(careless, die_after_taking=True))
    assert in_own_process(dying) == -signal.SIGKILL
    after = child_of(world, behoerde=careless)
    survivor = as_worker(after)
    end = time.monotonic() + PATIENCE_SECONDS
    while world.value("SELECT state FROM auftraege") != "in_doubt" and time.monotonic() < end:
        assert survivor.dispatch() == 0
    assert world.value("SELECT state FROM auftraege") == "in_doubt"
    assert world.count("tasks", "what = 'auftrag.in_doubt'") == 1
    assert world.value("SELECT worker FROM handovers") is None
    after.wait(minutes=10)
    assert [len(arrivals) for arrivals in careless.orders().values()] == [1]


def test_a_letter_that_waits_for_its_next_try_is_nobodys_when_its_worker_dies(world: World) -> None:
    an_open_letter(world)

    def away() -> None:
        pipeline = as_worker(child_of(world))
        (world.folder / "letters").rename(world.folder / "elsewhere")  # the folder is not there: try again later
        pipeline.notify()
        (world.folder / "elsewhere").rename(world.folder / "letters")
        os.kill(os.getpid(), signal.SIGKILL)

    assert in_own_process(away) == -signal.SIGKILL
    assert world.count("deliveries", "state = 'announced' AND worker IS NULL AND lease_until IS NULL") == 1
    time.sleep(1)
    assert as_worker(world).notify() == 0, "its pause is not over"
    everything_is_well_with_the_letter(world)


def test_a_worker_that_cannot_say_who_it_is_announces_nothing(world: World) -> None:
    an_open_letter(world)
    nowhere = Identity(Database("postgresql://nobody@127.0.0.1:9/nothing"), secrets.token_bytes)
    with pytest.raises(DatabaseAway):
        replace(world.pipeline, identity=nowhere.number).notify()
    assert world.count("deliveries", "state = 'announced'") == 0
    everything_is_well_with_the_letter(world)


def held(world: World) -> int:
    return world.count("pg_locks", "locktype = 'advisory' AND classid::bigint = x'70726B77'::bigint")


def test_a_work_process_has_a_number_from_its_start_to_its_end_and_a_surface_has_none(world: World) -> None:
    settings = settings_of(everything(world.urls, world.folder))
    before = held(world)
    with building(settings, "work") as pipeline:
        assert pipeline.identity is not None
        assert held(world) == before + 1
        assert pipeline.identity() == pipeline.identity()
    end = time.monotonic() + PATIENCE_SECONDS
    while held(world) > before and time.monotonic() < end:
        time.sleep(0.01)
    assert held(world) == before
    with building(settings, "citizen") as pipeline:
        assert pipeline.identity is None
        assert held(world) == before
