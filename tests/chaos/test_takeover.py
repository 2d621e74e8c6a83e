"""Two real ``proaktiv work``; one is killed with a question in hand, the other asks it. How fast: ``make bench``."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench.takeover import takeovers
from tests.world import World

pytestmark = pytest.mark.chaos

LIMIT_SECONDS = 60
"""The lease: whoever takes longer has waited for it, however busy the machine is."""


@pytest.fixture
def city(urls: dict[str, str], tmp_path: Path) -> Iterator[World]:
    world = World(urls, tmp_path).found()
    yield world
    world.close()


def test_what_a_killed_worker_had_in_hand_the_other_one_does_without_waiting_for_its_lease(city: World) -> None:
    (seconds,) = takeovers(city, 1)
    assert seconds < LIMIT_SECONDS
    assert city.count("lookups", "state = 'answered'") == city.count("lookups") == 1
    assert city.count("lookups", "worker IS NOT NULL OR lease_until IS NOT NULL") == 0
