"""A founded city, and a database in which each test plants rows and takes them back."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine

from proaktiv.embedded import EmbeddedServer
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


@pytest.fixture(scope="module")
def soil_url(postgres: EmbeddedServer) -> Iterator[str]:
    postgres.create_database("retention_soil", "proaktiv")
    yield postgres.url("proaktiv_owner", "retention_soil")
    postgres.drop_database("retention_soil")


@pytest.fixture
def soil(soil_url: str) -> Iterator[Connection]:
    """A connection as owner whose transaction is rolled back."""
    engine = create_engine(soil_url)
    with engine.connect() as connection:
        yield connection
        connection.rollback()
    engine.dispose()
