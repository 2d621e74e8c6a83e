"""A real browser before the real site: headless Chromium, JavaScript off, over a socket of this machine.

Needs Debian's ``chromium`` (or a path in ``CHROMIUM``); without it the tests are skipped and say so.
"""

import os
import secrets
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit
from uuid import UUID

import pytest
import uvicorn
from playwright.sync_api import Browser, Locator, Page, ViewportSize, sync_playwright
from sqlalchemy import insert, select

from proaktiv.core.trust import Trust
from proaktiv.demo.keys import signing_key
from proaktiv.demo.nutzerkonto import KID, Nutzerkonto, Registered, make_nutzerkonto
from proaktiv.egress import Egress
from proaktiv.identity.login import RelyingParty
from proaktiv.identity.model import Client
from proaktiv.identity.provider import Provider
from proaktiv.tables import PersonIdentifierRow, SessionRow, core_table
from proaktiv.web.asking import LOOPBACK_COOKIE
from proaktiv.web.pages.site import make_site
from proaktiv.web.pages.view import Look
from proaktiv.web.pages.visitor import RETURN_PATH, AccountWay
from tests.builders import Somebody, a_birth, somebody
from tests.office.conftest import office, sent
from tests.world import World, code_in

__all__ = ["office", "sent"]
"""Fixtures of the office, for every test of this folder."""

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = [
    "--no-sandbox",  # CI is root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_SESSIONS = core_table(SessionRow)
_IDENTIFIERS = core_table(PersonIdentifierRow)
Scheme = Literal["light", "dark"]
NARROW, WIDE = ViewportSize(width=320, height=800), ViewportSize(width=1280, height=900)


@pytest.fixture
def urls(city_urls: dict[str, str]) -> dict[str, str]:
    """A database in which the city is founded already."""
    return city_urls


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for a module: while it lives, this thread has a running loop, and other modules want their own."""
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine: apt-get install chromium, or name it in CHROMIUM")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@contextmanager
def served(app: Any) -> Iterator[str]:
    """Serve an application on a free port of the loopback, and yield its address."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until = time.monotonic() + 60
    while not server.started:
        assert time.monotonic() < until, "the server did not start"
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


@pytest.fixture
def world(urls: dict[str, str], tmp_path: Path) -> Iterator[World]:
    city = World(urls, tmp_path).found()
    yield city
    city.close()


@pytest.fixture
def site(world: World) -> Iterator[str]:
    """The citizen's site of the world with a Nutzerkonto, in which Anna has an account; and where it is."""
    look = Look("Stadt Musterstadt", address="musterstadt.example", account=True)

    def now() -> float:
        return world.now.timestamp()  # when it is asked

    who = somebody("Anna")
    names = {"given_name": who.vornamen, "family_name": who.familienname, "birthdate": who.geburtsdatum}
    registered = Registered("musterstadt", "invented", "")
    konto = Nutzerkonto("", [{"sub": "a-1", **names}], registered, signing_key(bytes(range(32)), KID), now)
    app = make_site(world.pipeline, look, secure_cookies=False)
    with served(make_nutzerkonto(konto)) as issuer, served(app) as address:
        konto.issuer = issuer
        konto.client = replace(registered, redirect=f"{address}{RETURN_PATH}")
        client = Client(issuer, "musterstadt", "invented", f"{address}{RETURN_PATH}", trust=Trust.V2)
        provider = Provider(client, Egress(frozenset({urlsplit(issuer).netloc}), loopback=True), time.monotonic)
        party = RelyingParty(client, provider, bytes(32), secrets.token_bytes)
        app.state.account_way = AccountWay(party, address)
        yield address


@pytest.fixture
def anna(world: World) -> Somebody:
    """Somebody whom the register knows and who has not enrolled."""
    person = somebody("Anna")
    world.melderegister.knows(person, **{"kind.im_haushalt": True})
    world.zulassung.knows(person, **{"person.kfz_zugelassen": True, "person.kfz_kennzeichen": "MU-ST 1"})
    return person


def fills_in_birthday(page: Page, person: Somebody) -> None:
    year, month, day = person.geburtsdatum.split("-")
    page.fill("#geburt_tag", day)
    page.fill("#geburt_monat", month)
    page.fill("#geburt_jahr", year)


def follows(page: Page, what: str | Locator) -> None:
    """Press a link or a button and wait until the page behind it is all there: a click alone ends at its first bytes,
    and what is read then without waiting (a count, the radios of a form) is half a page.
    """
    with page.expect_navigation():
        (page.locator(what) if isinstance(what, str) else what).click()


def sends(page: Page) -> None:
    """Press the button of the page's own form."""
    follows(page, "main form button[type=submit]")


def enters(page: Page, code: str, person: Somebody) -> None:
    """Type the code of a letter and the birth date."""
    page.goto("/b")
    page.fill("#code", code)
    fills_in_birthday(page, person)
    sends(page)


def signs_up(page: Page, world: World, person: Somebody) -> None:
    """Enrol, read the first letter, and consent to everything."""
    page.goto("/anmelden")
    for field in ("vornamen", "familienname", "strasse", "plz", "ort"):
        page.fill(f"#{field}", getattr(person, field))
    fills_in_birthday(page, person)
    sends(page)
    world.tick()
    (letter,) = world.letters.glob("*.txt")
    enters(page, code_in(letter.read_text()), person)
    for yes in page.query_selector_all("input[type=radio][value=ja]"):
        yes.check()
    follows(page, "text=Entscheidungen speichern")
    assert urlsplit(page.url).path == "/einwilligungen", page.locator("main").inner_text()


def has_enrolled(world: World, person: Somebody) -> None:
    """What ``signs_up`` does, without the pages."""
    proof = world.settles(person)
    names = {activity["name"].split("/")[0] for activity in world.pipeline.consents(proof)["activities"]}
    world.consents(proof, *names)


def proven(world: World, page: Page, site: str, person: Somebody, trust: Trust) -> None:
    """Let the browser have a session at ``trust``, as a log-in would make it."""
    token = "c" * 63 + str(int(trust))
    with world.database.transaction() as session:
        key = session.connection().execute(
            select(_IDENTIFIERS.c.person).where(
                _IDENTIFIERS.c.lookup_hash == world.vault.lookup_hash("register_id", person.kennung)
            )
        )
        session.connection().execute(
            insert(_SESSIONS),
            {
                "token_hash": sha256(token.encode()).digest(),
                "id": UUID(int=int(trust)),
                "person": key.scalar_one(),
                "trust": int(trust),
                "purpose": "login",
                "bundle": None,
                "enrolment": None,
                "extra": {},
                "expires_at": world.now + timedelta(hours=1),
            },
        )
    page.context.add_cookies([{"name": LOOPBACK_COOKIE, "value": token, "url": site}])


@pytest.fixture
def page(chromium: Browser, site: str) -> Iterator[Page]:
    """A page in a browser that has never been here: German, JavaScript off."""
    context = chromium.new_context(base_url=site, java_script_enabled=False, locale="de-DE", viewport=WIDE)
    context.set_default_timeout(60_000)
    yield context.new_page()
    context.close()


@pytest.fixture
def born(world: World, page: Page, anna: Somebody) -> Somebody:
    """Anna has enrolled; a child was born, and a letter came, whose code she typed."""
    has_enrolled(world, anna)
    world.announce(a_birth(anna))
    world.tick()
    enters(page, code_in(world.letters_to(anna)[-1]), anna)
    return anna
