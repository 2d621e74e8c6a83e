"""The next key of the log is announced in the log itself, so that nobody can slip one in unseen.

What is announced is a public key. From the entry on both keys sign, until the operator takes the old one away; the DSB
adds the new one to policy and witness meanwhile.
Source: flowlog.md § 4.
"""

from sqlalchemy import select
from sqlmodel import Session

from proaktiv.core.errors import BadInput, Conflict
from proaktiv.core.flows import Flow, Kind
from proaktiv.flowlog.checkpoints import NoteError, Vkey, open_note
from proaktiv.tables import CheckpointRow, FlowLeafRow, FlowLogRow, core_table

_LOG = core_table(FlowLogRow)
_LEAF = core_table(FlowLeafRow)
_CHECKPOINTS = core_table(CheckpointRow)
_PURPOSE = "protokollschluessel"


def announcement(controller: str, vkey: str, by: str) -> Flow:
    """Return the entry that announces a key of the log. Raises ``NoteError`` for one that is none."""
    return Flow(
        kind=Kind.KEY,
        sender=controller,
        receiver=controller,
        purpose=_PURPOSE,
        action="log_key.announced",
        basis="Art. 32 DSGVO",
        outcome=str(Vkey.parse(vkey)),
        n=0,
        actor=by,
    )


def refuse_unfit(session: Session, vkey: str) -> None:
    """Raise ``BadInput`` for a key that cannot follow in this log, ``Conflict`` where it signs already."""
    key = Vkey.parse(vkey)
    newest = select(_CHECKPOINTS.c.note).order_by(_CHECKPOINTS.c.size.desc()).limit(1)
    note = session.connection().execute(newest).scalar_one_or_none()
    if note is None:
        raise BadInput("VKEY", "nothing of this log is signed yet: take the key that you want from the beginning")
    origin = note.partition("\n")[0]
    if key.name != origin:
        raise BadInput("VKEY", f"is a key of {key.name}, and this log is {origin}")
    try:
        open_note(note, [str(key)])
    except NoteError:
        return
    raise Conflict("this key signs already")


def announcements(session: Session) -> list[tuple[int, str]]:
    """Return place and key of every announcement that has its place in the tree, in their order."""
    rows = session.connection().execute(
        select(_LEAF.c.idx, _LOG.c.outcome)
        .join(_LOG, _LOG.c.fid == _LEAF.c.fid)
        .where(_LOG.c.purpose == _PURPOSE, _LOG.c.kind == int(Kind.KEY))
        .order_by(_LEAF.c.idx)
    )
    return [(row.idx, row.outcome) for row in rows]


def announced(session: Session, vkey: str, size: int) -> bool:
    """Return whether one of the first ``size`` entries announces this key."""
    entry = (
        select(_LEAF.c.idx)
        .join(_LOG, _LOG.c.fid == _LEAF.c.fid)
        .where(_LOG.c.purpose == _PURPOSE, _LOG.c.kind == int(Kind.KEY), _LOG.c.outcome == vkey, _LEAF.c.idx < size)
        .limit(1)
    )
    return session.connection().execute(entry).scalar_one_or_none() is not None
