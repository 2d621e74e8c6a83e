"""The hash tree: what a proof leads to, and the root over entries that come one by one.

Source: RFC 6962 § 2.1, C2SP tlog-tiles.
"""

import re
from collections.abc import Iterator
from hashlib import sha256


def leaf_of(entry: bytes) -> bytes:
    """Return the hash of an entry."""
    return sha256(b"\x00" + entry).digest()


def node(left: bytes, right: bytes) -> bytes:
    """Return the hash over two subtrees."""
    return sha256(b"\x01" + left + right).digest()


def root_by(index: int, size: int, leaf: bytes, path: list[bytes]) -> bytes | None:
    """Return the root that an inclusion proof leads to, None where its length is not the one that this place needs."""
    if not 0 <= index < size:
        return None
    inner = (index ^ (size - 1)).bit_length()
    if len(path) != inner + (index >> inner).bit_count() or any(len(each) != 32 for each in path):
        return None
    for level, other in enumerate(path):
        leaf = node(leaf, other) if level < inner and not index >> level & 1 else node(other, leaf)
    return leaf


class Edge:
    """The complete subtrees at the right edge of a growing tree, the largest first."""

    def __init__(self) -> None:
        self.size = 0
        self._subtrees: list[tuple[int, bytes]] = []

    def append(self, leaf: bytes) -> Iterator[tuple[int, int, bytes]]:
        """Add a leaf; yield level, number and hash of each subtree that it completes and that stands in a tile."""
        subtrees = self._subtrees
        subtrees.append((0, leaf))
        while len(subtrees) > 1 and subtrees[-1][0] == subtrees[-2][0]:
            (level, left), (_, right) = subtrees[-2:]
            subtrees[-2:] = [(level + 1, node(left, right))]
            if (level + 1) % 8 == 0:
                yield (level + 1) // 8, self.size >> level + 1, subtrees[-1][1]
        self.size += 1

    def root(self) -> bytes:
        """Return the root over what was added so far."""
        if not self._subtrees:
            return sha256(b"").digest()
        running = self._subtrees[-1][1]
        for _, left in self._subtrees[-2::-1]:
            running = node(left, running)
        return running


def tile_path(level: int, n: int, width: int, kind: str = "") -> str:
    """Return where a tile of ``width`` hashes lies, or with ``kind`` "entries" the bundle of its entries."""
    groups = re.findall("...", f"{n:0{-(-len(str(n)) // 3) * 3}d}")
    name = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
    return f"tile/{kind or level}/{name}" + (f".p/{width}" if width < 256 else "")
