"""Channels that are away, and domains that take no mail of this house: one message probes, the others wait.

Nobody is written to elsewhere instead, and a human is told: of a domain at once, of a channel after ten minutes.
Left to others: the outages themselves (``proaktiv.outages``). Source: channels-and-pages.md § 3.3.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row as SqlRow
from sqlalchemy import select
from sqlmodel import Session

from proaktiv.core.outbound import End
from proaktiv.house import House
from proaktiv.outages import Alarm, claim, is_away, is_back
from proaktiv.steps.notify.posting import MAIL, Posted
from proaktiv.tables import OutageRow, core_table

_OUTAGES = core_table(OutageRow)

WHOLE = b""
"""The target of an outage of the whole channel."""

_AWAY = Alarm("channel.away")
_FORBIDDEN = Alarm("mail.refused_by_policy", timedelta(0))


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
    return bool(claim(session, channel, [WHOLE], now))


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
    is_back(session, {(name, WHOLE) for name in there} | {(MAIL, target) for target in taking}, now)
    absent = {(name, WHOLE): _AWAY for name in away}
    is_away(session, house, absent | {(MAIL, target): _FORBIDDEN for target in forbidding}, now)


def forbid(session: Session, house: House, domain: bytes, now: datetime) -> None:
    """Note that a domain takes no mail of this house, as a report said, and tell a human."""
    is_away(session, house, {(MAIL, domain): _FORBIDDEN}, now)


def _answered(posted: Posted) -> bool:
    """Return whether the channel itself was there; a message that was never offered says nothing of it."""
    return posted.ended.arrived or posted.refused or (posted.ended.end is End.LATER and not posted.slow)


def _unanswered(posted: Posted) -> bool:
    """Return whether the channel said nothing. Of a folder, an unsure end is a fault of one letter."""
    unsure = posted.ended.end is End.UNSURE and not posted.posting.idempotent
    return posted.slow or unsure or posted.ended.end is End.AWAY
