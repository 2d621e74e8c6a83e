"""A person's own entries, opened: read once here, for the page, for programs and for the bundle.

What is restricted is left out as if it were not there, also where pages are counted; a later entry that releases it
brings it back, without a number of its own. Source: flowlog.md § 5.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, LargeBinary, func, literal, or_, select
from sqlmodel import Session

from proaktiv.core.flows import RELEASED, Kind
from proaktiv.core.ids import first_of_day
from proaktiv.core.trust import SessionProof
from proaktiv.flowlog.entries import SALT_BYTES
from proaktiv.flowlog.proving.opening import SubjectPart, subject_part
from proaktiv.flowlog.proving.stored import stored
from proaktiv.house import House
from proaktiv.tables import FlowLeafRow, FlowLogRow, FlowSecretRow, core_table
from proaktiv.vault import Compartment, Ring

_LOG = core_table(FlowLogRow)
_SECRET = core_table(FlowSecretRow)
_LEAF = core_table(FlowLeafRow)
# Inside a string the quote before the colon is escaped, so this is the member itself and nothing that was written.
_RESTRICTED = b'"restrict":true'
_CLOSED = SubjectPart(bytes(SALT_BYTES), b"{}")
"""Stands for a part that is not what was sealed."""


@dataclass(frozen=True, slots=True)
class Own:
    """One entry as its person may see it. ``released`` is the number of the entry that released it.

    Of one that was altered (not ``intact``) ``facts`` are what is left of them, and ``salt`` and ``body`` of a part
    that does not open prove nothing, which a verifier finds.
    """

    row: Any
    index: int | None
    salt: bytes
    body: bytes
    facts: Mapping[str, Any]
    subject: Mapping[str, Any]
    released: int | None
    intact: bool

    @property
    def fid(self) -> UUID:
        """Return the entry's id."""
        fid: UUID = self.row.fid
        return fid

    @property
    def at(self) -> datetime:
        """Return when it was written."""
        at: datetime = self.row.recorded_at
        return at

    @property
    def number(self) -> int | None:
        """Return its gap-free number; a released entry has none."""
        return self.subject.get("seq")


@dataclass(frozen=True, slots=True)
class Part:
    """Which of the entries, newest first. Days are Berlin's, both included.

    By their place in the log, which is the order of their numbers; by id, to the millisecond, where ``by_id`` is set:
    then ``before`` is the id of an entry. ``only`` is the id of the one entry that is meant.
    """

    first_on: date | None = None
    last_on: date | None = None
    before: UUID | None = None
    offset: int = 0
    limit: int | None = None
    by_id: bool = False
    only: UUID | None = None


EVERYTHING = Part()


def own(session: Session, house: House, proof: SessionProof, part: Part) -> list[Own]:
    """Return a person's entries, the newest first."""
    ring = house.vault.ring(session, [proof.person], [Compartment.FLOW])
    released = _released(session, house, proof, ring)
    query = (
        select(
            *(column for column in _LOG.c if column.name != "t"),
            _LOG.c.t.label("recorded_at"),
            _SECRET.c.s_blob,
            _LEAF.c.idx,
        )
        .join(_LOG, _LOG.c.fid == _SECRET.c.fid)
        .join(_LEAF, _LEAF.c.fid == _SECRET.c.fid, isouter=True)
        .where(
            *_mine(house, proof),
            _visible(released),
            *_within(part),
        )
        .order_by(*_order(part))
        .offset(part.offset)
    )
    limit = part.limit
    while True:
        rows = session.connection().execute(query.limit(limit)).all()
        shown = [each for row in rows if not _withheld(each := _opened(row, proof, ring, released), released)]
        if limit is None or part.limit is None or len(shown) >= part.limit or len(rows) < limit:
            return shown[: part.limit]
        limit += part.limit - len(shown)  # somebody altered what is kept from the person: the page is full all the same


def span(
    session: Session, house: House, proof: SessionProof, part: Part = EVERYTHING
) -> tuple[datetime, datetime] | None:
    """Return when the first and the last of a person's entries on some days were written, of those that they see."""
    ring = house.vault.ring(session, [proof.person], [Compartment.FLOW])
    query = (
        select(func.min(_LOG.c.t), func.max(_LOG.c.t))
        .join(_SECRET, _SECRET.c.fid == _LOG.c.fid)
        .where(*_mine(house, proof), _visible(_released(session, house, proof, ring)), *_within(part))
    )
    first, last = session.connection().execute(query).one()
    return (first, last) if first is not None else None


def _visible(released: Collection[UUID]) -> ColumnElement[bool]:
    restricted = func.position(literal(_RESTRICTED, LargeBinary).op("IN")(_LOG.c.f_bytes)) > 0
    return or_(~restricted, _LOG.c.fid.in_(released))


def _mine(house: House, proof: SessionProof) -> tuple[ColumnElement[bool], ...]:
    return (_SECRET.c.subj == house.log.subj(proof.person),)


def _within(part: Part) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = []
    if part.first_on:
        where.append(_SECRET.c.fid >= first_of_day(part.first_on))
    if part.last_on and part.last_on < date.max:
        where.append(_SECRET.c.fid < first_of_day(part.last_on + timedelta(days=1)))
    if part.before:
        where.append(_SECRET.c.fid < part.before)
    if part.only:
        where.append(_SECRET.c.fid == part.only)
    return where


def _order(part: Part) -> tuple[ColumnElement[Any], ...]:
    by_id = (_SECRET.c.fid.desc(),)  # time-ordered (UUIDv7)
    return by_id if part.by_id else (_LEAF.c.idx.desc().nulls_first(), *by_id)


def _released(session: Session, house: House, proof: SessionProof, ring: Ring) -> dict[UUID, int | None]:
    """Return which restricted entries were released, and the number of the entry that did it."""
    rows = session.connection().execute(
        select(_LOG.c.t.label("recorded_at"), _LOG.c.f_salt, _LOG.c.f_bytes, _LOG.c.entry, _SECRET.c.s_blob)
        .join(_SECRET, _SECRET.c.fid == _LOG.c.fid)
        .where(*_mine(house, proof), _LOG.c.kind == Kind.RETENTION)
    )
    found: dict[UUID, int | None] = {}
    for row in rows:
        said = stored(row, row.recorded_at)
        if said.intact and said.facts["action"] == RELEASED:  # what was written over an entry releases nothing
            part = subject_part(ring, proof, proof.person, row)
            found[UUID(said.facts["of"])] = part.said.get("seq") if part else None
    return found


def _opened(row: Any, proof: SessionProof, ring: Ring, released: Mapping[UUID, int | None]) -> Own:
    said, part = stored(row, row.recorded_at), subject_part(ring, proof, proof.person, row)
    own = part or _CLOSED
    return Own(
        row, row.idx, own.salt, own.body, said.facts, own.said, released.get(row.fid), said.intact and part is not None
    )


def _withheld(each: Own, released: Collection[UUID]) -> bool:
    """Whether an entry was kept from the person, though its altered facts do not say so: it has no number."""
    return not each.intact and each.body != _CLOSED.body and each.number is None and each.fid not in released
