"""Show: what a proven person may read. Writes nothing; a GET never changes anything.

Reads the stops in its own transaction: about a stopped event there is nothing to see (data-path.md § 3).

At V1 it shows the one bundle of the code: no address, no other person, no history (data-path.md § 5).
"""

from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlmodel import Session

from consent.model import CHOSEN_IN_ADVANCE, ConsentState, Notice
from consent.notices import digest_of
from consent.store import activities, heads_of
from proaktiv.core.errors import NotFound
from proaktiv.core.notices import LOCALE, MEDIA_TYPE, notice_of
from proaktiv.core.trust import SessionProof, Trust
from proaktiv.house import House
from proaktiv.matters import AUFTRAEGE, PROPOSALS
from proaktiv.subjects import stopped_events
from proaktiv.tables import BundleRow, core_table
from proaktiv.vault import Compartment, Place

_BUNDLES = core_table(BundleRow)

HIDDEN_AT_V1 = ("anschrift", "wohnort")
"""Facts whose value a letter and a birth date do not show: an ex-partner knows both (security-and-faults.md T3)."""


def overview(session: Session, proof: SessionProof) -> dict[str, Any]:
    """Return bundles, their proposals and Aufträge, with states only."""
    where = [_BUNDLES.c.person == proof.person]
    if proof.trust <= Trust.V1:
        where.append(_BUNDLES.c.id == proof.bundle)
    bundles: dict[UUID, dict[str, Any]] = {}
    found = (
        session.connection()
        .execute(
            select(
                _BUNDLES.c.id,
                _BUNDLES.c.lebenslage,
                PROPOSALS.c.id.label("proposal"),
                PROPOSALS.c.event,
                PROPOSALS.c.leistung,
                PROPOSALS.c.state,
                AUFTRAEGE.c.id.label("auftrag"),
                AUFTRAEGE.c.reference,
                AUFTRAEGE.c.state.label("auftrag_state"),
            )
            .join(PROPOSALS, PROPOSALS.c.bundle == _BUNDLES.c.id)
            .join(AUFTRAEGE, AUFTRAEGE.c.proposal == PROPOSALS.c.id, isouter=True)
            .where(*where, PROPOSALS.c.state.not_in(("superseded", "recalled")))
            .order_by(_BUNDLES.c.id, PROPOSALS.c.id)
        )
        .all()
    )
    stopped = stopped_events(session, {row.event for row in found})
    for row in found:
        if row.event in stopped:
            continue  # not a word about it, whatever was answered before
        bundle = bundles.setdefault(
            row.id, {"id": str(row.id), "lebenslage": row.lebenslage, "proposals": [], "auftraege": []}
        )
        bundle["proposals"].append({"id": str(row.proposal), "leistung": row.leistung, "state": row.state})
        if row.auftrag is not None:
            bundle["auftraege"].append({"id": str(row.auftrag), "reference": row.reference, "state": row.auftrag_state})
    return {"bundles": list(bundles.values())}


def proposal(session: Session, house: House, proof: SessionProof, wanted: UUID) -> dict[str, Any]:
    """Return one proposal as it is shown, with the MAC that a yes must carry. Raises ``NotFound``."""
    where = [PROPOSALS.c.id == wanted, PROPOSALS.c.person == proof.person]
    if proof.trust <= Trust.V1:
        where.append(PROPOSALS.c.bundle == proof.bundle)
    row = (
        session.connection()
        .execute(
            select(
                PROPOSALS.c.event, PROPOSALS.c.leistung, PROPOSALS.c.state, PROPOSALS.c.draft, PROPOSALS.c.shown_mac
            ).where(*where, PROPOSALS.c.state != "recalled")
        )
        .one_or_none()
    )
    if row is None or row.draft is None or stopped_events(session, [row.event]):
        raise NotFound("proposal")
    ring = house.vault.ring(session, [proof.person], [Compartment.VIEW])
    content = ring.open(proof, proof.person, Compartment.VIEW, Place("proposals", wanted, "draft"), row.draft)
    return {
        "id": str(wanted),
        "leistung": row.leistung,
        "state": row.state,
        "titel": content["titel"],
        "grund": content["grund"],
        "behoerde": content["behoerde"],
        "felder": [_field(field, proof.trust) for field in content["felder"]],
        "fristen": content["fristen"],
        "shown": row.shown_mac.hex(),
    }


def _field(field: dict[str, Any], trust: Trust) -> dict[str, Any]:
    hidden = trust <= Trust.V1 and any(word in field["aus"] for word in HIDDEN_AT_V1)
    return {**field, "wert": "(aus dem Melderegister, hier nicht gezeigt)"} if hidden else field


def auftrag(session: Session, proof: SessionProof, wanted: UUID) -> dict[str, Any]:
    """Return where a confirmed Auftrag stands. Raises ``NotFound``."""
    where = [AUFTRAEGE.c.id == wanted, AUFTRAEGE.c.person == proof.person]
    if proof.trust <= Trust.V1:
        where.append(PROPOSALS.c.bundle == proof.bundle)
    row = (
        session.connection()
        .execute(
            select(
                PROPOSALS.c.event,
                AUFTRAEGE.c.reference,
                AUFTRAEGE.c.leistung,
                AUFTRAEGE.c.state,
                AUFTRAEGE.c.behoerde,
                AUFTRAEGE.c.confirmed_at,
                AUFTRAEGE.c.undo_until,
            )
            .join(PROPOSALS, PROPOSALS.c.id == AUFTRAEGE.c.proposal)
            .where(*where)
        )
        .one_or_none()
    )
    if row is None or stopped_events(session, [row.event]):
        raise NotFound("auftrag")
    return {
        "id": str(wanted),
        "reference": row.reference,
        "leistung": row.leistung,
        "state": row.state,
        "behoerde": row.behoerde,
        "confirmed_at": row.confirmed_at.isoformat(),
        "undo_until": row.undo_until.isoformat(),
    }


def consents(session: Session, house: House, proof: SessionProof) -> dict[str, Any]:
    """Return every activity a person decides on, with its text and the present state."""
    connection = session.connection()
    heads = {head.activity: head for head in heads_of(connection, proof.person) if not head.scope}
    shown = []
    for activity in sorted(activities(connection).values(), key=lambda item: item.name):
        if activity.phase not in CHOSEN_IN_ADVANCE or not activity.consent_required:
            continue
        body = notice_of(house.rules.fluss(activity.name))
        digest = digest_of(Notice(activity.id, LOCALE, MEDIA_TYPE, body))
        head = heads.get(activity.name)
        shown.append(
            {
                "name": activity.name,
                "state": (head.state if head else ConsentState.REQUESTED).value,
                "purpose": activity.purpose,
                "fields": sorted(activity.fields),
                "source": activity.source,
                "recipient": activity.recipient,
                "norm": activity.norm,
                "notice": digest.hex(),
                "text": body.decode(),
            }
        )
    return {"activities": shown}
