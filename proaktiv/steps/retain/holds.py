"""Holds: what may not be deleted meanwhile, by whose word and under which file number. Placed and released, logged.

Source: Art. 17 (3) (e), 18 (1) (c) DSGVO; flowlog.md § 4 (legal_hold).
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select, update
from sqlmodel import Session

from proaktiv.core.errors import BadInput, Conflict, NotFound
from proaktiv.core.flows import Flow, Kind
from proaktiv.core.keys import PersonKey
from proaktiv.house import House
from proaktiv.locks import lock_keys
from proaktiv.outward import loggable
from proaktiv.tables import HOLDS_LOCK, AuftragRow, HoldRow, PersonRow, core_table
from proaktiv.vault import Compartment

HOLDS = core_table(HoldRow)
_AUFTRAEGE = core_table(AuftragRow)
_PERSONS = core_table(PersonRow)


def place(
    session: Session, house: House, *, person: UUID | None, auftrag: UUID | None, reason: str, by: str, now: datetime
) -> UUID:
    """Keep everything of a person, or of an Auftrag, from any deletion until it is released. Returns the hold's id.

    Waits for a set that is being deleted, and for somebody who is being destroyed. Raises ``BadInput`` where not just
    one of the two is named, ``reason`` (1..64 characters, a file number) or ``by`` is missing, and ``NotFound`` where
    it is not here.
    """
    _said(reason, by)
    if (person is None) == (auftrag is None):
        raise BadInput("--person", "name either a person or an Auftrag")
    lock_keys(session, [HOLDS_LOCK])  # whoever is being destroyed is gone, or stays, before we look
    connection = session.connection()
    table, wanted = (_PERSONS.c.person, person) if auftrag is None else (_AUFTRAEGE.c.id, auftrag)
    if connection.execute(select(table).where(table == wanted)).first() is None:
        raise NotFound("person" if auftrag is None else "auftrag")
    about = person
    if auftrag is not None:
        about = connection.execute(select(_AUFTRAEGE.c.person).where(_AUFTRAEGE.c.id == auftrag)).scalar_one()
    hold = house.ids.row(now)
    row = {"id": hold, "person": person, "auftrag": auftrag, "reason": reason, "placed_by": by, "placed_at": now}
    connection.execute(insert(HOLDS), [row | {"released_by": "", "released_at": None}])
    _log(session, house, about, hold, "placed", reason, by, now)
    return hold


def release(session: Session, house: House, hold: UUID, *, reason: str, by: str, now: datetime) -> None:
    """Let what was held go when its time has come.

    Raises ``NotFound``, ``BadInput``, and ``Conflict`` where it was released before.
    """
    _said(reason, by)
    connection = session.connection()
    row = connection.execute(select(HOLDS).where(HOLDS.c.id == hold).with_for_update()).one_or_none()
    if row is None:
        raise NotFound("hold")
    if row.released_at is not None:
        raise Conflict(f"this hold was released by {row.released_by} before")
    connection.execute(update(HOLDS).where(HOLDS.c.id == hold).values(released_at=now, released_by=by))
    about = row.person
    if row.auftrag is not None:
        about = connection.execute(
            select(_AUFTRAEGE.c.person).where(_AUFTRAEGE.c.id == row.auftrag)
        ).scalar_one_or_none()
    _log(session, house, about, hold, "released", reason, by, now)


def standing(session: Session) -> list[dict[str, Any]]:
    """Return the holds that stand, oldest first."""
    rows = session.connection().execute(
        select(HOLDS).where(HOLDS.c.released_at.is_(None)).order_by(HOLDS.c.placed_at, HOLDS.c.id)
    )
    return [
        {
            "id": str(row.id),
            "person": str(row.person or ""),
            "auftrag": str(row.auftrag or ""),
            "reason": row.reason,
            "by": row.placed_by,
            "since": row.placed_at.isoformat(),
        }
        for row in rows
    ]


def _said(reason: str, by: str) -> None:
    for name, value in (("--reason", reason), ("--by", by)):
        if not 1 <= len(value.strip()) <= 64:
            raise BadInput(name, "must have 1 to 64 characters")


def _log(
    session: Session, house: House, person: UUID | None, hold: UUID, outcome: str, reason: str, by: str, now: datetime
) -> None:
    ring = house.vault.ring(session, {person} if person else set(), (Compartment.FLOW,))
    known = loggable(ring, person)
    flow = Flow(
        kind=Kind.RETENTION,
        sender=house.controller,
        receiver=house.controller,
        purpose="aufbewahrung",
        action=f"hold.{outcome}",
        basis="Art. 17 Abs. 3 Buchst. e DSGVO",
        outcome=outcome,
        person=None if known is None else PersonKey(known),
        actor=by,
        case=str(hold),
        reason=reason,
    )
    house.log.record(session, [flow], now, ring)
