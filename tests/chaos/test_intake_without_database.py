"""A register reports while PostgreSQL goes away: it is told so in a way it can act on, and the same again is right."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI

from proaktiv.database import Database
from proaktiv.tables import ClientRow, RegisterEventRow
from proaktiv.web.intake import make_intake
from tests.builders import a_birth, somebody
from tests.chaos.outage import Outage, Trap
from tests.intake.asking import ask
from tests.intake.conftest import AUDIENCE, City, public
from tests.intake.test_authenticate import assertion
from tests.intake.test_surface import EVENT, FORM, form
from tests.world import World

pytestmark = pytest.mark.chaos


@pytest.fixture
def city(mortal: World) -> Iterator[City]:
    made = opened_city(mortal)
    yield made
    made.owner.close()


def opened_city(world: World) -> City:
    """The world with the key of its Standesamt, as its intake runs."""
    world.pipeline = replace(world.pipeline, token_audience=AUDIENCE)
    key = Ed25519PrivateKey.generate()
    city = City(world, Database(world.urls["owner"], pool_size=1), {"standesamt": key})
    city.set(ClientRow, "standesamt", jwk=public(key))
    return city


def bearer(city: City, app: FastAPI) -> dict[str, str]:
    granted = ask(app, "POST", "/token", data=form(city))
    return {"authorization": f"Bearer {granted.json()['access_token']}"} | EVENT


def refused(answer: httpx.Response, slug: str) -> None:
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
    told: dict[str, Any] = answer.json()
    assert (told["type"], told["status"]) == (f"urn:proaktiv:problem:{slug}", 503)
    assert told["detail"]
    for secret in ("Anna", "postgres", "socket", "proaktiv_app"):
        assert secret not in answer.text.replace("urn:proaktiv", "")


def away(answer: httpx.Response) -> None:
    refused(answer, "database-away")
    assert int(answer.headers["retry-after"]) > 0


def the_same_again_is_one_event(city: City, app: FastAPI, headers: dict[str, str], body: bytes, *, kept: bool) -> None:
    answers = [ask(app, "POST", "/events", content=body, headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert [answer.json()["duplicate"] for answer in answers] == [kept, True]
    (row,) = city.rows(RegisterEventRow)
    assert {answer.json()["id"] for answer in answers} == {str(row.id)}


@pytest.mark.parametrize("place", ["receive.lock.after", "receive.write.after"])
def test_a_server_that_goes_away_before_commit_is_503_and_the_event_can_be_sent_again(
    city: City, killed: Outage, trap: Trap, place: str
) -> None:
    goes_away_before_commit(city, killed, trap, place)


def test_a_clean_stop_before_commit_is_503_and_the_event_can_be_sent_again(
    city: City, stopped: Outage, trap: Trap
) -> None:
    goes_away_before_commit(city, stopped, trap, "receive.write.after")


def goes_away_before_commit(city: City, outage: Outage, trap: Trap, place: str) -> None:
    app, world = make_intake(city.world.pipeline), city.world
    anna = world.lives_here(somebody("Anna"), "geburt")
    headers, body = bearer(city, app), a_birth(anna).body
    trap.set(place, outage.begin)
    away(ask(app, "POST", "/events", content=body, headers=headers))
    assert trap.sprung
    outage.end()
    assert city.rows(RegisterEventRow) == [], "nothing was kept"
    the_same_again_is_one_event(city, app, headers, body, kept=False)
    world.tick()
    assert len(world.letters_to(anna)) == 1
    world.check_log()


def test_while_the_server_is_away_every_request_is_503_and_says_when_to_come_back(city: City, outage: Outage) -> None:
    app = make_intake(city.world.pipeline)
    headers, body, again = bearer(city, app), a_birth(somebody("Anna")).body, form(city, client_assertion="a.b.c")
    outage.begin()
    away(ask(app, "GET", "/health"))
    away(ask(app, "POST", "/events", content=body, headers=headers))
    away(ask(app, "POST", "/token", data=form(city, client_assertion=assertion(city, jti="jti-2"))))
    outage.end()
    assert ask(app, "GET", "/health").json() == {"status": "ok"}
    assert ask(app, "POST", "/token", data=again, headers=FORM).status_code == 401
    the_same_again_is_one_event(city, app, headers, body, kept=False)
    city.world.check_log()
