"""What the calendar alone will change: notes to decide an event anew, written with the decision.

Called by ``steps.propose`` in evaluate's transaction. Ended by ``steps.revisit``. Source: data-path.md § 4.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, insert, tuple_
from sqlmodel import Session

from proaktiv.core.calendar import berlin_date
from proaktiv.core.outcomes import look_again_on
from proaktiv.core.passage import Matched
from proaktiv.core.public_holidays import calendar_of
from proaktiv.core.windows import look_again
from proaktiv.house import House
from proaktiv.tables import WiedervorlageRow, core_table

_WIEDERVORLAGEN = core_table(WiedervorlageRow)


def note_changes(session: Session, house: House, decided: Sequence[Matched], now: datetime) -> None:
    """Note for each person and Leistung that does not apply yet, or that is a Wiedervorlage, when to decide anew.

    Older notes of the same persons go.
    """
    connection = session.connection()
    again = {(item.admitted.event.id, item.admitted.person) for item in decided if item.admitted.event.payload is None}
    if again:
        place = tuple_(_WIEDERVORLAGEN.c.event, _WIEDERVORLAGEN.c.person)
        connection.execute(delete(_WIEDERVORLAGEN).where(place.in_(again)))
    rows = []
    for item in decided:
        change = look_again_on(item.decision, berlin_date(now))
        if change is None:
            continue
        values = {name: fact.value for name, fact in item.facts.items()}
        clocks = item.plan.clocks(values, calendar_of(values.get(item.plan.stelle_nach)))
        month, day = look_again(change, [clock.sicher_bis for clock in clocks])
        rows.append(
            {
                "id": house.ids.row(now),
                "person": item.admitted.person,
                "what": f"{item.admitted.lebenslage}/{item.plan.leistung}",
                "due_month": month,
                "due_on": day,
                "event": item.admitted.event.id,
            }
        )
    if rows:
        connection.execute(insert(_WIEDERVORLAGEN), rows)
