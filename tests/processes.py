"""``proaktiv`` as an operator starts it: a process of its own, with an environment of its own.

Each is forked off one that has read the house's modules and done nothing else: reading them takes seconds, what most
processes do a fraction of one. That ``python -m proaktiv`` finds its way from nothing is shown by the demo's tests.
"""

import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import BinaryIO, TextIO

ROOT = Path(__file__).parents[1]
PATIENCE_SECONDS = 120
"""For a busy machine; whoever waits that long has failed."""


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1", **settings}


def proaktiv(*arguments: str, settings: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = _fork(("-m", "proaktiv", *arguments), settings, out.fileno(), err.fileno())
        child.join(PATIENCE_SECONDS)
        if child.exitcode is None:
            child.kill()
            child.join()
            raise subprocess.TimeoutExpired(["proaktiv", *arguments], PATIENCE_SECONDS)
        return subprocess.CompletedProcess(arguments, child.exitcode, _text(out), _text(err))


@dataclass
class Started:
    """A process that goes on: what a test needs of ``subprocess.Popen``."""

    child: ForkServerProcess
    stdout: TextIO
    stderr: TextIO

    @property
    def pid(self) -> int:
        assert self.child.pid is not None
        return self.child.pid

    @property
    def returncode(self) -> int | None:
        return self.child.exitcode

    def poll(self) -> int | None:
        return self.child.exitcode

    def send_signal(self, number: int) -> None:
        """Send a signal; one that has ended already gets none."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def wait(self, timeout: float) -> int:
        """Return how it ended: its exit code, or minus the signal. Raises ``subprocess.TimeoutExpired``."""
        self.child.join(timeout)
        if self.child.exitcode is None:
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout)
        return self.child.exitcode

    def communicate(self, timeout: float) -> tuple[str, str]:
        """Wait for its end; return what it said that nobody has read. Raises ``subprocess.TimeoutExpired``."""
        with ThreadPoolExecutor(2) as reading:
            out, err = (reading.submit(stream.read) for stream in (self.stdout, self.stderr))
            try:
                self.wait(timeout)
            except subprocess.TimeoutExpired:
                self.kill()
                raise
            return out.result(), err.result()


def start(*command: str, settings: Mapping[str, str] | None = None) -> Started:
    """Start Python with ``-m`` and a module, or with a file; output can be read line by line."""
    with _pipe() as (out, out_end), _pipe() as (err, err_end):
        return Started(_fork(command, settings, out_end, err_end), out, err)


def start_into(log: BinaryIO, *command: str, settings: Mapping[str, str] | None = None) -> ForkServerProcess:
    """Start the same with both its streams in a file."""
    return _fork(command, settings, log.fileno(), log.fileno())


def _fork(command: tuple[str, ...], settings: Mapping[str, str] | None, *streams: int) -> ForkServerProcess:
    forking = multiprocessing.get_context("forkserver")
    forking.set_forkserver_preload(["proaktiv.__main__"])
    handles = [multiprocessing.reduction.DupFd(each) for each in streams]
    child = forking.Process(target=_python, args=(command, environment(settings or {}), *handles), daemon=True)
    child.start()
    return child


def _python(
    command: tuple[str, ...],
    variables: dict[str, str],
    out: multiprocessing.reduction.DupFd,
    err: multiprocessing.reduction.DupFd,
) -> None:
    """Be ``python`` with this command: its streams, its environment, its folder."""
    for stream, handle in ((sys.stdout, out), (sys.stderr, err)):
        number = handle.detach()
        os.dup2(number, stream.fileno())
        os.close(number)
    sys.stdout, sys.stderr = (
        os.fdopen(number, "w", encoding="utf-8", errors="strict", buffering=1, closefd=False) for number in (1, 2)
    )
    os.environ.clear()
    os.environ.update(variables)
    os.chdir(ROOT)
    if command[0] != "-m":
        sys.argv = list(command)
        runpy.run_path(command[0], run_name="__main__")
        return
    sys.argv = list(command[1:])
    del sys.modules["proaktiv.__main__"]  # what it imports stays; itself reads the environment
    runpy.run_module(command[1], run_name="__main__")


@contextmanager
def _pipe() -> Iterator[tuple[TextIO, int]]:
    """Yield what is read, and the end to write into; that one is closed here: the process has its own by then."""
    reading, writing = os.pipe()
    try:
        yield os.fdopen(reading, encoding="utf-8"), writing
    finally:
        os.close(writing)


def _text(stream: BinaryIO) -> str:
    stream.seek(0)
    return stream.read().decode()


def end(process: Started) -> None:
    """End a process that a failed test has left."""
    if process.poll() is None:
        process.kill()
    process.communicate(timeout=PATIENCE_SECONDS)


def refused(done: subprocess.CompletedProcess[str]) -> str:
    """What a command says that refuses: one line, exit code 2, no traceback."""
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("proaktiv: ")
    return line.removeprefix("proaktiv: ")
