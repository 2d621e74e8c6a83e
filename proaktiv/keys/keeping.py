"""The keeper: rotates KEKs, makes key backups and brings keys back, as database role ``keeper``. Each act is logged.

Left to others: the rows (``keys.rotation``, ``keys.restoring``), the file (``keys.backups``), destroying
(``keys.erasing``).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from proaktiv.bars import Tell, tell_nobody
from proaktiv.core.errors import BadInput
from proaktiv.database import Database
from proaktiv.flowlog.record import FlowLog
from proaktiv.house import Probe, no_probe
from proaktiv.keys import rotation
from proaktiv.keys.backups import read_backup, write_backup
from proaktiv.keys.destroyed import read_list
from proaktiv.keys.events import key_event, listed_in_log
from proaktiv.keys.restoring import Restored, refuse_foreign, restore
from proaktiv.vault import Compartment, Vault


@dataclass(frozen=True, slots=True)
class Rotated:
    """What a rotation did. ``left`` keys are not under the present KEK; ``closed`` ones no KEK held here opens."""

    compartment: Compartment
    kek: str
    done: int
    left: int
    closed: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class Keeper:
    """One process's share of the installation, with all KEKs. ``clock`` is the real time."""

    database: Database
    vault: Vault
    log: FlowLog
    controller: str
    clock: Callable[[], datetime]
    probe: Probe = no_probe

    def shares(self) -> list[rotation.Share]:
        """Return under which KEK how many keys are."""
        with self.database.transaction() as session:
            return list(rotation.shares(session, self.vault))

    def left(self, compartment: Compartment) -> int:
        """Return how many keys of a compartment are not under the present KEK."""
        with self.database.transaction() as session:
            return rotation.left(session, self.vault, compartment)

    def rotate(
        self, compartment: Compartment, by: str, tell: Tell = tell_nobody, batch: int = rotation.BATCH
    ) -> Rotated:
        """Bring every key of a compartment under its present KEK; again after whatever ended it goes on from there.

        ``by`` stands in the staff part of the log. ``tell`` hears how many are done. Raises ``BadInput``.
        """
        _named(by)
        kek = self.vault.wrapper(compartment).present.name
        total, closed = 0, dict[UUID, None]()
        waiting = self.left(compartment)
        if waiting:
            self._note("rotation.begun", by, scope=kek, outcome="begun", n=waiting)
            self.probe("rotate.begun")
        while waiting:  # who was enrolled behind us meanwhile is found in another pass
            waiting, after = 0, None
            while True:
                with self.database.transaction() as session:
                    found = rotation.rewrap(session, self.vault, compartment, after, batch, self.probe)
                self.probe("rotate.committed")
                if found.last is None:
                    break
                waiting, after = waiting + found.done, found.last
                closed.update(dict.fromkeys(found.closed))
                tell(total + waiting)
            total += waiting
        remaining = self.left(compartment)
        if total:
            self._note("rotation.ended", by, scope=kek, outcome="left" if remaining else "ended", n=total)
        return Rotated(compartment, kek, total, remaining, tuple(closed))

    def backup(self, path: Path, by: str, days: int, tell: Tell = tell_nobody) -> int:
        """Write a key backup that is good for ``days`` (1 to 30). Returns how many keys. Raises ``BadInput``."""
        _named(by)
        now = self.clock()
        with self.database.transaction() as session:
            rows = write_backup(session, self.vault, path, self.controller, now, days, tell)
        self._note("backup.made", by, outcome=f"days {days}", n=rows)
        return rows

    def restore(self, path: Path, destroyed: Path, by: str, tell: Tell = tell_nobody) -> Restored:
        """Bring back what the database lost. Raises ``BadInput``, ``NotHeld``, ``ListNotSafe``: nothing changed."""
        _named(by)
        now = self.clock()
        head, rows = read_backup(self.vault, path)
        refuse_foreign(head, self.controller, now)
        gone = read_list(self.vault, self.controller, destroyed)
        with self.database.transaction() as session:
            gone.check(session, listed_in_log(session))
            done = restore(session, self.vault, rows, gone, now, tell)
            flow = key_event(self.controller, "backup.restored", by, outcome="restored", n=done.brought_back)
            self.log.record(session, [flow], now)
        return done

    def _note(self, action: str, by: str, *, scope: str = "", outcome: str = "", n: int = 0) -> None:
        flow = key_event(self.controller, action, by, scope=scope, outcome=outcome, n=n)
        with self.database.transaction() as session:
            self.log.record(session, [flow], self.clock())


def _named(by: str) -> None:
    if not by.strip():
        raise BadInput("--by", "must name who does it; it stands in the part of the log that only the DSB reads")
