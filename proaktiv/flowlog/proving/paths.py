"""Proofs out of the stored tiles: that an entry is in the log, and that an older log is the beginning of it.

Left to others: opening what an entry commits to, and who may ask. A proof holds no personal data.
Source: RFC 9162 § 2.1, C2SP tlog-proof.
"""

import base64
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlmodel import Session

from proaktiv.core.errors import NotFound
from proaktiv.core.merkle import verify_consistency, verify_inclusion
from proaktiv.flowlog.tiles import StoredTree
from proaktiv.tables import CheckpointRow, FlowLeafRow, LogHeadRow, core_table

_LEAF = core_table(FlowLeafRow)
_HEAD = core_table(LogHeadRow)
_CHECKPOINTS = core_table(CheckpointRow)


@dataclass(frozen=True, slots=True)
class Inclusion:
    """Leaf ``index`` is in the tree of ``size`` entries."""

    index: int
    size: int
    leaf: bytes
    path: tuple[bytes, ...]

    def holds(self, root: bytes) -> bool:
        """Return whether this proves the leaf under ``root``."""
        return verify_inclusion(self.index, self.size, self.leaf, self.path, root)


@dataclass(frozen=True, slots=True)
class Consistency:
    """The tree of ``old`` entries is the beginning of that of ``new``."""

    old: int
    new: int
    path: tuple[bytes, ...]

    def holds(self, old_root: bytes, new_root: bytes) -> bool:
        """Return whether this proves ``old_root`` to be the beginning of ``new_root``."""
        return verify_consistency(self.old, self.new, old_root, new_root, self.path)


def index_of(session: Session, fid: UUID) -> int | None:
    """Return an entry's place in the log; None while it is queued, or if there is no such entry."""
    found = session.connection().execute(select(_LEAF.c.idx).where(_LEAF.c.fid == fid))
    return found.scalar_one_or_none()


def inclusion(session: Session, index: int, size: int | None = None) -> Inclusion:
    """Return the proof for one entry under the tree of ``size`` entries, by default all of them.

    Raises ``ValueError`` outside the tree, ``LogBroken`` if the tiles do not hold it.
    """
    tree = StoredTree(session)
    size = _size(session) if size is None else size
    path = tuple(tree.inclusion(index, size))
    return Inclusion(index, size, tree.leaf(index), path)


def consistency(session: Session, old: int, new: int | None = None) -> Consistency:
    """Return the proof from ``old`` to ``new`` entries, by default all. Raises ``ValueError``, ``LogBroken``."""
    new = _size(session) if new is None else new
    return Consistency(old, new, tuple(StoredTree(session).consistency(old, new)))


def proof_file(session: Session, fid: UUID, extra: bytes = b"") -> str:
    """Return a tlog-proof under the first checkpoint that covers the entry, for whoever keeps it on paper or disk.

    ``extra`` travels with it and is vouched for by nobody. Raises ``NotFound`` while no checkpoint covers the entry.
    """
    index = index_of(session, fid)
    found = session.connection().execute(
        select(_CHECKPOINTS.c.size, _CHECKPOINTS.c.note)
        .where(_CHECKPOINTS.c.size > (-1 if index is None else index))
        .order_by(_CHECKPOINTS.c.size)
        .limit(1)
    )
    covering = found.one_or_none()
    if index is None or covering is None:
        raise NotFound(f"entry {fid} is not signed yet")
    proof = inclusion(session, index, covering.size)
    steps = "".join(base64.b64encode(step).decode() + "\n" for step in proof.path)
    said = f"extra {base64.b64encode(extra).decode()}\n" if extra else ""
    return f"c2sp.org/tlog-proof@v1\n{said}index {index}\n{steps}\n{covering.note}"


def _size(session: Session) -> int:
    size: int = session.connection().execute(select(_HEAD.c.size).where(_HEAD.c.id == 1)).scalar_one()
    return size
