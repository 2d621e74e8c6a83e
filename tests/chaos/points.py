"""Crash points: every statement, COMMIT, hand-over and change of a file that some work passes, counted and deadly.

A ``Fuse`` is laid in a process that is there to die. It counts what passes, and at one number it kills the process with
SIGKILL: before, during (it has left the process, no answer was read) or after. What counts is what really crosses the
process's border: psycopg's one way to wait for the server, the Protocols of channels, registers and dispatchers
(``deadly``), and the calls of the file system. Questions whether a connection lives, and what sends nothing, are no
points. Left to others: what is done there (``scenarios``) and what must hold afterwards (``holding``).
Source: security-and-faults.md § 4 row 1.
"""

import os
import re
import select
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from functools import wraps
from typing import Any, TypeVar

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.waiting import Ready

from tests.chaos.dying import die

T = TypeVar("T")


class Moment(StrEnum):
    """Before it leaves the process, when it has left and no answer was read, when the answer is here."""

    BEFORE = "before"
    DURING = "during"
    AFTER = "after"


SQL, SEND, FILE = "sql", "send", "file"
MOMENTS: Mapping[str, tuple[Moment, ...]] = {
    SQL: tuple(Moment),
    SEND: tuple(Moment),
    FILE: (Moment.BEFORE, Moment.AFTER),  # the kernel does it or does it not
}


@dataclass(frozen=True, order=True)
class Death:
    """Where to die: the number of the point, counted from zero, and the moment."""

    point: int
    moment: Moment


@dataclass
class Fuse:
    """Counts points; kills this process at one of them. Threads share it."""

    death: Death | None = None
    points: list[tuple[str, str]] = field(default_factory=list)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def reached(self, kind: str, name: str) -> Moment | None:
        """Count a point. Dies here where that is before it; returns the moment at which the caller must die."""
        with self._guard:
            number = len(self.points)
            self.points.append((kind, name))
        if self.death is None or self.death.point != number:
            return None
        if self.death.moment is Moment.BEFORE:
            die()
        return self.death.moment

    def passing(self, kind: str, name: str, act: Callable[[], T], during: Callable[[], object] | None = None) -> T:
        """Do ``act`` as one point; ``during`` is the part of it that leaves the process."""
        moment = self.reached(kind, name)
        if moment is Moment.DURING:
            (during or act)()
            die()
        result = act()
        if moment is Moment.AFTER:
            die()
        return result


def deaths(points: list[tuple[str, str]]) -> list[Death]:
    """Return every way to die at these points."""
    return [Death(number, moment) for number, (kind, _) in enumerate(points) for moment in MOMENTS[kind]]


# statements ---------------------------------------------------------------------------------------------------------

_TABLE = re.compile(r'\b(?:INTO|FROM|UPDATE|COPY|JOIN)\s+"?(\w+)', re.IGNORECASE)
_SENDS_NOTHING = frozenset({"_set_autocommit_gen", "_set_isolation_level_gen", "_set_read_only_gen"})
_LIVES = frozenset({"SELECT 1", "select 1", ""})


def lay_in_psycopg(fuse: Fuse) -> None:
    """Make each exchange with the server a point, for the rest of this process's life."""
    wait = psycopg.Connection.wait

    @wraps(wait)
    def counted(connection: Any, gen: Any, *args: Any, **kwargs: Any) -> Any:
        name = _named(connection, gen)
        if not name:
            return wait(connection, gen, *args, **kwargs)
        moment = fuse.reached(SQL, name)
        if moment is Moment.DURING:
            if gen.__name__ == "_execute_gen":  # its BEGIN is not what should be on the way
                wait(connection, connection._start_query())
            _leave(connection, gen)
            die()
        result = wait(connection, gen, *args, **kwargs)
        if moment is Moment.AFTER:
            die()
        return result

    psycopg.Connection.wait = counted  # type: ignore[method-assign]


def _named(connection: Any, gen: Any) -> str:
    """Return what is said to the server, or nothing where that is no point."""
    idle = connection.pgconn.transaction_status == TransactionStatus.IDLE
    what = str(gen.__name__)
    if what in _SENDS_NOTHING or (what in {"_commit_gen", "_rollback_gen"} and idle):
        return ""
    if what != "_execute_gen":
        return what.removeprefix("_").removesuffix("_gen")
    query = gen.gi_frame.f_locals.get("query")
    said = query.decode() if isinstance(query, bytes) else str(query)
    if said.strip() in _LIVES:
        return ""
    table = _TABLE.search(said)
    return f"{said.split(None, 1)[0].lower()} {table.group(1) if table else ''}".strip()


def _leave(connection: Any, gen: Any) -> None:
    """Send what ``gen`` sends first, and read nothing."""
    with suppress(StopIteration):
        next(gen)
        if connection.pgconn.pipeline_status:  # a set of statements: two of them, and the others never
            gen.send(Ready.W)
            gen.send(Ready.W)
    while connection.pgconn.flush():
        select.select([], [connection.pgconn.socket], [])


# files ----------------------------------------------------------------------------------------------------------------


def lay_in_files(fuse: Fuse) -> None:
    """Make each change of a file that others see a point, for the rest of this process's life."""
    for name in ("rename", "replace", "link", "unlink", "fsync"):
        setattr(os, name, _counted(fuse, name, getattr(os, name)))


def _counted(fuse: Fuse, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(call)
    def counted(*args: Any, **kwargs: Any) -> Any:
        return fuse.passing(FILE, name, lambda: call(*args, **kwargs))

    return counted
