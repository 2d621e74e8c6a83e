"""Races on real processes and real PostgreSQL: a worker decides while somebody takes the ground away under it.

Every race has a control in which the same code runs with its lock taken out: it must lose, else the rig is blind.
"""

import os
import random
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from sqlmodel import Session

from consent import store
from proaktiv import outward, subjects
from proaktiv.core.keys import PersonKey
from proaktiv.core.trust import SessionProof, Trust
from proaktiv.steps import gate
from tests.builders import a_birth, a_death, child_of, somebody
from tests.stored import decide_from_the_event_alone, store_births
from tests.world import World

pytestmark = pytest.mark.chaos

TRIALS = 60


@contextmanager
def beside(work: Callable[[], None]) -> Iterator[None]:
    """Run ``work`` in a forked process while the body runs; both must end well."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    try:
        yield
    except BaseException:
        os.kill(child, signal.SIGKILL)
        raise
    finally:
        _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0


def dawdling(world: World, place: str, most_seconds: float) -> Callable[[str], None]:
    """A probe that makes a worker slow at one place, so that the race has room, and says when it first got there."""
    dice = random.Random(11)

    def probe(name: str) -> None:
        if name == place:
            (world.folder / "there").touch()
            time.sleep(dice.uniform(0.5, 1) * most_seconds)

    return probe


def when_it_is_there(world: World) -> None:
    """Wait until the worker beside us is in the middle of its work."""
    while not (world.folder / "there").exists():
        time.sleep(0.001)


def without_person_locks() -> None:
    """The control: in this process the lock of each person is not taken."""

    def blind(_connection: object, persons: Iterable[UUID]) -> dict[UUID, int]:
        return dict.fromkeys(persons, 0)

    for module in (store, subjects, outward):
        if hasattr(module, "lock_subjects"):
            module.lock_subjects = blind  # type: ignore[attr-defined,assignment]


def without_case_locks() -> None:
    """The control: in this process cases and subjects are not held."""

    def everything(_session: Session, keys: Iterable[bytes]) -> frozenset[bytes]:
        return frozenset(keys)

    gate.try_lock_keys = everything  # type: ignore[attr-defined,assignment]


def nothing() -> None:
    """Take nothing out."""


def proof_of(person: UUID) -> SessionProof:
    return SessionProof(UUID(int=1), PersonKey(person), Trust.V2, None)


def withdraw_against_evaluate(world: World, sabotage: Callable[[], None]) -> int:
    """Returns how many proposals are open although their person's withdrawal was acknowledged."""
    decide_from_the_event_alone(world, batch=100)
    persons = store_births(world, TRIALS)

    def worker() -> None:
        sabotage()
        own = replace(world, now=world.now, probe=dawdling(world, "evaluate.propose.before", 0.1)).open()
        decide_from_the_event_alone(own, batch=10)
        while own.pipeline.evaluate():
            pass

    with beside(worker):
        when_it_is_there(world)
        for person in persons:
            world.pipeline.withdraw(proof_of(person), lebenslage="geburt", activity="")
    while world.pipeline.evaluate():
        pass
    return world.count("proposals", "state = 'open'")


def test_no_proposal_is_open_after_its_withdrawal_was_acknowledged(world: World) -> None:
    assert withdraw_against_evaluate(world, nothing) == 0


def test_control_without_the_persons_lock_withdrawals_lose_against_evaluate(world: World) -> None:
    assert withdraw_against_evaluate(world, without_person_locks) > 0


def withdraw_against_dispatch(world: World, sabotage: Callable[[], None]) -> int:
    """Returns how many Aufträge left the house although their withdrawal was acknowledged as in time."""
    decide_from_the_event_alone(world, batch=100)
    confirmed = store_births(world, 24)
    while world.pipeline.evaluate():
        pass
    auftraege = []
    for person in confirmed:
        proof = proof_of(person)
        (bundle,) = world.pipeline.overview(proof)["bundles"]
        item = next(item for item in bundle["proposals"] if item["leistung"] == "GEBURTSURKUNDE")
        shown = world.pipeline.proposal(proof, UUID(item["id"]))["shown"]
        auftraege.append((proof, world.pipeline.confirm(proof, UUID(item["id"]), bytes.fromhex(shown)).auftrag))
    world.now += timedelta(hours=25)

    def worker() -> None:
        sabotage()
        own = replace(world, now=world.now, probe=dawdling(world, "dispatch.announce.during", 0.4)).open()
        with own.database.transaction() as session:
            session.connection()
        for _ in range(3):
            own.pipeline.dispatch()

    with beside(worker):
        when_it_is_there(world)
        for proof, auftrag in auftraege:
            world.pipeline.withdraw_auftrag(proof, auftrag)
            time.sleep(0.004)
    world.tick()
    assert world.count("tasks", "what = 'auftrag.withdrawn_after_sending'") + world.count(
        "auftraege", "state = 'withdrawn'"
    ) >= len(auftraege), "each withdrawal was either in time or became a clerk's task"
    return world.count("auftraege a JOIN handovers h ON h.auftrag = a.id", "a.state = 'withdrawn'")


def test_no_auftrag_leaves_after_its_withdrawal_was_in_time(world: World) -> None:
    assert withdraw_against_dispatch(world, nothing) == 0


def test_control_without_the_persons_lock_withdrawals_lose_against_dispatch(world: World) -> None:
    assert withdraw_against_dispatch(world, without_person_locks) > 0


def death_against_evaluate(world: World, sabotage: Callable[[], None]) -> int:
    """Returns how many proposals about a dead child are open after the register got its 202."""
    anna = world.lives_here(somebody("Anna"), "geburt")
    births = [a_birth(anna) for _ in range(6)]
    for birth in births:
        world.announce(birth)

    def worker() -> None:
        sabotage()
        own = replace(world, now=world.now, probe=dawdling(world, "evaluate.propose.before", 0.2)).open()
        decide_from_the_event_alone(own, batch=1)
        while own.pipeline.evaluate():
            pass

    with beside(worker):
        when_it_is_there(world)
        for birth in births:
            world.announce(a_death(child_of(birth)))
    world.tick()
    return world.count("proposals", "state = 'open'")


def test_a_death_that_arrives_while_another_worker_processes_the_birth_leaves_nothing_open(world: World) -> None:
    assert death_against_evaluate(world, nothing) == 0
    assert all("Mia" not in letter for letter in world.letters_to(somebody("Anna")))
    world.check_log()


def test_control_without_the_cases_lock_a_death_is_overtaken_by_its_birth(world: World) -> None:
    assert death_against_evaluate(world, without_case_locks) > 0


def test_fifty_parallel_yeses_make_one_auftrag(world: World) -> None:
    from concurrent.futures import ThreadPoolExecutor

    decide_from_the_event_alone(world, batch=100)
    (person,) = store_births(world, 1)
    while world.pipeline.evaluate():
        pass
    proof = proof_of(person)
    (bundle,) = world.pipeline.overview(proof)["bundles"]
    item = UUID(next(item["id"] for item in bundle["proposals"] if item["leistung"] == "GEBURTSURKUNDE"))
    shown = bytes.fromhex(world.pipeline.proposal(proof, item)["shown"])
    with ThreadPoolExecutor(8) as threads:
        answers = set(threads.map(lambda _: world.pipeline.confirm(proof, item, shown).reference, range(50)))
    assert len(answers) == 1
    assert world.count("auftraege") == 1
