"""Two machines that do not agree what time it is: nothing is decided and nothing leaves until they do."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from proaktiv import app
from proaktiv.drift import ClockDrifts, drift, guarded, require_in_time
from proaktiv.pipeline import Pipeline
from tests.builders import a_birth, somebody
from tests.settings_of import everything, settings_of
from tests.world import World

PARTS: tuple[Callable[[Pipeline], int], ...] = (
    Pipeline.keep_silence,
    Pipeline.revisit,
    Pipeline.evaluate,
    Pipeline.look_up,
    Pipeline.notify,
    Pipeline.dispatch,
)
APART = [timedelta(seconds=6), timedelta(seconds=-6), timedelta(hours=1), timedelta(days=-1)]
CLOSE = [timedelta(seconds=4), timedelta(seconds=-4)]


def with_clock(world: World, ahead: timedelta) -> Pipeline:
    """The same installation on a machine whose clock stands apart from the database's."""
    clock = guarded(world.pipeline.clock, world.database, lambda: datetime.now(UTC) + ahead)
    return replace(world.pipeline, clock=clock)


@pytest.mark.parametrize("ahead", APART, ids=str)
def test_a_worker_whose_clock_stands_apart_decides_nothing_and_hands_nothing_over(
    world: World, ahead: timedelta
) -> None:
    apart = with_clock(world, ahead)
    anna = world.lives_here(somebody("Anna"))
    world.announce(a_birth(anna))
    entries, letters = world.flow_names(), list(world.letters.iterdir())
    for part in PARTS:
        with pytest.raises(ClockDrifts, match=r"this machine's clock is .* s (ahead of|behind) the database's.*NTP"):
            part(apart)
    assert (world.flow_names(), list(world.letters.iterdir())) == (entries, letters)
    assert world.count("register_events", "state = 'waiting'") == 1, "the event is not broken, it waits"
    assert world.count("incidents") == 0

    world.tick()  # the control: another machine, in time, finds it all still to do
    assert len(world.letters_to(anna)) == 1
    proof = world.opens_letter(anna)
    world.says_yes(proof, "GEBURTSURKUNDE")
    world.now += timedelta(days=2)
    with pytest.raises(ClockDrifts):
        apart.dispatch()
    assert world.behoerde.orders == {}
    world.tick()
    assert len(world.behoerde.orders) == 1
    world.check_log()


@pytest.mark.parametrize("ahead", CLOSE, ids=str)
def test_a_clock_that_is_nearly_right_is_right_enough(world: World, ahead: timedelta) -> None:
    anna = world.lives_here(somebody("Anna"))
    world.announce(a_birth(anna))
    assert with_clock(world, ahead).evaluate() == 1


def test_a_machine_is_back_at_work_as_soon_as_its_clock_is_set(world: World) -> None:
    ahead = [timedelta(minutes=3)]
    clock = guarded(world.pipeline.clock, world.database, lambda: datetime.now(UTC) + ahead[0])
    pipeline = replace(world.pipeline, clock=clock)
    world.announce(a_birth(somebody("Anna")))
    with pytest.raises(ClockDrifts):
        pipeline.evaluate()
    ahead[0] = timedelta(0)
    assert pipeline.evaluate() == 1


def test_an_answer_that_takes_long_is_no_drift(world: World) -> None:
    """The clock moves on by a minute while the database answers: its time lies between question and answer."""
    now = datetime.now(UTC)
    told = iter([now - timedelta(seconds=30), now + timedelta(seconds=30)])
    with world.database.transaction() as session:
        require_in_time(session, lambda: next(told))


@pytest.mark.parametrize("seconds", [-90, -6, 6, 90])
def test_a_drift_says_how_far_and_in_which_direction(world: World, seconds: int) -> None:
    with world.database.transaction() as session:
        found = drift(session, lambda: datetime.now(UTC) + timedelta(seconds=seconds))
    assert abs(found.total_seconds() - seconds) < 2


def test_a_worker_is_built_with_a_clock_that_refuses_and_a_surface_without(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(everything(world.urls, world.folder))
    monkeypatch.setattr(app, "wall_clock", lambda: datetime.now(UTC) + timedelta(minutes=1))
    with app.building(settings, "work") as pipeline, pytest.raises(ClockDrifts):
        pipeline.clock()
    with app.building(settings, "citizen") as pipeline:
        assert pipeline.clock() > datetime.now(UTC), "who reads a page is not asked for NTP"
