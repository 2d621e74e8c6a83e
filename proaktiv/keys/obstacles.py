"""What stands in the way of destroying somebody, each with its remedy; and which children go with them.

Read under the locks of everybody concerned, so it stays true until the commit. Left to others: what goes
(``keys.rows``).
Source: data-path.md §§ 2, 5.
"""

from collections.abc import Collection, Iterator
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Row, or_, select
from sqlmodel import Session

from consent.model import ConsentState
from consent.store import heads_of
from proaktiv.core.states import SENT_AUFTRAEGE, AuftragState
from proaktiv.tables import (
    AuftragRow,
    DeliveryRow,
    HoldRow,
    LookupRow,
    PersonRow,
    RelationRow,
    SignatureRow,
    core_table,
)

_AUFTRAEGE = core_table(AuftragRow)
_DELIVERIES = core_table(DeliveryRow)
_HOLDS = core_table(HoldRow)
_LOOKUPS = core_table(LookupRow)
_PERSONS = core_table(PersonRow)
_RELATIONS = core_table(RelationRow)
_SIGNATURES = core_table(SignatureRow)

_KEEPS_A_CHILD = ("elternteil", "sorge", "vormund")
_LEAVING = {
    AuftragState.AWAITING_SIGNATURE: "waits for a second signature: let the person take it back, or let it end",
    AuftragState.HELD: "is about to leave: let the person take it back, or let it leave",
    AuftragState.READY: "is about to leave: let the person take it back, or let it leave",
    AuftragState.ANNOUNCED: "is being handed over: try again when it is sent",
    AuftragState.IN_DOUBT: "may have arrived or not: end its task first (proaktiv tasks list)",
}
LEAVING = frozenset(_LEAVING)
"""States of an Auftrag that has not left for certain."""


def orphans(session: Session, persons: Collection[UUID]) -> set[UUID]:
    """Return the children whose keys end with these persons: no other holder has a consent that stands."""
    children = set(
        session.connection()
        .execute(
            select(_RELATIONS.c.to_person)
            .join(_PERSONS, _PERSONS.c.person == _RELATIONS.c.to_person)
            .where(
                _RELATIONS.c.from_person.in_(persons),
                _RELATIONS.c.kind.in_(_KEEPS_A_CHILD),
                _PERSONS.c.status == "child",
            )
        )
        .scalars()
    )
    return {child for child in children - set(persons) if not _holders(session, child, persons)}


def _holders(session: Session, child: UUID, without: Collection[UUID]) -> list[UUID]:
    """Return who else keeps a child known: an enrolled holder with at least one given consent."""
    found = session.connection().execute(
        select(_RELATIONS.c.from_person)
        .join(_PERSONS, _PERSONS.c.person == _RELATIONS.c.from_person)
        .where(
            _RELATIONS.c.to_person == child,
            _RELATIONS.c.kind.in_(_KEEPS_A_CHILD),
            _RELATIONS.c.known_to.is_(None),
            _RELATIONS.c.from_person.not_in(without),
            _PERSONS.c.status != "deceased",
        )
        .distinct()
    )
    connection = session.connection()
    return [
        holder
        for holder in found.scalars()
        if any(head.state is ConsentState.GIVEN for head in heads_of(connection, holder))
    ]


def obstacles(session: Session, persons: Collection[UUID], now: datetime) -> Iterator[str]:
    """Yield why these persons cannot be destroyed now, each with what to do. Ids only."""
    connection = session.connection()
    standing = select(_HOLDS.c.id, _HOLDS.c.person, _HOLDS.c.auftrag).where(_HOLDS.c.released_at.is_(None))
    for hold in connection.execute(standing.where(_keeps(persons)).order_by(_HOLDS.c.id)):
        about = f"Auftrag {hold.auftrag}" if hold.person is None else f"person {hold.person}"
        yield (
            f"hold {hold.id} on {about} stands: release it when its reason is over"
            f" (proaktiv retention release {hold.id} --reason … --by …)"
        )
    signed = select(_SIGNATURES.c.auftrag).where(
        _SIGNATURES.c.person.in_(persons), _SIGNATURES.c.state.in_(("signed", "requested"))
    )
    leaving = select(_AUFTRAEGE.c.reference, _AUFTRAEGE.c.state).where(
        or_(_AUFTRAEGE.c.person.in_(persons), _AUFTRAEGE.c.id.in_(signed)),
        _AUFTRAEGE.c.undone_at.is_(None),
        _AUFTRAEGE.c.state.in_([state.value for state in LEAVING]),
    )
    for reference, state in connection.execute(leaving.order_by(_AUFTRAEGE.c.reference)):
        yield f"Auftrag {reference} {_LEAVING[AuftragState(state)]}"
    for table, what in ((_DELIVERIES, "a letter"), (_LOOKUPS, "a look-up")):
        under_way = select(table.c.id).where(
            table.c.person.in_(persons), table.c.state == "announced", table.c.lease_until > now
        )
        for matter in connection.execute(under_way).scalars():
            yield f"{what} ({matter}) is in a worker's hands: try again in a minute"
    children = select(_PERSONS.c.person).where(_PERSONS.c.person.in_(persons), _PERSONS.c.status == "child")
    for child in connection.execute(children).scalars():
        for holder in _holders(session, child, persons):
            yield (
                f"person {child} is a child, and a permit of holder {holder} stands: let the holder withdraw it, or"
                " destroy both"
            )


def _keeps(persons: Collection[UUID]) -> ColumnElement[bool]:
    """Say whether a hold keeps something of these persons, as retention understands it.

    It stands on one of them, on an Auftrag that they confirmed or signed, or on somebody else who did.
    """
    signed = select(_SIGNATURES.c.auftrag).where(_SIGNATURES.c.person.in_(persons))
    shared = select(_AUFTRAEGE.c.id).where(or_(_AUFTRAEGE.c.person.in_(persons), _AUFTRAEGE.c.id.in_(signed)))
    return or_(
        _HOLDS.c.person.in_(persons),
        _HOLDS.c.auftrag.in_(shared),
        _HOLDS.c.person.in_(select(_AUFTRAEGE.c.person).where(_AUFTRAEGE.c.id.in_(shared))),
        _HOLDS.c.person.in_(select(_SIGNATURES.c.person).where(_SIGNATURES.c.auftrag.in_(shared))),
    )


def handed_over(session: Session, persons: Collection[UUID]) -> list[Row[*tuple[str, str, str, str]]]:
    """Return Aufträge that the Behörde has or may have, and that run on there: reference, Leistung, Behörde, state.

    One that has not left for certain is among them only where a restored database is made to forget again.
    """
    found = session.connection().execute(
        select(_AUFTRAEGE.c.reference, _AUFTRAEGE.c.leistung, _AUFTRAEGE.c.behoerde, _AUFTRAEGE.c.state)
        .where(
            _AUFTRAEGE.c.person.in_(persons),
            _AUFTRAEGE.c.undone_at.is_(None),
            _AUFTRAEGE.c.state.in_([state.value for state in LEAVING | SENT_AUFTRAEGE]),
        )
        .order_by(_AUFTRAEGE.c.reference)
    )
    return list(found.all())
