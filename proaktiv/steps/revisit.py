"""Revisit: decide an event anew when the calendar has changed what the rules say of it.

Left to others: noting when that will be (``steps.propose``), deciding (``steps.match``, with a gate of its own).
Source: data-path.md § 4 (wiedervorlagen).
"""

from datetime import datetime

from sqlalchemy import and_, delete, or_, select
from sqlmodel import Session

from proaktiv.core.calendar import berlin_date, month_of
from proaktiv.house import House
from proaktiv.matters import decide_anew
from proaktiv.tables import WiedervorlageRow, core_table

PROBES = ("revisit.before", "revisit.after")

_WIEDERVORLAGEN = core_table(WiedervorlageRow)


def revisit(session: Session, house: House, now: datetime, limit: int) -> int:
    """Make up to ``limit`` events due whose day has come, or whose month is over. Returns how many notes are gone."""
    house.probe("revisit.before")
    today = berlin_date(now)
    rows = _WIEDERVORLAGEN.c
    due = or_(rows.due_on <= today, and_(rows.due_on.is_(None), rows.due_month < month_of(today)))
    connection = session.connection()
    found = connection.execute(
        select(rows.id, rows.event)
        .where(due)
        .order_by(rows.due_month, rows.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    if found:
        connection.execute(delete(_WIEDERVORLAGEN).where(rows.id.in_([row.id for row in found])))
        decide_anew(session, {row.event for row in found if row.event is not None}, now)
    house.probe("revisit.after")
    return len(found)
