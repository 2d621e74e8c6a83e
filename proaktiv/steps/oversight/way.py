"""What shows that a flow rested on a consent: its proof, and every numbered entry of the person from the giving to it.

The way is a selection (``flowlog.exports.selection``): the person's numbers run without a gap, so that it can be shown
elsewhere that the consent had not ended meanwhile. For the DSB with a second person's yes; what was before and after is
not in it. Both go in one file, so that nobody holds the proof of one flow against the way of another.
Left to others: the leave (``steps.inspection``), checking it (``flowlog.verifying.resting``).
Source: docs/decisions/0022.
"""

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlmodel import Session

from consent.tables import LEDGER
from proaktiv.core.errors import Conflict, NotFound
from proaktiv.core.staff import Inspection
from proaktiv.flowlog.exports import selection
from proaktiv.flowlog.exports.selection import Selected
from proaktiv.flowlog.proving.inclusions import included
from proaktiv.flowlog.proving.opening import SubjectPart, subject_part
from proaktiv.house import House
from proaktiv.steps.oversight.evidence import opened_proof
from proaktiv.tables import FlowLeafRow, FlowLogRow, FlowSecretRow, core_table
from proaktiv.vault import Compartment, Destroyed, Ring

_LOG = core_table(FlowLogRow)
_SECRET = core_table(FlowSecretRow)
_LEAF = core_table(FlowLeafRow)

FLOW, WAY = "fluss.tlog-proof", "weg"
"""In the zip file: the proof of the flow with its subject part, and the folder with the way."""


def rested(session: Session, house: House, leave: Inspection) -> bytes | None:
    """Return what shows that a flow rested on its consent as a zip file; None while nothing is signed over the flow.

    Raises ``NotFound`` where the flow is not this person's, names no consent, or its giving is gone; ``Conflict`` where
    a part is not what was sealed.
    """
    files, proof = _way(session, house, leave), opened_proof(session, house, leave)
    if files is None or proof is None:
        return None
    return selection.zipped({FLOW: proof.encode(), **{f"{WAY}/{name}": raw for name, raw in files.items()}})


def _way(session: Session, house: House, leave: Inspection) -> Mapping[str, bytes] | None:
    for person in leave.persons:
        ring = house.vault.ring(session, [person], (Compartment.FLOW,))
        subj = house.log.subj(person)
        last = _place(session, leave.matter, subj)
        (flow,) = _opened(session, leave, person, ring, subj, last, last)
        given = _given(session, flow[1].said.get("consent", ""))
        if given is None:
            break
        first = _place(session, given, subj)
        rows = [each for each in _opened(session, leave, person, ring, subj, first, last) if "seq" in each[1].said]
        proofs = included(session, [row.idx for row, _ in rows])
        if proofs is None or last not in proofs.paths:
            return None
        chosen = [Selected.of(row, row.idx, own.salt, own.body, proofs.paths[row.idx]) for row, own in rows]
        return selection.files(proofs.note, proofs.size, chosen, selection.WAY_README)
    raise NotFound("consent")


def _place(session: Session, fid: UUID, subj: bytes) -> int:
    """Return the place of an entry of this person. Raises ``NotFound``."""
    query = (
        select(_LEAF.c.idx)
        .join(_SECRET, _SECRET.c.fid == _LEAF.c.fid)
        .where(_LEAF.c.fid == fid, _SECRET.c.subj == subj)
    )
    found: int | None = session.connection().execute(query).scalar_one_or_none()
    if found is None:
        raise NotFound("entry")
    return found


def _given(session: Session, record: str) -> UUID | None:
    """Return the entry by which a consent was given."""
    if not record:
        return None
    query = select(LEDGER.c.flow_id).where(LEDGER.c.record == UUID(record), LEDGER.c.event == "give")
    found: UUID | None = session.connection().execute(query.order_by(LEDGER.c.seq).limit(1)).scalar_one_or_none()
    return found


def _opened(
    session: Session, leave: Inspection, person: UUID, ring: Ring, subj: bytes, first: int, last: int
) -> Iterator[tuple[Any, SubjectPart]]:
    """Yield a person's entries between two places, both included, each with its subject part."""
    query = (
        select(
            *(column for column in _LOG.c if column.name != "t"),
            _LOG.c.t.label("recorded_at"),
            _SECRET.c.s_blob,
            _LEAF.c.idx,
        )
        .join(_SECRET, _SECRET.c.fid == _LOG.c.fid)
        .join(_LEAF, _LEAF.c.fid == _LOG.c.fid)
        .where(_SECRET.c.subj == subj, _LEAF.c.idx.between(first, last))
        .order_by(_LEAF.c.idx)
    )
    for row in session.connection().execute(query):
        try:
            part = subject_part(ring, leave, person, row)
        except Destroyed:
            raise NotFound("person") from None
        if part is None:
            raise Conflict("an own part is not what was sealed: make an export, verify it and keep it")
        yield row, part
