"""The person's entries in the three steps in which the Datenschutzcockpit asks a register: status, list, content.

Two years back and no further: so long § 9 (3) IDNrG keeps. The same entries as everywhere (``timeline.entries``): own,
never the staff's part, what is restricted as if it were not there. „Inhaltsdaten“ are the kinds of data that flowed:
the log holds no values. Left to others: XDatenschutzcockpit's XML and its transport (docs/operating.md).
Source: § 10 OZG, § 9 IDNrG; integrations.md B.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlmodel import Session

from proaktiv.core.calendar import berlin_date
from proaktiv.core.dates import rueck_monate
from proaktiv.core.errors import NotFound
from proaktiv.core.trust import SessionProof
from proaktiv.flowlog.proving.inclusions import included
from proaktiv.house import House
from proaktiv.steps.timeline.entries import Own, Part, own, span

MONTHS = 24


def since(now: datetime) -> date:
    """Return the first day in Berlin of which the cockpit shows anything."""
    return rueck_monate(berlin_date(now), MONTHS) + timedelta(days=1)


def status(session: Session, house: House, proof: SessionProof, now: datetime) -> dict[str, Any]:
    """Return whether this body has Protokolldaten about the person, and from when to when."""
    first = since(now)
    found = span(session, house, proof, Part(first))
    return {
        "bodyCode": house.controller,
        "bodyName": house.name,
        "since": first.isoformat(),
        "protokolldaten": found is not None,
        "from": found[0].isoformat() if found else None,
        "to": found[1].isoformat() if found else None,
    }


def listed(
    session: Session,
    house: House,
    proof: SessionProof,
    names: Mapping[str, str],
    now: datetime,
    asked: Part,
) -> dict[str, Any]:
    """Return Protokolldaten, newest first: who gave what to whom, when, why; ``next`` is where the next page begins."""
    limit = asked.limit or 1
    first = max(asked.first_on or date.min, since(now))
    found = own(session, house, proof, Part(first, asked.last_on, offset=asked.offset, limit=limit + 1))
    return {
        "protokolldaten": [_protokolldatum(each, names) for each in found[:limit]],
        "next": asked.offset + limit if len(found) > limit else None,
    }


def content(
    session: Session, house: House, proof: SessionProof, names: Mapping[str, str], now: datetime, fid: UUID
) -> dict[str, Any]:
    """Return the Inhaltsdaten of one Protokolldatum: which kinds of data, on which consent, and the proof.

    Raises ``NotFound`` for what is older, another person's or withheld: the answer is the same.
    """
    found = own(session, house, proof, Part(since(now), only=fid))
    if not found:
        raise NotFound("protokolldatum")
    (entry,) = found
    proofs = included(session, [entry.index])
    return {
        **_protokolldatum(entry, names),
        "inhaltsdaten": [
            {"code": name, "de": house.rules.called(name, "de"), "en": house.rules.called(name, "en")}
            for name in entry.facts.get("categories", ())
        ],
        "scope": entry.facts.get("scope", ""),
        "consent": entry.subject.get("consent", ""),
        "number": entry.number,
        "released": entry.released,
        "index": entry.index,
        "proof": proofs.text(entry.index) if proofs else None,
    }


def _protokolldatum(each: Own, names: Mapping[str, str]) -> dict[str, Any]:
    facts = each.facts
    return {
        "id": str(each.fid),
        "logtime": each.at.isoformat(),
        "action": facts["action"],
        "senderCode": facts["from"],
        "senderName": names.get(facts["from"], facts["from"]),
        "receiverCode": facts["to"],
        "receiverName": facts.get("to_name", "") or names.get(facts["to"], facts["to"]),
        "receiverSystem": facts.get("to_system", ""),
        "purpose": facts["purpose"],
        "basis": facts["basis"],
        "outcome": facts.get("outcome", ""),
        "intact": each.intact,
    }
