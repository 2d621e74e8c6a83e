"""A founded city for each journey."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.world import World


@pytest.fixture
def urls(city_urls: dict[str, str]) -> dict[str, str]:
    """A database in which the city is founded already."""
    return city_urls


@pytest.fixture
def world(urls: dict[str, str], tmp_path: Path) -> Iterator[World]:
    """A city with rules, clients, Behörden and nobody enrolled."""
    city = World(urls, tmp_path).found()
    yield city
    city.close()
