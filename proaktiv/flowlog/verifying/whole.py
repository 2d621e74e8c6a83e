"""Recompute the whole log from the database: every entry, the tree over them, every signature.

Streams: memory does not grow with the log. Runs beside writers and sequencer; judges what was there when it began.
The key to trust is the caller's and never comes from the log. What nobody can see from inside, a rewritten log under
a stolen key, is left to checkpoints kept elsewhere.
Source: flowlog.md §§ 2, 8.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, or_, select
from sqlmodel import Session

from proaktiv.bars import tell_nobody
from proaktiv.core.merkle import EMPTY_ROOT, halfway_of, leaf_hash
from proaktiv.flowlog import rows
from proaktiv.flowlog.checkpoints import Checkpoint
from proaktiv.flowlog.tiles import StoredTree
from proaktiv.flowlog.verifying.checks import Opener, RowCheck
from proaktiv.flowlog.verifying.judging import Judge
from proaktiv.flowlog.verifying.policy import COSIGNED_WITHIN, Policy, PolicyError
from proaktiv.flowlog.verifying.report import FINDINGS_MAX, Finding, Report, Sealed, What
from proaktiv.flowlog.vouching import attested
from proaktiv.flowlog.vouching.timestamps import Stamper
from proaktiv.sets import among
from proaktiv.tables import (
    CheckpointRow,
    FlowLeafRow,
    FlowLogRow,
    FlowQueueRow,
    FlowSecretRow,
    LogHeadRow,
    SubjectHeadRow,
    TileRow,
    core_table,
)

_LOG = core_table(FlowLogRow)
_SECRET = core_table(FlowSecretRow)
_LEAF = core_table(FlowLeafRow)
_QUEUE = core_table(FlowQueueRow)
_HEAD = core_table(LogHeadRow)
_CHECKPOINTS = core_table(CheckpointRow)
_SUBJECTS = core_table(SubjectHeadRow)
_TILES = core_table(TileRow)
_SET = 2_000
"""Entries whose keys are read together, persons who are asked for together."""


def verify_database(
    session: Session,
    trusted: str | Policy,
    *,
    opener: Opener | None = None,
    kept: Checkpoint | None = None,
    now: datetime | None = None,
    stamper: Stamper | None = None,
    tell: Callable[[int], None] = tell_nobody,
) -> Report:
    """Check the stored log and return what was found; nothing is written.

    ``trusted`` is the log's key as the DSB noted it, or their whole policy; then ``now`` is when its quorum is asked
    for: of all but the entries of the last ten minutes, without ``now`` of all. Time stamps are checked against
    ``stamper``, without one they are passed over. With an ``opener`` the parts S and A that it can open are checked
    too, the numbers of each person, and what erasures took against what they name. ``kept`` is a checkpoint that the
    log must begin with. Raises ``NoteError`` for a malformed key, ``PolicyError`` where ``now`` is missing.
    """
    policy = Policy.of(trusted)
    if policy.max_age is not None and now is None:
        raise PolicyError("the policy asks how old a cosignature is, and nobody says what time it is")
    check = RowCheck(opener)
    policy = attested.of_this_log(session.connection(), policy)
    judge = Judge(policy, StoredTree(session).load, check, kept=kept, now=now, tell=tell)
    if stamper is not None:
        judge.stamped = attested.stamps(session.connection(), policy, stamper, judge.find)
    report = replace(_Run(session, judge, check, now).report(), since=kept.size if kept else None)
    return report if stamper is None else replace(report, stamped=max(judge.stamped, default=0))


class _Run:
    """One verification."""

    def __init__(self, session: Session, judge: Judge, check: RowCheck, now: datetime | None) -> None:
        self._connection = session.connection()
        self._judge = judge
        self._check = check
        self._now = now
        self._find = judge.find

    def report(self) -> Report:
        # In this order, because the log may grow meanwhile: a head is never smaller than an earlier checkpoint.
        newest = self._connection.execute(select(func.coalesce(func.max(_CHECKPOINTS.c.size), 0))).scalar_one()
        head = self._connection.execute(select(_HEAD.c.size, _HEAD.c.root).where(_HEAD.c.id == 1)).one_or_none()
        size, root = (head.size, bytes(head.root)) if head is not None else (0, EMPTY_ROOT)
        if head is None:
            self._find(Finding(What.HEAD, "log_head has no row"))
        entries = self._prepared(rows.entries(self._connection, size))
        self._judge.walk(size, entries, rows.notes(self._connection, newest))
        self._judge.settle(Finding(What.HEAD, f"the root of {size} entries is not that of the tree"), root)
        self._halfway()
        self._strays()
        pending = self._pending()
        self._judge.unexcused()
        for finding in self._check.unexcused(self._placed):
            self._find(finding)
        self._last_numbers()
        judge = self._judge
        cosigned = judge.quorum_of(self._least(newest))
        return Report(
            size,
            root,
            pending,
            judge.checkpoints,
            tuple(judge.findings),
            judge.truncated,
            cosigned=cosigned,
            sealed=self._sealed(),
        )

    def _prepared(self, stored: Iterator[Row[Any]]) -> Iterator[Row[Any]]:
        """Yield the rows, and let the opener read the keys of a set of them together."""
        opener = self._check.opener
        if opener is None:
            yield from stored
            return
        while part := list(islice(stored, _SET)):
            opener.prepare({bytes(row.subj) for row in part if row.subj is not None})
            yield from part

    def _sealed(self) -> Sealed:
        check = self._check
        opener = check.opener
        return Sealed(
            staff=opener is not None and opener.opens_staff,
            subjects=opener is not None and opener.opens_subjects,
            opened=dict(check.opened),
            closed=dict(check.closed),
        )

    def _placed(self, fids: Collection[UUID]) -> dict[UUID, int]:
        """Return the places of entries that had none when an erasure named them."""
        found: dict[UUID, int] = {}
        wanted = iter(fids)
        while part := list(islice(wanted, _SET)):
            query = select(_LEAF.c.fid, _LEAF.c.idx).where(among(_LEAF.c.fid, part))
            found.update((row.fid, row.idx) for row in self._connection.execute(query))
        return found

    def _least(self, newest: int) -> int:
        """Return how many entries must have the policy's quorum: all that are signed, but those of the last minutes.

        By the entries' own times too: when a checkpoint was signed the house may write as it likes.
        """
        if self._now is None or newest == 0:
            return newest
        due = func.coalesce(func.max(_CHECKPOINTS.c.size), 0)
        published = select(due).where(_CHECKPOINTS.c.published_at <= self._now - COSIGNED_WITHIN)
        least: int = max(1, self._connection.execute(published).scalar_one(), self._judge.aged)
        return min(least, newest)

    # beside the tree --------------------------------------------------------------------------------------------------

    def _halfway(self) -> None:
        """Find full tiles beside which other hashes are kept than theirs: proofs are made of these.

        Of a tile that is wrong itself this says nothing more.
        """
        wrong = [each.detail for each in self._judge.findings if each.what is What.TILE]
        query = select(_TILES.c.level, _TILES.c.n, _TILES.c.data, _TILES.c.halfway).where(_TILES.c.halfway.is_not(None))
        for row in rows.stream(self._connection, query.order_by(_TILES.c.level, _TILES.c.n)):
            tile = f"tile {row.level}/{row.n}"
            if halfway_of(bytes(row.data)) != bytes(row.halfway) and not any(f"{tile} " in each for each in wrong):
                self._find(Finding(What.TILE, f"what is kept halfway up {tile} is not of it"))

    def _strays(self) -> None:
        """Find rows that are in no tree and in no queue, and places beyond the tree; each in one snapshot."""
        placed = select(_LEAF.c.fid).where(_LEAF.c.fid == _LOG.c.fid).exists()
        queued = select(_QUEUE.c.fid).where(_QUEUE.c.fid == _LOG.c.fid).exists()
        lost = select(_LOG.c.fid).where(~placed, ~queued).limit(FINDINGS_MAX)
        for fid in self._connection.execute(lost).scalars():
            self._find(Finding(What.ROW, "is neither in the log nor queued for it", None, fid))
        beyond = select(_LEAF.c.idx, _LEAF.c.fid).where(
            or_(_LEAF.c.idx < 0, _LEAF.c.idx >= select(_HEAD.c.size).where(_HEAD.c.id == 1).scalar_subquery())
        )
        for idx, fid in self._connection.execute(beyond.limit(FINDINGS_MAX)):
            self._find(Finding(What.INDEX, "lies beyond the log", idx, fid))

    def _pending(self) -> int:
        """Check what is queued like what is placed; return how much that is."""
        query = (
            select(*rows.PARTS, _QUEUE.c.fid.label("queue_fid"), _QUEUE.c.leaf)
            .select_from(_QUEUE)
            .outerjoin(_LOG, _LOG.c.fid == _QUEUE.c.fid)
            .outerjoin(_SECRET, _SECRET.c.fid == _QUEUE.c.fid)
            .order_by(_QUEUE.c.qid)
        )
        pending = 0
        for row in self._prepared(rows.stream(self._connection, query)):
            pending += 1
            if row.fid is None:
                self._find(Finding(What.ROW, "the row of a queued entry is missing", None, row.queue_fid))
                continue
            for problem in self._check.findings(row, None, erased=False):
                self._find(problem)
            if leaf_hash(bytes(row.entry)) != row.leaf:
                self._find(Finding(What.QUEUE, "the queued hash is not that of the entry", None, row.fid))
        return pending

    def _last_numbers(self) -> None:
        """Compare the last number seen of each opened person with the last one given."""
        seen = self._check.numbers
        wanted = iter(seen)
        while part := list(islice(wanted, _SET)):
            query = select(_SUBJECTS.c.subj, _SUBJECTS.c.seq, _SUBJECTS.c.pruned)
            given = {row.subj: row for row in self._connection.execute(query.where(among(_SUBJECTS.c.subj, part)))}
            for subj in part:
                last, head = seen[subj], given.get(subj)
                # Retention takes entries by their purpose: the newest of a person may go before an older one.
                if head is None or not 0 <= head.seq - last <= head.pruned:
                    number = None if head is None else head.seq
                    self._find(Finding(What.SEQUENCE, f"number {number} was given last, {last} is the last found"))
