"""Timeline: what the flow log holds about a person, for that person: „Wer hat meine Daten gesehen?“.

Names of the fields as in Estonia's Andmejälgija where it has one. Entries that are restricted (an investigation, a
protected address) are not shown and have no number, so that no gap betrays them. Left to others: proofs (``flowlog``),
how it looks (``web``). Source: flowlog.md § 5; Art. 15 DSGVO.
"""

import json
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlmodel import Session

from proaktiv.core.errors import BadInput
from proaktiv.core.flows import Kind
from proaktiv.core.trust import SessionProof
from proaktiv.flowlog.entries import SALT_BYTES, SUBJECT, commitment
from proaktiv.house import House
from proaktiv.tables import BehoerdeRow, ClientRow, FlowLogRow, FlowSecretRow, core_table
from proaktiv.vault import Compartment

PAGE = 50
"""Entries on one page."""

_LOG = core_table(FlowLogRow)
_SECRET = core_table(FlowSecretRow)
_BEHOERDEN = core_table(BehoerdeRow)
_CLIENTS = core_table(ClientRow)
_SHOWN = ("basis", "purpose", "action", "outcome", "scope")


def timeline(session: Session, house: House, proof: SessionProof, before: str) -> dict[str, Any]:
    """Return a page of the person's entries, newest first, and where the next begins. Raises ``BadInput``.

    ``before`` is the id of the last entry of the page before, or empty. Each entry says whether its subject part
    opens to what was committed to when it was written.
    """
    where = [_SECRET.c.subj == house.log.subj(proof.person)]
    if before:
        try:
            where.append(_SECRET.c.fid < UUID(before))
        except ValueError:
            raise BadInput("bis", "is no id of an entry") from None
    rows = (
        session.connection()
        .execute(
            select(_LOG.c.fid, _LOG.c.kind, _LOG.c.t.label("at"), _LOG.c.f_bytes, _LOG.c.entry, _SECRET.c.s_blob)
            .join(_LOG, _LOG.c.fid == _SECRET.c.fid)
            .where(*where, _SECRET.c.s_blob.is_not(None))
            .order_by(_SECRET.c.fid.desc())  # ids are time-ordered (UUIDv7)
            .limit(PAGE + 1)
        )
        .all()
    )
    ring = house.vault.ring(session, [proof.person], [Compartment.FLOW])
    names = _names(session, house)
    entries = []
    for row in rows[:PAGE]:
        committed = row.entry[51:83]
        part = ring.decrypt(proof, proof.person, Compartment.FLOW, row.s_blob, committed)
        salt, body = part[:SALT_BYTES], part[SALT_BYTES:]
        facts, subject = json.loads(row.f_bytes), json.loads(body)
        if facts.get("restrict"):
            continue
        entries.append(
            {
                "logtime": row.at.isoformat(),
                "kind": Kind(row.kind).label,
                "sender": names.get(facts["from"], facts["from"]),
                "receiver_code": facts["to"],
                "receiver_name": facts.get("to_name", "") or names.get(facts["to"], facts["to"]),
                "receiver_system": facts.get("to_system", ""),
                "categories": {
                    language: [house.rules.called(name, language) for name in facts.get("categories", [])]
                    for language in ("de", "en")
                },
                "number": subject.get("seq"),
                "intact": commitment(SUBJECT, salt, body) == committed,
                **{name: facts.get(name, "") for name in _SHOWN},
            }
        )
    entries.sort(key=lambda entry: (entry["logtime"], entry["number"] or 0), reverse=True)
    more = str(rows[PAGE - 1].fid) if len(rows) > PAGE else ""
    return {"entries": entries, "more": more}


def _names(session: Session, house: House) -> dict[str, str]:
    """Return what senders and receivers are called: the house, the Behörden, and registers by what they are."""
    connection = session.connection()
    names = {row.id: row.name for row in connection.execute(select(_BEHOERDEN.c.id, _BEHOERDEN.c.name))}
    for lebenslage in house.rules.lebenslagen.values():
        for fluss in lebenslage.fluesse:
            kind, _, register = fluss.name.partition("/")[2].partition("/")
            if kind == "prefill" and register:
                names.setdefault(register, fluss.quelle)
    clients = connection.execute(select(_CLIENTS.c.id, _CLIENTS.c.source))
    return {**names, **{row.source: _office_of(row.id) for row in clients}, house.controller: house.name}


def _office_of(client: str) -> str:
    """Return a reporting office's id as people write it: ``standesamt-musterstadt`` is Standesamt Musterstadt."""
    return " ".join(word.capitalize() for word in client.split("-"))
