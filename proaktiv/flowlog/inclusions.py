"""Many proofs at once, all under the newest checkpoint: each tile is read once, however many entries are proven.

Left to others: one proof for somebody who asks for one (``flowlog.proofs``), what an entry says, who may ask.
Source: C2SP tlog-proof.
"""

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlmodel import Session

from proaktiv.flowlog.tiles import StoredTree
from proaktiv.tables import CheckpointRow, core_table

_CHECKPOINTS = core_table(CheckpointRow)


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
    found = (
        session.connection()
        .execute(
            select(_CHECKPOINTS.c.size, _CHECKPOINTS.c.note)
            .where(_CHECKPOINTS.c.size > 0)
            .order_by(_CHECKPOINTS.c.size.desc())
            .limit(1)
        )
        .one_or_none()
    )
    if found is None:
        return None
    tree = StoredTree(session)
    signed = sorted({index for index in indexes if index is not None and index < found.size})
    return Included(found.size, found.note, {index: tuple(tree.inclusion(index, found.size)) for index in signed})
