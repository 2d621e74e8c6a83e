"""What must hold after any crash: 0 lost, 0 double, 0 sent unlogged.

What is left is compared with what is left where nobody died: the same rows in the same states, the same entries in the
log but for what an attempt more leaves there, the same letters and orders outside. Beside that stand the equations of
the demonstration, which compare the house's rows with what others saw. Left to others: dying (``points``).
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import text

from proaktiv.core.flows import Kind
from proaktiv.demo.citizens import Deed
from proaktiv.demo.counting import _DUE, Counts, count
from proaktiv.demo.summing_up import Witnesses, equations
from tests.chaos.deadly import HANDED, Journal
from tests.world import World

_LEFT: Mapping[str, str] = {
    "events": "SELECT client, event_id, state, payload IS NULL, quarantined_at IS NULL FROM register_events",
    "subjects": "SELECT count(*) FROM event_subjects",
    # Of enrolments it counts the tries, by a COMMIT of their own: one that died was one.
    "days": "SELECT client, n FROM client_days WHERE client <> '@enrolment'",
    "stops": "SELECT guard, scope, lifted_at IS NULL FROM stops",
    "persons": "SELECT status FROM persons",
    "identifiers": "SELECT kind FROM person_identifiers",
    "contacts": "SELECT count(*) FROM contacts",
    "relations": "SELECT kind FROM relations",
    "ledger": "SELECT activity, event FROM consent_ledger",
    "heads": "SELECT activity, state FROM consent_heads",
    "facts": "SELECT count(*) FROM event_facts",
    "fetched": "SELECT count(*) FROM fetched_facts",
    "answers": "SELECT count(*) FROM answers",
    "lookups": "SELECT register_name, state FROM lookups",
    "matches": "SELECT leistung, result, outcome, pass_no FROM matches",
    "revisits": "SELECT what FROM wiedervorlagen",
    "bundles": "SELECT lebenslage, state, messages, due_at, remind_at FROM bundles",
    "proposals": "SELECT leistung, generation, state, outcome FROM proposals",
    "codes": "SELECT purpose, locked_at IS NULL FROM codes",
    "deliveries": "SELECT purpose, channel, run, state FROM deliveries",
    "auftraege": "SELECT leistung, state, undone_at IS NULL, due_at FROM auftraege",
    "signatures": "SELECT role, state FROM signatures",
    "sent": "SELECT auftrag::text IS NULL FROM handovers WHERE state = 'sent'",
    "receipts": "SELECT status, said IS NULL FROM acknowledgements",
    "enrolments": "SELECT state FROM enrolments",
    "tasks": "SELECT what, done_at IS NULL, how FROM tasks",
    "incidents": "SELECT what FROM incidents",
    # An attempt that died left its authorised entry, and the next one leaves its own pair: these two are held below.
    "log": "SELECT kind, convert_from(f_bytes, 'UTF8')::jsonb ->> 'action', outcome FROM flow_log"
    f" WHERE kind NOT IN ({int(Kind.AUTHORISED)}, {int(Kind.OUTCOME)})",
}

_AUTHORISED = f"SELECT fid FROM flow_log WHERE kind = {int(Kind.AUTHORISED)}"
_ENDED = f"SELECT (convert_from(f_bytes, 'UTF8')::jsonb ->> 'of')::uuid FROM flow_log WHERE kind = {int(Kind.OUTCOME)}"
_IN_HAND = (
    "SELECT (SELECT count(*) FROM lookups WHERE state = 'announced' OR lease_until IS NOT NULL OR worker IS NOT NULL)"
    " + (SELECT count(*) FROM deliveries WHERE lease_until IS NOT NULL OR worker IS NOT NULL)"
    " + (SELECT count(*) FROM handovers WHERE state = 'announced' OR lease_until IS NOT NULL OR worker IS NOT NULL)"
)
_TWICE_A_TASK = (
    "SELECT count(*) FROM (SELECT FROM tasks WHERE done_at IS NULL GROUP BY what, matter HAVING count(*) > 1) AS t"
)
_TWICE_SENT = "SELECT count(*) FROM (SELECT FROM handovers WHERE state = 'sent' GROUP BY auftrag HAVING count(*) > 1) t"
_HELD = (
    "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid)"
    " WHERE locktype = 'advisory' AND datname = current_database()"
)
NOT_PLAYED = frozenset({"receipts = arrivals at the Behörden"})
"""An equation of a world in which every Behörde acknowledges at once; here only where it is the request."""


@dataclass(frozen=True)
class Baseline:
    """What had happened before, and what the requests add to it once, however often they are made."""

    reports: int
    deeds: Mapping[Deed, int]
    acknowledged: int = 0
    exempt: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Left:
    """What is left: rows by kind, and what lies outside."""

    rows: Mapping[str, Counter[Any]]
    letters: Counter[str]
    orders: int

    def differs(self, other: "Left") -> str:
        """Say how it differs, or nothing."""
        said = [
            f"{kind}: {dict(self.rows[kind] - other.rows[kind])} instead of {dict(other.rows[kind] - self.rows[kind])}"
            for kind in self.rows
            if self.rows[kind] != other.rows[kind]
        ]
        if self.letters != other.letters:
            said.append(f"letters: {self.letters} instead of {other.letters}")
        if self.orders != other.orders:
            said.append(f"orders: {self.orders} instead of {other.orders}")
        return "; ".join(said)


def left(world: World) -> Left:
    """Read everything."""
    with world.database.transaction() as session:
        connection = session.connection()
        rows = {kind: Counter(map(tuple, connection.execute(text(sql)))) for kind, sql in _LEFT.items()}
    return Left(rows, _letters(world.letters), len(list(_orders(world).iterdir())))


def _letters(folder: Path) -> Counter[str]:
    """Who got how many letters about what: addressee and subject, without reference, day and code."""
    found: Counter[str] = Counter()
    for path in folder.glob("*.txt"):
        lines = path.read_text().splitlines()
        found[f"{lines[0]}: {next(line for line in lines if 'Ihr Code' not in line and len(line) > 40)}"] += 1
    return found


def _orders(world: World) -> Path:
    folder: Path = world.behoerde.folder  # type: ignore[attr-defined]
    return folder


def sent_unlogged(world: World, journal: Journal) -> int:
    """Count what was handed over without an entry that was committed before."""
    return len({flow for flow, _ in journal.entries(HANDED)} - _column(world, _AUTHORISED))


def endless(world: World, journal: Journal) -> int:
    """Count matters that were handed over of which no attempt has an outcome, and that are no human's either."""
    ended = _column(world, _ENDED)
    known = {wire_id for flow, wire_id in journal.entries(HANDED) if flow in ended}
    known |= {str(matter) for matter in _column(world, "SELECT matter FROM tasks WHERE done_at IS NULL")}
    return len({wire_id for _, wire_id in journal.entries(HANDED)} - known)


def _column(world: World, sql: str) -> set[Any]:
    with world.database.transaction() as session:
        return set(session.connection().execute(text(sql)).scalars())


def unpaired(world: World) -> int:
    """Count authorised entries without exactly one outcome."""
    return _counts(world).numbers["unpaired"]


def _counts(world: World) -> Counts:
    with world.database.transaction() as session:
        return count(session)


def broken(world: World, baseline: Baseline, lost_attempts: int) -> list[str]:
    """Say what does not hold now that all is quiet. ``lost_attempts`` are those that died without an outcome."""
    counts = _counts(world)
    seen = Witnesses(
        reported=baseline.reports,
        duplicates=0,
        arrivals=len(list(_orders(world).iterdir())),
        repeats=0,
        second_arrivals=0,
        acknowledged=baseline.acknowledged,
        letters=len(list(world.letters.glob("*.txt"))),
        printed=len(list(world.letters.glob("*.txt"))),  # these worlds write text alone, and no mail
        mails=0,
        mails_telling=0,
        letters_missing=0,
        letters_unexpected=0,
        deeds=Counter(baseline.deeds),
    )
    if counts.numbers["unpaired"] == lost_attempts:
        counts = replace(counts, numbers=counts.numbers | {"unpaired": 0})  # type: ignore[operator]
    said = [
        f"{each.says}: {each.left} ≠ {each.right}"
        for each in equations(counts, seen)
        if not each.holds and each.says not in NOT_PLAYED | baseline.exempt
    ]
    with world.database.transaction() as session:
        connection = session.connection()
        for name, sql in (
            ("rows in hand", _IN_HAND),
            ("tasks twice", _TWICE_A_TASK),
            ("Aufträge sent twice", _TWICE_SENT),
        ):
            if number := connection.execute(text(sql)).scalar_one():
                said.append(f"{name}: {number}")
        if (number := connection.execute(text(_HELD)).scalar_one()) != 1:
            said.append(f"locks: {number}, and one is ours")
        for name, query in _DUE.items():
            if name in {"log entries", "unsigned entries", "Aufträge"}:
                continue
            values = {"now": world.now} if "now" in query.compile().params else {}
            if number := connection.execute(query, values).scalar_one():
                said.append(f"{name} still due: {number}")
    return said
