"""The table of contents: which step follows which, and where a transaction begins and ends.

    towards_citizen    receive ─▶ evaluate(gate ─▶ relocate ─▶ match ─▶ propose) ─▶ look_up ─▶ notify
    towards_behoerde   confirm ─▶ dispatch ─▶ acknowledge
    outside            enrol · prove · consents · answer · sign · undo · silence · revisit · retain · show

Two straight halves with the citizen in the gap. One step is one transaction, opened here and nowhere else. The
outward steps are three lines: announce (transaction) · hand over (none open) · record (transaction), and announce
nothing while the flow log is behind (``flowlog.border``). What people and offices do stands in ``acts``, one method
each; here is what the worker does by itself.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar
from uuid import UUID

import structlog

from proaktiv.acts.citizen import CitizenActs
from proaktiv.acts.office import RETENTION_SET, OfficeActs
from proaktiv.acts.oversight import OversightActs
from proaktiv.acts.published import PublishedActs
from proaktiv.acts.registers import RegisterActs
from proaktiv.core.errors import CommitUnknown
from proaktiv.database import DatabaseAway
from proaktiv.egress import Deadline
from proaktiv.house import House
from proaktiv.steps import (
    dispatch,
    enrol,
    gate,
    look_up,
    match,
    notify,
    propose,
    relocate,
    retain,
    revisit,
    silence,
)
from proaktiv.steps.enrol import Identified
from proaktiv.vault import Compartment

OUTWARD_SET = 32
OUTWARD_THREADS = 8
"""Hand-overs of one set, and how many run at once: 32 / 8 x the deadline stays below a lease (60 s)."""

_log = structlog.get_logger()

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Pipeline(RegisterActs, CitizenActs, OfficeActs, OversightActs, PublishedActs):
    """All that one process can do; what it has no keys or ways for, it cannot."""

    # the two halves ------------------------------------------------------------------------------------------------

    def towards_citizen(self) -> int:
        """Run each step towards the citizen once. Returns how much was done; zero means that nothing is due."""
        return self.keep_silence() + self.revisit() + self.evaluate() + self.look_up() + self.notify()

    def towards_behoerde(self) -> int:
        """Run dispatch once. Returns how much was done."""
        return self.dispatch()

    # towards the citizen ----------------------------------------------------------------------------------------------

    def evaluate(self) -> int:
        """Gate, relocate, match and propose one set of due events in one transaction: a Permit does not outlive it.

        An event that breaks its set is set aside, so that it cannot hold up all the others.
        """
        now = self.clock()  # not below: a clock that refuses is no broken set
        size, begun = min(self.batch, self.set_size.now), self.monotonic()
        try:
            done = self._evaluate(now, size, [])
        except (DatabaseAway, CommitUnknown):
            raise
        except Exception as error:  # noqa: BLE001 - whatever one event breaks, the next family's must go on
            _log.error("set.broken", step="evaluate", error=type(error).__name__)
            return sum(self._evaluate_one() for _ in range(size))
        self.set_size.took(done, self.monotonic() - begun)
        return done

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
            house = self.current(session)
            admission = gate.admit(session, house, now, limit)
            claimed.extend(item.event.id for item in admission.admitted)
            if not admission.admitted and not admission.ended:
                return 0
            flows = (*admission.flows, *relocate.relocate(session, house, admission.followed, now))
            admission = replace(admission, flows=flows)
            ring = house.vault.ring(
                session,
                {item.person for item in admission.admitted} | {f.person for f in admission.flows if f.person},
                (Compartment.FACTS, Compartment.VIEW, Compartment.FLOW),
            )
            matching = match.match(session, house, admission.admitted, ring, now)
            propose.propose(session, house, admission, matching, ring, now)
        return len({item.event.id for item in admission.admitted}) + admission.ended

    def look_up(self) -> int:
        """Ask registers for what is wanted, and let enrolments that were answered go on."""
        house, now, wall = self._announcing(), self.clock(), self.wall()
        with self.database.transaction() as session:
            if not self.border.is_open(session, now):
                return 0
            house = replace(self.current(session), worker=house.worker)
            asking = look_up.announce(session, house, now, OUTWARD_SET, wall=wall)
        self.house.probe("look_up.announce.after")
        if not asking:
            return 0
        heard = self._hand_over(
            lambda item, deadline: look_up.hand_over(item, self.registers, deadline, self.house.probe), asking
        )
        with self.database.transaction() as session:
            answers = look_up.record(session, self.house, heard, now)
            found = [Identified(each.enrolment, each.person, each.facts, each.as_of) for each in answers]
            enrol.identify(session, self.house, found, now)
        self.house.probe("look_up.record.after")
        return len(asking)

    def notify(self) -> int:
        """Write to the people for whom something lies ready."""
        house, now, wall = self._announcing(), self.clock(), self.wall()
        with self.database.transaction() as session:
            if not self.border.is_open(session, now):
                return 0
            posting = notify.announce(
                session,
                house,
                self.channels,
                now,
                OUTWARD_SET,
                page=self.citizen_page,
                mail_page=self.mail_page,
                wall=wall,
                rates=self.mail_rates,
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

    def retain(self) -> int:
        """Delete one set of what is over, once a day. Returns how many rows went; zero when the day's run is done."""
        now, wall = self.clock(), self.wall()
        with self.database.transaction() as session:
            return retain.retain(session, self.house, self.terms, now, wall, RETENTION_SET)

    # towards the Behörde ---------------------------------------------------------------------------------------------

    def dispatch(self) -> int:
        """Hand confirmed Aufträge over whose undo window has passed."""
        house, now, wall = self._announcing(), self.clock(), self.wall()
        with self.database.transaction() as session:
            if not self.border.is_open(session, now):
                return 0
            house = replace(self.current(session), worker=house.worker)
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
