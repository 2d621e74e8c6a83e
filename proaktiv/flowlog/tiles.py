"""The tree as it is stored: tiles of up to 256 hashes in the database.

Reads and hashes only; what a tile must be says ``core.merkle``, who writes one is ``flowlog.sequencer``.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session

from proaktiv.core import merkle
from proaktiv.core.errors import NotSafe
from proaktiv.tables import TileRow, core_table

_TILES = core_table(TileRow)


class LogBroken(NotSafe):
    """What is stored of the log does not add up; nothing was written. The DSB must look."""


class StoredTree:
    """The tree as one transaction sees it. Each tile is read once."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._changed: dict[tuple[int, int], bytes] = {}
        self._halfway: dict[tuple[int, int], bytes] = {}
        self._tiles = merkle.Tiles(self.load, self._kept_halfway)

    def load(self, level: int, n: int) -> bytes:
        """Return a tile's bytes. Raises ``LookupError`` if there is none."""
        changed = self._changed.get((level, n))
        if changed is not None:
            return changed
        found = self._session.connection().execute(
            select(_TILES.c.data, _TILES.c.halfway).where(_TILES.c.level == level, _TILES.c.n == n)
        )
        tile = found.one_or_none()
        if tile is None:
            raise LookupError(f"tile {level}/{n} is missing")
        self._halfway[level, n] = bytes(tile.halfway or b"")
        return bytes(tile.data)

    def root(self, size: int) -> bytes:
        """Return the root over the first ``size`` leaves. Raises ``LogBroken`` if the tiles do not hold them."""
        with _whole():
            return merkle.subtree_root(self._tiles.read, 0, size)

    def leaf(self, index: int) -> bytes:
        """Return the hash of one leaf. Raises ``LogBroken``."""
        with _whole():
            return self._tiles.read(0, index)

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """Return an inclusion proof. Raises ``ValueError`` outside the tree, ``LogBroken``."""
        with _whole():
            return merkle.inclusion_proof(self._tiles.read, index, size)

    def consistency(self, old: int, new: int) -> list[bytes]:
        """Return a consistency proof. Raises ``ValueError`` for sizes without one, ``LogBroken``."""
        with _whole():
            return merkle.consistency_proof(self._tiles.read, old, new)

    def append(self, size: int, leaves: Sequence[bytes]) -> None:
        """Store the tiles of a tree of ``size`` with ``leaves`` behind it. Raises ``LogBroken``."""
        with _whole():
            changed = merkle.extend_tiles(size, leaves, self.load)
        self._save(changed)
        self._changed |= changed
        self._halfway.clear()
        self._tiles = merkle.Tiles(self.load, self._kept_halfway)

    def _kept_halfway(self, level: int, n: int) -> bytes:
        return self._halfway.get((level, n), b"")

    def _save(self, changed: Mapping[tuple[int, int], bytes]) -> None:
        if not changed:
            return
        statement = insert(_TILES)
        self._session.connection().execute(
            statement.on_conflict_do_update(
                index_elements=[_TILES.c.level, _TILES.c.n],
                set_={"data": statement.excluded.data, "halfway": statement.excluded.halfway},
            ),
            [
                {"level": level, "n": n, "data": data, "halfway": merkle.halfway_of(data) or None}
                for (level, n), data in changed.items()
            ],
        )


@contextmanager
def _whole() -> Iterator[None]:
    try:
        yield
    except LookupError as error:
        raise LogBroken(str(error)) from None
