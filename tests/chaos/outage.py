"""Take a real PostgreSQL away and give it back, or lose only its answer to a COMMIT."""

import os
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg
from sqlalchemy import make_url

from proaktiv.embedded import EmbeddedServer

PATIENCE_SECONDS = 60.0
_SOCKET = ".s.PGSQL.5432"
_COMMIT = b"COMMIT\0"


def wait_for(condition: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < until, f"waited in vain for: {what}"
        time.sleep(0.01)


class Outage:
    """Ends a server that has a supervisor, and keeps it away until ``end``: its data folder is not where it was."""

    def __init__(self, server: EmbeddedServer, number: signal.Signals) -> None:
        self.server = server
        self.began = 0
        self._number = number
        self._data = server.folder / "data"
        self._aside = server.folder / "data.aside"

    def begin(self) -> None:
        """Return when no process of the server lives any more; every connection is dead then."""
        postmaster = psutil.Process(self.server.pid)
        everybody = [postmaster, *postmaster.children(recursive=True)]
        self._data.rename(self._aside)
        os.kill(postmaster.pid, self._number)
        wait_for(lambda: not any(_lives(process) for process in everybody), "the end of the server")
        self.began += 1

    def end(self) -> None:
        """Let the supervisor bring the server back; return when it answers."""
        if self._aside.exists():
            self._aside.rename(self._data)
        wait_for(self._answers, "the server's return")

    def _answers(self) -> bool:
        try:
            self.server._superuser().close()
        except psycopg.OperationalError:
            return False
        return True


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


class Trap:
    """A probe that does something once, when a worker comes to the named place."""

    def __init__(self) -> None:
        self._place = ""
        self._spring: Callable[[], None] | None = None

    def set(self, place: str, spring: Callable[[], None]) -> None:
        self._place, self._spring = place, spring

    @property
    def sprung(self) -> bool:
        return self._spring is None

    def __call__(self, place: str) -> None:
        if place == self._place and self._spring is not None:
            spring, self._spring = self._spring, None
            spring()


class Line:
    """A line to a server. Cut at a COMMIT, it takes the COMMIT there, waits for the answer and loses it."""

    def __init__(self, url: str) -> None:
        self._url = make_url(url)
        self._far = str(Path(str(self._url.query["host"])) / _SOCKET)
        self._folder = Path(tempfile.mkdtemp(prefix="line-"))  # a socket's path is short, pytest's folders are not
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self._folder / _SOCKET))
        self._listener.listen()
        self._commits_left = 0
        self.cuts = 0
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return self._url.update_query_dict({"host": str(self._folder)}).render_as_string(hide_password=False)

    def cut_at_commit(self, nth: int) -> None:
        """Cut at the nth COMMIT from now on."""
        self._commits_left = nth

    def close(self) -> None:
        self._listener.close()
        (self._folder / _SOCKET).unlink()
        self._folder.rmdir()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.socket(socket.AF_UNIX)
                far.connect(self._far)
                lost = threading.Event()
                threading.Thread(target=self._outward, args=(near, far, lost), daemon=True).start()
                threading.Thread(target=self._homeward, args=(near, far, lost), daemon=True).start()

    def _outward(self, near: socket.socket, far: socket.socket, lost: threading.Event) -> None:
        with suppress(OSError):
            while part := near.recv(1 << 16):
                if _COMMIT in part and self._commits_left:
                    self._commits_left -= 1
                    if not self._commits_left:
                        lost.set()
                far.sendall(part)
        _hang_up(near, far)

    def _homeward(self, near: socket.socket, far: socket.socket, lost: threading.Event) -> None:
        with suppress(OSError):
            while part := far.recv(1 << 16):
                if lost.is_set():
                    self.cuts += 1
                    break
                near.sendall(part)
        _hang_up(near, far)


def _hang_up(*ends: socket.socket) -> None:
    for end in ends:
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
