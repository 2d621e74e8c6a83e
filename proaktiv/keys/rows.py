"""Take a person out of every table: what is useless without them is deleted, what stays loses them.

As role ``eraser``, which may name persons and read nothing sealed. What stays: the consent ledger (proof that consent
was given, without anything that tells whose it was: consent.md § 9), stops (a veto protects whoever enrols anew), the
keyed hashes of unfinished events (the gate refuses and deletes these), the log's facts.
Source: data-path.md § 5.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Table, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session

from proaktiv.core.states import EventState
from proaktiv.keys.obstacles import LEAVING
from proaktiv.matters import release_events
from proaktiv.tables import (
    NO_MORE,
    AcknowledgementRow,
    AddressDoubtRow,
    AnswerRow,
    AuftragRow,
    BundleRow,
    CodeRow,
    ContactRow,
    DeliveryRow,
    EnrolmentRow,
    ErasureRequestRow,
    ErasureRow,
    EventFactsRow,
    EventSubjectRow,
    FetchedFactsRow,
    FlowLeafRow,
    FlowSecretRow,
    HandoverRow,
    HoldRow,
    LookupRow,
    MailAddressRow,
    MailConfirmationRow,
    MatchRow,
    NoticeRow,
    PersonIdentifierRow,
    PersonRequestRow,
    PersonRow,
    ProposalRow,
    RegisterEventRow,
    RelationRow,
    SessionRow,
    SignatureRow,
    SubjectHeadRow,
    TaskRow,
    VaultKeyRow,
    WiedervorlageRow,
    core_table,
)

_ACKNOWLEDGEMENTS = core_table(AcknowledgementRow)
_AUFTRAEGE = core_table(AuftragRow)
_DELIVERIES = core_table(DeliveryRow)
_EVENTS = core_table(RegisterEventRow)
_EVENT_SUBJECTS = core_table(EventSubjectRow)
_HANDOVERS = core_table(HandoverRow)
_HEADS = core_table(SubjectHeadRow)
_HOLDS = core_table(HoldRow)
_IDENTIFIERS = core_table(PersonIdentifierRow)
_KEYS = core_table(VaultKeyRow)
_LEAVES = core_table(FlowLeafRow)
_LOOKUPS = core_table(LookupRow)
_PERSONS = core_table(PersonRow)
_PROPOSALS = core_table(ProposalRow)
_RELATIONS = core_table(RelationRow)
_SECRET = core_table(FlowSecretRow)
_SIGNATURES = core_table(SignatureRow)
_TASKS = core_table(TaskRow)

_DELETED: tuple[Table, ...] = tuple(
    core_table(row)
    for row in (
        AddressDoubtRow,
        *(SessionRow, CodeRow, ContactRow, MailAddressRow, EventFactsRow, FetchedFactsRow, AnswerRow, MatchRow),
        WiedervorlageRow,
        *(NoticeRow, MailConfirmationRow, ErasureRow, ErasureRequestRow, PersonRequestRow),
    )
)
"""Deleted where ``person`` is one of them; what else is deleted needs more than that."""

_DONE = (EventState.ADMITTED.value, EventState.REFUSED.value, EventState.STOPPED.value)


def identifiers(session: Session, persons: Collection[UUID]) -> set[bytes]:
    """Return the look-up hashes of some persons."""
    found = select(_IDENTIFIERS.c.lookup_hash).where(_IDENTIFIERS.c.person.in_(persons))
    return set(session.connection().execute(found).scalars())


def take_out(session: Session, persons: Collection[UUID], now: datetime) -> dict[str, int]:
    """Delete and change all rows but log and keys. Returns how many rows, by table."""
    taken: dict[str, int] = {}
    children = _children(session, persons)
    # First what others wait for: nothing new may rest on what is about to go.
    matters = _recall(session, persons, now, taken)
    _take_hashes(session, identifiers(session, persons), children, taken)
    _lose(session, persons, now, taken)
    for table in _DELETED:
        _delete(session, table, table.c.person.in_(persons), taken)
    # What stands stays also where a restored database is made to forget again: the office releases it.
    _delete(session, _HOLDS, _HOLDS.c.person.in_(persons) & _HOLDS.c.released_at.is_not(None), taken)
    either = or_(_RELATIONS.c.from_person.in_(persons), _RELATIONS.c.to_person.in_(persons))
    _delete(session, _RELATIONS, either, taken)
    _delete(session, _SIGNATURES, _SIGNATURES.c.person.in_(persons), taken)
    _delete(session, _IDENTIFIERS, _IDENTIFIERS.c.person.in_(persons), taken)
    _delete(session, _PERSONS, _PERSONS.c.person.in_(persons), taken)
    _count(
        taken,
        "tasks",
        session.connection()
        .execute(
            update(_TASKS)
            .where(_TASKS.c.matter.in_(matters), _TASKS.c.done_at.is_(None))
            .values(done_at=now, how="erased")
        )
        .rowcount,
    )
    return taken


def _recall(session: Session, persons: Collection[UUID], now: datetime, taken: dict[str, int]) -> set[UUID]:
    """Delete what is open about them and return whose tasks end with it: no Auftrag that a Behörde has."""
    connection = session.connection()
    found = connection.execute(
        delete(_LOOKUPS).where(_LOOKUPS.c.person.in_(persons)).returning(_LOOKUPS.c.id, _LOOKUPS.c.event)
    ).all()
    _count(taken, "lookups", len(found))
    matters = {row.id for row in found}
    release_events(session, {row.event for row in found if row.event is not None}, now)
    for table in (core_table(EnrolmentRow), core_table(BundleRow)):
        gone = (
            connection.execute(delete(table).where(table.c.person.in_(persons)).returning(table.c.id)).scalars().all()
        )
        _count(taken, table.name, len(gone))
        matters.update(gone)
    ordered = select(_AUFTRAEGE.c.proposal).where(_AUFTRAEGE.c.undone_at.is_(None))
    with_auftrag = set(
        connection.execute(
            select(_PROPOSALS.c.id).where(_PROPOSALS.c.person.in_(persons), _PROPOSALS.c.id.in_(ordered))
        ).scalars()
    )
    gone = (
        connection.execute(delete(_PROPOSALS).where(_PROPOSALS.c.person.in_(persons)).returning(_PROPOSALS.c.id))
        .scalars()
        .all()
    )
    _count(taken, "proposals", len(gone))
    return matters | (set(gone) - with_auftrag)


def _lose(session: Session, persons: Collection[UUID], now: datetime, taken: dict[str, int]) -> None:
    """Null the person, and what is sealed, in rows that stay: what left the house has to stay accounted for."""
    connection = session.connection()
    mine = connection.execute(select(_AUFTRAEGE.c.id).where(_AUFTRAEGE.c.person.in_(persons))).scalars().all()
    handovers = connection.execute(
        update(_HANDOVERS).where(_HANDOVERS.c.person.in_(persons)).values(person=None).returning(_HANDOVERS.c.id)
    )
    gone = handovers.scalars().all()
    _count(taken, "handovers", len(gone))
    said = update(_ACKNOWLEDGEMENTS).where(_ACKNOWLEDGEMENTS.c.handover.in_(gone)).values(text=None, said=None)
    _count(taken, "acknowledgements", connection.execute(said).rowcount)
    shown = update(_SIGNATURES).where(_SIGNATURES.c.auftrag.in_(mine)).values(content=None)
    _count(taken, "signatures", connection.execute(shown).rowcount)
    # Only a restored database has one that would still leave: whether it left before nobody here knows.
    unsent = [state.value for state in LEAVING]
    connection.execute(
        update(_AUFTRAEGE)
        .where(_AUFTRAEGE.c.id.in_(mine), _AUFTRAEGE.c.state.in_(unsent))
        .values(state="withdrawn", moved_at=now)
    )
    theirs = update(_AUFTRAEGE).where(_AUFTRAEGE.c.id.in_(mine))
    _count(
        taken,
        "auftraege",
        connection.execute(theirs.values(person=None, content=None, shown_mac=b"", due_at=None)).rowcount,
    )
    letters = _DELIVERIES.c.person.in_(persons)
    connection.execute(
        update(_DELIVERIES)
        .where(letters, _DELIVERIES.c.state == "announced")
        .values(state="cancelled", reason="erased", due_at=None, lease_until=None, worker=None, moved_at=now)
    )
    _count(taken, "deliveries", connection.execute(update(_DELIVERIES).where(letters).values(person=None)).rowcount)


def _children(session: Session, persons: Collection[UUID]) -> set[UUID]:
    """Return who of them is a child: events about a child go on for its other parent until the child goes."""
    found = select(_PERSONS.c.person).where(_PERSONS.c.person.in_(persons), _PERSONS.c.status == "child")
    return set(session.connection().execute(found).scalars())


def _take_hashes(
    session: Session, hashes: Collection[bytes], children: Collection[UUID], taken: dict[str, int]
) -> None:
    """Delete by which finished events the persons could be found again."""
    finished = select(_EVENTS.c.id).where(_EVENTS.c.state.in_(_DONE))
    where = _EVENT_SUBJECTS.c.lookup_hash.in_(hashes) & _EVENT_SUBJECTS.c.event.in_(finished)
    if not children:
        where &= _EVENT_SUBJECTS.c.role != "kind"
    _delete(session, _EVENT_SUBJECTS, where, taken)


def _delete(session: Session, table: Table, where: ColumnElement[bool], taken: dict[str, int]) -> None:
    _count(taken, table.name, session.connection().execute(delete(table).where(where)).rowcount)


def _count(taken: dict[str, int], name: str, rows: int) -> None:
    if rows:
        taken[name] = taken.get(name, 0) + rows


def take_out_of_log(session: Session, subjs: Collection[bytes]) -> tuple[list[int], list[UUID]]:
    """Null the subject parts of their entries and let no more be written; return indexes, and ids that have none yet.

    The numbers come first: whoever is writing about one of them is waited for, and comes too late afterwards.
    """
    connection = session.connection()
    ending = insert(_HEADS).values([{"subj": subj, "seq": NO_MORE} for subj in sorted(subjs)])
    connection.execute(ending.on_conflict_do_update(index_elements=["subj"], set_={"seq": NO_MORE}))
    found = connection.execute(
        update(_SECRET).where(_SECRET.c.subj.in_(subjs)).values(subj=None, s_blob=None).returning(_SECRET.c.fid)
    )
    fids = set(found.scalars())
    placed: dict[UUID, int] = {}
    if fids:
        rows: Any = connection.execute(select(_LEAVES.c.fid, _LEAVES.c.idx).where(_LEAVES.c.fid.in_(fids)))
        placed = {row.fid: row.idx for row in rows}
    return sorted(placed.values()), sorted(fids - placed.keys(), key=str)


def destroy_keys(session: Session, persons: Collection[UUID], now: datetime) -> list[UUID]:
    """Destroy what keys are left; return whose they were. For ever: the database changes such a row no more."""
    found = session.connection().execute(
        update(_KEYS)
        .where(_KEYS.c.person.in_(persons), _KEYS.c.state == "active")
        .values(state="destroyed", wrapped=None, destroyed_at=now)
        .returning(_KEYS.c.person)
    )
    return sorted(set(found.scalars()), key=str)


def anybody_destroyed(session: Session) -> bool:
    """Return whether this database knows of a destroyed person."""
    return (
        session.connection().execute(select(_KEYS.c.person).where(_KEYS.c.state == "destroyed").limit(1)).first()
        is not None
    )


def with_keys(session: Session, persons: Collection[UUID]) -> set[UUID]:
    """Return who has, or had, keys here."""
    found = select(_KEYS.c.person).where(_KEYS.c.person.in_(persons)).group_by(_KEYS.c.person).having(func.count() > 0)
    return set(session.connection().execute(found).scalars())
