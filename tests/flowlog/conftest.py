"""A flow log with its roles, keys and invented persons, on a fresh database."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from sqlalchemy import text

from proaktiv.core.flows import Flow, Kind
from proaktiv.core.ids import Ids
from proaktiv.core.keys import PersonKey
from proaktiv.core.trust import SessionProof, Trust
from proaktiv.database import Database
from proaktiv.flowlog.proving.opening import Parts
from proaktiv.flowlog.record import FlowLog
from proaktiv.flowlog.sequencer import integrate
from proaktiv.flowlog.signer import Signer
from proaktiv.flowlog.staff import StaffReader
from proaktiv.flowlog.verifying.whole import Report, verify_database
from proaktiv.vault import Compartment, Kek, Vault, VaultKeys

NOW = datetime(2026, 10, 14, 8, 30, 0, 123456, tzinfo=UTC)
ORIGIN = "flowlog.musterstadt.example/1"
SIGNING_KEY = Ed25519PrivateKey.from_private_bytes(b"s" * 32)
OFFICE_KEY = X25519PrivateKey.from_private_bytes(b"o" * 32)


def a_flow(**changes: Any) -> Flow:
    return replace(
        Flow(
            kind=Kind.RECEIVED,
            sender="standesamt-musterstadt",
            receiver="musterstadt",
            purpose="geburt",
            action="event.received",
            basis="§ 68 Abs. 3 PStG",
            categories=("geburt",),
        ),
        **changes,
    )


@dataclass
class World:
    """One log: who writes it, who orders it, who signs it, who checks it."""

    urls: dict[str, str]
    state: Path
    ids: Ids = field(default_factory=lambda: Ids(random.Random(20261014).randbytes))
    opened: dict[str, Database] = field(default_factory=dict)

    def __post_init__(self) -> None:
        keks = {compartment: Kek(f"{compartment}-1", self.ids.random(32)) for compartment in Compartment}
        self.vault = Vault(VaultKeys(index=b"i" * 32, keks=keks), self.ids)
        self.log = self.another_process()

    def another_process(self) -> FlowLog:
        return FlowLog(self.vault, self.ids, OFFICE_KEY.public_key().public_bytes_raw())

    def role(self, name: str) -> Database:
        if name not in self.opened:
            self.opened[name] = Database(self.urls[name], f"test-{name}", pool_size=12)
        return self.opened[name]

    def a_person(self) -> PersonKey:
        person = PersonKey(self.ids.secret())
        with self.role("app").transaction() as session:
            self.vault.create(session, [person], NOW)
        return person

    def record(self, *flows: Flow, now: datetime = NOW) -> list[UUID]:
        with self.role("app").transaction() as session:
            return self.log.record(session, flows, now)

    def integrate(self, limit: int = 10_000) -> int:
        with self.role("sequencer").transaction() as session:
            return integrate(session, limit)

    def signer(self, **changes: Any) -> Signer:
        return Signer(self.state, SIGNING_KEY, ORIGIN, **changes)

    def sign(self, signer: Signer | None = None, probe: Callable[[str], None] = lambda _name: None) -> str | None:
        with self.role("sequencer").transaction() as session:
            return (signer or self.signer()).sign(session, NOW + timedelta(seconds=1), probe)

    def log_and_sign(self, *flows: Flow) -> list[UUID]:
        fids = self.record(*flows)
        self.integrate()
        self.sign()
        return fids

    def verify(self, **changes: Any) -> Report:
        with self.role("reader").transaction() as session:
            return verify_database(session, self.signer().vkey, **changes)

    def found(self, **changes: Any) -> list[tuple[str, int | None]]:
        return [(finding.what.value, finding.index) for finding in self.verify(**changes).findings]

    def verify_opened(self, persons: Sequence[PersonKey]) -> list[tuple[str, int | None]]:
        office = StaffReader((OFFICE_KEY.private_bytes_raw(),))
        with self.role("owner").transaction() as session:
            office.load(session)
            ring = self.vault.ring(session, persons, (Compartment.FLOW,))
            opener = Parts(self.vault, ring, [a_proof(person) for person in persons], office)
            report = verify_database(session, self.signer().vkey, opener=opener)
        return [(finding.what.value, finding.index) for finding in report.findings]

    def as_owner(self, statement: str, **values: Any) -> None:
        with self.role("owner").transaction() as session:
            done = session.connection().execute(text(statement), values)
            assert done.rowcount != 0, statement

    def rows(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        with self.role("owner").transaction() as session:
            return [tuple(row) for row in session.connection().execute(text(statement), values)]

    def one(self, statement: str, **values: Any) -> Any:
        return self.rows(statement, **values)[0][0]

    def close(self) -> None:
        for database in self.opened.values():
            database.close()


def a_proof(person: PersonKey) -> SessionProof:
    return SessionProof(UUID(int=9), person, Trust.V1, None)  # a test of the log, not of who proves


@pytest.fixture
def world(urls: dict[str, str], tmp_path: Path) -> Iterator[World]:
    built = World(urls, tmp_path / "signer")
    yield built
    built.close()
