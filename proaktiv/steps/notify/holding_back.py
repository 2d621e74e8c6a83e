"""What of the composed messages leaves now: not to a suppressed address, not where nobody takes it, not too fast."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import update
from sqlmodel import Session

from proaktiv.core.rates import Rates
from proaktiv.house import House
from proaktiv.outages import probe
from proaktiv.paces import take
from proaktiv.steps.notify.composing import Composed
from proaktiv.steps.notify.destinations import suppressed
from proaktiv.steps.notify.due import WAITS, Matter
from proaktiv.steps.notify.outages import claim_probe, domain_hash, refusing
from proaktiv.steps.notify.posting import MAIL
from proaktiv.tables import DeliveryRow, core_table

_DELIVERIES = core_table(DeliveryRow)


@dataclass(slots=True)
class Sifted:
    """Messages that go, matters that end in silence because their address refused mail, and what goes later, when."""

    go: list[Composed] = field(default_factory=list)
    suppressed: list[Matter] = field(default_factory=list)
    later: list[tuple[Matter, datetime]] = field(default_factory=list)


def sift(
    session: Session,
    house: House,
    composed: Sequence[Composed],
    probing: Collection[str],
    rates: Rates,
    now: datetime,
) -> Sifted:
    """Part the messages. Of a channel in ``probing`` one may go, if no other worker probes it."""
    sifted = Sifted()
    hashes = {
        each.delivery: house.vault.lookup_hash("mail", each.recipient.mail.lower())
        for each in composed
        if each.matter.channel == MAIL
    }
    refused = suppressed(session, set(hashes.values()))
    sifted.suppressed = [each.matter for each in composed if hashes.get(each.delivery) in refused]
    left = [each for each in composed if hashes.get(each.delivery) not in refused]
    for channel in sorted(probing):
        asking = [each for each in left if each.matter.channel == channel]
        going = asking[:1] if asking and claim_probe(session, channel, now) else []
        left = [each for each in left if each.matter.channel != channel] + going
    domains = {each.delivery: domain_hash(house, each.recipient.mail) for each in left if each.matter.channel == MAIL}
    waiting = _refused_there(session, left, domains, now)
    free = [(each.delivery, domains[each.delivery]) for each in left if each.delivery in domains]
    free = [mail for mail in free if mail[0] not in waiting]
    pauses = take(session, MAIL, rates.of, [domain for _, domain in free], now)
    waiting |= {mail: now + pause for (mail, _), pause in zip(free, pauses, strict=True) if pause is not None}
    sifted.go = [each for each in left if each.delivery not in waiting]
    sifted.later = [(each.matter, waiting[each.delivery]) for each in left if each.delivery in waiting]
    return sifted


def _refused_there(
    session: Session, left: Sequence[Composed], domains: dict[UUID, bytes], now: datetime
) -> dict[UUID, datetime]:
    """Return which mails wait because their domain takes none; one of each domain may see whether it does again."""
    outages = refusing(session, set(domains.values()))
    waiting: dict[UUID, datetime] = {}
    trying: dict[bytes, UUID] = {}
    for each in left:
        outage = outages.get(domains.get(each.delivery, b""))
        if outage is None:
            continue
        if outage.probe_at <= now and outage.target not in trying:
            trying[outage.target] = outage.id
        else:
            waiting[each.delivery] = max(outage.probe_at, now + timedelta(minutes=1))
    probe(session, trying.values(), now)
    return waiting


def put_later(session: Session, later: Sequence[tuple[Matter, datetime]]) -> None:
    """Make mails due again at their time; nothing else of them changes, and no try counts."""
    connection = session.connection()
    for matter, at in later:
        if matter.delivery is None:
            waits = WAITS[matter.purpose, matter.channel]
            table = waits.table
            connection.execute(update(table).where(table.c.id == matter.id).values({waits: at}))
        else:
            connection.execute(update(_DELIVERIES).where(_DELIVERIES.c.id == matter.delivery.id).values(due_at=at))
