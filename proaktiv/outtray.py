"""Letters that left the house and may still lie in the outgoing post: a human takes them out before they are printed.

Called where somebody is stopped (``recall``) or has moved (``homes``), in that transaction. A letter's file is named by
its wire id, which is the id of its delivery and of the task. Left to others: what is queued still (``steps.notify``).
Source: channels-and-pages.md §§ 3.2, 3.8: a letter can be cancelled until the print run.
"""

from collections.abc import Collection
from datetime import datetime, time
from uuid import UUID

from sqlalchemy import and_, or_, select
from sqlmodel import Session

from proaktiv.calling import call_human
from proaktiv.core.calendar import BERLIN, berlin_date
from proaktiv.core.states import DeliveryState
from proaktiv.core.windows import working_days_before
from proaktiv.house import House
from proaktiv.tables import DeliveryRow, core_table

_DELIVERIES = core_table(DeliveryRow)

CALL_BACK = "letter.call_back"
"""The task: a letter must not be printed, or not be posted."""

_LETTER = "LETTER"


def call_back(
    session: Session, house: House, persons: Collection[UUID], bundles: Collection[UUID], now: datetime
) -> None:
    """Call a human for each letter to these persons, or about these bundles, that may not be printed yet.

    That is what was handed over since the last working day began, and what a worker has in hand.
    """
    if not persons and not bundles:
        return
    begun = datetime.combine(working_days_before(berlin_date(now), 1), time(), BERLIN)
    left = and_(_DELIVERIES.c.state == DeliveryState.HANDED_OVER.value, _DELIVERIES.c.moved_at >= begun)
    leaving = and_(_DELIVERIES.c.state == DeliveryState.ANNOUNCED.value, _DELIVERIES.c.lease_until.is_not(None))
    found = session.connection().execute(
        select(_DELIVERIES.c.id).where(
            _DELIVERIES.c.channel == _LETTER,
            or_(_DELIVERIES.c.person.in_(persons), _DELIVERIES.c.matter.in_(bundles)),
            or_(left, leaving),
        )
    )
    call_human(session, house, [(CALL_BACK, delivery, "") for delivery in found.scalars()], now)
