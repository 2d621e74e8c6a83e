"""Exports that the DSB makes: listed, logged, with a day on which they go.

``log`` is the verifiable export of decision 10, for the DSB. ``counts`` is for others: lines by day, and none for fewer
than five. Neither holds a person. Left to others: the files (``flowlog.exports.packing``, ``flowlog.counts``).
Source: flowlog.md §§ 5, 10.
"""

from datetime import date, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Any
from uuid import UUID

from sqlalchemy import and_, delete, func, insert, select, update
from sqlmodel import Session

from proaktiv.core.calendar import BERLIN, berlin_date
from proaktiv.core.errors import BadInput, NotFound
from proaktiv.core.flows import Flow, Kind
from proaktiv.core.staff import StaffProof
from proaktiv.flowlog.counts import counted_lines
from proaktiv.flowlog.exports.packing import ENTRIES_MAX, NothingSince, packed
from proaktiv.house import House
from proaktiv.steps.oversight import within
from proaktiv.tables import (
    ErasureRequestRow,
    ExportRow,
    FlowLeafRow,
    FlowLogRow,
    HoldRequestRow,
    IncidentRow,
    PersonRequestRow,
    core_table,
)

DAYS = 7
DAYS_MAX = 30
"""So long an export is kept unless somebody says so, and at most."""

_EXPORTS = core_table(ExportRow)
_ERASURES = core_table(ErasureRequestRow)
_INCIDENTS = core_table(IncidentRow)
_WISHES = (core_table(PersonRequestRow), core_table(HoldRequestRow), _ERASURES)
_LOG = core_table(FlowLogRow)
_LEAF = core_table(FlowLeafRow)


class ExportKind(StrEnum):
    """What an export holds."""

    LOG = "log"
    COUNTS = "counts"


class NoLastDay(BadInput):
    """An export of the log has no last day: leave it away."""


class NoDayOver(BadInput):
    """Counts are of days that are over, and the first day asked for is not."""


def make(
    session: Session,
    house: House,
    proof: StaffProof,
    kind: ExportKind,
    first_on: date | None,
    last_on: date | None,
    days: int,
    now: datetime,
    wall: datetime,
) -> dict[str, Any]:
    """Make an export and keep it for ``days``.

    Raises ``BadInput``, ``NoLastDay``, ``NoDayOver``, ``NothingSince``, ``TooMany``, and ``NotFound`` while nothing is
    signed.
    """
    if not 1 <= days <= DAYS_MAX:
        raise BadInput("days", f"must be 1 to {DAYS_MAX}")
    if first_on and last_on and first_on > last_on:
        raise BadInput("to", "must not be before the first day")
    expires_at = wall + timedelta(days=days)
    if kind is ExportKind.LOG:
        if last_on is not None:
            raise NoLastDay("to", "is for counts: an export of the log ends with its newest signature")
        bundle, n = packed(session, _first(session, first_on), berlin_date(expires_at))
    else:
        last = min(last_on or date.max, berlin_date(now) - timedelta(days=1))
        if first_on and first_on > last:
            raise NoDayOver("from", f"must be a day that is over: the last is {last.isoformat()}")
        bundle, n = counted_lines(session, first_on, last)
        last_on = last
    row = {
        "id": house.ids.row(now),
        "kind": kind.value,
        "made_by": proof.name,
        "made_at": wall,
        "expires_at": expires_at,
        "first_on": first_on,
        "last_on": last_on,
        "n": n,
        "digest": sha256(bundle).digest(),
        "bundle": bundle,
        "deleted_at": None,
    }
    session.connection().execute(insert(_EXPORTS), [row])
    return _told({**row, "there": True})


def listed(session: Session, wall: datetime) -> list[dict[str, Any]]:
    """Return the exports there are and were, the newest first; what is over is gone, whether or not it is deleted."""
    names = [column for column in _EXPORTS.c if column.name != "bundle"]
    there = and_(_EXPORTS.c.bundle.is_not(None), _EXPORTS.c.expires_at > wall).label("there")
    query = select(*names, there).order_by(_EXPORTS.c.made_at.desc(), _EXPORTS.c.id.desc()).limit(200)
    return [_told(dict(row)) for row in session.connection().execute(query).mappings()]


def fetch(session: Session, export: UUID, wall: datetime) -> tuple[str, bytes]:
    """Return an export's file name and its file. Raises ``NotFound`` where there is none, or none any more."""
    row = (
        session.connection()
        .execute(
            select(_EXPORTS.c.kind, _EXPORTS.c.made_at, _EXPORTS.c.bundle).where(
                _EXPORTS.c.id == export, _EXPORTS.c.expires_at > wall, _EXPORTS.c.bundle.is_not(None)
            )
        )
        .one_or_none()
    )
    if row is None:
        raise NotFound("export")
    ending = "zip" if row.kind == ExportKind.LOG else "csv"
    # To the second: of two exports of one day, or one minute, the name says which is which.
    made_at = row.made_at.astimezone(BERLIN)
    return f"protokoll-{row.kind}-{made_at:%Y-%m-%d-%H%M%S}.{ending}", bytes(row.bundle)


def sweep(session: Session, house: House, now: datetime, wall: datetime) -> int:
    """Delete the files of exports that are over, and wishes that are; tell of it. Returns how many."""
    connection = session.connection()
    ended = (
        connection.execute(
            update(_EXPORTS)
            .where(_EXPORTS.c.expires_at <= wall, _EXPORTS.c.bundle.is_not(None))
            .values(bundle=None, deleted_at=wall)
            .returning(_EXPORTS.c.id)
        )
        .scalars()
        .all()
    )
    lapsed = select(_ERASURES.c.id).where(
        _ERASURES.c.expires_at <= wall, _ERASURES.c.state.in_(("granted", "hindered"))
    )
    for request in connection.execute(lapsed).scalars().all():
        _lapse(session, house, request, now)
    gone = sum(connection.execute(delete(table).where(table.c.expires_at <= wall)).rowcount for table in _WISHES)
    if ended:
        flow = Flow(
            kind=Kind.RETENTION,
            sender=house.controller,
            receiver=house.controller,
            purpose="betrieb",
            action="export.deleted",
            basis="Art. 5 Abs. 1 Buchst. e DSGVO",
            n=len(ended),
            case=" ".join(str(each) for each in ended[:20]),
        )
        house.log.record(session, [flow], now)
    return len(ended) + int(gone)


def _lapse(session: Session, house: House, request: UUID, now: datetime) -> None:
    """Tell the DSB of somebody whom two people wanted erased and nobody erased in time (Art. 12 (3) DSGVO)."""
    session.connection().execute(
        insert(_INCIDENTS), [{"id": house.ids.row(now), "what": "erasure.lapsed", "matter": request, "at": now}]
    )
    flow = Flow(
        kind=Kind.INCIDENT,
        sender=house.controller,
        receiver=house.controller,
        purpose="sicherheit",
        action="erasure.lapsed",
        basis="Art. 12 Abs. 3 DSGVO",
        outcome="lapsed",
        restrict=True,
        case=str(request),
    )
    house.log.record(session, [flow], now)


def _first(session: Session, first_on: date | None) -> int:
    """Return the place of the first entry written on that day or later, 0 without a day. Raises ``NothingSince``."""
    if first_on is None:
        return 0
    found: int | None = (
        session.connection()
        .execute(select(func.min(_LEAF.c.idx)).join(_LOG, _LOG.c.fid == _LEAF.c.fid).where(*within(first_on, None)))
        .scalar_one()
    )
    if found is None:
        raise NothingSince("from", "nothing has its place in the log since that day")
    return found


def _told(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": str(row["id"]),
        "kind": row["kind"],
        "made_by": row["made_by"],
        "made_at": row["made_at"].isoformat(),
        "expires_at": row["expires_at"].isoformat(),
        "from": row["first_on"].isoformat() if row["first_on"] else None,
        "to": row["last_on"].isoformat() if row["last_on"] else None,
        "n": row["n"],
        "sha256": row["digest"].hex(),
        "there": row["there"],
    }


__all__ = ["DAYS", "DAYS_MAX", "ENTRIES_MAX", "ExportKind", "fetch", "listed", "make", "sweep"]
