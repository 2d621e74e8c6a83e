"""Children become known under a holder's permit, and only so; who holds custody stands in ``relations``.

A child's keys live as long as one holder's permit stands (data-path.md § 2). Called by ``steps.propose`` inside its
transaction. Left to others: reading relations (``subjects``, ``core.binding``).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert as upsert
from sqlmodel import Session

from consent.store import enter_subjects
from proaktiv.core.binding import Fact
from proaktiv.core.calendar import berlin_date, month_of
from proaktiv.core.passage import Matched
from proaktiv.house import House
from proaktiv.sets import copy_rows, unnested
from proaktiv.subjects import resolve
from proaktiv.tables import PersonIdentifierRow, PersonRow, RelationRow, core_table

_PERSONS = core_table(PersonRow)
_IDENTIFIERS = core_table(PersonIdentifierRow)
_RELATIONS = core_table(RelationRow)

_RELATION_COLUMNS = ("from_person", "to_person", "kind", "source", "valid_from", "known_from")

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
        copy_rows(
            session, _PERSONS, ("person", "status", "since"), [(person, "child", now) for person in fresh.values()]
        )
        copy_rows(
            session,
            _IDENTIFIERS,
            ("kind", "lookup_hash", "person"),
            [("register_id", child, person) for child, person in fresh.items()],
        )
        house.vault.create(session, list(fresh.values()), now)
        enter_subjects(session.connection(), fresh.values())
    persons = known | fresh
    rows = [
        _relation(parent, persons[child], kind, item, now)
        for (child, parent), item in births.items()
        for kind in _kinds(item.facts.get("elternteil.sorge"))
    ]
    given = unnested(_RELATIONS, _RELATION_COLUMNS, rows)
    session.connection().execute(
        upsert(_RELATIONS).from_select(list(_RELATION_COLUMNS), given).on_conflict_do_nothing()
    )


def _kinds(custody: Fact | None) -> tuple[str, ...]:
    return ("elternteil", "sorge") if custody is not None and custody.value in _CUSTODY else ("elternteil",)


def _relation(parent: UUID, child: UUID, kind: str, item: Matched, now: datetime) -> tuple[Any, ...]:
    event = item.admitted.event
    return parent, child, kind, event.source, month_of(berlin_date(event.arrived_at)), now
