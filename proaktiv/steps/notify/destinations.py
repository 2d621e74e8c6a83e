"""Where a message goes: the registered address, the mail address that is used, one that waits, or the former one.

All of them sealed; ``composing`` opens them under the permit.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row as SqlRow
from sqlalchemy import or_, select
from sqlmodel import Session

from proaktiv.steps.notify.due import Matter
from proaktiv.steps.notify.posting import ACCOUNT, ADDRESS, BUNDLE, CONFIRMATION, MAIL
from proaktiv.tables import (
    ContactRow,
    MailAddressRow,
    MailConfirmationRow,
    NoticeRow,
    SuppressionRow,
    core_table,
)

_CONTACTS = core_table(ContactRow)
_MAIL = core_table(MailAddressRow)
_CONFIRMATIONS = core_table(MailConfirmationRow)
_NOTICES = core_table(NoticeRow)
_SUPPRESSIONS = core_table(SuppressionRow)


def contacts(session: Session, persons: Sequence[UUID]) -> dict[UUID, bytes]:
    """Return the sealed contacts of some persons."""
    found = session.connection().execute(
        select(_CONTACTS.c.person, _CONTACTS.c["values"]).where(_CONTACTS.c.person.in_(persons))
    )
    return {row[0]: row[1] for row in found}


def mail_addresses(session: Session, matters: Collection[Matter], now: datetime) -> dict[UUID, SqlRow[Any]]:
    """Return where the mail about each matter goes: the confirmed address, the one that waits, or the former one."""
    found: dict[UUID, SqlRow[Any]] = {}
    mails = [matter for matter in matters if matter.channel == MAIL]
    hints = [matter for matter in mails if matter.purpose == BUNDLE]
    if hints:
        persons = {matter.person for matter in hints}
        where = (_MAIL.c.person.in_(persons), _MAIL.c.confirmation.is_not(None))
        used = {row.person: row for row in session.connection().execute(select(_MAIL).where(*where))}
        found |= {matter.id: used[matter.person] for matter in hints if matter.person in used}
    noticed = or_(_NOTICES.c.inbox.is_not(None), _NOTICES.c.address.is_not(None))
    for purpose, table, good in (
        (CONFIRMATION, _CONFIRMATIONS, _CONFIRMATIONS.c.expires_at > now),
        (ADDRESS, _NOTICES, noticed),
        (ACCOUNT, _NOTICES, noticed),
    ):
        wanted = [matter.id for matter in mails if matter.purpose == purpose]
        if wanted:
            rows = session.connection().execute(select(table).where(table.c.id.in_(wanted), good))
            found |= {row.id: row for row in rows}
    return found


def suppressed(session: Session, hashes: Collection[bytes]) -> set[bytes]:
    """Return which addresses refused mail before."""
    if not hashes:
        return set()
    found = select(_SUPPRESSIONS.c.address_hash).where(_SUPPRESSIONS.c.address_hash.in_(hashes))
    return set(session.connection().execute(found).scalars())
