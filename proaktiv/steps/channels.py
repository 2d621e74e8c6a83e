"""Channels: how a person wants to be reached beside the letter. So far: a mail address, given and taken back.

The address is sealed to the worker the moment it is typed, so this surface cannot read it back, not even to show it.
Typing it is the consent to write there about the address itself, and taking it back withdraws that. One mail brings a
code; until that comes back, in a session of the same person, the address is not used and the former one stays. Of what
changed tell a letter and, where there was a former address, a mail to it. Hints need a consent of their own besides.
Left to others: writing (``steps.notify``), other consents (``steps.consents``).
Source: channels-and-pages.md §§ 3.5, 4, 5.2 (9); data-path.md § 2; docs/decisions/0017.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, and_, delete, func, insert, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlmodel import Session

from consent.model import Activity, ConsentState, Event, Notice, SubjectStatus
from consent.notices import digest_of
from consent.store import activities, give, heads_of, named, put_notice, raise_epoch
from notifiers.mail import is_address
from proaktiv.addresses import ADDRESS_FLOW, forget_address, tell
from proaktiv.assent import act, decided, end_consents
from proaktiv.core import codes
from proaktiv.core.errors import BadInput, Conflict, NotAllowed, NotProven, TooMany
from proaktiv.core.flows import Flow, Kind
from proaktiv.core.keys import PersonKey
from proaktiv.core.notices import LOCALE, MEDIA_TYPE, notice_of
from proaktiv.core.trust import SessionProof
from proaktiv.house import House
from proaktiv.subjects import hold_subjects, read_subjects
from proaktiv.tables import DeliveryRow, MailAddressRow, MailConfirmationRow, SuppressionRow, core_table
from proaktiv.vault import Place

_DELIVERIES = core_table(DeliveryRow)
_MAIL = core_table(MailAddressRow)
_CONFIRMATIONS = core_table(MailConfirmationRow)
_SUPPRESSIONS = core_table(SuppressionRow)

CODE_LIVES = timedelta(hours=24)
"""NIST SP 800-63A: a code that goes by mail is good for at most 24 hours."""

WRONG_TRIES = 5
MAILS_A_DAY = 5
"""So many mails with a code one person may cause: nobody's mailbox is filled from here."""

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Reachable:
    """How a person is reached beside the letter: since when by mail, or None. Never the address.

    ``refused``: mail to it came back, and nothing more is sent there. ``unconfirmed``: it is from before addresses were
    confirmed, and nothing is sent there either. ``waiting_until``: another one waits for its code that long;
    ``waiting_refused``: the mail with it came back.
    """

    mail_since: datetime | None
    refused: bool = False
    unconfirmed: bool = False
    waiting_until: datetime | None = None
    waiting_refused: bool = False


@dataclass(frozen=True, slots=True)
class Terms:
    """What a person agrees to by giving an address: the digest of the text, the text, and the gist by language."""

    notice: str
    text: str
    hinweis: Mapping[str, str] = field(default_factory=dict)


def reachable(session: Session, proof: SessionProof, now: datetime) -> Reachable:
    """Return how this person wants to be reached."""
    connection = session.connection()
    used = connection.execute(
        select(_MAIL.c.given_at, _MAIL.c.confirmation, _SUPPRESSIONS.c.since)
        .join(_SUPPRESSIONS, _SUPPRESSIONS.c.address_hash == _MAIL.c.address_hash, isouter=True)
        .where(_MAIL.c.person == proof.person)
    ).one_or_none()
    typed = connection.execute(
        select(_CONFIRMATIONS.c.expires_at, _SUPPRESSIONS.c.since)
        .join(_SUPPRESSIONS, _SUPPRESSIONS.c.address_hash == _CONFIRMATIONS.c.address_hash, isouter=True)
        .where(_CONFIRMATIONS.c.person == proof.person, _CONFIRMATIONS.c.expires_at > now)
    ).one_or_none()
    return Reachable(
        None if used is None else used.given_at,
        refused=used is not None and used.since is not None,
        unconfirmed=used is not None and used.confirmation is None,
        waiting_until=None if typed is None else typed.expires_at,
        waiting_refused=typed is not None and typed.since is not None,
    )


def terms(session: Session, house: House) -> Terms | None:
    """Return what giving an address agrees to; None where the rules that are released know no such flow."""
    activity = activities(session.connection(), {ADDRESS_FLOW}).get(ADDRESS_FLOW)
    if activity is None:
        return None
    fluss = house.rules.fluss(ADDRESS_FLOW)
    text = notice_of(fluss)
    digest = digest_of(Notice(activity.id, LOCALE, MEDIA_TYPE, text))
    return Terms(digest.hex(), text.decode(), dict(fluss.hinweis_text))


def give_mail(session: Session, house: House, proof: SessionProof, address: str, notice: str, now: datetime) -> None:
    """Keep a mail address, readable by the worker alone, and let a code go there; one that was typed before is gone.

    ``notice`` is the digest of the terms that were read. One that refused mail before is tried anew: its owner may have
    mended it. Raises ``BadInput``, ``Conflict`` where the terms changed, ``TooMany``, ``NotAllowed`` under § 51 BMG.
    """
    if not is_address(address):
        raise BadInput("/address", "is no mail address like name@example.org")
    connection = session.connection()
    activity = activities(connection, {ADDRESS_FLOW}).get(ADDRESS_FLOW)
    known = terms(session, house)
    if activity is None or known is None:
        raise Conflict(f"{ADDRESS_FLOW} is not released; no address may be used")
    if known.notice != notice:
        raise Conflict("the text changed since it was shown; read it again")
    raise_epoch(connection, [proof.person])
    if read_subjects(session, [proof.person])[proof.person].protections:
        raise NotAllowed("while § 51 BMG protects this person no message may go out, and so no code")
    _allow(session, proof, now)
    hashed = house.vault.lookup_hash("mail", address.lower())
    connection.execute(delete(_SUPPRESSIONS).where(_SUPPRESSIONS.c.address_hash == hashed))
    connection.execute(delete(_CONFIRMATIONS).where(_CONFIRMATIONS.c.person == proof.person))
    connection.execute(
        insert(_CONFIRMATIONS),
        [
            {
                "id": house.ids.secret(),
                "person": proof.person,
                "inbox": house.vault.seal_to_worker(Place("mail_addresses", proof.person, "inbox"), {"mail": address}),
                "address_hash": hashed,
                "domain_hash": house.vault.lookup_hash("mail-domain", address.rpartition("@")[2].lower()),
                "asked_at": now,
                "expires_at": now + CODE_LIVES,
                "due_at": now,
                "wrong_tries": 0,
            }
        ],
    )
    _consent(session, house, proof, activity, now)


def _allow(session: Session, proof: SessionProof, now: datetime) -> None:
    """Raise ``TooMany`` where this person let enough mails go; one that nobody wrote yet is replaced, not added."""
    went = (
        session.connection()
        .execute(
            select(func.count(), func.min(_DELIVERIES.c.made_at)).where(
                _DELIVERIES.c.person == proof.person,
                _DELIVERIES.c.purpose == "confirmation",
                _DELIVERIES.c.made_at > now - _DAY,
            )
        )
        .one()
    )
    if went[0] >= MAILS_A_DAY:
        raise TooMany("too many addresses in one day", max(1, int((went[1] + _DAY - now).total_seconds())))


def _consent(session: Session, house: House, proof: SessionProof, activity: Activity, now: datetime) -> None:
    connection = session.connection()
    body = notice_of(house.rules.fluss(ADDRESS_FLOW))
    shown = put_notice(connection, activity, locale=LOCALE, media_type=MEDIA_TYPE, body=body)
    this = named(connection, proof.person, activity, Event.GIVE, house.ids.secret())
    said = [_act(house, proof, "mail_address.given"), decided(house, proof, activity, this, "given")]
    _, flow_id = house.log.record(session, said, now)
    give(
        connection,
        person=proof.person,
        activity=activity,
        at=now,
        record=this.record,
        flow_id=flow_id,
        notice=shown,
        channel="web",
        trust=int(proof.trust),
    )


def confirm_mail(session: Session, house: House, proof: SessionProof, typed: str, now: datetime) -> bool:
    """Use the address that waits, if this is its code. Returns whether; the caller commits either way: tries count.

    Wrong, over, used, replaced and never sent look the same. Raises ``NotProven`` where the person may not be here.
    """
    connection = session.connection()
    subject = hold_subjects(session, [proof.person])[proof.person]  # whoever withdraws or dies is before or after us
    if subject.protections or subject.status is SubjectStatus.DECEASED:
        raise NotProven("session unknown or over")
    row = connection.execute(
        select(_CONFIRMATIONS).where(_CONFIRMATIONS.c.person == proof.person).with_for_update()
    ).one_or_none()
    if row is None or row.expires_at <= now or not _consented(session, proof):
        return False
    if not hmac.compare_digest(house.vault.confirmation(row.id).encode(), codes.read_digits(typed).encode()):
        _count(session, house, proof, row, now)
        return False
    former = connection.execute(select(_MAIL).where(_MAIL.c.person == proof.person).with_for_update()).one_or_none()
    fresh = {
        "inbox": row.inbox,
        "address": None,
        "address_hash": row.address_hash,
        "domain_hash": row.domain_hash,
        "confirmation": row.id,
        "given_at": now,
    }
    statement = upsert(_MAIL).values(person=proof.person, **fresh)
    connection.execute(statement.on_conflict_do_update(index_elements=["person"], set_=fresh))
    connection.execute(delete(_CONFIRMATIONS).where(_CONFIRMATIONS.c.id == row.id))
    if former is None or former.confirmation is None:
        tell(session, house, proof.person, "mail_given", now)
    elif former.address_hash != row.address_hash:
        before = {"inbox": former.inbox, "address": former.address}
        tell(session, house, proof.person, "mail_changed", now, **before)
    house.log.record(session, [_act(house, proof, "mail_address.confirmed")], now)
    return True


def _consented(session: Session, proof: SessionProof) -> bool:
    return any(
        head.activity == ADDRESS_FLOW and head.state is ConsentState.GIVEN
        for head in heads_of(session.connection(), proof.person)
    )


def _count(session: Session, house: House, proof: SessionProof, row: Row[*tuple[Any, ...]], now: datetime) -> None:
    """Count a wrong try; the last one ends the code, which is told in the log."""
    connection = session.connection()
    mine = _CONFIRMATIONS.c.id == row.id
    if row.wrong_tries + 1 < WRONG_TRIES:
        connection.execute(update(_CONFIRMATIONS).where(mine).values(wrong_tries=row.wrong_tries + 1))
        return
    connection.execute(delete(_CONFIRMATIONS).where(mine))
    ended = replace(_act(house, proof, "mail_address.not_confirmed"), kind=Kind.REFUSED, outcome="wrong_code")
    house.log.record(session, [ended], now)


def remove_mail(session: Session, house: House, proof: SessionProof, now: datetime) -> None:
    """Forget the mail address and the one that waits, and withdraw the consent given with it; again is no error."""
    connection = session.connection()
    raise_epoch(connection, [proof.person])
    flows = []
    if forget_address(session, house, proof.person, now):
        flows.append(_act(house, proof, "mail_address.removed"))
    if not _consented(session, proof):
        house.log.record(session, flows, now)
        return
    activity = activities(connection, {ADDRESS_FLOW})[ADDRESS_FLOW]
    end_consents(session, house, proof, [activity], flows, now)


def stop_mails(session: Session, house: House, wire_id: str | None, now: datetime) -> None:
    """Forget the address that one mail went to; an address that was given later stays, and so does every consent.

    ``wire_id`` None is a forged id: the same is asked of the database, and nothing is found.
    """
    delivery = UUID(wire_id) if wire_id else UUID(int=0)
    row = (
        session.connection()
        .execute(select(_DELIVERIES).where(_DELIVERIES.c.id == delivery, _DELIVERIES.c.channel == "MAIL"))
        .one_or_none()
    )
    person, matter, made_at = (row.person, row.matter, row.made_at) if row else (None, UUID(int=0), now)
    if person is not None:
        raise_epoch(session.connection(), [person])
    hinted = literal(row is not None and row.purpose == "bundle")
    gone = forget_address(
        session,
        house,
        person,
        now,
        used=or_(_MAIL.c.confirmation == matter, and_(hinted, _MAIL.c.given_at <= made_at)),
        typed=_CONFIRMATIONS.c.id == matter,
    )
    if gone and person is not None:
        flow = Flow(
            kind=Kind.ACT,
            sender="citizen",
            receiver=house.controller,
            purpose="mail_address",
            action="mail_address.stopped",
            basis="act of the person",
            categories=("kontakt.mail",),
            outcome="stopped",
            person=PersonKey(person),
            actor="citizen",
        )
        house.log.record(session, [flow], now)


def _act(house: House, proof: SessionProof, action: str) -> Flow:
    flow: Flow = replace(act(house, proof, proof.session, action), categories=("kontakt.mail",), case="")
    return flow
