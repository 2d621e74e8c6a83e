"""Genuine: whether a message with the reference that somebody types was sent by this house.

Says when, on which way, and whether its entry in the log is untouched; no person, no matter. What is not known costs
the same queries whatever it is, and all questions together are held to a rate, so that nobody tries references through.
Source: channels-and-pages.md §§ 5.2, 9; flowlog.md (decided beyond the page).
"""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlmodel import Session

from proaktiv.core import codes
from proaktiv.core.calendar import berlin_date
from proaktiv.core.errors import TooMany
from proaktiv.core.rates import Rate
from proaktiv.core.states import DeliveryState
from proaktiv.flowlog.proving.intact import intact
from proaktiv.house import House
from proaktiv.paces import WHOLE, take
from proaktiv.tables import DeliveryRow, core_table

RATE = Rate(5.0)
"""So many questions a second, from everybody together."""

_DELIVERIES = core_table(DeliveryRow)
_CHANNEL = "genuine"
_LEFT = tuple(
    state.value
    for state in (
        DeliveryState.HANDED_OVER,
        DeliveryState.IN_DOUBT,
        DeliveryState.BOUNCED_HARD,
        DeliveryState.BOUNCED_SOFT,
    )
)


@dataclass(frozen=True, slots=True)
class Sent:
    """A message of this house: the day that stands on it, LETTER or MAIL, and its entry in the log.

    ``intact`` is None while nothing is signed over the entry.
    """

    on: date
    channel: str
    at: datetime
    intact: bool | None


def allow(session: Session, now: datetime) -> None:
    """Count one question. Raises ``TooMany``."""
    (pause,) = take(session, _CHANNEL, lambda _target: RATE, [WHOLE], now)
    if pause is not None:
        raise TooMany("too many questions at once", 1)


def sent(session: Session, house: House, typed: str) -> Sent | None:
    """Return what was sent under a reference, or None; what cannot be one is looked for like any other."""
    reference = house.vault.lookup_hash("reference", codes.read_reference(typed))
    row = (
        session.connection()
        .execute(
            select(_DELIVERIES.c.made_at, _DELIVERIES.c.channel, _DELIVERIES.c.flow_id).where(
                _DELIVERIES.c.reference_hash == reference, _DELIVERIES.c.state.in_(_LEFT)
            )
        )
        .first()
    )
    if row is None:
        return None
    untouched = intact(session, row.flow_id, house.log_keys)
    return Sent(berlin_date(row.made_at), row.channel, row.made_at, untouched)
