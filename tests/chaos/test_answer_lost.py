"""PostgreSQL kept it and its answer was lost: the caller is told that nobody knows, and nothing happens twice.

The one case in which "nothing was kept, do it again" would be a lie. Each work goes on from what is really there.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from proaktiv.core.errors import CommitUnknown
from proaktiv.flowlog.sequencer import integrate
from proaktiv.web.intake import make_intake
from tests.builders import Somebody, a_birth, somebody
from tests.chaos.dying import FolderBehoerde, arrived
from tests.chaos.outage import Line
from tests.chaos.test_intake_without_database import bearer, opened_city, refused, the_same_again_is_one_event
from tests.intake.asking import ask
from tests.world import World

pytestmark = pytest.mark.chaos


@pytest.fixture
def lines(urls: dict[str, str]) -> Iterator[dict[str, Line]]:
    drawn = {role: Line(urls[role]) for role in ("app", "sequencer")}
    yield drawn
    for line in drawn.values():
        line.close()


@pytest.fixture
def world(urls: dict[str, str], lines: dict[str, Line], tmp_path: Path) -> Iterator[World]:
    folder = tmp_path / "behoerde"
    folder.mkdir()
    led = urls | {role: line.url for role, line in lines.items()}
    city = World(led, tmp_path, behoerde=FolderBehoerde(folder)).found()  # type: ignore[arg-type]
    yield city
    city.close()


def loses_the_answer(line: Line, call: Callable[[], object], nth: int = 1) -> None:
    before = line.cuts
    line.cut_at_commit(nth)
    with pytest.raises(CommitUnknown):
        pytest.fail(f"it went through: {call()}")
    assert line.cuts == before + 1


def a_reported_birth(world: World) -> Somebody:
    anna = world.lives_here(somebody("Anna"), "geburt")
    world.announce(a_birth(anna))
    return anna


def test_an_event_that_was_kept_is_answered_503_and_the_same_again_is_a_duplicate(
    world: World, lines: dict[str, Line]
) -> None:
    city = opened_city(world)
    app = make_intake(world.pipeline)
    anna = world.lives_here(somebody("Anna"), "geburt")
    headers, body = bearer(city, app), a_birth(anna).body
    lines["app"].cut_at_commit(2)  # the first is that of the token's check
    refused(ask(app, "POST", "/events", content=body, headers=headers), "commit-unknown")
    assert lines["app"].cuts == 1
    the_same_again_is_one_event(city, app, headers, body, kept=True)
    world.tick()
    assert len(world.letters_to(anna)) == 1
    world.check_log()
    city.owner.close()


def test_an_evaluation_that_was_kept_is_not_done_again(world: World, lines: dict[str, Line]) -> None:
    anna = a_reported_birth(world)
    loses_the_answer(lines["app"], world.pipeline.evaluate)
    entries = world.flow_names()
    assert world.pipeline.evaluate() == 0
    assert world.flow_names() == entries
    world.tick()
    assert len(world.letters_to(anna)) == 1
    world.check_log()


@pytest.mark.parametrize("commit", ["announce", "record"])
def test_a_letter_leaves_once_whichever_answer_was_lost(world: World, lines: dict[str, Line], commit: str) -> None:
    anna = a_reported_birth(world)
    while world.pipeline.evaluate() + world.pipeline.look_up():
        pass
    loses_the_answer(lines["app"], world.pipeline.notify, 1 if commit == "announce" else 2)
    assert len(world.letters_to(anna)) == (commit == "record"), "in doubt about the log's entry nothing leaves"
    world.wait(minutes=10)
    assert len(world.letters_to(anna)) == 1
    assert world.count("deliveries", "state = 'handed_over'") == world.count("deliveries") == 2
    assert world.proposals(world.opens_letter(anna))
    world.check_log()


@pytest.mark.parametrize("commit", ["announce", "record"])
def test_an_auftrag_arrives_once_whichever_answer_was_lost(world: World, lines: dict[str, Line], commit: str) -> None:
    anna = a_reported_birth(world)
    world.tick()
    world.says_yes(world.opens_letter(anna), "GEBURTSURKUNDE")
    world.now += timedelta(hours=25)
    loses_the_answer(lines["app"], world.pipeline.dispatch, 1 if commit == "announce" else 2)
    assert len(arrived(world.behoerde)) == (commit == "record"), "in doubt about the log's entry nothing leaves"
    world.wait(minutes=10)
    assert [len(arrivals) for arrivals in arrived(world.behoerde).values()] == [1]
    assert world.value("SELECT state FROM auftraege") == "sent"
    world.check_log()


def test_a_yes_in_doubt_counts_and_the_second_one_gets_its_number(world: World, lines: dict[str, Line]) -> None:
    anna = a_reported_birth(world)
    world.tick()
    proof = world.opens_letter(anna)
    shown = world.proposals(proof)["GEBURTSURKUNDE"]
    proposal, seen = UUID(shown["id"]), bytes.fromhex(shown["shown"])
    loses_the_answer(lines["app"], lambda: world.pipeline.confirm(proof, proposal, seen))
    again = world.pipeline.confirm(proof, proposal, seen)
    assert world.value("SELECT reference FROM auftraege") == again.reference
    world.wait(hours=25)
    assert list(arrived(world.behoerde).values()) == [[again.reference]]
    world.check_log()


def test_a_withdrawal_in_doubt_holds(world: World, lines: dict[str, Line]) -> None:
    anna = a_reported_birth(world)
    world.tick()
    proof = world.opens_letter(anna)
    loses_the_answer(lines["app"], lambda: world.pipeline.withdraw(proof, lebenslage="geburt", activity=""))
    assert world.pipeline.overview(proof)["bundles"] == []
    world.pipeline.withdraw(proof, lebenslage="geburt", activity="")
    world.check_log()


def test_a_batch_of_the_log_that_was_kept_is_not_taken_again(world: World, lines: dict[str, Line]) -> None:
    a_reported_birth(world)

    def sequence() -> None:
        with world.sequencer.transaction() as session:
            integrate(session)

    loses_the_answer(lines["sequencer"], sequence)
    size = world.count("flow_leaf")
    assert size > 0
    assert world.check_log() == size


def test_control_the_line_alone_changes_nothing(world: World, lines: dict[str, Line]) -> None:
    anna = a_reported_birth(world)
    world.tick()
    assert len(world.letters_to(anna)) == 1
    assert lines["app"].cuts == 0
    world.check_log()
