"""Quarantine: what a source reports beyond what is usual for it is kept, and waits for a human.

A veto counts at once, whoever brings it; what would bring somebody something, and what would take a veto away, waits.
A human releases or rejects all of a source; each call does one set. Nothing that was acknowledged is lost: what is
rejected keeps its row and frees its names, so that the register itself may report it again.
Why: docs/decisions/0012-quarantine.md. Source: security-and-faults.md T4.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, and_, delete, func, insert, select, update
from sqlmodel import Session

from proaktiv.core.clients import Client
from proaktiv.core.errors import NotFound
from proaktiv.core.flows import Flow, Kind
from proaktiv.core.guards import CORRECTABLE
from proaktiv.core.states import EventState
from proaktiv.core.tasks import How
from proaktiv.homes import undoubt
from proaktiv.house import House
from proaktiv.locks import lock_keys
from proaktiv.recall import lift
from proaktiv.steps.receive import days
from proaktiv.steps.receive.correcting import retire, stops_of_entries
from proaktiv.tables import (
    ClientDayRow,
    ClientRow,
    EventSubjectRow,
    IncidentRow,
    RegisterEventRow,
    StopRow,
    TaskRow,
    core_table,
)

_CLIENTS = core_table(ClientRow)
_DAYS = core_table(ClientDayRow)
_EVENTS = core_table(RegisterEventRow)
_OTHERS = _EVENTS.alias("others")
_SUBJECTS = core_table(EventSubjectRow)
_STOPS = core_table(StopRow)
_EARLIER = _STOPS.alias("earlier_stops")
_TASKS = core_table(TaskRow)
_INCIDENTS = core_table(IncidentRow)


@dataclass(frozen=True, slots=True)
class Source:
    """How a client stands. ``quarantined`` events wait for a human since ``since``."""

    client: str
    active: bool
    today: int
    daily_max: int
    quarantined: int
    since: datetime | None


def sources(session: Session, now: datetime) -> list[Source]:
    """Return every client, by its name."""
    waiting = (
        select(_EVENTS.c.client, func.count().label("n"), func.min(_EVENTS.c.quarantined_at).label("since"))
        .where(_EVENTS.c.quarantined_at.is_not(None))
        .group_by(_EVENTS.c.client)
        .subquery()
    )
    today = and_(_DAYS.c.client == _CLIENTS.c.id, _DAYS.c.day == now.astimezone(UTC).date())
    found = session.connection().execute(
        select(_CLIENTS.c.id, _CLIENTS.c.active, _CLIENTS.c.daily_max, _DAYS.c.n.label("today"), waiting)
        .join(_DAYS, today, isouter=True)
        .join(waiting, waiting.c.client == _CLIENTS.c.id, isouter=True)
        .order_by(_CLIENTS.c.id)
    )
    return [Source(row.id, row.active, row.today or 0, row.daily_max, row.n or 0, row.since) for row in found]


def hold(session: Session, house: House, client: Client, first: UUID, now: datetime) -> None:
    """Tell clerk and DSB that a client's events are held: once a day. ``first`` is one of them."""
    if not days.first_held(session, client, now):
        return
    connection = session.connection()
    task = {"id": house.ids.row(now), "what": "source.held", "matter": first, "behoerde": "", "made_at": now}
    connection.execute(insert(_TASKS), [task])
    incident = {"id": house.ids.row(now), "what": "source.jumped", "matter": first, "at": now}
    connection.execute(insert(_INCIDENTS), [incident])
    flow = Flow(
        kind=Kind.INCIDENT,
        sender=client.source,
        receiver=house.controller,
        purpose="betrieb",
        action="source.held",
        basis="Art. 32 DSGVO",
        outcome="held",
        case=str(first),
    )
    house.log.record(session, [flow], now)


def release(session: Session, house: House, client: str, by: str, now: datetime, limit: int = 100) -> int:
    """Let up to ``limit`` quarantined events of a client go on, and the rest of its day. Returns how many.

    Raises ``NotFound`` for a client that is not there. ``by`` is who decided, for the staff part of the log.
    """
    source = _source(session, client)
    events = _take(session, client, limit)
    days.clear(session, client, now)
    if not events:
        return 0
    held = [row for row in events if row.state == EventState.HELD.value]
    cancelling = [row for row in held if row.payload is None]
    newest = _newest(session, [row for row in held if row.payload is not None])
    connection = session.connection()
    lift(session, house, _cancelled_by(session, cancelling) | _contradicted_by(session, newest), now)
    retire(session, _older_than(session, newest), now)
    for state, rows in ((EventState.WAITING, newest), (EventState.STOPPED, _others(held, newest))):
        if rows:
            due = now if state is EventState.WAITING else None
            connection.execute(
                update(_EVENTS)
                .where(_EVENTS.c.id.in_([row.id for row in rows]))
                .values(state=state.value, due_at=due, **({} if due else {"payload": None}))
            )
    _forget_subjects(session, _others(held, newest))
    _decided(session, house, source, client, by, events, "released", now)
    return len(events)


def reject(session: Session, house: House, client: str, by: str, now: datetime, limit: int = 100) -> int:
    """End up to ``limit`` quarantined events of a client and lift what they stopped. Returns how many.

    What their stops took back before becomes a clerk's task (``stop.lifted``). Raises ``NotFound``.
    """
    source = _source(session, client)
    events = _take(session, client, limit)
    if not events:
        return 0
    ids = [row.id for row in events]
    connection = session.connection()
    standing = select(_STOPS.c.id).where(_STOPS.c.event.in_(ids), _STOPS.c.lifted_at.is_(None))
    lift(session, house, set(connection.execute(standing).scalars()), now)
    _forget_subjects(session, events)
    undoubt(session, ids)
    # The row tells that something came; its names are free for the register's own report of the same.
    own = func.uuid_send(_EVENTS.c.id)
    connection.execute(
        update(_EVENTS)
        .where(_EVENTS.c.id.in_(ids))
        .values(
            state=EventState.REFUSED.value,
            payload=None,
            due_at=None,
            event_id=func.concat("rejected/", _EVENTS.c.id),
            entry_hash=own,
            case_key=own,
        )
    )
    _decided(session, house, source, client, by, events, "rejected", now)
    return len(events)


def _source(session: Session, client: str) -> str:
    found = session.connection().execute(select(_CLIENTS.c.source).where(_CLIENTS.c.id == client)).scalar_one_or_none()
    if found is None:
        raise NotFound(f"there is no client {client}; proaktiv sources list names them")
    return str(found)


def _take(session: Session, client: str, limit: int) -> Sequence[Row[*tuple[Any, ...]]]:
    """Return quarantined events under the locks of their cases: nobody else decides about them now."""
    connection = session.connection()
    waiting = and_(_EVENTS.c.client == client, _EVENTS.c.quarantined_at.is_not(None))
    candidates = connection.execute(
        select(_EVENTS.c.id, _EVENTS.c.case_key, _EVENTS.c.entry_hash)
        .where(waiting)
        .order_by(_EVENTS.c.seq)
        .limit(limit)
    ).all()
    lock_keys(session, {key for row in candidates for key in (row.case_key, row.entry_hash)})
    return connection.execute(
        select(_EVENTS.c.id, _EVENTS.c.entry_hash, _EVENTS.c.register_version, _EVENTS.c.state, _EVENTS.c.payload)
        .where(_EVENTS.c.id.in_([row.id for row in candidates]), waiting)
        .order_by(_EVENTS.c.seq)
        .with_for_update()
    ).all()


def _newest(session: Session, rows: Sequence[Row[*tuple[Any, ...]]]) -> list[Row[*tuple[Any, ...]]]:
    """Return the rows that are the newest version of their entry among themselves and what is not held."""
    best: dict[bytes, int] = {}
    for row in rows:
        best[row.entry_hash] = max(best.get(row.entry_hash, 0), row.register_version)
    found = session.connection().execute(
        select(_EVENTS.c.entry_hash, func.max(_EVENTS.c.register_version).label("version"))
        .where(_EVENTS.c.entry_hash.in_(best), _EVENTS.c.state != EventState.HELD.value)
        .group_by(_EVENTS.c.entry_hash)
    )
    for other in found:
        best[other.entry_hash] = max(best[other.entry_hash], other.version)
    return [row for row in rows if row.register_version == best[row.entry_hash]]


def _older_than(session: Session, newest: Sequence[Row[*tuple[Any, ...]]]) -> set[UUID]:
    return set(
        session.connection()
        .execute(
            select(_OTHERS.c.id)
            .join(
                _EVENTS,
                and_(
                    _OTHERS.c.entry_hash == _EVENTS.c.entry_hash,
                    _OTHERS.c.register_version < _EVENTS.c.register_version,
                ),
            )
            .where(_EVENTS.c.id.in_([row.id for row in newest]))
        )
        .scalars()
    )


def _contradicted_by(session: Session, newest: Sequence[Row[*tuple[Any, ...]]]) -> set[UUID]:
    """Return the stops of older versions that these say the opposite of."""
    again = (
        select(_STOPS.c.id)
        .where(
            _STOPS.c.event.in_([row.id for row in newest]),
            _STOPS.c.target == _EARLIER.c.target,
            _STOPS.c.guard == _EARLIER.c.guard,
        )
        .exists()
    )
    return set(
        session.connection()
        .execute(
            select(_EARLIER.c.id).where(
                _EARLIER.c.event.in_(_older_than(session, newest)),
                _EARLIER.c.lifted_at.is_(None),
                _EARLIER.c.guard.in_([guard.value for guard in CORRECTABLE]),
                ~again,
            )
        )
        .scalars()
    )


def _cancelled_by(session: Session, rows: Sequence[Row[*tuple[Any, ...]]]) -> set[UUID]:
    """Let held cancellations count, and return the stops that they cancel."""
    if not rows:
        return set()
    targets = session.connection().execute(
        update(_STOPS)
        .where(_STOPS.c.event.in_([row.id for row in rows]))
        .values(lifted_at=None)
        .returning(_STOPS.c.target)
    )
    return stops_of_entries(session, set(targets.scalars()))


def _others(
    rows: Sequence[Row[*tuple[Any, ...]]], without: Sequence[Row[*tuple[Any, ...]]]
) -> list[Row[*tuple[Any, ...]]]:
    left_out = {row.id for row in without}
    return [row for row in rows if row.id not in left_out]


def _forget_subjects(session: Session, rows: Sequence[Row[*tuple[Any, ...]]]) -> None:
    if rows:
        ids = [row.id for row in rows]
        session.connection().execute(delete(_SUBJECTS).where(_SUBJECTS.c.event.in_(ids)))


def _decided(
    session: Session,
    house: House,
    source: str,
    client: str,
    by: str,
    events: Sequence[Row[*tuple[Any, ...]]],
    outcome: str,
    now: datetime,
) -> None:
    connection = session.connection()
    connection.execute(update(_EVENTS).where(_EVENTS.c.id.in_([row.id for row in events])).values(quarantined_at=None))
    ours = select(_EVENTS.c.id).where(_EVENTS.c.client == client)
    connection.execute(
        update(_TASKS)
        .where(_TASKS.c.what == "source.held", _TASKS.c.done_at.is_(None), _TASKS.c.matter.in_(ours))
        .values(done_at=now, how=How.DONE.value)
    )
    flow = Flow(
        kind=Kind.INCIDENT,
        sender=source,
        receiver=house.controller,
        purpose="betrieb",
        action=f"source.{outcome}",
        basis="Art. 32 DSGVO",
        outcome=outcome,
        n=len(events),
        actor=by,
    )
    house.log.record(session, [flow], now)
