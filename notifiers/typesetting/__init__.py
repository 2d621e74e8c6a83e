"""Letters become PDF in a process of their own, which is killed when it takes too long.

One process at a time, started when the first letter comes and again after it died; threads wait for their turn.
PDF/UA-1 and PDF/A-2a in one file, the same bytes for the same data. Left to others: what a letter says (``letter``).
Source: architecture.md § 7.7; channels-and-pages.md § 6.
"""

import json
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

CHILD = Path(__file__).with_name("child.py")
MAX_BYTES = 1 << 18
"""Largest letter as JSON: some twenty pages."""


class TypesettingError(Exception):
    """No PDF was made; messages never quote the letter."""


class NoGlyph(TypesettingError):  # noqa: N818
    """A sign of the letter is in none of the fonts; an empty box is never printed for it."""


class NoRoom(TypesettingError):  # noqa: N818
    """A part does not fit its place in the window; ``part`` is ``address`` or ``return-line``."""

    def __init__(self, part: str) -> None:
        super().__init__(f"the {part} does not fit the window")
        self.part = part


class Typesetter:
    """Sets letters. Usable from several threads; ``seconds`` is the most that one letter may take, waiting included."""

    def __init__(
        self, seconds: float = 20.0, monotonic: Callable[[], float] = time.monotonic, child: Path = CHILD
    ) -> None:
        self._seconds = seconds
        self._monotonic = monotonic
        self._child = child
        self._turn = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._wire: socket.socket | None = None
        self._owner = 0

    def pdf(self, letter: Mapping[str, Any]) -> bytes:
        """Return the letter's PDF. Raises ``NoGlyph``, ``NoRoom`` or ``TypesettingError``."""
        job = json.dumps(letter, ensure_ascii=True, sort_keys=True).encode()
        if len(job) > MAX_BYTES:
            raise TypesettingError("the letter is too long")
        over_at = self._monotonic() + self._seconds
        if not self._turn.acquire(timeout=self._seconds):
            raise TypesettingError("no turn came in time")
        try:
            word, body = self._ask(job, over_at)
        except (OSError, EOFError, ValueError):  # away, gone, or talking nonsense
            self._stop()
            raise TypesettingError("the typesetting process did not answer") from None
        finally:
            self._turn.release()
        if word == "done":
            return body
        if word == "glyph":
            raise NoGlyph("a sign of the letter is in none of the fonts")
        if word in {"address", "return-line"}:
            raise NoRoom(word)
        raise TypesettingError("the template took the letter for broken")

    def close(self) -> None:
        """End the process, if there is one."""
        with self._turn:
            self._stop()

    def _ask(self, job: bytes, over_at: float) -> tuple[str, bytes]:
        wire = self._started()
        self._arm(wire, over_at)
        wire.sendall(struct.pack(">I", len(job)) + job)
        word, length = struct.unpack(">12sI", self._read(wire, 16, over_at))
        return word.rstrip(b"\0").decode(), self._read(wire, length, over_at)

    def _read(self, wire: socket.socket, length: int, over_at: float) -> bytes:
        body = bytearray()
        while len(body) < length:
            self._arm(wire, over_at)
            part = wire.recv(length - len(body))
            if not part:
                raise EOFError
            body += part
        return bytes(body)

    def _arm(self, wire: socket.socket, over_at: float) -> None:
        remaining = over_at - self._monotonic()
        if remaining <= 0:
            raise TimeoutError
        wire.settimeout(remaining)

    def _started(self) -> socket.socket:
        if self._wire is not None and self._owner == os.getpid():
            return self._wire
        # After a fork the process belongs to the other side, whose answers must not be read here.
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and our own file
                [sys.executable, "-I", str(self._child)],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        self._wire, self._owner = ours, os.getpid()
        return ours

    def _stop(self) -> None:
        if self._wire is not None:
            self._wire.close()
        if self._process is not None and self._owner == os.getpid():
            self._process.kill()
            self._process.wait()
        self._wire = self._process = None
