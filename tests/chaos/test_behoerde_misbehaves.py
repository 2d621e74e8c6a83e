"""A Behörde behaves badly on a real line: the house waits no longer than it must, loses nothing, sends nothing twice.

The whole way out is real: ``pipeline.dispatch``, ``Webhook``, ``Egress``, sockets, PostgreSQL. While the far side is
busy misbehaving, no transaction of the house is open, so that it holds no lock against a citizen's withdrawal.
"""

import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from proaktiv.core.outbound import AWAY_FOR, BACKOFF
from proaktiv.dispatchers.webhook import Webhook
from proaktiv.egress import MAX_ANSWER_BYTES, Egress
from proaktiv.embedded import EmbeddedServer
from tests.builders import a_birth, somebody
from tests.chaos.misbehaving import FarSide, Watch, nobody_there, outcomes
from tests.outward.servers import Behave, answers, drips, hangs_up, says, serving, stays_silent
from tests.past import Pasts
from tests.world import World

pytestmark = pytest.mark.chaos

SHORT_SECONDS = 0.5
"""The deadline against those that never come to an end; the others get one that a busy machine does not reach."""

GENEROUS_SECONDS = 15.0
"""Upper bound of an act whose deadline is half a second: far below the patience of the far side."""


class Desk(FarSide):
    """A Behörde's desk: takes an order once by its wire id."""

    def __init__(self, watch: Watch) -> None:
        self.taken: Counter[str] = Counter()
        super().__init__(watch)

    def answer(self, headers: dict[str, str], body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        wire_id = headers["idempotency-key"]
        assert body["wire_id"] == wire_id
        self.taken[wire_id] += 1
        return (202, {}) if self.taken[wire_id] == 1 else (200, {"duplicate": True})


class Careless(Webhook):
    """The same way to a Behörde that does not promise to take one wire id once."""

    idempotent = False


def egress_to(*hosts: str) -> Egress:
    return Egress(frozenset(hosts), loopback=True)


def an_auftrag_that_may_leave(world: World) -> None:
    """An Auftrag is confirmed, and the time to take it back is over."""
    anna = world.lives_here(somebody("Anna"), "geburt")
    world.announce(a_birth(anna))
    world.tick()
    world.says_yes(world.opens_letter(anna), "GEBURTSURKUNDE")
    world.now += timedelta(hours=25)


@pytest.fixture
def world(pasts: Pasts, tmp_path: Path) -> Iterator[World]:
    with pasts.after(an_auftrag_that_may_leave, tmp_path) as (world, _):
        yield world


@pytest.fixture
def desk(postgres: EmbeddedServer, world: World) -> Iterator[Desk]:
    with Watch(postgres, world.urls) as watch:
        desk = Desk(watch)
        yield desk
        desk.close()


@pytest.fixture
def city(world: World, desk: Desk) -> World:
    """The Auftrag is for the Behörde behind the desk."""
    desk.watch.as_owner(f"UPDATE behoerden SET endpoint = '{desk.server.url}'")
    world.pipeline = replace(
        world.pipeline, dispatchers={"webhook": Webhook(egress_to(desk.server.host))}, deadline_seconds=10.0
    )
    return world


def sends(city: World, desk: Desk, mood: Behave, *, seconds: float = 10.0) -> None:
    """One attempt while the Behörde is in this mood; nothing of ours is open in the database meanwhile."""
    desk.mood = mood
    before = len(desk.watch.seen)
    assert replace(city.pipeline, deadline_seconds=seconds).dispatch() == 1
    assert desk.watch.seen[before:] == [0], "one request, and no transaction was open during it"


def auftrag(city: World) -> tuple[str, timedelta | None]:
    """Its state, and in how much time it is due."""
    due_at: datetime | None = city.value("SELECT due_at FROM auftraege")
    return city.value("SELECT state FROM auftraege"), None if due_at is None else due_at - city.now


def tasks(city: World) -> list[str]:
    with city.database.transaction() as session:
        return list(session.connection().execute(text("SELECT what FROM tasks ORDER BY made_at")).scalars())


def arrives_later(city: World, desk: Desk, *, after: timedelta, attempts: int) -> None:
    """The Behörde behaves again: before its time nothing is sent, then the order comes, once by its wire id."""
    desk.mood = None
    city.now += after - timedelta(seconds=1)
    assert city.pipeline.dispatch() == 0, "not before its time"
    city.now += timedelta(seconds=1)
    assert city.pipeline.dispatch() == 1
    assert auftrag(city) == ("sent", None)
    assert len(desk.taken) == 1, "one wire id"
    assert city.pipeline.dispatch() == 0
    assert tasks(city) == []
    the_log_tells(city, attempts)


def rests_with_a_clerk(city: World, desk: Desk) -> None:
    """Nothing is sent again until a human has looked."""
    assert auftrag(city) == ("in_doubt", None)
    assert tasks(city) == ["auftrag.undeliverable"]
    before = len(desk.server.heard)
    desk.mood = None
    city.wait(days=2)
    assert len(desk.server.heard) == before
    assert city.count("handovers") == 1
    the_log_tells(city, 1)


def the_log_tells(city: World, attempts: int) -> None:
    """Each attempt was authorised before and has its outcome; the log as a whole verifies."""
    ends = outcomes(city, "auftrag.sent")
    assert len(ends) == city.count("handovers") == attempts
    assert city.count("handovers", "state = 'announced'") == 0
    city.check_log()


def ended(city: World) -> str:
    """What the log says of the last attempt."""
    return outcomes(city, "auftrag.sent")[-1]


# it says no, or nonsense, at once -------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [500, 502, 504])
def test_a_behoerde_that_breaks_gets_the_same_order_a_minute_later(city: World, desk: Desk, status: int) -> None:
    sends(city, desk, answers(status))
    assert (auftrag(city), tasks(city), ended(city)) == (("ready", BACKOFF[0]), [], "not_known")
    arrives_later(city, desk, after=BACKOFF[0], attempts=2)
    assert desk.taken.total() == 1


def test_a_behoerde_that_asks_for_time_gets_it(city: World, desk: Desk) -> None:
    sends(city, desk, answers(503, headers="Retry-After: 1200\r\n"))
    assert (auftrag(city), ended(city)) == (("ready", timedelta(minutes=20)), "again_later")
    arrives_later(city, desk, after=timedelta(minutes=20), attempts=2)


@pytest.mark.parametrize("wish", ["1", "Wed, 21 Oct 2026 07:28:00 GMT", "-5", "soon", "9" * 40])
def test_a_wish_for_less_time_or_for_nonsense_changes_nothing(city: World, desk: Desk, wish: str) -> None:
    sends(city, desk, answers(503, headers=f"Retry-After: {wish}\r\n"))
    assert auftrag(city) == ("ready", BACKOFF[0])
    arrives_later(city, desk, after=BACKOFF[0], attempts=2)


def test_a_wish_for_a_year_is_a_day(city: World, desk: Desk) -> None:
    sends(city, desk, answers(503, headers="Retry-After: 31536000\r\n"))
    assert auftrag(city) == ("ready", timedelta(days=1))
    arrives_later(city, desk, after=timedelta(days=1), attempts=2)


@pytest.mark.parametrize("status", [400, 401, 404, 409, 422])
def test_a_behoerde_that_says_no_is_a_clerks_matter_and_is_not_asked_again(
    city: World, desk: Desk, status: int
) -> None:
    sends(city, desk, answers(status))
    assert ended(city) == "failed"
    rests_with_a_clerk(city, desk)


def test_a_redirect_is_not_followed_and_a_clerks_matter(city: World, desk: Desk) -> None:
    with serving(answers(202)) as elsewhere:
        sends(city, desk, answers(307, headers=f"Location: {elsewhere.url}\r\n"))
        assert elsewhere.heard == [], "no order goes where nobody said it may go"
    rests_with_a_clerk(city, desk)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"SSH-2.0-whoever\r\n\x00\x01\r\n\r\n",
        b"\x16\x03\x01\x02\x00" + bytes(200),
        b"HTTP/1.1 202 X\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 202 X\r\nContent-Length: 50\r\n\r\nshort",
        b"HTTP/1.1 202 X\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 202 X\r\nX: " + b"a" * 200_000,
    ],
)
def test_garbage_is_no_answer_and_the_order_goes_again(city: World, desk: Desk, raw: bytes) -> None:
    sends(city, desk, says(raw))
    assert (auftrag(city), tasks(city), ended(city)) == (("ready", BACKOFF[0]), [], "not_known")
    arrives_later(city, desk, after=BACKOFF[0], attempts=2)


def test_a_behoerde_that_hangs_up_at_once_gets_the_order_again(city: World, desk: Desk) -> None:
    sends(city, desk, hangs_up)
    assert (auftrag(city), ended(city)) == (("ready", BACKOFF[0]), "not_known")
    arrives_later(city, desk, after=BACKOFF[0], attempts=2)


@pytest.mark.parametrize("body", [b"<html>Danke!</html>", b"[" * 50_000, b"\xff\xfe", b"null", b'{"duplicate": "yes"}'])
def test_a_yes_with_nonsense_beside_it_is_a_yes(city: World, desk: Desk, body: bytes) -> None:
    sends(city, desk, answers(202, body))
    assert (auftrag(city), ended(city)) == (("sent", None), "done")
    the_log_tells(city, 1)


def test_a_yes_of_two_mebibytes_is_not_read_and_the_order_that_was_taken_arrives_once(city: World, desk: Desk) -> None:
    sends(city, desk, desk.taking_it(answers(202, b"x" * (2 * MAX_ANSWER_BYTES))))
    assert (auftrag(city), tasks(city), ended(city)) == (("ready", BACKOFF[0]), [], "not_known")
    arrives_later(city, desk, after=BACKOFF[0], attempts=2)
    assert list(desk.taken.values()) == [2]
    assert ended(city) == "done_before"


def test_a_no_of_two_mebibytes_is_a_no(city: World, desk: Desk) -> None:
    sends(city, desk, answers(500, b"x" * (2 * MAX_ANSWER_BYTES)))
    assert auftrag(city) == ("ready", BACKOFF[0])
    arrives_later(city, desk, after=BACKOFF[0], attempts=2)


# it does not come to an end -------------------------------------------------------------------------------------------

ENDLESS: dict[str, Behave] = {
    "no answer": stays_silent,
    "a drip of status line": drips(b"HTTP/1.1 20", b"2", 0.05),
    "a drip of headers": drips(b"HTTP/1.1 202 X\r\n", b"X: y\r\n", 0.05),
    "a drip of body": drips(b"HTTP/1.1 202 X\r\nContent-Length: 100000\r\n\r\n", b"x", 0.05),
    "a drip of chunks": drips(b"HTTP/1.1 202 X\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n", 0.05),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_a_behoerde_that_comes_to_no_end_is_cut_off_and_gets_the_order_again(
    city: World, desk: Desk, name: str
) -> None:
    begun = time.monotonic()
    sends(city, desk, ENDLESS[name], seconds=SHORT_SECONDS)
    assert time.monotonic() - begun < GENEROUS_SECONDS
    assert (auftrag(city), tasks(city), ended(city)) == (("ready", BACKOFF[0]), [], "not_known")
    arrives_later(city, desk, after=BACKOFF[0], attempts=2)


def test_a_behoerde_that_never_behaves_is_tried_six_times_and_then_a_clerks_matter(city: World, desk: Desk) -> None:
    for pause in BACKOFF:
        sends(city, desk, hangs_up)
        assert auftrag(city) == ("ready", pause)
        city.now += pause
    sends(city, desk, hangs_up)
    assert (auftrag(city), tasks(city)) == (("in_doubt", None), ["auftrag.undeliverable"])
    desk.mood = None
    city.wait(days=2)
    assert desk.taken.total() == 0
    the_log_tells(city, len(BACKOFF) + 1)


# it has the order, and we do not know ---------------------------------------------------------------------------------


@pytest.mark.parametrize("dies", ["before a word", "in the middle of its answer", "after an error page"])
def test_an_order_that_was_taken_by_a_dying_behoerde_arrives_once(city: World, desk: Desk, dies: str) -> None:
    last_words = {
        "before a word": hangs_up,
        "in the middle of its answer": says(b"HTTP/1.1 202 Acc"),
        "after an error page": answers(500),
    }[dies]
    sends(city, desk, desk.taking_it(last_words))
    (wire_id,) = desk.taken
    assert (auftrag(city), ended(city)) == (("ready", BACKOFF[0]), "not_known")
    arrives_later(city, desk, after=BACKOFF[0], attempts=2)
    assert desk.taken == {wire_id: 2}, "sent twice by one wire id: it counts once"
    assert ended(city) == "done_before"


def test_an_order_that_was_taken_and_never_answered_arrives_once(city: World, desk: Desk) -> None:
    sends(city, desk, desk.taking_it(stays_silent), seconds=SHORT_SECONDS)
    arrives_later(city, desk, after=BACKOFF[0], attempts=2)
    assert list(desk.taken.values()) == [2]
    assert ended(city) == "done_before"


def test_a_receiver_that_may_take_one_wire_id_twice_is_not_sent_it_again(city: World, desk: Desk) -> None:
    city.pipeline = replace(city.pipeline, dispatchers={"webhook": Careless(egress_to(desk.server.host))})
    sends(city, desk, desk.taking_it(hangs_up))
    assert (auftrag(city), tasks(city), ended(city)) == (("in_doubt", None), ["auftrag.in_doubt"], "not_known")
    desk.mood = None
    city.wait(days=2)
    assert list(desk.taken.values()) == [1]
    the_log_tells(city, 1)


# it is not there ------------------------------------------------------------------------------------------------------


def test_a_behoerde_that_is_not_there_is_waited_for_without_using_up_a_try(city: World, desk: Desk) -> None:
    with nobody_there() as host:
        desk.watch.as_owner(f"UPDATE behoerden SET endpoint = 'http://{host}/'")
        ways = {"webhook": Webhook(egress_to(host, desk.server.host))}
        city.pipeline = replace(city.pipeline, dispatchers=ways)
        for _ in range(8):
            assert city.pipeline.dispatch() == 1
            assert (auftrag(city), tasks(city), ended(city)) == (("ready", AWAY_FOR), [], "away")
            city.now += AWAY_FOR
    desk.watch.as_owner(f"UPDATE behoerden SET endpoint = '{desk.server.url}'")
    sends(city, desk, answers(500))
    assert auftrag(city) == ("ready", BACKOFF[0]), "the first try that counts"
    arrives_later(city, desk, after=BACKOFF[0], attempts=10)


# the rig --------------------------------------------------------------------------------------------------------------


def test_control_an_open_transaction_is_seen_from_the_desk(city: World, desk: Desk) -> None:
    with city.database.transaction() as session:
        session.connection().execute(text("SELECT 1"))
        city.pipeline.dispatch()
    assert desk.watch.seen == [1]


def test_the_order_on_the_wire_says_only_what_was_confirmed(city: World, desk: Desk) -> None:
    desk.mood = None
    assert city.pipeline.dispatch() == 1
    (request,) = desk.server.heard
    head, _, body = request.partition(b"\r\n\r\n")
    assert b"Anna" not in head
    assert set(json.loads(body)) == {
        "wire_id", "reference", "leistung", "confirmed_at", "trust", "sperrvermerk", "felder", "unterschriften",
        "nachzureichen",
    }  # fmt: skip
