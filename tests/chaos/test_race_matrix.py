"""Every act that takes the ground away, against every step it can meet: acknowledged while the step stands inside.

No clock and no luck: the step is held at its place until the other act is done or waits for a lock (``meanwhile``).
Afterwards nothing forbidden lies open, is written or leaves that was not under way before the act was acknowledged;
what was under way becomes what the design says: a recall, or a clerk's task.
"""

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from psycopg.errors import DeadlockDetected
from sqlalchemy.exc import OperationalError

from consent import store
from proaktiv import outward, recall, subjects
from proaktiv.core.errors import Conflict, NotFound
from proaktiv.pipeline import Pipeline
from proaktiv.steps import confirm, gate
from proaktiv.steps.consents import recalling
from tests.builders import Event, a_birth, a_cancellation, a_death, a_protection, child_of
from tests.chaos.meanwhile import Meanwhile
from tests.chaos.model import Person
from tests.chaos.town import CLIENT, Town, proof_of
from tests.depth import depth

pytestmark = pytest.mark.chaos

TRIALS = depth(2, 60)


class Family:
    """Anna and, where it is said, Ben; a birth that is reported and not looked at yet."""

    def __init__(self, town: Town, *, both: bool = False) -> None:
        self.town = town
        town.begin()
        self.anna, self.ben = town.move_in(("Anna", "Ben"))
        for person in (self.anna, self.ben) if both else (self.anna,):
            town.pipeline.choose(proof_of(person), town.choices(person, "geburt", gives=True))
        self.birth = a_birth(self.anna.who, other=self.ben.who if both else None)
        town.world.announce(self.birth)

    def proposal(self, person: Person, leistung: str = "GEBURTSURKUNDE") -> dict[str, Any]:
        return self.town.world.proposals(proof_of(person))[leistung]

    def says_yes(self, person: Person, leistung: str = "GEBURTSURKUNDE") -> UUID:
        shown = self.proposal(person, leistung)
        return self.confirms(person, shown)

    def confirms(self, person: Person, shown: dict[str, Any]) -> UUID:
        return self.town.pipeline.confirm(proof_of(person), UUID(shown["id"]), bytes.fromhex(shown["shown"])).auftrag


# the acts, and how far the city must be for each step

Act = Callable[[Family, Pipeline], object]


def reports(event: Callable[[Family], Event]) -> Act:
    def report(family: Family, pipeline: Pipeline) -> object:
        told = event(family)
        return pipeline.receive(CLIENT[told.source], told.body)

    return report


STOPS: dict[str, Act] = {
    "death": reports(lambda family: a_death(family.anna.who.kennung)),
    "death of the child": reports(lambda family: a_death(child_of(family.birth))),
    "custody lost": reports(lambda family: a_protection(family.anna.who.kennung, "sorge")),
    "custody of the child lost": reports(lambda family: a_protection(child_of(family.birth), "sorge")),
    "storno": reports(lambda family: a_cancellation(family.birth)),
}
TAKEN_BACK: dict[str, Act] = {
    "withdrawal": lambda family, house: house.withdraw(proof_of(family.anna), lebenslage="geburt", activity=""),
    "objection": lambda family, house: house.object_to(proof_of(family.anna), lebenslage="geburt", activity=""),
}
PROTECTION: dict[str, Act] = {"§ 51": reports(lambda family: a_protection(family.anna.who.kennung, "51"))}
ENDING = STOPS | TAKEN_BACK
"""After these nothing lies open any more."""


def until_looked_up(family: Family) -> None:
    family.town.pipeline.evaluate()


def until_decidable(family: Family) -> None:
    until_looked_up(family)
    family.town.pipeline.look_up()


def until_proposed(family: Family) -> None:
    while family.town.pipeline.evaluate() + family.town.pipeline.look_up():
        pass


def until_lapsing(family: Family) -> None:
    until_proposed(family)
    family.town.world.now += timedelta(days=400)


def until_sendable(family: Family) -> None:
    family.town.world.tick()
    family.says_yes(family.anna)


def race(town: Town, ready: Callable[[Family], object], work: str, place: str, act: Act) -> tuple[Family, Meanwhile]:
    """Hold the step at the place while the act happens, then let everything go on for a month."""
    family = Family(town)
    ready(family)
    beside = Meanwhile(town.watcher, place, lambda: act(family, town.beside))
    town.at[place] = beside
    getattr(town.pipeline, work)()
    town.at.clear()
    assert beside.reached, f"{work} never came to {place}"
    try:
        beside.ends()
    except Conflict as refused:
        beside.error = refused
    return family, beside


def letters(town: Town) -> int:
    return len(set(town.post.posted))


def open_ones(town: Town) -> int:
    return town.world.count("proposals", "state IN ('open', 'later')")


def locks_taken_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: whoever decides holds neither persons nor cases. Covers every act of a column."""

    def nobody(_connection: object, persons: Iterable[UUID]) -> dict[UUID, int]:
        return dict.fromkeys(persons, 0)

    for module in (store, subjects):
        monkeypatch.setattr(module, "lock_subjects", nobody)
    for held in (gate, outward):
        monkeypatch.setattr(held, "try_lock_keys", lambda _session, keys: frozenset(keys))


# evaluate


def after_evaluate(town: Town, act: Act, place: str) -> tuple[int, int]:
    """Returns how many proposals are open and how many letters were written."""
    race(town, until_decidable, "evaluate", place, act)
    town.world.wait(days=1)
    return open_ones(town), letters(town)


@pytest.mark.parametrize("place", ["evaluate.gate.after", "evaluate.propose.after"])
def test_whatever_ends_a_matter_while_it_is_decided_leaves_nothing_open_and_nothing_written(
    town: Town, place: str
) -> None:
    left = {name: after_evaluate(town, act, place) for name, act in ENDING.items()}
    assert left == dict.fromkeys(ENDING, (0, 0))
    assert [after_evaluate(town, act, place)[1] for act in PROTECTION.values()] == [0], "§ 51: no letter"


def test_control_without_locks_every_one_of_them_loses_against_evaluate(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    locks_taken_out(monkeypatch)
    # A withdrawal destroys the facts: before the match has read them it would win even without a lock.
    places = {"withdrawal": "evaluate.propose.before"}
    left = {
        name: after_evaluate(town, act, places.get(name, "evaluate.gate.after"))[0] > 0 for name, act in ENDING.items()
    }
    assert left == dict.fromkeys(ENDING, True)


# look_up


def after_look_up(town: Town, act: Act, place: str) -> tuple[int, tuple[int, int, int]]:
    """Returns how many answers are kept at once, and later on answers, open proposals and letters."""
    race(town, until_looked_up, "look_up", place, act)
    kept = town.world.count("fetched_facts")
    town.world.wait(days=1)
    return kept, (town.world.count("fetched_facts"), open_ones(town), letters(town))


@pytest.mark.parametrize("place", ["look_up.announce.during", "look_up.announce.after", "look_up.hand_over.after"])
def test_an_answer_that_comes_after_its_ground_is_gone_is_not_kept(town: Town, place: str) -> None:
    left = {name: after_look_up(town, act, place) for name, act in ENDING.items()}
    assert {name: later for name, (_, later) in left.items()} == dict.fromkeys(ENDING, (0, 0, 0))
    if place != "look_up.announce.during":  # there the act comes after the announcement, perhaps after the answer
        assert {name: kept for name, (kept, _) in left.items()} == dict.fromkeys(ENDING, 0)


def test_control_where_look_ups_under_way_are_not_dropped_the_answer_is_kept(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (recalling, recall):
        monkeypatch.setattr(module, "drop_lookups", lambda _session, _where, _now: None)
    kept = {name: after_look_up(town, act, "look_up.announce.after")[0] > 0 for name, act in ENDING.items()}
    assert all(kept.values()), kept


# notify


@pytest.mark.parametrize("place", ["notify.announce.during", "notify.announce.after", "notify.hand_over.before"])
def test_a_letter_that_was_under_way_is_the_last_one(town: Town, place: str) -> None:
    for name, act in (ENDING | PROTECTION).items():
        race(town, until_proposed, "notify", place, act)
        assert letters(town) == 1, f"{name}: it was announced before, and says nothing but that something lies ready"
        for _ in range(4):
            town.world.wait(days=20)
        assert letters(town) == 1, name
        assert name in PROTECTION or open_ones(town) == 0, name


@pytest.mark.parametrize("act", list(ENDING | PROTECTION))
def test_a_letter_that_is_not_announced_yet_is_not_written(town: Town, act: str) -> None:
    race(town, until_proposed, "notify", "notify.announce.before", (ENDING | PROTECTION)[act])
    town.world.wait(days=1)
    assert letters(town) == 0


# dispatch

BY_HAND, TOLD = "auftrag.recall_by_hand", "auftrag.withdrawn_after_sending"


def withdraws_the_auftrag(family: Family, house: Pipeline) -> None:
    (bundle,) = house.overview(proof_of(family.anna))["bundles"]
    house.withdraw_auftrag(proof_of(family.anna), UUID(bundle["auftraege"][0]["id"]))


def undoes(family: Family, house: Pipeline) -> None:
    (bundle,) = house.overview(proof_of(family.anna))["bundles"]
    house.undo(proof_of(family.anna), UUID(bundle["auftraege"][0]["id"]))


def after_dispatch(town: Town, act: Act, place: str) -> tuple[int, str, str]:
    """Returns how many orders came, the Auftrag's state, and what a clerk must do."""
    race(town, until_sendable, "dispatch", place, act)
    town.world.wait(days=1)
    task = town.world.value("SELECT string_agg(what, ' ') FROM tasks WHERE what LIKE 'auftrag.%'") or ""
    return len(town.behoerde.orders), town.world.value("SELECT state FROM auftraege"), task


SENT = {
    **dict.fromkeys(STOPS, (1, "sent", BY_HAND)),
    "Auftrag withdrawn": (1, "sent", TOLD),
    # A confirmed Auftrag rests on a consent of its own, and § 51 BMG does not forbid it; to undo it is too late.
    **dict.fromkeys(("withdrawal", "objection", "undo"), (1, "sent", "")),
    "§ 51": (1, "sent", "auftrag.protected_after_sending"),
}
MEETS_DISPATCH: dict[str, Act] = ENDING | PROTECTION | {"Auftrag withdrawn": withdraws_the_auftrag, "undo": undoes}


@pytest.mark.parametrize("place", ["dispatch.announce.during", "dispatch.announce.after"])
def test_what_was_being_handed_over_goes_and_a_clerk_calls_it_back(town: Town, place: str) -> None:
    assert {name: after_dispatch(town, act, place) for name, act in MEETS_DISPATCH.items()} == SENT


def test_what_was_not_announced_yet_never_leaves(town: Town) -> None:
    place = "dispatch.announce.before"
    before = STOPS | {"Auftrag withdrawn": withdraws_the_auftrag}
    left = {name: after_dispatch(town, act, place) for name, act in before.items()}
    assert left == dict.fromkeys(before, (0, "withdrawn", ""))


def test_control_without_locks_what_leaves_is_called_back_by_nobody(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    locks_taken_out(monkeypatch)
    lost = STOPS | {"Auftrag withdrawn": withdraws_the_auftrag}
    left = {name: after_dispatch(town, act, "dispatch.announce.during") for name, act in lost.items()}
    assert left == dict.fromkeys(lost, (1, "withdrawn", "")), "the Behörde has it, and the house says it never left"


# silence


def test_what_lapses_while_it_is_taken_back_is_closed_once(town: Town) -> None:
    for name, act in ENDING.items():
        race(town, until_lapsing, "keep_silence", "silence.during", act)
        assert open_ones(town) == 0, name
        assert town.world.count("proposals", "state = 'lapsed'") == town.world.count("proposals"), name


# two parents


def at_once(*acts: Callable[[], object]) -> list[object]:
    """Start all acts at one instant; return what each returned or raised."""
    start = threading.Barrier(len(acts))

    def one(act: Callable[[], object]) -> object:
        start.wait(60)
        try:
            return act()
        except (Conflict, NotFound) as refused:
            return refused

    with ThreadPoolExecutor(len(acts)) as threads:
        return list(threads.map(one, acts))


def a_family(town: Town) -> Family:
    family = Family(town, both=True)
    town.world.tick()
    return family


def both_say_yes(family: Family) -> list[object]:
    shown = [(person, family.proposal(person)) for person in (family.anna, family.ben)]
    return at_once(*(lambda each=each: family.confirms(*each) for each in shown))


def test_of_two_parents_who_say_yes_at_once_one_has_the_auftrag_and_the_other_reads_no_longer_open(
    town: Town,
) -> None:
    for _ in range(TRIALS):
        said = both_say_yes(a_family(town))
        assert sorted(type(each).__name__ for each in said) == ["Conflict", "UUID"]
        assert town.world.count("auftraege", "leistung = 'GEBURTSURKUNDE'") == 1
        assert town.world.count("proposals", "leistung = 'GEBURTSURKUNDE' AND state = 'lapsed'") == 1


def test_control_where_the_group_is_not_locked_both_get_one(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    both_have_read = threading.Barrier(2)
    load_case = confirm.load_case

    def unlocked(session: Any, where: Any) -> Any:
        case = load_case(session, where, lock=False)
        both_have_read.wait(60)
        return case

    family = a_family(town)
    monkeypatch.setattr(confirm, "load_case", unlocked)
    try:
        both_say_yes(family)
    except OperationalError as error:  # each closes what the other has just confirmed: PostgreSQL ends one of them
        if not isinstance(error.orig, DeadlockDetected):
            raise
    else:
        assert town.world.count("auftraege", "leistung = 'GEBURTSURKUNDE'") == 2


def test_two_parents_who_decline_at_once_have_both_declined(town: Town) -> None:
    for _ in range(TRIALS):
        family = a_family(town)
        shown = [(proof_of(person), UUID(family.proposal(person)["id"])) for person in (family.anna, family.ben)]
        said = at_once(*(lambda each=each: town.pipeline.decline(*each) for each in shown))
        assert said == [None, None]
        assert town.world.count("proposals", "leistung = 'GEBURTSURKUNDE' AND state = 'declined'") == 2


def undo_against_sign(family: Family) -> tuple[UUID, object, object]:
    anna, ben, house = proof_of(family.anna), proof_of(family.ben), family.town.pipeline
    auftrag = family.says_yes(family.anna, "ELTERNGELD")
    shown = bytes.fromhex(house.to_sign(ben, auftrag)["shown"])
    undone, signed = at_once(lambda: house.undo(anna, auftrag), lambda: house.sign(ben, auftrag, shown))
    return auftrag, undone, signed


def test_a_yes_that_is_undone_while_the_second_parent_signs_is_either_undone_or_signed(town: Town) -> None:
    for _ in range(TRIALS):
        auftrag, undone, signed = undo_against_sign(a_family(town))
        assert (undone is None) is not (signed is None), (undone, signed)
        town.world.wait(days=2)
        state = town.world.value("SELECT state FROM auftraege WHERE id = :id", id=auftrag)
        assert state == ("withdrawn" if undone is None else "sent")
        assert (auftrag in town.behoerde.orders) is (signed is None)


def test_two_signatures_of_the_same_parent_at_once_are_one(town: Town) -> None:
    family = a_family(town)
    auftrag = family.says_yes(family.anna, "ELTERNGELD")
    shown = bytes.fromhex(town.pipeline.to_sign(proof_of(family.ben), auftrag)["shown"])
    assert at_once(*[lambda: town.pipeline.sign(proof_of(family.ben), auftrag, shown)] * 4) == [None] * 4
    assert town.world.count("signatures", "state = 'signed'") == 2
    town.verify([family.anna, family.ben])
