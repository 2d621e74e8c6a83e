"""Two nodes, and citizens who go on confirming and withdrawing while one after the other is killed.

Whatever was acknowledged is there afterwards; whatever was not is never shown as done. The controls take away the
waiting for the standby, and what makes a repeated answer certain: both must lose.
"""

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from proaktiv.core.errors import CommitUnknown
from proaktiv.database import Database, DatabaseAway, Patience
from proaktiv.steps import confirm as confirm_step
from proaktiv.web.citizen import make_citizen
from proaktiv.web.intake import make_intake
from proaktiv.workers import Identity
from tests.builders import a_birth, somebody
from tests.chaos.cluster import Cluster
from tests.chaos.dying import FolderBehoerde, arrived
from tests.chaos.outage import wait_for
from tests.chaos.test_crash_points import a_waiting_auftrag, child_of
from tests.chaos.test_dead_workers import as_worker
from tests.chaos.test_intake_without_database import bearer, opened_city
from tests.chaos.test_races import proof_of
from tests.depth import depth
from tests.intake.asking import ask
from tests.stored import decide_from_the_event_alone, store_births
from tests.web.conftest import Browser
from tests.world import World, code_in

pytestmark = pytest.mark.chaos

FAILOVERS = depth(3, 20)
WRITERS = 2
SHORT = Patience(lock=1.0, statement=30.0, commit=1.0)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster() as nodes:
        yield nodes


@pytest.fixture
def world(cluster: Cluster, tmp_path: Path) -> Iterator[World]:
    name = f"test_{time.monotonic_ns()}"
    folder = tmp_path / "behoerde"
    folder.mkdir()
    city = World(cluster.create_database(name), tmp_path, behoerde=FolderBehoerde(folder)).found()  # type: ignore[arg-type]
    yield city
    city.close()
    if cluster.standby.process is None:
        cluster.rejoin()
    cluster.waits(for_standby=True)
    cluster.primary.ask(f"DROP DATABASE {name} WITH (FORCE)")


# the citizens, in processes of their own ------------------------------------------------------------------------------


class Journal:
    """What was acknowledged, outside of every database."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY)

    def note(self, **acknowledged: str) -> None:
        os.write(self._file, json.dumps(acknowledged).encode() + b"\n")
        os.fsync(self._file)

    def read(self) -> list[dict[str, str]]:
        return [json.loads(line) for line in self.path.read_text().splitlines()]


class Citizens:
    """Processes that confirm and withdraw until they are told to stop; each insists until it is told yes."""

    def __init__(self, world: World, persons: list[UUID]) -> None:
        self.world = world
        self.stop = world.folder / "stop"
        self.journals = [Journal(world.folder / f"journal-{n}") for n in range(WRITERS)]
        self.children = []
        for number, journal in enumerate(self.journals):
            child = os.fork()
            if child == 0:
                code = 1
                try:
                    self._act(child_of(world), journal, persons[number::WRITERS])
                    code = 0
                finally:
                    os._exit(code)
            self.children.append(child)

    def acknowledged(self) -> list[dict[str, str]]:
        return [entry for journal in self.journals for entry in journal.read()]

    def get(self, more: int) -> None:
        """Wait until so many more acts were acknowledged."""
        before = len(self.acknowledged())
        wait_for(lambda: len(self.acknowledged()) >= before + more, "acknowledgements")

    def end(self) -> list[dict[str, str]]:
        self.stop.touch()
        codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in self.children]
        self.children = []
        assert codes == [0] * WRITERS
        return self.acknowledged()

    def kill(self) -> None:
        for child in self.children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)

    def _act(self, own: World, journal: Journal, persons: list[UUID]) -> None:
        own.database = Database(own.urls["app"], pool_size=2, patience=SHORT)
        own.open()
        while True:
            for person in persons:
                proof = proof_of(person)
                for bundle in self._insists(own, lambda proof=proof: own.pipeline.overview(proof)["bundles"]):
                    for item in bundle["proposals"]:
                        self._confirms(own, journal, person, UUID(item["id"]))
                own.now += timedelta(seconds=1)
                ended = self._insists(
                    own, lambda proof=proof: own.pipeline.withdraw(proof, lebenslage="geburt", activity="")
                )
                journal.note(what="withdrawn", person=str(person), at=own.now.isoformat(), ended=str(ended))
                own.now += timedelta(seconds=1)
                self._insists(own, lambda proof=proof: own.consents(proof, "geburt"))
            if self.stop.exists():
                return

    def _confirms(self, own: World, journal: Journal, person: UUID, proposal: UUID) -> None:
        proof = proof_of(person)
        own.now += timedelta(seconds=1)
        seen = self._insists(own, lambda: own.pipeline.proposal(proof, proposal))
        if seen.get("shown") is None:
            return
        done = self._insists(own, lambda: own.pipeline.confirm(proof, proposal, bytes.fromhex(seen["shown"])))
        journal.note(what="confirmed", auftrag=str(done.auftrag), reference=done.reference)

    def _insists(self, own: World, act: Callable[[], object]) -> object:  # type: ignore[no-untyped-def]
        while True:
            if self.stop.exists():
                os._exit(0)
            try:
                return act()
            except (DatabaseAway, CommitUnknown):
                time.sleep(0.02)


def lost(world: World, acknowledged: list[dict[str, str]]) -> list[dict[str, str]]:
    """What was acknowledged and is not there."""
    database = Database(world.urls["app"], pool_size=1)
    with database.transaction() as session:
        rows = session.connection().execute(text("SELECT id::text, reference FROM auftraege")).all()
        orders = {row.id: row.reference for row in rows}
        assert len(set(orders.values())) == len(orders)
        withdrawn = {
            (str(row.person), row.at.isoformat())
            for row in session.connection().execute(
                text("SELECT person, at FROM consent_ledger WHERE event = 'withdraw'")
            )
        }
    database.close()
    return [
        entry
        for entry in acknowledged
        if (
            orders.get(entry["auftrag"]) != entry["reference"]
            if entry["what"] == "confirmed"
            else (entry["person"], entry["at"]) not in withdrawn
        )
    ]


def citizens_of(world: World, count: int) -> Citizens:
    decide_from_the_event_alone(world, batch=100)
    persons = store_births(world, count)
    while world.pipeline.evaluate():
        pass
    return Citizens(world, persons)


def test_nothing_acknowledged_is_lost_while_one_node_after_the_other_is_killed(cluster: Cluster, world: World) -> None:
    citizens = citizens_of(world, FAILOVERS * 3)
    try:
        for _ in range(FAILOVERS):
            citizens.get(4)
            cluster.fail_over()
            cluster.rejoin()
        citizens.get(4)
        acknowledged = citizens.end()
    finally:
        citizens.kill()
    assert lost(world, acknowledged) == []
    kinds = [entry["what"] for entry in acknowledged]
    print(f"{FAILOVERS} failovers, {kinds.count('confirmed')} confirmed, {kinds.count('withdrawn')} withdrawn, 0 lost")
    assert min(kinds.count("confirmed"), kinds.count("withdrawn")) >= FAILOVERS
    assert world.count("auftraege") == world.count("(SELECT DISTINCT proposal FROM auftraege) AS once")
    world.check_log()


def test_control_a_primary_that_waits_for_nobody_loses_what_it_acknowledged(cluster: Cluster, world: World) -> None:
    cluster.waits(for_standby=False)
    citizens = citizens_of(world, 20)
    cluster.primary.ask("CHECKPOINT")
    try:
        citizens.get(1)
        cluster.part()
        citizens.get(6)
        cluster.primary.stop("immediate")
        acknowledged = citizens.acknowledged()
    finally:
        citizens.kill()
    cluster.promote()
    assert lost(world, acknowledged) != []


# a COMMIT that no standby hears ---------------------------------------------------------------------------------------


@pytest.fixture
def short(world: World) -> World:
    """A process that waits a second for a COMMIT, and for a lock."""
    world.database.close()
    world.database = Database(world.urls["app"], pool_size=4, patience=SHORT)
    return world.open()


def enters(world: World) -> tuple[Browser, str, dict[str, str]]:
    """A browser of somebody for whom a proposal lies ready, its path and what it showed."""
    anna = somebody("Anna")
    world.lives_here(anna, "geburt")
    world.announce(a_birth(anna))
    world.tick()
    browser = Browser(make_citizen(world.pipeline, secure_cookies=False))
    assert browser.enters(code_in(world.letters_to(anna)[-1]), anna.geburtsdatum).status_code == 200
    (item,) = [
        proposal
        for bundle in browser.get("/uebersicht").json()["bundles"]
        for proposal in bundle["proposals"]
        if proposal["leistung"] == "GEBURTSURKUNDE"
    ]
    path = f"/vorschlag/{item['id']}"
    return browser, f"{path}/ja", {"shown": browser.get(path).json()["shown"]}


def told(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, str(answer.json().get("type", "")).rpartition(":")[2]


@pytest.mark.parametrize("then", ["the standby comes back", "the standby takes over"])
def test_a_yes_that_no_standby_heard_is_being_checked_and_never_shown_as_confirmed(
    cluster: Cluster, short: World, then: str
) -> None:
    browser, yes, shown = enters(short)
    cluster.part()
    answer = browser.post(yes, shown)
    assert told(answer) == (503, "commit-unknown")
    assert "wird geprüft" in answer.text
    assert told(browser.post(yes, shown)) == (503, "database-away"), "nothing is written meanwhile"
    seen = browser.get(yes.removesuffix("/ja"))
    assert (seen.status_code, seen.json()["state"]) == (200, "open"), "and what is read is what is safe"
    other = Database(short.urls["app"], pool_size=1, patience=SHORT)
    with pytest.raises(DatabaseAway), other.transaction() as session:
        session.connection().execute(text("SELECT FROM proposals FOR UPDATE"))
    other.close()
    if then == "the standby comes back":
        cluster.join()
        wait_for(lambda: short.count("auftraege") == 1, "the COMMIT that waited")
    else:
        cluster.fail_over()
        cluster.rejoin()
        assert Database(short.urls["app"]).close() is None
        assert short.count("auftraege") == 0, "what nobody was promised is gone"
    first, again = browser.post(yes, shown), browser.post(yes, shown)
    assert (first.status_code, again.status_code) == (200, 200), first.text
    assert first.json() == again.json()
    assert short.count("auftraege") == 1


def test_an_event_that_no_standby_heard_can_be_sent_again_and_counts_once(cluster: Cluster, short: World) -> None:
    city = opened_city(short)
    app: FastAPI = make_intake(city.world.pipeline)
    headers, body = bearer(city, app), a_birth(somebody("Anna")).body
    cluster.part()
    answers = [ask(app, "POST", "/events", content=body, headers=headers) for _ in range(2)]
    assert [told(answer) for answer in answers] == [(503, "commit-unknown"), (503, "database-away")]
    cluster.join()
    wait_for(lambda: short.count("register_events") == 1, "the COMMIT that waited")
    again = ask(app, "POST", "/events", content=body, headers=headers)
    assert (again.status_code, again.json()["duplicate"]) == (202, True)
    city.owner.close()


def cancelled_yes(cluster: Cluster, world: World) -> tuple[Browser, str, dict[str, str]]:
    """Somebody cancels the wait of a yes: the primary then shows what it alone has."""
    browser, yes, shown = enters(world)
    cluster.part()
    cancel = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
    ended: list[httpx.Response] = []

    asking = threading.Thread(target=lambda: ended.append(browser.post(yes, shown)))
    asking.start()
    while asking.is_alive():
        cluster.primary.ask(cancel)
        asking.join(0.05)
    assert told(ended[0]) == (503, "commit-unknown")
    assert world.count("auftraege") == 1
    return browser, yes, shown


def test_a_repeated_yes_is_not_answered_before_the_standby_has_the_first(cluster: Cluster, short: World) -> None:
    browser, yes, shown = cancelled_yes(cluster, short)
    assert told(browser.post(yes, shown)) == (503, "commit-unknown")
    cluster.join()
    wait_for(lambda: browser.post(yes, shown).status_code == 200, "the answer")
    assert short.count("auftraege") == 1


def test_control_a_repeated_yes_that_only_reads_promises_what_one_node_alone_has(
    cluster: Cluster, short: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser, yes, shown = cancelled_yes(cluster, short)
    monkeypatch.setattr(confirm_step, "certain", lambda session: None)
    promised = browser.post(yes, shown)
    assert promised.status_code == 200
    cluster.fail_over()
    cluster.rejoin()
    assert short.count("auftraege") == 0, "and it was lost"


# the old primary, and the workers -------------------------------------------------------------------------------------


def says_yes(world: World, proposal: UUID, person: UUID) -> str:
    proof = proof_of(person)
    own = Database(world.urls["app"], pool_size=2, patience=SHORT)  # as a process that has just started
    world.database, before = own, world.database
    try:
        world.open()
        shown = bytes.fromhex(world.pipeline.proposal(proof, proposal)["shown"])
        return world.pipeline.confirm(proof, proposal, shown).reference
    finally:
        own.close()
        world.database = before
        world.open()


@pytest.mark.parametrize("careless", [False, True], ids=["both wait", "control: nobody waits"])
def test_an_old_primary_that_somebody_starts_again_acknowledges_nothing(
    cluster: Cluster, short: World, careless: bool
) -> None:
    if cluster.primary.name != "a":  # the first of the DSN, which is asked first, is to be the old one
        cluster.fail_over()
        cluster.rejoin()
    decide_from_the_event_alone(short, batch=100)
    (person,) = store_births(short, 1)
    while short.pipeline.evaluate():
        pass
    (bundle,) = short.pipeline.overview(proof_of(person))["bundles"]
    proposal = next(UUID(item["id"]) for item in bundle["proposals"] if item["leistung"] == "GEBURTSURKUNDE")
    cluster.waits(for_standby=not careless)
    wait_for(cluster.is_safe, "the standby")
    cluster.fail_over()
    old = cluster.standby
    old.start()
    promised = None
    with suppress(CommitUnknown, DatabaseAway):
        promised = says_yes(short, proposal, person)
    assert (promised is not None) == careless
    old.stop("immediate")
    cluster.rejoin()
    assert short.count("auftraege") == 0, "what the old one had is thrown away"
    cluster.waits(for_standby=True)
    assert says_yes(short, proposal, person)
    assert short.count("auftraege") == 1


def test_a_worker_is_somebody_new_after_a_failover_and_what_it_had_in_hand_is_handed_over_once(
    cluster: Cluster, world: World
) -> None:
    a_waiting_auftrag(world)
    numbers: list[int] = []
    me = Identity(world.database, os.urandom)
    numbers.append(me.number())

    def fails_over(place: str) -> None:
        if place == "dispatch.hand_over.before" and len(numbers) == 1:
            cluster.fail_over()
            cluster.rejoin()
            numbers.append(me.number())
            assert as_worker(child_of(world, probe=lambda _: None)).dispatch() == 1, "at once, not after the lease"

    own = child_of(world, probe=fails_over)
    assert as_worker(own).dispatch() == 1
    assert numbers[0] != numbers[1]
    (arrivals,) = arrived(world.behoerde).values()
    assert len(arrivals) == 2, "the same wire id twice: the Behörde knows it"
    assert len(set(arrivals)) == 1
    assert world.value("SELECT state FROM auftraege") == "sent"
    assert world.count("tasks") == 0
    me.close()
    world.check_log()
