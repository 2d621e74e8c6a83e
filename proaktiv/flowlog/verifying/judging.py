"""Hold entries, tiles and signatures against each other, in the order of the log.

Where they come from is the caller's business: the database (``flowlog.verifying.whole``) or an export
(``flowlog.verifying.export``). So both find the same and say it in the same words. Streams: memory does not grow.
Source: flowlog.md §§ 2, 8.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from proaktiv.bars import tell_nobody
from proaktiv.core.merkle import LoadTile, leaf_hash
from proaktiv.flowlog.checkpoints import Checkpoint, NoteError
from proaktiv.flowlog.verifying.checks import RowCheck
from proaktiv.flowlog.verifying.policy import COSIGNED_WITHIN, SKEW, Opened, Policy
from proaktiv.flowlog.verifying.report import FINDINGS_MAX, Finding, What
from proaktiv.flowlog.verifying.twins import TwinTrees

_TELL_EVERY = 2_000


class Noted(Protocol):
    """A checkpoint as it is stored: what it is filed under, and the note."""

    @property
    def size(self) -> int:
        """Return the number of entries it is filed under."""
        ...

    @property
    def note(self) -> str:
        """Return the signed note, not checked yet."""
        ...


class Judge:
    """One verification.

    ``kept`` is a checkpoint that the caller kept elsewhere, its signature checked. ``tell`` hears now and then how many
    entries are done. ``now`` is when a cosignature counts; None: whenever it was made.
    """

    def __init__(
        self,
        policy: Policy,
        load: LoadTile,
        check: RowCheck,
        *,
        kept: Checkpoint | None = None,
        now: datetime | None = None,
        tell: Callable[[int], None] = tell_nobody,
    ) -> None:
        self.findings: list[Finding] = []
        self.truncated = False
        self.checkpoints = 0
        self.cosigned = 0
        """The largest size whose checkpoint has the policy's quorum."""
        self.aged = 0
        """So many entries, at least, are old enough to have their cosignatures; 0 where nobody says what time it is."""
        self.stamped: Mapping[int, datetime] = {}
        """Sizes of checkpoints that a time stamp authority saw, and when: to be set before the walk."""
        self._policy = policy
        self._now = now
        self._cosigned_at: datetime | None = None
        self._old_enough = None if now is None else now - COSIGNED_WITHIN
        self._latest: tuple[datetime, int] | None = None
        self._late: set[int] = set()
        self._check = check
        self._kept = kept
        self._tell = tell
        self._gone: deque[Finding] = deque(maxlen=FINDINGS_MAX)
        self._gone_runs: list[tuple[int, int]] = []
        self._trees = TwinTrees(load, self.find)

    def find(self, finding: Finding) -> None:
        """Take a finding down, as long as there is room."""
        if len(self.findings) < FINDINGS_MAX:
            self.findings.append(finding)
        else:
            self.truncated = True

    def walk(self, size: int, entries: Iterator[Any], notes: Iterator[Noted], first: int = 0) -> None:
        """Go through the entries of a log of ``size`` and its checkpoints, both in ascending order.

        Entries before ``first`` count by the hashes in the tiles alone.
        """
        due = next(notes, None)
        row = next(entries, None)
        for index in range(size):
            while due is not None and due.size <= index:
                self._signed(due)
                due = next(notes, None)
            self._judge_kept(index)
            while row is not None and row.idx < index:
                self._misplaced(row)
                row = next(entries, None)
            if row is not None and row.idx == index:
                self._leaf(index, row, first)
                row = next(entries, None)
            else:
                self._hole(index, first)
            if index % _TELL_EVERY == 0:
                self._tell(index)
        while row is not None:
            self._misplaced(row)
            row = next(entries, None)
        while due is not None:
            if due.size > size:
                self.checkpoints += 1
                self.find(Finding(What.CHECKPOINT, f"{due.size} entries were signed, the log holds {size}"))
            else:
                self._signed(due)
            due = next(notes, None)
        self._judge_kept(size)
        if self._kept is not None and self._kept.size > size:
            self.find(
                Finding(What.CHECKPOINT, f"{self._kept.size} entries stand in the one you kept, the log holds {size}")
            )

    def settle(self, head: Finding, root: bytes | None) -> None:
        """Hold the whole tree against the root that the log gives itself (None: it gives none) and decide."""
        if root is not None:
            self._trees.judge(head, root)
        self._trees.settle()

    def quorum_of(self, least: int) -> int | None:
        """Return how many entries have the policy's quorum, None if it asks for none; fewer than ``least`` is found."""
        policy = self._policy
        if policy.quorum is None:
            return None
        if self.cosigned < least:
            age = f" within {policy.max_age}" if policy.max_age is not None else ""
            last = self._cosigned_at.isoformat(timespec="seconds") if self._cosigned_at else ""
            there = f"; {self.cosigned} entries are, last at {last}" if last else ""
            self.find(Finding(What.COSIGNATURE, f"the log is not cosigned by {policy.quorum}{age}, as you ask{there}"))
        return self.cosigned

    def _misplaced(self, row: Any) -> None:
        self.find(Finding(What.INDEX, "stands twice, out of order or beyond the log", row.idx, row.leaf_fid))

    def _hole(self, index: int, first: int) -> None:
        if index >= first:
            self.find(Finding(What.INDEX, "no entry has this place", index))
        self._trees.append(index, None, None, [])

    def _leaf(self, index: int, row: Any, first: int) -> None:
        if index < first:
            self.find(Finding(What.INDEX, "lies before the first entry of this export", index, row.leaf_fid))
        if row.fid is None:
            self._note_gone(index, row.leaf_fid)
            self._trees.append(index, None, row.leaf_fid, [])
            return
        problems = list(self._check.findings(row, index, erased=False))
        self._trees.append(index, leaf_hash(bytes(row.entry)), row.fid, problems)
        if self._latest is None or row.recorded_at > self._latest[0]:
            self._latest = (row.recorded_at, index)
        if self._old_enough is not None and row.recorded_at <= self._old_enough:
            self.aged = index + 1

    def _note_gone(self, index: int, fid: UUID) -> None:
        """Remember a row that is not there until retention's own entries are read; runs, for there may be millions."""
        self._check.gone(index)
        self._gone.append(Finding(What.ROW, "the row is missing", index, fid))
        if self._gone_runs and self._gone_runs[-1][1] == index:
            self._gone_runs[-1] = (self._gone_runs[-1][0], index + 1)
        else:
            self._gone_runs.append((index, index + 1))

    def unexcused(self) -> None:
        """Find rows that are not there, once all entries are read, unless retention accounts for them.

        Before its minimum index as many may be missing as it says; from there on none. Which ones it does not say, and
        who took one more finds one too many. Source: flowlog.md § 4.
        """
        said = self._check.pruned
        below = sum(min(end, said.minimum) - first for first, end in self._gone_runs if first < said.minimum)
        if below > said.removed:
            many = f"{below} rows before entry {said.minimum} are missing, retention accounts for {said.removed}"
            self.find(Finding(What.ROW, many))
        beyond = sum(end - max(first, said.minimum) for first, end in self._gone_runs if end > said.minimum)
        named = [each for each in self._gone if each.index is not None and each.index >= said.minimum]
        for finding in named:
            self.find(finding)
        self.truncated |= beyond > len(named)

    def _signed(self, row: Noted) -> None:
        self.checkpoints += 1
        try:
            opened = self._policy.open(row.note)
        except NoteError as error:
            self.find(Finding(What.CHECKPOINT, f"of {row.size} entries: {error}"))
            return
        said = opened.checkpoint
        if said.size != row.size:
            self.find(Finding(What.CHECKPOINT, f"of {row.size} entries speaks of {said.size}"))
            return
        self._attested(opened)
        self._trees.judge(Finding(What.CHECKPOINT, f"of {row.size} entries: the log is not what was signed"), said.root)

    def _attested(self, opened: Opened) -> None:
        """Hold the entries' times against those at which others saw the checkpoint over them."""
        size, cosigned = opened.checkpoint.size, opened.cosigned
        counting = frozenset(cosigned) if self._now is None else self._policy.counting(cosigned, self._now)
        if self._policy.quorum is not None and self._policy.met(counting):
            self.cosigned = size
            self._cosigned_at = max(cosigned[name] for name in counting)
        seen = [*cosigned.values(), *([self.stamped[size]] if size in self.stamped else [])]
        if not seen or self._latest is None:
            return
        latest, index = self._latest
        if latest > min(seen) + SKEW and index not in self._late:
            self._late.add(index)
            seen_at = min(seen).isoformat(timespec="seconds")
            self.find(Finding(What.TIME, f"is later than {seen_at}, when others saw the checkpoint over it", index))

    def _judge_kept(self, index: int) -> None:
        if self._kept is not None and self._kept.size == index:
            finding = Finding(
                What.CHECKPOINT, f"of {index} entries that you kept: the log does not begin with what was signed then"
            )
            self._trees.judge(finding, self._kept.root)
