"""Citizens, registers, Behörden, clocks and faults in any order, on the real pipeline and a real PostgreSQL.

A Hypothesis state machine. After every step each row that moved must be explained by what happened, and nothing may
lie open, be written or leave that must not (``model``). At the end of a run everything settles: what people see is
what the model says, the books balance, the log verifies.
Source: security-and-faults.md § 4, row 11, and § 6, item 4.
"""

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from proaktiv.core.errors import CommitUnknown, Conflict, NotAllowed, NotFound
from proaktiv.database import DatabaseAway
from proaktiv.demo import counting
from proaktiv.steps import dispatch, look_up, notify
from tests.builders import Event, a_birth, a_cancellation, a_death, a_move, a_protection, child_of
from tests.chaos.meanwhile import Meanwhile
from tests.chaos.model import (
    AT_THE_BEHOERDE,
    AUFTRAG_MOVES,
    ENDED,
    OPEN,
    PROPOSAL_MOVES,
    UNSENT,
    Auftrag,
    Matter,
    Model,
    Person,
    Proposal,
    explained,
)
from tests.chaos.town import CLIENT, Crash, Town, proof_of
from tests.chaos.watching import MOODS
from tests.world import START

REFUSED = (Conflict, NotFound, NotAllowed)
"""How the house says that an act does not fit what is there any more."""

WORK: dict[str, tuple[str, tuple[str, ...]]] = {
    "evaluate": (
        "evaluate",
        ("evaluate.claim.after", "evaluate.gate.after", "evaluate.propose.before", "evaluate.propose.after"),
    ),
    "look_up": ("look_up", look_up.PROBES),
    "notify": ("notify", notify.PROBES),
    "dispatch": ("dispatch", dispatch.PROBES),
    "keep_silence": ("silence", ("silence.before", "silence.during", "silence.after")),
}
"""Each step of the worker: what it may move, and its places."""

PLACES = tuple((work, place) for work, (_, places) in WORK.items() for place in places)
ACTS = ("withdraw", "object", "death", "protect", "sorge", "storno", "child dies", "undo", "yes", "no", "give back")

who = st.integers(0, 11)
"""Picks one of what there is, by its place modulo how many."""


class Machine(RuleBasedStateMachine):
    """One run. ``town`` is set once for all runs; ``counts`` sums them up."""

    town: ClassVar[Town]
    counts: ClassVar[Counter[str]]

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.happened: set[str] = set()
        self.posted = 0
        self.answers = 0
        self.days_passed = self.set_back = False
        self.before: tuple[Any, ...] = ({}, {}, {}, [])
        self.was_forbidden: set[tuple[UUID, str]] = set()
        self.town.begin()

    @initialize()
    def people_move_in(self) -> None:
        """Three people live here and allow everything about births; two of them have just had a child."""
        self.model.people = self.town.move_in(("Anna", "Ben", "Cleo"))
        for person in self.model.people:
            self._give(person, "geburt")
        anna, ben, _ = self.model.people
        event = a_birth(anna.who, other=ben.who)
        self._report(Matter(event, [anna, ben]), event)
        self._tick()

    # the citizen ------------------------------------------------------------------------------------------------------

    @rule(n=who, lebenslage=st.sampled_from(("geburt", "geburt", "umzug")))
    def gives(self, n: int, lebenslage: str) -> None:
        """Somebody allows everything about a Lebenslage (again)."""
        self._give(self._person(n), lebenslage)

    @rule(act=st.sampled_from(ACTS), n=who)
    def acts(self, act: str, n: int) -> None:
        """Somebody does something, and nothing else goes on."""
        deed = self._deed(act, n, self.town.pipeline)
        if deed is not None:
            self._try(act, *deed)

    @rule(n=who, later=st.booleans())
    def confirms(self, n: int, later: bool) -> None:
        """Somebody says yes, or later, to something that lies open."""
        proposal = self._one(n, [row for row in self._proposals() if row.state in OPEN])
        if proposal is None:
            return
        if later:
            self._try("later", lambda: self.town.pipeline.postpone(self._proof(proposal, n), proposal.id), {"later"})
            return
        deed = self._yes(proposal, n, self.town.pipeline)
        assert deed is not None, "what lies open can be looked at"
        self._try("yes", *deed, must=not self.days_passed)  # later its day may be over before anybody has closed it

    @rule(n=who)
    def signs(self, n: int) -> None:
        """A second parent signs."""
        auftrag = self._one(n, [row for row in self._auftraege() if row.state == "awaiting_signature" and row.asked])
        if auftrag is None or auftrag.asked is None:
            return
        proof = proof_of(self.model.person(auftrag.asked))

        def sign() -> None:
            shown = self.town.pipeline.to_sign(proof, auftrag.id)["shown"]
            self.town.pipeline.sign(proof, auftrag.id, bytes.fromhex(shown))

        self._try("sign", sign, {"sign"})

    # registers and Behörden -------------------------------------------------------------------------------------------

    @rule(n=who, both=st.booleans())
    def a_child_is_born(self, n: int, both: bool) -> None:
        """A birth is reported, of one parent or two."""
        mother, other = self._person(n), self._person(n + 1)
        event = a_birth(mother.who, other=other.who if both else None)
        self._report(Matter(event, [mother, other] if both else [mother]), event)

    @rule(n=who)
    def somebody_moves(self, n: int) -> None:
        """A move is reported."""
        event = a_move(self._person(n).who)
        self._report(Matter(event, [self._person(n)]), event)

    @rule(n=who, how=st.sampled_from(("again", "corrected", "older")))
    def it_is_reported_again(self, n: int, how: str) -> None:
        """A register sends the same again, a correction, or one overtaken by a newer one."""
        matter = self._one(n, self.model.matters)
        if matter is None:
            return
        if how == "again":
            assert self._receive(matter, matter.event).duplicate
            return
        version = matter.event.data["fassung"]
        newer = matter.event.but(id=f"{matter.event.id.partition('.')[0]}.{version + 2}", fassung=version + 2)
        if matter.event.kind == "geburt":
            newer = newer.but(kind=matter.event.data["kind"] | {"vornamen": f"Mia {'Lea ' * (version % 3)}Ida"})
        matter.event = newer
        self._receive(matter, newer)
        if how == "older":
            self._receive(matter, newer.but(id=f"{newer.id}.old", fassung=version + 1))

    @rule(n=who, status=st.sampled_from(("acknowledged", "question", "decided", "rejected")))
    def the_behoerde_answers(self, n: int, status: str) -> None:
        """A Behörde says something about what it has."""
        wire = self._one(n, sorted(self.town.behoerde.orders))
        if wire is None:
            return
        with self.town.watcher.transaction() as session:
            behoerde = (
                session.connection()
                .exec_driver_sql("SELECT behoerde FROM auftraege WHERE id = %s", (wire,))
                .scalar_one()
            )
        self.answers += 1
        message = self.town.says(wire, behoerde, status, f"m-{self.answers}")
        self._try("answer", lambda: self.town.pipeline.acknowledge(message), {"answer"})

    # the house at work, and what goes wrong ---------------------------------------------------------------------------

    @rule(work=st.sampled_from(sorted(WORK)))
    def works(self, work: str) -> None:
        """The worker does one step."""
        self._work(work)

    @rule()
    def everything_due_is_done(self) -> None:
        """The worker does what is due, until nothing is."""
        self._tick()

    @rule(minutes=st.sampled_from((-90, 2, 30, 25 * 60, 25 * 60, 9 * 24 * 60, 40 * 24 * 60)))
    def the_clock_jumps(self, minutes: int) -> None:
        """Time passes, or somebody sets the clock back."""
        # Never before what the builders' registers say: an event of the future is refused, as it should be.
        self.town.world.now = max(self.town.world.now + timedelta(minutes=minutes), START - timedelta(minutes=50))
        self.days_passed |= minutes > 2 * 24 * 60
        self.set_back |= minutes < 0
        self.counts["fault: clock set back" if minutes < 0 else "clock set forward"] += 1

    @rule(moods=st.lists(st.sampled_from(sorted(MOODS)), max_size=3))
    def the_behoerden_are_moody(self, moods: list[str]) -> None:
        """The next hand-overs go wrong."""
        self.town.behoerde.moods[:] = moods
        self.counts["fault: Behörde"] += sum(mood != "well" for mood in moods)

    @rule(n=who, moods=st.lists(st.sampled_from(sorted(MOODS)), min_size=1, max_size=3))
    def a_yes_leaves_the_house(self, n: int, moods: list[str]) -> None:
        """Somebody says yes, nobody takes it back in time, and the Behörde is in some mood when it comes."""
        self.confirms(n, later=False)
        self.happened |= {"yes", WORK["dispatch"][0]}
        self.town.behoerde.moods[:] = moods
        self.counts["fault: Behörde"] += sum(mood != "well" for mood in moods)
        self.town.world.now += timedelta(hours=25)
        self._work("dispatch")
        self.counts["left the house"] += len(self.town.behoerde.orders)

    @rule()
    def connections_are_killed(self) -> None:
        """Every connection of the house ends while nothing is done."""
        self.counts["fault: connection killed"] += self.town.kill_backends()

    @rule(where=st.sampled_from(PLACES))
    def the_backend_dies(self, where: tuple[str, str]) -> None:
        """PostgreSQL ends the connections of the house in the middle of a step."""

        def kill(_place: str) -> None:
            self.counts["fault: backend killed in a step"] += bool(self.town.kill_backends())

        self._work(where[0], at=(where[1], kill))

    @rule(where=st.sampled_from(PLACES))
    def the_process_dies(self, where: tuple[str, str]) -> None:
        """The worker ends in the middle of a step: nothing more is written by it."""

        def crash(_place: str) -> None:
            self.counts["fault: process died"] += 1
            raise Crash

        self._work(where[0], at=(where[1], crash))

    @rule(where=st.sampled_from(PLACES), act=st.sampled_from(ACTS), n=who)
    def somebody_acts_meanwhile(self, where: tuple[str, str], act: str, n: int) -> None:
        """Somebody acts while a step stands at one of its places."""
        deed = self._deed(act, n, self.town.beside)
        if deed is None:
            return
        do, kinds = deed
        beside = Meanwhile(self.town.watcher, where[1], do)
        self._work(where[0], at=(where[1], beside))
        self.happened |= kinds
        self.counts[f"meanwhile: {act}" if beside.reached else "meanwhile: not reached"] += 1
        with _may_be_refused():
            beside.ends()

    # what must hold ---------------------------------------------------------------------------------------------------

    @invariant()
    def nothing_is_as_it_must_not_be(self) -> None:
        """Every move is explained; nothing forbidden lies open, was written or left; nothing confirmed is lost."""
        type(self).counts["steps"] += 1
        model, town = self.model, self.town
        proposals, auftraege, letters, tasks = now = town.rows()
        assert not town.ledger.wrong, town.ledger.wrong
        for table, old, new in (
            (PROPOSAL_MOVES, self.before[0], proposals),
            (AUFTRAG_MOVES, self.before[1], auftraege),
        ):
            assert old.keys() <= new.keys(), "a row is gone"
            for key, row in new.items():
                state = old[key].state if key in old else None
                if state != row.state:
                    assert explained(table, self.happened, state, row.state), f"{self.happened}: {state} > {row}"
        assert not model.forbidden(proposals.values()), model.forbidden(proposals.values())
        self._check_auftraege(proposals, auftraege, tasks)
        for letter in town.post.posted[self.posted :]:
            if letter in letters:
                assert letters[letter] not in self.was_forbidden, f"{letter} was written to {letters[letter]}"
        self.posted = len(town.post.posted)
        self.was_forbidden = {
            (person.key, lebenslage)
            for person in model.people
            for lebenslage in ("geburt", "umzug")
            if not person.may_be_written_to(lebenslage)
        }
        self.before, self.happened = now, set()

    def _check_auftraege(
        self, proposals: dict[UUID, Proposal], auftraege: dict[UUID, Auftrag], tasks: list[tuple[str, UUID]]
    ) -> None:
        standing = Counter(row.proposal for row in auftraege.values() if not row.undone)
        assert max(standing.values(), default=1) == 1, "a proposal has two Aufträge"
        assert self.model.confirmed <= auftraege.keys(), "a confirmed Auftrag is lost"
        for row in auftraege.values():
            if row.undone:
                assert row.id not in self.town.behoerde.orders, "it left although it was undone"
                continue
            own = [what for what, matter in tasks if matter in (row.id, row.proposal)]
            proposal = proposals[row.proposal]
            if row.state == "withdrawn" and row.id in self.town.behoerde.orders:
                assert own, f"the Behörde has it, and nobody tells it: {row}"
            if row.state in AT_THE_BEHOERDE & ENDED:
                assert row.id in self.town.behoerde.orders, f"it is called sent, and the Behörde never got it: {row}"
            if row.state in UNSENT | {"with_citizen"}:
                gone = self.model.stopped(proposal) or self.model.person(row.person).gone(proposal.lebenslage)
                assert not gone, f"it may still leave: {row}"
            if row.state in UNSENT:
                # A report may have changed it and a Sperre stopped it: each is a task of its own.
                assert row.due or own, f"neither due nor a task: {row}"
            if row.state == "in_doubt":
                assert any(what in ("auftrag.in_doubt", "auftrag.undeliverable") for what in own), f"nobody sees {row}"
            assert row.state in UNSENT | AT_THE_BEHOERDE | ENDED

    def teardown(self) -> None:
        """Let everything come to rest, then look at the whole."""
        if not self.model.people:
            return
        self.town.behoerde.moods.clear()
        for _ in range(3):
            self.town.world.now += timedelta(hours=5)
            self._tick()
            self.nothing_is_as_it_must_not_be()
            type(self).counts["steps"] -= 1
        assert not [row for row in self._auftraege() if row.state == "announced"], "an attempt hangs for ever"
        proposals = self.before[0].values()
        for person in self.model.people:
            bundles = self.town.pipeline.overview(proof_of(person))["bundles"]
            seen = {UUID(item["id"]): item["state"] for bundle in bundles for item in bundle["proposals"]}
            must = self.model.seen_by(person, proposals)
            odd = [row for row in proposals if (row.id in seen) != (row.id in must)]
            assert seen == must, f"the page and the model differ: {odd or seen}"
        self._check_books()
        self.town.verify(self.model.people)
        type(self).counts["runs"] += 1

    def _check_books(self) -> None:
        with self.town.watcher.transaction() as session:
            counts = counting.count(session)
        numbers = counts.numbers
        # Whom nobody may write to sees it where they look themselves (§ 51 BMG), and nowhere else.
        told = {(row.person, row.lebenslage) for row in self._proposals() if row.state in OPEN}.isdisjoint(
            self.was_forbidden
        )
        # A consent that was given before the clock was set back seems to come after the letter.
        unasked = [] if self.set_back else ["letters_unasked"]
        for zero in (*unasked, "unmatched", "open_after_stop", *(["untold"] if told else [])):
            assert numbers[zero] == 0, f"{zero}: {numbers[zero]}"
        assert counts.total("events") == sum(len(matter.rows) for matter in self.model.matters) + self.counts_of_stops
        assert counts.total("auftraege") >= counts.of("proposals", "confirmed")
        assert counts.logged("event.received") == counts.total("events")
        assert counts.logged("auftrag.confirmed", "confirmed") == counts.total("auftraege")
        # A letter that left with a worker that died, and about whose matter nothing is open any more, is a human's.
        handed_over, posted = counts.of("deliveries", "handed_over"), len(set(self.town.post.posted))
        assert handed_over <= posted <= handed_over + counts.of("deliveries", "in_doubt")
        sent = counts.of("auftraege", "sent", "acknowledged", "question", "decided", "rejected")
        assert sent <= len(self.town.behoerde.orders)
        assert numbers["receipts"] == counts.logged("acknowledgement.received")
        assert numbers["flows"] == numbers["log_size"] + numbers["queued"]

    # doing ------------------------------------------------------------------------------------------------------------

    counts_of_stops = 0

    def _work(self, work: str, at: tuple[str, Callable[[str], None]] | None = None) -> None:
        kind, _ = WORK[work]
        self.happened.add(kind)
        if at is not None:
            self.town.at[at[0]] = at[1]
        try:
            getattr(self.town.pipeline, work)()
        except (DatabaseAway, CommitUnknown, Crash):
            pass
        finally:
            self.town.at.clear()

    def _tick(self) -> None:
        self.happened |= {kind for kind, _ in WORK.values()}
        pipeline = self.town.pipeline
        for _ in range(50):
            if not pipeline.towards_citizen() + pipeline.towards_behoerde():
                return
        raise AssertionError("work goes round in circles")

    def _try(self, name: str, do: Callable[[], Any], kinds: set[str], *, must: bool = False) -> None:
        self.counts[name] += 1
        self.happened |= kinds
        if must:
            do()
            return
        with _may_be_refused():
            do()

    def _give(self, person: Person, lebenslage: str) -> None:
        if person.gone(lebenslage):
            return
        choices = self.town.choices(person, lebenslage, gives=True)
        self.town.pipeline.choose(proof_of(person), choices)
        person.given |= {choice.activity for choice in choices}

    def _report(self, matter: Matter, event: Event) -> None:
        self.model.matters.append(matter)
        self._receive(matter, event)

    def _receive(self, matter: Matter, event: Event) -> Any:
        received = self.town.world.announce(event)
        matter.rows.add(received.id)
        return received

    def _deed(self, act: str, n: int, pipeline: Any) -> tuple[Callable[[], Any], set[str]] | None:  # noqa: PLR0911
        """Return what is to be done and what it may move, or None where there is nothing to do it to."""
        person = self._person(n)
        proof = proof_of(person)
        matter = self._one(n, self.model.matters)
        auftrag = self._one(n, [row for row in self._auftraege() if not row.undone])
        proposal = self._one(n, [row for row in self._proposals() if row.state in OPEN])
        if act in ("withdraw", "object"):
            return (lambda: self._take_back(act, person, pipeline)), {"withdraw"}
        if act in ("death", "protect", "sorge"):
            return (lambda: self._stop_person(act, n, person, pipeline)), {"stop"}
        if act in ("storno", "child dies"):
            return None if matter is None else ((lambda: self._stop_matter(act, matter, pipeline)), {"stop"})
        if act == "yes":
            return None if proposal is None else self._yes(proposal, n, pipeline)
        if act == "no":
            if proposal is None:
                return None
            proof = self._proof(proposal, n)
            return (lambda: pipeline.decline(proof, proposal.id)), {"no"}
        if auftrag is None:
            return None
        owner = self._proof(self.before[0][auftrag.proposal], n)
        if act == "undo":
            return (lambda: pipeline.undo(owner, auftrag.id)), {"undo"}
        return (lambda: pipeline.withdraw_auftrag(owner, auftrag.id)), {"withdraw_auftrag"}

    def _yes(self, proposal: Proposal, n: int, pipeline: Any) -> tuple[Callable[[], Any], set[str]] | None:
        proof = self._proof(proposal, n)
        shown = self.town.pipeline.proposal(proof, proposal.id)["shown"]

        def say() -> None:
            self.model.confirmed.add(pipeline.confirm(proof, proposal.id, bytes.fromhex(shown)).auftrag)

        return say, {"yes"}

    def _take_back(self, act: str, person: Person, pipeline: Any) -> None:
        if act == "withdraw":
            gone = pipeline.withdraw(proof_of(person), lebenslage="geburt", activity="")
        else:
            gone = pipeline.object_to(proof_of(person), lebenslage="geburt", activity="")
        person.given -= set(gone)

    def _stop_person(self, act: str, n: int, person: Person, pipeline: Any) -> None:
        note = {"protect": ("51", "52")[n % 2], "sorge": "sorge"}.get(act)
        kennung = person.who.kennung
        event = a_death(kennung) if note is None else a_protection(kennung, note)
        pipeline.receive(CLIENT[event.source], event.body)
        self.counts_of_stops += 1
        person.stops.add("sterbefall" if note is None else note)

    def _stop_matter(self, act: str, matter: Matter, pipeline: Any) -> None:
        dies = act == "child dies" and matter.event.kind == "geburt"
        event = a_death(child_of(matter.event)) if dies else a_cancellation(matter.event)
        pipeline.receive(CLIENT[event.source], event.body)
        self.counts_of_stops += 1
        matter.stops.add(act)

    # looking ----------------------------------------------------------------------------------------------------------

    def _proposals(self) -> list[Proposal]:
        return list(self.before[0].values())

    def _auftraege(self) -> list[Auftrag]:
        return list(self.before[1].values())

    def _person(self, n: int) -> Person:
        return self.model.people[n % len(self.model.people)]

    def _proof(self, proposal: Proposal, n: int) -> Any:
        """Return a log-in of its addressee, or every other time a letter's code."""
        return proof_of(self.model.person(proposal.person), bundle=proposal.bundle if n % 2 else None)

    @staticmethod
    def _one(n: int, what: list[Any]) -> Any:
        return what[n % len(what)] if what else None


def _may_be_refused() -> suppress:
    return suppress(*REFUSED)
