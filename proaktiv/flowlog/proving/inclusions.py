"""Many proofs at once, all under the newest checkpoint as others vouched for it: one query, each tile hashed once.

Left to others: one proof for somebody who asks for one (``flowlog.proving.paths``), what an entry says, who may ask.
Source: C2SP tlog-proof.
"""

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import and_, select
from sqlmodel import Session

from proaktiv.core.errors import NotFound
from proaktiv.core.merkle import TILE_HEIGHT, TILE_WIDTH, Tiles, inclusion_proof, tile_count
from proaktiv.flowlog.tiles import LogBroken
from proaktiv.flowlog.vouching.attested import checkpoint
from proaktiv.sets import unnested
from proaktiv.tables import TileRow, core_table

_TILES = core_table(TileRow)


@dataclass(frozen=True, slots=True)
class Included:
    """What ``note`` signs: a tree of ``size`` entries, and the way from some of them (by index) to its root."""

    size: int
    note: str
    paths: Mapping[int, tuple[bytes, ...]]

    def text(self, index: int | None) -> str | None:
        """Return an entry's tlog-proof, None where no path leads from it."""
        if index is None or index not in self.paths:
            return None
        steps = "".join(base64.b64encode(step).decode() + "\n" for step in self.paths[index])
        return f"c2sp.org/tlog-proof@v1\nindex {index}\n{steps}\n{self.note}"


def included(session: Session, indexes: Iterable[int | None]) -> Included | None:
    """Return the proofs of those of ``indexes`` that are signed; None where nothing is. Raises ``LogBroken``."""
    try:
        found = checkpoint(session.connection())
    except NotFound:
        return None
    signed = sorted({index for index in indexes if index is not None and index < found.size})
    tiles = _loaded(session, signed, found.size)
    try:
        paths = {index: tuple(inclusion_proof(tiles.read, index, found.size)) for index in signed}
    except LookupError as error:
        raise LogBroken(str(error)) from None
    return Included(found.size, found.note, paths)


def _loaded(session: Session, indexes: Iterable[int], size: int) -> Tiles:
    """Read the tiles above some entries and those at the right edge of the tree: a proof needs no others."""
    needed: set[tuple[int, int]] = set()
    level = 0
    while (count := tile_count(level, size)) > 0:
        needed.add((level, (count - 1) // TILE_WIDTH))
        needed |= {(level, index >> TILE_HEIGHT * (level + 1)) for index in indexes}
        level += 1
    wanted = unnested(_TILES, ("level", "n"), sorted(needed)).subquery()
    rows = session.connection().execute(
        select(_TILES.c.level, _TILES.c.n, _TILES.c.data, _TILES.c.halfway).join(
            wanted, and_(wanted.c.level == _TILES.c.level, wanted.c.n == _TILES.c.n)
        )
    )
    there = {(row.level, row.n): (bytes(row.data), bytes(row.halfway or b"")) for row in rows}

    def load(level: int, n: int) -> bytes:
        try:
            return there[level, n][0]
        except KeyError:
            raise LookupError(f"tile {level}/{n} is missing") from None

    return Tiles(load, lambda level, n: there[level, n][1])
