"""A hold against a running retention, and against a running erasure: what was acknowledged in time keeps its entries.

No clock and no luck: one of the two stands before each of its statements in turn, COMMIT included, while the other acts
beside it until it is done or waits for a lock (``meanwhile``). All interleavings of their transactions at statements.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError

from proaktiv.core.errors import NotFound
from proaktiv.core.keys import PersonKey
from proaktiv.database import Database
from proaktiv.flowlog.keeping import holds, retention
from proaktiv.flowlog.keeping.holds import Held
from proaktiv.flowlog.keeping.retention import Pruning, Reach
from proaktiv.flowlog.record import FlowLog
from proaktiv.house import House
from proaktiv.keys.erasing import Eraser, Reason, Refused
from proaktiv.steps import retain
from proaktiv.steps.retain import holds as holds_on_persons
from proaktiv.vault import Vault, VaultKeys
from tests.chaos.meanwhile import NAME, Meanwhile
from tests.flowlog.conftest import NOW, OFFICE_KEY, World, a_flow
from tests.flowlog.test_retention import DAY, DAY_1, DAY_731, Office
from tests.retention.planting import plant

pytestmark = pytest.mark.chaos

SET = 8
"""Entries that one run of a trial takes; the last of them is somebody's."""
GROUPS = 32
HERE = "here"


@contextmanager
def standing(database: Database, nth: int, act: Callable[[str], None]) -> Iterator[list[int]]:
    """Let ``act`` happen before the nth statement from now on; yields where the number of statements is counted."""
    seen = [0]

    def count(*_: object) -> None:
        seen[0] += 1
        if seen[0] == nth:
            act(HERE)

    engine = database._engine
    event.listen(engine, "before_cursor_execute", count)
    event.listen(engine, "commit", count)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", count)
        event.remove(engine, "commit", count)


@dataclass
class Trial:
    """What came of one: ``under_way`` says that whoever acted was through before whoever stood."""

    acknowledged: bool
    under_way: bool
    kept: bool
    statements: int


@dataclass
class Races:
    """An old log, cut into sets of eight; each trial takes the next."""

    office: Office
    persons: list[PersonKey] = field(default_factory=list)
    sets: list[list[UUID]] = field(default_factory=list)
    taken: int = 0

    def __post_init__(self) -> None:
        world = self.office.world
        with world.role("owner").transaction() as session:
            for n in range(GROUPS):
                person = world.a_person()
                plant(session.connection(), "persons", NOW, person=person, status="active")
                at = DAY_1 + timedelta(seconds=n)
                fids = self.office.writes(SET - 1, at, purpose=f"zweck-{n}")
                fids += self.office.writes(1, at + timedelta(milliseconds=500), purpose=f"zweck-{n}", person=person)
                self.persons.append(person)
                self.sets.append(fids)
        self.office.signs()
        self.beside = {role: Database(world.urls[role], NAME, pool_size=1) for role in ("app", "eraser")}
        self.pruning = Pruning(world.log, "musterstadt", self.office.terms)
        with world.role("eraser").transaction() as session:
            self.reach: Reach = self.pruning.reach(session, DAY_731.date())
        assert self.reach.minimum == GROUPS * SET

    def close(self) -> None:
        for database in self.beside.values():
            database.close()

    def next(self) -> int:
        self.taken += 1
        return self.taken - 1

    def prunes(self, database: Database, n: int) -> None:
        """Take one set, as retention does. What is refused has taken nothing."""
        after = max(self.sets[n - 1]) if n else UUID(int=0)
        with suppress(DBAPIError, retention.NotPruned), database.transaction() as session:
            self.pruning.take(session, self.reach, after, "retainer", self.office.now)

    def places(self, database: Database, what: str, n: int) -> None:
        world, day = self.office.world, DAY_1.date()
        with database.transaction() as session:
            if what == "person":
                house = SimpleNamespace(controller="musterstadt", ids=world.ids, vault=world.vault, log=world.log)
                retain.place(
                    session, cast("House", house), person=self.persons[n], auftrag=None, reason="VG 7 K 12/26",
                    by="st-1", now=self.office.now,
                )  # fmt: skip
                return
            held = Held(entry=self.sets[n][-1]) if what == "entry" else Held(first=day, last=day, purpose=f"zweck-{n}")
            holds.place(
                session, world.log, "musterstadt", held, reason="VG 7 K 12/26", review_on=date(2027, 1, 1),
                by="st-1", and_by="st-2", hold=world.ids.row(self.office.now), now=self.office.now,
            )  # fmt: skip

    def kept(self, what: str, n: int) -> bool:
        mine = self.sets[n] if what == "days" else self.sets[n][-1:]
        return self.office.there(mine) == len(mine)

    def hold_comes(self, what: str, nth: int) -> Trial:
        """Retention stands before its nth statement, and a hold comes."""
        n, eraser = self.next(), self.office.world.role("eraser")
        beside = Meanwhile(self.office.world.role("app"), HERE, lambda: self.places(self.beside["app"], what, n))
        with standing(eraser, nth, beside) as seen:
            self.prunes(eraser, n)
        return self._ended(beside, what, n, seen[0])

    def retention_comes(self, what: str, nth: int) -> Trial:
        """Whoever places a hold stands before their nth statement, and retention comes."""
        n, app = self.next(), self.office.world.role("app")
        beside = Meanwhile(self.office.world.role("eraser"), HERE, lambda: self.prunes(self.beside["eraser"], n))
        placed = True
        with standing(app, nth, beside) as seen:
            try:
                self.places(app, what, n)
            except NotFound:
                placed = False
        beside.ends()
        return Trial(placed, not beside.waited, self.kept(what, n), seen[0])

    def _ended(self, beside: Meanwhile, what: str, n: int, statements: int) -> Trial:
        try:
            beside.ends()
        except NotFound:
            return Trial(False, not beside.waited, self.kept(what, n), statements)
        return Trial(True, not beside.waited, self.kept(what, n), statements)


@pytest.fixture
def races(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Races]:
    monkeypatch.setattr(retention, "SET", SET)
    built = Races(Office(world))
    yield built
    built.close()


def every(trial: Callable[[int], Trial]) -> list[Trial]:
    """One trial before each statement; the last one stood nowhere, and tells that there are no more."""
    trials: list[Trial] = []
    while not trials or trials[-1].statements >= len(trials):
        trials.append(trial(len(trials) + 1))
        assert len(trials) < GROUPS
    return trials[:-1]


def lost(what: str, trials: list[Trial]) -> list[int]:
    """Before which statements a hold was acknowledged that kept nothing.

    One on an entry names what is there, so it is never acknowledged for one that is gone. One on days or on a person
    may be placed after the entries went; it keeps them where it was acknowledged before that was committed.
    """
    return [
        n for n, each in enumerate(trials, 1)
        if each.acknowledged and not each.kept and (what == "entry" or each.under_way)
    ]  # fmt: skip


def no_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (holds, holds_on_persons):
        monkeypatch.setattr(module, "lock_keys", lambda *_: None)


HOLDS = pytest.mark.parametrize("what", ["entry", "days", "person"])


@pytest.mark.flowlog_test(21)
@HOLDS
def test_a_hold_that_comes_during_retention_keeps_its_entries_or_is_told_that_they_are_gone(
    races: Races, what: str
) -> None:
    trials = every(lambda nth: races.hold_comes(what, nth))
    assert lost(what, trials) == []
    assert any(each.kept for each in trials), "one that came first kept them"
    assert any(not each.kept for each in trials), "or nothing was ever at stake"
    assert any(not each.under_way for each in trials), "or nobody ever waited"


@pytest.mark.flowlog_test(21)
@HOLDS
def test_retention_that_comes_while_a_hold_is_placed_waits_for_it_and_takes_nothing_of_it(
    races: Races, what: str
) -> None:
    trials = every(lambda nth: races.retention_comes(what, nth))
    assert [n for n, each in enumerate(trials, 1) if each.acknowledged and not each.kept and not each.under_way] == []
    if what == "entry":
        assert all(each.kept for each in trials if each.acknowledged)
    assert any(each.kept for each in trials)
    assert any(not each.kept for each in trials), "or nothing was ever at stake"


@pytest.mark.flowlog_control(21)
@HOLDS
def test_control_without_the_lock_of_holds_some_are_acknowledged_and_keep_nothing(
    races: Races, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_lock(monkeypatch)
    assert lost(what, every(lambda nth: races.hold_comes(what, nth))) != []


def test_a_hold_that_comes_between_two_sets_keeps_what_is_in_the_second(races: Races) -> None:
    races.prunes(races.office.world.role("eraser"), 0)
    races.places(races.office.world.role("app"), "days", 1)
    races.prunes(races.office.world.role("eraser"), 1)
    assert (races.kept("days", 0), races.kept("days", 1)) == (False, True)


# the database's own wall ----------------------------------------------------------------------------------------------

_CALL = text("SELECT flow_log_prune(:minimum, :gone)")


def calls_without_a_lock(races: Races) -> Trial:
    """Somebody with the eraser's role calls the function as it is, and a hold comes when it has seen that none stands.

    Another transaction has a row of the set in its hands, so that the function stands where it deletes.
    """
    world, n = races.office.world, races.next()
    values: dict[str, Any] = {"minimum": races.reach.minimum, "gone": races.sets[n]}

    def call() -> None:
        with races.beside["eraser"].transaction() as session:
            session.connection().execute(_CALL, values)

    calling = Meanwhile(world.role("eraser"), HERE, call)
    placing = Meanwhile(world.role("app"), HERE, lambda: races.places(races.beside["app"], "entry", n))
    with world.role("owner").transaction() as session:
        blocked = text("SELECT FROM flow_secret WHERE fid = :fid FOR UPDATE")
        session.connection().execute(blocked, {"fid": races.sets[n][0]})
        calling(HERE)
        assert calling.waited
        placing(HERE)
    calling.ends()
    return races._ended(placing, "entry", n, 0)


@pytest.mark.flowlog_test(21)
def test_the_function_itself_lets_no_hold_be_placed_between_its_look_and_its_end(races: Races) -> None:
    trial = calls_without_a_lock(races)
    assert (trial.acknowledged, trial.under_way, trial.kept) == (False, False, False)


@pytest.mark.flowlog_control(21)
def test_control_a_function_that_takes_no_turn_lets_a_held_entry_go(races: Races) -> None:
    made: str = races.office.world.one("SELECT pg_get_functiondef('flow_log_prune'::regproc)")
    (turn,) = [line for line in made.splitlines() if "pg_advisory_xact_lock" in line]
    with races.office.world.role("owner").transaction() as session:
        session.connection().exec_driver_sql(made.replace(turn, "").replace("%", "%%"))
    trial = calls_without_a_lock(races)
    assert (trial.acknowledged, trial.under_way, trial.kept) == (True, True, False)


def test_the_function_refuses_whoever_looks_at_an_older_state(races: Races) -> None:
    values = {"minimum": races.reach.minimum, "gone": races.sets[0]}
    with pytest.raises(DBAPIError, match="READ COMMITTED alone"), races.beside["eraser"].transaction() as session:
        session.connection().exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        session.connection().execute(_CALL, values)


# erasure --------------------------------------------------------------------------------------------------------------


@dataclass
class Erasures:
    """Persons with one entry each, and the eraser; each trial takes the next person."""

    world: World
    eraser: Eraser
    beside: Database

    def trial(self, what: str, nth: int) -> Trial:
        """The eraser stands before its nth statement, and a hold on the person's entry comes."""
        person = self.world.a_person()
        (fid,) = self.world.record(a_flow(person=person, purpose=f"zweck-{nth}"))
        day = NOW.date()
        held = Held(entry=fid) if what == "entry" else Held(first=day, last=day + DAY, purpose=f"zweck-{nth}")

        def place() -> None:
            with self.beside.transaction() as session:
                holds.place(
                    session, self.world.log, "musterstadt", held, reason="VG 7 K 12/26", review_on=date(2027, 1, 1),
                    by="st-1", and_by="st-2", hold=self.world.ids.row(NOW), now=NOW,
                )  # fmt: skip

        meanwhile = Meanwhile(self.world.role("app"), HERE, place)
        with standing(self.eraser.database, nth, meanwhile) as seen, suppress(Refused):
            self.eraser.destroy([person], Reason.WITHDRAWN, "st-1", "st-2")
        if not meanwhile.reached:
            return Trial(False, False, False, seen[0])
        meanwhile.ends()
        kept = self.world.one("SELECT subj IS NOT NULL FROM flow_secret WHERE fid = :fid", fid=fid)
        return Trial(True, not meanwhile.waited, kept, seen[0])

    def every(self, what: str) -> list[Trial]:
        trials: list[Trial] = []
        while not trials or trials[-1].statements >= len(trials):
            trials.append(self.trial(what, len(trials) + 1))
            assert len(trials) < 200
        return trials[:-1]


@pytest.fixture
def erasures(world: World, tmp_path: Path) -> Iterator[Erasures]:
    vault = Vault(VaultKeys(index=b"i" * 32, keks={}), world.ids)
    log = FlowLog(vault, world.ids, OFFICE_KEY.public_key().public_bytes_raw())
    eraser = Eraser(world.role("eraser"), vault, log, "musterstadt", lambda: NOW, tmp_path / "destroyed.list")
    beside = Database(world.urls["app"], NAME, pool_size=1)
    yield Erasures(world, eraser, beside)
    beside.close()


def lost_to_erasure(trials: list[Trial]) -> list[int]:
    return [n for n, each in enumerate(trials, 1) if each.acknowledged and each.under_way and not each.kept]


@pytest.mark.flowlog_test(19)
@pytest.mark.parametrize("what", ["entry", "days"])
def test_a_hold_that_comes_during_an_erasure_keeps_the_persons_part_or_waits_until_it_is_gone(
    erasures: Erasures, what: str
) -> None:
    trials = erasures.every(what)
    assert lost_to_erasure(trials) == []
    assert any(each.kept for each in trials), "one that came first kept it"
    assert any(not each.kept for each in trials), "or nothing was ever at stake"


@pytest.mark.flowlog_control(19)
@pytest.mark.parametrize("what", ["entry", "days"])
def test_control_without_the_lock_of_holds_an_erasure_passes_over_one_that_was_acknowledged(
    erasures: Erasures, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_lock(monkeypatch)
    assert lost_to_erasure(erasures.every(what)) != []
