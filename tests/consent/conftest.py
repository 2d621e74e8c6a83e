"""Engines on a fresh migrated database: as the application, and as the owner who releases and rebuilds."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, NullPool, create_engine


@pytest.fixture
def engine(urls: dict[str, str]) -> Iterator[Engine]:
    """As the application. Every thread has a connection of its own, so nobody waits for a pool."""
    made = create_engine(urls["app"], poolclass=NullPool)
    yield made
    made.dispose()


@pytest.fixture
def owner(urls: dict[str, str]) -> Iterator[Engine]:
    made = create_engine(urls["owner"], poolclass=NullPool)
    yield made
    made.dispose()
