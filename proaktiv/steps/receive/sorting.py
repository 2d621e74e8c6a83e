"""Sort out the reports of one set: which are new, which repeat, which contradict, which came too late to count.

Reads under the locks of ``names.lock``, writes nothing. A set is sorted in its order, as if each report came alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, or_, select
from sqlmodel import Session

from proaktiv.core.clients import Client
from proaktiv.core.errors import Conflict, TooMany
from proaktiv.core.events import RegisterEvent
from proaktiv.core.guards import CORRECTABLE, LIFTED_BY_STORNO, Guard
from proaktiv.core.states import EventState
from proaktiv.house import House
from proaktiv.recall import Stop
from proaktiv.steps.receive import days
from proaktiv.steps.receive.names import Names
from proaktiv.subjects import stops_on
from proaktiv.tables import RegisterEventRow, core_table

_EVENTS = core_table(RegisterEventRow)


@dataclass(slots=True)
class Fresh:
    """A report that is new. ``row`` is its id, ``earlier`` the newest other version of its entry.

    ``outdated``: a newer version counts, whichever came first. ``cancelled``: its Storno is known already.
    ``replaces`` are stored older versions. ``held``: quarantined.
    """

    event: RegisterEvent
    names: Names
    row: UUID
    held: bool
    earlier: UUID | None = None
    outdated: bool = False
    cancelled: bool = False
    replaces: tuple[UUID, ...] = ()

    @property
    def goes_on(self) -> bool:
        """Return whether more than its stops is kept."""
        return not (self.event.only_stops or self.outdated)

    @property
    def lifts(self) -> bool:
        """Return whether this is the Storno of a stop."""
        return self.event.lifts

    @property
    def state(self) -> EventState:
        """Return the state in which it is stored."""
        if self.held and (self.goes_on or (self.lifts and not self.outdated)):
            return EventState.HELD
        return EventState.WAITING if self.goes_on else EventState.STOPPED

    def in_force(self, stop: Stop) -> bool:
        """Return whether one of its stops counts. A veto counts at once, also from a source that is held."""
        if self.cancelled or (self.held and self.lifts):
            return False
        return not self.outdated or stop.guard not in CORRECTABLE


@dataclass(frozen=True, slots=True)
class Repeated:
    """A report of what is here already, as this row."""

    row: UUID


Sorted = Fresh | Repeated | Conflict | TooMany


@dataclass(frozen=True, slots=True)
class _Known:
    row: UUID
    content: bytes
    version: int
    held: bool
    fresh: Fresh | None = None


class _Shelf:
    """What is known of the wire names and register entries of one set; grows with what is new in it."""

    def __init__(self, session: Session, source: str, reports: Sequence[tuple[RegisterEvent, Names]]) -> None:
        self._by_wire: dict[str, _Known] = {}
        self._by_entry: dict[bytes, list[_Known]] = {}
        same_wire = and_(_EVENTS.c.source == source, _EVENTS.c.event_id.in_([event.event_id for event, _ in reports]))
        same_entry = _EVENTS.c.entry_hash.in_({names.entry for _, names in reports})
        for row in session.connection().execute(
            select(
                _EVENTS.c.id,
                _EVENTS.c.source,
                _EVENTS.c.event_id,
                _EVENTS.c.entry_hash,
                _EVENTS.c.register_version,
                _EVENTS.c.content_mac,
                _EVENTS.c.state,
            ).where(or_(same_wire, same_entry))
        ):
            known = _Known(row.id, row.content_mac, row.register_version, row.state == EventState.HELD.value)
            if row.source == source:
                self._by_wire[row.event_id] = known
            self._by_entry.setdefault(row.entry_hash, []).append(known)

    def repeated(self, event: RegisterEvent, names: Names) -> Repeated | Conflict | None:
        """Return what this report repeats or contradicts."""
        found = [known for known in self._by_entry.get(names.entry, ()) if known.version == event.fassung]
        if event.event_id in self._by_wire:
            found.append(self._by_wire[event.event_id])
        for known in found:
            if known.content != names.content:
                return Conflict(
                    f"event {known.row} has this id, or this register entry and version, and says something else"
                )
        return Repeated(found[0].row) if found else None

    def put(self, fresh: Fresh) -> None:
        """Find its place among the versions of its entry. What is held counts for none of them before it is let go."""
        version = fresh.event.fassung
        others = [known for known in self._by_entry.get(fresh.names.entry, ()) if not known.held]
        latest = max(others, key=lambda known: known.version, default=None)
        if latest is not None:
            fresh.earlier = latest.row
            fresh.outdated = latest.version > version
        if not fresh.outdated and not fresh.held:
            fresh.replaces = tuple(known.row for known in others if known.fresh is None)
            for known in others:
                if known.fresh is not None:
                    known.fresh.outdated = True
                    fresh.replaces += known.fresh.replaces
        known = _Known(fresh.row, fresh.names.content, version, fresh.held, fresh)
        self._by_wire[fresh.event.event_id] = known
        self._by_entry.setdefault(fresh.names.entry, []).append(known)


def sort_out(
    session: Session,
    house: House,
    client: Client,
    reports: Sequence[tuple[RegisterEvent, Names]],
    now: datetime,
) -> list[Sorted]:
    """Return what each report is, in order."""
    shelf = _Shelf(session, client.source, reports)
    room = days.room(session, client, now, len(reports))
    sorted_out: list[Sorted] = []
    taken = 0
    for event, names in reports:
        repeated = shelf.repeated(event, names)
        if repeated is not None:
            sorted_out.append(repeated)
        elif taken >= (room.for_vetoes if event.is_veto else room.left):
            sorted_out.append(days.too_many(client, now))
        else:
            taken += 1
            held = room.unseen is not None and taken > room.unseen
            fresh = Fresh(event, names, house.ids.row(now), held)
            shelf.put(fresh)
            sorted_out.append(fresh)
    _find_cancelled(session, [item for item in sorted_out if isinstance(item, Fresh)])
    return sorted_out


def _find_cancelled(session: Session, fresh: Sequence[Fresh]) -> None:
    """Mark what was cancelled before it came: a death whose Storno overtook it stops nobody."""
    may_be = [item for item in fresh if item.event.kind.value in LIFTED_BY_STORNO]
    if not may_be:
        return
    standing: Mapping[bytes, frozenset[Guard]] = stops_on(session, {item.names.entry for item in may_be})
    beside = {stop.target for item in fresh if item.lifts for stop in item.names.stops if item.in_force(stop)}
    for item in may_be:
        entry = item.names.entry
        item.cancelled = entry in beside or Guard.STORNO in standing.get(entry, frozenset())
