"""A prepared city of which every death gets a copy: the same people, keys, letters and rows, as they stood then.

A copy is a database made from a template and a folder beside it. One process works and dies there; then this one opens
the installation again, makes the requests again as their callers would, and does all that is due. The clock does not
move: whatever a dead worker had in hand must be taken without waiting for its lease.
"""

import pickle
import secrets
import shutil
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

import psycopg

from proaktiv.core.errors import AlreadyDone
from proaktiv.embedded import EmbeddedServer
from proaktiv.sources.folder import Folder
from proaktiv.workers import Identity
from tests.chaos.deadly import ANSWERED, ON_THE_WIRE, Journal, deadly
from tests.chaos.dying import FolderBehoerde, in_own_process
from tests.chaos.points import Death, Fuse, lay_in_files, lay_in_psycopg
from tests.conftest import ROLES
from tests.world import FakeRegister, World

_NUMBERS = count(1)
PATIENCE_SECONDS = 60
"""How long PostgreSQL may take to end a dead process's connections, on a machine that has much else to do."""

_SERVED = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s"

Request = Callable[[World], Any]
"""What a caller asks; the answer is what they can compare when they ask again."""


@dataclass
class Copy:
    """One copy of a city, in which somebody dies."""

    stage: "Stage"
    name: str
    folder: Path
    journal: Journal = field(init=False)

    def __post_init__(self) -> None:
        self.journal = Journal(self.folder / "journal")

    def open(self) -> World:
        """Open the installation as another worker process does, with everything it hands over noted."""
        stage = self.stage
        world = World(
            stage.urls(self.name),
            self.folder,
            now=stage.now,
            melderegister=stage.registers["MELDEREGISTER"],
            steueramt=stage.registers["STEUERAMT"],
            zulassung=stage.registers["ZULASSUNG"],
            behoerde=stage.behoerde(self.folder / "behoerde"),  # type: ignore[arg-type]
            seed=stage.seed,
        ).open()
        identity = Identity(world.database, secrets.token_bytes)
        identity.number()
        folder = self.folder / "standesamt"
        sources = (Folder("standesamt", folder, time.monotonic),) if folder.exists() else ()
        world.pipeline = replace(world.pipeline, identity=identity.number, event_sources=sources)
        return world

    def dies(self, death: Death | None) -> int:
        """Do the requests in a process of its own that dies at one point, or at none. Returns how it ended."""

        def work() -> None:
            try:
                world, fuse = self.open(), Fuse(death)
                world.pipeline = deadly(world.pipeline, fuse, self.journal)
                lay_in_psycopg(fuse)
                lay_in_files(fuse)
                for number, request in enumerate(self.stage.requests):
                    self.journal.note(ANSWERED, number, request(world))
                (self.folder / "points").write_bytes(pickle.dumps(fuse.points))
            except BaseException:
                traceback.print_exc()
                raise

        ended = in_own_process(work)
        self.stage.wait_for_the_dead(self.name)
        return ended

    def points(self) -> list[tuple[str, str]]:
        """Return the points that were passed by whoever did not die."""
        return list(pickle.loads((self.folder / "points").read_bytes()))  # noqa: S301 - our own child wrote it

    def arrives_late(self, world: World) -> None:
        """Let what was on the wire when its sender died arrive now."""
        for order, endpoint, clearance in self.journal.entries(ON_THE_WIRE):
            try:
                world.behoerde.send(order, endpoint, clearance, None)
            except AlreadyDone:
                continue


@dataclass
class Stage:
    """A city prepared for some requests. ``registers`` are shared by all copies: they only answer."""

    server: EmbeddedServer
    template: str
    folder: Path
    seed: bytes
    now: datetime
    registers: Mapping[str, FakeRegister]
    requests: Sequence[Request] = ()
    behoerde: Callable[[Path], FolderBehoerde] = FolderBehoerde

    def urls(self, name: str) -> dict[str, str]:
        return {role: self.server.url(f"proaktiv_{role}", name) for role in ROLES}

    @contextmanager
    def copy(self) -> Iterator[Copy]:
        """Yield a fresh copy; it is gone afterwards."""
        name = f"{self.template}_{next(_NUMBERS)}"
        folder = self.folder.parent / name
        shutil.copytree(self.folder, folder)
        self.server.create_database(name, self.template)
        try:
            yield Copy(self, name, folder)
        finally:
            self.server.drop_database(name)
            shutil.rmtree(folder, ignore_errors=True)

    def wait_for_the_dead(self, name: str) -> None:
        """Wait until the server has ended every connection of a copy: what was on its way to it is done then."""
        end = time.monotonic() + PATIENCE_SECONDS
        url = self.server.url("postgres", "postgres").replace("+psycopg", "", 1)
        with psycopg.connect(url, autocommit=True) as connection:
            while connection.execute(_SERVED, (name,)).fetchone() != (0,):
                assert time.monotonic() < end, "PostgreSQL still serves a dead process"
                time.sleep(0.002)
