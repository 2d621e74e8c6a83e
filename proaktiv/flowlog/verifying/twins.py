"""Two trees over one log: one from the stored tiles, one from the entries themselves.

Where they contradict each other, either an entry or a tile was changed; roots that somebody vouches for decide which.
The second tree only grows from the first contradiction on. Left to others: reading and what is inside an entry.
"""

from collections.abc import Callable
from uuid import UUID

from proaktiv.core.merkle import EMPTY_ROOT, HASH_BYTES, TILE_WIDTH, LoadTile, TreeBuilder
from proaktiv.flowlog.verifying.report import FINDINGS_MAX, Finding, What


class TwinTrees:
    """Grow leaf by leaf; ``find`` is told what is certain at once, ``settle`` tells the rest."""

    def __init__(self, load: LoadTile, find: Callable[[Finding], None]) -> None:
        self._load_tile = load
        self._find = find
        self._stored = TreeBuilder(self._compare_stored)
        self._rows: TreeBuilder | None = None
        self._torn: list[tuple[int, UUID, list[Finding]]] = []
        self._upper_stored: dict[tuple[int, int], None] = {}
        self._upper_rows: dict[tuple[int, int], None] = {}
        self._refuted: list[tuple[Finding, bool, bool]] = []
        self._balance = 0
        self._kept: dict[int, tuple[int, bytes]] = {}

    def append(self, index: int, leaf: bytes | None, fid: UUID | None, problems: list[Finding]) -> None:
        """Add the entry at ``index``; ``leaf`` is None where there is none. ``problems`` lie inside the entry."""
        stored = self._leaf(index)
        if stored is None or leaf is None or stored == leaf:
            for problem in problems:
                self._find(problem)
        elif fid is not None:
            if self._rows is None:
                self._rows = self._stored.copy(self._compare_rows)
                self._upper_rows = dict(self._upper_stored)
            if len(self._torn) <= FINDINGS_MAX:
                self._torn.append((index, fid, problems))
        if self._rows is not None:
            self._rows.append(leaf or stored or EMPTY_ROOT)
        self._stored.append(stored or leaf or EMPTY_ROOT)

    def judge(self, finding: Finding, root: bytes) -> None:
        """Hold both trees, as grown so far, against a root that somebody vouches for."""
        stored = self._stored.root() == root
        rows = stored if self._rows is None else self._rows.root() == root
        self._balance += rows - stored
        if not (stored and rows):
            self._refuted.append((finding, stored, rows))

    def settle(self) -> None:
        """Decide whether the entries or the tiles were changed, and tell of it."""
        rows_right = self._balance > 0
        if rows_right:
            for n in sorted({index // TILE_WIDTH for index, _, _ in self._torn}):
                self._find(Finding(What.TILE, f"tile 0/{n} is not that of its entries"))
            for _, _, problems in self._torn:
                for problem in problems:
                    self._find(problem)
        else:
            for index, fid, _ in self._torn:
                self._find(Finding(What.ENTRY, "is not what stands in the tree", index, fid))
        for level, n in self._upper_rows if rows_right else self._upper_stored:
            self._find(Finding(What.TILE, f"tile {level}/{n} is not that of its entries"))
        for finding, stored, rows in self._refuted:
            if not (rows if rows_right else stored):
                self._find(finding)

    def _leaf(self, index: int) -> bytes | None:
        n, offset = divmod(index, TILE_WIDTH)
        first = self._kept.get(0, (-1, b""))[0] != n
        found = self._hash(0, n, offset)
        if found is not None:
            return found
        if first or self._hash(0, n, offset - 1) is not None:
            self._find(Finding(What.TILE, f"tile 0/{n} lacks hash {offset} and what follows", index))
        return None

    def _compare_stored(self, level: int, n: int, offset: int, value: bytes) -> None:
        if self._hash(level, n, offset) != value:
            self._upper_stored[level, n] = None

    def _compare_rows(self, level: int, n: int, offset: int, value: bytes) -> None:
        if self._hash(level, n, offset) != value:
            self._upper_rows[level, n] = None

    def _hash(self, level: int, n: int, offset: int) -> bytes | None:
        """Return a stored hash, None if its tile does not hold it. Of each level one tile is kept."""
        if level not in self._kept or self._kept[level][0] != n:
            try:
                self._kept[level] = (n, self._load_tile(level, n))
            except LookupError:
                self._kept[level] = (n, b"")
        found = self._kept[level][1][offset * HASH_BYTES : (offset + 1) * HASH_BYTES]
        return found if len(found) == HASH_BYTES else None
