"""Channels: how a person wants to be reached beside the letter. So far: a mail address, given and taken back.

The address is sealed to the worker the moment it is typed, so this surface cannot read it back, not even to show it.
Nothing is sent to it without the consent ``…/propose/MAIL``. That it belongs to who typed it is not proven: a mail says
nothing of anybody. Left to others: writing (``steps.notify``), consent (``steps.consents``).
Source: channels-and-pages.md §§ 3.5, 4; data-path.md § 2.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlmodel import Session

from notifiers.mail import is_address
from proaktiv.assent import act
from proaktiv.core.errors import BadInput
from proaktiv.core.flows import Flow
from proaktiv.core.trust import SessionProof
from proaktiv.house import House
from proaktiv.tables import MailAddressRow, SuppressionRow, core_table
from proaktiv.vault import Place

_MAIL = core_table(MailAddressRow)
_SUPPRESSIONS = core_table(SuppressionRow)


@dataclass(frozen=True, slots=True)
class Reachable:
    """How a person is reached beside the letter: since when by mail, or None. Never the address."""

    mail_since: datetime | None


def reachable(session: Session, proof: SessionProof) -> Reachable:
    """Return how this person wants to be reached."""
    found = session.connection().execute(select(_MAIL.c.given_at).where(_MAIL.c.person == proof.person))
    return Reachable(found.scalar_one_or_none())


def give_mail(session: Session, house: House, proof: SessionProof, address: str, now: datetime) -> None:
    """Keep a mail address, readable by the worker alone; a former one is gone. Raises ``BadInput``.

    One that refused mail before is tried anew: its owner may have mended it.
    """
    if not is_address(address):
        raise BadInput("/address", "is no mail address like name@example.org")
    inbox = house.vault.seal_to_worker(Place("mail_addresses", proof.person, "inbox"), {"mail": address})
    connection = session.connection()
    statement = upsert(_MAIL).values(person=proof.person, inbox=inbox, address=None, given_at=now)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["person"], set_={"inbox": statement.excluded.inbox, "address": None, "given_at": now}
        )
    )
    refused = house.vault.lookup_hash("mail", address.lower())
    connection.execute(delete(_SUPPRESSIONS).where(_SUPPRESSIONS.c.address_hash == refused))
    _log(session, house, proof, "mail_address.given", now)


def remove_mail(session: Session, house: House, proof: SessionProof, now: datetime) -> None:
    """Forget the mail address; again is no error."""
    gone = session.connection().execute(delete(_MAIL).where(_MAIL.c.person == proof.person))
    if gone.rowcount:
        _log(session, house, proof, "mail_address.removed", now)


def _log(session: Session, house: House, proof: SessionProof, action: str, now: datetime) -> None:
    flow: Flow = replace(act(house, proof, proof.session, action), categories=("kontakt.mail",), case="")
    house.log.record(session, [flow], now)
