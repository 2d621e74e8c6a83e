"""A whole installation for the benches: real PostgreSQL, HTTP, worker and signer, each a process of its own.

Set up as ``proaktiv demo`` sets its city up, but on the real clock, with the ticks of production and without citizens:
births come from sources of the bench's own. Two Leistungen are decided from the event alone; what a look-up costs is
the register's speed. Left to others: the load (``openloop``), what is measured.
"""

import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
from sqlalchemy import insert, select

from consent import tables as consent_tables
from proaktiv.app import make_vault
from proaktiv.core.ids import Ids
from proaktiv.core.lebenslagen import Rulebook
from proaktiv.database import Database
from proaktiv.demo.keys import public_jwk
from proaktiv.demo.people import City
from proaktiv.demo.register import Reporter
from proaktiv.demo.running import Processes
from proaktiv.demo.setting_up import Installation, set_up
from proaktiv.demo.talking import Talk
from proaktiv.rulebook import released
from proaktiv.rulebook.release import CONTROLLER, _Signer, demo_key
from proaktiv.sets import copy_rows
from proaktiv.settings import Settings
from proaktiv.tables import (
    ClientDayRow,
    ClientRow,
    ContactRow,
    PersonIdentifierRow,
    PersonRow,
    core_table,
)
from proaktiv.vault import Compartment, Place, Vault
from tests.builders import ARS, Somebody, a_birth, somebody

TICK_SECONDS = 1.0
"""As in production: ``Settings.tick_seconds``."""

LEISTUNGEN = ("GEBURTSURKUNDE", "KITA-PLATZ")
CONSENTS = ("geburt/watch", "geburt/match", "geburt/propose/LETTER")

_PERSONS, _IDENTIFIERS, _CONTACTS = (
    core_table(PersonRow),
    core_table(PersonIdentifierRow),
    core_table(ContactRow),
)
_AT_ONCE = 2_000


@dataclass
class Town:
    """One running installation. ``sources`` name its registers; ``token`` lets one of them report."""

    installation: Installation
    processes: Processes
    seeds: Mapping[str, bytes]
    owner: Database
    vault: Vault
    ids: Ids

    @property
    def port(self) -> int:
        """Return the intake's port."""
        return self.installation.ports["intake"]

    def reader(self) -> psycopg.Connection[tuple[object, ...]]:
        """Return a connection that only looks."""
        return psycopg.connect(self.installation.reader_url.replace("+psycopg", ""), autocommit=True)

    def token(self, source: str) -> str:
        """Return a fresh access token of a source, good for five minutes."""
        base = self.installation.url("intake")
        with Talk(base) as talk:
            return Reporter(source, self.seeds[source], base, f"{base}/token")._access(talk)

    def start(self, workers: int = 1) -> None:
        """Start intake, workers and signer, and wait until the intake answers."""
        folder = self.installation.folder
        self.processes.start("intake", "serve", "--surface", "intake", "--port", str(self.port))
        for number in range(workers):
            self.processes.start("work" if number == 0 else f"work{number + 1}", "work")
        self.processes.start("sign", "work", "--sign", "--state", str(folder / "signer"))
        self.processes.wait_ready("intake")

    def know(self, people: Sequence[Somebody]) -> None:
        """Let people be enrolled who consented to everything about births, with an address for letters."""
        for first in range(0, len(people), _AT_ONCE):
            self._know(people[first : first + _AT_ONCE])

    def _know(self, people: Sequence[Somebody]) -> None:
        now = datetime.now(UTC)
        persons: list[tuple[UUID, Somebody]] = [(self.ids.secret(), one) for one in people]
        with self.owner.transaction() as session:
            connection = session.connection()
            activities = {
                row.name: row
                for row in connection.execute(
                    select(consent_tables.ACTIVITIES)
                    .where(consent_tables.ACTIVITIES.c.name.in_(CONSENTS))
                    .order_by(consent_tables.ACTIVITIES.c.version)
                )
            }
            keys = [person for person, _ in persons]
            copy_rows(session, _PERSONS, ("person", "status", "since"), [(person, "active", now) for person in keys])
            copy_rows(
                session,
                _IDENTIFIERS,
                ("kind", "lookup_hash", "person"),
                [
                    ("register_id", self.vault.lookup_hash("register_id", one.kennung), person)
                    for person, one in persons
                ],
            )
            self.vault.create(session, keys, now)
            ring = self.vault.ring(session, keys, [Compartment.CONTACT])
            contacts = []
            for person, one in persons:
                contact = {
                    "name": [one.vornamen, one.familienname],
                    "anschrift": one.anschrift,
                    "sprache": "de",
                    "geburtsdatum": one.geburtsdatum,
                }
                place = Place("contacts", person, "values")
                contacts.append((person, ring.seal(person, Compartment.CONTACT, place, contact), now))
            copy_rows(session, _CONTACTS, ("person", "values", "known_at"), contacts)
            connection.execute(insert(consent_tables.SUBJECTS), [{"person": person, "epoch": 0} for person in keys])
            connection.execute(
                insert(consent_tables.HEADS),
                [
                    {
                        "person": person,
                        "activity": name,
                        "recipient": activity.recipient,
                        "scope": "",
                        "state": "given",
                        "record": self.ids.secret(),
                        "version": activity.version,
                        "fields": activity.fields,
                        "given_at": now,
                        "valid_until": None,
                        "last_seq": 0,
                    }
                    for person in keys
                    for name, activity in activities.items()
                ],
            )

    def usual(self, source: str, events: int, days: int = 7) -> None:
        """Let a source look back on ``days`` days with so many events each, or on none."""
        days_table = core_table(ClientDayRow)
        today = datetime.now(UTC).date()
        with self.owner.transaction() as session:
            connection = session.connection()
            connection.execute(days_table.delete().where(days_table.c.client == source, days_table.c.day < today))
            rows = [{"client": source, "day": today - timedelta(days=ago), "n": events} for ago in range(1, days + 1)]
            if rows:
                connection.execute(insert(days_table), rows)


@contextmanager
def a_town(sources: Sequence[str]) -> Iterator[Town]:
    """Set an installation up whose registers are ``sources``; nothing is started yet."""
    now = datetime.now(UTC)
    nobody = City((), (), (), (), (), ())
    with set_up(nobody, now, secrets.token_bytes) as made:
        settings = {**made.settings, "TICK_SECONDS": str(TICK_SECONDS), "DEMO_CLOCK": "0"}
        installation = replace(made, settings=settings)
        owner = Database(made.owner_url, application_name="bench", pool_size=1)
        ids = Ids(secrets.token_bytes)
        held = {
            name.removeprefix("PROAKTIV_").lower(): value for name, value in installation.environment("work").items()
        }
        seeds = {source: secrets.token_bytes(32) for source in sources}
        try:
            _register(owner, seeds)
            _decide_from_the_event_alone(owner, now)
            vault = make_vault(Settings(**held), "work", ids)
            with Processes(installation) as processes:
                yield Town(installation, processes, seeds, owner, vault, ids)
        finally:
            owner.close()


def births(source: str, mothers: Sequence[Somebody]) -> list[bytes]:
    """Return one birth a mother, as its register would send it now."""
    born_on = (datetime.now(UTC).date() - timedelta(days=7)).isoformat()
    at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return [replace(a_birth(one, born_on=born_on), source=urn(source), time=at).body for one in mothers]


def mothers(count: int) -> list[Somebody]:
    """Return invented people."""
    return [somebody() for _ in range(count)]


def urn(source: str) -> str:
    """Return the CloudEvents source of a register of the bench."""
    return f"urn:proaktiv:bench:{source}"


def wait_for_none_waiting(town: Town, seconds: float = 600.0) -> int:
    """Wait until no event waits; return how many still do when the time is over."""
    end = time.monotonic() + seconds
    with town.reader() as connection:
        while True:
            row = connection.execute("SELECT count(*) FROM register_events WHERE state = 'waiting'").fetchone()
            waiting = int(str(row[0])) if row else 0
            if not waiting or time.monotonic() > end:
                return waiting
            town.processes.check()
            time.sleep(0.5)


def _register(owner: Database, seeds: Mapping[str, bytes]) -> None:
    with owner.transaction() as session:
        session.connection().execute(
            insert(core_table(ClientRow)),
            [
                {
                    "id": source,
                    "source": urn(source),
                    "ars": [ARS],
                    "kinds": ["geburt"],
                    "daily_max": 10_000_000,
                    "jwk": public_jwk(seed, source),
                    "active": True,
                }
                for source, seed in seeds.items()
            ],
        )


def _decide_from_the_event_alone(owner: Database, now: datetime) -> None:
    """Release a next version of ``geburt`` in which two Leistungen need no look-up, signed as every release."""
    with owner.transaction() as session:
        rules: Rulebook = released.load(session)
        geburt = rules.lebenslage("geburt")
        own = geburt.plan(LEISTUNGEN[0]).bedingung
        plans = tuple(replace(geburt.plan(name), bedingung=own, register={}) for name in LEISTUNGEN)
        signer = _Signer("bench-author", "bench-reviewer", demo_key(), now, CONTROLLER, demo=True)
        signer.release(session, replace(geburt, plans=plans))
