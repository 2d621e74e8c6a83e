"""POST to the intake over kept connections, as little work as possible: the generator shares two cores with the house.

HTTP/1.1 with a length, which is all that the intake answers with; anything else ends the run.
"""

import asyncio
import json
from collections import deque

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]

KEPT_SECONDS = 2.0
"""How long a connection is kept unused; the intake ends it after five (uvicorn's default)."""


class NotKeptError(Exception):
    """The intake did not keep an event; a figure with lost events in it is none."""


class Intake:
    """One sender's way to the intake. A request never waits for another one's connection: it opens one."""

    def __init__(self, port: int, token: str) -> None:
        self._port = port
        self._token = token
        self._idle: deque[tuple[float, Connection]] = deque()

    async def report(self, body: bytes, media_type: str) -> list[str]:
        """Send one event or batch; return the ids under which all of it is kept. Raises ``NotKeptError``."""
        reader, writer = connection = await self._connected()
        writer.write(
            b"POST /events HTTP/1.1\r\nhost: intake\r\nauthorization: Bearer %b\r\ncontent-type: %b\r\n"
            b"content-length: %d\r\n\r\n%b" % (self._token.encode(), media_type.encode(), len(body), body)
        )
        head = await reader.readuntil(b"\r\n\r\n")
        status, length = int(head[9:12]), 0
        for line in head.split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        answer = json.loads(await reader.readexactly(length))
        self._idle.append((asyncio.get_running_loop().time(), connection))
        if status != 202:
            raise NotKeptError(f"the intake answered {status}")
        return [verdict["id"] for verdict in answer["events"]] if "events" in answer else [answer["id"]]

    async def _connected(self) -> Connection:
        """Return the connection that was used last, or a new one; end those that lay unused for long."""
        now = asyncio.get_running_loop().time()
        while self._idle and self._idle[0][0] < now - KEPT_SECONDS:
            self._idle.popleft()[1][1].close()
        return self._idle.pop()[1] if self._idle else await asyncio.open_connection("127.0.0.1", self._port)

    def close(self) -> None:
        """Close the connections."""
        for _, (_, writer) in self._idle:
            writer.close()


def batch(bodies: list[bytes]) -> bytes:
    """Return events as one CloudEvents batch."""
    return b"[" + b",".join(bodies) + b"]"
