"""Evidence for the DSB: where an entry stands, its proof, the checkpoints, and that an older log begins a newer one.

Left to others: the entry itself (``oversight.entry``), checking all of it (``flowlog.verifying.whole``).
"""

import base64
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import exists, select, text
from sqlmodel import Session

from proaktiv.core.calendar import BERLIN
from proaktiv.core.errors import BadInput, Conflict, NotFound
from proaktiv.core.staff import Inspection
from proaktiv.flowlog.checkpoints import Checkpoint, NoteError
from proaktiv.flowlog.keeping.pruning import pruned
from proaktiv.flowlog.proving.opening import Parts
from proaktiv.flowlog.proving.paths import consistency as consistency_proof
from proaktiv.flowlog.proving.single import proof_of
from proaktiv.house import House
from proaktiv.tables import (
    CheckpointRow,
    CosignatureRow,
    FlowLeafRow,
    FlowLogRow,
    FlowSecretRow,
    TimeStampRow,
    core_table,
)
from proaktiv.vault import Compartment, SealBroken

PAGE = 50
_KEEP = "make an export, verify it and keep it"

_LOG = core_table(FlowLogRow)
_SECRET = core_table(FlowSecretRow)
_LEAF = core_table(FlowLeafRow)
_CHECKPOINTS = core_table(CheckpointRow)
_COSIGNATURES = core_table(CosignatureRow)
_STAMPS = core_table(TimeStampRow)


class State(StrEnum):
    """How far an entry has come, the furthest of them; what is gone says so whatever else there is."""

    QUEUED = "queued"
    INTEGRATED = "integrated"
    WITNESSED = "witnessed"
    TIMESTAMPED = "timestamped"
    ERASED = "erased"
    PRUNED = "pruned"


def state_of(session: Session, fid: UUID) -> tuple[State, int | None]:
    """Return how far an entry has come, and its place. Raises ``NotFound``.

    ``ERASED``: its person's part is destroyed. ``PRUNED``: retention took it, only its place is left.
    """
    connection = session.connection()
    index: int | None = connection.execute(select(_LEAF.c.idx).where(_LEAF.c.fid == fid)).scalar_one_or_none()
    row = connection.execute(
        select(_SECRET.c.subj, _SECRET.c.s_blob)
        .select_from(_LOG)
        .join(_SECRET, _SECRET.c.fid == _LOG.c.fid, isouter=True)
        .where(_LOG.c.fid == fid)
    ).one_or_none()
    if row is None:
        if index is not None and index < pruned(connection).minimum:
            return State.PRUNED, index
        raise NotFound("entry")
    if row.subj is None and row.s_blob is None:
        return State.ERASED, index
    if index is None:
        return State.QUEUED, None
    for state, said in ((State.TIMESTAMPED, _STAMPS), (State.WITNESSED, _COSIGNATURES)):
        if connection.execute(select(exists().where(said.c.size > index))).scalar_one():
            return state, index
    return State.INTEGRATED, index


def proof(session: Session, fid: UUID) -> str | None:
    """Return an entry's tlog-proof, None while nothing is signed over it.

    Raises ``NotFound``, ``LogBroken``, ``Conflict`` where its facts are not even text any more.
    """
    _, index = state_of(session, fid)
    try:
        return proof_of(session, fid, facts=True) if index is not None else None
    except NotFound:
        return None
    except ValueError:
        raise Conflict(f"the entry is not what was signed: {_KEEP}") from None


def opened_proof(session: Session, house: House, leave: Inspection) -> str | None:
    """Return an entry's tlog-proof with the person's own part in it; None while nothing is signed over it.

    Without a person in ``leave`` it is as ``proof`` returns it. Raises ``NotFound``, ``LogBroken``, ``Conflict`` where
    the part is not what was sealed, or the entry not what was signed.
    """
    _, index = state_of(session, leave.matter)
    if index is None or not leave.persons:
        return proof(session, leave.matter)
    ring = house.vault.ring(session, leave.persons, (Compartment.FLOW,))
    try:
        return proof_of(session, leave.matter, facts=True, opener=Parts(house.vault, ring, [leave]))
    except NotFound:
        return None
    except SealBroken:
        raise Conflict(f"the person's own part is not what was sealed: {_KEEP}") from None
    except ValueError:
        raise Conflict(f"the entry is not what was signed: {_KEEP}") from None


def checkpoints(session: Session, before: int | None) -> dict[str, Any]:
    """Return a page of what was signed, the newest first, and where the next begins."""
    query = select(_CHECKPOINTS).order_by(_CHECKPOINTS.c.size.desc()).limit(PAGE + 1)
    if before is not None:
        query = query.where(_CHECKPOINTS.c.size < before)
    rows = session.connection().execute(query).all()
    return {
        "checkpoints": [_shown(row) for row in rows[:PAGE]],
        "more": str(rows[PAGE - 1].size) if len(rows) > PAGE else "",
    }


def note(session: Session, size: int) -> tuple[str, str]:
    """Return the name of a file and in it the signed checkpoint over so many entries. Raises ``NotFound``.

    A verifier takes it with ``--since``.
    """
    query = select(_CHECKPOINTS.c.note, _CHECKPOINTS.c.published_at).where(_CHECKPOINTS.c.size == size)
    row = session.connection().execute(query).one_or_none()
    if row is None:
        raise NotFound("checkpoint")
    return _file(size, row.published_at), row.note


def _file(size: int, published_at: datetime) -> str:
    """Return what the file of a checkpoint is called: by its month in Berlin, as one keeps them, and its size."""
    return f"checkpoint-{published_at.astimezone(BERLIN):%Y-%m}-{size}"


def _shown(row: Any) -> dict[str, Any]:
    text_, _, signatures = row.note.partition("\n\n")
    try:
        said = Checkpoint.parse(text_ + "\n")
        origin, root = said.origin, said.root.hex()
    except NoteError:
        origin, root = "", ""
    return {
        "size": row.size,
        "origin": origin,
        "root": root,
        "published_at": row.published_at.isoformat(),
        "signatures": len(signatures.splitlines()),
        "note": row.note,
        "file": _file(row.size, row.published_at),
    }


def consistency(session: Session, old: int, new: int) -> dict[str, Any]:
    """Return the proof that the log of ``old`` entries is the beginning of that of ``new``.

    Raises ``BadInput`` for sizes without one, ``LogBroken``.
    """
    size = session.connection().execute(text("SELECT size FROM log_head WHERE id = 1")).scalar_one()
    if not 0 < old <= new <= size:
        raise BadInput("old", f"sizes run from 1 to {size}, the older one first")
    found = consistency_proof(session, old, new)
    return {"old": old, "new": new, "path": [base64.b64encode(step).decode() for step in found.path]}
