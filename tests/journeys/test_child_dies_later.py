"""A child dies after its event was decided anew, refused or corrected: nothing of it is shown, and nothing leaves.

Found by the state machine in long runs: an event that went no further forgot which child it was about, while
proposals and Aufträge of it stood.
"""

from collections.abc import Callable
from uuid import UUID

import pytest

from proaktiv.core.trust import SessionProof
from tests.builders import Event, a_birth, a_death, child_of, somebody
from tests.world import World


def confirmed_and_taken_back(world: World) -> tuple[SessionProof, Event]:
    """Anna said yes to two things and took one back: the birth is due to be decided anew."""
    anna = world.lives_here(somebody("Anna"))
    world.melderegister.knows(anna, **{"kind.im_haushalt": True})
    birth = a_birth(anna)
    world.announce(birth)
    world.tick()
    proof = world.opens_letter(anna)
    world.says_yes(proof, "GEBURTSURKUNDE")
    world.pipeline.undo(proof, world.says_yes(proof, "KITA-PLATZ"))
    assert world.value("SELECT state FROM register_events") == "waiting"
    return proof, birth


def is_silent(world: World, proof: SessionProof) -> None:
    """Nothing is shown, nothing leaves, however long one waits."""
    assert world.pipeline.overview(proof)["bundles"] == []
    world.wait(hours=30)
    assert world.behoerde.orders == {}
    assert world.value("SELECT state FROM auftraege WHERE undone_at IS NULL") == "withdrawn"
    assert world.pipeline.overview(proof)["bundles"] == []
    world.check_log()


def nothing(_world: World, _proof: SessionProof, _birth: Event) -> None:
    """It dies at once."""


def decided(world: World, _proof: SessionProof, _birth: Event) -> None:
    """It dies after the birth was decided anew."""
    world.tick()


def refused(world: World, proof: SessionProof, _birth: Event) -> None:
    """Anna has withdrawn everything; what she confirmed stays, and the birth is refused."""
    world.pipeline.withdraw(proof, lebenslage="geburt", activity="")
    world.tick()
    assert world.value("SELECT state FROM register_events") == "refused"


def corrected(world: World, _proof: SessionProof, birth: Event) -> None:
    """A correction comes while the first version is due, and is decided."""
    name = birth.data["kind"] | {"vornamen": "Mio"}
    world.announce(birth.but(id=f"{birth.id}-2", fassung=2, kind=name))
    world.tick()


@pytest.mark.parametrize("meanwhile", [nothing, decided, refused, corrected])
def test_a_child_that_dies_then_is_not_shown_any_more_and_nothing_leaves_for_it(
    world: World, meanwhile: Callable[[World, SessionProof, Event], None]
) -> None:
    proof, birth = confirmed_and_taken_back(world)
    meanwhile(world, proof, birth)
    world.announce(a_death(child_of(birth)))
    world.tick()
    is_silent(world, proof)


def test_an_event_that_led_to_nothing_leaves_nobodys_hash_when_it_is_refused(world: World) -> None:
    world.announce(a_birth(somebody("Nobody-Known")))
    world.tick()
    assert world.value("SELECT state FROM register_events") == "refused"
    assert world.count("event_subjects") == 0


def test_one_that_led_to_something_keeps_its_child_and_no_parent(world: World) -> None:
    proof, birth = confirmed_and_taken_back(world)
    refused(world, proof, birth)
    assert world.count("event_subjects") == world.count("event_subjects", "role = 'kind'") == 1
    assert UUID(str(world.value("SELECT event FROM event_subjects"))) == world.value("SELECT id FROM register_events")
