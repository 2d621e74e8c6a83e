"""What wishes that two people decide have in common: the row to decide on, and why somebody asked.

The reason stands in part A of the entry that tells of the wish, and nowhere else. Left to others: what the wishes are
about (``four_eyes``, ``erasing``, ``holding``). Source: channels-and-pages.md § 9; flowlog.md § 5.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Table, delete, or_, select
from sqlmodel import Session

from proaktiv.colleagues import OnePersonError, require_two
from proaktiv.core.errors import BadInput, Conflict, NotAllowed, NotFound
from proaktiv.core.keys import OfficeKeys
from proaktiv.core.staff import Role, StaffProof
from proaktiv.flowlog.proving.opening import staff_parts
from proaktiv.house import House
from proaktiv.steps.inspection.looks import REASON_MAX, REASON_MIN, log, overseen, require
from proaktiv.tables import (
    ErasureRequestRow,
    FlowLogRow,
    FlowSecretRow,
    HoldRequestRow,
    PersonRequestRow,
    StaffRow,
    core_table,
)

WAITS = timedelta(days=3)
"""So long a wish waits for an answer."""

OPEN = timedelta(days=1)
"""So long an answer is shown, and a yes lets look."""

_STAFF = core_table(StaffRow)
_LOG = core_table(FlowLogRow)
_SECRET = core_table(FlowSecretRow)
_PERSONS, _ERASURES, _HOLDS = (core_table(row) for row in (PersonRequestRow, ErasureRequestRow, HoldRequestRow))
_WITHDRAWN = {
    _PERSONS.name: "person.withdrawn",
    _ERASURES.name: "erasure.withdrawn",
    _HOLDS.name: "hold.withdrawn",
}


def reason_of(written: str) -> str:
    """Return a reason on one line. Raises ``BadInput`` for one that is none."""
    given = " ".join(written.split())
    if not REASON_MIN <= len(given) <= REASON_MAX:
        raise BadInput("reason", f"must say in {REASON_MIN} to {REASON_MAX} characters why")
    return given


def to_decide(session: Session, table: Table, proof: StaffProof, request: UUID, wall: datetime) -> dict[str, Any]:
    """Return the row of somebody else's wish, locked. Raises ``NotAllowed`` to whoever asked, ``NotFound``."""
    require(proof, Role.DSB)
    query = select(table).where(table.c.id == request, table.c.expires_at > wall).with_for_update()
    row = session.connection().execute(query).mappings().one_or_none()
    if row is None:
        raise NotFound("request")
    require_other(session, row["asked_by"], proof)
    return dict(row)


def require_other(session: Session, asked_by: UUID, proof: StaffProof) -> None:
    """Raise ``NotAllowed`` where this is whoever asked, under whichever id; ``NotFound`` where they work here no more.

    A wish ends with the work of whoever had it; one that was asked at that very moment, too.
    """
    try:
        require_two(session, asked_by, proof.staff)
    except OnePersonError:
        raise NotAllowed("whoever asks does not decide") from None
    ended = select(_STAFF.c.ended_at).where(_STAFF.c.id == asked_by)
    if session.connection().execute(ended).scalar_one() is not None:
        raise NotFound("request")


def withdraw(
    session: Session, house: House, table: Table, proof: StaffProof, request: UUID, now: datetime, wall: datetime
) -> None:
    """End the own wish while nobody has decided on it: the log says so, and nothing of it is left in its table.

    Raises ``NotFound`` for what is over or somebody else's, ``Conflict`` for what is decided.
    """
    require(proof, Role.DSB)
    mine = (table.c.id == request, table.c.asked_by == proof.staff, table.c.expires_at > wall)
    row = session.connection().execute(select(table).where(*mine).with_for_update()).mappings().one_or_none()
    if row is None:
        raise NotFound("request")
    if row["state"] != "waiting":
        raise Conflict("it is decided already")
    action = "release.withdrawn" if row.get("hold") else _WITHDRAWN[table.name]
    log(session, house, overseen(house, proof, action, case=str(row["flow_id"])), [], now)
    session.connection().execute(delete(table).where(table.c.id == request))


def said_before(row: dict[str, Any], proof: StaffProof, *, grant: bool) -> bool:
    """Return whether this very answer was given before by the same person. Raises ``Conflict`` for another one."""
    if row["state"] == "waiting":
        return False
    if row["decided_by"] == proof.staff and (row["state"] != "denied") is grant:
        return True
    raise Conflict("it is decided already")


def shown_to(
    session: Session, table: Table, proof: StaffProof, wall: datetime, states: Collection[str]
) -> list[dict[str, Any]]:
    """Return the own wishes, those one decided, and everybody's in one of ``states``: what is not over, by age."""
    require(proof, Role.DSB)
    mine = or_(
        table.c.asked_by == proof.staff, table.c.decided_by == proof.staff, table.c.state.in_(("waiting", *states))
    )
    query = select(table).where(table.c.expires_at > wall, mine).order_by(table.c.asked_at, table.c.id)
    return [dict(row) for row in session.connection().execute(query).mappings()]


def told(row: dict[str, Any], proof: StaffProof, reason: str | None) -> dict[str, Any]:
    """Return what is the same of each wish: who asks, why, since when, and how it stands."""
    return {
        "id": str(row["id"]),
        "mine": row["asked_by"] == proof.staff,
        "asked_by": row["asked_name"],
        "asked_at": row["asked_at"].isoformat(),
        "state": row["state"],
        "decided_by": row["decided_name"] or "",
        "expires_at": row["expires_at"].isoformat(),
        "reason": reason,
    }


def reasons(session: Session, staff_private: OfficeKeys, entries: Collection[UUID]) -> dict[UUID, str | None]:
    """Return what part A of some entries gives as the reason; None where this office cannot open it."""
    query = (
        select(_LOG.c.fid, _LOG.c.entry, _SECRET.c.a_blob, _SECRET.c.staff_key)
        .join(_SECRET, _SECRET.c.fid == _LOG.c.fid)
        .where(_LOG.c.fid.in_(entries))
    )
    rows = session.connection().execute(query).all()
    parts = staff_parts(session, staff_private, rows)
    return {row.fid: part.part.get("reason") for row, part in zip(rows, parts, strict=True)}


def standing(session: Session, proof: StaffProof, wall: datetime) -> dict[str, int]:
    """Return how many wishes wait for a second person, by what they are about; and erasures that cannot go yet."""
    require(proof, Role.DSB)

    def count(table: Table, state: str) -> int:
        query = select(table.c.id).where(table.c.state == state, table.c.expires_at > wall)
        return len(session.connection().execute(query).all())

    return {
        "person": count(_PERSONS, "waiting"),
        "erasure": count(_ERASURES, "waiting"),
        "hold": count(_HOLDS, "waiting"),
        "hindered": count(_ERASURES, "hindered"),
    }
