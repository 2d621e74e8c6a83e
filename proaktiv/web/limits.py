"""How much and how long a body may be, before anybody reads it (security-and-faults.md T12, T21)."""

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.datastructures import Headers

from proaktiv.web import problems

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

MAX_BODY_BYTES = 1024 * 1024
BODY_SECONDS = 10.0


class BodyLimit:
    """Take in the whole body first: 413 beyond ``max_bytes``, 408 after ``seconds``. Then pass the request on."""

    def __init__(self, app: App, max_bytes: int = MAX_BODY_BYTES, seconds: float = BODY_SECONDS) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._seconds = seconds

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Pass the request on with its body at hand, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            async with asyncio.timeout(self._seconds):
                messages = await self._take(Headers(scope=scope), receive)
        except TimeoutError:
            await _refuse(send, 408, "too-slow", "The body took too long")
            return
        if messages is None:
            await _refuse(send, 413, "too-large", f"The body must be at most {self._max_bytes} bytes")
            return
        waiting = iter(messages)

        async def replay() -> Message:
            message = next(waiting, None)
            return message if message is not None else await receive()

        await self._app(scope, replay, send)

    async def _take(self, headers: Headers, receive: Receive) -> list[Message] | None:
        """Return the messages that make up the body, or None when they are too large."""
        announced = headers.get("content-length", "0")
        if not announced.isascii() or not announced.isdigit() or int(announced[:20]) > self._max_bytes:
            return None
        messages: list[Message] = []
        size = 0
        while True:
            message = await receive()
            messages.append(message)
            size += len(message.get("body", b""))
            if size > self._max_bytes:
                return None
            if message["type"] != "http.request" or not message.get("more_body", False):
                return messages


async def _refuse(send: Send, status: int, slug: str, title: str) -> None:
    """Answer at once; the connection is of no more use, the rest of the body may still be coming."""
    headers = [(b"content-type", problems.MEDIA_TYPE.encode()), (b"connection", b"close")]
    body = json.dumps(problems.document(status, slug, title)).encode()
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
