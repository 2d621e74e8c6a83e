"""The supervisor: one PostgreSQL per folder, started again when it dies, with the same URL throughout."""

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self
from urllib.parse import quote

import psycopg
import structlog
from psycopg import sql

from proaktiv.embedded import processes
from proaktiv.embedded.errors import EmbeddedError
from proaktiv.embedded.places import NOBODY, as_root, binaries, open_folder, socket_folder

if sys.platform != "win32":
    import fcntl

log = structlog.get_logger(__name__)

_START_SECONDS = 60.0
_CLOSE_SECONDS = 90.0
_STARTS_MAX = 3
_RESTARTS_MAX = 10
_FULL_SECONDS = 1.0
_ROOM_BYTES = 32 << 20  # two WAL segments: with less it may not get through its recovery

_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "shared_buffers": "128MB",
    "max_connections": "200",
    "max_locks_per_transaction": "256",
    "fsync": "on",
    "synchronous_commit": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Values of columns must not get into the log: no statement, no DETAIL, no parameter.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_parameter_max_length": "0",
    # A server says itself that it is one of these; production asks (``database.refuse_embedded``).
    "proaktiv.embedded": "on",
}


class EmbeddedServer:
    """One PostgreSQL with its data in ``folder``, or in a temporary folder that goes with it.

    Use it as a context manager, in the parent of all processes that need it; children get ``url``. A second start on
    a folder in use raises ``EmbeddedError``; a start on a folder whose owner was killed takes it over.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._given = folder
        self._folder = Path()
        self._sockets = Path()
        self._binaries = Path()
        self._lock: IO[bytes] | None = None
        self._postgres: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()
        self._started = threading.Event()
        self._watcher: threading.Thread | None = None
        self._failure: EmbeddedError | None = None

    def __enter__(self) -> Self:
        """Start the server and return when it answers. Raises ``EmbeddedError``."""
        if sys.platform == "win32":
            raise EmbeddedError("the embedded PostgreSQL does not run on Windows", "use Linux or macOS")
        self._folder = (self._given or Path(tempfile.mkdtemp(prefix="proaktiv-"))).resolve()
        try:
            open_folder(self._folder)
            self._take()
            self._binaries = binaries(self._folder)
            self._initialise()
            self._sockets = socket_folder(self._folder)
            processes.end_orphan(self._data)
            self._start()
        except OSError as error:
            self._close()
            raise EmbeddedError(f"{self._folder} cannot be used ({error})", "choose another folder") from error
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the server; a temporary folder is removed."""
        self._close()

    @property
    def folder(self) -> Path:
        """Return the folder that holds data and log."""
        return self._folder

    @property
    def pid(self) -> int:
        """Return the process id of the postmaster; a restart changes it."""
        if self._postgres is None:
            raise EmbeddedError("the embedded PostgreSQL is not started", "use it in a with statement")
        return self._postgres.pid

    def url(self, role: str = "postgres", database: str = "proaktiv") -> str:
        """Return the SQLAlchemy URL of a database for a role. It stays the same over restarts."""
        return f"postgresql+psycopg://{role}@/{database}?host={quote(str(self._sockets), safe='/')}&port=5432"

    def prepare(self) -> None:
        """Make database ``proaktiv`` and its owner, role ``proaktiv_owner``, if they are missing."""
        with self._superuser() as connection:
            if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = 'proaktiv_owner'").fetchone() is None:
                connection.execute("CREATE ROLE proaktiv_owner LOGIN CREATEROLE")
            if connection.execute("SELECT 1 FROM pg_database WHERE datname = 'proaktiv'").fetchone() is None:
                connection.execute("CREATE DATABASE proaktiv OWNER proaktiv_owner")

    def create_database(self, name: str, template: str | None = None) -> None:
        """Make a database owned by ``proaktiv_owner``, empty or as a copy of ``template``."""
        # Not through the WAL: a template is 400 small files, and copying them costs half of logging them.
        statement = sql.SQL("CREATE DATABASE {} OWNER proaktiv_owner TEMPLATE {} STRATEGY FILE_COPY")
        with self._superuser() as connection:
            connection.execute(statement.format(sql.Identifier(name), sql.Identifier(template or "template1")))

    def drop_database(self, name: str) -> None:
        """Drop a database and every connection to it; one that is not there is fine."""
        with self._superuser() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def _take(self) -> None:
        # Opened for appending: whoever loses the race for the lock must not empty the winner's file.
        lock = (self._folder / "lock").open("ab")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise EmbeddedError(
                f"{self._folder} is in use by another process", "stop that one or choose another folder"
            ) from None
        self._lock = lock

    def _initialise(self) -> None:
        if (self._data / "PG_VERSION").exists():
            return
        # A new name until it is whole: an initdb that was killed leaves nothing that looks like a cluster.
        part = self._folder / "data.part"
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(mode=0o700)
        if as_root():
            os.chown(part, NOBODY, NOBODY)
        processes.initdb(self._binaries, part, self._folder)
        part.rename(self._data)

    def _start(self) -> None:
        self._watcher = threading.Thread(target=self._supervise, name="embedded-postgres", daemon=True)
        self._watcher.start()
        self._started.wait()
        if self._failure is not None:
            raise self._failure

    def _supervise(self) -> None:
        failures = 0
        try:
            while not self._stopping.is_set():
                process = self._postgres = self._spawn()
                if self._answers(process):
                    failures = 0
                    self._started.set()
                    while process.poll() is None and not self._stopping.wait(0.05):
                        pass
                    if not self._stopping.is_set():
                        log.warning("postgres.died", code=process.returncode)
                    continue
                processes.end(process)
                if self._started.is_set() and shutil.disk_usage(self._folder).free < _ROOM_BYTES:
                    log.error("postgres.full", folder=str(self._folder), do="make room there; it starts by itself then")
                    self._stopping.wait(_FULL_SECONDS)
                    continue
                failures += 1
                # More than one try: sessions of a killed postmaster linger a moment and hold its shared memory.
                if failures == (_RESTARTS_MAX if self._started.is_set() else _STARTS_MAX):
                    log.error("postgres.given_up", failures=failures)
                    self._failure = EmbeddedError(f"PostgreSQL does not start ({self._log_end()})", "mend that")
                    return
                self._stopping.wait(0.2 * failures)
        except OSError as error:
            self._failure = EmbeddedError(f"PostgreSQL cannot be run ({error})", "mend that")
        finally:
            if self._postgres is not None:
                processes.end(self._postgres)
            self._started.set()

    def _spawn(self) -> subprocess.Popen[bytes]:
        processes.forget_dead(self._data)
        command = [str(self._binaries / "postgres"), "-D", str(self._data)]
        places = {"unix_socket_directories": str(self._sockets), "proaktiv.data_directory": str(self._data)}
        for name, value in {**_SETTINGS, **places}.items():
            command += ["-c", f"{name}={value}"]
        return processes.spawn(command, self._folder, self._folder / "server.log")

    def _answers(self, process: subprocess.Popen[bytes]) -> bool:
        """Wait until the server answers; False when it ended or took too long."""
        until = time.monotonic() + _START_SECONDS
        while time.monotonic() < until and not self._stopping.is_set():
            with suppress(psycopg.OperationalError), self._superuser():
                return True
            if process.poll() is not None:
                return False
            time.sleep(0.02)
        return self._stopping.is_set()

    def _superuser(self) -> psycopg.Connection[Any]:
        return psycopg.connect(
            host=str(self._sockets), port=5432, user="postgres", dbname="postgres", autocommit=True, connect_timeout=3
        )

    def _log_end(self) -> str:
        try:
            text = (self._folder / "server.log").read_text(errors="replace")
        except OSError:
            return "no log"
        return " / ".join(text.strip().splitlines()[-5:])

    def _close(self) -> None:
        self._stopping.set()
        if self._watcher is not None:
            self._watcher.join(_CLOSE_SECONDS)
            self._watcher = None
        self._postgres = None
        if self._lock is not None:
            if self._sockets != Path():
                shutil.rmtree(self._sockets, ignore_errors=True)
            self._lock.close()
            self._lock = None
        if self._given is None and self._folder.is_absolute():
            shutil.rmtree(self._folder, ignore_errors=True)
