"""What only a human can do for somebody: one task for each Leistung of art ``manuell``, however often it is decided.

Called by ``steps.propose`` in evaluate's transaction, before it keeps the matches; the task names the match, and so the
Leistung. Ended by ``steps.tasks``. Source: lebenslagen.md § 2.1 (M).
"""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import insert, or_, select
from sqlmodel import Session

from proaktiv.core.competence import Competences, competent
from proaktiv.core.passage import Matched
from proaktiv.house import House
from proaktiv.sets import among
from proaktiv.tables import MatchRow, RegisterEventRow, TaskRow, core_table

BY_HAND = "leistung.by_hand"

_EVENTS = core_table(RegisterEventRow)
_MATCHES = core_table(MatchRow)
_TASKS = core_table(TaskRow)


def give_by_hand(
    session: Session, house: House, decided: Mapping[UUID, Matched], competences: Competences, now: datetime
) -> None:
    """Give a clerk what the rules leave to a human; ``decided`` are this transaction's matches by their ids.

    Not again where it was given for the same event, or waits still for an older version of its entry.
    """
    wanted = {match: item for match, item in decided.items() if item.decision.outcome == "manuell"}
    if not wanted:
        return
    given = _given(session, list(wanted.values()))
    rows = []
    for match, item in wanted.items():
        place = (item.admitted.event.entry_hash, item.admitted.person, item.plan.leistung)
        if place in given:
            continue
        given.add(place)
        area = item.facts.get(item.plan.stelle_nach)
        behoerde = competent(competences, item.plan.stelle_art, str(area.value)) if area is not None else None
        rows.append(
            {"id": house.ids.row(now), "what": BY_HAND, "matter": match, "behoerde": behoerde or "", "made_at": now}
        )
    if rows:
        session.connection().execute(insert(_TASKS), rows)


def _given(session: Session, wanted: list[Matched]) -> set[tuple[bytes, UUID, str]]:
    """Return entry, person and Leistung of what needs no task any more."""
    events = {item.admitted.event.id for item in wanted}
    rows = session.connection().execute(
        select(_EVENTS.c.entry_hash, _MATCHES.c.person, _MATCHES.c.leistung)
        .join(_MATCHES, _MATCHES.c.id == _TASKS.c.matter)
        .join(_EVENTS, _EVENTS.c.id == _MATCHES.c.event)
        .where(
            _TASKS.c.what == BY_HAND,
            among(_EVENTS.c.entry_hash, {item.admitted.event.entry_hash for item in wanted}),
            or_(_TASKS.c.done_at.is_(None), among(_EVENTS.c.id, events)),
        )
    )
    return {(row.entry_hash, row.person, row.leistung) for row in rows}
