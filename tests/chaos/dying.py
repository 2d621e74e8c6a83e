"""Run something in a process of its own that kills itself with SIGKILL at a named place."""

import os
import signal
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from notifiers.model import Clearance
from proaktiv.core.errors import AlreadyDone
from proaktiv.dispatchers.model import Auftrag


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@dataclass
class Killer:
    """A probe that kills at the nth time its place is reached."""

    place: str
    nth: int = 1
    seen: int = 0

    def __call__(self, name: str) -> None:
        if name == self.place:
            self.seen += 1
            if self.seen == self.nth:
                die()


def in_own_process(work: Callable[[], Any]) -> int:
    """Fork, work, and return how the child ended: 0, or minus the signal that killed it.

    The child must open its own connections; nothing of the parent's may be used in it.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # 3.12 warns of threads; the child touches none of them
        child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


@dataclass
class FolderBehoerde:
    """A Behörde outside of the dying process: one file a wire id, one line for each arrival."""

    folder: Path
    name: str = "webhook"
    idempotent: bool = True
    die_after_taking: bool = False
    die_before_taking: bool = False
    arrivals: list[str] = field(default_factory=list)

    def send(self, order: Auftrag, endpoint: str, clearance: Clearance, deadline: object) -> None:
        if self.die_before_taking:
            die()
        path = self.folder / clearance.wire_id
        known = path.exists()
        with path.open("a") as taken:
            taken.write(f"{order.reference}\n")
        if self.die_after_taking:
            die()
        if known:
            raise AlreadyDone("known")

    def orders(self) -> dict[str, list[str]]:
        return {path.name: path.read_text().split() for path in self.folder.iterdir()}


def arrived(behoerde: Any) -> dict[str, list[str]]:
    """The references that came to a world's ``FolderBehoerde``, by wire id, one for each arrival."""
    assert isinstance(behoerde, FolderBehoerde)
    return behoerde.orders()
