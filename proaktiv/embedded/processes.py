"""The processes of the embedded PostgreSQL: made, found again, ended.

A postmaster is told by its command line, which names its data folder: a pid alone may be a stranger's by now.
"""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import structlog

from proaktiv.embedded.errors import EmbeddedError
from proaktiv.embedded.places import NOBODY, as_root

log = structlog.get_logger(__name__)

_STOP_SECONDS = 20.0
_ENVIRONMENT = {"LC_ALL": "C", "TZ": "UTC"}  # nothing of ours reaches the server, above all no PG* variable
_HARDER_AND_HARDER = (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL)  # fast, immediate, no choice

# Becomes postgres, after asking the kernel (PR_SET_PDEATHSIG) to stop it (fast) when we are gone. An own process
# instead of ``preexec_fn``, which may deadlock beside threads. Changing the user clears the request: that comes first.
_LAUNCHER = """
import ctypes, os, sys
parent, uid, *command = sys.argv[1:]
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(int(uid))
    os.setuid(int(uid))
ctypes.CDLL(None).prctl(1, 2)
if os.getppid() != int(parent):
    sys.exit("the parent is gone")
os.execv(command[0], command)
"""


def initdb(binaries: Path, data: Path, cwd: Path) -> None:
    """Make a cluster in ``data`` that trusts its socket and refuses everything else. Raises ``EmbeddedError``."""
    command = [
        *(str(binaries / "initdb"), "--pgdata", str(data), "--username", "postgres", "--encoding=UTF8", "--no-locale"),
        *("--auth-local=trust", "--auth-host=reject", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
    ]
    done = subprocess.run(  # noqa: S603 - our own paths
        command, check=False, capture_output=True, cwd=cwd, env=_ENVIRONMENT, **_identity()
    )
    if done.returncode != 0:
        raise EmbeddedError(f"initdb failed: {done.stderr.decode(errors='replace').strip()}", "mend that")


def spawn(command: list[str], cwd: Path, output: Path) -> subprocess.Popen[bytes]:
    """Start a postmaster that ends with us. Call it from a thread that lives as long as the server may.

    PR_SET_PDEATHSIG fires when the *thread* that forked ends, not only when its process does.
    """
    identity = _identity()
    if sys.platform == "linux":
        command = [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(os.getpid()), str(NOBODY), *command]
        identity = {}  # the launcher changes the user itself
    with output.open("ab") as out:
        return subprocess.Popen(  # noqa: S603 - our own paths
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env=_ENVIRONMENT,
            start_new_session=True,  # Ctrl-C in the terminal is for us; we stop the server in order
            **identity,
        )


def end(process: subprocess.Popen[bytes]) -> None:
    """End a postmaster that we started and wait for it."""
    for number in _HARDER_AND_HARDER:
        process.send_signal(number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_STOP_SECONDS)
            return


def end_orphan(data: Path) -> None:
    """End a postmaster whose owner was killed. Only for the holder of the folder's lock. Raises ``EmbeddedError``."""
    pid = postmaster_of(data)
    if pid is None:
        return
    log.warning("postgres.taken_over", pid=pid)
    for number in _HARDER_AND_HARDER:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
        until = time.monotonic() + _STOP_SECONDS
        while time.monotonic() < until:
            if postmaster_of(data) is None:
                return
            time.sleep(0.02)
    raise EmbeddedError(f"process {pid} holds {data} and does not end", "end it by hand")


def forget_dead(data: Path) -> None:
    """Remove a pid file whose process is not our postmaster, or PostgreSQL may take a stranger for it."""
    if postmaster_of(data) is None:
        (data / "postmaster.pid").unlink(missing_ok=True)


def postmaster_of(data: Path) -> int | None:
    """Return the pid of the living postmaster of a data folder, or None."""
    try:
        pid = int((data / "postmaster.pid").read_text().splitlines()[0])
    except (OSError, ValueError, IndexError):
        return None
    return pid if pid > 0 and str(data) in _command_line(pid) else None


def _command_line(pid: int) -> str:
    """Return the command line of a process; empty when it is gone or dead and nobody waited for it."""
    if sys.platform == "linux":  # a small system has no ps
        try:
            return Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
        except OSError:
            return ""
    else:
        asked = ["/bin/ps", "-ww", "-o", "command=", "-p", str(pid)]
        return subprocess.run(asked, check=False, capture_output=True, text=True).stdout  # noqa: S603 - a parsed number


def _identity() -> dict[str, Any]:
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []} if as_root() else {}
