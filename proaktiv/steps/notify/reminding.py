"""When a bundle is told of once more: reckoned as its letter is written, from what its open proposals promise.

What a person was told of a Frist is sealed; it is opened under the permit to write to them. Left to others: the
reckoning itself (``core.windows``), keeping its result (``recording``), the day itself (``steps.silence``).
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import or_, select
from sqlmodel import Session

from proaktiv.core.calendar import berlin_date
from proaktiv.core.plans import TOLD
from proaktiv.core.windows import remind_at
from proaktiv.house import House
from proaktiv.matters import AUFTRAEGE, PROPOSALS, SIGNATURES, TO_SIGN
from proaktiv.steps.notify.composing import Composed
from proaktiv.steps.notify.posting import BUNDLE, LETTER
from proaktiv.tables import BundleRow, core_table
from proaktiv.vault import Compartment, Place, VaultError

_BUNDLES = core_table(BundleRow)


def with_reminders(session: Session, house: House, letters: Sequence[Composed], now: datetime) -> list[Composed]:
    """Return the letters, each with the instant of the reminder that is to follow it, if one can be of use.

    One follows the first letter about a bundle, and any other before which it was still to come: that letter may tell
    of another Frist. A reminder is followed by none. A proposal that cannot be opened is no reason for one. Who is
    asked to sign is reminded of the day on which it is decided without them: what the other was told stays sealed.
    """
    permits = {
        letter.matter.id: letter.permit
        for letter in letters
        if (letter.matter.purpose, letter.matter.channel) == (BUNDLE, LETTER)
    }
    if not permits:
        return list(letters)
    found = (
        session.connection()
        .execute(
            select(PROPOSALS.c.id, PROPOSALS.c.bundle, PROPOSALS.c.person, PROPOSALS.c.draft, PROPOSALS.c.answer_by)
            .join(_BUNDLES, _BUNDLES.c.id == PROPOSALS.c.bundle)
            .where(
                _BUNDLES.c.id.in_(permits),
                or_(_BUNDLES.c.messages == 0, _BUNDLES.c.remind_at.is_not(None)),
                PROPOSALS.c.state.in_(("open", "later")),
                PROPOSALS.c.outcome.not_in(TOLD),  # nobody is reminded of a hint
            )
        )
        .all()
    )
    ring = house.vault.ring(session, {row.person for row in found}, (Compartment.VIEW,))
    waiting: dict[UUID, list[Any]] = {}
    for row in found:
        try:
            place = Place("proposals", row.id, "draft")
            fristen = ring.open(permits[row.bundle], row.person, Compartment.VIEW, place, row.draft)["fristen"]
        except (KeyError, TypeError, ValueError, VaultError):
            continue
        waiting.setdefault(row.bundle, []).append((fristen, row.answer_by))
    for bundle, signature_by in _to_sign(session, list(permits)):
        waiting.setdefault(bundle, []).append(((), berlin_date(signature_by)))
    return [replace(letter, remind_at=remind_at(now, waiting.get(letter.matter.id, ()))) for letter in letters]


def _to_sign(session: Session, bundles: Sequence[UUID]) -> Sequence[Any]:
    """Return the bundles in which a signature is asked for, and until when."""
    return (
        session.connection()
        .execute(
            select(SIGNATURES.c.bundle, AUFTRAEGE.c.signature_by)
            .join(AUFTRAEGE, TO_SIGN)
            .join(_BUNDLES, _BUNDLES.c.id == SIGNATURES.c.bundle)
            .where(
                SIGNATURES.c.bundle.in_(bundles),
                AUFTRAEGE.c.signature_by.is_not(None),
                or_(_BUNDLES.c.messages == 0, _BUNDLES.c.remind_at.is_not(None)),
            )
        )
        .all()
    )
