"""Whether one entry is what was signed, for somebody who may see nothing else of it.

Holds the stored entry against what it commits to, and its place against the newest checkpoint. Left to others: whether
the whole log is (``flowlog.verifying.whole``), and whose signature that is (``flowlog.proving.believing``).
"""

from uuid import UUID

from sqlmodel import Session

from proaktiv.core.merkle import leaf_hash, verify_inclusion
from proaktiv.flowlog.checkpoints import Checkpoint, NoteError
from proaktiv.flowlog.proving.believing import believed
from proaktiv.flowlog.proving.inclusions import included
from proaktiv.flowlog.rows import row_where
from proaktiv.flowlog.tiles import LogBroken
from proaktiv.flowlog.verifying.checks import RowCheck
from proaktiv.tables import FlowLogRow, core_table

_LOG = core_table(FlowLogRow)


def intact(session: Session, fid: UUID, trusted: str = "") -> bool | None:
    """Return whether an entry is untouched; None while nothing is signed over it. A missing one is not.

    ``trusted`` are keys of the log, parted by blanks: then a checkpoint counts that one of them signed, or a key that
    they announced. Without any, whose signature it is is not asked. Raises ``NoteError`` for a key that is none.
    """
    row = session.connection().execute(row_where(_LOG.c.fid == fid)).one_or_none()
    if row is None or list(RowCheck().findings(row, row.idx, erased=True)):
        return False
    if row.idx is None:
        return None
    try:
        proof = included(session, [row.idx])
        if proof is None or row.idx not in proof.paths:
            return None
        said: Checkpoint | None = Checkpoint.parse(proof.note.partition("\n\n")[0] + "\n")
    except (LogBroken, NoteError):
        return False
    if trusted:
        said = believed(session, proof.note, trusted)
    if said is None or said.size != proof.size:
        return False
    root = said.root
    return verify_inclusion(row.idx, proof.size, leaf_hash(bytes(row.entry)), proof.paths[row.idx], root)
