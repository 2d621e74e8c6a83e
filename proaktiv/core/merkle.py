"""The hash tree of the flow log: leaves, roots, proofs and the arithmetic of its tiles.

Pure: bytes and integers only. Where the hashes of a tree come from is the caller's business (``ReadHash``), where its
tiles are kept is ``flowlog.tiles``. Generators and verifiers share no code, so that one cannot excuse the other.
Source: RFC 9162 § 2.1 (equal to RFC 6962), C2SP tlog-tiles.
"""

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256

HASH_BYTES = 32
TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
_HALFWAY = TILE_HEIGHT // 2
_PART = 1 << _HALFWAY
EMPTY_ROOT = sha256(b"").digest()

ReadHash = Callable[[int, int], bytes]
"""Return the hash of the complete subtree (level, index): 2^level leaves from index · 2^level on."""

LoadTile = Callable[[int, int], bytes]
"""Return the stored bytes of tile (level, n)."""


def leaf_hash(entry: bytes) -> bytes:
    """Return the hash of an entry. Source: RFC 9162 § 2.1.1."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node. Source: RFC 9162 § 2.1.1."""
    return sha256(b"\x01" + left + right).digest()


# roots and proofs, generated ----------------------------------------------------------------------------------------


def root_of(leaves: Sequence[bytes]) -> bytes:
    """Return the root over leaf hashes held in memory."""
    pyramid = levels_of(leaves)
    return subtree_root(lambda level, index: pyramid[level][index], 0, len(leaves))


def levels_of(hashes: Sequence[bytes]) -> list[list[bytes]]:
    """Return the hashes themselves and above them every complete pair, level by level."""
    levels = [list(hashes)]
    while len(levels[-1]) > 1:
        below = levels[-1]
        levels.append([node_hash(below[i], below[i + 1]) for i in range(0, len(below) - 1, 2)])
    return levels


def subtree_root(read: ReadHash, start: int, end: int) -> bytes:
    """Return the root over leaves [start, end); ``start`` is a multiple of the power of two that covers the range.

    The range 0, size gives the root of a tree; an empty range gives ``EMPTY_ROOT``.
    """
    if start == end:
        return EMPTY_ROOT
    width = end - start
    if width & (width - 1) == 0:
        level = width.bit_length() - 1
        return read(level, start >> level)
    middle = start + _left_width(width)
    return node_hash(subtree_root(read, start, middle), subtree_root(read, middle, end))


def inclusion_proof(read: ReadHash, index: int, size: int) -> list[bytes]:
    """Return the path from leaf ``index`` to the root of ``size`` leaves. Raises ``ValueError`` outside the tree."""
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} is not in a tree of {size}")
    path = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _left_width(end - start)
        if index < middle:
            path.append(subtree_root(read, middle, end))
            end = middle
        else:
            path.append(subtree_root(read, start, middle))
            start = middle
    return path[::-1]


def consistency_proof(read: ReadHash, old: int, new: int) -> list[bytes]:
    """Return the proof that the tree of ``old`` leaves is the beginning of that of ``new``.

    Empty for equal sizes. Raises ``ValueError`` for ``old`` = 0 (nothing to prove) and for ``old`` > ``new``.
    """
    if not 0 < old <= new:
        raise ValueError(f"no consistency proof from {old} to {new}")
    path: list[bytes] = []
    start, end = 0, new
    whole = True  # the old tree is exactly the subtree we stand on, so its root is known to the verifier
    while old != end:
        middle = start + _left_width(end - start)
        if old <= middle:
            path.append(subtree_root(read, middle, end))
            end = middle
        else:
            path.append(subtree_root(read, start, middle))
            start = middle
            whole = False
    if not whole:
        path.append(subtree_root(read, start, end))
    return path[::-1]


def _left_width(width: int) -> int:
    """Return the largest power of two below ``width``."""
    return 1 << (width - 1).bit_length() - 1


# proofs, verified -----------------------------------------------------------------------------------------------------


def verify_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> bool:
    """Return whether ``proof`` shows ``leaf`` at ``index`` under ``root``. Source: RFC 9162 § 2.1.3.2."""
    if not 0 <= index < size or not _hashes([leaf, *proof]):
        return False
    fn, sn = index, size - 1
    running = leaf
    for sibling in proof:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            running = sha256(b"\x01" + sibling + running).digest()
            while not fn & 1 and fn:
                fn >>= 1
                sn >>= 1
        else:
            running = sha256(b"\x01" + running + sibling).digest()
        fn >>= 1
        sn >>= 1
    return sn == 0 and running == root


def verify_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Return whether ``proof`` shows that the old tree is the beginning of the new one.

    An old size of 0 is refused: it proves nothing, callers decide it themselves. Source: RFC 9162 § 2.1.4.2.
    """
    if not 0 < old <= new or not _hashes(proof):
        return False
    if old == new:
        return not proof and old_root == new_root
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    if not path:
        return False
    fn, sn = old - 1, new - 1
    while fn & 1:
        fn >>= 1
        sn >>= 1
    first = second = path[0]
    for sibling in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            first = sha256(b"\x01" + sibling + first).digest()
            second = sha256(b"\x01" + sibling + second).digest()
            while not fn & 1 and fn:
                fn >>= 1
                sn >>= 1
        else:
            second = sha256(b"\x01" + second + sibling).digest()
        fn >>= 1
        sn >>= 1
    return sn == 0 and first == old_root and second == new_root


def _hashes(proof: Sequence[bytes]) -> bool:
    return all(len(item) == HASH_BYTES for item in proof)


# tiles ----------------------------------------------------------------------------------------------------------------


def tile_count(level: int, size: int) -> int:
    """Return how many hashes stand at tile level ``level`` of a tree of ``size`` leaves."""
    return size >> TILE_HEIGHT * level


def tile_path(level: int, n: int, width: int = TILE_WIDTH) -> str:
    """Return the path of a tile below a log's address, e.g. ``tile/0/x001/234.p/7``. Source: C2SP tlog-tiles."""
    groups = [f"{n % 1000:03d}"]
    while n >= 1000:
        n //= 1000
        groups.insert(0, f"x{n % 1000:03d}")
    partial = f".p/{width}" if width < TILE_WIDTH else ""
    return f"tile/{level}/{'/'.join(groups)}{partial}"


def split_hashes(data: bytes) -> list[bytes]:
    """Return the hashes that a tile's bytes hold."""
    return [data[i : i + HASH_BYTES] for i in range(0, len(data), HASH_BYTES)]


def halfway_of(data: bytes) -> bytes:
    """Return the 16 hashes halfway up a full tile, joined; nothing of a tile that is not full.

    Whoever keeps them reads any node of the tile by 30 hashes instead of 255.
    """
    if len(data) < TILE_WIDTH * HASH_BYTES:
        return b""
    return b"".join(levels_of(split_hashes(data))[_HALFWAY])


def is_tile_below(data: bytes, above: bytes, halfway: bytes = b"") -> bool:
    """Return whether ``data`` is a full tile whose hash in the tile above is ``above``.

    ``halfway`` must be of it as well, unless it is empty: where it was not kept.
    """
    if len(data) != TILE_WIDTH * HASH_BYTES:
        return False
    levels = levels_of(split_hashes(data))
    return levels[TILE_HEIGHT][0] == above and halfway in {b"", b"".join(levels[_HALFWAY])}


class Tiles:
    """Reads subtree hashes out of tiles, each loaded once and hashed no further than asked. ``read`` is a ``ReadHash``.

    ``halfway`` returns what ``halfway_of`` said of a tile that was loaded, nothing where it was not kept. It is
    believed as the tile is: what is wrong in either gives a proof that proves nothing.
    """

    def __init__(self, load: LoadTile, halfway: LoadTile = lambda _level, _n: b"") -> None:
        self._load = load
        self._halfway = halfway
        self._tiles: dict[tuple[int, int], _Tile] = {}

    def read(self, level: int, index: int) -> bytes:
        """Return the hash of complete subtree (level, index). Raises ``LookupError`` if its tile does not hold it."""
        tile_level, inner = divmod(level, TILE_HEIGHT)
        n, offset = divmod(index << inner, TILE_WIDTH)
        tile = self._tiles.get((tile_level, n))
        if tile is None:
            data = self._load(tile_level, n)
            tile = self._tiles[tile_level, n] = _Tile(data, self._halfway(tile_level, n))
        try:
            return tile.read(inner, offset)
        except IndexError:
            raise LookupError(f"tile {tile_level}/{n} does not reach its hash {offset}") from None


class _Tile:
    """The hashes of one tile and the nodes above them: as one pyramid, or as 16 small ones below one."""

    def __init__(self, data: bytes, halfway: bytes) -> None:
        self._data = data
        self._upper = levels_of(split_hashes(halfway or data))
        self._height = _HALFWAY if halfway else 0
        self._lower: dict[int, list[list[bytes]]] = {}

    def read(self, inner: int, offset: int) -> bytes:
        """Return the node ``inner`` levels above hash ``offset``. Raises ``IndexError``."""
        if inner >= self._height:
            return self._upper[inner - self._height][offset >> inner]
        part, within = divmod(offset, _PART)
        pyramid = self._lower.get(part)
        if pyramid is None:
            hashes = self._data[part * _PART * HASH_BYTES : (part + 1) * _PART * HASH_BYTES]
            pyramid = self._lower[part] = levels_of(split_hashes(hashes))
        return pyramid[inner][within >> inner]


def extend_tiles(size: int, leaves: Sequence[bytes], load: LoadTile) -> dict[tuple[int, int], bytes]:
    """Return the tiles that change when ``leaves`` are appended to a tree of ``size``: its right edge only."""
    changed: dict[tuple[int, int], bytes] = {}
    level = 0
    fresh = list(leaves)
    while fresh:
        n, filled = divmod(tile_count(level, size), TILE_WIDTH)
        if filled:
            kept = load(level, n)
            if len(kept) < filled * HASH_BYTES:
                raise LookupError(f"tile {level}/{n} is shorter than {filled} hashes")
            fresh = split_hashes(kept[: filled * HASH_BYTES]) + fresh
        full: list[bytes] = []
        for start in range(0, len(fresh), TILE_WIDTH):
            part = fresh[start : start + TILE_WIDTH]
            changed[level, n + start // TILE_WIDTH] = b"".join(part)
            if len(part) == TILE_WIDTH:
                full.append(levels_of(part)[TILE_HEIGHT][0])
        fresh = full
        level += 1
    return changed


class TreeBuilder:
    """Grows a tree leaf by leaf and keeps only its right edge: the verifier's own view of what the tiles must be.

    ``on_upper(level, n, offset, value)`` is told of every hash that belongs into a tile of level 1 or above.
    """

    def __init__(self, on_upper: Callable[[int, int, int, bytes], None] | None = None) -> None:
        self.size = 0
        self._edge: list[bytes | None] = []
        self._on_upper = on_upper

    def copy(self, on_upper: Callable[[int, int, int, bytes], None] | None = None) -> "TreeBuilder":
        """Return a builder of the same tree that grows on its own."""
        twin = TreeBuilder(on_upper)
        twin.size, twin._edge = self.size, list(self._edge)
        return twin

    def append(self, leaf: bytes) -> None:
        """Add one leaf hash."""
        running, level, index = leaf, 0, self.size
        while index & 1:
            left = self._edge[level]
            if left is None:
                raise AssertionError("the right edge lost a node")
            running = sha256(b"\x01" + left + running).digest()
            self._edge[level] = None
            level += 1
            index >>= 1
            if self._on_upper is not None and level % TILE_HEIGHT == 0:
                self._on_upper(level // TILE_HEIGHT, index // TILE_WIDTH, index % TILE_WIDTH, running)
        if level == len(self._edge):
            self._edge.append(None)
        self._edge[level] = running
        self.size += 1

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Add leaf hashes in order."""
        for leaf in leaves:
            self.append(leaf)

    def root(self) -> bytes:
        """Return the root of what was added so far."""
        running: bytes | None = None
        for node in self._edge:
            if node is not None:
                running = node if running is None else sha256(b"\x01" + node + running).digest()
        return EMPTY_ROOT if running is None else running
