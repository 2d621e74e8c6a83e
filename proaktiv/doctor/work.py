"""The work: somebody does it, and nothing that is due lies there for long. Counts and ages only."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta

from sqlalchemy import TextClause, text
from sqlmodel import Session

from proaktiv.database import Database
from proaktiv.doctor.databases import looking
from proaktiv.doctor.findings import Check, Finding, broken, fine, look
from proaktiv.outages import BEHOERDE, REGISTER
from proaktiv.workers import living_workers

LATE = timedelta(minutes=5)
RECENT = timedelta(days=7)

_START = "start proaktiv work"

# Rows that a worker should have taken by :late, and since when the oldest of them is due.
_OVERDUE: Mapping[str, TextClause] = {
    "events": text("SELECT count(*), min(due_at) FROM register_events WHERE state = 'waiting' AND due_at <= :late"),
    "look-ups": text("SELECT count(*), min(due_at) FROM lookups WHERE state = 'wanted' AND due_at <= :late"),
    "bundles": text("SELECT count(*), min(due_at) FROM bundles WHERE state = 'open' AND due_at <= :late"),
    # Mails wait for the morning: what of them is due at night is not late.
    "deliveries": text(
        "SELECT count(*), min(due_at) FROM deliveries WHERE state = 'announced' AND due_at <= :late"
        " AND (channel <> 'MAIL' OR"
        " extract(hour FROM CAST(:late AS timestamptz) AT TIME ZONE 'Europe/Berlin') BETWEEN 7 AND 20)"
    ),
    "Aufträge": text(
        "SELECT count(*), min(due_at) FROM auftraege WHERE state IN ('held', 'ready') AND due_at <= :late"
    ),
}
_TASKS = text("SELECT what, count(*) FROM tasks WHERE done_at IS NULL GROUP BY 1 ORDER BY 2 DESC, 1")
_OUTAGES = text("SELECT channel, target, since FROM outages ORDER BY channel, since")
_INCIDENTS = text("SELECT what, count(*) FROM incidents WHERE at > :since GROUP BY 1 ORDER BY 2 DESC, 1")


def done(database: Database, law_clock: Callable[[Session], datetime]) -> Check:
    """Ask whether a worker lives, what is overdue, and what waits for a human."""

    def act() -> Iterator[Finding]:
        with looking(database) as session:
            alive = living_workers(session)
            now = law_clock(session)
            overdue = dict(_overdue(session, now))
            connection = session.connection()
            tasks = {row[0]: row[1] for row in connection.execute(_TASKS)}
            incidents = {row[0]: row[1] for row in connection.execute(_INCIDENTS, {"since": now - RECENT})}
        if alive:
            yield fine("workers", f"{alive} alive")
        else:
            yield broken("workers", "none is alive", _START)
        if overdue:
            said = ", ".join(f"{count} {name} since {age}" for name, (count, age) in overdue.items())
            yield look("backlog", f"overdue: {said}", "start more workers, or read their logs")
        else:
            yield fine("backlog", f"nothing is overdue by more than {LATE.seconds // 60} min")
        yield _counted("tasks", tasks, "open", "let a clerk look at the table tasks")
        yield _counted("incidents", incidents, f"in {RECENT.days} days", "tell the DSB; see docs/operating.md")

    return Check("workers", act, _START)


def ways_out(database: Database, law_clock: Callable[[Session], datetime]) -> Check:
    """Ask which channels, registers and Behörden the workers found away, and how many domains take no mail."""
    name = "ways out"
    do = "see the check of each; what waits goes by itself as soon as one message gets through"

    def act() -> Iterator[Finding]:
        with looking(database) as session:
            now = law_clock(session)
            found = session.connection().execute(_OUTAGES).all()
        said = []
        domains = 0
        for row in found:
            named = row.channel in (REGISTER, BEHOERDE)
            if row.target and not named:
                domains += 1
                continue
            who = f"{row.channel} {row.target.decode()}" if named else row.channel
            said.append(f"{who} away since {(now - row.since) // timedelta(minutes=1)} min")
        if domains:
            said.append(f"{domains} mail domain{'s refuse' if domains > 1 else ' refuses'} this house")
        yield look(name, ", ".join(said), do) if said else fine(name, "none is away")

    return Check(name, act, do)


def _overdue(session: Session, now: datetime) -> Iterator[tuple[str, tuple[int, str]]]:
    for name, query in _OVERDUE.items():
        count, oldest = session.connection().execute(query, {"late": now - LATE}).one()
        if count:
            yield name, (count, f"{(now - oldest) // timedelta(minutes=1)} min")


def _counted(name: str, found: Mapping[str, int], when: str, do: str) -> Finding:
    if not found:
        return fine(name, f"none {when}")
    return look(name, f"{sum(found.values())} {when}: " + ", ".join(f"{what} {n}" for what, n in found.items()), do)
