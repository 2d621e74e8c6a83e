"""A lying provider, and the house before it."""

import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest

from proaktiv.egress import Egress
from proaktiv.identity.login import RelyingParty
from proaktiv.identity.model import Client, Identified
from proaktiv.identity.provider import Provider
from tests.identity.double import CLIENT, REDIRECT, SECRET, Double, running

NOW = datetime(2026, 10, 14, 9, 0, tzinfo=UTC)


@dataclass
class Door:
    """One relying party before one provider. ``now`` is the clock of both, ``ticks`` the monotonic one."""

    double: Double
    now: datetime = NOW
    ticks: Callable[[], float] = time.monotonic
    changes: dict[str, object] = field(default_factory=dict)

    def client(self) -> Client:
        return replace(Client(self.double.issuer, CLIENT, SECRET, REDIRECT), **self.changes)  # type: ignore[arg-type]

    def party(self) -> RelyingParty:
        client = self.client()
        host = urlsplit(client.issuer).netloc
        provider = Provider(client, Egress(frozenset({host}), loopback=True), self.ticks)
        return RelyingParty(client, provider, b"k" * 32, secrets.token_bytes)

    def enters(self, party: RelyingParty | None = None, **changed: str | None) -> Identified:
        """A whole log-in, with what the browser brings back changed on its way."""
        party = party or self.party()
        begun = party.begin(self.now)
        returned = party.returned(begun.cookie, self.double.lets_in(begun.address, **changed), self.now)
        return party.redeem(returned, self.now)

    def waits(self, **passing: float) -> None:
        self.now += timedelta(**passing)


@pytest.fixture
def door() -> Iterator[Door]:
    double = Double(NOW.timestamp)
    with running(double):
        opened = Door(double)
        double.now = lambda: float(opened.now.timestamp())  # when it is asked, not now
        yield opened
