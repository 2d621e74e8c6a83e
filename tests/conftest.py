"""A PostgreSQL for the whole session, a fresh migrated database for each test that asks for one.

One server per xdist worker. A test asks for ``urls`` (role → URL) or ``database`` (as the application); a test that
stops, kills or reconfigures a server starts its own ``EmbeddedServer``.
"""

import fcntl
import gc
import itertools
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine

from proaktiv import database as database_module
from proaktiv.database import Database
from proaktiv.embedded import EmbeddedServer
from proaktiv.schema import migrate
from tests.chaos.tally import lines
from tests.past import Pasts
from tests.world import World

ROLES = ("owner", "app", "sequencer", "eraser", "keeper", "reader")
_MEMORY = Path("/dev/shm")
_PREFIX = "proaktiv-tests-"
_TEMPLATE = "proaktiv"
_numbers = itertools.count(1)

# Collecting after every 700 new objects, with the modules of a whole house alive, took a tenth of the suite's time.
gc.set_threshold(20_000, 20, 50)


class CompiledOnce(dict[Any, Any]):
    """SQL compiled for one engine serves all: only their dialects' identity tells them apart.

    A test opens a database or two, and compiling a house's statements anew took longer than what many a test does.
    """

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get(key[1:], default)

    def __setitem__(self, key: Any, compiled: Any) -> None:
        super().__setitem__(key[1:], compiled)


database_module.create_engine = partial(create_engine, execution_options={"compiled_cache": CompiledOnce()})  # type: ignore[attr-defined]


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedServer]:
    """One running server with a migrated database ``proaktiv``, which nobody connects to: it is the template."""
    # In memory where there is enough: a fresh database is 400 small files, 30 ms there and 250 ms on a disk.
    room = _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > 2 * 2**30
    if room:
        _sweep(_MEMORY)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=_MEMORY if room else None))
    try:
        with EmbeddedServer(folder) as server:
            server.prepare()
            migrate(server.url("proaktiv_owner"))
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def founded(postgres: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database in which a city was founded: the template of those whose tests begin with one."""
    name = "founded"
    postgres.create_database(name, _TEMPLATE)
    World(_urls(postgres, name), tmp_path_factory.mktemp(name)).found().close()
    return name


@pytest.fixture
def urls(postgres: EmbeddedServer) -> Iterator[dict[str, str]]:
    """A fresh migrated database, as role → URL: owner, app, sequencer, eraser, reader."""
    with _copy(postgres, _TEMPLATE) as made:
        yield made


@pytest.fixture
def city_urls(postgres: EmbeddedServer, founded: str) -> Iterator[dict[str, str]]:
    """The same with a founded city in it; a folder whose every test wants one calls it ``urls``."""
    with _copy(postgres, founded) as made:
        yield made


@pytest.fixture(scope="session")
def pasts(postgres: EmbeddedServer, founded: str, tmp_path_factory: pytest.TempPathFactory) -> Pasts:
    """Founded cities in which something happened already."""
    return Pasts(postgres, founded, partial(_urls, postgres), tmp_path_factory.mktemp)


@pytest.fixture
def database(urls: dict[str, str]) -> Iterator[Database]:
    """A fresh migrated database as role app."""
    opened = Database(urls["app"])
    yield opened
    opened.close()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what the rigs counted; the workers' output is not seen."""
    for said in lines(terminalreporter.stats.get("passed", []) + terminalreporter.stats.get("failed", [])):
        terminalreporter.write_line(said)


@contextmanager
def _copy(postgres: EmbeddedServer, template: str) -> Iterator[dict[str, str]]:
    name = f"test_{next(_numbers)}"
    postgres.create_database(name, template)
    yield _urls(postgres, name)
    postgres.drop_database(name)


def _urls(postgres: EmbeddedServer, name: str) -> dict[str, str]:
    return {role: postgres.url(f"proaktiv_{role}", name) for role in ROLES}


def _sweep(base: Path) -> None:
    """Remove what killed sessions left in memory. Whoever lives holds the lock since before it had data."""
    for folder in base.glob(f"{_PREFIX}*"):
        # Asked first: a folder without data may be another session's of this very moment, and its lock is not ours.
        if not (folder / "data" / "PG_VERSION").exists():
            continue
        try:
            with (folder / "lock").open("ab") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            continue
