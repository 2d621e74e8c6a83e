"""kill -9 at every named place of notify, dispatch and the sequencer: nothing lost, nothing handed over twice.

The places are the steps' own ``PROBES``, so a new place is a new case. "During" a hand-over is played by a channel and
a Behörde that kill the process before and after they took what was handed over.
"""

import signal
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from proaktiv.egress import Deadline
from proaktiv.flowlog import sequencer, signer
from proaktiv.flowlog.sequencer import integrate
from proaktiv.steps import dispatch, notify
from tests.builders import a_birth, somebody
from tests.chaos.dying import DyingChannel, FolderBehoerde, Killer, in_own_process
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


@pytest.mark.parametrize("place", notify.PROBES)
def test_a_letter_survives_a_killed_notify(world: World, place: str) -> None:
    an_open_letter(world)
    assert notify_dies(world, probe=Killer(place)) == -signal.SIGKILL
    everything_is_well_with_the_letter(world)


@pytest.mark.parametrize("after", [False, True])
def test_a_letter_survives_a_process_killed_while_handing_it_over(world: World, after: bool) -> None:
    an_open_letter(world)

    def dying() -> None:
        child = child_of(world)
        replace(child.pipeline, channels={"LETTER": DyingChannel(world.letters, after=after)}).notify()

    assert in_own_process(dying) == -signal.SIGKILL
    assert len(letters(world)) == int(after)
    everything_is_well_with_the_letter(world)


@pytest.mark.parametrize("place", dispatch.PROBES)
def test_an_auftrag_survives_a_killed_dispatch(world: World, place: str) -> None:
    a_waiting_auftrag(world)
    assert dispatch_dies(world, probe=Killer(place)) == -signal.SIGKILL
    everything_is_well_with_the_auftrag(world)


@pytest.mark.parametrize("kills", ["die_before_taking", "die_after_taking"])
def test_an_auftrag_survives_a_process_killed_while_handing_it_over(world: World, kills: str) -> None:
    a_waiting_auftrag(world)
    assert isinstance(world.behoerde, FolderBehoerde)
    dying = replace(world.behoerde, **{kills: True})
    assert dispatch_dies(world, behoerde=dying) == -signal.SIGKILL
    everything_is_well_with_the_auftrag(world)


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


@pytest.mark.parametrize("place", sequencer.PROBES)
def test_the_log_survives_a_killed_sequencer(world: World, place: str) -> None:
    an_open_letter(world)

    def dying() -> None:
        child = child_of(world)
        with child.sequencer.transaction() as session:
            integrate(session, probe=Killer(place))
        Killer(place)(place)  # a place after the commit

    assert in_own_process(dying) == -signal.SIGKILL
    the_log_is_consistent(world)


@pytest.mark.parametrize("place", signer.PROBES)
def test_a_checkpoint_survives_a_killed_signer_and_is_the_same_bytes(world: World, place: str) -> None:
    an_open_letter(world)
    with world.sequencer.transaction() as session:
        integrate(session)

    def dying() -> None:
        child = child_of(world)
        with child.sequencer.transaction() as session:
            child.signer.sign(session, datetime.now(UTC), Killer(place))
        Killer(place)(place)

    assert in_own_process(dying) == -signal.SIGKILL
    the_log_is_consistent(world)
    assert world.count("checkpoint") >= 1


@pytest.fixture
def lossy() -> Callable[[World], None]:
    """What a notify without announce would do: write the letter first, remember it afterwards."""

    def hand_over_first(world: World) -> None:
        channel = DyingChannel(world.letters, after=True)
        with world.database.transaction() as session:
            posting = notify.announce(session, world.pipeline.house, {"LETTER": channel}, world.now, 10)
            for item in posting:  # the red control: inside the transaction, so the row is lost with the process
                notify.hand_over(item, {"LETTER": channel}, world_deadline())

    return hand_over_first


def world_deadline() -> Deadline:
    return Deadline(5, lambda: 0.0)


def test_control_a_hand_over_inside_the_transaction_is_forgotten(world: World, lossy: Callable[[World], None]) -> None:
    an_open_letter(world)
    assert in_own_process(lambda: lossy(child_of(world))) == -signal.SIGKILL
    assert len(letters(world)) == 1, "the letter left the house"
    assert world.count("deliveries") == 1, "and the house does not know: this is what the rig must be able to see"
