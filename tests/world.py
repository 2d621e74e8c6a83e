"""A whole installation in one process: real PostgreSQL, real steps, real letters in a folder; registers and Behörden
are fakes that speak the final Protocols. Journeys read as sentences and end with ``check_log``.
"""

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from sqlalchemy import insert, text

from notifiers.folder import FolderChannel
from notifiers.model import Clearance
from proaktiv.core.birthdays import read_born
from proaktiv.core.errors import AlreadyDone
from proaktiv.core.flows import Kind
from proaktiv.core.ids import Ids, RandomBytes
from proaktiv.core.tasks import TASKS
from proaktiv.core.trust import SessionProof
from proaktiv.database import Database
from proaktiv.demo.setting_up import BEHOERDEN as NAMES
from proaktiv.dispatchers.model import Auftrag
from proaktiv.flowlog.border import Border
from proaktiv.flowlog.record import FlowLog
from proaktiv.flowlog.sequencer import integrate
from proaktiv.flowlog.signer import Signer
from proaktiv.flowlog.verifying.whole import verify_database
from proaktiv.house import House, Probe, no_probe
from proaktiv.pipeline import Pipeline
from proaktiv.registers.model import Answer, PersonNotThere, Question
from proaktiv.rulebook import released
from proaktiv.rulebook.folder import rules_folder
from proaktiv.rulebook.release import release
from proaktiv.steps.consents import Choice
from proaktiv.steps.enrol import Wish
from proaktiv.tables import BehoerdeRow, ClientRow, CompetenceRow, core_table
from proaktiv.vault import Compartment, Kek, Vault, VaultKeys
from tests.builders import ARS, MELDEBEHOERDE, STANDESAMT, Event, Somebody

SEED = bytes(range(32))
"""Where all keys of a city come from, so that a database can be founded once and copied; ids stay random."""

START = datetime(2026, 10, 14, 9, 0, tzinfo=UTC)
ORIGIN = "flowlog.musterstadt.example/1"
BEHOERDEN = {art: f"{art}-musterstadt" for art in NAMES}
CLIENTS = {STANDESAMT: "standesamt", MELDEBEHOERDE: "meldebehoerde"}


@dataclass
class FakeRegister:
    """Answers what the test put in, by the register's own key or by name and birth date."""

    name: str
    people: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[Question] = field(default_factory=list)
    fails_with: Exception | None = None

    def knows(self, person: Somebody, **facts: Any) -> None:
        self.people[person.kennung] = {
            "kennung": person.kennung,
            "vornamen": person.vornamen,
            "familienname": person.familienname,
            "geburtsdatum": person.geburtsdatum,
            "anschrift": person.anschrift,
        } | facts

    def fetch(self, question: Question, clearance: Clearance, deadline: object) -> Answer:
        assert clearance.flow is not None
        self.asked.append(question)
        if self.fails_with is not None:
            raise self.fails_with
        for known in self.people.values():
            if all(known.get(key) == value for key, value in question.person.items()):
                return Answer({name: known[name] for name in question.names if name in known}, date(2026, 10, 1))
        raise PersonNotThere("unknown")


@dataclass
class FakeBehoerde:
    """Takes orders once by wire id, and says so when one comes again."""

    name: str = "webhook"
    idempotent: bool = True
    orders: dict[str, Auftrag] = field(default_factory=dict)
    repeats: int = 0
    fails_with: Exception | None = None

    def send(self, order: Auftrag, endpoint: str, clearance: Clearance, deadline: object) -> None:
        assert endpoint
        if self.fails_with is not None:
            raise self.fails_with
        if clearance.wire_id in self.orders:
            self.repeats += 1
            raise AlreadyDone("known")
        self.orders[clearance.wire_id] = order


@dataclass
class World:
    """One city. ``now`` is the clock; ``tick`` does all that is due."""

    urls: Mapping[str, str]
    folder: Path
    probe: Probe = no_probe
    now: datetime = START
    melderegister: FakeRegister = field(default_factory=lambda: FakeRegister("MELDEREGISTER"))
    steueramt: FakeRegister = field(default_factory=lambda: FakeRegister("STEUERAMT"))
    zulassung: FakeRegister = field(default_factory=lambda: FakeRegister("ZULASSUNG"))
    behoerde: FakeBehoerde = field(default_factory=FakeBehoerde)
    seed: bytes = SEED
    random: RandomBytes = secrets.token_bytes

    def __post_init__(self) -> None:
        self.letters = self.folder / "letters"
        self.letters.mkdir(exist_ok=True)
        self.signing_key = Ed25519PrivateKey.from_private_bytes(self.seed)
        self.ids = Ids(self.random)
        intake = X25519PrivateKey.from_private_bytes(self.seed)
        keys = VaultKeys(
            index=self.seed,
            keks={part: Kek(f"{part}-1", self.seed) for part in Compartment},
            code=self.seed,
            intake_public=intake.public_key().public_bytes_raw(),
            intake_private=intake.private_bytes_raw(),
        )
        self.vault = Vault(keys, self.ids)
        self.staff = X25519PrivateKey.from_private_bytes(self.seed)
        self.database = Database(self.urls["app"], pool_size=8)
        self.sequencer = Database(self.urls["sequencer"], pool_size=2)
        self.reader = Database(self.urls["reader"], pool_size=1)
        self.signer = Signer(self.folder / "signer", self.signing_key, ORIGIN)

    def found(self) -> "World":
        """Release the rules and register clients, Behörden and competences, as commands do, unless a template has."""
        with self.database.transaction() as session:
            if session.connection().execute(text("SELECT EXISTS (SELECT FROM releases)")).scalar_one():
                return self.open()
        owner = Database(self.urls["owner"], pool_size=1)
        with owner.transaction() as session:
            release(
                session,
                rules_folder(),
                author="rule author (invented)",
                reviewer="reviewer (invented)",
                demo=True,
                key=self.signing_key,
                now=START - timedelta(days=30),
            )
            connection = session.connection()
            connection.execute(
                insert(core_table(ClientRow)),
                [
                    {
                        "id": name,
                        "source": source,
                        "ars": [ARS[:8]],
                        "kinds": list(_kinds(name)),
                        "daily_max": 1000,
                        "jwk": {},
                        "active": True,
                    }
                    for source, name in CLIENTS.items()
                ],
            )
            connection.execute(
                insert(core_table(BehoerdeRow)),
                [
                    {
                        "id": behoerde,
                        "name": NAMES[art],
                        "dispatcher": "webhook",
                        "endpoint": "http://127.0.0.1/",
                        "jwk": None,
                    }
                    for art, behoerde in BEHOERDEN.items()
                ],
            )
            connection.execute(
                insert(core_table(CompetenceRow)),
                [
                    {
                        "art": art,
                        "ars_prefix": ARS[:5],
                        "behoerde": behoerde,
                        "quelle": "invented",
                        "stand": START.date(),
                    }
                    for art, behoerde in BEHOERDEN.items()
                ],
            )
        owner.close()
        return self.open()

    def open(self) -> "World":
        """Build the pipeline on what was founded before (also by another process)."""
        with self.database.transaction() as session:
            rules = released.load(session)
        house = House(
            controller="musterstadt",
            name="Stadt Musterstadt",
            vault=self.vault,
            log=FlowLog(self.vault, self.ids, self.staff.public_key().public_bytes_raw()),
            ids=self.ids,
            rules=rules,
            probe=self.probe,
        )
        self.pipeline = Pipeline(
            database=self.database,
            house=house,
            clock=lambda: self.now,
            wall=lambda: self.now,
            monotonic=time.monotonic,
            channels={"LETTER": FolderChannel(self.letters)},
            registers={
                "MELDEREGISTER": self.melderegister,
                "STEUERAMT": self.steueramt,
                "ZULASSUNG": self.zulassung,
            },
            dispatchers={"webhook": self.behoerde},
            enrolments_per_day=1_000_000,
            citizen_page="musterstadt.example",
            border=Border(timedelta.max, timedelta.max),  # months pass between two lines, and nobody signs meanwhile
        )
        return self

    def close(self) -> None:
        self.database.close()
        self.sequencer.close()
        self.reader.close()

    # what happens ---------------------------------------------------------------------------------------------------

    def announce(self, event: Event) -> Any:
        """A register reports; the answer is what the intake says."""
        return self.pipeline.receive(CLIENTS[event.source], event.body)

    def tick(self) -> None:
        """Do everything that is due now, until nothing is."""
        for _ in range(50):
            if not self.pipeline.towards_citizen() + self.pipeline.towards_behoerde():
                return
        raise AssertionError("work goes round in circles")

    def wait(self, **time_passing: float) -> None:
        """Let time pass, then do what became due."""
        self.now += timedelta(**time_passing)
        self.tick()

    def settles(self, person: Somebody) -> SessionProof:
        """A person enrols by activation letter and proves themselves."""
        self.melderegister.knows(person)
        before = set(self.letters.iterdir())
        self.enrols(person)
        (letter,) = set(self.letters.iterdir()) - before
        return self.pipeline.prove(code_in(letter.read_text()), read_born(person.geburtsdatum)).proof

    def enrols(self, person: Somebody) -> None:
        """A person asks to enrol; the activation letter goes where the register says."""
        self.pipeline.enrol(
            Wish(person.vornamen, person.familienname, person.geburtsdatum, person.strasse, person.plz, person.ort)
        )
        while self.pipeline.look_up() + self.pipeline.notify():
            pass

    def consents(self, proof: SessionProof, *lebenslagen: str, gives: bool = True) -> None:
        """A person decides on every activity of some Lebenslagen."""
        offered = self.pipeline.consents(proof)["activities"]
        wanted = lebenslagen or ("geburt", "umzug")
        self.pipeline.choose(
            proof,
            [
                Choice(activity["name"], gives, activity["notice"])
                for activity in offered
                if activity["name"].startswith(tuple(f"{name}/" for name in wanted))
            ],
        )

    def gives_mail(self, proof: SessionProof, address: str) -> None:
        """A person types a mail address on the page; a code goes there with the next tick."""
        terms = self.pipeline.mail_terms()
        assert terms is not None
        self.pipeline.give_mail(proof, address, terms.notice)

    def mail_code(self, proof: SessionProof) -> str:
        """The digits that the mail to the address that waits says."""
        return self.vault.confirmation(
            self.value("SELECT id FROM mail_confirmations WHERE person = :person", person=proof.person)
        )

    def confirms_mail(self, proof: SessionProof, address: str) -> None:
        """A person gives a mail address and types the code that came there."""
        self.gives_mail(proof, address)
        assert self.pipeline.confirm_mail(proof, self.mail_code(proof))

    def lives_here(self, person: Somebody, *lebenslagen: str, gives: bool = True) -> Somebody:
        """A person enrols and consents."""
        self.consents(self.settles(person), *lebenslagen, gives=gives)
        return person

    # what is seen ---------------------------------------------------------------------------------------------------

    def letters_to(self, person: Somebody) -> list[str]:
        """The letters about something that lies ready (not the activation letter), oldest first."""
        found = []
        for path in sorted(self.letters.glob("*.txt"), key=lambda path: path.stat().st_mtime_ns):
            letter = path.read_text()
            mine = f"{person.vornamen} {person.familienname}" in letter
            if mine and "Ihr Code:" in letter and "angemeldet" not in letter:
                found.append(letter)
        return found

    def opens_letter(self, person: Somebody) -> SessionProof:
        """A person takes the newest letter and proves themselves by its code."""
        return self.pipeline.prove(code_in(self.letters_to(person)[-1]), read_born(person.geburtsdatum)).proof

    def proposals(self, proof: SessionProof) -> dict[str, dict[str, Any]]:
        """What a person sees, by Leistung."""
        return {
            item["leistung"]: self.pipeline.proposal(proof, UUID(item["id"]))
            for bundle in self.pipeline.overview(proof)["bundles"]
            for item in bundle["proposals"]
        }

    def says_yes(self, proof: SessionProof, leistung: str) -> UUID:
        """A person confirms one proposal; returns the Auftrag."""
        shown = self.proposals(proof)[leistung]
        return self.pipeline.confirm(proof, UUID(shown["id"]), bytes.fromhex(shown["shown"])).auftrag

    def tasks(self) -> list[tuple[str, str]]:
        """What waits for a human, and about which matter."""
        return [(task["what"], task["matter"]) for task in self.pipeline.tasks()]

    def count(self, table: str, where: str = "true") -> int:
        with self.database.transaction() as session:
            return int(session.connection().execute(text(f"SELECT count(*) FROM {table} WHERE {where}")).scalar_one())

    def value(self, sql: str, **values: Any) -> Any:
        with self.database.transaction() as session:
            return session.connection().execute(text(sql), values).scalar_one_or_none()

    def flow_names(self, *, since: int = 0) -> list[str]:
        """The kinds of the log's entries in the order they were written."""
        with self.database.transaction() as session:
            kinds = session.connection().execute(
                text(
                    "SELECT l.kind FROM flow_log l LEFT JOIN flow_leaf f USING (fid) "
                    "LEFT JOIN flow_queue q USING (fid) ORDER BY f.idx NULLS LAST, q.qid"
                )
            )
        return [Kind(row.kind).label for row in kinds][since:]

    def signs(self) -> None:
        """The signing worker comes round."""
        with self.sequencer.transaction() as session:
            integrate(session)
        with self.sequencer.transaction() as session:
            self.signer.sign(session, datetime.now(UTC))

    def check_log(self) -> int:
        """Integrate, sign and verify the whole log; no task may be one that nobody can end. Returns its size."""
        with self.database.transaction() as session:
            assert set(session.connection().execute(text("SELECT DISTINCT what FROM tasks")).scalars()) <= set(TASKS)
        self.signs()
        with self.reader.transaction() as session:
            report = verify_database(session, self.signer.vkey)
        assert report.ok, report.text()
        return self.count("flow_leaf")


def with_probe(world: World, probe: Probe) -> World:
    """The same installation with a probe in its steps."""
    return replace(world, probe=probe).open()


def addressed_to(letter: str) -> list[str]:
    """The address field of a letter: name, street, postcode and town."""
    return letter.split("\n\n", 1)[0].splitlines()


def code_in(letter: str) -> str:
    """The code in a letter."""
    (line,) = [line for line in letter.splitlines() if line.strip().startswith("Ihr Code:")]
    return line.split(":", 1)[1].strip()


def _kinds(client: str) -> tuple[str, ...]:
    return (
        ("geburt", "sterbefall", "storno", "schutzvermerk")
        if client == "standesamt"
        else ("umzug", "storno", "schutzvermerk", "sterbefall")
    )
