"""Receivers that look behind the house's back: each hand-over must rest on a log entry that is committed by then."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from sqlalchemy import text

from notifiers.folder import FolderChannel
from notifiers.model import Clearance, DeadlineLike, DeliveryReceipt, Rendered
from proaktiv.core.errors import AlreadyDone, OutcomeUnknown, Permanent, Temporary, Unavailable
from proaktiv.core.flows import Kind
from proaktiv.database import Database
from proaktiv.dispatchers.model import Auftrag

_AUTHORISED = text("SELECT kind FROM flow_log WHERE fid = :fid")


@dataclass
class Ledger:
    """What came, in order, and what must not have come."""

    database: Database
    wrong: list[str] = field(default_factory=list)

    def see(self, what: str, clearance: Clearance) -> None:
        """Note a hand-over whose authorisation nobody else can read yet."""
        with self.database.transaction() as session:
            kind = session.connection().execute(_AUTHORISED, {"fid": clearance.flow}).scalar_one_or_none()
        if kind != int(Kind.AUTHORISED):
            self.wrong.append(f"{what} {clearance.wire_id} left without a committed authorisation")


@dataclass
class WatchfulBehoerde:
    """Takes each wire id once. ``moods`` are what it does with the next hand-overs: see ``MOODS``."""

    ledger: Ledger
    name: str = "webhook"
    idempotent: bool = True
    orders: dict[UUID, Auftrag] = field(default_factory=dict)
    repeats: int = 0
    moods: list[str] = field(default_factory=list)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def send(self, order: Auftrag, endpoint: str, clearance: Clearance, deadline: object) -> None:
        """Take an order, or do what the mood says."""
        self.ledger.see("Auftrag", clearance)
        with self._guard:
            mood = self.moods.pop() if self.moods else "well"
            before, after = MOODS[mood]
            if before is not None:
                raise before("as the rig wants it")
            wire = UUID(clearance.wire_id)
            if wire in self.orders:
                self.repeats += 1
                if self.orders[wire].reference != order.reference:
                    self.ledger.wrong.append(f"wire id {wire} bears two Aufträge")
                raise AlreadyDone("known")
            self.orders[wire] = order
        if after is not None:
            raise after("as the rig wants it")


MOODS: dict[str, tuple[Callable[[str], Exception] | None, Callable[[str], Exception] | None]] = {
    "well": (None, None),
    "away": (Unavailable, None),
    "busy": (Temporary, None),
    "refusing": (Permanent, None),
    "silent after taking": (None, OutcomeUnknown),
    "silent before taking": (OutcomeUnknown, None),
}
"""What is raised before and after the order is taken."""


class WatchfulPost(FolderChannel):
    """The folder's letters, with a note of each that came."""

    def __init__(self, folder: Path, ledger: Ledger) -> None:
        super().__init__(folder)
        self.ledger = ledger
        self.posted: list[UUID] = []

    def hand_over(self, rendered: Rendered, clearance: Clearance, deadline: DeadlineLike) -> DeliveryReceipt:
        """Put the letter into the folder."""
        self.ledger.see("letter", clearance)
        self.posted.append(UUID(clearance.wire_id))
        return super().hand_over(rendered, clearance, deadline)
