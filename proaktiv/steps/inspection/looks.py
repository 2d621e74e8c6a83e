"""What every look has in common: who may, how often in an hour, and the entry that says so.

Left to others: the leave itself (``steps.inspection``).
"""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from sqlalchemy import delete, func, insert, select
from sqlmodel import Session

from proaktiv.core.errors import NotAllowed, NotFound, TooMany
from proaktiv.core.flows import OVERSIGHT, Flow, Kind
from proaktiv.core.keys import PersonKey
from proaktiv.core.sought import auftrag_number
from proaktiv.core.staff import Role, StaffProof
from proaktiv.house import House
from proaktiv.locks import lock_keys
from proaktiv.matters import AUFTRAEGE
from proaktiv.outward import loggable
from proaktiv.subjects import resolve
from proaktiv.tables import IncidentRow, StaffLookRow, core_table
from proaktiv.vault import Compartment

PER_HOUR = {"auftrag": 20, "person": 20, "erasure": 20, "flow": 50}
"""How many different matters somebody opens in an hour (T2, T22)."""

REASON_MIN, REASON_MAX = 10, 500
OVERSIGHT_BASIS = "Art. 39 Abs. 1 Buchst. b DSGVO"
_HOUR = timedelta(hours=1)
_LOOKS = core_table(StaffLookRow)
_INCIDENTS = core_table(IncidentRow)


class Curious(TooMany):
    """Somebody opened more matters in an hour than work needs; tell the DSB with ``report``."""

    incident = "staff.too_many_looks"


class Foreign(NotFound):
    """Somebody asked for a matter of another Behörde; tell the DSB with ``report``."""

    incident = "staff.foreign_matter"


def require(proof: StaffProof, role: Role) -> None:
    """Raise ``NotAllowed`` where this is for another role."""
    if proof.role is not role:
        raise NotAllowed(f"this is for another role than {proof.role}")


def find(session: Session, house: House, typed: str) -> UUID | None:
    """Return whom a reference number or a register's key leads to. Nobody is searched by name (T2)."""
    by_reference = select(AUFTRAEGE.c.person).where(AUFTRAEGE.c.reference == auftrag_number(typed))
    found: UUID | None = session.connection().execute(by_reference).scalar_one_or_none()
    if found is not None:
        return found
    key = house.vault.lookup_hash("register_id", typed)
    return resolve(session, [key]).get(key)


def overseen(
    house: House, proof: StaffProof, action: str, *, outcome: str = "", case: str = "", reason: str = ""
) -> Flow:
    """Return what the log says of an act of the DSB; about nobody."""
    return Flow(
        kind=Kind.ACCESS,
        sender=house.controller,
        receiver=house.controller,
        purpose=OVERSIGHT,
        action=action,
        basis=OVERSIGHT_BASIS,
        categories=("protokoll",),
        outcome=outcome,
        actor=proof.name,
        case=case,
        reason=reason,
    )


class Reported(Protocol):
    """A refusal of which the DSB must know; ``incident`` is what it is called."""

    @property
    def incident(self) -> str:
        """Return the name of the incident."""


def report(session: Session, house: House, proof: StaffProof, error: Reported, now: datetime) -> None:
    """Tell the DSB of a look that was refused, in a transaction of its own: the one that refused is rolled back."""
    session.connection().execute(
        insert(_INCIDENTS), [{"id": house.ids.row(now), "what": error.incident, "matter": proof.staff, "at": now}]
    )
    flow = Flow(
        kind=Kind.INCIDENT,
        sender=house.controller,
        receiver=house.controller,
        purpose="sicherheit",
        action=error.incident,
        basis="Art. 32 DSGVO",
        outcome="refused",
        restrict=True,
        actor=proof.name,
    )
    house.log.record(session, [flow], now)


def count(session: Session, house: House, proof: StaffProof, what: str, matter: UUID, wall: datetime) -> None:
    """Count one look; the same matter again is the same work. One person's looks are counted one after the other."""
    lock_keys(session, [house.vault.mac("staff-looks", proof.staff.bytes)])
    connection = session.connection()
    connection.execute(delete(_LOOKS).where(_LOOKS.c.at <= wall - _HOUR))
    others = connection.execute(
        select(func.count(_LOOKS.c.matter.distinct()), func.min(_LOOKS.c.at)).where(
            _LOOKS.c.staff == proof.staff, _LOOKS.c.what == what, _LOOKS.c.matter != matter
        )
    ).one()
    if others[0] >= PER_HOUR[what]:
        wait = max(1, int((others[1] + _HOUR - wall).total_seconds()))
        raise Curious(f"more than {PER_HOUR[what]} in an hour", wait)
    connection.execute(
        insert(_LOOKS),
        [{"id": house.ids.secret(), "staff": proof.staff, "what": what, "matter": matter, "at": wall}],
    )


def log(session: Session, house: House, flow: Flow, persons: Collection[UUID], now: datetime) -> UUID:
    """Write one entry for each person, or one without; return the first."""
    ring = house.vault.ring(session, persons, (Compartment.FLOW,))
    flows = []
    for person in persons:
        known = loggable(ring, person)
        flows.append(replace(flow, person=None if known is None else PersonKey(known)))
    return house.log.record(session, flows or [flow], now, ring)[0]
