"""A register behaves badly on a real line: the proposal comes later, or without the fact, and a clerk is told.

As for a Behörde, the way is real from ``pipeline.look_up`` to the socket. What a register says is believed only where
it is an answer of the form agreed; an event never waits for ever.
"""

import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from proaktiv.core.keys import PersonKey
from proaktiv.core.outbound import AWAY_FOR, BACKOFF
from proaktiv.core.trust import SessionProof, Trust
from proaktiv.egress import MAX_ANSWER_BYTES, Egress
from proaktiv.embedded import EmbeddedServer
from proaktiv.registers.http import HttpRegister
from tests.builders import Somebody, a_birth, somebody
from tests.chaos.misbehaving import FarSide, Watch, nobody_there, outcomes
from tests.outward.servers import Behave, answers, drips, hangs_up, says, stays_silent
from tests.past import Pasts
from tests.world import World

pytestmark = pytest.mark.chaos

SHORT_SECONDS = 0.5
GENEROUS_SECONDS = 15.0
WITHOUT = {"ELTERNGELD", "GEBURTSURKUNDE", "KINDERGELD", "KITA-PLATZ"}
WITH = {"ELTERNGELD", "GEBURTSURKUNDE", "KINDERGELD"}
"""What is proposed for a birth without, and with, the register's word that the child lives in no such household.

Without it the mother declares what the birth report says; so whoever believed garbage would be seen at once.
"""


class Registry(FarSide):
    """A Melderegister that says of everybody that the child does not live in their household."""

    def answer(self, headers: dict[str, str], body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        return 200, {"facts": dict.fromkeys(body["names"], False), "as_of": "2026-10-13"}


def a_birth_is_evaluated(world: World) -> Somebody:
    """A birth is evaluated up to the question whether the child lives there; enrolment was before the bad times."""
    anna = world.lives_here(somebody("Anna"), "geburt")
    world.announce(a_birth(anna))
    assert world.pipeline.evaluate() == 1
    return anna


@pytest.fixture
def lived(pasts: Pasts, tmp_path: Path) -> Iterator[tuple[World, Somebody]]:
    with pasts.after(a_birth_is_evaluated, tmp_path) as found:
        yield found


@pytest.fixture
def register(postgres: EmbeddedServer, lived: tuple[World, Somebody]) -> Iterator[Registry]:
    with Watch(postgres, lived[0].urls) as watch:
        registry = Registry(watch)
        yield registry
        registry.close()


@pytest.fixture
def anna(lived: tuple[World, Somebody]) -> Somebody:
    return lived[1]


@pytest.fixture
def city(lived: tuple[World, Somebody], register: Registry) -> World:
    """The question goes to that register."""
    world, _ = lived
    asks(world, register.server.url, register.server.host)
    return world


def asks(world: World, url: str, host: str) -> None:
    egress = Egress(frozenset({host}), loopback=True)
    registers = {**world.pipeline.registers, "MELDEREGISTER": HttpRegister("MELDEREGISTER", url, egress)}
    world.pipeline = replace(world.pipeline, registers=registers, deadline_seconds=10.0)


def looks_up(city: World, register: Registry, mood: Behave, *, seconds: float = 10.0) -> None:
    """One question while the register is in this mood; nothing of ours is open in the database meanwhile."""
    register.mood = mood
    before = len(register.watch.seen)
    assert replace(city.pipeline, deadline_seconds=seconds).look_up() == 1
    assert register.watch.seen[before:] == [0], "one request, and no transaction was open during it"


def lookup(city: World) -> tuple[str, timedelta]:
    """The question's state, and in how much time it is due."""
    due_at = city.value("SELECT due_at FROM lookups WHERE event IS NOT NULL")
    return city.value("SELECT state FROM lookups WHERE event IS NOT NULL"), due_at - city.now


def ended(city: World) -> str:
    """What the log says of the last question."""
    return outcomes(city, "register.asked")[-1]


def is_asked_again(city: World, register: Registry, anna: Somebody, *, after: timedelta) -> None:
    """The register behaves again: the proposal comes later, and with the fact."""
    assert city.pipeline.evaluate() == 0, "the event waits for the register"
    assert city.letters_to(anna) == []
    register.mood = None
    city.now += after - timedelta(seconds=1)
    assert city.pipeline.look_up() == 0, "not before its time"
    city.wait(seconds=1)
    proposed(city, anna, WITH, questions=2)
    assert city.count("tasks") == 0


def goes_on_without(city: World, register: Registry, anna: Somebody, *, questions: int = 1) -> None:
    """The register is not asked again; the proposal comes without the fact, and a clerk is told once."""
    assert lookup(city)[0] == "failed"
    before = len(register.server.heard)
    register.mood = None
    city.wait(days=1)
    assert len(register.server.heard) == before
    proposed(city, anna, WITHOUT, questions=questions)
    assert city.count("tasks", "what = 'register.silent'") == city.count("tasks") == 1


def proposed(city: World, anna: Somebody, leistungen: set[str], *, questions: int) -> None:
    assert set(city.proposals(city.opens_letter(anna))) == leistungen
    assert len(city.letters_to(anna)) == 1
    assert len(outcomes(city, "register.asked")) == questions + 1, "and the one of the enrolment"
    city.check_log()


def answer(body: bytes) -> Behave:
    return answers(200, body)


def test_a_register_that_breaks_is_asked_again(city: World, register: Registry, anna: Somebody) -> None:
    looks_up(city, register, answers(500))
    assert (lookup(city), ended(city)) == (("wanted", BACKOFF[0]), "not_known")
    is_asked_again(city, register, anna, after=BACKOFF[0])


def test_a_register_that_asks_for_time_gets_it(city: World, register: Registry, anna: Somebody) -> None:
    looks_up(city, register, answers(503, headers="Retry-After: 1200\r\n"))
    assert (lookup(city), ended(city)) == (("wanted", timedelta(minutes=20)), "again_later")
    is_asked_again(city, register, anna, after=timedelta(minutes=20))


@pytest.mark.parametrize(
    "mood",
    [
        hangs_up,
        says(b""),
        says(b"\x16\x03\x01\x02\x00" + bytes(200)),
        says(b'HTTP/1.1 200 X\r\nContent-Length: 99\r\n\r\n{"facts": {"kind.im_haushalt": false}'),
        answers(200, json.dumps({"facts": {"kind.im_haushalt": "x" * 2 * MAX_ANSWER_BYTES}, "as_of": ""}).encode()),
    ],
    ids=["hangs up", "says nothing", "speaks TLS", "breaks off", "does not end within a mebibyte"],
)
def test_a_line_without_a_whole_answer_is_none_and_the_register_is_asked_again(
    city: World, register: Registry, anna: Somebody, mood: Behave
) -> None:
    looks_up(city, register, mood)
    assert (lookup(city), ended(city)) == (("wanted", BACKOFF[0]), "not_known")
    is_asked_again(city, register, anna, after=BACKOFF[0])


ENDLESS: dict[str, Behave] = {
    "no answer": stays_silent,
    "a drip of headers": drips(b"HTTP/1.1 200 X\r\n", b"X: y\r\n", 0.05),
    "a drip of body": drips(b"HTTP/1.1 200 X\r\nContent-Length: 100000\r\n\r\n", b" ", 0.05),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_a_register_that_comes_to_no_end_is_cut_off_and_asked_again(
    city: World, register: Registry, anna: Somebody, name: str
) -> None:
    begun = time.monotonic()
    looks_up(city, register, ENDLESS[name], seconds=SHORT_SECONDS)
    assert time.monotonic() - begun < GENEROUS_SECONDS
    assert (lookup(city), ended(city)) == (("wanted", BACKOFF[0]), "not_known")
    is_asked_again(city, register, anna, after=BACKOFF[0])


GARBAGE: dict[str, Behave] = {
    "an error page": answer(b"<html>Wartung</html>"),
    "half of it": answer(b'{"facts": {"kind.im_haushalt": false'),
    "two values for one fact": answer(
        b'{"facts": {"kind.im_haushalt": true, "kind.im_haushalt": false}, "as_of": "2026-10-13"}'
    ),
    "no day": answer(b'{"facts": {"kind.im_haushalt": false}, "as_of": "neulich"}'),
    "a redirect": answers(307, headers="Location: http://127.0.0.1:1/nachschlagen\r\n"),
    "a refusal": answers(403),
    "a path that is not there": answers(404, b"<html>"),
}


@pytest.mark.parametrize("name", GARBAGE)
def test_an_answer_that_is_none_is_not_believed_and_the_proposal_comes_without_it(
    city: World, register: Registry, anna: Somebody, name: str
) -> None:
    looks_up(city, register, GARBAGE[name])
    assert ended(city) == "failed"
    assert city.count("fetched_facts", "event IS NOT NULL") == 0
    goes_on_without(city, register, anna)


def test_a_register_that_knows_nobody_is_no_fault_and_no_task(city: World, register: Registry, anna: Somebody) -> None:
    looks_up(city, register, answer(b'{"found": false}'))
    assert (lookup(city)[0], ended(city)) == ("answered", "done")
    city.tick()
    proposed(city, anna, WITHOUT, questions=1)
    assert city.count("tasks") == 0


def test_a_register_that_never_behaves_is_asked_six_times_and_the_event_goes_on_without_it(
    city: World, register: Registry, anna: Somebody
) -> None:
    for pause in BACKOFF:
        looks_up(city, register, hangs_up)
        assert lookup(city) == ("wanted", pause)
        city.now += pause
    looks_up(city, register, hangs_up)
    goes_on_without(city, register, anna, questions=len(BACKOFF) + 1)


def test_a_register_that_is_not_there_uses_up_no_try(city: World, register: Registry, anna: Somebody) -> None:
    with nobody_there() as host:
        asks(city, f"http://{host}", host)
        for _ in range(8):
            assert city.pipeline.look_up() == 1
            assert (lookup(city), ended(city)) == (("wanted", AWAY_FOR), "away")
            city.now += AWAY_FOR
    asks(city, register.server.url, register.server.host)
    city.tick()
    proposed(city, anna, WITH, questions=9)
    assert city.count("tasks") == 0


def test_a_register_that_takes_its_time_does_not_keep_a_citizen_from_withdrawing(
    city: World, register: Registry, anna: Somebody
) -> None:
    there, go_on = threading.Event(), threading.Event()

    def takes_its_time(connection: socket.socket, over: threading.Event) -> None:
        there.set()
        go_on.wait(20)
        answers(200, b'{"facts": {"kind.im_haushalt": true}, "as_of": "2026-10-13"}')(connection, over)

    register.mood = takes_its_time
    worker = threading.Thread(target=city.pipeline.look_up)
    worker.start()
    assert there.wait(20)
    person = city.value("SELECT person FROM lookups WHERE event IS NOT NULL")
    proof = SessionProof(UUID(int=1), PersonKey(person), Trust.V2, None)
    city.pipeline.withdraw(proof, lebenslage="geburt", activity="")
    assert worker.is_alive(), "withdrawn while the register still had the question"
    go_on.set()
    worker.join(20)
    city.wait(days=1)
    assert city.letters_to(anna) == []
    assert city.count("proposals") == 0
    city.check_log()
