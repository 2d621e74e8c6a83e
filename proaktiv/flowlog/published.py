"""What anybody may read of the log: the newest checkpoint, hashes, and entries as the commitments they are.

Nothing of it tells of a person or of a flow; how many entries there are it does tell. Only what a signed checkpoint
covers is given out, so nobody sees a tree that was not promised. Left to others: HTTP (``web.published``).
Source: C2SP tlog-tiles; flowlog.md § 5.
"""

import re
from collections.abc import Sequence

from sqlalchemy import func, select
from sqlmodel import Session

from proaktiv.core.errors import NotFound
from proaktiv.core.merkle import HASH_BYTES, TILE_WIDTH, is_tile_below, tile_count, tile_path
from proaktiv.flowlog.exports.layout import bundle, bundle_path
from proaktiv.flowlog.keeping.pruning import pruned
from proaktiv.flowlog.tiles import LogBroken
from proaktiv.flowlog.vouching import attested
from proaktiv.tables import CheckpointRow, FlowLeafRow, FlowLogRow, TileRow, core_table

_CHECKPOINTS = core_table(CheckpointRow)
_TILES = core_table(TileRow)
_LEAF = core_table(FlowLeafRow)
_LOG = core_table(FlowLogRow)

_PATH = re.compile(
    r"tile/(?P<level>entries|[0-9]|[1-5][0-9]|6[0-3])/(?P<n>(?:x[0-9]{3}/){0,5}[0-9]{3})(?:\.p/(?P<width>[1-9][0-9]{0,2}))?"
)
_LEVELS = 8
"""A tree of 2⁶³ entries has no more."""


def published_checkpoint(session: Session) -> str:
    """Return the newest checkpoint with its cosignatures. Raises ``NotFound`` while nothing is signed."""
    return attested.checkpoint(session.connection()).note


def published_file(session: Session, path: str) -> bytes:
    """Return a tile or an entry bundle by its path below the log's address. Raises ``NotFound``, ``LogBroken``."""
    match = _PATH.fullmatch(path)
    if match is None:
        raise NotFound("no file of a log has this name")
    n = int(match["n"].replace("/x", "").replace("/", "").removeprefix("x"))
    width = int(match["width"] or TILE_WIDTH)
    signed = session.connection().execute(select(func.coalesce(func.max(_CHECKPOINTS.c.size), 0))).scalar_one()
    level = 0 if match["level"] == "entries" else int(match["level"])
    there = tile_count(level, signed) if level < _LEVELS else 0
    named = bundle_path(n, width) if match["level"] == "entries" else tile_path(level, n, width)
    if path != named or n * TILE_WIDTH + width > there:
        raise NotFound("the signed log has no such file")
    found = _entries(session, n, width) if match["level"] == "entries" else _tile(session, level, n, width)
    if found is None:
        raise NotFound("the log keeps this no more")
    return found


def minimum_index(session: Session) -> int:
    """Return the place from which on every entry is published; 0 as long as retention took nothing."""
    return pruned(session.connection()).minimum


def _tile(session: Session, level: int, n: int, width: int) -> bytes | None:
    """Return the first hashes of a tile. Raises ``LogBroken`` for a full one that is not what the tile above says."""
    above = _TILES.alias()
    found = (
        session.connection()
        .execute(
            select(_TILES.c.data, above.c.data.label("above"))
            .outerjoin(above, (above.c.level == level + 1) & (above.c.n == n // TILE_WIDTH))
            .where(_TILES.c.level == level, _TILES.c.n == n)
        )
        .one_or_none()
    )
    if found is None or len(found.data) < width * HASH_BYTES:
        return None
    data, place = bytes(found.data), n % TILE_WIDTH * HASH_BYTES
    full = len(data) >= TILE_WIDTH * HASH_BYTES
    if full and not is_tile_below(data, bytes(found.above or b"")[place : place + HASH_BYTES]):
        raise LogBroken(f"tile {level}/{n} is not what the tile above says of it: it is not given out")
    return data[: width * HASH_BYTES]


def _entries(session: Session, n: int, width: int) -> bytes | None:
    first = n * TILE_WIDTH
    found: Sequence[bytes] = (
        session.connection()
        .execute(
            select(_LOG.c.entry)
            .join(_LEAF, _LEAF.c.fid == _LOG.c.fid)
            .where(_LEAF.c.idx >= first, _LEAF.c.idx < first + width)
            .order_by(_LEAF.c.idx)
        )
        .scalars()
        .all()
    )
    return bundle([bytes(entry) for entry in found]) if len(found) == width else None
