"""A founded city, and browsers that speak to its citizen surface without a socket."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from proaktiv.database import Database
from proaktiv.web.asking import LOOPBACK_COOKIE
from proaktiv.web.citizen import make_citizen
from proaktiv.web.office import make_office
from proaktiv.web.pages.view import Look
from proaktiv.web.staff.visitor import WayIn
from tests.builders import Somebody, a_birth, somebody
from tests.past import Pasts
from tests.world import World, code_in

ONE_MEBIBYTE = 1024 * 1024
BASE = "http://127.0.0.1"


def ask(app: FastAPI, *requests: tuple[str, str], cookies: Mapping[str, str] = {}, **how: Any) -> list[httpx.Response]:
    """The answers to some requests, one after the other. An error that reaches the server fails the test."""

    async def asked() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url=BASE, cookies=dict(cookies)) as client:
            return [await client.request(method, path, **how) for method, path in requests]

    return asyncio.run(asked())


class Browser:
    """What a citizen's browser keeps between two requests: the cookie and the form token."""

    def __init__(self, app: FastAPI, cookie: str = LOOPBACK_COOKIE) -> None:
        self.app = app
        self.name = cookie
        self.cookies: dict[str, str] = {}
        self.csrf = ""

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> httpx.Response:
        return self.request("GET", path, headers=headers)

    def post(self, path: str, body: Any = None, headers: Mapping[str, str | None] | None = None) -> httpx.Response:
        """A form, sent as the page would; a header given as None is left out."""
        sent = {"x-csrf": self.csrf, "sec-fetch-site": "same-origin"} | dict(headers or {})
        return self.request("POST", path, json=body, headers={k: v for k, v in sent.items() if v is not None})

    def request(self, method: str, path: str, **how: Any) -> httpx.Response:
        (answer,) = ask(self.app, (method, path), cookies=self.cookies, **how)
        if self.name in answer.cookies:
            self.cookies[self.name] = answer.cookies[self.name]
        return answer

    def every(self, methods: Sequence[str], paths: Sequence[str], times: int) -> list[httpx.Response]:
        return ask(self.app, *[(m, p) for _ in range(times) for p in paths for m in methods], cookies=self.cookies)

    def enters(self, code: str, birth_date: str) -> httpx.Response:
        answer = self.post("/sitzung", {"code": code, "geburtsdatum": birth_date}, {"x-csrf": None})
        if answer.status_code == 200:
            self.csrf = answer.json()["csrf"]
        return answer


@pytest.fixture
def urls(city_urls: dict[str, str]) -> dict[str, str]:
    """A database in which the city is founded already."""
    return city_urls


@pytest.fixture
def world(urls: dict[str, str], tmp_path: Path) -> Iterator[World]:
    city = World(urls, tmp_path).found()
    yield city
    city.close()


@pytest.fixture
def parental(pasts: Pasts, tmp_path: Path) -> Iterator[tuple[World, Somebody]]:
    """A city after ``a_parent``, and that parent."""
    with pasts.after(a_parent, tmp_path) as found:
        yield found


@pytest.fixture
def app(world: World) -> FastAPI:
    return make_citizen(world.pipeline, secure_cookies=False)


def office_of(world: World) -> FastAPI:
    """The office's surface, with no way in."""
    return make_office(world.pipeline, Look("Stadt Musterstadt"), WayIn(None, BASE, links=False), secure_cookies=False)


def wish_of(person: Somebody) -> dict[str, Any]:
    """What a person types at ``/anmelden``."""
    return {
        "vornamen": person.vornamen,
        "familienname": person.familienname,
        "geburtsdatum": person.geburtsdatum,
        "anschrift": person.anschrift,
    }


def newest_code(world: World, person: Somebody) -> str:
    return code_in(world.letters_to(person)[-1])


def with_letter(app: FastAPI, world: World, person: Somebody) -> Browser:
    """A browser whose owner has typed the code of their newest letter."""
    browser = Browser(app)
    assert browser.enters(newest_code(world, person), person.geburtsdatum).status_code == 200
    return browser


def a_parent(world: World, name: str = "Anna") -> Somebody:
    """Somebody who lives here, with a child that was born and a letter about it."""
    parent = world.lives_here(somebody(name))
    world.announce(a_birth(parent))
    world.tick()
    return parent


def first_proposal(browser: Browser) -> str:
    """The first that goes to a Behörde: at V1 Elterngeld and Kindergeld are sheets to take along."""
    offered = browser.get("/uebersicht").json()["bundles"][0]["proposals"]
    found: str = next(each["id"] for each in offered if each["leistung"] not in {"ELTERNGELD", "KINDERGELD"})
    return found


def says_yes(browser: Browser) -> httpx.Response:
    proposal = first_proposal(browser)
    return browser.post(f"/vorschlag/{proposal}/ja", {"shown": browser.get(f"/vorschlag/{proposal}").json()["shown"]})


def everything_stored(urls: Mapping[str, str]) -> dict[str, list[str]]:
    """Every row of every table and the place of every sequence, as text."""
    owner = Database(urls["owner"], pool_size=1)
    with owner.transaction() as session:
        connection = session.connection()
        tables = connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"))
        stored = {
            name: list(connection.execute(text(f'SELECT t::text FROM "{name}" t ORDER BY 1')).scalars())
            for name in list(tables.scalars())
        }
        sequences = "SELECT sequencename || ' ' || coalesce(last_value, 0) FROM pg_sequences ORDER BY 1"
        stored["sequences"] = list(connection.execute(text(sequences)).scalars())
    owner.close()
    return stored
