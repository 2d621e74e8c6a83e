"""A line with a mood: a TCP proxy that cuts, resets, falls silent, drips or delays. One thread for each direction."""

import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum
from types import TracebackType
from typing import Self

_COMMIT = b"COMMIT\0"
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: on, 0 s, so that closing sends RST


class Mood(StrEnum):
    WELL = "well"
    SILENT = "silent"
    """Half-open: everything is accepted, nothing passes, nobody hangs up."""
    DRIPPING = "dripping"
    """What comes back comes a byte at a time."""
    SLOW = "slow"
    """Everything comes, later."""
    CUT = "cut"
    RESET = "reset"


class Proxy:
    """A listening port of this machine in front of ``far``, which opens a connection to the real thing."""

    def __init__(self, far: Callable[[], socket.socket], *, pause_seconds: float = 0.02) -> None:
        self._far = far
        self._pause = pause_seconds
        self._mood = Mood.WELL
        self._at_commit: Mood | None = None
        self._open: set[socket.socket] = set()
        self._over = threading.Event()
        self._may_answer = threading.Event()
        self._may_answer.set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.dripped = 0
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def mood(self) -> Mood:
        return self._mood

    @mood.setter
    def mood(self, mood: Mood) -> None:
        self._mood = mood
        if mood in {Mood.CUT, Mood.RESET}:
            self._hang_up(reset=mood is Mood.RESET)

    def at_commit(self, mood: Mood) -> None:
        """Fall into this mood when the next COMMIT has passed, before its answer does."""
        self._at_commit = mood

    def close(self) -> None:
        self._over.set()
        self._listener.close()
        self._hang_up()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                if self._mood in {Mood.CUT, Mood.RESET}:
                    _end(near, reset=self._mood is Mood.RESET)
                    continue
                try:
                    far = self._far()
                except OSError:
                    _end(near)
                    continue
                self._open |= {near, far}
                for one, other, homeward in ((near, far, False), (far, near, True)):
                    threading.Thread(target=self._carry, args=(one, other, homeward), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket, homeward: bool) -> None:
        with suppress(OSError):
            while part := source.recv(1 << 16):
                if homeward:
                    self._may_answer.wait()
                if self._mood is Mood.SLOW:
                    time.sleep(self._pause)
                if homeward and self._mood is Mood.DRIPPING:
                    for byte in part:
                        if self._over.wait(self._pause):
                            return
                        target.sendall(bytes([byte]))
                        self.dripped += 1
                    continue
                self._hold_if_silent()
                if not homeward and self._at_commit and _COMMIT in part:
                    mood, self._at_commit = self._at_commit, None
                    self._may_answer.clear()  # or a quick server's answer would be home before the mood changes
                    try:
                        target.sendall(part)
                        self.mood = mood
                    finally:
                        self._may_answer.set()
                    continue
                target.sendall(part)
        for end in (source, target):
            _end(end)
            self._open.discard(end)

    def _hold_if_silent(self) -> None:
        while self._mood is Mood.SILENT and not self._over.wait(0.01):
            pass

    def _hang_up(self, *, reset: bool = False) -> None:
        for end in list(self._open):
            _end(end, reset=reset)


def _end(end: socket.socket, *, reset: bool = False) -> None:
    with suppress(OSError):
        if reset and end.family == socket.AF_INET:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            end.shutdown(socket.SHUT_RD)  # wakes the thread that reads it; the last to let go resets
            end.close()
        else:
            end.shutdown(socket.SHUT_RDWR)
