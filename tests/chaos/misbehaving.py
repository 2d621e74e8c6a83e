"""The far side of a real line whose mood a test decides, and a watch on what the house leaves open meanwhile."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

from sqlalchemy import make_url, text

from proaktiv.database import Database
from proaktiv.embedded import EmbeddedServer
from tests.outward.servers import Behave, Server, answers
from tests.world import World

_OPEN = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = :name AND backend_type = 'client backend'"
    " AND xact_start IS NOT NULL AND pid <> pg_backend_pid()"
)
_ENTRIES = text(
    "SELECT f_bytes FROM flow_log LEFT JOIN flow_leaf USING (fid) LEFT JOIN flow_queue USING (fid)"
    " ORDER BY idx NULLS LAST, qid"
)


class Watch:
    """Counts the open transactions of one database as the superuser, who sees all of them."""

    def __init__(self, server: EmbeddedServer, urls: dict[str, str]) -> None:
        self.seen: list[int] = []
        self._name = make_url(urls["app"]).database
        self._superuser = Database(server.url(database="postgres"), pool_size=4)
        self._owner = Database(urls["owner"], pool_size=1)

    def look(self) -> None:
        with self._superuser.transaction() as session:
            self.seen.append(session.connection().execute(_OPEN, {"name": self._name}).scalar_one())

    def as_owner(self, statement: str) -> None:
        with self._owner.transaction() as session:
            session.connection().execute(text(statement))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._superuser.close()
        self._owner.close()


class FarSide:
    """One server. Without a ``mood`` it answers as it should; in one it does what the mood says."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self.mood: Behave | None = None
        self.server = Server(self._behave)

    def answer(self, headers: dict[str, str], body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """What it answers when it behaves."""
        raise NotImplementedError

    def taking_it(self, last_words: Behave) -> Behave:
        """A mood: it does its work on what came, then answers badly."""

        def mood(connection: socket.socket, over: threading.Event) -> None:
            self._work()
            last_words(connection, over)

        return mood

    def close(self) -> None:
        self.server.close()

    def _work(self) -> tuple[int, dict[str, Any]]:
        head, _, body = self.server.heard[-1].partition(b"\r\n\r\n")
        pairs = (line.partition(":") for line in head.decode().split("\r\n")[1:])
        return self.answer({name.lower(): value.strip() for name, _, value in pairs}, json.loads(body))

    def _behave(self, connection: socket.socket, over: threading.Event) -> None:
        self.watch.look()
        if self.mood is not None:
            self.mood(connection, over)
            return
        status, body = self._work()
        answers(status, json.dumps(body).encode())(connection, over)


@contextmanager
def nobody_there() -> Iterator[str]:
    """An address of this machine where nobody listens, and nobody can begin to."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{bound.getsockname()[1]}"


def outcomes(world: World, act: str) -> list[str]:
    """How all acts of one kind ended, in the order of the log. Each was authorised, and each has one end."""
    with world.database.transaction() as session:
        found = session.connection().execute(_ENTRIES).scalars()
        entries = [json.loads(body) for body in found]
    authorised = {entry["flow"] for entry in entries if (entry["kind"], entry["action"]) == ("authorised", act)}
    ends = [entry for entry in entries if entry["kind"] == "outcome" and entry["of"] in authorised]
    assert len(ends) == len(authorised) == len({entry["of"] for entry in ends})
    return [entry["outcome"] for entry in ends]
