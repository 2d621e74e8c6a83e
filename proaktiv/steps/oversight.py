"""Oversight: what the DSB sees of the flow log. Reads and nothing else.

Lists show facts F alone, which name nobody: a person's own part stays sealed to the person, and which entries are
theirs is found by blind index with an ``Inspection``. Part A opens where the office holds its private key. Pages by
id; nothing counts the log. Left to others: whether the log is untouched (``flowlog.verify``).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlmodel import Session

from proaktiv.core.calendar import BERLIN
from proaktiv.core.errors import BadInput, NotAllowed, NotFound
from proaktiv.core.flows import Kind
from proaktiv.core.ids import uuid7
from proaktiv.core.staff import Inspection, Role, StaffProof
from proaktiv.flowlog.entries import FACTS, SALT_BYTES, STAFF, commitment, unpack
from proaktiv.flowlog.staff import StaffReader
from proaktiv.flowlog.status import LogBehind, require_current, status
from proaktiv.house import House
from proaktiv.tables import BehoerdeRow, FlowLeafRow, FlowLogRow, FlowSecretRow, core_table
from proaktiv.vault import NotHeld, SealBroken

PAGE = 50
BEHIND = timedelta(seconds=60)
"""Older than this nothing may wait for its place or its signature without the page saying so."""

COLUMNS = ("sender", "receiver", "purpose", "basis", "outcome")
"""What entries are filtered by, besides kind and period; each must be equal."""

_LOG = core_table(FlowLogRow)
_SECRET = core_table(FlowSecretRow)
_LEAF = core_table(FlowLeafRow)
_BEHOERDEN = core_table(BehoerdeRow)
_KINDS = {kind.label: int(kind) for kind in Kind}
_LABELS = {int(kind): kind.label for kind in Kind}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries to list. ``columns`` are of ``COLUMNS``; days are Berlin's, both included."""

    columns: Mapping[str, str]
    kind: str = ""
    first_on: date | None = None
    last_on: date | None = None
    before: str = ""


def standing(session: Session, proof: StaffProof, now: datetime, wall: datetime) -> dict[str, Any]:
    """Return how the log stands, and what is wrong with it as far as a look without reading it all can say.

    Entries carry ``now``, signatures ``wall``: a demonstration's clock runs ahead.
    """
    _require(proof)
    found = status(session, wall, count_kinds=False)
    findings = []
    try:
        require_current(session, now, BEHIND)
    except LogBehind as error:
        findings.append(str(error))
    if found.signed > found.size:
        findings.append("a checkpoint is over more entries than there are")
    return {**found.to_json(), "findings": findings}


def flows(session: Session, house: House, proof: StaffProof, wanted: Wanted) -> dict[str, Any]:
    """Return a page of entries, the newest first, and where the next begins. Raises ``BadInput``, ``NotAllowed``."""
    _require(proof)
    where: list[ColumnElement[bool]] = [
        _LOG.c[name] == value for name, value in wanted.columns.items() if name in COLUMNS and value
    ]
    if wanted.kind:
        if wanted.kind not in _KINDS:
            raise BadInput("art", "is no kind of entry")
        where.append(_LOG.c.kind == _KINDS[wanted.kind])
    # Ids begin with their time (UUIDv7): a period is a range of the primary key.
    if wanted.first_on:
        where.append(_LOG.c.fid >= uuid7(_midnight(wanted.first_on), bytes(10)))
    if wanted.last_on:
        where.append(_LOG.c.fid < uuid7(_midnight(wanted.last_on + timedelta(days=1)), bytes(10)))
    if wanted.before:
        where.append(_LOG.c.fid < _uuid(wanted.before))
    return _page(session, house, where)


def flows_of(session: Session, house: House, leave: Inspection, before: str) -> dict[str, Any]:
    """Return a page of one person's entries, the newest first: facts alone, those kept from the person among them."""
    if not leave.persons:
        return {"entries": [], "more": ""}
    mine = select(_SECRET.c.fid).where(_SECRET.c.subj.in_([house.log.subj(person) for person in leave.persons]))
    where: list[ColumnElement[bool]] = [_LOG.c.fid.in_(mine)]
    if before:
        where.append(_LOG.c.fid < _uuid(before))
    return _page(session, house, where)


def flow(session: Session, house: House, leave: Inspection, staff_private: bytes) -> dict[str, Any]:
    """Return one entry: its facts, whether they are what was committed to, and part A where it opens.

    Raises ``NotFound``.
    """
    row = (
        session.connection()
        .execute(
            select(_LOG, _SECRET.c.a_blob, _SECRET.c.staff_key, _LEAF.c.idx)
            .join(_SECRET, _SECRET.c.fid == _LOG.c.fid, isouter=True)
            .join(_LEAF, _LEAF.c.fid == _LOG.c.fid, isouter=True)
            .where(_LOG.c.fid == leave.matter)
        )
        .one_or_none()
    )
    if row is None:
        raise NotFound("entry")
    entry = unpack(bytes(row.entry))
    facts = json.loads(row.f_bytes)
    part: dict[str, Any] = {}
    said = "none" if row.a_blob is None else "closed"
    if row.a_blob is not None and staff_private:
        said, part = _staff_part(session, staff_private, row.staff_key, bytes(row.a_blob), entry.staff)
    return {
        **_described(facts, row.kind, _names(session, house)),
        "id": str(row.fid),
        "index": row.idx,
        "intact": commitment(FACTS, bytes(row.f_salt), bytes(row.f_bytes)) == entry.facts,
        "facts": {name: value for name, value in facts.items() if name != "v"},
        "staff": said,
        "part": part,
    }


def _staff_part(
    session: Session, private: bytes, key_id: UUID, blob: bytes, committed: bytes
) -> tuple[str, dict[str, Any]]:
    reader = StaffReader(private)
    try:
        reader.load(session)
        opened = reader.open(key_id, blob, committed)
    except NotHeld:
        return "closed", {}
    except SealBroken:
        return "broken", {}
    salt, body = opened[:SALT_BYTES], opened[SALT_BYTES:]
    if commitment(STAFF, salt, body) != committed:
        return "broken", {}
    return "open", json.loads(body)


def _page(session: Session, house: House, where: list[ColumnElement[bool]]) -> dict[str, Any]:
    rows = (
        session.connection()
        .execute(
            select(_LOG.c.fid, _LOG.c.kind, _LOG.c.f_bytes).where(*where).order_by(_LOG.c.fid.desc()).limit(PAGE + 1)
        )
        .all()
    )
    names = _names(session, house)
    shown = [{**_described(json.loads(row.f_bytes), row.kind, names), "id": str(row.fid)} for row in rows[:PAGE]]
    return {"entries": shown, "more": str(rows[PAGE - 1].fid) if len(rows) > PAGE else ""}


def _described(facts: Mapping[str, Any], kind: int, names: Mapping[str, str]) -> dict[str, Any]:
    return {
        "at": facts["t"].replace("Z", "+00:00"),
        "kind": _LABELS.get(kind, str(kind)),
        "action": facts["action"],
        "sender": names.get(facts["from"], facts["from"]),
        "receiver": facts.get("to_name", "") or names.get(facts["to"], facts["to"]),
        "purpose": facts["purpose"],
        "basis": facts["basis"],
        "outcome": facts.get("outcome", ""),
        "n": facts["n"],
        "restrict": bool(facts.get("restrict")),
    }


def _names(session: Session, house: House) -> dict[str, str]:
    found = session.connection().execute(select(_BEHOERDEN.c.id, _BEHOERDEN.c.name))
    return {**{row.id: row.name for row in found}, house.controller: house.name}


def _require(proof: StaffProof) -> None:
    if proof.role is not Role.DSB:
        raise NotAllowed("the log is for the DSB")


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), BERLIN)


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise BadInput("bis", "is no id of an entry") from None
