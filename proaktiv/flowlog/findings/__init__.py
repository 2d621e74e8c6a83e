"""What the DSB should look at: flows that do not pair, entries that are late, parts and rows that are not there.

Asks the database in sets and needs no key: what is sealed stays so, but for who asked to look persons up, where the
caller holds the office's (``flowlog.findings.series``). Says what does not fit, not who did it; whether the
log is untouched to the last byte says ``flowlog.verifying.whole`` alone. What was not looked at to its end is a finding
as well: no page says that all is well while it does not know. Left to others: the SQL (``flowlog.findings.queries``),
who may ask, and showing it.
Source: flowlog.md §§ 2, 5, 8.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import TextClause, func, select
from sqlmodel import Session

from proaktiv.core.flows import Kind
from proaktiv.core.ids import uuid7
from proaktiv.core.keys import OfficeKeys
from proaktiv.core.series import Pace
from proaktiv.database import OutOfTime, hurried
from proaktiv.flowlog.findings import queries
from proaktiv.flowlog.findings.series import LookUps, Series
from proaktiv.flowlog.keeping.pruning import Pruned, pruned
from proaktiv.flowlog.status import waits
from proaktiv.tables import DemoClockRow, core_table

_CLOCK = core_table(DemoClockRow)

_FIRST, _LAST = UUID(int=0), UUID(int=2**128 - 1)
"""Before and behind every id."""

PER_CODE_MAX = 1_000
"""So many of one kind are listed; whoever has more needs no longer list."""


class Code(StrEnum):
    """What a finding is. Closed and stable: programs of others ask by it."""

    WITNESS_CONTRADICTS = "witness_contradicts"
    NO_OUTCOME = "no_outcome"
    NO_AUTHORISATION = "no_authorisation"
    QUEUE_LATE = "queue_late"
    SIGNING_LATE = "signing_late"
    FACTS_CHANGED = "facts_changed"
    COLUMN_CHANGED = "column_changed"
    ROW_MISSING = "row_missing"
    PART_MISSING = "part_missing"
    SEQUENCE_GAP = "sequence_gap"
    UNEXPLAINED_EGRESS = "unexplained_egress"
    TIME_AHEAD = "time_ahead"
    LOOKUP_SERIES = "lookup_series"
    UNFINISHED = "unfinished"


MEANINGS: Mapping[Code, str] = {
    Code.WITNESS_CONTRADICTS: "ein Zeuge kennt ein Protokoll, das dieses nicht fortsetzt",
    Code.NO_OUTCOME: "erlaubt, aber nie gemeldet, wie es ausging",
    Code.NO_AUTHORISATION: "Ausgang ohne Erlaubnis davor",
    Code.QUEUE_LATE: "wartet zu lange auf seinen Platz im Protokoll",
    Code.SIGNING_LATE: "wartet zu lange auf eine Unterschrift",
    Code.FACTS_CHANGED: "Tatsachen sind nicht die, zu denen das Protokoll sich verpflichtet hat",
    Code.COLUMN_CHANGED: "Suchspalte sagt anderes als die Tatsachen",
    Code.ROW_MISSING: "Eintrag fehlt, ohne dass die Aufbewahrung ihn nennt",
    Code.PART_MISSING: "versiegelter Teil fehlt, ohne dass eine Löschung ihn nennt",
    Code.SEQUENCE_GAP: "einer Person fehlen Nummern",
    Code.UNEXPLAINED_EGRESS: "etwas ging hinaus, wozu es keinen Eintrag gibt",
    Code.TIME_AHEAD: "ist jünger als die Unterschrift, die ihn abdeckt",
    Code.LOOKUP_SERIES: "Serie: viele Personen kurz nacheinander nachgeschlagen",
    Code.UNFINISHED: "danach wurde nicht bis zum Ende gesucht",
}
"""Each code in words for the DSB."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that does not fit. ``about`` is the id of a row that is no entry (a delivery, a hand-over, a look-up).

    Nothing here names a person or leads to one: of a gap stands how many numbers are missing, not whose. Of a series of
    look-ups stands which of the staff asked, by the name of part A, where the caller may open that.
    """

    code: Code
    detail: str
    flow: UUID | None = None
    index: int | None = None
    at: datetime | None = None
    about: UUID | None = None

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON data."""
        return {
            "code": self.code.value,
            "meaning": MEANINGS[self.code],
            "detail": self.detail,
            "flow": str(self.flow) if self.flow else None,
            "index": self.index,
            "at": self.at.isoformat() if self.at else None,
            "about": str(self.about) if self.about else None,
        }


@dataclass(frozen=True, slots=True)
class Limits:
    """How long is too long.

    ``outcome``: a hand-over ends within its lease of 60 s; who has no outcome after an hour died on the way.
    ``late``: the sequencer comes every second. ``skew``: clocks of two machines. ``pace``: how many look-ups of persons
    are no series, which the DSB says.
    """

    outcome: timedelta = timedelta(hours=1)
    late: timedelta = timedelta(seconds=10)
    skew: timedelta = timedelta(seconds=60)
    pace: Pace = field(default_factory=Pace)


LIMITS = Limits()
RECENT = timedelta(days=31)
"""How far back is looked unless the caller says otherwise: a month of a city takes seconds, a life of one minutes."""


def findings(
    session: Session,
    now: datetime | None = None,
    limits: Limits = LIMITS,
    *,
    since: datetime | None = None,
    within: timedelta | None = None,
    staff_private: OfficeKeys = (),
) -> list[Finding]:
    """Return what does not fit, by code and then by age; nothing is written.

    ``now`` is the clock that entries carry, by default the database's with the demonstration's offset. Looks at entries
    since ``since``, by default of the last 31 days; what is missing of rows and parts is looked for in the whole log,
    the older ones last. At most 1,000 of one code. Whatever is not looked at to its end ``within`` that time becomes a
    finding ``unfinished``; without it, a look takes as long as it takes. ``staff_private`` is the office's key, empty
    where nobody holds it: a series of look-ups then stands without names, of all who asked together. Needs SELECT on
    the log, its queue, heads and contradictions, and on deliveries, hand-overs and look-ups (with the key, on
    ``staff_keys``, too): roles ``reader`` and ``app`` have it.
    """
    asked = _Looking.of(session, now, limits, since, staff_private)
    until = None if within is None else _now(session) + within
    found: list[Finding] = []
    for codes, part in asked.parts().items():
        try:
            with nullcontext() if until is None else hurried(session, until - _now(session)):
                found += list(part())
        except OutOfTime:
            unfinished = (Finding(Code.UNFINISHED, f"{code}: log findings has the time for it") for code in codes)
            found += [each for each in unfinished if each not in found]
    order = list(Code)
    return sorted(found, key=lambda each: order.index(each.code))  # stable: by age within a code


def timed(session: Session, now: datetime, clock: Callable[[], float]) -> dict[str, float]:
    """Return how many seconds each part of a look takes; what it finds is of no interest here."""
    took = {}
    for codes, part in _Looking.of(session, now, LIMITS, None).parts().items():
        begun = clock()
        list(part())
        took[" ".join(codes)] = clock() - begun
    return took


def counted(found: Sequence[Finding]) -> dict[str, int]:
    """Return how many there are of each code, those of none left out; 1,000 stands for 1,000 or more."""
    counts = Counter(finding.code for finding in found)
    return {code.value: counts[code] for code in Code if counts[code]}


def _now(session: Session) -> datetime:
    at: datetime = session.connection().execute(select(func.clock_timestamp())).scalar_one()
    return at


_NO_ROW = "the row is missing"
_NO_PART = "a sealed part is missing that no erasure takes alone"


class _Looking:
    """One look."""

    def __init__(
        self,
        session: Session,
        now: datetime,
        limits: Limits,
        since: datetime,
        offset: timedelta,
        staff_private: OfficeKeys,
    ) -> None:
        self._session = session
        self._connection = connection = session.connection()
        self._since = since
        self._late = now - limits.late
        self._pace = limits.pace
        self._staff_private = staff_private
        # Only a demonstration's entries carry a clock that runs ahead; elsewhere the offset is nought.
        skew = limits.skew + offset
        self._pruned: Pruned = pruned(connection)
        self._values = {
            "since": uuid7(since, bytes(10)),
            "before": _LAST,
            "until": uuid7(now - limits.outcome, bytes(10)),
            "late": self._late,
            "minimum": self._pruned.minimum,
            "most": PER_CODE_MAX,
            "authorised": int(Kind.AUTHORISED),
            "outcome": int(Kind.OUTCOME),
            "kinds": [int(kind) for kind in Kind],
            "labels": [kind.label for kind in Kind],
            "from": since,
            "skew": skew,
        }

    @classmethod
    def of(
        cls,
        session: Session,
        now: datetime | None,
        limits: Limits,
        since: datetime | None,
        staff_private: OfficeKeys = (),
    ) -> "_Looking":
        """Return a look at the entries since a month ago, or since ``since``."""
        connection = session.connection()
        offset = timedelta(seconds=connection.execute(select(_CLOCK.c.offset_seconds)).scalar_one())
        if now is None:
            now = _now(session) + offset
        return cls(session, now, limits, now - RECENT if since is None else since, offset, staff_private)

    def parts(self) -> dict[tuple[Code, ...], Callable[[], Iterator[Finding]]]:
        """Return what is asked, by the codes that it may find: what is told at once comes first."""
        return {
            (Code.WITNESS_CONTRADICTS,): self._contradicted,
            (Code.QUEUE_LATE,): lambda: self._entries(Code.QUEUE_LATE, queries.QUEUED, "has no place in the log yet"),
            (Code.SIGNING_LATE,): self._unsigned,
            (Code.UNEXPLAINED_EGRESS,): self._egress,
            (Code.NO_OUTCOME,): lambda: self._entries(
                Code.NO_OUTCOME, queries.NO_OUTCOME, "authorised, and no outcome since"
            ),
            (Code.NO_AUTHORISATION,): lambda: self._entries(
                Code.NO_AUTHORISATION, queries.NO_AUTHORISATION, "an outcome of no authorised entry"
            ),
            (Code.ROW_MISSING,): self._rows,
            (Code.PART_MISSING,): self._missing_parts,
            (Code.SEQUENCE_GAP,): self._gaps,
            (Code.LOOKUP_SERIES,): self._series,
            (Code.TIME_AHEAD,): self._ahead,
            (Code.FACTS_CHANGED, Code.COLUMN_CHANGED): self._changed,
            # Behind everything that is asked of the month: the older the log, the longer it takes.
            (Code.ROW_MISSING, Code.PART_MISSING): self._older,
        }

    def _changed(self) -> Iterator[Finding]:
        for row in self._ask(queries.CHANGED):
            if row.facts:
                yield Finding(Code.FACTS_CHANGED, "bytes or salt are not what was committed", row.fid, row.idx, row.at)
            else:
                yield Finding(Code.COLUMN_CHANGED, "a query column is not what was committed", row.fid, row.idx, row.at)

    def _entries(self, code: Code, query: TextClause, detail: str, **bounds: UUID) -> Iterator[Finding]:
        for row in self._ask(query, **bounds):
            yield Finding(code, detail, row.fid, getattr(row, "idx", None), row.at)

    def _contradicted(self) -> Iterator[Finding]:
        for row in self._ask(queries.CONTRADICTED):
            detail = f"{row.witness} knows {row.size} entries that this log does not continue"
            if (again := row.settled_at) is not None:
                detail = (
                    f"{row.witness} knew {row.size} entries of another log, cosigns again since {again.isoformat()}"
                )
            yield Finding(Code.WITNESS_CONTRADICTS, detail, at=row.at)

    def _unsigned(self) -> Iterator[Finding]:
        first = waits(self._connection)
        if first.not_signed is not None and first.not_signed < self._late:
            detail = "is the first that nobody signed"
            yield Finding(Code.SIGNING_LATE, detail, first.fid, first.idx, first.not_signed)

    def _older(self) -> Iterator[Finding]:
        since = uuid7(self._since, bytes(10))
        yield from self._entries(Code.ROW_MISSING, queries.ROW, _NO_ROW, since=_FIRST, before=since)
        yield from self._entries(Code.PART_MISSING, queries.SECRET, _NO_PART, since=_FIRST, before=since)

    def _rows(self) -> Iterator[Finding]:
        yield from self._entries(Code.ROW_MISSING, queries.ROW, _NO_ROW)
        gone = self._connection.execute(queries.GONE, {"minimum": self._pruned.minimum}).scalar_one()
        if gone > self._pruned.removed:
            lacking = f"{gone} rows before entry {self._pruned.minimum} are gone, retention took {self._pruned.removed}"
            yield Finding(Code.ROW_MISSING, lacking)

    def _missing_parts(self) -> Iterator[Finding]:
        yield from self._entries(Code.PART_MISSING, queries.SECRET, _NO_PART)
        # Which entries an erasure took stands sealed, so their number is what must agree (docs/decisions/0014).
        erased = self._connection.execute(queries.ERASED).all()
        took = self._connection.execute(queries.TOMBSTONES).scalar_one()
        told = max(0, took - self._pruned.removed_erased)
        if len(erased) > told:
            for row in erased[:PER_CODE_MAX]:
                detail = f"{len(erased)} subject parts are missing, erasures account for {told}"
                yield Finding(Code.PART_MISSING, detail, row.fid, row.idx, row.at)

    def _gaps(self) -> Iterator[Finding]:
        for row in self._ask(queries.GAPS):
            many = f"{row.lacking} numbers of one person are missing" if row.lacking > 0 else "one person has too many"
            yield Finding(Code.SEQUENCE_GAP, many, at=row.at)

    def _egress(self) -> Iterator[Finding]:
        for row in self._ask(queries.EGRESS):
            detail = f"a {row.what} without an authorised entry"
            yield Finding(Code.UNEXPLAINED_EGRESS, detail, row.flow_id, at=row.at, about=row.id)

    def _ahead(self) -> Iterator[Finding]:
        for row in self._ask(queries.AHEAD):
            detail = f"was covered by a signature of {row.published_at.isoformat()}"
            yield Finding(Code.TIME_AHEAD, detail, row.fid, row.idx, row.at)

    def _series(self) -> Iterator[Finding]:
        for each in LookUps(self._session, self._since, self._staff_private).series(self._pace):
            yield Finding(Code.LOOKUP_SERIES, _told(each, self._pace), each.last.fid, each.last.index, each.last.at)

    def _ask(self, query: TextClause, **bounds: UUID) -> Sequence[Any]:
        values = self._values | bounds
        wanted = {name: value for name, value in values.items() if name in query.compile().params}
        return self._connection.execute(query, wanted).all()


def _told(series: Series, pace: Pace) -> str:
    """Say who asked how often; about whom no entry of them says."""
    what = {
        0: f"{series.n} wishes to look a person up, by whom part A says, which was not opened",
        1: f"{series.n} wishes of {' '.join(series.by)} to look a person up",
        2: f"{series.n} look-ups that {' and '.join(series.by)} completed together",
    }[len(series.by)]
    hour, day = series.stretch.hour, series.stretch.day
    most = f"up to {hour} in an hour (limit {pace.per_hour}), {day} in a day (limit {pace.per_day})"
    return f"{what}, since {series.since.isoformat()}: {most}"
