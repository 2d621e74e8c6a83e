"""Show: what a proven person may read. Writes nothing; a GET never changes anything.

Reads the stops in its own transaction: about a stopped event there is nothing to see (data-path.md § 3).

At V1 it shows the one bundle of the code: no address, no office of a town, no other person, no history
(data-path.md § 5).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select
from sqlmodel import Session

from consent.model import CHOSEN_IN_ADVANCE, ConsentState, Notice
from consent.notices import digest_of
from consent.store import activities, heads_of
from proaktiv.addresses import ADDRESS_FLOW
from proaktiv.core.canonical import dumps
from proaktiv.core.competence import kind_of_office
from proaktiv.core.errors import NotFound
from proaktiv.core.items import comes_first
from proaktiv.core.lebenslagen import Plan
from proaktiv.core.notices import LOCALE, MEDIA_TYPE, notice_of
from proaktiv.core.states import AuftragState
from proaktiv.core.trust import SessionProof, Trust
from proaktiv.core.views import behoerde_at, blank, for_second, named_sources, plan_of, rendered, tells_where
from proaktiv.house import House
from proaktiv.matters import AUFTRAEGE, PROPOSALS, SIGNATURES, STANDING, load_case
from proaktiv.subjects import stopped_events
from proaktiv.tables import AcknowledgementRow, BehoerdeRow, BundleRow, HandoverRow, core_table
from proaktiv.vault import Compartment, Place

_BUNDLES = core_table(BundleRow)
_BEHOERDEN = core_table(BehoerdeRow)
_HANDOVERS = core_table(HandoverRow)
_SAID = core_table(AcknowledgementRow)

DELETED = "Die Angaben wurden nach Ablauf der Frist gelöscht."
"""What a page says where the content was: that it existed may be known, what it said is gone."""


def overview(session: Session, house: House, proof: SessionProof) -> dict[str, Any]:
    """Return bundles, their proposals and Aufträge and the signatures that are asked for, with names and states only.

    ``namen`` are what Lebenslagen and Leistungen are called, by language.
    """
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
                PROPOSALS.c.outcome,
                AUFTRAEGE.c.id.label("auftrag"),
                AUFTRAEGE.c.reference,
                AUFTRAEGE.c.state.label("auftrag_state"),
            )
            .join(PROPOSALS, PROPOSALS.c.bundle == _BUNDLES.c.id)
            .join(AUFTRAEGE, STANDING, isouter=True)
            .where(*where, PROPOSALS.c.state.not_in(("superseded", "recalled")))
            # Ids of one moment fall in any order; a list of Leistungen has one.
            .order_by(_BUNDLES.c.id, PROPOSALS.c.leistung, PROPOSALS.c.id)
        )
        .all()
    )
    requests = _requests(session, proof)
    stopped = stopped_events(session, {row.event for row in found} | {row.event for row in requests}, proof.person)
    for row in found:
        if row.event in stopped:
            continue  # not a word about it, whatever was answered before
        bundle = bundles.setdefault(row.id, _empty(row.id, row.lebenslage))
        bundle["proposals"].append(
            {"id": str(row.proposal), "leistung": row.leistung, "state": row.state, "outcome": row.outcome}
        )
        if row.auftrag is not None:
            bundle["auftraege"].append(
                {
                    "id": str(row.auftrag),
                    "reference": row.reference,
                    "leistung": row.leistung,
                    "state": row.auftrag_state,
                }
            )
    for row in requests:
        if row.event not in stopped:
            bundle = bundles.setdefault(row.bundle, _empty(row.bundle, row.lebenslage))
            bundle["unterschriften"].append({"auftrag": str(row.auftrag), "leistung": row.leistung, "state": row.state})
    shown = [row for row in (*found, *requests) if row.event not in stopped]
    return {"bundles": list(bundles.values()), "namen": _names(house, shown)}


def _names(house: House, rows: Sequence[Row[*tuple[Any, ...]]]) -> dict[str, dict[str, str]]:
    """Return the names of the Lebenslagen and Leistungen in these rows; what rules no longer know keeps its key."""
    names: dict[str, dict[str, str]] = {}
    for row in rows:
        for key, text in ((row.lebenslage, "lebenslage.name"), (row.leistung, f"{row.leistung}.name")):
            if key not in names:
                names[key] = {language: _name(house, row, key, text, language) for language in ("de", "en")}
    return names


def _name(house: House, row: Row[*tuple[Any, ...]], key: str, text: str, language: str) -> str:
    try:
        lebenslage = house.rules.lebenslage(row.lebenslage)
        if key == row.leistung:
            plain = lebenslage.plan(key).name
            return lebenslage.texte.by_language.get(language, {}).get(text, plain)
        return lebenslage.texte.text(text, language)
    except NotFound:
        return key


def _called(house: House, lebenslage: str) -> dict[str, str]:
    """Return what a Lebenslage is called, by language."""
    texts = house.rules.lebenslage(lebenslage).texte
    return {language: texts.text("lebenslage.name", language) for language in ("de", "en")}


def _empty(bundle: UUID, lebenslage: str) -> dict[str, Any]:
    return {"id": str(bundle), "lebenslage": lebenslage, "proposals": [], "auftraege": [], "unterschriften": []}


def _requests(session: Session, proof: SessionProof) -> Sequence[Row[*tuple[Any, ...]]]:
    """Return the second signatures that this person gave or is asked for."""
    where = [SIGNATURES.c.person == proof.person, SIGNATURES.c.state.in_(("requested", "signed"))]
    if proof.trust <= Trust.V1:
        where.append(SIGNATURES.c.bundle == proof.bundle)
    return (
        session.connection()
        .execute(
            select(
                SIGNATURES.c.auftrag,
                SIGNATURES.c.bundle,
                SIGNATURES.c.state,
                AUFTRAEGE.c.leistung,
                AUFTRAEGE.c.lebenslage,
                PROPOSALS.c.event,
            )
            .join(AUFTRAEGE, AUFTRAEGE.c.id == SIGNATURES.c.auftrag)
            .join(PROPOSALS, PROPOSALS.c.id == AUFTRAEGE.c.proposal)
            .where(*where, SIGNATURES.c.bundle.is_not(None))
            .order_by(SIGNATURES.c.auftrag)
        )
        .all()
    )


def proposal(session: Session, house: House, proof: SessionProof, wanted: UUID, now: datetime) -> dict[str, Any]:
    """Return one proposal as it is shown, with the MAC over just this that a yes must carry. Raises ``NotFound``."""
    where = [PROPOSALS.c.id == wanted, PROPOSALS.c.person == proof.person]
    if proof.trust <= Trust.V1:
        where.append(PROPOSALS.c.bundle == proof.bundle)
    row = (
        session.connection()
        .execute(
            select(
                PROPOSALS.c.event,
                PROPOSALS.c.bundle,
                PROPOSALS.c.leistung,
                PROPOSALS.c.state,
                PROPOSALS.c.outcome,
                PROPOSALS.c.answer_by,
                PROPOSALS.c.draft,
            ).where(*where, PROPOSALS.c.state != "recalled")
        )
        .one_or_none()
    )
    if row is None or stopped_events(session, [row.event], proof.person):
        raise NotFound("proposal")
    if row.draft is None:
        return {"id": str(wanted), "leistung": row.leistung, "state": row.state, "geloescht": DELETED}
    ring = house.vault.ring(session, [proof.person], [Compartment.VIEW])
    content = ring.open(proof, proof.person, Compartment.VIEW, Place("proposals", wanted, "draft"), row.draft)
    plan = plan_of(house.rules, content["lebenslage"], row.leistung)
    view = rendered(content, proof.trust, now, plan)
    shown = house.vault.mac("rendered", dumps(view)).hex()
    office = _office(session, content["behoerde"], plan, proof.trust)
    return {
        "id": str(wanted),
        "leistung": row.leistung,
        "state": row.state,
        "outcome": row.outcome,
        "offen_bis": row.answer_by.isoformat(),
        "zuerst": _first(session, house, row, wanted, content),
        **view,
        "shown": shown,
        "behoerde_name": office,
        "quellen": named_sources(house.rules, content),
    }


def _first(
    session: Session, house: House, row: Row[*tuple[Any, ...]], wanted: UUID, content: dict[str, Any]
) -> list[str]:
    """Return the names of what the person decides first: until then there can be no yes to this."""
    if not content.get("nach"):
        return []
    case = load_case(session, PROPOSALS.c.bundle == row.bundle, lock=False)
    item = next(each for each in case.items if each.id == wanted)
    names = {each.candidate.leistung for each in comes_first(case, item, content["nach"])}
    rules = house.rules.lebenslage(content["lebenslage"])
    return [plan.name for plan in rules.plans if plan.leistung in names]


def _office(session: Session, behoerde: str, plan: Plan | None, trust: Trust) -> str:
    """Return what a Behörde is called, or its kind where the name would tell where somebody lives."""
    if tells_where(plan, trust):
        return kind_of_office(plan.stelle_art if plan is not None else "")
    found = session.connection().execute(select(_BEHOERDEN.c.name).where(_BEHOERDEN.c.id == behoerde))
    return found.scalar_one_or_none() or behoerde


def auftrag(session: Session, house: House, proof: SessionProof, wanted: UUID, now: datetime) -> dict[str, Any]:
    """Return where a confirmed Auftrag stands. Raises ``NotFound``."""
    row = _auftrag(session, proof, wanted)
    waits = row.state in {AuftragState.HELD.value, AuftragState.WITH_CITIZEN.value} and row.undo_until > now
    missing = row.state == AuftragState.AWAITING_SIGNATURE.value
    plan = plan_of(house.rules, row.lebenslage, row.leistung)
    return {
        "id": str(wanted),
        "reference": row.reference,
        "leistung": row.leistung,
        "state": "undone" if row.undone_at else row.state,
        "name": _name(house, row, row.leistung, f"{row.leistung}.name", "de"),
        "behoerde": behoerde_at(row.behoerde, plan, proof.trust),
        "behoerde_name": _office(session, row.behoerde, plan, proof.trust),
        "confirmed_at": row.confirmed_at.isoformat(),
        "eingang_at": row.eingang_at.isoformat() if row.eingang_at else "",
        "undo_until": row.undo_until.isoformat(),
        "undoable": row.undone_at is None and (waits or missing),
        "signature_missing": missing,
        "signature_by": row.signature_by.isoformat() if missing else "",
        "sheet": row.undone_at is None
        and row.content is not None
        and (missing or row.state == AuftragState.WITH_CITIZEN.value),
        "antworten": _said(session, house, proof, wanted),
        "geloescht": DELETED if row.content is None else "",
    }


def _said(session: Session, house: House, proof: SessionProof, auftrag: UUID) -> list[dict[str, Any]]:
    """Return what the Behörde sent about an Auftrag, in order; its words only where the person is known well enough.

    At V1 no address and no other person is shown (channels-and-pages.md, top), and what a Behörde writes may name both.
    """
    rows = (
        session.connection()
        .execute(
            select(_SAID.c.id, _SAID.c.status, _SAID.c.said, _SAID.c.received_at)
            .join(_HANDOVERS, _HANDOVERS.c.id == _SAID.c.handover)
            .where(_HANDOVERS.c.auftrag == auftrag)
            .order_by(_SAID.c.received_at, _SAID.c.id)
        )
        .all()
    )
    ring = house.vault.ring(session, [proof.person], [Compartment.VIEW])
    words: dict[UUID, str] = {}
    for row in rows:
        if row.said is not None and proof.trust > Trust.V1:
            place = Place("acknowledgements", row.id, "said")
            words[row.id] = ring.open(proof, proof.person, Compartment.VIEW, place, row.said)["text"]
    return [
        {
            "status": row.status,
            "at": row.received_at.isoformat(),
            "text": words.get(row.id, ""),
            "mit_konto": row.said is not None and row.id not in words,
        }
        for row in rows
    ]


def sheet(session: Session, house: House, proof: SessionProof, wanted: UUID) -> dict[str, Any]:
    """Return what is to be printed and signed by hand: the filled form, or the second parent's part of it.

    What this trust does not show is left to be filled in by hand. Raises ``NotFound``.
    """
    row = _auftrag(session, proof, wanted)
    missing = row.state == AuftragState.AWAITING_SIGNATURE.value
    if row.undone_at is not None or row.content is None or not (missing or row.state == AuftragState.WITH_CITIZEN):
        raise NotFound("sheet")
    ring = house.vault.ring(session, [proof.person], [Compartment.VIEW])
    place = Place("auftraege", wanted, "content")
    content = ring.open(proof, proof.person, Compartment.VIEW, place, row.content)
    view = for_second(content) if missing else content
    plan = plan_of(house.rules, row.lebenslage, row.leistung)
    return {
        "auftrag": str(wanted),
        "reference": row.reference,
        "art": "mitzeichnung" if missing else "formular",
        "leistung": content["leistung"],
        "name": content["name"],
        "behoerde": behoerde_at(content["behoerde"], plan, proof.trust),
        "behoerde_name": _office(session, content["behoerde"], plan, proof.trust),
        "unterschriften": content["unterzeichner"],
        "felder": [blank(field, proof.trust) for field in view["felder"]],
        "fristen": content["fristen"],
    }


def _auftrag(session: Session, proof: SessionProof, wanted: UUID) -> Row[*tuple[Any, ...]]:
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
                AUFTRAEGE.c.lebenslage,
                AUFTRAEGE.c.state,
                AUFTRAEGE.c.behoerde,
                AUFTRAEGE.c.content,
                AUFTRAEGE.c.confirmed_at,
                AUFTRAEGE.c.eingang_at,
                AUFTRAEGE.c.undo_until,
                AUFTRAEGE.c.undone_at,
                AUFTRAEGE.c.signature_by,
            )
            .join(PROPOSALS, PROPOSALS.c.id == AUFTRAEGE.c.proposal)
            .where(*where)
        )
        .one_or_none()
    )
    if row is None or stopped_events(session, [row.event], proof.person):
        raise NotFound("auftrag")
    return row


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
        if head is None and activity.name == ADDRESS_FLOW:
            continue  # asked where the address is given, and not before anybody wants to give one
        shown.append(
            {
                "name": activity.name,
                "lebenslage": activity.name.partition("/")[0],
                "lebenslage_name": _called(house, activity.name.partition("/")[0]),
                "titel": house.rules.fluss(activity.name).zweck,
                "hinweis": dict(house.rules.fluss(activity.name).hinweis_text),
                "ohne_ja": house.rules.fluss(activity.name).alternativer_weg,
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
