"""Whether one entry is what was signed, for somebody who may see nothing else of it.

Holds the stored entry against what it commits to, and its place against the newest checkpoint. Left to others: whether
the whole log is (``flowlog.verify``), and whose signature that is: the DSB checks it with a key of their own.
"""

from uuid import UUID

from sqlalchemy import select
from sqlmodel import Session

from proaktiv.core.merkle import leaf_hash, verify_inclusion
from proaktiv.flowlog.checkpoints import Checkpoint, NoteError
from proaktiv.flowlog.checks import RowCheck
from proaktiv.flowlog.inclusions import included
from proaktiv.flowlog.rows import PARTS
from proaktiv.flowlog.tiles import LogBroken
from proaktiv.tables import FlowLeafRow, FlowLogRow, FlowSecretRow, core_table

_LOG = core_table(FlowLogRow)
_SECRET = core_table(FlowSecretRow)
_LEAF = core_table(FlowLeafRow)


def intact(session: Session, fid: UUID) -> bool | None:
    """Return whether an entry is untouched; None while nothing is signed over it. A missing one is not."""
    row = (
        session.connection()
        .execute(
            select(*PARTS, _LEAF.c.idx)
            .select_from(_LOG)
            .outerjoin(_SECRET, _SECRET.c.fid == _LOG.c.fid)
            .outerjoin(_LEAF, _LEAF.c.fid == _LOG.c.fid)
            .where(_LOG.c.fid == fid)
        )
        .one_or_none()
    )
    if row is None or list(RowCheck().findings(row, row.idx, erased=True)):
        return False
    if row.idx is None:
        return None
    try:
        proof = included(session, [row.idx])
        if proof is None or row.idx not in proof.paths:
            return None
        root = Checkpoint.parse(proof.note.partition("\n\n")[0] + "\n").root
    except (LogBroken, NoteError):
        return False
    return verify_inclusion(row.idx, proof.size, leaf_hash(bytes(row.entry)), proof.paths[row.idx], root)
