"""What registers and Behörden do: prove who they are, report events, answer about Aufträge."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from proaktiv.acts.means import Means
from proaktiv.core import cloudevents, events
from proaktiv.core.clients import Client, Token
from proaktiv.core.errors import BadInput, ProaktivError
from proaktiv.core.events import Misrouted, RegisterEvent
from proaktiv.sources.collecting import collect
from proaktiv.steps import (
    acknowledge,
    authenticate,
    receive,
)
from proaktiv.steps.receive import Decision, Received, Source, Taken, Verdict


@dataclass(frozen=True, slots=True)
class RegisterActs(Means):
    """The acts of the intake's surface, and of the clerks who look after its sources."""

    def token(self, assertion: str) -> Token:
        """Return an access token for the client that signed the assertion. Raises ``ClientRefused``."""
        with self.database.transaction() as session:
            return authenticate.issue(session, assertion, self.token_audience, self.wall(), self.house.ids)

    def client(self, token: str) -> Client:
        """Return the client of an access token. Raises ``ClientRefused``."""
        wall = self.wall()
        known = self.tokens.client(token, wall)
        if known is None:
            with self.database.transaction() as session:
                known = authenticate.authenticate(session, token, wall)
            self.tokens.remember(token, known, wall)
        return known

    def receive(self, client_id: str, body: bytes) -> Received:
        """Keep one event; its stops are written and what they reach is taken back before this returns."""
        (verdict,) = self.receive_set(client_id, [body])
        if isinstance(verdict, ProaktivError):
            raise verdict
        return verdict

    def receive_set(self, client_id: str, bodies: Sequence[bytes]) -> list[Verdict]:
        """Keep what can be kept of events that were sent each for itself, in one transaction; answer each, in order."""
        now = self.clock()
        reports = [_read(body, now) for body in bodies]
        unread = [report for report in reports if isinstance(report, BadInput)]
        if len(unread) == len(reports) and not any(isinstance(report, Misrouted) for report in unread):
            return list(unread)
        with self.database.transaction() as session:
            client = authenticate.client_of(session, client_id)
            return receive.receive(session, self.house, client, reports, now)

    def receive_batch(self, client_id: str, body: bytes) -> list[Taken]:
        """Keep what can be kept of a batch, in one transaction. Raises ``BadInput`` for a body that is no batch."""
        now = self.clock()
        reports = events.read_batch(body, now)
        with self.database.transaction() as session:
            client = authenticate.client_of(session, client_id)
            verdicts = receive.receive(session, self.house, client, [report.event for report in reports], now)
        return [Taken(verdict, report.text) for verdict, report in zip(verdicts, reports, strict=True)]

    def collect(self) -> int:
        """Take what registers left in their folders. Returns how many files were answered."""
        return collect(self.event_sources, self.receive_batch)

    def sources(self) -> list[Source]:
        """Return every client and what of it is quarantined."""
        now = self.clock()
        with self.database.transaction() as session:
            return receive.sources(session, now)

    def release_source(self, client_id: str, by: str) -> int:
        """Let everything quarantined of a client go on. Returns how many events. Raises ``NotFound``."""
        return self._decide(receive.release, client_id, by)

    def reject_source(self, client_id: str, by: str) -> int:
        """End everything quarantined of a client, lift what it stopped. Returns how many events; ``NotFound``."""
        return self._decide(receive.reject, client_id, by)

    def _decide(self, decide: Decision, client_id: str, by: str) -> int:
        """Decide set by set, so that no transaction holds the locks of a whole flood."""
        total = 0
        while True:
            now = self.clock()
            with self.database.transaction() as session:
                done = decide(session, self.house, client_id, by, now)
            if not done:
                return total
            total += done

    def acknowledge(self, jws: bytes) -> None:
        """Take a Behörde's signed message about an Auftrag. A forged or changed one is told to the DSB."""
        now = self.clock()
        try:
            with self.database.transaction() as session:
                payload = authenticate.said_by_behoerde(session, jws, self.wall())
                message = acknowledge.read(payload)
                mac = acknowledge.content_mac(self.house.vault, message)
                acknowledge.accept(session, self.house, message, mac, now)
        except (acknowledge.ForeignSender, acknowledge.ChangedMessage) as error:
            with self.database.transaction() as session:
                acknowledge.report(session, self.house, error, now)
            raise


def _read(body: bytes, now: datetime) -> RegisterEvent | BadInput:
    try:
        return events.read(cloudevents.parse(body), now)
    except BadInput as wrong:
        return wrong
