"""A wish to erase somebody, which a second person decides: named as for a look-up, done by the eraser alone.

Whoever asks does not learn whether the person is known, whoever decides never about whom it is. A yes erases nobody:
the eraser's process reads it, looks at its seal and puts the person on the list of the day, as the command does. Left
to others: that (``keys.requested``). Source: flowlog.md §§ 4, 5; Art. 12 (3), 17 (1) DSGVO.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select, update
from sqlmodel import Session

from proaktiv.core.errors import BadInput, Conflict
from proaktiv.core.keys import OfficeKeys
from proaktiv.core.sought import number
from proaktiv.core.staff import Role, StaffProof
from proaktiv.house import House
from proaktiv.keys.erasing import Reason
from proaktiv.keys.requested import fits, seal
from proaktiv.keys.waiting import COMPANY
from proaktiv.steps.inspection import wishes
from proaktiv.steps.inspection.looks import count, find, log, overseen, require
from proaktiv.steps.inspection.wishes import OPEN, WAITS, reason_of, reasons, said_before, shown_to, to_decide, told
from proaktiv.tables import ErasureRequestRow, core_table

STANDS = timedelta(days=30)
"""So long the eraser may need with a yes, while something stands in the way: the month of Art. 12 (3) DSGVO."""

ALONE_DAYS = COMPANY.days
"""So long somebody waits with whom nobody else is to be erased."""

GROUNDS = tuple(Reason)

_REQUESTS = core_table(ErasureRequestRow)


class Forged(Conflict):
    """A wish is not as it was asked: somebody changed the row past the office; tell the DSB with ``report``."""

    incident = "erasure.forged"


def ask(
    session: Session,
    house: House,
    key: bytes,
    proof: StaffProof,
    typed: str,
    ground: str,
    reason: str,
    now: datetime,
    wall: datetime,
) -> UUID:
    """Keep a wish to erase a person, by an Auftrag's number or a register's key; return its id, the same for the same.

    ``ground`` is a letter of Art. 17 (1) DSGVO (``Reason``). Raises ``NotAllowed`` for another role, ``BadInput``,
    ``Curious``, and ``Conflict`` where the office holds no key that the eraser believes.
    """
    require(proof, Role.DSB)
    typed = number(typed, "who")
    if ground not in set(Reason):
        raise BadInput("ground", f"is one of {', '.join(Reason)}")
    given = reason_of(reason)
    _require_key(key)
    person = find(session, house, typed)
    # Who is not there is counted too, or one could try them all.
    index = house.log.subj(person) if person is not None else house.vault.mac("nobody", typed.strip().encode())[:16]
    matter = UUID(bytes=index)
    count(session, house, proof, "erasure", matter, wall)
    fid = log(session, house, overseen(house, proof, "erasure.requested", outcome=ground, reason=given), [], now)
    connection = session.connection()
    same = select(_REQUESTS.c.id).where(
        _REQUESTS.c.asked_by == proof.staff,
        _REQUESTS.c.matter == matter,
        _REQUESTS.c.ground == ground,
        _REQUESTS.c.state == "waiting",
        _REQUESTS.c.expires_at > wall,
    )
    before: UUID | None = connection.execute(same).scalars().first()
    if before is not None:
        return before
    row: dict[str, Any] = {
        "id": house.ids.secret(),
        "person": person,
        "matter": matter,
        "ground": ground,
        "flow_id": fid,
        "state": "waiting",
        "asked_by": proof.staff,
        "asked_name": proof.name,
        "asked_at": wall,
        "decided_by": None,
        "decided_name": None,
        "decided_at": None,
        "expires_at": wall + WAITS,
    }
    connection.execute(insert(_REQUESTS), [row | {"seal": seal(key, row)}])
    request: UUID = row["id"]
    return request


def decide(
    session: Session,
    house: House,
    key: bytes,
    proof: StaffProof,
    request: UUID,
    now: datetime,
    wall: datetime,
    *,
    grant: bool,
) -> str:
    """Say yes or no to somebody else's wish; return how it stands now. The same answer again changes nothing.

    Raises ``NotAllowed`` to whoever asked, ``NotFound``, ``Conflict``, ``Forged``.
    """
    row = to_decide(session, _REQUESTS, proof, request, wall)
    again = said_before(row, proof, grant=grant)
    action = f"erasure.{'granted' if grant else 'denied'}"
    case = str(row["flow_id"])
    log(session, house, overseen(house, proof, action, outcome="again" if again else "", case=case), [], now)
    if again:
        state: str = row["state"]
        return state
    if grant:
        _require_key(key)
        if not fits(key, row):
            raise Forged("this wish is not as it was asked: say no, and look into it")
    said = ("granted" if row["person"] is not None else "unknown") if grant else "denied"
    decided = {
        "state": said,
        "decided_by": proof.staff,
        "decided_name": proof.name,
        "decided_at": wall,
        "expires_at": wall + (STANDS if grant else OPEN),
    }
    values = decided | ({"seal": seal(key, row | decided)} if grant else {})
    session.connection().execute(update(_REQUESTS).where(_REQUESTS.c.id == request).values(**values))
    return said


def withdraw(session: Session, house: House, proof: StaffProof, request: UUID, now: datetime, wall: datetime) -> None:
    """End the own wish while nobody has decided on it. Raises ``NotFound``, ``Conflict``."""
    wishes.withdraw(session, house, _REQUESTS, proof, request, now, wall)


def requests(session: Session, proof: StaffProof, staff_private: OfficeKeys, wall: datetime) -> list[dict[str, Any]]:
    """Return the own wishes, those one decided, and everybody's that wait or cannot be done yet, the oldest first."""
    rows = shown_to(session, _REQUESTS, proof, wall, ("hindered",))
    why = reasons(session, staff_private, [row["flow_id"] for row in rows])
    # Whether there is such a person is for whoever asked, as with a look-up.
    known = {row["id"]: row["state"] != "unknown" or row["asked_by"] == proof.staff for row in rows}
    shown = [row if known[row["id"]] else row | {"state": "granted"} for row in rows]
    return [{**told(row, proof, why.get(row["flow_id"])), "ground": row["ground"]} for row in shown]


def _require_key(key: bytes) -> None:
    if not key:
        raise Conflict("this office holds no PROAKTIV_ERASURE_KEY: two people erase with `proaktiv log erase ask`")
