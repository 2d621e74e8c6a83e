"""PostgreSQL is killed or stopped under the running house. Nothing is lost then, nothing is handed over twice.

A call says ``DatabaseAway`` (nothing was kept) or ``CommitUnknown`` (look, do not repeat) and never anything else; when
the supervisor has the server up again, the same process goes on with the same work.
"""

import threading
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from proaktiv.core.errors import CommitUnknown
from proaktiv.database import Database, DatabaseAway
from proaktiv.egress import Deadline
from proaktiv.flowlog import sequencer
from proaktiv.flowlog.sequencer import integrate
from proaktiv.steps import dispatch, look_up, notify
from tests.builders import Somebody, a_birth, born, somebody
from tests.chaos.dying import arrived
from tests.chaos.outage import Outage, Trap, wait_for
from tests.world import World, code_in

pytestmark = pytest.mark.chaos

SLOW = "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(60); RETURN NULL; END'"
SLOW_COMMIT = """
    CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON proposals DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION slow()
"""
EVALUATE = ("evaluate.claim.after", "evaluate.gate.after", "evaluate.propose.before", "evaluate.propose.after")
HELD = ("announce.during", "hand_over.before", "hand_over.after", "record.during")
"""The places that a clean stop is tried at, too; kill -9 is tried at all."""


@pytest.fixture
def world(mortal: World) -> World:
    return mortal


# what there is, and what must be well at the end ----------------------------------------------------------------------


def a_reported_birth(world: World) -> Somebody:
    anna = world.lives_here(somebody("Anna"), "geburt")
    world.melderegister.people[anna.kennung] |= {"kind.im_haushalt": True}
    world.announce(a_birth(anna))
    return anna


def an_open_letter(world: World) -> Somebody:
    anna = a_reported_birth(world)
    while world.pipeline.evaluate() + world.pipeline.look_up():
        pass
    return anna


def a_waiting_auftrag(world: World) -> Somebody:
    anna = an_open_letter(world)
    world.tick()
    world.says_yes(world.opens_letter(anna), "GEBURTSURKUNDE")
    world.now += timedelta(hours=25)  # the undo window is over
    return anna


def all_is_well_with_the_letter(world: World, anna: Somebody) -> None:
    world.wait(minutes=10)
    assert len(world.letters_to(anna)) == 1, "one letter, neither lost nor doubled"
    assert world.count("deliveries", "state = 'handed_over'") == world.count("deliveries") == 2
    assert set(world.proposals(world.opens_letter(anna))) == {
        "ELTERNGELD",
        "GEBURTSURKUNDE",
        "KINDERGELD",
        "KITA-PLATZ",
    }
    the_log_is_whole(world)


def all_is_well_with_the_auftrag(world: World) -> None:
    world.wait(minutes=10)
    (arrivals,) = arrived(world.behoerde).values()
    assert len(set(arrivals)) == 1, "one wire id, one reference, however often it was sent"
    assert world.value("SELECT state FROM auftraege") == "sent"
    assert world.count("tasks") == 0
    the_log_is_whole(world)


def the_log_is_whole(world: World) -> None:
    world.check_log()
    assert world.count("flow_queue") == 0
    assert world.count("flow_log") == world.count("flow_leaf")


def says_away(call: Callable[[], object]) -> None:
    with pytest.raises(DatabaseAway):
        pytest.fail(f"it went through: {call()}")


def says_lost(call: Callable[[], object]) -> None:
    """At the last place before a COMMIT it is the COMMIT that finds nobody, and then nobody can say."""
    with pytest.raises((DatabaseAway, CommitUnknown)):
        pytest.fail(f"it went through: {call()}")


# idle -----------------------------------------------------------------------------------------------------------------


def test_while_the_server_is_away_every_call_says_so_and_afterwards_all_goes_on(world: World, outage: Outage) -> None:
    anna = an_open_letter(world)
    world.tick()
    proof, code = world.opens_letter(anna), code_in(world.letters_to(anna)[-1])
    shown = world.proposals(proof)["GEBURTSURKUNDE"]
    proposal, seen = UUID(shown["id"]), bytes.fromhex(shown["shown"])
    late = a_birth(anna)
    outage.begin()
    does: dict[str, Callable[[], object]] = {
        "evaluate": world.pipeline.evaluate,
        "look_up": world.pipeline.look_up,
        "notify": world.pipeline.notify,
        "dispatch": world.pipeline.dispatch,
        "receive": lambda: world.announce(late),
        "prove": lambda: world.pipeline.prove(code, born(anna)),
        "overview": lambda: world.pipeline.overview(proof),
        "confirm": lambda: world.pipeline.confirm(proof, proposal, seen),
        "decline": lambda: world.pipeline.decline(proof, proposal),
        "withdraw": lambda: world.pipeline.withdraw(proof, lebenslage="geburt", activity=""),
        "healthy": world.pipeline.healthy,
        "integrate": lambda: run_sequencer(world),
    }
    for call in does.values():
        says_away(call)
    outage.end()
    world.pipeline.healthy()
    assert world.count("auftraege") == 0, "what was refused was not done in secret"
    assert set(world.proposals(world.opens_letter(anna))) == {
        "ELTERNGELD",
        "GEBURTSURKUNDE",
        "KINDERGELD",
        "KITA-PLATZ",
    }
    assert not world.announce(late).duplicate
    world.tick()
    assert len(world.letters_to(anna)) == 2
    the_log_is_whole(world)


def test_a_server_that_dies_between_two_ticks_is_hardly_noticed(world: World, killed: Outage) -> None:
    anna = a_reported_birth(world)
    killed.begin()
    killed.end()
    world.tick()
    all_is_well_with_the_letter(world, anna)


# in the middle of a transaction ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", EVALUATE)
def test_an_evaluation_that_loses_the_server_kept_nothing_and_is_done_again(
    world: World, killed: Outage, trap: Trap, place: str
) -> None:
    an_evaluation_survives(world, killed, trap, place)


def test_an_evaluation_survives_a_clean_stop(world: World, stopped: Outage, trap: Trap) -> None:
    an_evaluation_survives(world, stopped, trap, "evaluate.propose.after")


def an_evaluation_survives(world: World, outage: Outage, trap: Trap, place: str) -> None:
    anna = a_reported_birth(world)
    trap.set(place, outage.begin)
    says_lost(world.pipeline.evaluate)
    outage.end()
    assert world.value("SELECT state FROM register_events") == "waiting"
    assert world.count("register_events", "payload IS NOT NULL") == 1
    assert world.count("proposals") == world.count("lookups", "event IS NOT NULL") == 0
    world.tick()
    all_is_well_with_the_letter(world, anna)


def test_a_server_lost_in_the_middle_of_commit_leaves_it_unknown_and_the_work_is_there(
    world: World, outage: Outage
) -> None:
    anna = a_reported_birth(world)
    while world.pipeline.evaluate() + world.pipeline.look_up():
        if world.count("lookups", "state = 'answered' AND event IS NOT NULL"):
            break
    owner = Database(world.urls["owner"], pool_size=1)
    with owner.transaction() as session:
        for statement in (SLOW, SLOW_COMMIT):
            session.connection().execute(text(statement))
    ended: list[Exception | int] = []

    def evaluate() -> None:
        try:
            ended.append(world.pipeline.evaluate())
        except Exception as error:  # noqa: BLE001 - a thread's error must reach the test
            ended.append(error)

    worker = threading.Thread(target=evaluate)
    worker.start()
    wait_for(lambda: world.count("pg_stat_activity", "wait_event = 'PgSleep'") == 1, "the COMMIT that takes long")
    outage.begin()
    worker.join(20)
    (error,) = ended
    assert isinstance(error, CommitUnknown)
    outage.end()
    with owner.transaction() as session:
        session.connection().execute(text("DROP TRIGGER slow ON proposals"))
    owner.close()
    world.tick()
    all_is_well_with_the_letter(world, anna)


# during a hand-over ---------------------------------------------------------------------------------------------------


def loses_the_server(step: Callable[[], int], outage: Outage, trap: Trap, place: str) -> None:
    """A step whose server goes away at a place: it says so, unless all was kept already."""
    trap.set(place, outage.begin)
    if place.endswith("record.after"):
        assert step() == 1
    else:
        says_lost(step)
    assert trap.sprung
    outage.end()


@pytest.mark.parametrize("place", notify.PROBES)
def test_a_letter_survives_the_death_of_the_server(world: World, killed: Outage, trap: Trap, place: str) -> None:
    anna = an_open_letter(world)
    loses_the_server(world.pipeline.notify, killed, trap, place)
    all_is_well_with_the_letter(world, anna)


@pytest.mark.parametrize("place", HELD)
def test_a_letter_survives_a_clean_stop(world: World, stopped: Outage, trap: Trap, place: str) -> None:
    anna = an_open_letter(world)
    loses_the_server(world.pipeline.notify, stopped, trap, f"notify.{place}")
    all_is_well_with_the_letter(world, anna)


@pytest.mark.parametrize("place", dispatch.PROBES)
def test_an_auftrag_survives_the_death_of_the_server(world: World, killed: Outage, trap: Trap, place: str) -> None:
    a_waiting_auftrag(world)
    loses_the_server(world.pipeline.dispatch, killed, trap, place)
    all_is_well_with_the_auftrag(world)


@pytest.mark.parametrize("place", HELD)
def test_an_auftrag_survives_a_clean_stop(world: World, stopped: Outage, trap: Trap, place: str) -> None:
    a_waiting_auftrag(world)
    loses_the_server(world.pipeline.dispatch, stopped, trap, f"dispatch.{place}")
    all_is_well_with_the_auftrag(world)


@pytest.mark.parametrize("place", look_up.PROBES)
def test_a_question_to_a_register_survives_the_death_of_the_server(
    world: World, killed: Outage, trap: Trap, place: str
) -> None:
    anna = a_reported_birth(world)
    assert world.pipeline.evaluate() == 1
    loses_the_server(world.pipeline.look_up, killed, trap, place)
    world.wait(minutes=10)
    all_is_well_with_the_letter(world, anna)


@pytest.mark.parametrize("place", sequencer.PROBES)
def test_the_log_survives_the_death_of_the_server(world: World, killed: Outage, trap: Trap, place: str) -> None:
    an_open_letter(world)
    trap.set(place, killed.begin)
    says_lost(lambda: run_sequencer(world))
    killed.end()
    the_log_is_whole(world)


def run_sequencer(world: World) -> None:
    with world.sequencer.transaction() as session:
        integrate(session, probe=world.probe)


def test_control_a_hand_over_inside_the_transaction_is_forgotten(world: World, killed: Outage) -> None:
    """The same death under the same letter, without announce and record as transactions of their own."""
    anna = an_open_letter(world)
    channels = world.pipeline.channels

    def hand_over_first() -> None:
        with world.database.transaction() as session:
            (posting,) = notify.announce(session, world.pipeline.house, channels, world.now, 10)
            notify.hand_over(posting, channels, Deadline(5, lambda: 0.0))
            killed.begin()

    says_lost(hand_over_first)
    killed.end()
    assert len(world.letters_to(anna)) == 1, "the letter left the house"
    assert world.count("deliveries") == 1, "and the house does not know: this is what the rig must be able to see"
