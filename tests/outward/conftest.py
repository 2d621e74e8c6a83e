"""A town for each test."""

from collections.abc import Iterator

import pytest

from tests.outward.building import Town


@pytest.fixture
def town(urls: dict[str, str]) -> Iterator[Town]:
    """An invented city with released activities and two Behörden."""
    built = Town(urls)
    yield built
    built.close()
