"""How fast mails may leave: what finds its bucket empty goes a moment later, and no try counts.

The buckets are rows, so that all workers together keep the rate. They are locked after all others, before the log.
Source: channels-and-pages.md § 3.3; ``core.rates``.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlmodel import Session

from proaktiv.core.rates import Rate, Rates
from proaktiv.steps.notify.posting import MAIL
from proaktiv.tables import PaceRow, core_table

_PACES = core_table(PaceRow)

_TOTAL = b""
_FORGOTTEN = timedelta(hours=1)


def paced(
    session: Session, rates: Rates, mails: Sequence[tuple[UUID, bytes]], now: datetime
) -> Mapping[UUID, datetime]:
    """Take a leave for each mail (id, hash of its domain); return when those that got none may ask again."""
    if not mails:
        return {}
    level = _levels(session, rates, {_TOTAL, *(domain for _, domain in mails)}, now)
    waiting: dict[bytes, int] = {}
    later: dict[UUID, datetime] = {}
    for mail, domain in mails:
        empty = next((each for each in (domain, _TOTAL) if level[each] < 1.0), None)
        if empty is None:
            level[domain] -= 1.0
            level[_TOTAL] -= 1.0
        else:
            waiting[empty] = waiting.get(empty, 0) + 1
            later[mail] = now + _rate(rates, empty).turn(waiting[empty])
    statement = upsert(_PACES)
    session.connection().execute(
        statement.on_conflict_do_update(
            index_elements=["channel", "target"],
            set_={"level": statement.excluded.level, "at": statement.excluded.at},
        ),
        [{"channel": MAIL, "target": target, "level": level[target], "at": now} for target in sorted(level)],
    )
    _clear(session, now)  # last: whoever holds one of these may wait for one of ours
    return later


def _rate(rates: Rates, target: bytes) -> Rate:
    return rates.total if target == _TOTAL else rates.domain


def _levels(session: Session, rates: Rates, targets: set[bytes], now: datetime) -> dict[bytes, float]:
    """Lock the buckets and return how full they are; one that is not there yet is made, full."""
    connection = session.connection()
    connection.execute(
        upsert(_PACES).on_conflict_do_nothing(),
        [
            {"channel": MAIL, "target": target, "level": _rate(rates, target).burst, "at": now}
            for target in sorted(targets)
        ],
    )
    found = connection.execute(
        select(_PACES)
        .where(_PACES.c.channel == MAIL, _PACES.c.target.in_(targets))
        .order_by(_PACES.c.target)
        .with_for_update()
    )
    return {row.target: _rate(rates, row.target).filled(row.level, row.at, now) for row in found}


def _clear(session: Session, now: datetime) -> None:
    """Forget buckets that are full again since long, but for those that somebody has in hand."""
    old = (
        select(_PACES.c.target)
        .where(_PACES.c.channel == MAIL, _PACES.c.at < now - _FORGOTTEN)
        .with_for_update(skip_locked=True)
    )
    session.connection().execute(delete(_PACES).where(_PACES.c.channel == MAIL, _PACES.c.target.in_(old)))
