"""One entry for the DSB: its facts, both sealed parts as far as they open, where it stands, and what it rested on.

A person's own part opens with the leave that a second person gave (``Inspection`` of that person), the staff's part
where the office holds its private key. Left to others: the leave (``steps.inspection``).
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlmodel import Session

from consent.tables import ACTIVITIES, LEDGER
from proaktiv.core.errors import NotFound
from proaktiv.core.keys import OfficeKeys
from proaktiv.core.staff import Inspection
from proaktiv.flowlog.proving.opening import staff_part, subject_part
from proaktiv.flowlog.proving.stored import stored
from proaktiv.house import House
from proaktiv.parties import names_of
from proaktiv.steps.oversight import described
from proaktiv.steps.oversight.evidence import State, state_of
from proaktiv.tables import FlowLeafRow, FlowLogRow, FlowSecretRow, core_table
from proaktiv.vault import Compartment, Destroyed

_LOG = core_table(FlowLogRow)
_SECRET = core_table(FlowSecretRow)
_LEAF = core_table(FlowLeafRow)


def flow(session: Session, house: House, leave: Inspection, staff_private: OfficeKeys) -> dict[str, Any]:
    """Return one entry with what opens of it. Raises ``NotFound``.

    ``state`` is one of ``evidence.State``; of one that retention took only its place is left.
    """
    fid = leave.matter
    row = (
        session.connection()
        .execute(
            select(_LOG.c.kind, _LOG.c.t.label("at"), _LOG.c.f_salt, _LOG.c.f_bytes, _LOG.c.entry, _LEAF.c.idx)
            .add_columns(_SECRET.c.subj, _SECRET.c.s_blob, _SECRET.c.a_blob, _SECRET.c.staff_key)
            .join(_SECRET, _SECRET.c.fid == _LOG.c.fid, isouter=True)
            .join(_LEAF, _LEAF.c.fid == _LOG.c.fid, isouter=True)
            .where(_LOG.c.fid == fid)
        )
        .one_or_none()
    )
    state, index = state_of(session, fid)
    if row is None:
        if state is not State.PRUNED:
            raise NotFound("entry")
        return {"id": str(fid), "index": index, "state": state.value}
    said = stored(row, row.at)
    facts = said.facts
    own = _subject_part(session, house, leave, row)
    staff = staff_part(session, staff_private, row)
    return {
        **described(said, row.kind, names_of(session, house)),
        "id": str(fid),
        "index": index,
        "state": state.value,
        "categories": {
            language: [_called(house, name, language) for name in facts.get("categories", ())]
            for language in ("de", "en")
        },
        "F": {name: value for name, value in facts.items() if name != "v"} if said.readable else {},
        "S": own,
        "A": {"is": staff.said, "part": dict(staff.part)},
        # What somebody wrote over the facts rests on nothing.
        "rested_on": _rested_on(session, facts, own["part"]) if said.intact else None,
    }


def _called(house: House, fakt: str, language: str) -> str:
    """Return what a fact is called by those who work here: the person's own word may say „Ihre“."""
    return house.rules.office_labels(fakt).get(language) or house.rules.called(fakt, language)


def _subject_part(session: Session, house: House, leave: Inspection, row: Any) -> dict[str, Any]:
    """Return what is said of part S: none, erased, sealed, open or broken; and what it says where it is open."""
    if row.subj is None:
        return {"is": "erased" if row.s_blob is None else "none", "part": {}}
    if row.s_blob is None:
        return {"is": "broken", "part": {}}
    person = next((each for each in leave.persons if house.log.subj(each) == bytes(row.subj)), None)
    if person is None:
        return {"is": "sealed", "part": {}}
    ring = house.vault.ring(session, [person], (Compartment.FLOW,))
    try:
        opened = subject_part(ring, leave, person, row)
    except Destroyed:
        opened = None
    if opened is None:
        return {"is": "broken", "part": {}}
    return {"is": "open", "part": {name: value for name, value in opened.said.items() if name != "subject"}}


def _rested_on(session: Session, facts: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the released text that the entry names and, where S is open, the very consent; None where it names none.

    Whose consent it was stands nowhere here.
    """
    name, _, version = str(facts.get("scope", "")).partition("@")
    if not version.isdecimal():
        return None
    connection = session.connection()
    activity = connection.execute(
        select(ACTIVITIES.c.purpose, ACTIVITIES.c.norm, ACTIVITIES.c.basis, ACTIVITIES.c.consent_required).where(
            ACTIVITIES.c.name == name, ACTIVITIES.c.version == int(version)
        )
    ).one_or_none()
    if activity is None:
        return None
    return {
        "activity": facts["scope"],
        "purpose": activity.purpose,
        "norm": activity.norm,
        "basis": activity.basis,
        "consent_required": activity.consent_required,
        "consent": _consent(session, own.get("consent", "")),
    }


def _consent(session: Session, record: str) -> dict[str, Any] | None:
    """Return what the ledger says of one consent: since when it was given, under which text, how it stands today.

    ``flow`` is the entry by which it was given; None where that is gone.
    """
    if not record:
        return None
    events = (
        session.connection()
        .execute(
            select(LEDGER.c.event, LEDGER.c.state_after, LEDGER.c.notice, LEDGER.c.at, _LOG.c.fid)
            .join(_LOG, _LOG.c.fid == LEDGER.c.flow_id, isouter=True)
            .where(LEDGER.c.record == UUID(record))
            .order_by(LEDGER.c.seq)
        )
        .all()
    )
    if not events:
        return {"record": record, "given_at": None, "notice": None, "flow": None, "state": "unknown"}
    given = next((each for each in events if each.state_after == "given"), events[0])
    return {
        "record": record,
        "given_at": given.at.isoformat(),
        "notice": given.notice.hex() if given.notice else None,
        "flow": str(given.fid) if given.fid and given.state_after == "given" else None,
        "state": events[-1].state_after,
    }
