"""Enrol: from a name typed at ``/anmelden`` to a person of this house, by a letter to the registered address.

The answer to a request is the same whether or not the person is found. Every flow is logged: the request (received),
the look-up (``steps.look_up``), the letter (``steps.notify``). Finishing is the first decision about consent
(``steps.consents``). Source: data-path.md § 1 (b); § 18a BMG on the person's own request.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlmodel import Session

from consent.store import enter_subjects
from proaktiv.core.calendar import berlin_date
from proaktiv.core.flows import Flow, Kind
from proaktiv.homes import leave_old, settled_before
from proaktiv.house import House
from proaktiv.subjects import resolve
from proaktiv.tables import CodeRow, ContactRow, EnrolmentRow, LookupRow, PersonIdentifierRow, PersonRow, core_table
from proaktiv.vault import Compartment, Place

_ENROLMENTS = core_table(EnrolmentRow)
_LOOKUPS = core_table(LookupRow)
_PERSONS = core_table(PersonRow)
_IDENTIFIERS = core_table(PersonIdentifierRow)
_CONTACTS = core_table(ContactRow)
_CODES = core_table(CodeRow)

REGISTER = "MELDEREGISTER"
NAMES = ("kennung", "vornamen", "familienname", "geburtsdatum", "anschrift")
"""What the Melderegister is asked for; the letter goes to the address that it gives, never to the typed one."""


LETTER_EVERY = timedelta(days=14)
"""No second activation letter to a person while one that was not answered is younger than this."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody typed: enough for the Melderegister to find one person, and no more."""

    vornamen: str
    familienname: str
    geburtsdatum: str
    strasse: str
    plz: str
    ort: str

    def to_json(self) -> dict[str, Any]:
        """Return the wish as the question to the register."""
        return {
            "vornamen": self.vornamen,
            "familienname": self.familienname,
            "geburtsdatum": self.geburtsdatum,
            "anschrift": {"strasse": self.strasse, "plz": self.plz, "ort": self.ort},
        }


@dataclass(frozen=True, slots=True)
class Identified:
    """What the register answered to one enrolment, as of a day; ``facts`` is None where it found nobody."""

    enrolment: UUID
    person: UUID
    facts: Mapping[str, Any] | None
    as_of: date | None = None


def enrol(session: Session, house: House, wish: Wish, now: datetime) -> UUID:
    """Keep a request, readable by the worker alone, and want its look-up. Returns the enrolment's id."""
    enrolment, person = house.ids.row(now), house.ids.secret()
    flow = Flow(
        kind=Kind.RECEIVED,
        sender="citizen",
        receiver=house.controller,
        purpose="anmeldung",
        action="enrolment.requested",
        basis="§ 18a BMG",
        categories=("name", "geburtsdatum", "anschrift"),
        case=str(enrolment),
    )
    (flow_id,) = house.log.record(session, [flow], now)
    connection = session.connection()
    connection.execute(
        insert(_ENROLMENTS),
        [
            {
                "id": enrolment,
                "person": person,
                "state": "requested",
                "requested_at": now,
                "request": house.vault.seal_to_worker(Place("enrolments", enrolment, "request"), wish.to_json()),
                "flow_id": flow_id,
            }
        ],
    )
    connection.execute(
        insert(_LOOKUPS),
        [
            {
                "id": house.ids.row(now),
                "enrolment": enrolment,
                "person": person,
                "register_name": REGISTER,
                "names": list(NAMES),
                "state": "wanted",
                "due_at": now,
                "flow_id": flow_id,
            }
        ],
    )
    return enrolment


def identify(session: Session, house: House, answers: Sequence[Identified], now: datetime) -> None:
    """Turn the register's answers into persons whose activation letter is due. What was typed is gone either way.

    ``now`` is when the register was asked, or a moment before: what was reported after it is newer than its answer.
    """
    if not answers:
        return
    connection = session.connection()
    missing = [answer.enrolment for answer in answers if answer.facts is None]
    if missing:
        connection.execute(
            update(_ENROLMENTS)
            .where(_ENROLMENTS.c.id.in_(missing))
            .values(state="not_found", request=None, due_at=None)
        )
    for answer in answers:
        if answer.facts is not None:
            _know(session, house, answer, answer.facts, now)


def _know(session: Session, house: House, answer: Identified, facts: Mapping[str, Any], now: datetime) -> None:
    connection = session.connection()
    lookup_hash = house.vault.lookup_hash("register_id", str(facts["kennung"]))
    # Two answers about one person may be written at once: whoever comes second waits here and finds the first.
    claimed = connection.execute(
        upsert(_IDENTIFIERS)
        .values(kind="register_id", lookup_hash=lookup_hash, person=answer.person)
        .on_conflict_do_nothing()
        .returning(_IDENTIFIERS.c.person)
    ).scalar_one_or_none()
    person = claimed or resolve(session, [lookup_hash])[lookup_hash]
    if claimed is not None:
        connection.execute(insert(_PERSONS), [{"person": person, "status": "requested", "since": now}])
        house.vault.create(session, [person], now)
        enter_subjects(connection, [person])
    elif _has_letter(session, person, now):
        # Anybody can type a neighbour's name: one letter in a while is enough for the neighbour to say no.
        connection.execute(
            update(_ENROLMENTS)
            .where(_ENROLMENTS.c.id == answer.enrolment)
            .values(state="lapsed", person=person, request=None, due_at=None)
        )
        return
    _keep_contact(session, house, person, facts, answer.as_of or berlin_date(now), now)
    connection.execute(
        update(_ENROLMENTS)
        .where(_ENROLMENTS.c.id == answer.enrolment)
        .values(state="found", person=person, request=None, due_at=now)
    )


def _keep_contact(
    session: Session, house: House, person: UUID, facts: Mapping[str, Any], as_of: date, now: datetime
) -> None:
    """Keep what the register answered as the person's contact, unless a move was taken in since it was asked.

    Earlier codes end only where the address was in doubt: anybody can type a neighbour's name.
    """
    connection = session.connection()
    before = connection.execute(
        select(_CONTACTS.c.known_at, _CONTACTS.c.event).where(_CONTACTS.c.person == person).with_for_update()
    ).one_or_none()
    if before is not None and before.event is not None and before.known_at >= now:
        return
    ring = house.vault.ring(session, [person], [Compartment.CONTACT])
    contact = {
        "name": [str(facts["vornamen"]), str(facts["familienname"])],
        "anschrift": dict(facts["anschrift"]),
        "stand": {"zum": as_of.isoformat()},
        "sprache": "de",
        "geburtsdatum": facts["geburtsdatum"].isoformat(),
    }
    sealed = ring.seal(person, Compartment.CONTACT, Place("contacts", person, "values"), contact)
    statement = upsert(_CONTACTS).values(person=person, values=sealed, known_at=now, event=None)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["person"], set_={"values": statement.excluded["values"], "known_at": now, "event": None}
        )
    )
    if settled_before(session, person, now):
        leave_old(session, house, [person], now)


def _has_letter(session: Session, person: UUID, now: datetime) -> bool:
    """Return whether an activation letter to this person is under way or still fresh, and its code not locked."""
    locked = select(_CODES.c.enrolment).where(_CODES.c.enrolment == _ENROLMENTS.c.id, _CODES.c.locked_at.is_not(None))
    fresh = select(_ENROLMENTS.c.id).where(
        ~locked.exists(),
        _ENROLMENTS.c.person == person,
        _ENROLMENTS.c.state.in_(("found", "letter")),
        _ENROLMENTS.c.requested_at > now - LETTER_EVERY,
    )
    return session.connection().execute(fresh.limit(1)).first() is not None
