"""The table of contents: which step follows which, and where a transaction begins and ends.

    towards_citizen    receive ─▶ evaluate(gate ─▶ match ─▶ propose) ─▶ look_up ─▶ notify
    towards_behoerde   confirm ─▶ dispatch ─▶ acknowledge
    outside            enrol · prove · consents · answer · sign · undo · silence · revisit · show

Two straight halves with the citizen in the gap. One step is one transaction, opened here and nowhere else. The
outward steps are three lines: announce (transaction) · hand over (none open) · record (transaction).
"""

import hmac
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, TypeVar
from uuid import UUID

import structlog
from sqlmodel import Session

from notifiers.model import Channel
from proaktiv.core import cloudevents, events
from proaktiv.core.clients import Client, Token
from proaktiv.core.errors import BadInput, CommitUnknown, NotAllowed, NotProven, ProaktivError
from proaktiv.core.lebenslagen import Rulebook
from proaktiv.core.tasks import How
from proaktiv.core.trust import SessionProof
from proaktiv.database import Database, DatabaseAway
from proaktiv.dispatchers.model import Dispatcher
from proaktiv.egress import Deadline
from proaktiv.house import House
from proaktiv.registers.model import Register
from proaktiv.sources.collecting import collect
from proaktiv.sources.model import EventSource
from proaktiv.steps import (
    acknowledge,
    answer,
    authenticate,
    confirm,
    consents,
    dispatch,
    enrol,
    gate,
    look_up,
    match,
    notify,
    propose,
    prove,
    receive,
    revisit,
    show,
    sign,
    silence,
    tasks,
    undo,
)
from proaktiv.steps.confirm import Confirmation
from proaktiv.steps.consents import Choice
from proaktiv.steps.enrol import Identified, Wish
from proaktiv.steps.prove import Proven
from proaktiv.steps.receive import Decision, Received, Source, Taken
from proaktiv.vault import Compartment

OUTWARD_SET = 32
OUTWARD_THREADS = 8
"""Hand-overs of one set, and how many run at once: 32 / 8 x the deadline stays below a lease (60 s)."""

_log = structlog.get_logger()

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Pipeline:
    """The steps of one process. What the process does not do (its channels, registers …) is empty.

    ``clock`` is the time that the law and the citizens live by (in the demonstration it can be moved); ``wall`` is real
    time: leases, sessions and tokens end by it. ``identity`` is asked before each announcement under which number this
    process announces now; it raises where the process cannot say so, and then nothing is handed over.
    """

    database: Database
    house: House
    clock: Callable[[], datetime]
    wall: Callable[[], datetime]
    monotonic: Callable[[], float]
    channels: Mapping[str, Channel]
    registers: Mapping[str, Register]
    dispatchers: Mapping[str, Dispatcher]
    rules: Callable[[Session], Rulebook] | None = None
    token_audience: str = ""
    citizen_page: str = ""
    deadline_seconds: float = 10.0
    batch: int = 100
    identity: Callable[[], int] | None = None
    event_sources: Sequence[EventSource] = ()

    # the two halves ------------------------------------------------------------------------------------------------

    def towards_citizen(self) -> int:
        """Run each step towards the citizen once. Returns how much was done; zero means that nothing is due."""
        return self.keep_silence() + self.revisit() + self.evaluate() + self.look_up() + self.notify()

    def towards_behoerde(self) -> int:
        """Run dispatch once. Returns how much was done."""
        return self.dispatch()

    # registers and Behörden -------------------------------------------------------------------------------------------

    def token(self, assertion: str) -> Token:
        """Return an access token for the client that signed the assertion. Raises ``ClientRefused``."""
        with self.database.transaction() as session:
            return authenticate.issue(session, assertion, self.token_audience, self.wall(), self.house.ids)

    def client(self, token: str) -> Client:
        """Return the client of an access token. Raises ``ClientRefused``."""
        with self.database.transaction() as session:
            return authenticate.authenticate(session, token, self.wall())

    def receive(self, client_id: str, body: bytes) -> Received:
        """Keep one event; its stops are written and what they reach is taken back before this returns."""
        now = self.clock()
        event = events.read(cloudevents.parse(body), now)
        with self.database.transaction() as session:
            client = authenticate.client_of(session, client_id)
            (verdict,) = receive.receive(session, self.house, client, [event], now)
        if isinstance(verdict, ProaktivError):
            raise verdict
        return verdict

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
        with self.database.transaction() as session:
            return receive.sources(session, self.clock())

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
            with self.database.transaction() as session:
                done = decide(session, self.house, client_id, by, self.clock())
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

    # towards the citizen ----------------------------------------------------------------------------------------------

    def evaluate(self) -> int:
        """Gate, match and propose one set of due events in one transaction: a Permit does not outlive it.

        An event that breaks its set is set aside, so that it cannot hold up all the others.
        """
        now = self.clock()  # not below: a clock that refuses is no broken set
        try:
            return self._evaluate(now, self.batch, [])
        except (DatabaseAway, CommitUnknown):
            raise
        except Exception as error:  # noqa: BLE001 - whatever one event breaks, the next family's must go on
            _log.error("set.broken", step="evaluate", error=type(error).__name__)
        return sum(self._evaluate_one() for _ in range(self.batch))

    def _evaluate_one(self) -> int:
        claimed: list[UUID] = []
        try:
            return self._evaluate(self.clock(), 1, claimed)
        except (DatabaseAway, CommitUnknown):
            raise
        except Exception as error:
            if not claimed:
                raise
            _log.error("event.broken", matter=str(claimed[0]), error=type(error).__name__)
        with self.database.transaction() as session:
            gate.set_aside(session, self.house, claimed[0], "event.broken", self.clock())
        return 1

    def _evaluate(self, now: datetime, limit: int, claimed: list[UUID]) -> int:
        with self.database.transaction() as session:
            house = self._current(session)
            admission = gate.admit(session, house, now, limit)
            claimed.extend(item.event.id for item in admission.admitted)
            if not admission.admitted and not admission.ended:
                return 0
            ring = house.vault.ring(
                session,
                {item.person for item in admission.admitted} | {f.person for f in admission.flows if f.person},
                (Compartment.FACTS, Compartment.VIEW, Compartment.FLOW),
            )
            matching = match.match(session, house, admission.admitted, ring, now)
            propose.propose(session, house, admission, matching, ring, now)
        return len({item.event.id for item in admission.admitted}) + admission.ended

    def _current(self, session: Session) -> House:
        """Return the house with the rules that are released now: a text and its activity's version go together."""
        return self.house if self.rules is None else replace(self.house, rules=self.rules(session))

    def look_up(self) -> int:
        """Ask registers for what is wanted, and let enrolments that were answered go on."""
        house, now, wall = self._announcing(), self.clock(), self.wall()
        with self.database.transaction() as session:
            asking = look_up.announce(session, house, now, OUTWARD_SET, wall=wall)
        self.house.probe("look_up.announce.after")
        if not asking:
            return 0
        heard = self._hand_over(
            lambda item, deadline: look_up.hand_over(item, self.registers, deadline, self.house.probe), asking
        )
        with self.database.transaction() as session:
            answers = look_up.record(session, self.house, heard, now)
            found = [Identified(answer.enrolment, answer.person, answer.facts) for answer in answers]
            enrol.identify(session, self.house, found, now)
        self.house.probe("look_up.record.after")
        return len(asking)

    def notify(self) -> int:
        """Write to the people for whom something lies ready."""
        house, now, wall = self._announcing(), self.clock(), self.wall()
        with self.database.transaction() as session:
            posting = notify.announce(
                session, house, self.channels, now, OUTWARD_SET, page=self.citizen_page, wall=wall
            )
        self.house.probe("notify.announce.after")
        if not posting:
            return 0
        posted = self._hand_over(
            lambda item, deadline: notify.hand_over(item, self.channels, deadline, self.house.probe), posting
        )
        with self.database.transaction() as session:
            notify.record(session, self.house, posted, now)
        self.house.probe("notify.record.after")
        return len(posting)

    def keep_silence(self) -> int:
        """Do what silence brings: lapse, remind once, go on without a second signature."""
        now = self.clock()
        with self.database.transaction() as session:
            return silence.keep_silence(session, self.house, now, self.batch)

    def revisit(self) -> int:
        """Let events be decided anew whose day has come."""
        now = self.clock()
        with self.database.transaction() as session:
            return revisit.revisit(session, self.house, now, self.batch)

    # towards the Behörde ---------------------------------------------------------------------------------------------

    def dispatch(self) -> int:
        """Hand confirmed Aufträge over whose undo window has passed."""
        house, now, wall = self._announcing(), self.clock(), self.wall()
        with self.database.transaction() as session:
            house = replace(self._current(session), worker=house.worker)
            sending = dispatch.announce(session, house, self.dispatchers, now, OUTWARD_SET, wall=wall)
        self.house.probe("dispatch.announce.after")
        if not sending:
            return 0
        sent = self._hand_over(
            lambda item, deadline: dispatch.hand_over(item, self.dispatchers, deadline, self.house.probe), sending
        )
        with self.database.transaction() as session:
            dispatch.record(session, self.house, sent, now)
        self.house.probe("dispatch.record.after")
        return len(sending)

    def _announcing(self) -> House:
        """Return the house with the number that this process has now."""
        return self.house if self.identity is None else replace(self.house, worker=self.identity())

    def _hand_over(self, act: Callable[[Item, Deadline], Result], items: Sequence[Item]) -> list[Result]:
        """Do the outward acts of a set side by side, each under a deadline of its own; no transaction is open."""

        def one(item: Item) -> Result:
            return act(item, Deadline(self.deadline_seconds, self.monotonic))

        if len(items) == 1:
            return [one(items[0])]
        with ThreadPoolExecutor(OUTWARD_THREADS) as threads:
            return list(threads.map(one, items))

    # the citizen ------------------------------------------------------------------------------------------------------

    def enrol(self, wish: Wish) -> None:
        """Keep a request to be known here; the answer is the same whatever becomes of it."""
        now = self.clock()
        with self.database.transaction() as session:
            enrol.enrol(session, self.house, wish, now)

    def prove(self, code: str, birth_date: date) -> Proven:
        """Return a session. Raises ``NotProven``, after the wrong try was counted."""
        now = self.clock()
        with self.database.transaction() as session:
            proven = prove.prove(session, self.house, code, birth_date, now, self.wall())
        if proven is None:
            raise NotProven("code or birth date is not right, or the code is no longer valid")
        return proven

    def session(self, token: str) -> SessionProof:
        """Return the proof of a session's cookie. Raises ``NotProven``."""
        with self.database.transaction() as session:
            return prove.read_session(session, token, self.wall())

    def session_for_change(self, token: str, csrf: str) -> SessionProof:
        """Return the proof of a session whose form token is right. Raises ``NotProven``, ``NotAllowed``."""
        proof = self.session(token)
        if not hmac.compare_digest(prove.csrf_of(self.house, token).encode(), csrf.encode()):
            raise NotAllowed("the form token is missing or of another session; load the page again")
        return proof

    def overview(self, proof: SessionProof) -> dict[str, Any]:
        """Return what is open for this person."""
        with self.database.transaction() as session:
            return show.overview(session, proof)

    def proposal(self, proof: SessionProof, proposal: UUID) -> dict[str, Any]:
        """Return one proposal as it is shown."""
        now = self.clock()
        with self.database.transaction() as session:
            return show.proposal(session, self.house, proof, proposal, now)

    def auftrag(self, proof: SessionProof, auftrag: UUID) -> dict[str, Any]:
        """Return where one Auftrag stands."""
        now = self.clock()
        with self.database.transaction() as session:
            return show.auftrag(session, proof, auftrag, now)

    def sheet(self, proof: SessionProof, auftrag: UUID) -> dict[str, Any]:
        """Return what is to be printed and signed by hand."""
        with self.database.transaction() as session:
            return show.sheet(session, self.house, proof, auftrag)

    def to_sign(self, proof: SessionProof, auftrag: UUID) -> dict[str, Any]:
        """Return what a second parent is asked to sign."""
        with self.database.transaction() as session:
            return sign.to_sign(session, self.house, proof, auftrag)

    def consents(self, proof: SessionProof) -> dict[str, Any]:
        """Return what a person can decide on, with texts and states."""
        with self.database.transaction() as session:
            return show.consents(session, self._current(session), proof)

    def choose(self, proof: SessionProof, choices: Sequence[Choice]) -> None:
        """Record what a person gives and refuses."""
        now = self.clock()
        with self.database.transaction() as session:
            consents.choose(session, self._current(session), proof, choices, now)

    def withdraw(self, proof: SessionProof, *, lebenslage: str, activity: str) -> tuple[str, ...]:
        """Withdraw a whole Lebenslage or one activity. Raises ``BadInput`` where neither or both are named."""
        if bool(lebenslage) == bool(activity):
            raise BadInput("/lebenslage", "name either lebenslage or activity")
        now = self.clock()
        with self.database.transaction() as session:
            if activity:
                return consents.withdraw_activity(session, self.house, proof, activity, now)
            return consents.withdraw_lebenslage(session, self.house, proof, lebenslage, now)

    def withdraw_auftrag(self, proof: SessionProof, auftrag: UUID) -> None:
        """Withdraw one confirmed Auftrag."""
        now = self.clock()
        with self.database.transaction() as session:
            consents.withdraw_auftrag(session, self.house, proof, auftrag, now)

    def confirm(self, proof: SessionProof, proposal: UUID, shown: bytes) -> Confirmation:
        """Record a yes to what was shown."""
        now = self.clock()
        with self.database.transaction() as session:
            return confirm.confirm(session, self._current(session), proof, proposal, shown, now)

    def decline(self, proof: SessionProof, proposal: UUID) -> None:
        """Record a no."""
        now = self.clock()
        with self.database.transaction() as session:
            confirm.decline(session, self.house, proof, proposal, now)

    def postpone(self, proof: SessionProof, proposal: UUID) -> None:
        """Record a later."""
        now = self.clock()
        with self.database.transaction() as session:
            confirm.postpone(session, self.house, proof, proposal, now)

    def undo(self, proof: SessionProof, auftrag: UUID) -> None:
        """Take a yes or a signature back while nothing has left."""
        now = self.clock()
        with self.database.transaction() as session:
            undo.undo(session, self.house, proof, auftrag, now)

    def sign(self, proof: SessionProof, auftrag: UUID, shown: bytes) -> None:
        """Record the second signature under what was shown."""
        now = self.clock()
        with self.database.transaction() as session:
            sign.sign(session, self._current(session), proof, auftrag, shown, now)

    def refuse_signature(self, proof: SessionProof, auftrag: UUID) -> None:
        """Record that the second parent does not sign."""
        now = self.clock()
        with self.database.transaction() as session:
            sign.refuse(session, self.house, proof, auftrag, now)

    def answer(self, proof: SessionProof, proposal: UUID, written: Mapping[str, str]) -> None:
        """Keep what a person answered; the proposal is decided anew with it."""
        now = self.clock()
        with self.database.transaction() as session:
            answer.answer(session, self._current(session), proof, proposal, written, now)

    # the office -------------------------------------------------------------------------------------------------------

    def tasks(self, behoerde: str = "") -> list[dict[str, Any]]:
        """Return what waits for a human."""
        with self.database.transaction() as session:
            return tasks.open_tasks(session, behoerde)

    def incidents(self) -> list[dict[str, str]]:
        """Return what the DSB must see."""
        with self.database.transaction() as session:
            return tasks.incidents(session)

    def finish(self, task: UUID, how: How, by: str) -> None:
        """End a task in one of its ways."""
        now = self.clock()
        with self.database.transaction() as session:
            tasks.finish(session, self.house, task, how, by, now)

    def healthy(self) -> None:
        """Raise where the database cannot be reached."""
        with self.database.transaction() as session:
            session.connection()
