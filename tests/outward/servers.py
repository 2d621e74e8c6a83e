"""Real servers on loopback that behave badly, each in a thread of its own."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Behave = Callable[[socket.socket, threading.Event], None]


class Server:
    """One listening socket; counts what it was sent."""

    def __init__(self, behave: Behave) -> None:
        self._behave = behave
        self._over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.heard: list[bytes] = []
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/there"

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.settimeout(20)
            self.heard.append(_request(connection))
            self._behave(connection, self._over)

    def close(self) -> None:
        self._over.set()
        self._listener.close()


def _request(connection: socket.socket) -> bytes:
    got = b""
    while b"\r\n\r\n" not in got:
        part = connection.recv(65536)
        if not part:
            return got
        got += part
    head, _, body = got.partition(b"\r\n\r\n")
    length = next(
        (
            int(v)
            for k, _, v in (line.partition(b":") for line in head.split(b"\r\n"))
            if k.lower() == b"content-length"
        ),
        0,
    )
    while len(body) < length:
        part = connection.recv(65536)
        if not part:
            break
        body += part
    return head + b"\r\n\r\n" + body


@contextmanager
def serving(behave: Behave) -> Iterator[Server]:
    server = Server(behave)
    try:
        yield server
    finally:
        server.close()


def says(raw: bytes) -> Behave:
    def behave(connection: socket.socket, _over: threading.Event) -> None:
        connection.sendall(raw)

    return behave


def answers(status: int, body: bytes = b"{}", headers: str = "") -> Behave:
    head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
    return says(head.encode() + body)


def drips(start: bytes, drop: bytes, every_seconds: float) -> Behave:
    """One drop after the other, for as long as anybody listens."""

    def behave(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(start)
        while not over.wait(every_seconds):
            connection.sendall(drop)

    return behave


def stays_silent(_connection: socket.socket, over: threading.Event) -> None:
    over.wait(20)


def hangs_up(connection: socket.socket, _over: threading.Event) -> None:
    connection.close()
