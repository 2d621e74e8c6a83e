"""Retention of the log: once a month whatever is over goes, and an entry says how much; every tile stays.

As role ``eraser``, which cannot delete: the database's own ``flow_log_prune`` does, and lets nothing go that is young,
unsigned, held by ``legal_hold`` or still named by a delivery, a hand-over or a look-up. Which entries are over is
decided here, and so are holds on persons and Aufträge: whose an entry is stands there as a blind index, which only who
holds the index key can reckon, and the database does not. What accounts for others (erasures, key events, successions,
retention itself) stays as long as the log. Left to others: the run and its transactions (``logretention``).
Source: flowlog.md § 4; data-path.md § 5 (Retention); C2SP tlog-tiles (minimum index).
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, Uuid, and_, bindparam, func, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Session

from proaktiv.core.errors import ProaktivError
from proaktiv.core.flows import Flow, Kind
from proaktiv.core.ids import uuid7
from proaktiv.core.log_terms import LogTerms
from proaktiv.core.merkle import TILE_WIDTH
from proaktiv.core.terms import end_of
from proaktiv.flowlog.keeping.pruning import ACTION, PURPOSE, Pruned, pruned
from proaktiv.flowlog.record import FlowLog
from proaktiv.locks import lock_keys
from proaktiv.sets import among
from proaktiv.tables import (
    HOLDS_LOCK,
    AuftragRow,
    CheckpointRow,
    DeliveryRow,
    FlowLeafRow,
    FlowLogRow,
    FlowSecretRow,
    HandoverRow,
    HoldRow,
    LegalHoldRow,
    LookupRow,
    SignatureRow,
    core_table,
)

SET = 8_192
"""Entries that are looked at in one transaction: a few seconds on a busy database."""
_YOUNGEST = 10_000
"""How far around the day the order of the log may differ from that of its instants; what lies beyond only stays."""

_LOG = core_table(FlowLogRow)
_SECRET = core_table(FlowSecretRow)
_LEAF = core_table(FlowLeafRow)
_CHECKPOINTS = core_table(CheckpointRow)
_HOLDS = core_table(HoldRow)
_LEGAL = core_table(LegalHoldRow)
_AUFTRAEGE = core_table(AuftragRow)
_SIGNATURES = core_table(SignatureRow)
_OUTWARD = tuple(core_table(row) for row in (DeliveryRow, HandoverRow, LookupRow))

_PRUNE = text("SELECT flow_log_prune(:minimum, :gone)").bindparams(bindparam("gone", type_=ARRAY(Uuid())))
_ACCOUNTS = frozenset({Kind.ERASURE, Kind.KEY, Kind.SUCCESSION})
MORE, FINISHED = "more", "finished"


class NotPruned(ProaktivError):  # noqa: N818 - reads as the sentence it is: raise NotPruned
    """The database let fewer entries go than were over: nothing of this set went."""


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a run reaches: entries before ``minimum`` whose time is over ``today``."""

    today: date
    minimum: int
    before: UUID


@dataclass(frozen=True, slots=True)
class Preview:
    """What a run would take. ``kept`` says why the rest of the entries before ``minimum`` stays, and how many each."""

    today: date
    minimum: int
    due: Mapping[str, int]
    kept: Mapping[str, int]
    removed_before: int

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON data."""
        return {
            "on": self.today.isoformat(),
            "minimum": self.minimum,
            "due": dict(self.due),
            "kept": dict(self.kept),
            "removed_before": self.removed_before,
        }


@dataclass(frozen=True, slots=True)
class Taken:
    """What one set took. ``following`` is where the next one begins, None after the last."""

    n: int
    following: UUID | None


@dataclass(frozen=True, slots=True)
class Pruning:
    """What a run needs besides its transaction."""

    log: FlowLog
    controller: str
    terms: LogTerms

    def reach(self, session: Session, today: date) -> Reach:
        """Return how far a run reaches: before its minimum lie only days that the shortest period has left."""
        connection = session.connection()
        before = uuid7(end_of(self.terms.newest_over_of_any(today)), bytes(10))
        signed: int = connection.execute(select(func.coalesce(func.max(_CHECKPOINTS.c.size), 0))).scalar_one()
        young = select(_LOG.c.fid).where(_LOG.c.fid >= before).order_by(_LOG.c.fid).limit(_YOUNGEST).subquery()
        first = connection.execute(
            select(func.min(_LEAF.c.idx)).join(young, young.c.fid == _LEAF.c.fid)
        ).scalar_one_or_none()
        end = signed if first is None else min(signed, first)
        said = pruned(connection).minimum
        # After a succession the minimum may lie behind what the new log has signed: then nothing goes before it grew.
        return Reach(today, max(end - end % TILE_WIDTH, said), before if said <= signed else UUID(int=0))

    def preview(self, session: Session, today: date) -> Preview:
        """Count what a run would take. The transaction is read-only to PostgreSQL, and must be a fresh one."""
        connection = session.connection()
        connection.execute(text("SET TRANSACTION READ ONLY"))
        reach = self.reach(session, today)
        due: Counter[str] = Counter()
        kept: Counter[str] = Counter()
        holds = self._holds(connection)
        for rows in _sets(connection, reach):
            for row, why in self._judged(connection, rows, reach, holds):
                (due if not why else kept)[why or row.purpose] += 1
        return Preview(reach.today, reach.minimum, due, kept, pruned(connection).removed)

    def take(self, session: Session, reach: Reach, after: UUID, by: str, now: datetime) -> Taken:
        """Take one set behind the entry ``after``, and tell of it. Raises ``NotPruned``."""
        # Nobody places a hold, and nobody is erased, between the look at it and the commit; and runs take turns.
        lock_keys(session, [HOLDS_LOCK])
        connection = session.connection()
        rows = _rows(connection, reach, after)
        judged = list(self._judged(connection, rows, reach, self._holds(connection)))
        gone = [row.fid for row, why in judged if not why]
        n = connection.execute(_PRUNE, {"minimum": reach.minimum, "gone": gone}).scalar_one() if gone else 0
        if n != len(gone):
            raise NotPruned(f"{len(gone)} entries were over, {n} went")
        following = rows[-1].fid if len(rows) == SET else None
        if gone or following is None:
            erased = sum(row.erased for row, why in judged if not why)
            told = self._flow(pruned(connection), reach, n, erased, by, finished=following is None)
            self.log.record(session, [told], now)
        return Taken(n, following)

    def _flow(self, before: Pruned, reach: Reach, n: int, erased: int, by: str, *, finished: bool) -> Flow:
        return Flow(
            kind=Kind.RETENTION,
            sender=self.controller,
            receiver=self.controller,
            purpose=PURPOSE,
            action=ACTION,
            basis="Art. 5 Abs. 1 Buchst. e DSGVO",
            outcome=FINISHED if finished else MORE,
            n=n,
            minimum=reach.minimum,
            removed=before.removed + n,
            removed_erased=before.removed_erased + erased,
            actor=by,
        )

    def _judged(
        self, connection: Connection, rows: Sequence[Row[Any]], reach: Reach, holds: "_Holds"
    ) -> Iterator[tuple[Row[Any], str]]:
        """Yield each entry and why it stays; the empty word: it goes."""
        named = _named(connection, [row.fid for row in rows])
        over = {purpose: end_of(self.terms.newest_over(purpose, reach.today)) for purpose in {r.purpose for r in rows}}
        for row in rows:
            if row.kind in _ACCOUNTS or (row.kind == Kind.RETENTION and row.purpose == PURPOSE):
                yield row, "accounts for others"
            elif row.at >= over[row.purpose]:
                yield row, "longer period"
            elif holds.keep(row):
                yield row, "held"
            elif row.fid in named:
                yield row, "named by what is kept longer"
            else:
                yield row, ""

    def _holds(self, connection: Connection) -> "_Holds":
        found = connection.execute(
            select(_LEGAL.c.fid, _LEGAL.c.from_at, _LEGAL.c.until_at, _LEGAL.c.purpose).where(
                _LEGAL.c.released_at.is_(None)
            )
        ).all()
        spans = [(row.from_at, row.until_at, row.purpose) for row in found if row.fid is None]
        subjs = {self.log.subj(person) for person in _held_persons(connection)}
        return _Holds(frozenset(row.fid for row in found if row.fid), spans, frozenset(subjs))


@dataclass(frozen=True, slots=True)
class _Holds:
    """What stands: entries, spans of time, persons by their blind index."""

    entries: frozenset[UUID]
    spans: Sequence[tuple[datetime, datetime, str]]
    subjs: frozenset[bytes]

    def keep(self, row: Row[Any]) -> bool:
        """Return whether any hold is on this entry."""
        return (
            row.fid in self.entries
            or row.subj in self.subjs
            or any(first <= row.at < end and purpose in ("", row.purpose) for first, end, purpose in self.spans)
        )


def _held_persons(connection: Connection) -> set[UUID]:
    """Return who is held: by name, or with an Auftrag that they confirmed or signed."""
    standing = connection.execute(select(_HOLDS.c.person, _HOLDS.c.auftrag).where(_HOLDS.c.released_at.is_(None))).all()
    auftraege = [row.auftrag for row in standing if row.auftrag is not None]
    shared = connection.execute(
        select(_AUFTRAEGE.c.person)
        .where(_AUFTRAEGE.c.id.in_(auftraege))
        .union(select(_SIGNATURES.c.person).where(_SIGNATURES.c.auftrag.in_(auftraege)))
    ).scalars()
    return {row.person for row in standing if row.person is not None} | {one for one in shared if one is not None}


def _named(connection: Connection, fids: Collection[UUID]) -> set[UUID]:
    """Return which of them a row that is kept longer still names."""
    found: set[UUID] = set()
    for table in _OUTWARD:
        found.update(connection.execute(select(table.c.flow_id).where(among(table.c.flow_id, fids))).scalars())
    return found


def _sets(connection: Connection, reach: Reach) -> Iterator[Sequence[Row[Any]]]:
    after = UUID(int=0)
    while rows := _rows(connection, reach, after):
        yield rows
        after = rows[-1].fid


def _rows(connection: Connection, reach: Reach, after: UUID) -> Sequence[Row[Any]]:
    """Return the next entries in the order of their ids, which is that of their instants."""
    found: Any = connection.execute(
        select(_LOG.c.fid, _LOG.c.kind, _LOG.c.t.label("at"), _LOG.c.purpose, _SECRET.c.subj)
        .add_columns(
            and_(_SECRET.c.fid.is_not(None), _SECRET.c.subj.is_(None), _SECRET.c.s_blob.is_(None)).label("erased")
        )
        .join(_LEAF, _LEAF.c.fid == _LOG.c.fid)
        .outerjoin(_SECRET, _SECRET.c.fid == _LOG.c.fid)
        .where(_LOG.c.fid > after, _LOG.c.fid < reach.before, _LEAF.c.idx < reach.minimum)
        .order_by(_LOG.c.fid)
        .limit(SET)
    )
    return list(found)


def last_finished(session: Session) -> datetime | None:
    """Return when a run was last finished."""
    found: datetime | None = (
        session.connection()
        .execute(
            select(func.max(_LOG.c.t)).where(
                _LOG.c.purpose == PURPOSE, _LOG.c.kind == int(Kind.RETENTION), _LOG.c.outcome == FINISHED
            )
        )
        .scalar_one()
    )
    return found
