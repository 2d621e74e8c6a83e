"""Oversight: what the DSB sees of the flow log. Reads; what it writes are exports of it (``oversight.exports``).

Lists show facts F alone, which name nobody: which entries are a person's is found by blind index with an
``Inspection``. Pages by id; nothing counts the whole log. Left to others: one entry with its parts
(``oversight.entry``), proofs and checkpoints (``oversight.evidence``), whether the log is untouched
(``flowlog.verifying.whole``).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, select
from sqlmodel import Session

from proaktiv.core.calendar import berlin_date
from proaktiv.core.canonical import dumps
from proaktiv.core.citations import naming
from proaktiv.core.errors import BadInput, NotAllowed
from proaktiv.core.flows import DENIED, OVERSIGHT, Kind
from proaktiv.core.ids import first_of_day, uuid7
from proaktiv.core.keys import OfficeKeys
from proaktiv.core.series import Pace
from proaktiv.core.staff import Inspection, Role, StaffProof
from proaktiv.flowlog.findings import RECENT, Limits, findings
from proaktiv.flowlog.proving.stored import Stored, stored
from proaktiv.flowlog.status import LogBehind, require_current, status
from proaktiv.house import House
from proaktiv.parties import names_of
from proaktiv.tables import FlowLeafRow, FlowLogRow, FlowSecretRow, core_table

PAGE = 50
BEHIND = timedelta(seconds=60)
"""Older than this nothing may wait for its place or its signature without the page saying so."""

COLUMNS = ("sender", "receiver", "purpose", "basis", "outcome")
"""What entries are filtered by, besides kind and period; each must be equal unless ``Wanted.in_part`` says else."""

_PARTIES = ("sender", "receiver")
_NAMED, _NO = b'"action":"%b"', b'.denied"'

_LOG = core_table(FlowLogRow)
_SECRET = core_table(FlowSecretRow)
_LEAF = core_table(FlowLeafRow)
_KINDS = {kind.label: int(kind) for kind in Kind}
_LABELS = {int(kind): kind.label for kind in Kind}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries to list. ``columns`` are of ``COLUMNS``, as somebody typed them; days are Berlin's, both included.

    ``meant``: what else may stand in the log for what was typed, where a page calls it by a word. Whoever sends or
    receives may be typed by name. ``refused``: only what the gate, the office or a second person refused. ``in_part``:
    a part of the name of whoever sends or receives is enough, and one citation of those that stand as a basis.
    """

    columns: Mapping[str, str]
    kind: str = ""
    first_on: date | None = None
    last_on: date | None = None
    before: str = ""
    refused: bool = False
    in_part: bool = False
    meant: Mapping[str, Collection[str]] = field(default_factory=dict)

    def said(self) -> str:
        """Return all of it as one line of canonical JSON for part A, empty where everything was asked for.

        Raises ``BadInput`` for a kind or a place that there is none of: nothing is looked at by these.
        """
        if self.kind and self.kind not in _KINDS:
            raise BadInput("art", "is no kind of entry")
        typed = set(self.columns.values())
        named: dict[str, Any] = {
            **{name: self.columns.get(name, "") for name in COLUMNS},
            "kind": self.kind,
            "from": self.first_on.isoformat() if self.first_on else "",
            "to": self.last_on.isoformat() if self.last_on else "",
            "before": str(_uuid(self.before)) if self.before else "",
            "refused": self.refused,
            "in_part": self.in_part and any(self.columns.values()),
            "meant": {name: sorted(more) for name, codes in self.meant.items() if (more := {*codes} - typed)},
        }
        asked = {name: value for name, value in named.items() if value}
        return dumps(asked).decode() if asked else ""


def standing(session: Session, proof: StaffProof, now: datetime, wall: datetime) -> dict[str, Any]:
    """Return how the log stands, and what is wrong with it as far as a look without reading it all can say.

    Entries carry ``now``, signatures ``wall``: a demonstration's clock runs ahead. ``findings`` are sentences for
    programs; ``behind`` says the same by codes: ``no_place``, ``not_signed``, ``too_short``, and since when.
    ``since`` is the first day that is counted and looked at.
    """
    _require(proof)
    found = status(session, wall, count_kinds=False)
    wrongs: dict[str, tuple[str, int | None]] = {}
    try:
        require_current(session, now, BEHIND)
    except LogBehind as error:
        wrongs[error.code] = str(error), error.seconds
    if found.signed > found.size:
        wrongs["too_short"] = "a checkpoint is over more entries than there are", None
    behind = [{"code": code, "seconds": seconds} for code, (_, seconds) in wrongs.items()]
    return {
        **found.to_json(),
        "findings": [said for said, _ in wrongs.values()],
        "behind": behind,
        "since": berlin_date(since(now, wall)).isoformat(),
    }


def flows(session: Session, house: House, proof: StaffProof, wanted: Wanted) -> dict[str, Any]:
    """Return a page of entries, the newest first, and where the next begins. Raises ``BadInput``, ``NotAllowed``.

    ``searched``: the names that a part of one stood for, by column.
    """
    _require(proof)
    return _page(session, house, wanted)


def flows_of(session: Session, house: House, leave: Inspection, wanted: Wanted) -> dict[str, Any]:
    """Return a page of one person's entries, the newest first: facts alone, those kept from the person among them."""
    if not leave.persons:
        return {"entries": [], "more": "", "searched": {}}
    mine = select(_SECRET.c.fid).where(_SECRET.c.subj.in_([house.log.subj(person) for person in leave.persons]))
    return _page(session, house, wanted, _LOG.c.fid.in_(mine))


def _where(wanted: Wanted, parties: Mapping[str, Collection[str]]) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = []
    for name, typed in wanted.columns.items():
        if name in COLUMNS and typed:
            values = {typed, *wanted.meant.get(name, ()), *parties.get(name, ())}
            equal = _LOG.c[name].in_(sorted(values))
            named = wanted.in_part and name == "basis"
            where.append(or_(equal, _LOG.c.basis.regexp_match(naming(typed), flags="i")) if named else equal)
    if wanted.kind:
        where.append(_LOG.c.kind == _KINDS[wanted.kind])
    where += within(wanted.first_on, wanted.last_on)
    if wanted.before:
        where.append(_LOG.c.fid < _uuid(wanted.before))
    return where


def _parties(session: Session, wanted: Wanted, names: Mapping[str, str]) -> dict[str, set[str]]:
    """Return who is meant by what was typed for whoever sends or receives: codes of the log, by column."""
    typed = {name: each.casefold() for name in _PARTIES if (each := wanted.columns.get(name, ""))}
    if not wanted.in_part:
        return {name: {code for code, called in names.items() if called.casefold() == typed[name]} for name in typed}
    # Who only ever received, and is in no table any more, stands in the log alone.
    known = {code: code for code in (_receivers(session) if typed else ())} | dict(names)
    return {
        name: {code for code, called in known.items() if typed[name] in called.casefold() or typed[name] in code}
        for name in typed
    }


def _receivers(session: Session) -> list[str]:
    """Return each receiver there is in the log once, by as many steps in its index as there are receivers."""
    first = select(func.min(_LOG.c.receiver).label("receiver")).cte("receivers", recursive=True)
    following = select(func.min(_LOG.c.receiver)).where(_LOG.c.receiver > first.c.receiver).scalar_subquery()
    each = first.union_all(select(following).where(first.c.receiver.is_not(None)))
    return [found for found in session.connection().execute(select(each.c.receiver)).scalars() if found is not None]


def _refused(session: Session, where: Sequence[ColumnElement[bool]]) -> list[UUID]:
    """Return the ids of a page of what the gate, the office or a second person refused, and one more.

    Each part has an index of its own; asked for together, the whole log would be read for the few there are.
    """
    newest = select(_LOG.c.fid).where(*where).order_by(_LOG.c.fid.desc())
    by_kind = newest.where(_LOG.c.kind.in_([int(Kind.REFUSED), int(Kind.INCIDENT)])).limit(PAGE + 1)
    # What an act is called stands in the facts alone; most of them are told apart by one look.
    position = func.pg_catalog.position
    each_no = or_(*(position(_LOG.c.f_bytes, _NAMED % action.encode()) > 0 for action in DENIED))
    said_no = newest.where(_LOG.c.purpose == OVERSIGHT, position(_LOG.c.f_bytes, _NO) > 0, each_no)
    connection = session.connection()
    found = {*connection.execute(by_kind).scalars(), *connection.execute(said_no).scalars()}
    return sorted(found, reverse=True)[: PAGE + 1]


def within(first_on: date | None, last_on: date | None) -> list[ColumnElement[bool]]:
    """Return what says of an entry that it was written on these days. Ids begin with their time (UUIDv7)."""
    where: list[ColumnElement[bool]] = []
    if first_on:
        where.append(_LOG.c.fid >= first_of_day(first_on))
    if last_on and last_on < date.max:
        where.append(_LOG.c.fid < first_of_day(last_on + timedelta(days=1)))
    return where


def since(now: datetime, wall: datetime) -> datetime:
    """Return since when the overview and the findings look: a month.

    Where a demonstration's clock was moved ahead, what happened before it jumped is looked at as well.
    """
    return min(now, wall) - RECENT


def counts(session: Session, proof: StaffProof, now: datetime, wall: datetime) -> dict[str, int]:
    """Return how many entries of each kind the last month brought."""
    _require(proof)
    found = session.connection().execute(
        select(_LOG.c.kind, func.count())
        .where(_LOG.c.fid >= uuid7(since(now, wall), bytes(10)))
        .group_by(_LOG.c.kind)
        .order_by(_LOG.c.kind)
    )
    return {_LABELS.get(kind, str(kind)): n for kind, n in found}


def wrong(
    session: Session,
    proof: StaffProof,
    now: datetime,
    wall: datetime,
    pace: Pace,
    staff_private: OfficeKeys,
    *,
    within: timedelta,
) -> list[dict[str, Any]]:
    """Return what does not fit in the log of the last month, and what ``within`` that time nobody could look for.

    ``pace`` says how many look-ups are no series; ``staff_private`` opens who asked for them, where it is held.
    """
    _require(proof)
    limits, since_then = Limits(pace=pace), since(now, wall)
    found = findings(session, now, limits, since=since_then, within=within, staff_private=staff_private)
    return [each.to_json() for each in found]


def _page(session: Session, house: House, wanted: Wanted, *whose: ColumnElement[bool]) -> dict[str, Any]:
    names = names_of(session, house)
    parties = _parties(session, wanted, names)
    where = [*whose, *_where(wanted, parties)]
    if wanted.refused:
        where = [_LOG.c.fid.in_(_refused(session, where))]
    rows = (
        session.connection()
        .execute(
            select(_LOG.c.fid, _LOG.c.kind, _LOG.c.t.label("at"), _LOG.c.f_salt, _LOG.c.f_bytes, _LOG.c.entry)
            .add_columns(_LEAF.c.idx)
            .join(_LEAF, _LEAF.c.fid == _LOG.c.fid, isouter=True)
            .where(*where)
            .order_by(_LOG.c.fid.desc())
            .limit(PAGE + 1)
        )
        .all()
    )
    # Ids are ordered by their millisecond; of one moment the place says what came first, and what has none is newest.
    shown = sorted(rows[:PAGE], key=lambda row: (row.at, row.idx is None, row.idx or 0), reverse=True)
    entries = [
        {**described(stored(row, row.at), row.kind, names), "id": str(row.fid), "index": row.idx} for row in shown
    ]
    return {
        "entries": entries,
        "more": str(rows[PAGE - 1].fid) if len(rows) > PAGE else "",
        "searched": {column: sorted({names.get(code, code) for code in codes}) for column, codes in parties.items()},
    }


def described(said: Stored, kind: int, names: Mapping[str, str]) -> dict[str, Any]:
    """Return an entry's facts as they stand in a list; of one that was altered they stand there as what they are."""
    facts = said.facts
    return {
        "at": facts["t"].replace("Z", "+00:00"),
        "kind": _LABELS.get(kind, str(kind)),
        "action": facts["action"],
        "sender": names.get(facts["from"], facts["from"]),
        "receiver": facts.get("to_name", "") or names.get(facts["to"], facts["to"]),
        "purpose": facts["purpose"],
        "basis": facts["basis"],
        "outcome": facts.get("outcome", ""),
        "n": facts["n"],
        "restrict": bool(facts.get("restrict")),
        "readable": said.readable,
        "intact": said.intact,
    }


def _require(proof: StaffProof) -> None:
    if proof.role is not Role.DSB:
        raise NotAllowed("the log is for the DSB")


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise BadInput("bis", "is no id of an entry") from None
