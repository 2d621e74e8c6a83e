"""Channels that are away, and domains that take no mail of this house: one message probes, the others wait.

An outage is a row. While it stands, one message a minute may try; the first that gets through ends it. No try counts
meanwhile, nobody is written to elsewhere instead, and a human is told: of a domain at once, of a channel after ten
minutes. These rows are locked after all others and before the log. Source: channels-and-pages.md § 3.3.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row as SqlRow
from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlmodel import Session

from proaktiv.calling import call_human
from proaktiv.core.outbound import ALARM_AFTER, AWAY_FOR, End
from proaktiv.core.tasks import How
from proaktiv.house import House
from proaktiv.steps.notify.posting import MAIL, Posted
from proaktiv.tables import OutageRow, TaskRow, core_table

_OUTAGES = core_table(OutageRow)
_TASKS = core_table(TaskRow)

WHOLE = b""
"""The target of an outage of the whole channel."""


def ways_now(session: Session, channels: Collection[str], now: datetime) -> tuple[set[str], set[str]]:
    """Return which of some channels may be used, and which by one message alone, to see whether they are back.

    Reads without a lock: see ``claim_probe``.
    """
    found = session.connection().execute(
        select(_OUTAGES.c.channel, _OUTAGES.c.probe_at).where(
            _OUTAGES.c.channel.in_(channels), _OUTAGES.c.target == WHOLE
        )
    )
    away = {row.channel: row.probe_at for row in found}
    return set(channels) - away.keys(), {name for name, probe_at in away.items() if probe_at <= now}


def claim_probe(session: Session, channel: str, now: datetime) -> bool:
    """Return whether this worker may send the one message that sees whether a channel is back."""
    mine = select(_OUTAGES.c.id).where(
        _OUTAGES.c.channel == channel, _OUTAGES.c.target == WHOLE, _OUTAGES.c.probe_at <= now
    )
    found = session.connection().execute(mine.with_for_update(skip_locked=True)).scalar_one_or_none()
    if found is None:
        return False
    probe(session, [found], now)
    return True


def domain_hash(house: House, address: str) -> bytes:
    """Return the keyed hash of a mail address's domain: a domain may be one person's own."""
    return house.vault.lookup_hash("mail-domain", address.rpartition("@")[2].lower())


def refusing(session: Session, domains: Collection[bytes]) -> dict[bytes, SqlRow[Any]]:
    """Lock and return the outages of some domains."""
    if not domains:
        return {}
    found = session.connection().execute(
        select(_OUTAGES)
        .where(_OUTAGES.c.channel == MAIL, _OUTAGES.c.target.in_(domains))
        .order_by(_OUTAGES.c.target)
        .with_for_update()
    )
    return {row.target: row for row in found}


def probe(session: Session, outages: Collection[UUID], now: datetime) -> None:
    """Note that one message is on its way to see whether each of these is over."""
    if outages:
        session.connection().execute(update(_OUTAGES).where(_OUTAGES.c.id.in_(outages)).values(probe_at=now + AWAY_FOR))


def heard(session: Session, house: House, results: Sequence[Posted], now: datetime) -> None:
    """Begin, prolong and end outages as messages ended, and tell a human.

    A channel that took one message of a set, or answered it, is there; what else failed in this set failed alone. One
    that answered nobody, or too late, is away: a tarpit must not hold every worker while letters wait behind it.
    """
    there = {posted.posting.channel for posted in results if _answered(posted)}
    away = {posted.posting.channel for posted in results if _unanswered(posted)} - there
    domains = {
        posted: domain_hash(house, posted.posting.recipient.mail)
        for posted in results
        if posted.posting.channel == MAIL and (posted.forbidden or posted.ended.arrived)
    }
    forbidding = {target for posted, target in domains.items() if posted.forbidden}
    taking = {target for posted, target in domains.items() if posted.ended.arrived} - forbidding
    _end(session, {(name, WHOLE) for name in there} | {(MAIL, target) for target in taking}, now)
    _begin(session, house, {(name, WHOLE) for name in away} | {(MAIL, target) for target in forbidding}, now)


def forbid(session: Session, house: House, domain: bytes, now: datetime) -> None:
    """Note that a domain takes no mail of this house, as a report said, and tell a human."""
    _begin(session, house, {(MAIL, domain)}, now)


def _answered(posted: Posted) -> bool:
    """Return whether the channel itself was there; a message that was never offered says nothing of it."""
    return posted.ended.arrived or posted.refused or (posted.ended.end is End.LATER and not posted.slow)


def _unanswered(posted: Posted) -> bool:
    """Return whether the channel said nothing. Of a folder, an unsure end is a fault of one letter."""
    unsure = posted.ended.end is End.UNSURE and not posted.posting.idempotent
    return posted.slow or unsure or posted.ended.end is End.AWAY


def _begin(session: Session, house: House, places: set[tuple[str, bytes]], now: datetime) -> None:
    """Write or prolong outages; call a human for those that are due for it and were not told of."""
    tell: dict[UUID, str] = {}
    for channel, target in sorted(places):
        statement = upsert(_OUTAGES).values(
            id=house.ids.row(now), channel=channel, target=target, since=now, probe_at=now + AWAY_FOR, told_at=None
        )
        row = (
            session.connection()
            .execute(
                statement.on_conflict_do_update(
                    index_elements=["channel", "target"], set_={"probe_at": now + AWAY_FOR}
                ).returning(_OUTAGES.c.id, _OUTAGES.c.since, _OUTAGES.c.told_at)
            )
            .one()
        )
        if row.told_at is None and (target != WHOLE or row.since + ALARM_AFTER <= now):
            tell[row.id] = "channel.away" if target == WHOLE else "mail.refused_by_policy"
    if tell:
        session.connection().execute(update(_OUTAGES).where(_OUTAGES.c.id.in_(tell)).values(told_at=now))
        call_human(session, house, [(what, outage, "") for outage, what in tell.items()], now)


def _end(session: Session, places: set[tuple[str, bytes]], now: datetime) -> None:
    """Delete the outages that are over, and end the tasks that told of them."""
    if not places:
        return
    connection = session.connection()
    over = [
        row.id
        for row in connection.execute(
            select(_OUTAGES.c.id, _OUTAGES.c.channel, _OUTAGES.c.target)
            .where(_OUTAGES.c.channel.in_({channel for channel, _ in places}))
            .where(_OUTAGES.c.target.in_({target for _, target in places}))
            .order_by(_OUTAGES.c.channel, _OUTAGES.c.target)
            .with_for_update()
        )
        if (row.channel, row.target) in places
    ]
    if over:
        connection.execute(delete(_OUTAGES).where(_OUTAGES.c.id.in_(over)))
        connection.execute(
            update(_TASKS)
            .where(_TASKS.c.matter.in_(over), _TASKS.c.done_at.is_(None))
            .values(done_at=now, how=How.DONE.value)
        )
