"""Founded cities whose Behörde lives outside of what dies: a process of the house, or its PostgreSQL."""

import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from proaktiv.embedded import EmbeddedServer
from proaktiv.schema import migrate
from tests.chaos.dying import FolderBehoerde
from tests.chaos.outage import Outage, Trap
from tests.chaos.town import Town
from tests.conftest import ROLES
from tests.world import World


@pytest.fixture
def urls(city_urls: dict[str, str]) -> dict[str, str]:
    """A database in which the city is founded already."""
    return city_urls


@pytest.fixture
def world(urls: dict[str, str], tmp_path: Path) -> Iterator[World]:
    folder = tmp_path / "behoerde"
    folder.mkdir()
    city = World(urls, tmp_path, behoerde=FolderBehoerde(folder)).found()  # type: ignore[arg-type]
    yield city
    city.close()


@pytest.fixture(scope="module")
def town(postgres: EmbeddedServer, founded: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """One city for all runs of a module; each begins it anew."""
    name = f"test_{uuid4().hex}"
    postgres.create_database(name, founded)
    made = Town({role: postgres.url(f"proaktiv_{role}", name) for role in ROLES}, tmp_path_factory.mktemp("town"))
    yield made
    made.close()
    postgres.drop_database(name)


@pytest.fixture(scope="session")
def own_server() -> Iterator[EmbeddedServer]:
    """A server of these tests' own, migrated: it dies and comes back."""
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="proaktiv-tests-", dir=memory if memory.is_dir() else None))
    with EmbeddedServer(folder) as server:
        server.prepare()
        migrate(server.url("proaktiv_owner"))
        yield server
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def own_founded(own_server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database there in which a city was founded: the template of every test's own."""
    name = "founded"
    own_server.create_database(name, "proaktiv")
    urls = {role: own_server.url(f"proaktiv_{role}", name) for role in ROLES}
    World(urls, tmp_path_factory.mktemp(name)).found().close()
    return name


@pytest.fixture
def mortal_urls(own_server: EmbeddedServer, own_founded: str) -> Iterator[dict[str, str]]:
    name = f"test_{uuid4().hex}"
    own_server.create_database(name, own_founded)
    yield {role: own_server.url(f"proaktiv_{role}", name) for role in ROLES}
    own_server.drop_database(name)


@pytest.fixture
def trap() -> Trap:
    return Trap()


@pytest.fixture
def mortal(mortal_urls: dict[str, str], tmp_path: Path, trap: Trap) -> Iterator[World]:
    """A founded city on that server, with a trap in its steps."""
    folder = tmp_path / "behoerde"
    folder.mkdir()
    city = World(mortal_urls, tmp_path, behoerde=FolderBehoerde(folder), probe=trap).found()  # type: ignore[arg-type]
    yield city
    city.close()


@pytest.fixture
def killed(own_server: EmbeddedServer, mortal: World) -> Iterator[Outage]:
    outage = Outage(own_server, signal.SIGKILL)
    yield outage
    outage.end()


@pytest.fixture
def stopped(own_server: EmbeddedServer, mortal: World) -> Iterator[Outage]:
    outage = Outage(own_server, signal.SIGINT)
    yield outage
    outage.end()


@pytest.fixture(params=["killed", "stopped"])
def outage(request: pytest.FixtureRequest) -> Outage:
    found: Outage = request.getfixturevalue(request.param)
    return found
