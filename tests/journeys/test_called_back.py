"""A letter that was handed over and may not be printed yet is a human's at once where somebody is stopped."""

from collections.abc import Callable

import pytest

from tests.builders import Event, Somebody, a_birth, a_cancellation, a_death, a_protection, somebody
from tests.world import World, with_probe

Stops = Callable[[Event, Somebody], Event]


def called_back(world: World) -> list[str]:
    return [matter for what, matter in world.tasks() if what == "letter.call_back"]


def in_the_print_folder(world: World) -> set[str]:
    """The wire ids of the letters that lie there."""
    return {path.stem for path in world.letters.glob("*.txt")}


@pytest.fixture
def anna(world: World) -> Somebody:
    person = world.lives_here(somebody("Anna"))
    world.wait(days=7)  # the activation letter is printed long since
    return person


@pytest.mark.parametrize(
    "stop",
    [
        pytest.param(lambda birth, anna: a_death(anna.kennung), id="she died"),
        pytest.param(lambda birth, anna: a_death(birth.data["kind"]["kennung"]), id="the child died"),
        pytest.param(lambda birth, anna: a_cancellation(birth), id="there was no birth"),
        pytest.param(lambda birth, anna: a_protection(anna.kennung, "51"), id="§ 51"),
        pytest.param(lambda birth, anna: a_protection(anna.kennung, "52"), id="§ 52"),
    ],
)
def test_a_stop_names_the_letters_that_must_not_be_printed(world: World, anna: Somebody, stop: Stops) -> None:
    before = in_the_print_folder(world)
    birth = a_birth(anna)
    world.announce(birth)
    world.tick()
    (wire_id,) = in_the_print_folder(world) - before
    world.announce(stop(birth, anna))  # no worker needs to come round
    assert called_back(world) == [wire_id]
    world.check_log()


def test_a_letter_that_a_worker_has_in_hand_is_called_back_as_well(world: World, anna: Somebody) -> None:
    birth = a_birth(anna)
    stops = [a_death(anna.kennung)]

    def dies_meanwhile(place: str) -> None:
        if place == "notify.hand_over.before" and stops:
            world.announce(stops.pop())

    before = in_the_print_folder(world)
    world.announce(birth)
    with_probe(world, dies_meanwhile).tick()
    (wire_id,) = in_the_print_folder(world) - before
    assert called_back(world) == [wire_id]


def test_what_was_posted_days_ago_and_what_is_anothers_is_not_called_back(world: World, anna: Somebody) -> None:
    ben = world.lives_here(somebody("Ben"))
    world.announce(a_birth(anna))
    world.tick()
    world.wait(days=4)
    world.announce(a_birth(ben))
    world.tick()
    world.announce(a_death(anna.kennung))
    assert called_back(world) == []
