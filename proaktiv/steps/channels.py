"""Channels: how a person wants to be reached beside the letter. So far: a mail address, given and taken back.

The address is sealed to the worker the moment it is typed, so this surface cannot read it back, not even to show it.
Nothing is sent to it without the consent ``…/propose/MAIL``. That it belongs to who typed it is not proven: a mail says
nothing of anybody. Left to others: writing (``steps.notify``), consent (``steps.consents``).
Source: channels-and-pages.md §§ 3.5, 4; data-path.md § 2.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlmodel import Session

from notifiers.mail import is_address
from proaktiv.assent import act
from proaktiv.core.errors import BadInput
from proaktiv.core.flows import Flow, Kind
from proaktiv.core.keys import PersonKey
from proaktiv.core.trust import SessionProof
from proaktiv.house import House
from proaktiv.tables import DeliveryRow, MailAddressRow, SuppressionRow, core_table
from proaktiv.vault import Place

_DELIVERIES = core_table(DeliveryRow)
_MAIL = core_table(MailAddressRow)
_SUPPRESSIONS = core_table(SuppressionRow)


@dataclass(frozen=True, slots=True)
class Reachable:
    """How a person is reached beside the letter: since when by mail, or None. Never the address.

    ``refused``: mail to it came back, and nothing more is sent there.
    """

    mail_since: datetime | None
    refused: bool = False


def reachable(session: Session, proof: SessionProof) -> Reachable:
    """Return how this person wants to be reached."""
    found = (
        session.connection()
        .execute(
            select(_MAIL.c.given_at, _SUPPRESSIONS.c.since)
            .join(_SUPPRESSIONS, _SUPPRESSIONS.c.address_hash == _MAIL.c.address_hash, isouter=True)
            .where(_MAIL.c.person == proof.person)
        )
        .one_or_none()
    )
    return Reachable(None) if found is None else Reachable(found.given_at, found.since is not None)


def give_mail(session: Session, house: House, proof: SessionProof, address: str, now: datetime) -> None:
    """Keep a mail address, readable by the worker alone; a former one is gone. Raises ``BadInput``.

    One that refused mail before is tried anew: its owner may have mended it.
    """
    if not is_address(address):
        raise BadInput("/address", "is no mail address like name@example.org")
    inbox = house.vault.seal_to_worker(Place("mail_addresses", proof.person, "inbox"), {"mail": address})
    connection = session.connection()
    known = house.vault.lookup_hash("mail", address.lower())
    fresh = {
        "inbox": inbox,
        "address": None,
        "address_hash": known,
        "domain_hash": house.vault.lookup_hash("mail-domain", address.rpartition("@")[2].lower()),
        "given_at": now,
    }
    statement = upsert(_MAIL).values(person=proof.person, **fresh)
    connection.execute(statement.on_conflict_do_update(index_elements=["person"], set_=fresh))
    connection.execute(delete(_SUPPRESSIONS).where(_SUPPRESSIONS.c.address_hash == known))
    _log(session, house, proof, "mail_address.given", now)


def remove_mail(session: Session, house: House, proof: SessionProof, now: datetime) -> None:
    """Forget the mail address; again is no error."""
    gone = session.connection().execute(delete(_MAIL).where(_MAIL.c.person == proof.person))
    if gone.rowcount:
        _log(session, house, proof, "mail_address.removed", now)


def stop_mails(session: Session, house: House, wire_id: str | None, now: datetime) -> None:
    """Forget the address that one mail went to; an address that was given later stays, and so does every consent.

    ``wire_id`` None is a forged id: the same is asked of the database, and nothing is found.
    """
    connection = session.connection()
    delivery = UUID(wire_id) if wire_id else UUID(int=0)
    row = connection.execute(
        select(_DELIVERIES.c.person, _DELIVERIES.c.made_at).where(
            _DELIVERIES.c.id == delivery, _DELIVERIES.c.channel == "MAIL"
        )
    ).one_or_none()
    gone = connection.execute(
        delete(_MAIL).where(
            _MAIL.c.person == (row.person if row else None), _MAIL.c.given_at <= (row.made_at if row else now)
        )
    )
    if row is not None and gone.rowcount:
        flow = Flow(
            kind=Kind.ACT,
            sender="citizen",
            receiver=house.controller,
            purpose="mail_address",
            action="mail_address.stopped",
            basis="act of the person",
            categories=("kontakt.mail",),
            outcome="stopped",
            person=PersonKey(row.person),
            actor="citizen",
        )
        house.log.record(session, [flow], now)


def _log(session: Session, house: House, proof: SessionProof, action: str, now: datetime) -> None:
    flow: Flow = replace(act(house, proof, proof.session, action), categories=("kontakt.mail",), case="")
    house.log.record(session, [flow], now)
