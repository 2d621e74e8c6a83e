"""A socket of which every read and write ends when the deadline does, in the shape that smtplib asks for.

Without it a server that sends one byte a second holds a worker for ever. Left to others: what is said (``smtp``).
"""

import io
import socket
import ssl
from typing import Any

from notifiers.model import DeadlineLike

_CHUNK = 1 << 16
_MOST_BYTES = 1 << 20


class Wire(io.RawIOBase):
    """A socket as smtplib wants one: ``makefile``, ``sendall``, ``close``."""

    def __init__(self, sock: socket.socket, deadline: DeadlineLike) -> None:
        self._socket = sock
        self._deadline = deadline
        self._read = 0

    def start_tls(self, context: ssl.SSLContext, host: str) -> None:
        """Go under TLS; the time limit holds for the handshake as a whole."""
        self._arm()
        self._socket = context.wrap_socket(self._socket, server_hostname=host)

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read what came. Raises ``OSError``, after the deadline or a megabyte too."""
        self._arm()
        count = self._socket.recv_into(buffer)
        self._read += count
        if self._read > _MOST_BYTES:  # a reply may have any number of lines
            raise OSError("the relay talks without end")
        return count

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Return a reader of replies."""
        # Each reply gets its own reader: what a server pushed in before the handshake never counts after it.
        return io.BufferedReader(_Unclosing(self))

    def sendall(self, body: bytes) -> None:
        """Send all of it; a reader that takes a byte a second does not stretch the time."""
        view = memoryview(body)
        while view:
            self._arm()
            view = view[self._socket.send(view[:_CHUNK]) :]

    def close(self) -> None:
        """Hang up."""
        self._socket.close()
        super().close()

    def _arm(self) -> None:
        remaining = self._deadline.remaining()
        if remaining <= 0:
            raise TimeoutError
        self._socket.settimeout(remaining)


class _Unclosing(io.RawIOBase):
    """A wire whose reader can be thrown away without hanging up."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._wire.readinto(buffer)
