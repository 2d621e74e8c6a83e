"""When a mail may hint at a letter, and where its address is kept. Source: channels-and-pages.md §§ 3.3, 3.5."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select, update
from sqlmodel import Session

from proaktiv.steps.notify.composing import Composed
from proaktiv.steps.notify.due import Matter
from proaktiv.steps.notify.posting import ACCOUNT, ADDRESS, MAIL
from proaktiv.tables import BundleRow, MailAddressRow, NoticeRow, core_table

_BUNDLES = core_table(BundleRow)
_MAIL = core_table(MailAddressRow)
_NOTICES = core_table(NoticeRow)


HINT_LIVES = timedelta(hours=72)
"""For so long a mail may follow its letter; later it would puzzle more than it helps."""


def hint(session: Session, bundles: Collection[UUID], now: datetime) -> None:
    """Let one mail follow the first letter of some bundles, where an address is confirmed; before that letter counts.

    With the letter and its reminder that makes three messages, the most that a bundle may cost (data-path.md).
    """
    mine = (_MAIL.c.person == _BUNDLES.c.person, _MAIL.c.confirmation.is_not(None))
    given = select(_MAIL.c.person).where(*mine).exists()
    session.connection().execute(
        update(_BUNDLES).where(_BUNDLES.c.id.in_(bundles), _BUNDLES.c.messages == 0, given).values(mail_due_at=now)
    )


def stale(matter: Matter, now: datetime) -> bool:
    """Return whether a mail that was begun has waited too long for its relay."""
    begun = matter.delivery
    return matter.channel == MAIL and begun is not None and begun.made_at + HINT_LIVES <= now


def forget_former(session: Session, told: Collection[tuple[UUID, str, str]]) -> None:
    """Forget the addresses of notices whose mail is over; each is (notice, purpose, channel), or another."""
    over = [notice for notice, purpose, channel in told if purpose in (ADDRESS, ACCOUNT) and channel == MAIL]
    if over:
        session.connection().execute(update(_NOTICES).where(_NOTICES.c.id.in_(over)).values(inbox=None, address=None))


def move_in(session: Session, letters: Sequence[Composed]) -> None:
    """Keep an address under its person's own key once it was opened; one that was replaced meanwhile stays."""
    for letter in letters:
        if letter.moved is not None and letter.given_at is not None:
            session.connection().execute(
                update(_MAIL)
                .where(_MAIL.c.person == letter.matter.person, _MAIL.c.given_at == letter.given_at)
                .values(address=letter.moved, inbox=None)
            )
