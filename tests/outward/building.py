"""Builders for the outward steps: one invented city with only the rows that a step reads."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from sqlalchemy import delete, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlmodel import Session

from consent.model import Activity, Basis, Phase, ReleasedActivity
from consent.store import activities, enter_subjects, give, put_notice, raise_epoch, release, standing, withdraw
from notifiers import model as channels
from notifiers.model import (
    Capability,
    Clearance,
    DeadlineLike,
    DeliveryReceipt,
    Message,
    ReceiptLevel,
    Recipient,
    Rendered,
)
from proaktiv.core.flows import Flow, Kind
from proaktiv.core.ids import Ids
from proaktiv.core.keys import PersonKey
from proaktiv.core.lebenslagen import Rulebook
from proaktiv.core.trust import SessionProof, Trust
from proaktiv.database import Database
from proaktiv.dispatchers.model import Auftrag
from proaktiv.flowlog.record import FlowLog
from proaktiv.house import House
from proaktiv.registers.model import Answer, Question
from proaktiv.rulebook.check import check
from proaktiv.rulebook.folder import rules_folder
from proaktiv.steps.channels import remove_mail
from proaktiv.tables import (
    AuftragRow,
    BehoerdeRow,
    BundleRow,
    CompetenceRow,
    ContactRow,
    EnrolmentRow,
    EventFactsRow,
    EventSubjectRow,
    FlowLogRow,
    IncidentRow,
    LookupRow,
    MailAddressRow,
    PersonIdentifierRow,
    PersonRow,
    ProposalRow,
    RegisterEventRow,
    StopRow,
    SuppressionRow,
    TaskRow,
    core_table,
)
from proaktiv.vault import Compartment, Kek, Place, Vault, VaultKeys

NOW = datetime(2026, 10, 14, 9, 0, tzinfo=UTC)
CITY = "musterstadt"
BEHOERDE = "jugendamt-musterstadt"
FACTS = ("kind.im_haushalt",)
ENROLMENT_NAMES = ("kennung", "vornamen", "familienname", "geburtsdatum", "anschrift")

PREFILL = "geburt/prefill/MELDEREGISTER"
PROPOSE = "geburt/propose/LETTER"
HINT = "geburt/propose/MAIL"
TRANSMIT = "geburt/transmit/KITA-PLATZ"
ENROL_PREFILL = "anmeldung/prefill/MELDEREGISTER"
ENROL_PROPOSE = "anmeldung/propose/LETTER"
TELL_OF_ADDRESS = "erreichbarkeit/propose/LETTER"


def activity(name: str, phase: Phase, fields: tuple[str, ...], *, consent: bool = True) -> ReleasedActivity:
    made = Activity(
        name=name,
        version=1,
        phase=phase,
        purpose=name.partition("/")[0],
        controller=CITY,
        source="register",
        recipient=CITY,
        fields=frozenset(fields),
        basis=Basis.CONSENT if consent else Basis.PUBLIC_TASK,
        norm="Art. 6 Abs. 1 Buchst. a DSGVO" if consent else "§ 18a BMG",
        norm_from=date(2020, 1, 1),
        norm_to=None,
        consent_required=consent,
        dsb_approved_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    return ReleasedActivity(made, content_hash="0" * 64, demo=True, signature=b"x", released_at=NOW)


RELEASED = (
    activity(PREFILL, Phase.PREFILL, FACTS),
    activity(PROPOSE, Phase.PROPOSE, ("name", "anschrift")),
    activity(HINT, Phase.PROPOSE, ("kontakt.mail", "kontakt.sprache")),
    activity(TRANSMIT, Phase.TRANSMIT, ("kind.geburtsdatum", "kind.vornamen")),
    activity(ENROL_PREFILL, Phase.PREFILL, ENROLMENT_NAMES, consent=False),
    activity(ENROL_PROPOSE, Phase.PROPOSE, ("name", "anschrift"), consent=False),
    activity(TELL_OF_ADDRESS, Phase.PROPOSE, ("name", "anschrift"), consent=False),
)


def _contact(name: str, street: str = "Erfundene Gasse 3") -> dict[str, Any]:
    return {
        "name": [name],
        "anschrift": {"strasse": street, "plz": "00001", "ort": "Musterstadt"},
        "sprache": "de",
        "geburtsdatum": "1994-03-08",
    }


class Left:
    """A deadline that is never over."""

    def remaining(self) -> float:
        return 5.0


RULES = Rulebook({each.lebenslage.name: each.lebenslage for each in check(rules_folder())[0] if each.lebenslage})
"""The rules of this checkout, unreleased: dispatch asks them which kind of office a Leistung belongs to."""


@dataclass
class FakeRegister:
    answer: Answer | None = None
    error: Exception | None = None
    asked: list[tuple[Question, str]] = field(default_factory=list)
    name: str = "MELDEREGISTER"

    def fetch(self, question: Question, clearance: Clearance, deadline: object) -> Answer:
        self.asked.append((question, clearance.wire_id))
        if self.error is not None:
            raise self.error
        return self.answer or Answer({"kind.im_haushalt": True}, date(2026, 10, 1))


@dataclass
class FakeChannel:
    """Keeps each wire id's bytes once, as the folder does."""

    error: Exception | None = None
    idempotent: bool = True
    letters: dict[str, bytes] = field(default_factory=dict)

    @property
    def capability(self) -> Capability:
        return Capability("LETTER", ReceiptLevel.ACCEPTED, confidential=True, idempotent=self.idempotent)

    def render(self, message: Message, recipient: Recipient) -> Rendered:
        return Rendered("text/plain", repr((message, recipient)).encode())

    def hand_over(self, rendered: Rendered, clearance: Clearance, deadline: DeadlineLike) -> DeliveryReceipt:
        if self.error is not None:
            raise self.error
        known = self.letters.setdefault(clearance.wire_id, rendered.body)
        if known != rendered.body:
            raise channels.Permanent("other bytes")
        return DeliveryReceipt(ReceiptLevel.ACCEPTED, clearance.wire_id)


@dataclass
class FakeDispatcher:
    error: Exception | None = None
    idempotent: bool = True
    orders: list[tuple[str, Auftrag]] = field(default_factory=list)
    name: str = "webhook"

    def send(self, order: Auftrag, endpoint: str, clearance: Clearance, deadline: object) -> None:
        assert endpoint
        if self.error is not None:
            raise self.error
        self.orders.append((clearance.wire_id, order))


class Town:
    """The house of one test, and its rows. ``surface`` intake holds what the intake holds."""

    def __init__(self, urls: Mapping[str, str], *, surface: str = "work", seed: bytes | None = None) -> None:
        self.urls = urls
        self.seed = seed or secrets.token_bytes(32)
        self.database = Database(urls["app"], pool_size=8)
        private = X25519PrivateKey.from_private_bytes(self.seed)
        public = private.public_key().public_bytes_raw()
        worker = surface == "work"
        self.ids = Ids(secrets.token_bytes)
        self.vault = Vault(
            VaultKeys(
                index=self.seed,
                keks={part: Kek(f"{part}-1", self.seed) for part in Compartment} if worker else {},
                code=self.seed if worker else b"",
                intake_public=public,
                intake_private=private.private_bytes_raw() if worker else b"",
            ),
            self.ids,
        )
        self.probed: list[str] = []
        self.house = House(
            controller=CITY,
            name="Stadt Musterstadt",
            vault=self.vault,
            log=FlowLog(self.vault, self.ids, public),
            ids=self.ids,
            rules=RULES,
            probe=self.probed.append,
        )
        if worker:
            self._found()

    def _found(self) -> None:
        owner = Database(self.urls["owner"], pool_size=1)
        with owner.transaction() as session:
            release(session.connection(), RELEASED)
            session.connection().execute(
                insert(core_table(CompetenceRow)),
                [
                    {"art": "jugendamt", "ars_prefix": prefix, "behoerde": behoerde, "quelle": "x", "stand": NOW.date()}
                    for prefix, behoerde in (("99", BEHOERDE), ("98", "far"), ("97", "nobody"))
                ],
            )
            session.connection().execute(
                insert(core_table(BehoerdeRow)),
                [
                    {"id": BEHOERDE, "name": "Jugendamt", "dispatcher": "webhook", "endpoint": "https://x.example/"},
                    {"id": "far", "name": "Fern", "dispatcher": "pigeon", "endpoint": "https://y.example/"},
                ],
            )
        owner.close()

    def close(self) -> None:
        self.database.close()

    # rows ------------------------------------------------------------------------------------------------------------

    def write(self, table: type, **values: Any) -> None:
        with self.database.transaction() as session:
            session.connection().execute(insert(core_table(table)), [values])

    def change(self, table: type, row: UUID, **values: Any) -> None:
        owner = Database(self.urls["owner"], pool_size=1)
        with owner.transaction() as session:
            session.connection().execute(
                update(core_table(table)).where(core_table(table).c.id == row).values(**values)
            )
        owner.close()

    def row(self, table: type, row: UUID) -> Any:
        with self.database.transaction() as session:
            return session.connection().execute(select(core_table(table)).where(core_table(table).c.id == row)).one()

    def rows(self, table: type) -> list[Any]:
        with self.database.transaction() as session:
            return list(session.connection().execute(select(core_table(table))))

    def person(self, *consents: str, name: str = "Anna Beispiel-Probst", status: str = "active") -> UUID:
        person = self.ids.secret()
        with self.database.transaction() as session:
            connection = session.connection()
            connection.execute(insert(core_table(PersonRow)), [{"person": person, "status": status, "since": NOW}])
            connection.execute(
                insert(core_table(PersonIdentifierRow)),
                [{"kind": "register_id", "lookup_hash": self.kennung_hash(person), "person": person}],
            )
            self.vault.create(session, [person], NOW)
            enter_subjects(connection, [person])
            ring = self.vault.ring(session, [person], (Compartment.CONTACT,))
            sealed = ring.seal(person, Compartment.CONTACT, Place("contacts", person, "values"), _contact(name))
            connection.execute(insert(core_table(ContactRow)), [{"person": person, "values": sealed, "known_at": NOW}])
        for consent in consents:
            self.gives(person, consent)
        return person

    def moves(self, person: UUID, street: str) -> None:
        with self.database.transaction() as session:
            ring = self.vault.ring(session, [person], (Compartment.CONTACT,))
            place = Place("contacts", person, "values")
            sealed = ring.seal(person, Compartment.CONTACT, place, _contact("Anna Beispiel-Probst", street))
        self.change_contact(person, sealed)

    def change_contact(self, person: UUID, sealed: bytes) -> None:
        contacts = core_table(ContactRow)
        with self.database.transaction() as session:
            session.connection().execute(update(contacts).where(contacts.c.person == person).values({"values": sealed}))

    def reachable_at(self, person: UUID, address: str, at: datetime = NOW) -> None:
        """The person has a mail address that was confirmed; as if its code had just come back."""
        row = {
            "inbox": self.vault.seal_to_worker(Place("mail_addresses", person, "inbox"), {"mail": address}),
            "address": None,
            "address_hash": self.vault.lookup_hash("mail", address.lower()),
            "domain_hash": self.vault.lookup_hash("mail-domain", address.rpartition("@")[2].lower()),
            "confirmation": self.ids.secret(),
            "given_at": at,
        }
        with self.database.transaction() as session:
            refused = core_table(SuppressionRow)
            session.connection().execute(delete(refused).where(refused.c.address_hash == row["address_hash"]))
            statement = upsert(core_table(MailAddressRow)).values(person=person, **row)
            session.connection().execute(statement.on_conflict_do_update(index_elements=["person"], set_=row))

    def no_longer_reachable(self, person: UUID) -> None:
        proof = SessionProof(self.ids.secret(), PersonKey(person), Trust.V1, None)
        with self.database.transaction() as session:
            remove_mail(session, self.house, proof, NOW)

    def kennung_hash(self, person: UUID) -> bytes:
        return self.vault.lookup_hash("register_id", f"MR-{person}")

    def gives(self, person: UUID, name: str, scope: str = "") -> None:
        with self.database.transaction() as session:
            connection = session.connection()
            known = activities(connection)[name]
            notice = put_notice(connection, known, locale="de", media_type="text/plain", body=b"shown")
            flow = self._flow(session)
            give(
                connection, person=person, activity=known, scope=scope, at=NOW - timedelta(days=1),
                record=self.ids.secret(), flow_id=flow, notice=notice, channel="web", trust=1,
            )  # fmt: skip

    def withdraws(self, person: UUID, name: str, scope: str = "") -> None:
        with self.database.transaction() as session:
            connection = session.connection()
            known = activities(connection)[name]
            flow_ids = {head.record: self._flow(session) for head in standing(connection, person, name, scope)}
            withdraw(
                connection, person=person, activity=known, scope=scope, at=NOW, flow_ids=flow_ids,
                channel="web", trust=1,
            )  # fmt: skip

    def _flow(self, session: Session) -> UUID:
        flow = Flow(Kind.ACT, "citizen", CITY, "test", "test.prepared", "test")
        return self.house.log.record(session, [flow], NOW)[0]

    def logged(self) -> UUID:
        """Return an entry that authorises nothing."""
        with self.database.transaction() as session:
            return self._flow(session)

    def event(self, *, state: str = "needs", kind: str = "geburt", child: str = "MR-child") -> UUID:
        event = self.ids.row(NOW)
        self.write(
            RegisterEventRow,
            id=event, client="standesamt", source="urn:proaktiv:demo:standesamt", event_id=str(event), kind=kind,
            entry_hash=self.vault.mac("entry", event.bytes), register_version=1,
            case_key=self.vault.mac("case", event.bytes), ars="990010000000", occurred_month=date(2026, 10, 1),
            arrived_at=NOW, state=state, due_at=None, content_mac=b"x", payload=None, flow_id=event,
        )  # fmt: skip
        self.write(EventSubjectRow, event=event, role="kind", lookup_hash=self.vault.lookup_hash("register_id", child))
        return event

    def facts(self, event: UUID, person: UUID, **changes: Any) -> None:
        keys = {"elternteil.kennung": f"MR-{person}", "kind.kennung": "MR-child"}
        values = {name: {"wert": key, "stand": "2026-10-06"} for name, key in keys.items()} | changes
        with self.database.transaction() as session:
            ring = self.vault.ring(session, [person], (Compartment.FACTS,))
            sealed = ring.seal(person, Compartment.FACTS, Place("event_facts", event, "values"), values)
        self.write(
            EventFactsRow,
            event=event, person=person, names=sorted(values), values=sealed, source="x", basis="x", known_at=NOW,
            expires_at=NOW + timedelta(days=9),
        )  # fmt: skip

    def lookup(self, person: UUID, *, event: UUID | None = None, register: str = "MELDEREGISTER") -> UUID:
        lookup = self.ids.row(NOW)
        event = event or self.event()
        self.facts(event, person)
        self.write(
            LookupRow,
            id=lookup, event=event, person=person, register_name=register, names=list(FACTS), state="wanted",
            due_at=NOW, wire_id="", flow_id=self.logged(),
        )  # fmt: skip
        return lookup

    def enrolment(self) -> tuple[UUID, UUID]:
        enrolment, person, lookup = self.ids.row(NOW), self.ids.secret(), self.ids.row(NOW)
        typed = {"vornamen": "Anna", "familienname": "Beispiel-Probst", "geburtsdatum": "1994-03-08", "anschrift": {}}
        self.write(
            EnrolmentRow,
            id=enrolment, person=person, state="requested", requested_at=NOW, due_at=None, flow_id=enrolment,
            request=self.vault.seal_to_worker(Place("enrolments", enrolment, "request"), typed),
        )  # fmt: skip
        self.write(
            LookupRow,
            id=lookup, enrolment=enrolment, person=person, register_name="MELDEREGISTER",
            names=list(ENROLMENT_NAMES), state="wanted", due_at=NOW, wire_id="", flow_id=self.logged(),
        )  # fmt: skip
        return enrolment, lookup

    def found_enrolment(self) -> UUID:
        person = self.person(status="requested")
        enrolment = self.ids.row(NOW)
        self.write(
            EnrolmentRow,
            id=enrolment, person=person, state="found", requested_at=NOW, due_at=NOW, flow_id=enrolment, request=None,
        )  # fmt: skip
        return enrolment

    def bundle(self, person: UUID, *, event: UUID | None = None, proposal: str = "open") -> UUID:
        bundle = self.ids.row(NOW)
        event = event or self.event(state="admitted")
        self.write(
            BundleRow,
            id=bundle, event=event, case_key=self.vault.mac("case", bundle.bytes), lebenslage="geburt",
            person=person, state="open", messages=0, due_at=NOW, made_at=NOW,
        )  # fmt: skip
        self.proposal(bundle, event, person, proposal)
        return bundle

    def proposal(self, bundle: UUID, event: UUID, person: UUID, state: str = "open") -> UUID:
        proposal = self.ids.row(NOW)
        self.write(
            ProposalRow,
            id=proposal, bundle=bundle, event=event, person=person, leistung="KITA-PLATZ", dedupe=proposal.bytes,
            generation=1, plan_hash="x", draft=b"x", shown_mac=b"x", behoerde=BEHOERDE, min_vertrauen=1,
            versand="behoerde", state=state, answer_by=date(2026, 12, 1), made_at=NOW, moved_at=NOW,
        )  # fmt: skip
        return proposal

    def auftrag(
        self,
        person: UUID,
        *,
        consent: bool = True,
        state: str = "held",
        behoerde: str = BEHOERDE,
        names: Sequence[str] = ("kind.vornamen",),
    ) -> UUID:
        auftrag = self.ids.row(NOW)
        event = self.event(state="admitted")
        proposal = self.proposal(self.ids.row(NOW), event, person, "confirmed")
        content = {
            "leistung": "KITA-PLATZ",
            "felder": [{"ziel": "vorname", "wert": "Mia", "quelle": "x", "stand": "2026-10-06", "aenderbar": False}],
        }
        with self.database.transaction() as session:
            ring = self.vault.ring(session, [person], (Compartment.VIEW,))
            sealed = ring.seal(person, Compartment.VIEW, Place("auftraege", auftrag, "content"), content)
        self.write(
            AuftragRow,
            id=auftrag, reference=f"A-{auftrag.hex[-10:]}", proposal=proposal, person=person, leistung="KITA-PLATZ",
            lebenslage="geburt", behoerde=behoerde, names=list(names), content=sealed, shown_mac=b"x", trust=1,
            sperrvermerk=False, confirmed_at=NOW - timedelta(days=2), undo_until=NOW - timedelta(days=1), state=state,
            due_at=NOW - timedelta(days=1), moved_at=NOW,
        )  # fmt: skip
        if consent:
            self.gives(person, TRANSMIT, str(auftrag))
        return auftrag

    def stop(self, target: bytes, guard: str, scope: str = "person", detail: str = "") -> None:
        with self.database.transaction() as session:
            connection = session.connection()
            if scope == "person":
                raise_epoch(connection, self._persons(session, target))
            connection.execute(
                insert(core_table(StopRow)),
                [
                    {
                        "id": self.ids.row(NOW),
                        "target": target,
                        "scope": scope,
                        "guard": guard,
                        "detail": detail,
                        "since": NOW,
                    }
                ],
            )

    def _persons(self, session: Session, target: bytes) -> list[UUID]:
        table = core_table(PersonIdentifierRow)
        return list(session.connection().execute(select(table.c.person).where(table.c.lookup_hash == target)).scalars())

    def entry(self, event: UUID) -> bytes:
        return self.vault.mac("entry", event.bytes)

    # what is seen ----------------------------------------------------------------------------------------------------

    def flows(self, *kinds: Kind) -> list[Any]:
        table = core_table(FlowLogRow)
        with self.database.transaction() as session:
            found = session.connection().execute(
                select(table.c.kind, table.c.outcome, table.c.f_bytes, table.c.fid)
                .where(table.c.kind.in_([int(kind) for kind in kinds or OUTWARD]))
                .order_by(table.c.kind, table.c.fid)
            )
            return list(found)

    def kinds(self) -> list[str]:
        return sorted(Kind(row.kind).label for row in self.flows())

    def tasks(self) -> list[str]:
        return sorted(row.what for row in self.rows(TaskRow))

    def incidents(self) -> list[str]:
        return sorted(row.what for row in self.rows(IncidentRow))


OUTWARD = (Kind.AUTHORISED, Kind.OUTCOME, Kind.REFUSED)
