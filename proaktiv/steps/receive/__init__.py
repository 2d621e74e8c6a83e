"""Receive: keep what a register reports, once, sealed to the worker; write its stops and take back what they reach.

Everything happens in the caller's transaction, before the answer 202. The event's payload is destroyed after the gate;
an event that only stops leaves no payload and no subjects at all. Works on sets: one event is a set of one.
The order of arrival changes nothing in the end: the newest version of an entry counts, and a Storno counts whether it
came before or after what it cancels.
Left to others: who calls (``steps.authenticate``), whether the event is one (``core.events``), what comes of it.
Source: data-path.md §§ 3–5.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlmodel import Session

from proaktiv.core.clients import Client, check_may_report
from proaktiv.core.errors import BadInput, NotAllowed, TooMany
from proaktiv.core.events import Misrouted, RegisterEvent
from proaktiv.core.verdicts import Received, Taken, Verdict
from proaktiv.database import certain
from proaktiv.house import House
from proaktiv.recall import recall
from proaktiv.steps.receive import days
from proaktiv.steps.receive.correcting import lift_stops, retire
from proaktiv.steps.receive.holding import Source, hold, reject, release, sources
from proaktiv.steps.receive.misrouting import tell_misrouted
from proaktiv.steps.receive.moving import doubt_addresses
from proaktiv.steps.receive.names import lock, names_of
from proaktiv.steps.receive.sorting import Fresh, Repeated, Sorted, sort_out
from proaktiv.steps.receive.writing import write

__all__ = [
    "PROBES",
    "Decision",
    "Received",
    "Source",
    "Taken",
    "Verdict",
    "receive",
    "reject",
    "release",
    "sources",
]

PROBES = ("receive.lock.after", "receive.write.after", "receive.recall.after")


Decision = Callable[[Session, House, str, str, datetime], int]
"""``release`` or ``reject``."""


def receive(
    session: Session, house: House, client: Client, events: Sequence[RegisterEvent | BadInput], now: datetime
) -> list[Verdict]:
    """Keep a set of events of one client, up to a few hundred; return what became of each, in order.

    What could not be read is passed on in its place; of what must never come here the DSB is told. What is refused
    costs the others nothing. Raises ``TooMany`` where reports at once took the last room of the day: then nothing is
    kept, and the same again is right.
    """
    verdicts: dict[int, Verdict] = {}
    reports = []
    for number, event in enumerate(events):
        if isinstance(event, BadInput):
            verdicts[number] = event
            continue
        try:
            check_may_report(client, event)
        except NotAllowed as refused:
            verdicts[number] = refused
        else:
            reports.append((number, event, names_of(house.vault, event, event.content)))
    if reports:
        lock(session, [names for _, _, names in reports])
        house.probe("receive.lock.after")
        found = sort_out(session, house, client, [(event, names) for _, event, names in reports], now)
        if any(isinstance(item, Repeated) for item in found):
            certain(session)  # what came before may have been answered with "being checked"
        if beyond := sum(isinstance(item, TooMany) for item in found):
            days.tell_full(session, house, client, beyond, now)
        _keep(session, house, client, [item for item in found if isinstance(item, Fresh)], now)
        verdicts |= {number: _verdict(item) for (number, _, _), item in zip(reports, found, strict=True)}
    misrouted = sum(isinstance(event, Misrouted) for event in events)
    if misrouted:
        tell_misrouted(session, house, client, misrouted, now)
    return [verdicts[number] for number in range(len(events))]


def _verdict(item: Sorted) -> Verdict:
    if isinstance(item, Fresh | Repeated):
        return Received(item.row, duplicate=isinstance(item, Repeated))
    return item


def _keep(session: Session, house: House, client: Client, fresh: Sequence[Fresh], now: datetime) -> None:
    if not fresh:
        return
    stops = write(session, house, client, fresh, now)
    house.probe("receive.write.after")
    doubt_addresses(session, fresh, now)
    lift_stops(session, house, fresh, now)
    if stops:
        recall(session, house, stops, now)
        house.probe("receive.recall.after")
    retire(session, {row for item in fresh for row in item.replaces}, now)
    days.count(session, client, now, len(fresh), sum(item.event.is_veto for item in fresh))
    held = [item.row for item in fresh if item.held]
    if held:
        hold(session, house, client, held[0], now)
