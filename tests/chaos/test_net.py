"""The line itself misbehaves, between healthy ends: nobody is held longer than their deadline, and nothing is open.

What the far sides do when they misbehave themselves stands in ``test_behoerde_misbehaves`` and
``test_register_misbehaves``; a database that is gone in ``test_database_away``.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import make_url, text

from proaktiv.core.errors import CommitUnknown
from proaktiv.database import Database, DatabaseAway, Patience
from proaktiv.dispatchers.webhook import Webhook
from proaktiv.egress import Egress
from proaktiv.embedded import EmbeddedServer
from proaktiv.registers.http import HttpRegister
from proaktiv.sets import append_together
from tests.builders import a_birth, somebody
from tests.chaos.misbehaving import FarSide, Watch, outcomes
from tests.chaos.net import Mood, Proxy
from tests.chaos.outage import wait_for
from tests.chaos.test_behoerde_misbehaves import Desk
from tests.chaos.test_register_misbehaves import WITH, Registry
from tests.database.test_appending import parts
from tests.outward.servers import answers, serving
from tests.world import World

pytestmark = pytest.mark.chaos

GENEROUS_SECONDS = 30.0
"""Upper bound of what is given up after one to three seconds, on a machine that has much else to do."""
PATIENCE = Patience(lock=0.5, statement=1.0, commit=1.0)
_INSERT = text("INSERT INTO client_days (client, day, n) VALUES ('c', '2026-01-01', 1)")
_COUNT = text("SELECT count(*) FROM client_days")


# PostgreSQL -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def line(postgres: EmbeddedServer) -> Iterator[Proxy]:
    path = str(Path(str(make_url(postgres.url()).query["host"])) / ".s.PGSQL.5432")

    def far() -> socket.socket:
        end = socket.socket(socket.AF_UNIX)
        end.connect(path)
        return end

    with Proxy(far, pause_seconds=0.2) as proxy:
        yield proxy


def through(line: Proxy, urls: dict[str, str], patience: Patience = PATIENCE) -> Database:
    url = make_url(urls["app"])
    return Database(f"postgresql://{url.username}@{line.host}/{url.database}", pool_size=2, patience=patience)


@pytest.fixture
def far(line: Proxy, urls: dict[str, str]) -> Iterator[Database]:
    opened = through(line, urls)
    with opened.transaction() as session:
        session.connection().execute(_COUNT)
    yield opened
    line.mood = Mood.CUT
    opened.close()


def rows(database: Database) -> int:
    with database.transaction() as session:
        return int(session.connection().execute(_COUNT).scalar_one())


def inserts(database: Database, meanwhile: Callable[[], None]) -> None:
    with database.transaction() as session:
        session.connection().execute(_INSERT)
        meanwhile()
        session.connection().execute(_COUNT)


@pytest.mark.parametrize("mood", [Mood.CUT, Mood.RESET, Mood.SILENT, Mood.DRIPPING])
def test_a_line_that_fails_within_a_transaction_is_away_and_nothing_was_kept(
    line: Proxy, far: Database, database: Database, mood: Mood
) -> None:
    begun = time.monotonic()
    with pytest.raises(DatabaseAway):
        inserts(far, lambda: setattr(line, "mood", mood))
    assert time.monotonic() - begun < GENEROUS_SECONDS
    line.mood = Mood.WELL
    assert rows(far) == rows(database) == 0
    inserts(far, lambda: None)
    assert rows(database) == 1


@pytest.mark.parametrize("mood", [Mood.CUT, Mood.SILENT])
@pytest.mark.parametrize("number", [1, 300], ids=["in one statement", "by copy"])
def test_entries_of_the_log_written_past_sqlalchemy_wait_no_longer_for_a_failed_line(
    line: Proxy, far: Database, database: Database, number: int, mood: Mood
) -> None:
    begun = time.monotonic()
    with pytest.raises(DatabaseAway), far.transaction() as session:
        session.connection().execute(_COUNT)
        line.mood = mood
        append_together(session, parts(number))
    assert time.monotonic() - begun < GENEROUS_SECONDS
    with database.transaction() as session:
        assert session.connection().execute(text("SELECT count(*) FROM flow_log")).scalar_one() == 0


@pytest.mark.parametrize("mood", [Mood.CUT, Mood.RESET, Mood.SILENT, Mood.DRIPPING])
def test_a_line_that_fails_during_commit_leaves_it_unknown_and_a_look_tells(
    line: Proxy, far: Database, database: Database, mood: Mood
) -> None:
    begun = time.monotonic()
    with pytest.raises(CommitUnknown):
        inserts(far, lambda: line.at_commit(mood))
    assert time.monotonic() - begun < GENEROUS_SECONDS
    line.mood = Mood.WELL
    wait_for(lambda: rows(database) == 1, "the commit that was on its way")
    assert rows(far) == 1


@pytest.mark.parametrize("mood", [Mood.CUT, Mood.RESET, Mood.SILENT])
def test_a_line_that_failed_while_idle_is_noticed_and_the_work_goes_on_when_it_is_back(
    line: Proxy, far: Database, mood: Mood
) -> None:
    line.mood = mood
    begun = time.monotonic()
    with pytest.raises(DatabaseAway):
        rows(far)
    assert time.monotonic() - begun < GENEROUS_SECONDS
    line.mood = Mood.WELL
    assert rows(far) == 0


def test_what_comes_right_after_a_doubt_is_kept(line: Proxy, far: Database, database: Database) -> None:
    with pytest.raises(CommitUnknown):
        inserts(far, lambda: line.at_commit(Mood.CUT))
    line.mood = Mood.WELL
    wait_for(lambda: rows(database) == 1, "the commit that was on its way")
    with far.transaction() as session:
        session.connection().execute(text("DELETE FROM client_days"))
    assert rows(database) == 0


def test_a_slow_line_is_no_failure(line: Proxy, far: Database, database: Database) -> None:
    line.mood = Mood.SLOW
    inserts(far, lambda: None)
    assert rows(database) == 1


def test_control_without_patience_a_silent_line_holds_a_commit(line: Proxy, urls: dict[str, str]) -> None:
    endless = through(line, urls, Patience(None, None, None))
    ended: list[BaseException] = []

    def commit() -> None:
        try:
            inserts(endless, lambda: line.at_commit(Mood.SILENT))
        except CommitUnknown as error:
            ended.append(error)

    held = threading.Thread(target=commit, daemon=True)
    held.start()
    held.join(4 * (PATIENCE.commit or 0))
    assert held.is_alive()
    line.mood = Mood.CUT
    held.join(60)
    assert len(ended) == 1
    endless.close()


# Behörde and register -------------------------------------------------------------------------------------------------


@pytest.fixture
def watch(postgres: EmbeddedServer, urls: dict[str, str]) -> Iterator[Watch]:
    with Watch(postgres, urls) as watching:
        yield watching


def before(side: FarSide) -> Proxy:
    return Proxy(lambda: socket.create_connection(("127.0.0.1", side.server.port)), pause_seconds=0.2)


def stuck(watch: Watch, world: World, step: Callable[[], int], proxy: Proxy, mood: Mood) -> None:
    """A step meets the mood; while it is held, nothing is open and somebody else's work goes on."""
    proxy.mood = mood
    worker = threading.Thread(target=step)
    begun = time.monotonic()
    worker.start()
    if mood in {Mood.SILENT, Mood.DRIPPING}:
        wait_for(lambda: world.count("flow_log") > 0 and bool(proxy._open), "the call")
        other = world.announce(a_birth(somebody("Berta")))
        assert not other.duplicate
        wait_for(lambda: _nothing_open(watch), "no open transaction")
    worker.join(60)
    assert not worker.is_alive()
    assert time.monotonic() - begun < GENEROUS_SECONDS
    proxy.mood = Mood.WELL


def _nothing_open(watch: Watch) -> bool:
    watch.look()
    return watch.seen[-1] == 0


BAD = [Mood.CUT, Mood.RESET, Mood.SILENT, Mood.DRIPPING]


@pytest.mark.parametrize("mood", BAD)
def test_a_bad_line_to_a_behoerde_delays_an_auftrag_and_neither_loses_nor_doubles_it(
    world: World, watch: Watch, mood: Mood
) -> None:
    anna = world.lives_here(somebody("Anna"), "geburt")
    world.announce(a_birth(anna))
    world.tick()
    world.says_yes(world.opens_letter(anna), "GEBURTSURKUNDE")
    world.now += timedelta(hours=25)
    desk = Desk(watch)
    with before(desk) as proxy:
        watch.as_owner(f"UPDATE behoerden SET endpoint = 'http://{proxy.host}/there'")
        webhook = Webhook(Egress(frozenset({proxy.host}), loopback=True))
        world.pipeline = replace(world.pipeline, dispatchers={"webhook": webhook}, deadline_seconds=1.0)
        stuck(watch, world, world.pipeline.dispatch, proxy, mood)
        assert world.value("SELECT state FROM auftraege") == "ready"
        world.pipeline = replace(world.pipeline, deadline_seconds=10.0)
        world.wait(minutes=10)
    desk.close()
    assert len(desk.taken) == 1, "one wire id, however often it came"
    assert world.value("SELECT state FROM auftraege") == "sent"
    assert len(outcomes(world, "auftrag.sent")) == world.count("handovers") >= 1
    assert world.count("tasks") == 0
    world.check_log()


@pytest.mark.parametrize("mood", BAD)
def test_a_bad_line_to_a_register_delays_an_answer_and_the_proposal_comes_with_it(
    world: World, watch: Watch, mood: Mood
) -> None:
    anna = world.lives_here(somebody("Anna"), "geburt")
    world.announce(a_birth(anna))
    assert world.pipeline.evaluate() == 1
    register = Registry(watch)
    with before(register) as proxy:
        http = HttpRegister(
            "MELDEREGISTER", f"http://{proxy.host}/there", Egress(frozenset({proxy.host}), loopback=True)
        )
        registers = {**world.pipeline.registers, "MELDEREGISTER": http}
        world.pipeline = replace(world.pipeline, registers=registers, deadline_seconds=1.0)
        stuck(watch, world, world.pipeline.look_up, proxy, mood)
        assert world.value("SELECT state FROM lookups WHERE event IS NOT NULL") == "wanted"
        world.pipeline = replace(world.pipeline, deadline_seconds=10.0)
        world.wait(minutes=10)
    register.close()
    assert world.value("SELECT state FROM lookups WHERE event IS NOT NULL") == "answered"
    assert len(world.letters_to(anna)) == 1
    assert world.proposals(world.opens_letter(anna)).keys() == WITH, "as the register answered"
    world.check_log()


def test_control_a_client_whose_timeout_is_for_each_byte_is_held_by_a_drip() -> None:
    with serving(answers(200, b"x" * 100)) as server:
        far = ("127.0.0.1", server.port)
        with Proxy(lambda: socket.create_connection(far), pause_seconds=0.03) as proxy:
            proxy.mood = Mood.DRIPPING
            begun = time.monotonic()
            assert httpx.get(f"http://{proxy.host}/", timeout=1.0).status_code == 200
    assert time.monotonic() - begun > 2.0
    assert proxy.dripped > 100
