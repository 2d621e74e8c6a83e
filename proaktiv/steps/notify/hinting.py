"""When a mail may hint at a letter, and where the address it goes to is kept."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlmodel import Session

from proaktiv.steps.notify.composing import Composed
from proaktiv.steps.notify.posting import BUNDLE, LETTER, MAIL
from proaktiv.tables import BundleRow, DeliveryRow, MailAddressRow, core_table

_BUNDLES = core_table(BundleRow)
_DELIVERIES = core_table(DeliveryRow)
_MAIL = core_table(MailAddressRow)


def hint(session: Session, letters: Sequence[Composed], now: datetime) -> None:
    """Let one mail hint at a bundle's first letter, where an address was given.

    With the letter and its reminder that makes three messages, the most that a bundle may cost (data-path.md).
    """
    first = [
        letter.matter.id
        for letter in letters
        if letter.matter.channel == LETTER and letter.matter.purpose == BUNDLE and letter.run == 1
    ]
    if first:
        given = select(_MAIL.c.person).where(_MAIL.c.person == _BUNDLES.c.person).exists()
        hinted = (
            select(_DELIVERIES.c.id)
            .where(_DELIVERIES.c.matter == _BUNDLES.c.id, _DELIVERIES.c.channel == MAIL)
            .exists()
        )
        session.connection().execute(
            update(_BUNDLES).where(_BUNDLES.c.id.in_(first), given, ~hinted).values(mail_due_at=now)
        )


def move_in(session: Session, letters: Sequence[Composed]) -> None:
    """Keep an address under its person's own key once it was opened; one that was replaced meanwhile stays."""
    for letter in letters:
        if letter.moved is not None:
            session.connection().execute(
                update(_MAIL)
                .where(_MAIL.c.person == letter.matter.person, _MAIL.c.given_at == letter.given_at)
                .values(address=letter.moved, inbox=None)
            )
