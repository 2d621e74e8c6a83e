"""How the log stands, and whether it stands well enough for data to leave the house.

Counts and ages only. Whether it is untouched says ``flowlog.verifying.whole``.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlmodel import Session

from proaktiv.core.errors import NotSafe
from proaktiv.core.flows import Kind
from proaktiv.tables import (
    CheckpointRow,
    CosignatureRow,
    FlowLeafRow,
    FlowLogRow,
    FlowQueueRow,
    LogHeadRow,
    TimeStampRow,
    WitnessAnswerRow,
    core_table,
)

_LOG = core_table(FlowLogRow)
_LEAF = core_table(FlowLeafRow)
_QUEUE = core_table(FlowQueueRow)
_HEAD = core_table(LogHeadRow)
_CHECKPOINTS = core_table(CheckpointRow)
_COSIGNATURES = core_table(CosignatureRow)
_STAMPS = core_table(TimeStampRow)
_ANSWERS = core_table(WitnessAnswerRow)
_LABELS = {int(kind): kind.label for kind in Kind}


_LACKS = {"no_place": "has no place in the log", "not_signed": "is not signed"}


class LogBehind(NotSafe):
    """The log does not keep up or is not signed any more: nothing may leave the house.

    ``code``: ``no_place`` or ``not_signed``; ``seconds``: since when.
    """

    def __init__(self, code: str, seconds: int) -> None:
        super().__init__(f"an entry {_LACKS[code]} since {seconds} s")
        self.code = code
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class Asked:
    """How the last request to a witness, or to the time stamp authority, ended (``attesting.Outcome``)."""

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
        asked={
            row.witness: Asked(row.outcome, row.size, _age(now, row.at))
            for row in connection.execute(select(_ANSWERS).order_by(_ANSWERS.c.witness))
        },
    )


def waiting(session: Session) -> tuple[tuple[datetime, str], ...]:
    """Return since when the oldest entry waits for its place and the oldest one for a signature, as far as one does."""
    signed = select(func.coalesce(func.max(_CHECKPOINTS.c.size), 0)).scalar_subquery()
    unsigned = select(_LOG.c.t).join(_LEAF, _LEAF.c.fid == _LOG.c.fid).where(_LEAF.c.idx == signed)
    queued = select(_QUEUE.c.ts).order_by(_QUEUE.c.qid).limit(1)
    # One statement: this is asked before each set that leaves the house.
    found = session.connection().execute(select(queued.scalar_subquery(), unsigned.scalar_subquery())).one()
    return tuple(
        (since, code) for since, code in zip(found, ("no_place", "not_signed"), strict=True) if since is not None
    )


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
