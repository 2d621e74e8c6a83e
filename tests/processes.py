"""``proaktiv`` as an operator starts it: a process of its own, with an environment of its own."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
PATIENCE_SECONDS = 120
"""For a busy machine; whoever waits that long has failed."""


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1", **settings}


def proaktiv(*arguments: str, settings: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "proaktiv", *arguments],
        cwd=ROOT,
        env=environment(settings or {}),
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


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
