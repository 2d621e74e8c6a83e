"""How the log stands, and whether it stands well enough for data to leave the house.

Counts and ages only. Whether it is untouched says ``flowlog.verifying.whole``.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, func, literal, select, text
from sqlmodel import Session

from proaktiv.core.errors import NotSafe
from proaktiv.core.flows import Kind
from proaktiv.tables import (
    CheckpointRow,
    ContradictionRow,
    CosignatureRow,
    FlowLogRow,
    FlowQueueRow,
    LogHeadRow,
    TimeStampRow,
    WitnessAnswerRow,
    core_table,
)

_LOG = core_table(FlowLogRow)
_QUEUE = core_table(FlowQueueRow)
_HEAD = core_table(LogHeadRow)
_CHECKPOINTS = core_table(CheckpointRow)
_COSIGNATURES = core_table(CosignatureRow)
_STAMPS = core_table(TimeStampRow)
_ANSWERS = core_table(WitnessAnswerRow)
_CONTRADICTIONS = core_table(ContradictionRow)
_LABELS = {int(kind): kind.label for kind in Kind}

# What was taken away must not make the log look current: a place behind the last signature counts without its row, then
# since that signature; a signature over more than there is counts since ever. Each is looked up by its primary key.
_WAITS = text(
    """
    SELECT
        (SELECT ts FROM flow_queue ORDER BY qid LIMIT 1) AS no_place,
        CASE WHEN h.size > s.size OR l.idx IS NOT NULL THEN coalesce(g.t, c.published_at, to_timestamp(0)) END
            AS not_signed,
        CASE WHEN coalesce(h.size, -1) < s.size THEN to_timestamp(0) END AS too_short,
        l.fid, s.size AS idx
    FROM (SELECT coalesce(max(size), 0) AS size FROM checkpoint) s
        LEFT JOIN log_head h ON h.id = 1
        LEFT JOIN flow_leaf l ON l.idx = s.size
        LEFT JOIN flow_log g ON g.fid = l.fid
        LEFT JOIN checkpoint c ON c.size = s.size
    """
)
_SAYS = {
    "no_place": "an entry has no place in the log since {} s",
    "not_signed": "an entry is not signed since {} s",
    "too_short": "a checkpoint is over more entries than there are",
}


class LogBehind(NotSafe):
    """The log does not keep up, is not signed any more or lacks what was signed: nothing may leave the house.

    ``code``: ``no_place``, ``not_signed`` or ``too_short``; ``seconds``: since when.
    """

    def __init__(self, code: str, seconds: int) -> None:
        super().__init__(_SAYS[code].format(seconds))
        self.code = code
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class Asked:
    """How the last request to a witness, or to the time stamp authority, ended (``attesting.Outcome``).

    ``contradicts`` since it first said so, as long as it did not cosign again.
    """

    outcome: str
    size: int
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Status:
    """One look at the log. Ages are seconds, None where there is nothing to be old."""

    size: int
    queued: int
    signed: int
    oldest_queued_seconds: float | None
    last_checkpoint_seconds: float | None
    kinds: Mapping[str, int]
    cosigned: int = 0
    """The largest size that any witness cosigned."""
    stamped: int = 0
    last_stamp_seconds: float | None = None
    asked: Mapping[str, Asked] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON data."""
        return {
            "size": self.size,
            "queued": self.queued,
            "signed": self.signed,
            "oldest_queued_seconds": self.oldest_queued_seconds,
            "last_checkpoint_seconds": self.last_checkpoint_seconds,
            "cosigned": self.cosigned,
            "stamped": self.stamped,
            "last_stamp_seconds": self.last_stamp_seconds,
            "asked": {name: asdict(each) for name, each in self.asked.items()},
            "kinds": dict(self.kinds),
        }


def status(session: Session, now: datetime | None = None, *, count_kinds: bool = True) -> Status:
    """Return how the log stands. Ages are measured against ``now``, by default the database's clock.

    Counting the kinds reads every entry; without it the answer takes the same time however long the log is.
    """
    connection = session.connection()
    if now is None:
        now = connection.execute(select(func.clock_timestamp())).scalar_one()
    size: int = connection.execute(select(_HEAD.c.size).where(_HEAD.c.id == 1)).scalar_one()
    queued, oldest = connection.execute(select(func.count(), func.min(_QUEUE.c.ts)).select_from(_QUEUE)).one()
    newest = connection.execute(
        select(_CHECKPOINTS.c.size, _CHECKPOINTS.c.published_at).order_by(_CHECKPOINTS.c.size.desc()).limit(1)
    ).one_or_none()
    stamped = connection.execute(
        select(func.max(_STAMPS.c.size).label("size"), func.max(_STAMPS.c.at).label("at"))
    ).one()
    kinds: dict[str, int] = {}
    if count_kinds:
        counts = connection.execute(select(_LOG.c.kind, func.count()).group_by(_LOG.c.kind).order_by(_LOG.c.kind))
        kinds = {_label(kind): count for kind, count in counts}
    return Status(
        size=size,
        queued=queued,
        signed=newest.size if newest else 0,
        oldest_queued_seconds=_age(now, oldest),
        last_checkpoint_seconds=_age(now, newest.published_at if newest else None),
        kinds=kinds,
        cosigned=connection.execute(select(func.coalesce(func.max(_COSIGNATURES.c.size), 0))).scalar_one(),
        stamped=stamped.size or 0,
        last_stamp_seconds=_age(now, stamped.at),
        asked=_asked(connection, now),
    )


def _asked(connection: Connection, now: datetime) -> dict[str, Asked]:
    answers = select(_ANSWERS.c.witness, _ANSWERS.c.outcome, _ANSWERS.c.size, _ANSWERS.c.at)
    there = _CONTRADICTIONS.c
    still = select(there.witness, literal("contradicts"), there.size, there.at).where(there.settled_at.is_(None))
    rows = [*connection.execute(answers.order_by(_ANSWERS.c.witness)), *connection.execute(still)]
    return {witness: Asked(outcome, size, _age(now, at)) for witness, outcome, size, at in rows}


def waits(connection: Connection) -> Row[Any]:
    """Return since when entries wait for their place (``no_place``), for a signature (``not_signed``), or are lacking.

    ``fid`` and ``idx`` are of the first without a signature; ``fid`` is None where the database holds none there.
    """
    # One statement: this is asked before each set that leaves the house.
    return connection.execute(_WAITS).one()


def waiting(session: Session) -> tuple[tuple[datetime, str], ...]:
    """Return since when the oldest entry waits for its place and the oldest one for a signature, as far as one does."""
    found = waits(session.connection())
    return tuple((since, code) for code in _SAYS if (since := getattr(found, code)) is not None)


def late(waits: Iterable[tuple[datetime, str]], now: datetime, limit: timedelta) -> LogBehind | None:
    """Return which of ``waiting`` waits longer than ``limit``; None where none does."""
    for since, code in waits:
        if now - since > limit:
            return LogBehind(code, int((now - since).total_seconds()))
    return None


def require_current(session: Session, now: datetime, limit: timedelta) -> None:
    """Raise ``LogBehind`` if an entry waits longer than ``limit`` for its place or for a signature over it.

    Whoever is about to hand data out asks this first (fail closed). ``now`` is the clock that the entries carry.
    """
    if behind := late(waiting(session), now, limit):
        raise behind


def _age(now: datetime, then: datetime | None) -> float | None:
    # A simulated city's entries are of the law's clock, which runs ahead of the machine's.
    return None if then is None else max(0.0, round((now - then).total_seconds(), 3))


def _label(kind: int) -> str:
    return _LABELS.get(kind, f"unknown {kind}")
