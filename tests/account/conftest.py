"""A city with a Nutzerkonto, two residents who enrolled, and browsers before the citizens' pages."""

import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from fastapi import FastAPI

from proaktiv.core.trust import Trust
from proaktiv.egress import Egress
from proaktiv.identity.login import RelyingParty
from proaktiv.identity.model import Client
from proaktiv.identity.provider import Provider
from proaktiv.web.pages.site import make_site
from proaktiv.web.pages.view import Look
from proaktiv.web.pages.visitor import RETURN_PATH, AccountWay
from tests.builders import Somebody, a_birth, somebody
from tests.identity.double import CLIENT, SECRET, Double, running
from tests.office.conftest import office, sent
from tests.past import Pasts
from tests.web.browser import PageBrowser
from tests.world import World, code_in

__all__ = ["office", "sent"]
"""Fixtures of the office, for every test of this folder."""

PAGE = "http://127.0.0.1"
LOOK = Look("Stadt Musterstadt", account=True)
SUBSTANTIAL, HIGH, LOW = (f"http://eidas.europa.eu/LoA/{level}" for level in ("substantial", "high", "low"))


def party_for(issuer: str, **changed: Any) -> RelyingParty:
    client = Client(issuer, CLIENT, SECRET, f"{PAGE}{RETURN_PATH}", **({"trust": Trust.V2} | changed))
    provider = Provider(client, Egress(frozenset({urlsplit(issuer).netloc}), loopback=True), time.monotonic)
    return RelyingParty(client, provider, bytes(32), secrets.token_bytes)


def site_for(world: World, issuer: str, **changed: Any) -> FastAPI:
    way = AccountWay(party_for(issuer, **changed), PAGE)
    return make_site(world.pipeline, LOOK, secure_cookies=False, account_way=way)


def account_of(person: Somebody) -> dict[str, Any]:
    """What the provider says of an account of this person."""
    return {
        "sub": f"konto-{person.kennung}",
        "given_name": person.vornamen,
        "family_name": person.familienname,
        "birthdate": person.geburtsdatum,
        "acr": SUBSTANTIAL,
    }


def back(double: Double, address: str, **changed: str | None) -> str:
    """The way back into the house after a yes at the provider."""
    return f"{RETURN_PATH}?" + "&".join(f"{name}={value}" for name, value in double.lets_in(address, **changed))


@dataclass
class Town:
    """Everything together."""

    world: World
    double: Double
    app: FastAPI
    anna: Somebody
    ben: Somebody

    def letter(self, person: Somebody) -> PageBrowser:
        """A browser in which the code of the person's letter was typed."""
        browser = PageBrowser(self.app)
        year, month, day = person.geburtsdatum.split("-")
        code = code_in(self.world.letters_to(person)[-1])
        typed = {"code": code, "geburt_tag": day, "geburt_monat": month, "geburt_jahr": year}
        assert browser.post("/b", typed).status_code == 303
        return browser

    def comes_back(self, browser: PageBrowser, account: Mapping[str, Any], **changed: str | None) -> httpx.Response:
        """Log in at the provider with an account."""
        self.double.claims = dict(account)
        begun = browser.get("/konto/anmelden")
        assert begun.status_code == 303, begun.text
        return browser.get(back(self.double, begun.headers["location"], **changed))

    def binds(self, person: Somebody, account: Mapping[str, Any] | None = None) -> PageBrowser:
        """From the letter to the bound account."""
        browser = self.letter(person)
        answer = self.comes_back(browser, account_of(person) if account is None else account)
        assert answer.headers["location"] == "/konto/verbinden", answer.text
        browser.get("/konto/verbinden")
        assert browser.post("/konto/verbinden").headers["location"] == "/meine-daten"
        return browser

    def history(self, browser: PageBrowser) -> str:
        answer = browser.get("/meine-daten")
        assert answer.status_code == 200, answer.text
        return answer.text

    def logged(self, action: str) -> list[str]:
        """How the entries of an action ended, oldest first."""
        with self.world.database.transaction() as session:
            found = session.connection().exec_driver_sql(
                "SELECT convert_from(f_bytes, 'UTF8')::jsonb ->> 'action' AS action, outcome FROM flow_log ORDER BY fid"
            )
            return [row.outcome for row in found if row.action == action]

    def bound(self) -> int:
        return self.world.count("person_identifiers", "kind = 'oidc'")


def two_have_letters(world: World) -> tuple[Somebody, Somebody]:
    """Two people enrolled, and each had a child."""
    people = world.lives_here(somebody("Anna")), world.lives_here(somebody("Ben", geburtsdatum="1991-05-17"))
    for person in people:
        world.announce(a_birth(person))
    world.tick()
    return people


@pytest.fixture
def town(pasts: Pasts, tmp_path: Path) -> Iterator[Town]:
    with pasts.after(two_have_letters, tmp_path) as (world, people):

        def now() -> float:
            return world.now.timestamp()  # when it is asked

        with running(Double(now)) as double:
            yield Town(world, double, site_for(world, double.issuer), *people)
