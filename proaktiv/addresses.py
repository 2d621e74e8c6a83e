"""What goes when a mail address goes: by its owner's hand, with the consent it rests on, by a mail program's click.

An address rests on the consent to ``ADDRESS_FLOW``, given with it: without the one the other is not kept. Whoever calls
holds the person's lock (``raise_epoch``) and logs. Left to others: giving and confirming (``steps.channels``), the
letter about it (``steps.notify``). Source: Art. 7 (3) DSGVO; docs/decisions/0017.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, delete, insert, true
from sqlmodel import Session

from proaktiv.house import House
from proaktiv.tables import MailAddressRow, MailConfirmationRow, NoticeRow, core_table

ADDRESS_FLOW = "erreichbarkeit/propose/MAIL"
"""Under which mails about an address itself go: its code, and the word to the one before it."""

_ADDRESSES = core_table(MailAddressRow)
_CONFIRMATIONS = core_table(MailConfirmationRow)
_NOTICES = core_table(NoticeRow)


def forget_address(
    session: Session,
    house: House,
    person: UUID | None,
    now: datetime,
    *,
    used: ColumnElement[bool] | None = None,
    typed: ColumnElement[bool] | None = None,
) -> bool:
    """Delete a person's address and the one they typed last, or what of them fits ``used`` and ``typed``.

    Returns whether there was any; a letter tells of one that was in use.
    """
    connection = session.connection()
    gone = connection.execute(
        delete(_ADDRESSES)
        .where(_ADDRESSES.c.person == person, true() if used is None else used)
        .returning(_ADDRESSES.c.confirmation)
    ).all()
    waiting = connection.execute(
        delete(_CONFIRMATIONS).where(_CONFIRMATIONS.c.person == person, true() if typed is None else typed)
    )
    if person is not None and any(row.confirmation is not None for row in gone):
        tell(session, house, person, "mail_removed", now)
    return bool(gone) or waiting.rowcount > 0


def tell(session: Session, house: House, person: UUID, what: str, now: datetime, **sealed: bytes | None) -> None:
    """Let a letter tell of a change; ``inbox`` and ``address`` let a mail there tell it, too."""
    known: dict[str, Any] = {"inbox": None, "address": None} | sealed
    session.connection().execute(
        insert(_NOTICES),
        [
            {
                "id": house.ids.row(now),
                "person": person,
                "what": what,
                "made_at": now,
                "due_at": now,
                "mail_due_at": now if any(known.values()) else None,
                **known,
            }
        ],
    )
