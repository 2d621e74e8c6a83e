"""A founded city whose Behörde lives outside of the processes that die."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.dying import FolderBehoerde
from tests.world import World


@pytest.fixture
def world(urls: dict[str, str], tmp_path: Path) -> Iterator[World]:
    folder = tmp_path / "behoerde"
    folder.mkdir()
    city = World(urls, tmp_path, behoerde=FolderBehoerde(folder)).found()
    yield city
    city.close()
