"""Buckets in the database: how fast something may be done, over all processes together.

What finds a bucket empty is told how long to wait; nothing else happens to it. A caller locks these rows after all
others and before the log. Left to others: what is done and how fast that may be. Source: ``core.rates``.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlmodel import Session

from proaktiv.core.rates import Rate
from proaktiv.tables import PaceRow, core_table

_PACES = core_table(PaceRow)

WHOLE = b""
"""The bucket of a channel as a whole."""

_FORGOTTEN = timedelta(hours=1)
"""By then every bucket is full again: none refills more slowly."""


def take(
    session: Session,
    channel: str,
    rate_of: Callable[[bytes], Rate],
    targets: Sequence[bytes],
    now: datetime,
    *,
    whole: bool = True,
) -> list[timedelta | None]:
    """Take a leave for each target, in order, from its bucket and the whole channel's; None, or how long to wait.

    Without ``whole`` the channel has no bucket for all together: nobody waits for a row that everybody needs.
    """
    if not targets:
        return []
    level = _levels(session, channel, rate_of, {*targets, *([WHOLE] if whole else [])}, now)
    waiting: dict[bytes, int] = {}
    pauses: list[timedelta | None] = []
    for target in targets:
        places = dict.fromkeys((target, WHOLE) if whole else (target,))
        empty = next((place for place in places if level[place] < 1.0), None)
        if empty is None:
            for place in places:
                level[place] -= 1.0
            pauses.append(None)
        else:
            waiting[empty] = waiting.get(empty, 0) + 1
            pauses.append(rate_of(empty).turn(waiting[empty]))
    statement = upsert(_PACES)
    session.connection().execute(
        statement.on_conflict_do_update(
            index_elements=["channel", "target"],
            set_={"level": statement.excluded.level, "at": statement.excluded.at},
        ),
        [{"channel": channel, "target": target, "level": level[target], "at": now} for target in sorted(level)],
    )
    _clear(session, now)  # last: whoever holds one of these may wait for one of ours
    return pauses


def give_back(session: Session, channel: str, rate: Rate, target: bytes) -> None:
    """Put a leave back that was not needed; the bucket is never more than full. What is forgotten is full already."""
    session.connection().execute(
        update(_PACES)
        .where(_PACES.c.channel == channel, _PACES.c.target == target)
        .values(level=func.least(_PACES.c.level + 1.0, rate.burst))
    )


def _levels(
    session: Session, channel: str, rate_of: Callable[[bytes], Rate], targets: set[bytes], now: datetime
) -> dict[bytes, float]:
    """Lock the buckets and return how full they are; one that is not there yet is made, full."""
    connection = session.connection()
    connection.execute(
        upsert(_PACES).on_conflict_do_nothing(),
        [
            {"channel": channel, "target": target, "level": rate_of(target).burst, "at": now}
            for target in sorted(targets)
        ],
    )
    found = connection.execute(
        select(_PACES)
        .where(_PACES.c.channel == channel, _PACES.c.target.in_(targets))
        .order_by(_PACES.c.target)
        .with_for_update()
    )
    return {row.target: rate_of(row.target).filled(row.level, row.at, now) for row in found}


def _clear(session: Session, now: datetime) -> None:
    """Forget buckets that are full again since long, but for those that somebody has in hand."""
    connection = session.connection()
    old = connection.execute(
        select(_PACES.c.channel, _PACES.c.target)
        .where(_PACES.c.at < now - _FORGOTTEN)
        .with_for_update(skip_locked=True)
    ).all()
    for row in old:
        connection.execute(delete(_PACES).where(_PACES.c.channel == row.channel, _PACES.c.target == row.target))
