"""Channels, registers and dispatchers of a process that may die there, and what it leaves behind for those who look.

Left to others: the fuse (``points``).
"""

import pickle
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from notifiers.model import Capability, Channel, Clearance, DeadlineLike, DeliveryReceipt, Message, Recipient, Rendered
from proaktiv.dispatchers.model import Auftrag, Dispatcher
from proaktiv.pipeline import Pipeline
from proaktiv.registers.model import Answer, Question, Register
from tests.chaos.points import SEND, Fuse


@dataclass(frozen=True)
class Journal:
    """A file outside of the dying process: what it handed over, what it left on the wire, what it was answered."""

    path: Path

    def note(self, *entry: object) -> None:
        line = pickle.dumps(entry)
        with self.path.open("ab") as out:
            out.write(len(line).to_bytes(4, "big") + line)

    def entries(self, kind: str) -> list[tuple[Any, ...]]:
        found, raw = [], self.path.read_bytes() if self.path.exists() else b""
        while raw:
            size = 4 + int.from_bytes(raw[:4], "big")
            entry = pickle.loads(raw[4:size])  # noqa: S301 - written by our own child
            raw = raw[size:]
            if entry[0] == kind:
                found.append(tuple(entry[1:]))
        return found


HANDED, ON_THE_WIRE, ANSWERED = "handed", "on the wire", "answered"


@dataclass(frozen=True)
class DeadlyChannel:
    """A channel in a process that may die; "during" is in its files."""

    inner: Channel
    fuse: Fuse
    journal: Journal

    @property
    def capability(self) -> Capability:
        return self.inner.capability

    def render(self, message: Message, recipient: Recipient) -> Rendered:
        return self.inner.render(message, recipient)

    def hand_over(self, rendered: Rendered, clearance: Clearance, deadline: DeadlineLike) -> DeliveryReceipt:
        def act() -> DeliveryReceipt:
            self.journal.note(HANDED, clearance.flow, clearance.wire_id)
            return self.inner.hand_over(rendered, clearance, deadline)

        return self.fuse.passing(SEND, "letter", act)


@dataclass(frozen=True)
class DeadlyRegister:
    """A register in a process that may die; "during" it was asked, and nobody reads the answer."""

    inner: Register
    fuse: Fuse
    journal: Journal

    @property
    def name(self) -> str:
        return self.inner.name

    def fetch(self, question: Question, clearance: Clearance, deadline: Any) -> Answer:
        def act() -> Answer:
            self.journal.note(HANDED, clearance.flow, clearance.wire_id)
            return self.inner.fetch(question, clearance, deadline)

        return self.fuse.passing(SEND, f"ask {self.name}", act)


@dataclass(frozen=True)
class DeadlyDispatcher:
    """A way to a Behörde in a process that may die; "during" the order is on the wire and arrives later."""

    inner: Dispatcher
    fuse: Fuse
    journal: Journal

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def idempotent(self) -> bool:
        return self.inner.idempotent

    def send(self, order: Auftrag, endpoint: str, clearance: Clearance, deadline: Any) -> None:
        def act() -> None:
            self.journal.note(HANDED, clearance.flow, clearance.wire_id)
            self.inner.send(order, endpoint, clearance, deadline)

        def leave() -> None:
            self.journal.note(HANDED, clearance.flow, clearance.wire_id)
            self.journal.note(ON_THE_WIRE, order, endpoint, clearance)

        self.fuse.passing(SEND, "send", act, leave)


def deadly(pipeline: Pipeline, fuse: Fuse, journal: Journal) -> Pipeline:
    """The same pipeline with a fuse in everything that it hands over to."""
    return replace(
        pipeline,
        channels={name: DeadlyChannel(each, fuse, journal) for name, each in pipeline.channels.items()},
        registers={name: DeadlyRegister(each, fuse, journal) for name, each in pipeline.registers.items()},
        dispatchers={name: DeadlyDispatcher(each, fuse, journal) for name, each in pipeline.dispatchers.items()},
    )
