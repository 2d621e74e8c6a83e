"""What happened before a test begins: lived once by each worker, copied for each test that begins after it.

A person who enrols, a birth, a yes and a month of waiting are a second of work; a copy of the database and of the
city's folder is a tenth. What a story returns must be plain: it is handed to every test. A test that wants its own
story tells it itself.
"""

import copy
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from proaktiv.embedded import EmbeddedServer
from tests.world import World

T = TypeVar("T")
Story = Callable[[World], T]


@dataclass
class Pasts:
    """The stories that were lived on one server, each in a database that nobody connects to any more."""

    postgres: EmbeddedServer
    founded: str
    urls: Callable[[str], dict[str, str]]
    fresh: Callable[[str], Path]
    lived: dict[Story[Any], tuple[World, Any]] = field(default_factory=dict)
    copies: int = 0

    @contextmanager
    def after(self, story: Story[T], folder: Path) -> Iterator[tuple[World, T]]:
        """Yield a city after a story, of this test's own, and what the story returned; ``folder`` is empty."""
        before, told = self._lived(story)
        self.copies += 1
        name = f"after_{self.copies}"
        self.postgres.create_database(name, _name(story))
        shutil.copytree(before.folder, folder, dirs_exist_ok=True)
        fakes = {each: copy.deepcopy(getattr(before, each)) for each in _FAKES}
        world = replace(before, urls=self.urls(name), folder=folder, **fakes).found()
        yield world, told
        world.close()
        self.postgres.drop_database(name)

    def _lived(self, story: Story[T]) -> tuple[World, T]:
        if story not in self.lived:
            self.postgres.create_database(_name(story), self.founded)
            world = World(self.urls(_name(story)), self.fresh(_name(story))).found()
            told = story(world)
            world.close()
            self.lived[story] = world, told
        return self.lived[story]


_FAKES = ("melderegister", "steueramt", "zulassung", "behoerde")


def _name(story: Story[Any]) -> str:
    return f"past_{story.__name__}"
