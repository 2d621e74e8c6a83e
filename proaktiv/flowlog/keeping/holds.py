"""Holds on entries: what retention of the log may not take, by whose word and under which file number.

Two people place one and two release it; each is logged (kind 06). ``review_on`` reminds and ends nothing: a hold that
ends by itself is one that nobody decided to end. Left to others: holds on persons and Aufträge, which keep a person's
entries as well (``steps.retain.holds``); that the database lets no held entry go (``flow_log_prune``).
Source: Art. 17 (3) (e), 18 (1) (c) DSGVO; flowlog.md § 4 (legal_hold).
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import and_, insert, or_, select, update
from sqlmodel import Session

from proaktiv.core.errors import BadInput, Conflict, NotFound
from proaktiv.core.flows import Flow, Kind
from proaktiv.core.terms import end_of
from proaktiv.flowlog.record import FlowLog
from proaktiv.locks import lock_keys
from proaktiv.tables import HOLDS_LOCK, FlowLogRow, FlowSecretRow, LegalHoldRow, core_table

_HOLDS = core_table(LegalHoldRow)
_LOG = core_table(FlowLogRow)
_SECRET = core_table(FlowSecretRow)
_PURPOSE = "aufbewahrung"
_BASIS = "Art. 17 Abs. 3 Buchst. e DSGVO"


@dataclass(frozen=True, slots=True)
class Held:
    """What is held: one entry, or those of whole days in Berlin (``first`` to ``last``), of one purpose or of any."""

    entry: UUID | None = None
    first: date | None = None
    last: date | None = None
    purpose: str = ""

    def span(self) -> tuple[datetime | None, datetime | None]:
        """Return the instants between which entries are held. Raises ``BadInput`` unless it is one of the two."""
        if self.entry is not None:
            if self.first or self.last or self.purpose:
                raise BadInput("--entry", "name an entry, or days and perhaps a purpose")
            return None, None
        if self.first is None or self.last is None or self.last < self.first:
            raise BadInput("--from", "name an entry, or a first and a last day")
        return end_of(date.fromordinal(self.first.toordinal() - 1)), end_of(self.last)


def place(
    session: Session,
    log: FlowLog,
    controller: str,
    held: Held,
    *,
    reason: str,
    review_on: date,
    by: str,
    and_by: str,
    hold: UUID,
    now: datetime,
    told: str = "",
) -> None:
    """Keep entries from retention until two people release them; ``hold`` is the fresh id of the row.

    ``told`` is the reason as part A of the log says it, where that is more than the row may say. Waits for a set of
    entries that is just going. Raises ``BadInput`` where ``reason`` (1..64 characters, a file number), ``by`` or a
    second person is missing, ``NotFound`` for an entry that is not there (any more).
    """
    who = _four_eyes(reason, by, and_by)
    from_at, until_at = held.span()
    lock_keys(session, [HOLDS_LOCK])
    connection = session.connection()
    if (
        held.entry is not None
        and connection.execute(select(_LOG.c.fid).where(_LOG.c.fid == held.entry)).first() is None
    ):
        raise NotFound(f"no entry {held.entry} is here")
    row = {
        "id": hold,
        "fid": held.entry,
        "from_at": from_at,
        "until_at": until_at,
        "purpose": held.purpose,
        "reason": reason,
        "review_on": review_on,
        "placed_by": by,
        "placed_and": and_by,
        "placed_at": now,
        "released_by": "",
        "released_and": "",
        "released_at": None,
    }
    connection.execute(insert(_HOLDS), [row])
    log.record(session, [_flow(controller, "placed", hold, told or reason, who)], now)


def release(
    session: Session,
    log: FlowLog,
    controller: str,
    hold: UUID,
    *,
    reason: str,
    by: str,
    and_by: str,
    now: datetime,
    told: str = "",
) -> None:
    """Let what was held go when its time has come. Raises ``NotFound``, ``BadInput``, ``Conflict`` if it was before."""
    who = _four_eyes(reason, by, and_by)
    connection = session.connection()
    row = connection.execute(select(_HOLDS).where(_HOLDS.c.id == hold).with_for_update()).one_or_none()
    if row is None:
        raise NotFound("hold")
    if row.released_at is not None:
        raise Conflict(f"this hold was released by {row.released_by} and {row.released_and} before")
    ended = update(_HOLDS).where(_HOLDS.c.id == hold)
    connection.execute(ended.values(released_at=now, released_by=by, released_and=and_by))
    log.record(session, [_flow(controller, "released", hold, told or reason, who)], now)


def standing(session: Session) -> list[dict[str, Any]]:
    """Return the holds that stand, oldest first."""
    rows = session.connection().execute(
        select(_HOLDS).where(_HOLDS.c.released_at.is_(None)).order_by(_HOLDS.c.placed_at, _HOLDS.c.id)
    )
    return [
        {
            "id": str(row.id),
            "entry": str(row.fid or ""),
            "from": row.from_at.isoformat() if row.from_at else "",
            "until": row.until_at.isoformat() if row.until_at else "",
            "purpose": row.purpose,
            "reason": row.reason,
            "review_on": row.review_on.isoformat(),
            "by": [row.placed_by, row.placed_and],
            "since": row.placed_at.isoformat(),
        }
        for row in rows
    ]


def on_entries_of(session: Session, subjs: Collection[bytes]) -> list[UUID]:
    """Return the standing holds that keep an entry of one of these persons, by their blind index."""
    held = or_(
        _HOLDS.c.fid == _LOG.c.fid,
        and_(
            _HOLDS.c.from_at <= _LOG.c.t,
            _LOG.c.t < _HOLDS.c.until_at,
            or_(_HOLDS.c.purpose == "", _HOLDS.c.purpose == _LOG.c.purpose),
        ),
    )
    found = session.connection().execute(
        select(_HOLDS.c.id)
        .select_from(_SECRET)
        .join(_LOG, _LOG.c.fid == _SECRET.c.fid)
        .join(_HOLDS, held)
        .where(_SECRET.c.subj.in_(subjs), _HOLDS.c.released_at.is_(None))
        .distinct()
        .order_by(_HOLDS.c.id)
    )
    return list(found.scalars())


def _four_eyes(reason: str, by: str, and_by: str) -> str:
    for name, value in (("--reason", reason), ("--by", by), ("--and", and_by)):
        if not 1 <= len(value.strip()) <= 64:
            raise BadInput(name, "must have 1 to 64 characters")
    if by.strip().casefold() == and_by.strip().casefold():
        raise BadInput("--and", "must name a second person: a hold takes four eyes")
    return f"{by} + {and_by}"


def _flow(controller: str, outcome: str, hold: UUID, reason: str, who: str) -> Flow:
    return Flow(
        kind=Kind.RETENTION,
        sender=controller,
        receiver=controller,
        purpose=_PURPOSE,
        action=f"log_hold.{outcome}",
        basis=_BASIS,
        outcome=outcome,
        actor=who,
        case=str(hold),
        reason=reason,
    )
