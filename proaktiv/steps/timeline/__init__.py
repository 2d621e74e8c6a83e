"""Timeline: what the flow log holds about a person, for that person: „Wer hat meine Daten gesehen?“.

Names of the fields as in Estonia's Andmejälgija where it has one. Left to others: which entries those are
(``timeline.entries``), how it looks (``web``). Source: flowlog.md § 5; Art. 15 DSGVO.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from sqlmodel import Session

from proaktiv.core.errors import BadInput
from proaktiv.core.flows import Kind
from proaktiv.core.trust import SessionProof
from proaktiv.flowlog.exports import selection
from proaktiv.flowlog.exports.selection import Selected
from proaktiv.flowlog.proving.inclusions import included
from proaktiv.house import House
from proaktiv.parties import names_of
from proaktiv.steps.timeline.entries import Own, Part, own, span

PAGE = 50
"""Entries on one page."""

_LABELS = {int(kind): kind.label for kind in Kind}
_SHOWN = ("basis", "purpose", "action", "outcome", "scope")


def timeline(session: Session, house: House, proof: SessionProof, before: str) -> dict[str, Any]:
    """Return a page of the person's entries, newest first, and where the next begins. Raises ``BadInput``.

    ``before`` is the id of the last entry of the page before, or empty. Each entry says whether its facts and its
    subject part are what was committed to when it was written.
    """
    try:
        part = Part(by_id=True, before=UUID(before) if before else None, limit=PAGE + 1)
    except ValueError:
        raise BadInput("bis", "is no id of an entry") from None
    found = own(session, house, proof, part)
    names = names_of(session, house)
    entries = [
        {
            "logtime": each.at.isoformat(),
            "kind": _LABELS.get(each.row.kind, ""),
            "sender": names.get(each.facts["from"], each.facts["from"]),
            **_receiver(each, names, "receiver_code", "receiver_name", "receiver_system"),
            "categories": {
                language: [house.rules.called(name, language) for name in each.facts.get("categories", [])]
                for language in ("de", "en")
            },
            "number": each.number,
            "released": each.released,
            "index": each.index,
            "intact": each.intact,
            **{name: each.facts.get(name, "") for name in _SHOWN},
        }
        for each in found[:PAGE]
    ]
    entries.sort(key=lambda entry: (entry["logtime"], entry["number"] or 0), reverse=True)
    return {"entries": entries, "more": str(found[PAGE - 1].fid) if len(found) > PAGE else ""}


def usages(
    session: Session,
    house: House,
    proof: SessionProof,
    first_on: date | None,
    last_on: date | None,
    offset: int,
    limit: int,
) -> list[dict[str, Any]]:
    """Return the person's entries for a program, newest first, each with its proof where one can be given.

    The first five names are Andmejälgija's. ``index`` is None until the entry has its place, ``proof`` until it is
    signed.
    """
    found = own(session, house, proof, Part(first_on, last_on, offset=offset, limit=limit))
    names = names_of(session, house)
    proofs = included(session, [each.index for each in found])
    return [
        {
            "logtime": each.at.isoformat(),
            "action": each.facts["action"],
            **_receiver(each, names, "receiverCode", "receiverName", "receiverSystem"),
            "categories": each.facts.get("categories", []),
            "purpose": each.facts["purpose"],
            "basis": each.facts["basis"],
            "consent": each.subject.get("consent", ""),
            "outcome": each.facts.get("outcome", ""),
            "index": each.index,
            "proof": proofs.text(each.index) if proofs else None,
            "number": each.number,
            "released": each.released,
            "intact": each.intact,
        }
        for each in found
    ]


def usage_period(session: Session, house: House, proof: SessionProof) -> dict[str, str | None]:
    """Return from when to when there are entries about the person; None where there is none."""
    found = span(session, house, proof)
    return {"from": found[0].isoformat() if found else None, "to": found[1].isoformat() if found else None}


def bundle(session: Session, house: House, proof: SessionProof) -> bytes | None:
    """Return everything that is signed about the person as a zip file to check elsewhere; None while nothing is.

    Facts and the person's own part lie open in it, the staff's part never.
    """
    found = own(session, house, proof, Part())
    proofs = included(session, [each.index for each in found])
    if proofs is None:
        return None
    chosen = [
        Selected.of(each.row, each.index, each.salt, each.body, proofs.paths[each.index])
        for each in reversed(found)
        if each.index is not None and each.index in proofs.paths
    ]
    return selection.zipped(selection.files(proofs.note, proofs.size, chosen)) if chosen else None


def _receiver(each: Own, names: Mapping[str, str], code: str, name: str, system: str) -> dict[str, str]:
    facts = each.facts
    return {
        code: facts["to"],
        name: facts.get("to_name", "") or names.get(facts["to"], facts["to"]),
        system: facts.get("to_system", ""),
    }
