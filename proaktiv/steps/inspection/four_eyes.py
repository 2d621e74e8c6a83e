"""Four eyes: whoever wants to look a person up asks, and a second one of the DSB's office says yes or no.

Neither alone sees anything: whoever asks does not even learn whether the person is known, whoever decides sees who asks
and why, never about whom. A request waits three days, a yes opens for one. Why somebody asked stands in part A of the
entry that says so, and nowhere else. Source: channels-and-pages.md § 9 (Person); Art. 5 (1) lit. f, 32 DSGVO.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, insert, or_, select, update
from sqlmodel import Session

from proaktiv.core.errors import Conflict, NotAllowed, NotFound
from proaktiv.core.keys import OfficeKeys
from proaktiv.core.series import DAY, Pace
from proaktiv.core.sought import number
from proaktiv.core.staff import Role, StaffProof
from proaktiv.flowlog.findings.series import ASKED, GRANTED, LookUps, Recent
from proaktiv.house import House
from proaktiv.steps.inspection import wishes
from proaktiv.steps.inspection.looks import count, find, log, overseen, require
from proaktiv.steps.inspection.wishes import OPEN, WAITS, reason_of, reasons, to_decide
from proaktiv.tables import PersonRequestRow, StaffRow, core_table

_REQUESTS = core_table(PersonRequestRow)
_STAFF = core_table(StaffRow)


@dataclass(frozen=True, slots=True)
class Granted:
    """What a second person allowed. ``person`` is None where nobody was found."""

    person: UUID | None
    matter: UUID
    flow_id: UUID


def ask(
    session: Session, house: House, proof: StaffProof, typed: str, reason: str, now: datetime, wall: datetime
) -> UUID:
    """Keep a wish to look a person up, by an Auftrag's number or a register's key; return its id.

    Raises ``NotAllowed`` for another role, ``BadInput`` for what is no number or no reason, ``Curious``.
    """
    require(proof, Role.DSB)
    typed = number(typed, "who")
    given = reason_of(reason)
    person = find(session, house, typed)
    # Who is not there is counted too, or one could try them all.
    index = house.log.subj(person) if person is not None else house.vault.mac("nobody", typed.strip().encode())[:16]
    matter = UUID(bytes=index)
    count(session, house, proof, "person", matter, wall)
    fid = log(session, house, overseen(house, proof, ASKED, reason=given), [], now)
    connection = session.connection()
    connection.execute(delete(_REQUESTS).where(_REQUESTS.c.expires_at <= wall))
    request = house.ids.secret()
    row = {
        "id": request,
        "person": person,
        "matter": matter,
        "flow_id": fid,
        "state": "waiting",
        "asked_by": proof.staff,
        "asked_at": wall,
        "decided_by": None,
        "decided_at": None,
        "expires_at": wall + WAITS,
    }
    connection.execute(insert(_REQUESTS), [row])
    return request


def decide(
    session: Session, house: House, proof: StaffProof, request: UUID, now: datetime, wall: datetime, *, grant: bool
) -> None:
    """Say yes or no to somebody else's wish. Raises ``NotAllowed`` to whoever asked, ``NotFound``, ``Conflict``."""
    row = to_decide(session, _REQUESTS, proof, request, wall)
    if row["state"] != "waiting":
        raise Conflict("it is decided already")
    state = "granted" if grant else "denied"
    action = GRANTED if grant else "person.denied"
    log(session, house, overseen(house, proof, action, case=str(row["flow_id"])), [], now)
    session.connection().execute(
        update(_REQUESTS)
        .where(_REQUESTS.c.id == request)
        .values(state=state, decided_by=proof.staff, decided_at=wall, expires_at=wall + OPEN)
    )


def withdraw(session: Session, house: House, proof: StaffProof, request: UUID, now: datetime, wall: datetime) -> None:
    """End the own wish while nobody has decided on it. Raises ``NotFound``, ``Conflict``."""
    wishes.withdraw(session, house, _REQUESTS, proof, request, now, wall)


def granted(session: Session, proof: StaffProof, request: UUID, wall: datetime) -> Granted:
    """Return what was allowed to whoever asked. Raises ``NotFound``; ``NotAllowed`` where nobody said yes."""
    require(proof, Role.DSB)
    row = (
        session.connection()
        .execute(
            select(_REQUESTS).where(
                _REQUESTS.c.id == request, _REQUESTS.c.asked_by == proof.staff, _REQUESTS.c.expires_at > wall
            )
        )
        .one_or_none()
    )
    if row is None:
        raise NotFound("request")
    if row.state != "granted":
        raise NotAllowed("a second person must say yes first")
    return Granted(row.person, row.matter, row.flow_id)


def requests(
    session: Session, proof: StaffProof, staff_private: OfficeKeys, pace: Pace, now: datetime, wall: datetime
) -> list[dict[str, Any]]:
    """Return the own wishes, those one decided, and those of others that wait for a decision, the oldest first.

    ``lately`` says, of a wish that waits for this person's answer, how many its asker had in the last hour and day, to
    how many of these this person said yes, and whether that is a series by ``pace``; else it is None. The log says so
    (``flowlog.findings.series``), whose entries carry ``now``.
    """
    require(proof, Role.DSB)
    asker, decider = _STAFF.alias(), _STAFF.alias()
    query = (
        select(_REQUESTS, asker.c.name.label("asker"), decider.c.name.label("decider"))
        .join(asker, asker.c.id == _REQUESTS.c.asked_by)
        .join(decider, decider.c.id == _REQUESTS.c.decided_by, isouter=True)
        .where(
            _REQUESTS.c.expires_at > wall,
            or_(
                _REQUESTS.c.asked_by == proof.staff,
                _REQUESTS.c.decided_by == proof.staff,
                _REQUESTS.c.state == "waiting",
            ),
        )
        .order_by(_REQUESTS.c.asked_at, _REQUESTS.c.id)
    )
    rows = session.connection().execute(query).all()
    why = reasons(session, staff_private, [row.flow_id for row in rows])
    waiting = [row for row in rows if row.state == "waiting" and row.asked_by != proof.staff]
    before = LookUps(session, now - DAY, staff_private) if waiting else None
    lately = {row.id: _lately(before.recent(row.asker, proof.name, now), pace) for row in waiting if before}
    return [
        {
            "id": str(row.id),
            "mine": row.asked_by == proof.staff,
            "asked_by": row.asker,
            "asked_at": row.asked_at.isoformat(),
            "state": row.state,
            "decided_by": row.decider or "",
            "expires_at": row.expires_at.isoformat(),
            "reason": why.get(row.flow_id),
            "lately": lately.get(row.id),
        }
        for row in rows
    ]


def _lately(recent: Recent, pace: Pace) -> dict[str, Any]:
    return {
        "hour": recent.hour,
        "day": recent.day,
        "granted_by_you_hour": recent.granted_hour,
        "granted_by_you_day": recent.granted_day,
        "series": pace.exceeded(recent.hour, recent.day),
        "per_hour": pace.per_hour,
        "per_day": pace.per_day,
    }
