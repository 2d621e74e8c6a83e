"""Children become known under a holder's permit, and only so; who holds custody stands in ``relations``.

A child's keys live as long as one holder's permit stands (data-path.md § 2). Called by ``steps.propose`` inside its
transaction. Left to others: reading relations (``subjects``, ``core.binding``).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlmodel import Session

from consent.store import enter_subjects
from proaktiv.core.binding import Fact
from proaktiv.core.calendar import berlin_date, month_of
from proaktiv.core.passage import Matched
from proaktiv.house import House
from proaktiv.subjects import resolve
from proaktiv.tables import PersonIdentifierRow, PersonRow, RelationRow, core_table

_PERSONS = core_table(PersonRow)
_IDENTIFIERS = core_table(PersonIdentifierRow)
_RELATIONS = core_table(RelationRow)

_CUSTODY = frozenset({"allein", "gemeinsam"})


def know_children(session: Session, house: House, matched: Sequence[Matched], now: datetime) -> None:
    """Write the children of a set of admitted births: person, keys, identifier, and relations to the admitted parents.

    The caller holds the advisory locks of the children's look-up hashes, so no child is written twice.
    """
    births: dict[tuple[bytes, UUID], Matched] = {}
    for item in matched:
        child = item.admitted.event.child
        if child is not None and "kind.kennung" in item.facts:
            births[child, item.admitted.person] = item
    if not births:
        return
    known = dict(resolve(session, {child for child, _ in births}))
    fresh = {child: house.ids.secret() for child, _ in births if child not in known}
    if fresh:
        connection = session.connection()
        connection.execute(
            insert(_PERSONS), [{"person": person, "status": "child", "since": now} for person in fresh.values()]
        )
        connection.execute(
            insert(_IDENTIFIERS),
            [{"kind": "register_id", "lookup_hash": child, "person": person} for child, person in fresh.items()],
        )
        house.vault.create(session, list(fresh.values()), now)
        enter_subjects(connection, fresh.values())
    persons = known | fresh
    rows = [
        _relation(parent, persons[child], kind, item, now)
        for (child, parent), item in births.items()
        for kind in _kinds(item.facts.get("elternteil.sorge"))
    ]
    session.connection().execute(upsert(_RELATIONS).on_conflict_do_nothing(), rows)


def _kinds(custody: Fact | None) -> tuple[str, ...]:
    return ("elternteil", "sorge") if custody is not None and custody.value in _CUSTODY else ("elternteil",)


def _relation(parent: UUID, child: UUID, kind: str, item: Matched, now: datetime) -> dict[str, Any]:
    return {
        "from_person": parent,
        "to_person": child,
        "kind": kind,
        "source": item.admitted.event.source,
        "valid_from": month_of(berlin_date(item.admitted.event.arrived_at)),
        "known_from": now,
    }
