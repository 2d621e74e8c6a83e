"""The one process that gives entries their place in the tree, signs it, and asks others to vouch for it.

Three parts of its work, each ticking by itself: what waits for a witness or an authority never holds the signing up.
Left to others: the tree (``flowlog.sequencer``), the memory (``flowlog.signer``), asking
(``flowlog.vouching.attesting``).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from proaktiv.core.errors import NotSafe
from proaktiv.database import Database
from proaktiv.egress import Deadline, Egress
from proaktiv.flowlog.sequencer import integrate
from proaktiv.flowlog.signer import Signer
from proaktiv.flowlog.vouching import attesting
from proaktiv.flowlog.vouching.attesting import FarWitness, Outcome
from proaktiv.flowlog.vouching.timestamps import Stamper
from proaktiv.locks import SessionLock

ANOTHER = "another signing worker holds the lock; exactly one may run: end that one first"
_ALARMS = frozenset({"contradicts", "wrong", "blocked"})

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class StampService:
    """Where time stamps come from, whom to believe there, and how often one is fetched."""

    url: str
    stamper: Stamper
    every: timedelta


@dataclass(frozen=True, slots=True)
class Asking:
    """Whom to ask, and how. ``seconds`` is how long one question may take."""

    egress: Egress
    monotonic: Callable[[], float]
    seconds: float
    witnesses: tuple[FarWitness, ...] = ()
    stamps: StampService | None = None

    def deadline(self) -> Deadline:
        """Return the time that one question has from now on."""
        return Deadline(self.seconds, self.monotonic)


@dataclass(frozen=True, slots=True)
class SigningWorker:
    """One process with the signing key. ``clock`` is the real time; without ``asking`` nobody is asked."""

    database: Database
    signer: Signer
    lock: SessionLock
    clock: Callable[[], datetime]
    asking: Asking | None = None

    def parts(self) -> dict[str, Callable[[], int]]:
        """Return what is to tick, each by itself: what nobody set up does not."""
        asking = self.asking
        return {
            "sign": self.integrate,
            **({"witness": self.ask_witnesses} if asking and asking.witnesses else {}),
            **({"stamp": self.fetch_stamp} if asking and asking.stamps else {}),
        }

    def integrate(self) -> int:
        """Take what is queued into the tree, then sign. Returns how many entries were taken.

        Raises ``NotSafe`` where the lock was lost, by a failover or a dead line, and somebody else has it.
        """
        if not self.lock.ours():
            raise NotSafe(ANOTHER)
        with self.database.transaction() as session:
            taken = integrate(session)
        with self.database.transaction() as session:
            self.signer.sign(session, self.clock())
        return taken

    def ask_witnesses(self) -> int:
        """Ask every witness that has not cosigned the newest checkpoint. Returns 0: the next tick asks again."""
        asking = self.asking
        if asking is None or not asking.witnesses:
            return 0
        with self.database.transaction() as session:
            due = attesting.questions(session, asking.witnesses, self.clock())
        for question in due:
            outcome = attesting.ask_witness(question, asking.egress, asking.deadline())
            self._store(question.witness.key.name, outcome)
        return 0

    def fetch_stamp(self) -> int:
        """Have the newest checkpoint stamped when it is time. Returns 0: the next tick looks again."""
        asking = self.asking
        if asking is None or asking.stamps is None:
            return 0
        service = asking.stamps
        with self.database.transaction() as session:
            due = attesting.to_stamp(session, self.clock(), service.every, cosigned=bool(asking.witnesses))
        if due is not None:
            size, note = due
            outcome = attesting.ask_stamp(size, note, service.url, service.stamper, asking.egress, asking.deadline())
            self._store(attesting.STAMPS, outcome)
        return 0

    def _store(self, name: str, outcome: Outcome) -> None:
        with self.database.transaction() as session:
            attesting.store(session, name, outcome, self.clock())
        if outcome.word in _ALARMS:
            _log.error("witness.contradicted", witness=name, outcome=outcome.word, size=outcome.size)
        elif outcome.word in {"refused", "away"}:
            _log.warning("witness.failed", witness=name, outcome=outcome.word)
