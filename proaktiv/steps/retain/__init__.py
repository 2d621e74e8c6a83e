"""Retain: delete what is over, set by set, each with its entry in the log; count it before; keep what is held.

One set is one rule of ``core.retention``, up to N rows, one transaction, one log entry with a number and no person.
What others work on is skipped and taken later. Left to others: the terms (``core.terms``), when (``schedule``), the
flow log's own pruning, the erasure of a person. Source: data-path.md § 5 (Retention); flowlog.md § 4 (kind 06).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Date, Select, cast, delete, func, literal, not_, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session

from proaktiv.core.calendar import berlin_date
from proaktiv.core.flows import Flow, Kind
from proaktiv.core.retention import RULES, Rule
from proaktiv.core.terms import Terms
from proaktiv.house import House
from proaktiv.locks import try_lock_keys
from proaktiv.steps.retain.holds import place, release, standing
from proaktiv.steps.retain.over import Over
from proaktiv.steps.retain.sets import Due, due
from proaktiv.tables import RetentionRunRow, core_table

PROBES = ("retain.before", "retain.taken", "retain.after")

_RUNS = core_table(RetentionRunRow)
_LOCK = b"proaktiv.retention"
_STILL = text("LOCK TABLE holds IN SHARE MODE")
_READ_ONLY = text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
_WRITTEN = text("SELECT pg_current_xact_id_if_assigned() IS NOT NULL")


@dataclass(frozen=True, slots=True)
class Counted:
    """What one rule would take: ``n`` rows, the oldest since ``oldest``; ``held`` more are kept by a hold."""

    rule: Rule
    n: int
    oldest: date | None
    held: int


@dataclass(frozen=True, slots=True)
class Preview:
    """What is over on a day, by ``terms``. ``written`` is what PostgreSQL says of the transaction: it must be False."""

    on: date
    terms: Terms
    counted: tuple[Counted, ...]
    holds: tuple[dict[str, Any], ...]
    written: bool


@dataclass(frozen=True, slots=True)
class Taken:
    """One set: how many rows went, and whether some of the rule are left."""

    n: int
    more: bool


def retain(session: Session, house: House, terms: Terms, now: datetime, wall: datetime, limit: int) -> int:
    """Take the next set of this day's run. Returns how many rows went; zero when it is done, or another has it."""
    today = berlin_date(now)
    connection = session.connection()
    run = connection.execute(select(_RUNS).where(_RUNS.c.day == today)).one_or_none()
    if run is not None and run.finished_at is not None:
        return 0
    if not try_lock_keys(session, [_LOCK]):
        return 0
    # Read anew under the lock: another worker may have gone on, or begun the day.
    connection.execute(
        insert(_RUNS).values(day=today, place=0, n=0, begun_at=now, finished_at=None).on_conflict_do_nothing()
    )
    run = connection.execute(select(_RUNS).where(_RUNS.c.day == today)).one()
    place, taken = run.place, Taken(0, more=False)
    if run.finished_at is not None:
        return 0
    while place < len(RULES):
        taken = take(session, house, terms, RULES[place], now, wall, limit)
        place += not taken.more
        if taken.n or taken.more:
            break
    finished = now if place == len(RULES) else None
    connection.execute(
        update(_RUNS).where(_RUNS.c.day == today).values(place=place, n=_RUNS.c.n + taken.n, finished_at=finished)
    )
    return taken.n


def take(session: Session, house: House, terms: Terms, rule: Rule, now: datetime, wall: datetime, limit: int) -> Taken:
    """Delete or empty up to ``limit`` rows of one rule, and log how many."""
    house.probe("retain.before")
    what = due(rule, Over(terms, berlin_date(now), berlin_date(wall)))
    connection = session.connection()
    keys = tuple(what.table.primary_key.columns)
    wanted = _free(what, select(*keys)).order_by(*keys).limit(limit)
    connection.execute(_STILL)  # whoever places a hold waits for this set, and the next one sees it
    found = connection.execute(wanted.with_for_update(of=what.table, skip_locked=True)).all()
    if not found:
        return Taken(0, more=connection.execute(_free(what, select(literal(1))).limit(1)).first() is not None)
    these = tuple_(*keys).in_([tuple(row) for row in found])
    if rule.columns:
        connection.execute(update(what.table).where(these).values(dict.fromkeys(rule.columns)))
    else:
        connection.execute(delete(what.table).where(these))
    house.probe("retain.taken")
    house.log.record(session, [_flow(house, rule, len(found))], now)
    house.probe("retain.after")
    more = connection.execute(_free(what, select(literal(1))).limit(1)).first() is not None
    return Taken(len(found), more)


def preview(session: Session, terms: Terms, today: date, wall: date) -> Preview:
    """Count what a run on that day would take. The transaction is read-only to PostgreSQL, and must be a fresh one."""
    connection = session.connection()
    connection.execute(_READ_ONLY)
    over = Over(terms, today, wall)
    counted = tuple(_count(session, due(rule, over)) for rule in RULES)
    holds = tuple(standing(session))
    return Preview(today, terms, counted, holds, bool(connection.execute(_WRITTEN).scalar_one()))


def _count(session: Session, what: Due) -> Counted:
    connection = session.connection()
    since = cast(func.min(what.since), Date) if isinstance(what.since.type, Date) else func.min(what.since)
    free = connection.execute(_free(what, select(func.count(), since).select_from(what.table))).one()
    held = 0
    if what.held is not None:
        kept = select(func.count()).select_from(what.table).where(what.where, what.held)
        held = connection.execute(kept).scalar_one()
    oldest = berlin_date(free[1]) if isinstance(free[1], datetime) else free[1]
    return Counted(what.rule, free[0], oldest, held)


def _free(what: Due, query: Select[Any]) -> Select[Any]:
    query = query.where(what.where)
    return query if what.held is None else query.where(not_(what.held))


def _flow(house: House, rule: Rule, n: int) -> Flow:
    return Flow(
        kind=Kind.RETENTION,
        sender=house.controller,
        receiver=house.controller,
        purpose=rule.purpose,
        action="content.deleted" if rule.columns else "row.deleted",
        basis=rule.source,
        scope=rule.name,
        outcome="deleted",
        n=n,
    )


__all__: Sequence[str] = (
    "PROBES",
    "Counted",
    "Preview",
    "Taken",
    "place",
    "preview",
    "release",
    "retain",
    "standing",
    "take",
)
