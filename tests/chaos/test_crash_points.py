"""kill -9 where the receiver knows no wire id: the one case in which nothing may be sent again.

What the other rigs begin with stands here too. Every other death is in ``test_points``.
"""

import signal
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.builders import a_birth, somebody
from tests.chaos.dying import FolderBehoerde, in_own_process
from tests.world import START, World

pytestmark = pytest.mark.chaos


def child_of(world: World, **changes: object) -> World:
    """The same installation, as another process opens it."""
    return replace(world, now=world.now, **changes).open()  # type: ignore[arg-type]


def an_open_letter(world: World) -> None:
    """A birth is proposed; its letter is not written yet."""
    anna = world.lives_here(somebody("Anna"), "geburt")
    world.announce(a_birth(anna))
    while world.pipeline.evaluate() + world.pipeline.look_up():
        pass
    world.anna = anna  # type: ignore[attr-defined]


def a_waiting_auftrag(world: World) -> None:
    """An Auftrag is confirmed and its undo window is over; it is not sent yet."""
    an_open_letter(world)
    world.tick()
    world.says_yes(world.opens_letter(world.anna), "GEBURTSURKUNDE")  # type: ignore[attr-defined]
    world.now = START + timedelta(hours=25)


def notify_dies(world: World, **changes: object) -> int:
    def dying() -> None:
        child_of(world, **changes).pipeline.notify()

    return in_own_process(dying)


def dispatch_dies(world: World, **changes: object) -> int:
    def dying() -> None:
        child_of(world, **changes).pipeline.dispatch()

    return in_own_process(dying)


def letters(world: World) -> list[str]:
    return world.letters_to(world.anna)  # type: ignore[attr-defined]


def everything_is_well_with_the_letter(world: World) -> None:
    world.wait(minutes=10)
    assert len(letters(world)) == 1, "one letter, neither lost nor doubled"
    assert world.count("deliveries", "state = 'handed_over'") == 2, "the activation letter and this one"
    assert world.count("deliveries") == 2
    assert world.proposals(world.opens_letter(world.anna)), "its code opens it"  # type: ignore[attr-defined]
    the_log_is_consistent(world)


def everything_is_well_with_the_auftrag(world: World) -> None:
    world.wait(minutes=10)
    assert isinstance(world.behoerde, FolderBehoerde)
    orders = world.behoerde.orders()
    assert len(orders) == 1, "one wire id, however often it was sent"
    assert len({reference for arrivals in orders.values() for reference in arrivals}) == 1
    assert world.value("SELECT state FROM auftraege") == "sent"
    the_log_is_consistent(world)


def the_log_is_consistent(world: World) -> None:
    """Every hand-over that has an outcome was authorised before, and the whole log verifies."""
    world.check_log()
    assert world.count("flow_queue") == 0
    assert world.count("flow_log") == world.count("flow_leaf")


def test_a_receiver_that_takes_no_wire_id_twice_is_never_sent_a_doubtful_auftrag_again(world: World) -> None:
    a_waiting_auftrag(world)
    assert isinstance(world.behoerde, FolderBehoerde)
    careless = replace(world.behoerde, idempotent=False)
    dying = replace(careless, die_after_taking=True)
    assert dispatch_dies(world, behoerde=dying) == -signal.SIGKILL
    after = child_of(world, behoerde=careless)
    after.wait(minutes=10)
    assert [len(arrivals) for arrivals in careless.orders().values()] == [1]
    assert world.value("SELECT state FROM auftraege") == "in_doubt"
    assert world.count("tasks", "what = 'auftrag.in_doubt'") == 1
