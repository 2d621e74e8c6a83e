"""``proaktiv`` as an operator starts it: a process of its own, with an environment of its own."""

import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

ROOT = Path(__file__).parents[1]
PATIENCE_SECONDS = 120
"""For a busy machine; whoever waits that long has failed."""


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1", **settings}


def proaktiv(*arguments: str, settings: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command to its end.

    Where the system can, the process is forked off one that has read the house's modules and done nothing else:
    reading them takes seconds, what most commands do a fraction of one.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return subprocess.run(
            [sys.executable, "-m", "proaktiv", *arguments],
            cwd=ROOT,
            env=environment(settings or {}),
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
    return _forked(arguments, environment(settings or {}))


def _forked(arguments: tuple[str, ...], variables: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    forking = multiprocessing.get_context("forkserver")
    forking.set_forkserver_preload(["proaktiv.__main__"])
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        handles = [multiprocessing.reduction.DupFd(each.fileno()) for each in (out, err)]
        child = forking.Process(target=_command, args=(arguments, dict(variables), *handles), daemon=True)
        child.start()
        child.join(PATIENCE_SECONDS)
        if child.exitcode is None:
            child.kill()
            child.join()
            raise subprocess.TimeoutExpired(["proaktiv", *arguments], PATIENCE_SECONDS)
        return subprocess.CompletedProcess(arguments, child.exitcode, _text(out), _text(err))


def _command(
    arguments: tuple[str, ...],
    variables: dict[str, str],
    out: multiprocessing.reduction.DupFd,
    err: multiprocessing.reduction.DupFd,
) -> None:
    """Be ``python -m proaktiv``: its streams, its environment, its folder."""
    for stream, handle in ((sys.stdout, out), (sys.stderr, err)):
        os.dup2(handle.detach(), stream.fileno())
    sys.stdout, sys.stderr = (
        os.fdopen(number, "w", encoding="utf-8", errors="strict", buffering=1, closefd=False) for number in (1, 2)
    )
    os.environ.clear()
    os.environ.update(variables)
    os.chdir(ROOT)
    sys.argv = ["proaktiv", *arguments]
    del sys.modules["proaktiv.__main__"]  # what it imports stays; itself reads the environment
    runpy.run_module("proaktiv", run_name="__main__")


def _text(stream: BinaryIO) -> str:
    stream.seek(0)
    return stream.read().decode()


def start(*command: str, settings: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    """Start Python with these arguments; output can be read line by line."""
    return subprocess.Popen(
        [sys.executable, *command],
        cwd=ROOT,
        env=environment(settings or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def end(process: subprocess.Popen[str]) -> None:
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
