"""One city for many runs: emptied between them, with people who are known at once and faults that can be laid."""

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from joserfc import jws
from joserfc.jwk import OKPKey
from sqlalchemy import insert, text, update

from proaktiv import tables
from proaktiv.core.ids import Ids
from proaktiv.core.keys import PersonKey
from proaktiv.core.trust import SessionProof, Trust
from proaktiv.database import Database
from proaktiv.flowlog.proving.opening import Parts
from proaktiv.flowlog.record import FlowLog
from proaktiv.flowlog.sequencer import integrate
from proaktiv.flowlog.signer import Signer
from proaktiv.flowlog.verifying.whole import verify_database
from proaktiv.pipeline import Pipeline
from proaktiv.steps.consents import Choice
from proaktiv.tables import core_table
from proaktiv.vault import Compartment, Place
from tests.builders import somebody
from tests.chaos.meanwhile import NAME
from tests.chaos.model import Auftrag, Person, Proposal
from tests.chaos.watching import Ledger, WatchfulBehoerde, WatchfulPost
from tests.world import CLIENTS, ORIGIN, START, World

CLIENT = dict(CLIENTS)
"""Who reports for which source."""

KEPT = frozenset(
    {"alembic_version", "behoerden", "clients", "competences", "consent_activities", "consent_notices"}
) | {
    "demo_clock",
    "log_head",
    "releases",
}
"""What a city has before anybody lives in it."""

_TABLES = text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
_KILL = text(
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
    " WHERE application_name = 'proaktiv' AND datname = current_database() AND usename = current_user"
)
_PROPOSALS = text(
    "SELECT p.id, p.person, p.event, p.bundle, p.leistung, b.lebenslage, p.state, p.group_key"
    " FROM proposals p JOIN bundles b ON b.id = p.bundle ORDER BY p.id"
)
_AUFTRAEGE = text(
    "SELECT a.id, a.proposal, a.person, a.state, a.undone_at IS NOT NULL, a.due_at IS NOT NULL, s.person"
    " FROM auftraege a LEFT JOIN signatures s ON s.auftrag = a.id AND s.bundle IS NOT NULL ORDER BY a.id"
)
_DELIVERIES = text("SELECT d.id, d.person, b.lebenslage FROM deliveries d JOIN bundles b ON b.id = d.matter")
_TASKS = text("SELECT what, matter FROM tasks WHERE done_at IS NULL ORDER BY what, matter")


class Crash(BaseException):
    """The process is gone: whatever handles errors must not handle this."""


class Town:
    """A founded city. ``at`` holds what happens at places of the steps."""

    def __init__(self, urls: Mapping[str, str], folder: Path) -> None:
        self.dice = random.Random(0)
        self.at: dict[str, Callable[[str], None]] = {}
        self.watcher = Database(urls["app"], "watcher", pool_size=9)
        self.ledger = Ledger(self.watcher)
        self.behoerde = WatchfulBehoerde(self.ledger)
        self.owner = Database(urls["owner"], "owner", pool_size=1)
        self.world = World(urls, folder, probe=self._probe, behoerde=self.behoerde, seed=bytes(range(32)))  # type: ignore[arg-type]
        self.world.ids = Ids(self.dice.randbytes)
        self.world.vault = type(self.world.vault)(self.world.vault._keys, self.world.ids)
        self.world.found()
        self.post = WatchfulPost(self.world.letters, self.ledger)
        self.beside_database = Database(urls["app"], NAME, pool_size=4)
        self._open()
        self.key = OKPKey.generate_key("Ed25519")
        with self.owner.transaction() as session:
            connection = session.connection()
            jwk = self.key.as_dict(private=False)
            connection.execute(update(core_table(tables.BehoerdeRow)).values(jwk=jwk))
            connection.execute(update(core_table(tables.ClientRow)).values(daily_max=1_000_000, jump_floor=1_000_000))
            self._wipe = text("TRUNCATE " + ", ".join(sorted(set(connection.execute(_TABLES).scalars()) - KEPT)))
            self._root = connection.execute(text("SELECT root FROM log_head")).scalar_one()
        self._runs = 0

    def close(self) -> None:
        """Close every connection."""
        self.world.close()
        for database in (self.watcher, self.owner, self.beside_database):
            database.close()

    def _open(self) -> None:
        """Open the house with a log that remembers no key of an earlier run."""
        world = self.world
        log = FlowLog(world.vault, world.ids, world.staff.public_key().public_bytes_raw())
        house = replace(world.pipeline.house, log=log)
        self.pipeline = replace(world.pipeline, house=house, channels={"LETTER": self.post})
        world.pipeline = self.pipeline
        self.beside: Pipeline = replace(self.pipeline, database=self.beside_database)
        """The same house, for acts beside a step: on connections that a killed step's are not among."""

    def begin(self) -> None:
        """Empty the city: nobody lives in it, its log is empty, and the dice fall as they did before."""
        self._runs += 1
        self.dice.seed(1)
        self.at.clear()
        self.ledger.wrong.clear()
        self.behoerde.orders.clear()
        self.behoerde.moods.clear()
        self.behoerde.repeats = 0
        self.post.posted.clear()
        for letter in self.world.letters.iterdir():
            letter.unlink()
        self.world.now = START
        self.world.melderegister.people.clear()
        with self.owner.transaction() as session:
            session.connection().execute(self._wipe)
            session.connection().execute(text("UPDATE log_head SET size = 0, root = :root"), {"root": self._root})
        folder = self.world.folder / "signers" / str(self._runs)
        folder.mkdir(parents=True)
        self._open()
        self.world.signer = Signer(folder, self.world.signing_key, ORIGIN)

    def move_in(self, names: Sequence[str]) -> list[Person]:
        """Make people known, as an enrolment leaves them before their first decision."""
        people = [Person(self.world.ids.secret(), somebody(name)) for name in names]
        vault, now = self.world.vault, self.world.now
        keys = [person.key for person in people]
        with self.world.database.transaction() as session:
            connection = session.connection()
            rows = [{"person": key, "status": "active", "since": now} for key in keys]
            connection.execute(insert(core_table(tables.PersonRow)), rows)
            vault.create(session, keys, now)
            ring = vault.ring(session, keys, (Compartment.CONTACT,))
            identifiers, contacts = [], []
            for person in people:
                who = person.who
                self.world.melderegister.knows(who, **{"kind.im_haushalt": True})
                known = vault.lookup_hash("register_id", who.kennung)
                identifiers.append({"kind": "register_id", "lookup_hash": known, "person": person.key})
                contact = {
                    "name": [who.vornamen, who.familienname],
                    "anschrift": who.anschrift,
                    "sprache": "de",
                    "geburtsdatum": who.geburtsdatum,
                }
                place = Place("contacts", person.key, "values")
                sealed = ring.seal(person.key, Compartment.CONTACT, place, contact)
                contacts.append({"person": person.key, "values": sealed, "known_at": now})
            connection.execute(insert(core_table(tables.PersonIdentifierRow)), identifiers)
            connection.execute(insert(core_table(tables.ContactRow)), contacts)
        return people

    def choices(self, person: Person, lebenslage: str, *, gives: bool) -> list[Choice]:
        """Return a decision about every activity of a Lebenslage that a person can decide on."""
        return [
            Choice(each["name"], gives, each["notice"])
            for each in self.pipeline.consents(proof_of(person))["activities"]
            if each["name"].startswith(f"{lebenslage}/")
        ]

    # what is seen -----------------------------------------------------------------------------------------------------

    def rows(self) -> tuple[dict[UUID, Proposal], dict[UUID, Auftrag], dict[UUID, tuple[UUID, str]], list[Any]]:
        """Return proposals, Aufträge, letters about a matter, and open tasks."""
        with self.watcher.transaction() as session:
            connection = session.connection()
            proposals = {row[0]: Proposal(*row) for row in connection.execute(_PROPOSALS)}
            auftraege = {row[0]: Auftrag(*row) for row in connection.execute(_AUFTRAEGE)}
            letters = {row[0]: (row[1], row[2]) for row in connection.execute(_DELIVERIES)}
            tasks = [tuple(row) for row in connection.execute(_TASKS)]
        return proposals, auftraege, letters, tasks

    def verify(self, people: Sequence[Person]) -> None:
        """Integrate, sign and verify the log, and open each person's part: their numbers have no gap."""
        world = self.world
        with world.sequencer.transaction() as session:
            integrate(session)
        with world.sequencer.transaction() as session:
            world.signer.sign(session, world.now + timedelta(days=self._runs))
        with world.database.transaction() as session:
            ring = world.vault.ring(session, [person.key for person in people], (Compartment.FLOW,))
        opener = Parts(world.vault, ring, [proof_of(person) for person in people])
        with world.reader.transaction() as session:
            report = verify_database(session, world.signer.vkey, opener=opener)
        assert report.ok, report.text()

    # what happens -----------------------------------------------------------------------------------------------------

    def kill_backends(self) -> int:
        """End every connection of the house, whatever it is at. Returns how many."""
        with self.watcher.transaction() as session:
            return int(session.connection().execute(_KILL).scalar_one())

    def says(self, auftrag: UUID, behoerde: str, status: str, message: str) -> bytes:
        """Return a Behörde's signed message about an Auftrag."""
        payload = {
            "behoerde": behoerde,
            "wire_id": str(auftrag),
            "message_id": message,
            "status": status,
            "text": "",
            "iat": int(self.world.now.timestamp()),
        }
        header = {"alg": "Ed25519", "kid": behoerde}
        return jws.serialize_compact(header, json.dumps(payload).encode(), self.key, algorithms=["Ed25519"]).encode()

    def _probe(self, name: str) -> None:
        act = self.at.get(name)
        if act is not None:
            act(name)


def proof_of(person: Person, *, bundle: UUID | None = None) -> SessionProof:
    """Return what a log-in shows at V2, or a letter code at V1 for its one bundle."""
    trust = Trust.V2 if bundle is None else Trust.V1
    return SessionProof(UUID(int=1), PersonKey(person.key), trust, bundle)
