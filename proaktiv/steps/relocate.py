"""Relocate: letters go where the newest report of a move says, before anything more is composed for that person.

Opens a move's payload under the permits that the gate got for just this (``proaktiv.following``), in the transaction
that destroys it; keeps of it the address alone, sealed with the contact. What it cannot settle stays in doubt: no
letter goes, and ``steps.notify`` calls a human.
Left to others: which address is the newest (``core.residence``); the doubt and what ends with the old address
(``proaktiv.homes``); what else comes of the move (``steps.match``).
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, bindparam, select, update
from sqlmodel import Session

from consent.model import Permit, Watch
from proaktiv.core.flows import Flow, Kind
from proaktiv.core.keys import PersonKey
from proaktiv.core.passage import Claimed, Followed
from proaktiv.core.residence import MAIN_HOME, Home, Umzug, moved, same_place, settle, stand_of
from proaktiv.homes import CONTACTS, DOUBTS, leave_old, settled
from proaktiv.house import House
from proaktiv.sets import among
from proaktiv.tables import RegisterEventRow, core_table
from proaktiv.vault import Compartment, Place, Ring, VaultError

PROBES = ("evaluate.relocate.after",)

_EVENTS = core_table(RegisterEventRow)


def relocate(session: Session, house: House, followed: Sequence[Followed], now: datetime) -> tuple[Flow, ...]:
    """Keep the newer addresses of one set of moves, and return what the log must say about it."""
    if not followed:
        return ()
    persons = {permit.person for each in followed for permit in each.permits}
    reported = _reported(session, persons)
    contacts = _contacts(session, persons)
    ring = house.vault.ring(session, persons, (Compartment.CONTACT, Compartment.FLOW))
    state = _State(house, ring, contacts, reported)
    flows = [flow for each in followed for flow in state.follow(each)]
    if state.addresses:
        session.connection().execute(
            update(CONTACTS)
            .where(CONTACTS.c.person == bindparam("b_person"))
            .values({"values": bindparam("b_values"), "event": bindparam("b_event"), "known_at": now}),
            [
                {"b_person": person, "b_values": sealed, "b_event": event}
                for person, (event, sealed) in state.addresses.items()
            ],
        )
    settled(session, state.settled, anew=state.addresses)
    leave_old(session, house, state.left, now)
    house.probe("evaluate.relocate.after")
    return tuple(flows)


class _State:
    """What one set of moves says, one after the other: a family's second move sees the first."""

    def __init__(
        self,
        house: House,
        ring: Ring,
        contacts: Mapping[UUID, Row[*tuple[Any, ...]]],
        reported: Mapping[tuple[UUID, UUID], datetime],
    ) -> None:
        self._house, self._ring, self._reported = house, ring, reported
        self._from = {person: (row.event, row.entry_hash) for person, row in contacts.items()}
        self._rows = dict(contacts)
        self._opened: dict[UUID, dict[str, Any]] = {}
        self.addresses: dict[UUID, tuple[UUID, bytes]] = {}
        self.settled: list[tuple[UUID, UUID, bytes]] = []
        self.left: set[UUID] = set()

    def follow(self, each: Followed) -> list[Flow]:
        """Take one move in, for everybody whose address it may change."""
        place = Place("register_events", each.event.id, "payload")
        payload = self._house.vault.open_payload(each.permits[0], place, each.event.payload or b"")
        return [
            _flow(self._house, each.event, permit, renewed=self._settle(each.event, permit, payload))
            for permit in each.permits
            if permit.person in self._rows and self._ring.has(permit.person, Compartment.FLOW)
        ]

    def _settle(self, event: Claimed, permit: Permit[Watch], payload: Mapping[str, Any]) -> bool:
        person, row = permit.person, self._rows[permit.person]
        try:
            contact = self._contact(permit, row)
            stand = stand_of(contact, row.known_at)
            address = payload["anschrift_neu"]
            move = Umzug(
                date.fromisoformat(payload["ereignis_am"]),
                self._reported.get((person, event.id), event.arrived_at),
                payload["wohnungsart"] == MAIN_HOME,
                corrects=self._from[person][1] == event.entry_hash,
            )
            home = settle(stand, move)
            if home is Home.NEW:
                if not same_place(contact, address):
                    self.left.add(person)
                self._keep(person, event, moved(contact, stand, move, address))
        except (KeyError, TypeError, ValueError, VaultError):
            return False  # an address that cannot be read is in doubt as well
        if home is not Home.IN_DOUBT:
            self.settled.append((person, event.id, event.entry_hash))
        return home is Home.NEW

    def _contact(self, permit: Permit[Watch], row: Row[*tuple[Any, ...]]) -> dict[str, Any]:
        if permit.person not in self._opened:
            place = Place("contacts", permit.person, "values")
            self._opened[permit.person] = self._ring.open(permit, permit.person, Compartment.CONTACT, place, row.sealed)
        return self._opened[permit.person]

    def _keep(self, person: UUID, event: Claimed, contact: dict[str, Any]) -> None:
        sealed = self._ring.seal(person, Compartment.CONTACT, Place("contacts", person, "values"), contact)
        self._opened[person] = contact
        self._from[person] = (event.id, event.entry_hash)
        self.addresses[person] = (event.id, sealed)


def _reported(session: Session, persons: set[UUID]) -> dict[tuple[UUID, UUID], datetime]:
    """Return when the register wrote the reports that doubt the persons' addresses."""
    found = session.connection().execute(select(DOUBTS).where(among(DOUBTS.c.person, persons)))
    return {(row.person, row.event): row.reported_at for row in found}


def _contacts(session: Session, persons: set[UUID]) -> dict[UUID, Row[*tuple[Any, ...]]]:
    """Lock the persons' contacts and return them, each with the register entry that its address came from."""
    entry = select(_EVENTS.c.entry_hash).where(_EVENTS.c.id == CONTACTS.c.event).scalar_subquery()
    found = session.connection().execute(
        select(
            CONTACTS.c.person,
            CONTACTS.c["values"].label("sealed"),
            CONTACTS.c.known_at,
            CONTACTS.c.event,
            entry.label("entry_hash"),
        )
        .where(among(CONTACTS.c.person, persons))
        .order_by(CONTACTS.c.person)
        .with_for_update(of=CONTACTS)
    )
    return {row.person: row for row in found}


def _flow(house: House, event: Claimed, permit: Permit[Watch], *, renewed: bool) -> Flow:
    return Flow(
        kind=Kind.ADMITTED,
        sender=event.source,
        receiver=house.controller,
        purpose=permit.purpose,
        action="address.renewed" if renewed else "address.compared",
        basis=permit.norm,
        categories=("anschrift",),
        scope=permit.activity,
        outcome="admitted",
        person=PersonKey(permit.person),
        case=str(event.id),
    )
