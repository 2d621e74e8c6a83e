"""Whose signature stands under a checkpoint, for whoever was told a key of the log once and not of each rotation.

A key that follows is announced in the log itself, under the signature of the one before. So a trusted key leads to the
next, entry by entry, as far as the database can prove it, and nobody has to be told anew before they believe.
Left to others: which checkpoint, and whether an entry lies under it (``flowlog.proving.intact``).
Source: flowlog.md § 4 (key rotation); docs/decisions/0018 and 0021.
"""

from dataclasses import replace

from sqlalchemy import select
from sqlmodel import Session

from proaktiv.core.merkle import leaf_hash
from proaktiv.flowlog.ceremonies.rotation import announcements
from proaktiv.flowlog.checkpoints import Checkpoint, NoteError, Vkey
from proaktiv.flowlog.proving.paths import Inclusion
from proaktiv.flowlog.rows import row_where
from proaktiv.flowlog.tiles import LogBroken, StoredTree
from proaktiv.flowlog.verifying.checks import RowCheck
from proaktiv.flowlog.verifying.policy import Policy
from proaktiv.tables import CheckpointRow, FlowLeafRow, core_table

_LEAF = core_table(FlowLeafRow)
_CHECKPOINTS = core_table(CheckpointRow)


def believed(session: Session, note: str, trusted: str) -> Checkpoint | None:
    """Return the checkpoint that ``note`` says, None where neither a key of ``trusted`` nor a successor signed it.

    ``trusted`` are keys of the log, parted by blanks. Raises ``NoteError`` where one of them is none.
    """
    policy = Policy.of(trusted)
    found = _opened(policy, note)
    while found is None:
        following = _following(session, policy)
        if not following:
            return None
        policy = replace(policy, logs=(*policy.logs, *following))
        found = _opened(policy, note)
    return found


def _opened(policy: Policy, note: str) -> Checkpoint | None:
    try:
        return policy.open(note).checkpoint
    except NoteError:
        return None


def _following(session: Session, policy: Policy) -> list[Vkey]:
    """Return the keys that the log announces under a signature of ``policy``, without those that it has."""
    found: list[Vkey] = []
    tree = StoredTree(session)
    for index, vkey in announcements(session):
        try:
            key = Vkey.parse(vkey)
        except NoteError:
            continue
        known = {each.public for each in (*policy.logs, *found)}
        if key.name not in policy.origins or key.public in known:
            continue
        if _signed(session, tree, policy, index):
            found.append(key)
    return found


def _signed(session: Session, tree: StoredTree, policy: Policy, index: int) -> bool:
    """Return whether the entry of a place is untouched, under the first checkpoint over it: its signer announces."""
    connection = session.connection()
    covering = select(_CHECKPOINTS.c.note).where(_CHECKPOINTS.c.size > index).order_by(_CHECKPOINTS.c.size).limit(1)
    note = connection.execute(covering).scalar_one_or_none()
    said = _opened(policy, note) if note is not None else None
    if said is None or said.size <= index:
        return False
    row = connection.execute(row_where(_LEAF.c.idx == index)).one_or_none()
    if row is None or list(RowCheck().findings(row, index, erased=True)):
        return False
    try:
        path = tuple(tree.inclusion(index, said.size))
    except LogBroken:
        return False
    return Inclusion(index, said.size, leaf_hash(bytes(row.entry)), path).holds(said.root)
