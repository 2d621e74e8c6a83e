"""A relay that took a mail reports that it did not arrive.

Applied only to what was handed over, or is in doubt; a report that comes before the hand-over was recorded is kept by
whoever brought it. The letter went before the mail: nobody is owed another message for a hint that was lost.
Source: channels-and-pages.md §§ 3.2-3.4.
"""

from datetime import datetime
from uuid import UUID

import structlog
from sqlalchemy import and_, literal, or_, select, union_all, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlmodel import Session

from notifiers.reports import Fate
from proaktiv.core.flows import Flow, Kind
from proaktiv.core.keys import PersonKey
from proaktiv.core.states import DELIVERY, DeliveryState
from proaktiv.house import House
from proaktiv.outward import loggable
from proaktiv.steps.notify.outages import forbid
from proaktiv.steps.notify.posting import BUNDLE, MAIL
from proaktiv.tables import DeliveryRow, MailAddressRow, MailConfirmationRow, SuppressionRow, core_table
from proaktiv.vault import Compartment

_DELIVERIES = core_table(DeliveryRow)
_MAIL = core_table(MailAddressRow)
_CONFIRMATIONS = core_table(MailConfirmationRow)
_SUPPRESSIONS = core_table(SuppressionRow)

_log = structlog.get_logger(__name__)


def bounced(session: Session, house: House, delivery: UUID, fate: Fate, now: datetime) -> bool:
    """Apply a report. Returns whether it is done with; False where the hand-over is not recorded yet."""
    connection = session.connection()
    row = connection.execute(
        select(_DELIVERIES).where(_DELIVERIES.c.id == delivery, _DELIVERIES.c.channel == MAIL).with_for_update()
    ).one_or_none()
    if row is None:
        return True
    state = DeliveryState(row.state)
    if state is DeliveryState.ANNOUNCED and row.lease_until is not None:
        return False
    to = DeliveryState.BOUNCED_HARD if fate is Fate.HARD else DeliveryState.BOUNCED_SOFT
    if to not in DELIVERY[state]:
        if state is not to:
            _log.warning("bounce.contradicted", delivery=str(delivery), state=state.value, fate=fate.value)
        return True
    connection.execute(
        update(_DELIVERIES)
        .where(_DELIVERIES.c.id == delivery)
        .values(state=to.value, reason=fate.value, due_at=None, moved_at=now)
    )
    # An address that was given later than this mail was written is another matter. A code's mail went to the address
    # that waits for it, or meanwhile is used; the one to a former address says nothing of the present one.
    hinted = and_(literal(row.purpose == BUNDLE), _MAIL.c.given_at <= row.made_at)
    address = connection.execute(
        union_all(
            select(_MAIL.c.address_hash, _MAIL.c.domain_hash).where(
                _MAIL.c.person == row.person, or_(hinted, _MAIL.c.confirmation == row.matter)
            ),
            select(_CONFIRMATIONS.c.address_hash, _CONFIRMATIONS.c.domain_hash).where(
                _CONFIRMATIONS.c.person == row.person, _CONFIRMATIONS.c.id == row.matter
            ),
        )
    ).one_or_none()
    if address is not None and fate is Fate.HARD and address.address_hash is not None:
        connection.execute(
            upsert(_SUPPRESSIONS).on_conflict_do_nothing(), [{"address_hash": address.address_hash, "since": now}]
        )
    if address is not None and fate is Fate.POLICY and address.domain_hash is not None:
        forbid(session, house, address.domain_hash, now)
    ring = house.vault.ring(session, {row.person} - {None}, (Compartment.FLOW,))
    known = loggable(ring, row.person)
    flow = Flow(
        kind=Kind.RECEIVED,
        sender="relay",
        receiver=house.controller,
        purpose="mail",
        action="mail.bounced",
        basis="Art. 5 Abs. 1 Buchst. d DSGVO",
        categories=("zustellung",),
        outcome=to.value,
        person=None if known is None else PersonKey(known),
        actor="relay",
        case=str(delivery),
    )
    house.log.record(session, [flow], now, ring)
    return True
