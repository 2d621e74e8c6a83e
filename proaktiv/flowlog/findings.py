"""What the DSB should look at: flows that do not pair, entries that are late, parts and rows that are not there.

Asks the database in sets and needs no key: what is sealed stays so. Says what does not fit, not who did it; whether the
log is untouched to the last byte says ``flowlog.verify`` alone. Left to others: who may ask, and showing it.
Source: flowlog.md §§ 2, 5, 8.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, TextClause, func, select, text
from sqlmodel import Session

from proaktiv.core.flows import Kind
from proaktiv.core.ids import uuid7
from proaktiv.flowlog.pruning import Pruned, pruned
from proaktiv.tables import DemoClockRow, core_table

_CLOCK = core_table(DemoClockRow)

PER_CODE_MAX = 1_000
"""So many of one kind are listed; whoever has more needs no longer list."""


class Code(StrEnum):
    """What a finding is. Closed and stable: programs of others ask by it."""

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


MEANINGS: Mapping[Code, str] = {
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
}
"""Each code in words for the DSB."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that does not fit. ``about`` is the id of a row that is no entry (a delivery, a hand-over, a look-up).

    Nothing here names a person or leads to one: of a gap stands how many numbers are missing, not whose.
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
    ``late``: the sequencer comes every second. ``skew``: clocks of two machines.
    """

    outcome: timedelta = timedelta(hours=1)
    late: timedelta = timedelta(seconds=10)
    skew: timedelta = timedelta(seconds=60)


LIMITS = Limits()
RECENT = timedelta(days=31)
"""How far back is looked unless the caller says otherwise: a month of a city takes seconds, a life of one minutes."""

# What is cast was compared before: bytes that somebody changed must become a finding, not an error. JCS has one
# spelling, and in a string its quotes would be escaped: a search finds a key and nothing else. OFFSET 0: reckon once.
_NO_OUTCOME = text(
    """
    SELECT g.fid, g.t AS at, l.idx FROM flow_log g LEFT JOIN flow_leaf l USING (fid)
    WHERE g.kind = :authorised AND g.fid >= :since AND g.t < :before AND (l.idx IS NULL OR l.idx >= :minimum)
      AND NOT EXISTS (
        SELECT FROM (
            SELECT substr(body, position('"of":"' IN body) + 6, 36) AS of
            FROM (
                SELECT encode(f_bytes, 'escape') AS body FROM flow_log
                WHERE kind = :outcome AND fid >= :since OFFSET 0
            ) b OFFSET 0
        ) o WHERE o.of = g.fid::text
    ) ORDER BY g.fid LIMIT :most
    """
)
_NO_AUTHORISATION = text(
    """
    SELECT g.fid, g.t AS at, l.idx FROM (
        SELECT fid, t, CASE WHEN of ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN of::uuid END AS of
        FROM (
            SELECT fid, t, substr(body, position('"of":"' IN body) + 6, 36) AS of
            FROM (
                SELECT fid, t, encode(f_bytes, 'escape') AS body FROM flow_log
                WHERE kind = :outcome AND fid >= :since OFFSET 0
            ) b OFFSET 0
        ) o OFFSET 0
    ) g LEFT JOIN flow_leaf l USING (fid)
    WHERE NOT EXISTS (SELECT FROM flow_log a WHERE a.fid = g.of AND a.kind = :authorised)
      AND NOT EXISTS (SELECT FROM flow_leaf p WHERE p.fid = g.of AND p.idx < :minimum)
    ORDER BY g.fid LIMIT :most
    """
)
_QUEUED = text("SELECT fid, ts AS at FROM flow_queue WHERE ts < :late ORDER BY qid LIMIT :most")
_UNSIGNED = text(
    """
    SELECT g.fid, g.t AS at, l.idx FROM flow_leaf l JOIN flow_log g USING (fid)
    WHERE l.idx = (SELECT coalesce(max(size), 0) FROM checkpoint) AND g.t < :late
    """
)
_FACTS = text(
    r"""
    SELECT g.fid, g.t AS at, l.idx FROM flow_log g LEFT JOIN flow_leaf l USING (fid)
    WHERE g.fid >= :since AND sha256(convert_to(E'proaktiv/commit/v1\nF', 'UTF8') || g.f_salt || g.f_bytes)
        <> substring(g.entry FROM 20 FOR 32)
    ORDER BY g.fid LIMIT :most
    """
)
_COLUMN = text(
    r"""
    SELECT g.fid, g.t AS at, l.idx
    FROM flow_log g LEFT JOIN flow_leaf l USING (fid)
        LEFT JOIN unnest(CAST(:kinds AS int[]), CAST(:labels AS text[])) AS k (kind, label) USING (kind),
        LATERAL (
            SELECT CASE WHEN sha256(convert_to(E'proaktiv/commit/v1\nF', 'UTF8') || g.f_salt || g.f_bytes)
                = substring(g.entry FROM 20 FOR 32) THEN convert_from(g.f_bytes, 'UTF8')::jsonb END AS f
            OFFSET 0
        ) AS said
    WHERE g.fid >= :since AND f IS NOT NULL AND (
        k.label IS NULL OR f ->> 'kind' IS DISTINCT FROM k.label
        OR f ->> 't' IS DISTINCT FROM to_char(g.t AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
        OR f ->> 'from' IS DISTINCT FROM g.sender OR f ->> 'to' IS DISTINCT FROM g.receiver
        OR f ->> 'purpose' IS DISTINCT FROM g.purpose OR f ->> 'basis' IS DISTINCT FROM g.basis
        OR coalesce(f ->> 'scope', '') <> g.scope OR coalesce(f ->> 'outcome', '') <> g.outcome
    ) ORDER BY g.fid LIMIT :most
    """
)
_ROW = text(
    """
    SELECT l.fid, NULL::timestamptz AS at, l.idx FROM flow_leaf l
    WHERE l.idx >= :minimum AND l.fid >= :since AND NOT EXISTS (SELECT FROM flow_log g WHERE g.fid = l.fid)
    ORDER BY l.idx LIMIT :most
    """
)
_GONE = text(
    "SELECT count(*) FROM flow_leaf l WHERE l.idx < :minimum"
    " AND NOT EXISTS (SELECT FROM flow_log g WHERE g.fid = l.fid)"
)
_SECRET = text(
    """
    SELECT g.fid, g.t AS at, l.idx FROM flow_log g LEFT JOIN flow_secret s USING (fid) LEFT JOIN flow_leaf l USING (fid)
    WHERE g.fid >= :since AND (s.fid IS NULL OR s.a_blob IS NULL OR s.staff_key IS NULL
      OR s.s_blob IS NULL AND s.subj IS NOT NULL) ORDER BY g.fid LIMIT :most
    """
)
_ERASED = text(
    """
    SELECT s.fid, g.t AS at, l.idx FROM flow_secret s JOIN flow_log g USING (fid) LEFT JOIN flow_leaf l USING (fid)
    WHERE s.s_blob IS NULL AND s.subj IS NULL ORDER BY s.fid
    """
)
_TOMBSTONES = text(
    r"""
    SELECT coalesce(sum(substring(encode(f_bytes, 'escape') FROM '"n":([0-9]{1,9})[,}]')::bigint), 0)
    FROM flow_log WHERE kind = :erasure AND purpose = 'loeschung'
        AND sha256(convert_to(E'proaktiv/commit/v1\nF', 'UTF8') || f_salt || f_bytes) = substring(entry FROM 20 FOR 32)
    """
).bindparams(erasure=int(Kind.ERASURE))
# An entry that is kept from the person takes no number. Erased persons have none left (seq < 0).
_GAPS = text(
    r"""
    SELECT * FROM (
        SELECT max(g.t) AS at, h.seq - h.pruned - count(*) FILTER (
            WHERE position('"restrict"\:true' IN encode(g.f_bytes, 'escape')) = 0
        ) AS lacking
        FROM subject_heads h JOIN flow_secret s USING (subj) JOIN flow_log g USING (fid)
        WHERE h.seq > 0 AND h.subj IN (SELECT subj FROM flow_secret WHERE fid >= :since AND subj IS NOT NULL)
        GROUP BY h.subj, h.seq, h.pruned
    ) counted WHERE lacking <> 0 ORDER BY at LIMIT :most
    """
)
_EGRESS = text(
    """
    SELECT r.* FROM (
        SELECT 'delivery' AS what, id, flow_id, moved_at AS at FROM deliveries WHERE flow_id >= :since
        UNION ALL SELECT 'hand-over', id, flow_id, moved_at FROM handovers WHERE flow_id >= :since
        UNION ALL SELECT 'look-up', id, flow_id, due_at FROM lookups
            WHERE flow_id >= :since AND state IN ('announced', 'answered')
    ) r WHERE NOT EXISTS (SELECT FROM flow_log g WHERE g.fid = r.flow_id AND g.kind = :authorised)
    ORDER BY r.at LIMIT :most
    """
)
_AHEAD = text(
    """
    SELECT g.fid, g.t AS at, l.idx, c.published_at
    FROM (SELECT size, published_at, lag(size, 1, 0::bigint) OVER (ORDER BY size) AS began FROM checkpoint) c
    JOIN flow_leaf l ON l.idx >= c.began AND l.idx < c.size JOIN flow_log g USING (fid)
    WHERE c.published_at >= :from AND g.t > c.published_at + :skew ORDER BY l.idx LIMIT :most
    """
)


def findings(
    session: Session, now: datetime | None = None, limits: Limits = LIMITS, *, since: datetime | None = None
) -> list[Finding]:
    """Return what does not fit, by code and then by age; nothing is written.

    ``now`` is the clock that entries carry, by default the database's with the demonstration's offset. Looks at entries
    since ``since``, by default of the last 31 days; for parts and rows that are missing it counts the whole log. At
    most 1,000 of one code. Needs SELECT on the log, its queue and heads, and on deliveries, hand-overs and look-ups:
    roles ``reader`` and ``app`` have it.
    """
    connection = session.connection()
    offset = timedelta(seconds=connection.execute(select(_CLOCK.c.offset_seconds)).scalar_one())
    if now is None:
        now = connection.execute(select(func.clock_timestamp())).scalar_one() + offset
    looking = _Looking(connection, now, limits, now - RECENT if since is None else since, offset)
    return [found for part in looking.parts() for found in part()]


def counted(found: Sequence[Finding]) -> dict[str, int]:
    """Return how many there are of each code, those of none left out; 1,000 stands for 1,000 or more."""
    counts = Counter(finding.code for finding in found)
    return {code.value: counts[code] for code in Code if counts[code]}


class _Looking:
    """One look. Each part is one code."""

    def __init__(
        self, connection: Connection, now: datetime, limits: Limits, since: datetime, offset: timedelta
    ) -> None:
        self._connection = connection
        # Only a demonstration's entries carry a clock that runs ahead; elsewhere the offset is nought.
        self._skew = limits.skew + offset
        self._from = since
        self._pruned: Pruned = pruned(connection)
        self._values = {
            "since": uuid7(since, bytes(10)),
            "before": now - limits.outcome,
            "late": now - limits.late,
            "minimum": self._pruned.minimum,
            "most": PER_CODE_MAX,
            "authorised": int(Kind.AUTHORISED),
            "outcome": int(Kind.OUTCOME),
            "kinds": [int(kind) for kind in Kind],
            "labels": [kind.label for kind in Kind],
        }

    def parts(self) -> tuple[Callable[[], Iterator[Finding]], ...]:
        """Return what is asked, in the order in which it is told."""
        return (
            lambda: self._entries(Code.NO_OUTCOME, _NO_OUTCOME, "authorised, and no outcome since"),
            lambda: self._entries(Code.NO_AUTHORISATION, _NO_AUTHORISATION, "an outcome of no authorised entry"),
            lambda: self._entries(Code.QUEUE_LATE, _QUEUED, "has no place in the log yet"),
            lambda: self._entries(Code.SIGNING_LATE, _UNSIGNED, "is the first that nobody signed"),
            lambda: self._entries(Code.FACTS_CHANGED, _FACTS, "bytes or salt are not what was committed"),
            lambda: self._entries(Code.COLUMN_CHANGED, _COLUMN, "a query column is not what was committed"),
            self._rows,
            self._missing_parts,
            self._gaps,
            self._egress,
            self._ahead,
        )

    def _entries(self, code: Code, query: TextClause, detail: str) -> Iterator[Finding]:
        for row in self._ask(query):
            yield Finding(code, detail, row.fid, getattr(row, "idx", None), row.at)

    def _rows(self) -> Iterator[Finding]:
        yield from self._entries(Code.ROW_MISSING, _ROW, "the row is missing")
        gone = self._connection.execute(_GONE, {"minimum": self._pruned.minimum}).scalar_one()
        if gone > self._pruned.removed:
            lacking = f"{gone} rows before entry {self._pruned.minimum} are gone, retention took {self._pruned.removed}"
            yield Finding(Code.ROW_MISSING, lacking)

    def _missing_parts(self) -> Iterator[Finding]:
        yield from self._entries(Code.PART_MISSING, _SECRET, "a sealed part is missing that no erasure takes alone")
        # Which entries an erasure took stands sealed, so their number is what must agree (docs/decisions/0014).
        erased = self._connection.execute(_ERASED).all()
        told = self._connection.execute(_TOMBSTONES).scalar_one()
        if len(erased) > told:
            for row in erased[:PER_CODE_MAX]:
                detail = f"{len(erased)} subject parts are missing, erasures account for {told}"
                yield Finding(Code.PART_MISSING, detail, row.fid, row.idx, row.at)

    def _gaps(self) -> Iterator[Finding]:
        for row in self._ask(_GAPS):
            many = f"{row.lacking} numbers of one person are missing" if row.lacking > 0 else "one person has too many"
            yield Finding(Code.SEQUENCE_GAP, many, at=row.at)

    def _egress(self) -> Iterator[Finding]:
        for row in self._ask(_EGRESS):
            detail = f"a {row.what} without an authorised entry"
            yield Finding(Code.UNEXPLAINED_EGRESS, detail, row.flow_id, at=row.at, about=row.id)

    def _ahead(self) -> Iterator[Finding]:
        for row in self._connection.execute(_AHEAD, {"from": self._from, "skew": self._skew, "most": PER_CODE_MAX}):
            detail = f"was covered by a signature of {row.published_at.isoformat()}"
            yield Finding(Code.TIME_AHEAD, detail, row.fid, row.idx, row.at)

    def _ask(self, query: TextClause) -> Sequence[Any]:
        wanted = {name: value for name, value in self._values.items() if name in query.compile().params}
        return self._connection.execute(query, wanted).all()
