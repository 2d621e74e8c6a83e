"""Wishes to hold entries of the log, or to release a hold, which a second person decides; the yes does it.

What is done is what the commands do (``flowlog.keeping.holds``), in the transaction of the yes. Source: flowlog.md §§
4, 5; Art. 17 (3) (e), 18 (1) (c) DSGVO.
"""

import re
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select, update
from sqlmodel import Session

from proaktiv.core.calendar import berlin_date
from proaktiv.core.errors import BadInput, Conflict, NotFound
from proaktiv.core.keys import OfficeKeys
from proaktiv.core.staff import Role, StaffProof
from proaktiv.flowlog.keeping import holds
from proaktiv.flowlog.keeping.holds import Held
from proaktiv.house import House
from proaktiv.locks import lock_keys
from proaktiv.steps.inspection import wishes
from proaktiv.steps.inspection.looks import log, overseen, require
from proaktiv.steps.inspection.wishes import OPEN, WAITS, reason_of, reasons, said_before, shown_to, to_decide, told
from proaktiv.tables import FlowLeafRow, FlowLogRow, HoldRequestRow, LegalHoldRow, core_table

_REQUESTS = core_table(HoldRequestRow)
_HOLDS = core_table(LegalHoldRow)
_FLOWS = core_table(FlowLogRow)
_LEAVES = core_table(FlowLeafRow)
_YEARS = range(2000, 3000)
_SEE = "siehe Eintrag "
"""What the row of a hold says instead of the reason, followed by the entry whose part A says it."""
_POINTER = re.compile(rf"{_SEE}([0-9a-f-]{{36}})")


class Past(BadInput):
    """The day on which to look again is over already; name one that is to come."""


def ask(
    session: Session,
    house: House,
    proof: StaffProof,
    held: Held,
    review_on: date,
    reason: str,
    now: datetime,
    wall: datetime,
    place: int | None = None,
) -> UUID:
    """Keep a wish to hold entries until two people release them; return its id, the same for the same.

    ``place`` names an entry by its place in the log instead of its id. Raises ``NotAllowed`` for another role,
    ``BadInput``, ``Past`` for a ``review_on`` before ``now``'s day, and ``NotFound`` for an entry that is not there.
    """
    require(proof, Role.DSB)
    given = reason_of(reason)
    for name, day in (("from", held.first), ("to", held.last), ("review_on", review_on)):
        if day is not None and day.year not in _YEARS:
            raise BadInput(name, "must be a day of these centuries")
    if review_on < berlin_date(now):
        raise Past("review_on", "must not be before today")
    if place is not None:
        if held.entry is not None:
            raise BadInput("index", "name an entry by its id or by its place, not by both")
        held = replace(held, entry=_at(session, place))
    if held.entry is None and not held.first:
        raise BadInput("from", "name an entry, or a first and a last day")
    if held.entry is not None and (held.first or held.last or held.purpose):
        raise BadInput("entry", "name an entry, or days and perhaps a purpose")
    if held.entry is None and (held.last is None or (held.first is not None and held.last < held.first)):
        raise BadInput("to", "must be a day, not before the first")
    held.span()
    there = select(_FLOWS.c.fid).where(_FLOWS.c.fid == held.entry)
    if held.entry is not None and session.connection().execute(there).first() is None:
        raise NotFound("entry")
    what = {
        "hold": None,
        "fid": held.entry,
        "first_on": held.first,
        "last_on": held.last,
        "purpose": held.purpose,
        "review_on": review_on,
    }
    return _keep(session, house, proof, "hold.requested", what, given, now, wall)


def _at(session: Session, place: int) -> UUID:
    there: UUID | None = (
        session.connection().execute(select(_LEAVES.c.fid).where(_LEAVES.c.idx == place)).scalar_one_or_none()
    )
    if there is None:
        raise NotFound("entry")
    return there


def ask_release(
    session: Session, house: House, proof: StaffProof, hold: UUID, reason: str, now: datetime, wall: datetime
) -> UUID:
    """Keep a wish to release a hold; return its id, the same for the same. Raises as ``ask``, ``Conflict``."""
    require(proof, Role.DSB)
    given = reason_of(reason)
    row = session.connection().execute(select(_HOLDS.c.released_at).where(_HOLDS.c.id == hold)).one_or_none()
    if row is None:
        raise NotFound("hold")
    if row.released_at is not None:
        raise Conflict("this hold was released before")
    what = {"hold": hold, "fid": None, "first_on": None, "last_on": None, "purpose": "", "review_on": None}
    return _keep(session, house, proof, "release.requested", what, given, now, wall)


def _keep(
    session: Session,
    house: House,
    proof: StaffProof,
    action: str,
    what: dict[str, Any],
    reason: str,
    now: datetime,
    wall: datetime,
) -> UUID:
    lock_keys(session, [house.vault.mac("hold-requests", proof.staff.bytes)])
    case = str(what["hold"] or what["fid"] or "")
    fid = log(session, house, overseen(house, proof, action, case=case, reason=reason), [], now)
    connection = session.connection()
    same = [_REQUESTS.c[name].is_not_distinct_from(value) for name, value in what.items()]
    waiting = (_REQUESTS.c.asked_by == proof.staff, _REQUESTS.c.state == "waiting", _REQUESTS.c.expires_at > wall)
    before: UUID | None = connection.execute(select(_REQUESTS.c.id).where(*same, *waiting)).scalars().first()
    if before is not None:
        return before
    request = house.ids.secret()
    row = what | {
        "id": request,
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
    connection.execute(insert(_REQUESTS), [row])
    return request


def decide(
    session: Session,
    house: House,
    staff_private: OfficeKeys,
    proof: StaffProof,
    request: UUID,
    now: datetime,
    wall: datetime,
    *,
    grant: bool,
) -> str:
    """Say yes or no to somebody else's wish; a yes places or releases the hold. The same again changes nothing.

    Raises ``NotAllowed`` to whoever asked, ``NotFound``, ``Conflict``.
    """
    row = to_decide(session, _REQUESTS, proof, request, wall)
    again = said_before(row, proof, grant=grant)
    action = f"{'release' if row['hold'] else 'hold'}.{'granted' if grant else 'denied'}"
    case = str(row["flow_id"])
    log(session, house, overseen(house, proof, action, outcome="again" if again else "", case=case), [], now)
    if again:
        state: str = row["state"]
        return state
    if grant:
        _do(session, house, staff_private, proof, row, now)
    state = "granted" if grant else "denied"
    decided = {"decided_by": proof.staff, "decided_name": proof.name, "decided_at": wall, "expires_at": wall + OPEN}
    session.connection().execute(update(_REQUESTS).where(_REQUESTS.c.id == request).values(state=state, **decided))
    return state


def withdraw(session: Session, house: House, proof: StaffProof, request: UUID, now: datetime, wall: datetime) -> None:
    """End the own wish about a hold while nobody has decided on it. Raises ``NotFound``, ``Conflict``."""
    wishes.withdraw(session, house, _REQUESTS, proof, request, now, wall)


def _do(
    session: Session, house: House, staff_private: OfficeKeys, proof: StaffProof, row: dict[str, Any], now: datetime
) -> None:
    entry: UUID = row["flow_id"]
    # The hold's own entry stays as long as the log, that of the wish for two years: the reason goes along.
    why = reasons(session, staff_private, [entry]).get(entry) or ""
    pointer, by = f"{_SEE}{entry}", row["asked_name"]
    if row["hold"]:
        holds.release(
            *(session, house.log, house.controller, row["hold"]),
            reason=pointer,
            by=by,
            and_by=proof.name,
            now=now,
            told=why,
        )
        return
    holds.place(
        *(session, house.log, house.controller),
        Held(row["fid"], row["first_on"], row["last_on"], row["purpose"]),
        reason=pointer,
        review_on=row["review_on"],
        by=by,
        and_by=proof.name,
        hold=house.ids.row(now),
        now=now,
        told=why,
    )


def listed(session: Session, proof: StaffProof, staff_private: OfficeKeys, wall: datetime) -> dict[str, Any]:
    """Return the holds that stand and the wishes about holds, both the oldest first, each with its reason.

    ``again``: a hold on the very same stands already. There may be two, for two reasons; each ends by itself alone.
    """
    require(proof, Role.DSB)
    standing = holds.standing(session)
    rows = shown_to(session, _REQUESTS, proof, wall, ())
    pointed = {each["id"]: UUID(found[1]) for each in standing if (found := _POINTER.fullmatch(each["reason"]))}
    why = reasons(session, staff_private, {*pointed.values(), *(row["flow_id"] for row in rows)})
    held = {_target(each["entry"], _days(each), each["purpose"]) for each in standing}
    places = _places(session, {UUID(str(each["entry"])) for each in standing if each["entry"]}, rows)
    return {
        "holds": [
            {
                "id": each["id"],
                "entry": each["entry"] or None,
                "index": places.get(str(each["entry"])),
                **_days(each),
                "purpose": each["purpose"],
                "reason": why.get(pointed[each["id"]]) if each["id"] in pointed else each["reason"],
                "review_on": each["review_on"],
                "by": each["by"],
                "since": each["since"],
            }
            for each in standing
        ],
        "requests": [
            {
                **told(row, proof, why.get(row["flow_id"])),
                "releases": str(row["hold"]) if row["hold"] else None,
                "entry": str(row["fid"]) if row["fid"] else None,
                "index": places.get(str(row["fid"])),
                "from": row["first_on"].isoformat() if row["first_on"] else None,
                "to": row["last_on"].isoformat() if row["last_on"] else None,
                "purpose": row["purpose"],
                "review_on": row["review_on"].isoformat() if row["review_on"] else None,
                "again": row["state"] == "waiting" and not row["hold"] and _wished(row) in held,
            }
            for row in rows
        ],
    }


def _places(session: Session, entries: set[UUID], rows: list[dict[str, Any]]) -> dict[str, int]:
    """Return the places in the log of entries, and of those that wishes name, by their ids."""
    named = entries | {row["fid"] for row in rows if row["fid"]}
    found = select(_LEAVES.c.fid, _LEAVES.c.idx).where(_LEAVES.c.fid.in_(named))
    return {str(fid): idx for fid, idx in session.connection().execute(found)}


def _target(entry: str, days: dict[str, str | None], purpose: str) -> tuple[str | None, ...]:
    return entry, days["from"], days["to"], purpose


def _wished(row: dict[str, Any]) -> tuple[str | None, ...]:
    first, last = (row[name].isoformat() if row[name] else None for name in ("first_on", "last_on"))
    return _target(str(row["fid"] or ""), {"from": first, "to": last}, row["purpose"])


def _days(hold: dict[str, Any]) -> dict[str, str | None]:
    """Return the days in Berlin that a hold is over, both included."""
    if not hold["from"]:
        return {"from": None, "to": None}
    last = datetime.fromisoformat(hold["until"]) - timedelta(microseconds=1)
    return {
        "from": berlin_date(datetime.fromisoformat(hold["from"])).isoformat(),
        "to": berlin_date(last).isoformat(),
    }
