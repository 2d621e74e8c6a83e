"""The disk under PostgreSQL, or under the letters, is full: nothing acknowledged is lost, and all goes on with room."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from proaktiv.core.errors import CommitUnknown
from proaktiv.database import Database, DatabaseAway, DatabaseFull
from proaktiv.doctor import databases
from proaktiv.doctor.findings import Finding, Level
from proaktiv.embedded import EmbeddedServer
from proaktiv.schema import migrate
from proaktiv.web.intake import make_intake
from tests.builders import Event, a_birth, somebody
from tests.chaos.outage import wait_for
from tests.chaos.test_crash_points import an_open_letter
from tests.chaos.test_intake_without_database import bearer, opened_city
from tests.conftest import ROLES
from tests.intake.asking import ask
from tests.world import World

pytestmark = pytest.mark.chaos

DISK = "192m"


@contextmanager
def small_disk(size: str) -> Iterator[Path]:
    """A file system of its own, as the kernel allows it to root alone."""
    if os.geteuid() != 0:
        pytest.skip("needs root: a small file system is mounted")
    folder = Path(tempfile.mkdtemp(prefix="proaktiv-disk-"))
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0755", "proaktiv", str(folder)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode != 0:
        folder.rmdir()
        pytest.skip("needs the right to mount")
    folder.parent.stat()
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
        folder.rmdir()


def fill(folder: Path, leave: int = 0) -> Path:
    """Take all room but some bytes."""
    ballast = folder / "ballast"
    with ballast.open("ab") as file:
        os.posix_fallocate(file.fileno(), ballast.stat().st_size, max(1, shutil.disk_usage(folder).free - leave))
    return ballast


@pytest.fixture
def disk() -> Iterator[Path]:
    with small_disk(DISK) as folder:
        yield folder


@pytest.fixture
def server(disk: Path) -> Iterator[EmbeddedServer]:
    with EmbeddedServer(disk / "pg") as running:
        running.prepare()
        migrate(running.url("proaktiv_owner"))
        yield running


def room(server: EmbeddedServer) -> Finding:
    database = Database(server.url("proaktiv_app"), pool_size=1)
    (found,) = databases.room(database).act()
    database.close()
    assert isinstance(found, Finding)
    return found


def test_nothing_acknowledged_is_lost_on_a_full_disk_and_all_goes_on_with_room(
    server: EmbeddedServer, disk: Path, tmp_path: Path
) -> None:
    world = World({role: server.url(f"proaktiv_{role}") for role in ROLES}, tmp_path).found()
    city = opened_city(world)
    app = make_intake(city.world.pipeline)
    anna = world.lives_here(somebody("Anna"), "geburt")
    headers = bearer(city, app)
    assert room(server).level is Level.FINE
    ballast = fill(disk, leave=4 << 20)
    low = room(server)
    assert low.level is not Level.FINE
    assert "make room" in low.do
    kept: list[Event] = []
    refused = None
    for _ in range(2000):
        event = a_birth(somebody("Berta"))
        if shutil.disk_usage(disk).free and len(kept) >= 5:
            fill(disk)
        answer = ask(app, "POST", "/events", content=event.body, headers=headers)
        if answer.status_code != 202:
            refused = event
            break
        kept.append(event)
    assert refused is not None
    assert answer.status_code == 503
    assert answer.json()["type"].rpartition(":")[2] in {"database-full", "database-away", "commit-unknown"}
    with pytest.raises((DatabaseAway, CommitUnknown)):
        for _ in range(200):
            world.announce(a_birth(anna))
    ballast.unlink()
    wait_for(lambda: answers(world), "PostgreSQL, which has room again")
    again = ask(app, "POST", "/events", content=refused.body, headers=headers)
    assert again.status_code == 202, again.text
    assert room(server).level is Level.FINE
    for event in kept:
        assert world.announce(event).duplicate, "it was there"
    world.tick()
    assert world.count("incidents") == 0
    assert world.count("register_events", "state = 'waiting'") == 0
    world.check_log()
    city.owner.close()
    world.close()


def answers(world: World) -> bool:
    try:
        world.pipeline.healthy()
    except DatabaseAway:
        return False
    return True


def test_a_full_disk_is_named_and_no_event_is_set_aside_for_it(world: World) -> None:
    """PostgreSQL says 53100 while one set is decided: it is not the event that is broken."""
    world.lives_here(somebody("Anna"), "geburt")
    world.announce(a_birth(somebody("Anna")))
    owner = Database(world.urls["owner"], pool_size=1)
    with owner.transaction() as session:
        session.connection().exec_driver_sql(
            "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'no room' USING ERRCODE = '53100'; END $$"
        )
        session.connection().exec_driver_sql(
            "CREATE TRIGGER full_disk BEFORE UPDATE ON register_events FOR EACH ROW EXECUTE FUNCTION full_disk()"
        )
    with pytest.raises(DatabaseFull, match="make room"):
        world.pipeline.evaluate()
    with owner.transaction() as session:
        session.connection().exec_driver_sql("DROP TRIGGER full_disk ON register_events")
    owner.close()
    world.tick()
    assert world.count("incidents") == 0
    assert world.count("register_events", "state = 'waiting'") == 0


def test_a_letter_for_which_there_is_no_room_stays_due_and_is_written_once(world: World) -> None:
    with small_disk("1m") as folder:
        letters = world.letters
        an_open_letter(world)
        before = set(letters.iterdir())
        subprocess.run(["mount", "--bind", str(folder), str(letters)], check=True)
        try:
            fill(folder)
            assert world.pipeline.notify() == 1
            assert world.count("deliveries", "state = 'announced'") == 1, "it is due again"
            assert [path for path in folder.iterdir() if path.name != "ballast"] == [], "no half letter"
            (folder / "ballast").unlink()
            world.wait(minutes=10)
            assert len(list(folder.glob("*.txt"))) == 1
        finally:
            subprocess.run(["umount", "-l", str(letters)], check=True)
        assert set(letters.iterdir()) == before
    assert world.count("tasks") == 0
    world.check_log()
