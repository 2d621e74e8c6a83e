"""Recompute the whole log from the database: every entry, the tree over them, every signature.

Streams: memory does not grow with the log. Runs beside writers and sequencer; judges what was there when it began.
The key to trust is the caller's and never comes from the log. What nobody can see from inside, a rewritten log under
a stolen key, is left to checkpoints kept elsewhere.
Source: flowlog.md §§ 2, 8.
"""

from collections.abc import Collection, Iterator
from typing import Any

from sqlalchemy import Row, Select, func, or_, select
from sqlmodel import Session

from proaktiv.core.merkle import EMPTY_ROOT, leaf_hash
from proaktiv.flowlog.checkpoints import NoteError, Vkey, open_checkpoint
from proaktiv.flowlog.checks import Opener, RowCheck
from proaktiv.flowlog.report import FINDINGS_MAX, Finding, Report, What
from proaktiv.flowlog.tiles import StoredTree
from proaktiv.flowlog.twins import TwinTrees
from proaktiv.tables import (
    CheckpointRow,
    FlowLeafRow,
    FlowLogRow,
    FlowQueueRow,
    FlowSecretRow,
    LogHeadRow,
    SubjectHeadRow,
    core_table,
)

__all__ = ["Finding", "Report", "verify_database"]

_LOG = core_table(FlowLogRow)
_SECRET = core_table(FlowSecretRow)
_LEAF = core_table(FlowLeafRow)
_QUEUE = core_table(FlowQueueRow)
_HEAD = core_table(LogHeadRow)
_CHECKPOINTS = core_table(CheckpointRow)
_SUBJECTS = core_table(SubjectHeadRow)
_BATCH = 2_000

# Not as ``t``: a row of SQLAlchemy has an attribute of that name.
_PARTS = (
    *(column for column in _LOG.c if column.name != "t"),
    _LOG.c.t.label("recorded_at"),
    _SECRET.c.fid.label("secret_fid"),
    _SECRET.c.subj,
    _SECRET.c.s_blob,
    _SECRET.c.a_blob,
    _SECRET.c.staff_key,
)


def verify_database(
    session: Session, vkey: str, *, opener: Opener | None = None, erased: Collection[int] = frozenset()
) -> Report:
    """Check the stored log and return what was found; nothing is written.

    ``vkey`` is the log's key as the DSB noted it. With an ``opener`` the parts S and A that it can open are checked
    too, and the numbers of each person. ``erased`` are indexes whose parts may be missing. Raises ``NoteError`` for a
    malformed ``vkey``.
    """
    Vkey.parse(vkey)
    return _Run(session, vkey, RowCheck(opener), erased).report()


class _Run:
    """One verification."""

    def __init__(self, session: Session, vkey: str, check: RowCheck, erased: Collection[int]) -> None:
        self._connection = session.connection()
        self._vkey = vkey
        self._check = check
        self._erased = erased
        self._findings: list[Finding] = []
        self._truncated = False
        self._trees = TwinTrees(StoredTree(session).load, self._find)

    def report(self) -> Report:
        # In this order, because the log may grow meanwhile: a head is never smaller than an earlier checkpoint.
        newest = self._connection.execute(select(func.coalesce(func.max(_CHECKPOINTS.c.size), 0))).scalar_one()
        head = self._connection.execute(select(_HEAD.c.size, _HEAD.c.root).where(_HEAD.c.id == 1)).one_or_none()
        size, root = (head.size, bytes(head.root)) if head is not None else (0, EMPTY_ROOT)
        if head is None:
            self._find(Finding(What.HEAD, "log_head has no row"))
        checkpoints = self._grow(size, newest)
        self._trees.judge(Finding(What.HEAD, f"the root of {size} entries is not that of the tree"), root)
        self._trees.settle()
        self._strays()
        pending = self._pending()
        self._last_numbers()
        return Report(size, root, pending, checkpoints, tuple(self._findings), self._truncated)

    def _find(self, finding: Finding) -> None:
        if len(self._findings) < FINDINGS_MAX:
            self._findings.append(finding)
        else:
            self._truncated = True

    # the tree ---------------------------------------------------------------------------------------------------------

    def _grow(self, size: int, newest: int) -> int:
        """Go through entries and checkpoints in order of the log; return how many checkpoints there are."""
        checkpoints = 0
        notes = self._notes(newest)
        due = next(notes, None)
        rows = self._entries(size)
        row = next(rows, None)
        for index in range(size):
            while due is not None and due.size <= index:
                checkpoints += self._checkpoint(due)
                due = next(notes, None)
            while row is not None and row.idx < index:
                self._find(Finding(What.INDEX, "is below the first entry", row.idx, row.leaf_fid))
                row = next(rows, None)
            if row is not None and row.idx == index:
                self._leaf(index, row)
                row = next(rows, None)
            else:
                self._find(Finding(What.INDEX, "no entry has this place", index))
                self._trees.append(index, None, None, [])
        while due is not None:
            if due.size > size:
                self._find(Finding(What.CHECKPOINT, f"{due.size} entries were signed, the log holds {size}"))
            else:
                checkpoints += self._checkpoint(due)
            due = next(notes, None)
        return checkpoints

    def _leaf(self, index: int, row: Row[Any]) -> None:
        if row.fid is None:
            self._find(Finding(What.ROW, "the row is missing", index, row.leaf_fid))
            self._trees.append(index, None, row.leaf_fid, [])
            return
        problems = list(self._check.findings(row, index, erased=index in self._erased))
        self._trees.append(index, leaf_hash(bytes(row.entry)), row.fid, problems)

    # signatures -------------------------------------------------------------------------------------------------------

    def _checkpoint(self, row: Row[Any]) -> int:
        try:
            said = open_checkpoint(row.note, self._vkey)
        except NoteError as error:
            self._find(Finding(What.CHECKPOINT, f"of {row.size} entries: {error}"))
            return 1
        if said.size != row.size:
            self._find(Finding(What.CHECKPOINT, f"of {row.size} entries speaks of {said.size}"))
            return 1
        self._trees.judge(Finding(What.CHECKPOINT, f"of {row.size} entries: the log is not what was signed"), said.root)
        return 1

    # beside the tree --------------------------------------------------------------------------------------------------

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
            select(*_PARTS, _QUEUE.c.fid.label("queue_fid"), _QUEUE.c.leaf)
            .select_from(_QUEUE)
            .outerjoin(_LOG, _LOG.c.fid == _QUEUE.c.fid)
            .outerjoin(_SECRET, _SECRET.c.fid == _QUEUE.c.fid)
            .order_by(_QUEUE.c.qid)
        )
        pending = 0
        for row in self._stream(query):
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
        if not seen:
            return
        query = select(_SUBJECTS.c.subj, _SUBJECTS.c.seq).where(_SUBJECTS.c.subj.in_(seen))
        given = dict(self._connection.execute(query).all())
        for subj, last in seen.items():
            if given.get(subj) != last:
                self._find(Finding(What.SEQUENCE, f"number {given.get(subj)} was given last, {last} is the last found"))

    # reading ----------------------------------------------------------------------------------------------------------

    def _entries(self, size: int) -> Iterator[Row[Any]]:
        return self._stream(
            select(_LEAF.c.idx, _LEAF.c.fid.label("leaf_fid"), *_PARTS)
            .select_from(_LEAF)
            .outerjoin(_LOG, _LOG.c.fid == _LEAF.c.fid)
            .outerjoin(_SECRET, _SECRET.c.fid == _LEAF.c.fid)
            .where(_LEAF.c.idx >= 0, _LEAF.c.idx < size)
            .order_by(_LEAF.c.idx)
        )

    def _notes(self, newest: int) -> Iterator[Row[Any]]:
        return self._stream(
            select(_CHECKPOINTS.c.size, _CHECKPOINTS.c.note)
            .where(_CHECKPOINTS.c.size <= newest)
            .order_by(_CHECKPOINTS.c.size)
        )

    def _stream(self, query: Select[Any]) -> Iterator[Row[Any]]:
        yield from self._connection.execute(query, execution_options={"yield_per": _BATCH})
