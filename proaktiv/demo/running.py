"""Start the installation's processes, see that they live, stop them all. One process per surface and worker.

Each is ``python -m proaktiv.start …`` with an environment of its own and nothing of ours. On Linux the kernel stops
them when we are gone, however that comes. Left to others: what they do.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from proaktiv.demo.setting_up import Installation
from proaktiv.demo.talking import CityError, Talk

_READY_SECONDS = 90.0
_STOP_SECONDS = 15.0
_LAST_LINES = 15

# Asks the kernel (PR_SET_PDEATHSIG) for a SIGTERM when the parent is gone, then becomes the process. Not
# ``preexec_fn``, which may deadlock beside threads.
_LAUNCHER = """
import ctypes, os, sys
parent, *command = sys.argv[1:]
ctypes.CDLL(None).prctl(1, 15)
if os.getppid() != int(parent):
    sys.exit("the parent is gone")
os.execv(command[0], command)
"""


class ProcessDied(CityError):  # noqa: N818
    """A process ended that must not end; the message ends with the last lines of its log."""


class Processes:
    """The processes of one run. Used from the main thread: the kernel watches the thread that started them."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        """Begin; nothing is started yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop what runs."""
        self.stop()

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of what was started."""
        return tuple(self._running)

    def pid(self, name: str) -> int:
        """Return the process id of one of them."""
        return self._running[name].pid

    def start_all(self) -> None:
        """Start the city, the surfaces, the worker and the signing worker, and wait until all answer."""
        folder = self._installation.folder
        for part in ("register", "behoerde", "mailbox", "konto"):
            self.start(part, "city", "--part", part, "--port", self._port(part), "--folder", str(folder))
        for surface in ("intake", "citizen", "office"):
            self.start(surface, "serve", "--surface", surface, "--port", self._port(surface))
        self.start("work", "work")
        self.start("sign", "work", "--sign", "--state", str(folder / "signer"))
        for part in ("register", "behoerde", "mailbox", "konto", "intake", "citizen", "office"):
            self.wait_ready(part)

    def start(self, name: str, *arguments: str) -> None:
        """Start one process under a name; its output goes to ``logs/<name>.log``."""
        command = [sys.executable, "-m", "proaktiv.start", *arguments]
        if sys.platform == "linux":
            command = [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(os.getpid()), *command]
        with self._log(name).open("ab") as out:
            self._running[name] = subprocess.Popen(  # noqa: S603 - our own interpreter and words
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd=self._installation.folder,
                env=_python() | self._installation.environment(name),
                start_new_session=True,  # Ctrl-C in the terminal is for us; we stop them in order
            )

    def wait_ready(self, part: str) -> None:
        """Wait until a part answers. Raises ``ProcessDied``, or ``CityError`` when it takes too long."""
        end = time.monotonic() + _READY_SECONDS
        with Talk(self._installation.url(part)) as talk:
            while time.monotonic() < end:
                self.check()
                if talk.answers("/health"):
                    return
                time.sleep(0.1)
        raise CityError(f"{part} does not answer\n{self.last_lines(part)}")

    def check(self) -> None:
        """Raise ``ProcessDied`` if one of them ended."""
        for name, process in self._running.items():
            if process.poll() is not None:
                raise ProcessDied(f"{name} ended with {process.returncode}\n{self.last_lines(name)}")

    def last_lines(self, name: str) -> str:
        """Return the end of a process's log."""
        lines = self._log(name).read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(f"  {name}| {line}" for line in lines[-_LAST_LINES:])

    def stop(self) -> None:
        """Stop all: politely, then hard."""
        for process in self._running.values():
            process.send_signal(signal.SIGTERM)
        end = time.monotonic() + _STOP_SECONDS
        for process in self._running.values():
            try:
                process.wait(max(end - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._running.clear()

    def _port(self, part: str) -> str:
        return str(self._installation.ports[part])

    def _log(self, name: str) -> Path:
        return self._installation.folder / "logs" / f"{name}.log"


def _python() -> dict[str, str]:
    """Return what an interpreter needs to find what we found, wherever that was installed."""
    paths = [path for path in sys.path if path and Path(path).is_dir()]
    return {"PYTHONPATH": os.pathsep.join(paths), "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1"}
