"""Where letters go, and whether that is certain: a report of a move makes the stored address doubtful at once.

The doubt needs no consent and no key: ``steps.receive`` writes it before its answer 202, as it writes stops. While
there is one, no letter goes and no code from a letter opens anything; only what settles the report ends it
(``steps.relocate``, a fresh look-up by ``steps.enrol``). What leads to the address that was left ends with it.
Left to others: which address is the newest (``core.residence``), opening and sealing it (the steps).
Source: security-and-faults.md T3; data-path.md §§ 3, 5.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, and_, delete, exists, func, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlmodel import Session

from consent.store import raise_epoch
from proaktiv.core.states import DeliveryState, EventState
from proaktiv.core.windows import CODE_DAYS
from proaktiv.house import House
from proaktiv.matters import AUFTRAEGE, NEWS, bring_news
from proaktiv.outtray import call_back
from proaktiv.sets import among
from proaktiv.subjects import resolve
from proaktiv.tables import (
    AddressDoubtRow,
    BundleRow,
    CodeRow,
    ContactRow,
    DeliveryRow,
    EnrolmentRow,
    NoticeRow,
    RegisterEventRow,
    SessionRow,
    core_table,
)

DOUBTS = core_table(AddressDoubtRow)
CONTACTS = core_table(ContactRow)
_EVENTS = core_table(RegisterEventRow)
_CODES = core_table(CodeRow)
_SESSIONS = core_table(SessionRow)
_DELIVERIES = core_table(DeliveryRow)
_BUNDLES = core_table(BundleRow)
_ENROLMENTS = core_table(EnrolmentRow)
_NOTICES = core_table(NoticeRow)

IN_DOUBT = "address.in_doubt"
"""The task: a letter waits, because nobody here knows where it must go."""

UNDECIDED = (EventState.WAITING.value, EventState.NEEDS.value, EventState.HELD.value)
"""Reports that will settle a doubt by themselves, or when a human lets them go on."""

_ACCOUNT = "account"


@dataclass(frozen=True, slots=True)
class Reported:
    """One report of a move as it came: whom it names, by their look-up hashes, and of which register entry it is."""

    event: UUID
    entry: bytes
    reported_at: datetime
    people: Collection[bytes]


# doubting ------------------------------------------------------------------------------------------------------------


def doubt(session: Session, reports: Sequence[Reported], now: datetime) -> None:
    """Doubt the addresses of whom moves were reported, and of whom an older version of such a report had led here.

    The caller holds the advisory locks of cases and subjects. Persons are locked here, before anything else of theirs.
    """
    if not reports:
        return
    known = resolve(session, {key for report in reports for key in report.people})
    led = _led_here(session, {report.entry for report in reports})
    rows = {
        (person, report.event): report
        for report in reports
        for person in {*(known[key] for key in report.people if key in known), *led.get(report.entry, ())}
    }
    _write(session, [(person, event, report.reported_at) for (person, event), report in rows.items()], now)


def doubt_cancelled(session: Session, entries: Collection[bytes], now: datetime) -> None:
    """Doubt the addresses that came from moves which never were. Whether the one before holds again is not known."""
    if not entries:
        return
    found = session.connection().execute(
        select(CONTACTS.c.person, _EVENTS.c.id, _EVENTS.c.arrived_at)
        .join(_EVENTS, _EVENTS.c.id == CONTACTS.c.event)
        .where(among(_EVENTS.c.entry_hash, entries))
    )
    _write(session, [(row.person, row.id, row.arrived_at) for row in found], now)


def undoubt(session: Session, events: Collection[UUID]) -> None:
    """End the doubts of reports that a human rejected: they were never this register's word."""
    session.connection().execute(delete(DOUBTS).where(among(DOUBTS.c.event, events)))


def _led_here(session: Session, entries: Collection[bytes]) -> dict[bytes, set[UUID]]:
    """Return whose stored address, or doubt about it, comes from an earlier version of these register entries."""
    led: dict[bytes, set[UUID]] = {}
    for table in (CONTACTS, DOUBTS):
        found = session.connection().execute(
            select(_EVENTS.c.entry_hash, table.c.person)
            .join(_EVENTS, _EVENTS.c.id == table.c.event)
            .where(among(_EVENTS.c.entry_hash, entries))
        )
        for entry, person in found:
            led.setdefault(entry, set()).add(person)
    return led


def _write(session: Session, doubts: Sequence[tuple[UUID, UUID, datetime]], now: datetime) -> None:
    connection = session.connection()
    persons = {person for person, _, _ in doubts}
    with_address = set(connection.execute(select(CONTACTS.c.person).where(among(CONTACTS.c.person, persons))).scalars())
    if not with_address:
        return
    # Whoever writes to one of them at this moment is waited for; whoever comes later sees the doubt.
    raise_epoch(connection, with_address)
    connection.execute(
        upsert(DOUBTS).on_conflict_do_nothing(),
        [
            {"person": person, "event": event, "since": now, "reported_at": reported_at}
            for person, event, reported_at in doubts
            if person in with_address
        ],
    )


# reading -------------------------------------------------------------------------------------------------------------


def in_doubt(session: Session, persons: Collection[UUID]) -> dict[UUID, bool]:
    """Return whose address is in doubt, and whether a report that is still undecided may settle it.

    Read it before the address: what settles a doubt writes the address in the same transaction.
    """
    if not persons:
        return {}
    undecided = func.bool_or(_EVENTS.c.state.in_(UNDECIDED))
    found = session.connection().execute(
        select(DOUBTS.c.person, func.coalesce(undecided, False).label("undecided"))
        .join(_EVENTS, _EVENTS.c.id == DOUBTS.c.event, isouter=True)
        .where(among(DOUBTS.c.person, persons))
        .group_by(DOUBTS.c.person)
    )
    return {row.person: row.undecided for row in found}


def doubted(person: ColumnElement[UUID]) -> ColumnElement[bool]:
    """Say whether a person's address is in doubt, as a condition of another statement."""
    return exists().where(DOUBTS.c.person == person)


# settling ------------------------------------------------------------------------------------------------------------


def settled(session: Session, settlements: Sequence[tuple[UUID, UUID, bytes]], *, anew: Collection[UUID]) -> None:
    """End what made the addresses doubtful: (person, event, entry) each. ``anew``: who has a newer address now.

    A report settles the older versions of its entry as well; a newer address whatever no report will settle any more.
    """
    if not settlements:
        return
    reports = [(person, event) for person, event, _ in settlements]
    entries = [(person, entry) for person, _, entry in settlements]
    over = (
        select(_EVENTS.c.id)
        .where(
            _EVENTS.c.id == DOUBTS.c.event,
            _EVENTS.c.state.not_in(UNDECIDED),
            or_(among(DOUBTS.c.person, anew), tuple_(DOUBTS.c.person, _EVENTS.c.entry_hash).in_(entries)),
        )
        .exists()
    )
    session.connection().execute(
        delete(DOUBTS).where(
            among(DOUBTS.c.person, {person for person, _ in reports}),
            or_(tuple_(DOUBTS.c.person, DOUBTS.c.event).in_(reports), over),
        )
    )


def settled_before(session: Session, person: UUID, asked_at: datetime) -> bool:
    """End what made an address doubtful before the register was asked for it anew. Returns whether anything did."""
    ended = session.connection().execute(delete(DOUBTS).where(DOUBTS.c.person == person, DOUBTS.c.since < asked_at))
    return ended.rowcount > 0


def leave_old(session: Session, house: House, persons: Collection[UUID], now: datetime) -> None:
    """End what leads to an address that was left: codes in letters there, sessions they opened, letters on the way.

    What is open is told anew, with a new code, and so is news of an Auftrag. What was handed over since the last
    working day is called back.
    Source: security-and-faults.md T3 ("old code dies at address change").
    """
    if not persons:
        return
    connection = session.connection()
    call_back(session, house, persons, (), now)
    connection.execute(
        update(_CODES).where(among(_CODES.c.person, persons), _CODES.c.expires_at > now).values(expires_at=now)
    )
    connection.execute(delete(_SESSIONS).where(among(_SESSIONS.c.person, persons), _SESSIONS.c.purpose != _ACCOUNT))
    begun = (
        connection.execute(
            update(_DELIVERIES)
            .where(
                among(_DELIVERIES.c.person, persons),
                _DELIVERIES.c.channel == "LETTER",
                _DELIVERIES.c.state == DeliveryState.ANNOUNCED.value,
            )
            .values(
                state=DeliveryState.CANCELLED.value,
                reason="moved",
                due_at=None,
                lease_until=None,
                worker=None,
                moved_at=now,
            )
            .returning(_DELIVERIES.c.matter)
        )
        .scalars()
        .all()
    )
    written = and_(_BUNDLES.c.person.in_(persons), or_(_BUNDLES.c.messages > 0, _BUNDLES.c.id.in_(begun)))
    connection.execute(
        update(_BUNDLES).where(written, _BUNDLES.c.state == "open").values(due_at=func.coalesce(_BUNDLES.c.due_at, now))
    )
    told = select(AUFTRAEGE.c.proposal).where(
        among(AUFTRAEGE.c.person, persons), NEWS, AUFTRAEGE.c.moved_at > now - timedelta(days=CODE_DAYS)
    )  # of older ones no code was good any more
    bring_news(session, connection.execute(told).scalars().all(), now)
    connection.execute(
        update(_NOTICES).where(_NOTICES.c.id.in_(begun)).values(due_at=func.coalesce(_NOTICES.c.due_at, now))
    )
    connection.execute(
        update(_ENROLMENTS)
        .where(among(_ENROLMENTS.c.person, persons), _ENROLMENTS.c.state.in_(("found", "letter")))
        .values(state="found", due_at=func.coalesce(_ENROLMENTS.c.due_at, now))
    )
