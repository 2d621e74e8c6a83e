"""A PostgreSQL for the whole session, a fresh migrated database for each test that asks for one.

One server per xdist worker. A test asks for ``urls`` (role → URL) or ``database`` (as the application); a test that
stops, kills or reconfigures a server starts its own ``EmbeddedServer``.
"""

import fcntl
import itertools
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from proaktiv.database import Database
from proaktiv.embedded import EmbeddedServer
from proaktiv.schema import migrate
from tests.chaos.tally import lines

ROLES = ("owner", "app", "sequencer", "eraser", "keeper", "reader")
_MEMORY = Path("/dev/shm")
_PREFIX = "proaktiv-tests-"
_TEMPLATE = "proaktiv"
_numbers = itertools.count(1)


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


@pytest.fixture
def urls(postgres: EmbeddedServer) -> Iterator[dict[str, str]]:
    """A fresh migrated database, as role → URL: owner, app, sequencer, eraser, reader."""
    name = f"test_{next(_numbers)}"
    postgres.create_database(name, _TEMPLATE)
    yield {role: postgres.url(f"proaktiv_{role}", name) for role in ROLES}
    postgres.drop_database(name)


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


def _sweep(base: Path) -> None:
    """Remove what killed sessions left in memory. Whoever lives holds the lock since before it had data."""
    for folder in base.glob(f"{_PREFIX}*"):
        try:
            with (folder / "lock").open("ab") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if (folder / "data" / "PG_VERSION").exists():
                    shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            continue
