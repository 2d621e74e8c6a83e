"""kill -9 before, during and after every statement, COMMIT and hand-over of every step: 0 lost, 0 double, 0 unlogged.

Each death gets a copy of one prepared city. A commit tries a sample that ``CRASH_SEED`` chose; another seed tries
another. In full, every point is tried with one family and a sample with three.
"""

import os
from collections.abc import Callable
from random import Random

import pytest

from proaktiv.embedded import EmbeddedServer
from tests.chaos.citizens import CITIZENS
from tests.chaos.life import Life
from tests.chaos.offices import OFFICES
from tests.chaos.points import Death
from tests.chaos.scenarios import Scenario
from tests.chaos.tally import PROPERTY
from tests.chaos.trials import trials_of
from tests.chaos.workers import WORKERS
from tests.depth import EXHAUSTIVE, depth, spread

pytestmark = pytest.mark.chaos

SEED = int(os.environ.get("CRASH_SEED", "20261014"))
SCENARIOS = [*OFFICES, *WORKERS, *CITIZENS]
KILLS = depth(300, 3000)
SHARES = dict(zip((each.name for each in SCENARIOS), spread(KILLS, len(SCENARIOS)), strict=True))
"""Kills of each scenario at least; all of them together are just enough."""
STEPS = frozenset(
    {
        *("receive", "evaluate", "look_up", "notify", "dispatch", "acknowledge", "keep_silence", "revisit", "tick"),
        *("enrol", "prove", "consents", "confirm", "decline", "postpone", "undo", "sign", "refuse_signature", "answer"),
        *("tasks", "collect", "release_source", "reject_source", "sequencer", "signer"),
    }
)


@pytest.fixture(scope="module")
def life(postgres: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Life:
    return Life(postgres, tmp_path_factory.mktemp("life"))


def chosen(scenario: Scenario, size: int, all_of_them: list[Death]) -> list[Death]:
    """Choose where to die. Where there are fewer points than kills, they are tried again: "during" is a race."""
    dice = Random(f"{SEED}/{scenario.name}/{size}")
    if EXHAUSTIVE and size == 1:
        return all_of_them * -(-SHARES[scenario.name] // len(all_of_them))
    return dice.sample(all_of_them, min(SHARES[scenario.name], len(all_of_them)))


@pytest.mark.parametrize("size", [1, 3] if EXHAUSTIVE else [1])
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda each: each.name)
def test_whoever_dies_anywhere_nothing_is_lost_nothing_comes_twice_and_nothing_left_unlogged(
    life: Life, scenario: Scenario, size: int, record_property: Callable[[str, object], None]
) -> None:
    with trials_of(scenario, life, size) as trials:
        for death in chosen(scenario, size, trials.deaths):
            trials.kill(death)
    record_property(PROPERTY, [scenario.step, trials.kills, len(trials.points), trials.repeats, SEED])
    assert trials.found == [], "\n".join(trials.found)
    assert trials.kills >= SHARES[scenario.name] or size > 1


def test_every_step_is_died_in_and_all_shares_together_are_enough() -> None:
    assert {scenario.step for scenario in SCENARIOS} == STEPS
    assert len({scenario.name for scenario in SCENARIOS}) == len(SCENARIOS)
    assert sum(SHARES.values()) == KILLS
