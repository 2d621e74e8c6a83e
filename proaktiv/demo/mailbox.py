"""The city's mail server: a small double that takes every mail and delivers none. Loopback alone, never in production.

It speaks as much of SMTP as a relay must (RFC 5321 § 4.5.1), keeps what it took in memory and shows it (``post``).
Left to others: judging what came (``once``), refusals and lost answers (tests have a real server for these).
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

MOST_BYTES = 1 << 20
_LINE = 2048
_SILENT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail as it came, with its envelope."""

    sender: str
    to: tuple[str, ...]
    body: bytes


@dataclass(slots=True)
class Mailbox:
    """What came, oldest first. Guarded by its lock; lives as long as the process."""

    _mails: list[Mail] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, mail: Mail) -> None:
        """Keep one."""
        with self._lock:
            self._mails.append(mail)

    def all(self) -> list[Mail]:
        """Return all that came."""
        with self._lock:
            return list(self._mails)


@asynccontextmanager
async def receiving(mailbox: Mailbox, port: int) -> AsyncIterator[int]:
    """Take mail on a loopback port (0 draws one) for as long as the block lasts; yield the port."""

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await _Conversation(mailbox, reader, writer).talk()
        except (OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError):
            pass  # whoever hangs up, drips or talks nonsense is let go
        finally:
            writer.close()

    server = await asyncio.start_server(one, "127.0.0.1", port, limit=MOST_BYTES)
    async with server:
        yield int(server.sockets[0].getsockname()[1])


class _Conversation:
    def __init__(self, mailbox: Mailbox, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._mailbox = mailbox
        self._reader = reader
        self._writer = writer
        self._sender: str | None = None
        self._to: list[str] = []

    async def talk(self) -> None:
        await self._say("220 mailbox.musterstadt.example (double of the demonstration)")
        verbs: dict[str, Callable[[str], str]] = {"MAIL": self._mail, "RCPT": self._rcpt, "RSET": self._rset}
        same = {"EHLO": "250 mailbox.musterstadt.example", "HELO": "250 mailbox.musterstadt.example", "NOOP": "250 ok"}
        while True:
            verb, _, rest = (await self._line()).partition(" ")
            verb = verb.upper()
            if verb == "QUIT":
                await self._say("221 bye")
                return
            if verb == "DATA":
                await self._say(await self._data())
            elif verb in verbs:
                await self._say(verbs[verb](rest))
            else:
                await self._say(same.get(verb, "502 unknown here"))

    def _mail(self, rest: str) -> str:
        self._rset("")
        self._sender = _path(rest, "FROM:")
        return "501 MAIL FROM:<path>" if self._sender is None else "250 ok"

    def _rcpt(self, rest: str) -> str:
        to = _path(rest, "TO:")
        if self._sender is None:
            return "503 MAIL comes first"
        if not to:
            return "501 RCPT TO:<path>"
        self._to.append(to)
        return "250 ok"

    def _rset(self, _rest: str) -> str:
        self._sender, self._to = None, []
        return "250 ok"

    async def _data(self) -> str:
        if self._sender is None or not self._to:
            return "503 MAIL and RCPT come first"
        await self._say("354 end with a dot alone")
        lines: list[bytes] = []
        size = 0
        while (line := await self._raw()) != b".\r\n":
            size += len(line)
            if size > MOST_BYTES:
                raise ValueError("too large")
            lines.append(line[1:] if line.startswith(b".") else line)
        self._mailbox.take(Mail(self._sender, tuple(self._to), b"".join(lines)))
        self._rset("")
        return "250 taken"

    async def _raw(self) -> bytes:
        return await asyncio.wait_for(self._reader.readuntil(b"\r\n"), _SILENT_SECONDS)

    async def _line(self) -> str:
        line = await self._raw()
        if len(line) > _LINE:
            raise ValueError("too long")
        return line.decode("ascii").strip()

    async def _say(self, line: str) -> None:
        self._writer.write(f"{line}\r\n".encode())
        await self._writer.drain()


def _path(rest: str, word: str) -> str | None:
    """Return what stands between < and >, or None."""
    if not rest.upper().startswith(word):
        return None
    start, _, path = rest[len(word) :].strip().partition("<")
    path, end, _ = path.partition(">")
    return path if end and not start else None
