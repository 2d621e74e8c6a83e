"""How a person is reached: an address is sealed away, confirmed by a code that came there, and forgotten on request."""

from dataclasses import replace
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from proaktiv.core.errors import Conflict
from proaktiv.web.pages.site import make_site
from proaktiv.web.pages.view import Look
from tests.builders import Somebody
from tests.web.conftest import Browser, ask, everything_stored, with_letter
from tests.world import World

ADDRESS = "anna.kanarie@post.example"
FORM = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin"}
LOOK = Look(house="Stadt Musterstadt")


@pytest.fixture
def world(parental: tuple[World, Somebody]) -> World:
    return parental[0]


@pytest.fixture
def urls(world: World) -> dict[str, str]:
    return dict(world.urls)


@pytest.fixture
def browser(parental: tuple[World, Somebody], app: FastAPI) -> Browser:
    return with_letter(app, *parental)


@pytest.fixture
def page(world: World, browser: Browser) -> Browser:
    """The same session before the pages."""
    found = Browser(make_site(world.pipeline, LOOK, secure_cookies=False))
    found.cookies, found.csrf = browser.cookies, browser.csrf
    return found


def stored(world: World, table: str = "mail_addresses") -> list[tuple[Any, ...]]:
    with world.database.transaction() as session:
        return [tuple(row) for row in session.connection().execute(text(f"SELECT inbox, person FROM {table}"))]


def gives(browser: Browser, address: str = ADDRESS) -> Any:
    notice = browser.get("/kanaele").json()["notice"]
    return browser.post("/kanaele/mail", {"address": address, "notice": notice})


def code(world: World) -> str:
    found: str = world.vault.confirmation(world.value("SELECT id FROM mail_confirmations"))
    return found


def logged(world: World, action: str) -> Any:
    asked = "SELECT count(*) FROM flow_log WHERE convert_from(f_bytes, 'UTF8')::jsonb ->> 'action' = :action"
    return world.value(asked, action=action)


def test_an_address_waits_for_its_code_and_stands_nowhere_readable(
    world: World, browser: Browser, urls: dict[str, str]
) -> None:
    before = browser.get("/kanaele").json()
    assert (before["mail_since"], before["waiting_until"]) == (None, None)
    assert gives(browser, f" {ADDRESS} ").json() == {"state": "waiting"}
    waiting = browser.get("/kanaele").json()
    assert (waiting["mail_since"], waiting["waiting_until"]) == (None, "2026-10-15T09:00:00+00:00")
    assert browser.post("/kanaele/mail/bestaetigen", {"code": code(world)}).json() == {"confirmed": True}
    after = browser.get("/kanaele").json()
    assert (after["mail_since"], after["waiting_until"]) == (world.now.isoformat(), None)
    assert (len(stored(world)), stored(world, "mail_confirmations")) == (1, [])
    assert not any("kanarie" in value for values in everything_stored(urls).values() for value in values)
    world.check_log()


def test_the_terms_that_were_read_are_the_consent_that_is_kept(world: World, browser: Browser) -> None:
    shown = browser.get("/kanaele").json()
    assert "Art. 5 Abs. 1 Buchst. d und Art. 32" in shown["text"]
    for wrong in ("0" * 64, ""):
        answer = browser.post("/kanaele/mail", {"address": ADDRESS, "notice": wrong})
        assert answer.status_code in {409, 422}
    assert stored(world, "mail_confirmations") == []
    assert gives(browser).status_code == 200
    kept = "SELECT encode(notice, 'hex') FROM consent_ledger WHERE activity = :name AND event = 'give'"
    assert world.value(kept, name="erreichbarkeit/propose/MAIL") == shown["notice"]


def test_an_address_is_forgotten_with_its_consent_and_again_is_no_error(world: World, browser: Browser) -> None:
    gives(browser)
    browser.post("/kanaele/mail/bestaetigen", {"code": code(world)})
    gives(browser, "neu@post.example")
    for _ in range(2):
        assert browser.post("/kanaele/mail/entfernen").json() == {"state": "removed"}
    assert (stored(world), stored(world, "mail_confirmations")) == ([], [])
    assert (logged(world, "mail_address.removed"), logged(world, "consent.withdrawn")) == (1, 1)
    state = "SELECT state FROM consent_heads WHERE activity = 'erreichbarkeit/propose/MAIL'"
    assert world.value(state) == "withdrawn"


def test_the_consent_withdrawn_on_its_own_page_takes_the_address_along(world: World, browser: Browser) -> None:
    assert "erreichbarkeit" not in browser.get("/einwilligungen").text, "nothing is asked before an address is given"
    gives(browser)
    browser.post("/kanaele/mail/bestaetigen", {"code": code(world)})
    assert "erreichbarkeit/propose/MAIL" in browser.get("/einwilligungen").text
    browser.post("/einwilligungen/widerruf", {"activity": "erreichbarkeit/propose/MAIL"})
    assert stored(world) == []
    assert (logged(world, "mail_address.removed"), logged(world, "consent.withdrawn")) == (1, 1)
    world.check_log()


@pytest.mark.parametrize("wrong", ["anna", "a@b", "a@b.example\nBcc: c@d.example", "ä@post.example", "<a@b.example>"])
def test_what_is_no_address_is_refused(world: World, browser: Browser, wrong: str) -> None:
    assert gives(browser, wrong).status_code == 422
    assert stored(world, "mail_confirmations") == []


@pytest.mark.parametrize("typed", ["", "x" * 41])
def test_what_can_be_no_code_is_refused(browser: Browser, typed: str) -> None:
    gives(browser)
    answer = browser.post("/kanaele/mail/bestaetigen", {"code": typed})
    assert answer.status_code in {200, 422}
    assert answer.json().get("confirmed", False) is False


def test_looking_confirms_nothing(world: World, page: Browser, browser: Browser, urls: dict[str, str]) -> None:
    gives(browser)
    before = everything_stored(urls)
    digits = code(world)
    for path in ("/kanaele", f"/kanaele?code={digits}", f"/kanaele/mail/bestaetigen?code={digits}"):
        page.every(["GET", "HEAD", "OPTIONS"], [path], 3)
    assert everything_stored(urls) == before


def test_the_page_takes_an_address_and_its_code_and_never_shows_the_address(world: World, page: Browser) -> None:
    shown = page.get("/kanaele").text
    assert 'name="mail"' in shown
    assert 'name="code"' not in shown
    assert "Erst wenn Sie ihn hier eingeben, verwenden wir sie." in shown
    assert "We use it only once you have entered the code here." in page.get("/kanaele", {"cookie": cookies(page)}).text
    terms = world.pipeline.mail_terms()
    assert terms is not None
    typed = {"csrf": page.csrf, "mail": ADDRESS, "text": terms.notice}
    answer = page.request("POST", "/kanaele/mail", data=typed, headers=FORM)
    assert (answer.status_code, answer.headers["location"]) == (303, "/kanaele")
    waiting = page.get("/kanaele").text
    assert "Er gilt bis 15.10.2026, 11:00 Uhr" in waiting
    assert "/kanaele/mail/entfernen" in waiting
    wrong = page.request("POST", "/kanaele/mail", data=typed | {"mail": "anna"}, headers=FORM)
    assert wrong.status_code == 422
    assert 'aria-invalid="true"' in wrong.text
    stranger = page.request("POST", "/kanaele/mail", data=typed | {"csrf": "x"}, headers=FORM)
    assert stranger.status_code == 403
    for nothing in ("", "000 000" if code(world) != "000000" else "111 111"):
        said = {"csrf": page.csrf, "code": nothing}
        refused = page.request("POST", "/kanaele/mail/bestaetigen", data=said, headers=FORM)
        assert (refused.status_code, 'aria-invalid="true"' in refused.text) == (422, True)
    good = {"csrf": page.csrf, "code": f" {code(world)[:3]} {code(world)[3:]}"}
    assert page.request("POST", "/kanaele/mail/bestaetigen", data=good, headers=FORM).status_code == 303
    shown = page.get("/kanaele").text
    assert "gilt eine Adresse, die Sie bestätigt haben" in shown
    assert "kanarie" not in shown
    again = page.request("POST", "/kanaele/mail/bestaetigen", data=good, headers=FORM)
    assert (again.status_code, "Der Code passt nicht" in again.text) == (422, True)
    assert page.request("POST", "/kanaele/mail/entfernen", data=typed, headers=FORM).status_code == 303
    assert stored(world) == []


def cookies(page: Browser) -> str:
    """What an English-speaking browser with the same session sends."""
    return "; ".join(f"{name}={value}" for name, value in {**page.cookies, "sprache": "en"}.items())


def test_the_page_says_so_when_enough_mails_went_today(world: World, page: Browser, browser: Browser) -> None:
    person = world.pipeline.session(browser.cookies[browser.name]).person
    copied = (
        "INSERT INTO deliveries SELECT (json_populate_record(d, json_build_object('id', gen_random_uuid(), 'matter',"
        " gen_random_uuid(), 'purpose', 'confirmation', 'channel', 'MAIL', 'made_at', CAST(:now AS timestamptz)))).*"
        " FROM deliveries d, generate_series(1, 5) WHERE d.person = :person AND d.purpose = 'bundle' RETURNING 1"
    )
    with world.database.transaction() as session:
        session.connection().execute(text(copied), {"now": world.now, "person": person})
    assert gives(browser).status_code == 429
    terms = world.pipeline.mail_terms()
    assert terms is not None
    typed = {"csrf": page.csrf, "mail": ADDRESS, "text": terms.notice}
    answer = page.request("POST", "/kanaele/mail", data=typed, headers=FORM)
    assert (answer.status_code, "Versuchen Sie es morgen wieder" in answer.text) == (429, True)


def test_an_address_from_before_addresses_were_confirmed_is_not_used(world: World, page: Browser) -> None:
    world.confirms_mail(world.pipeline.session(page.cookies[page.name]), ADDRESS)
    world.value("UPDATE mail_addresses SET confirmation = NULL RETURNING 1")
    shown = page.get("/kanaele").text
    assert "Ihre E-Mail-Adresse ist nicht bestätigt" in shown
    assert "/kanaele/mail/entfernen" in shown


def test_where_there_is_no_relay_mail_is_not_offered_and_none_is_taken(world: World, browser: Browser) -> None:
    world.confirms_mail(world.pipeline.session(browser.cookies[browser.name]), ADDRESS)
    world.pipeline = replace(world.pipeline, mail_offered=False)
    site = make_site(world.pipeline, LOOK, secure_cookies=False)
    (page,) = ask(site, ("GET", "/kanaele"), cookies=browser.cookies)
    assert page.status_code == 200
    assert "E-Mails bieten wir hier nicht an" in page.text
    assert 'action="/kanaele/mail"' not in page.text
    assert 'action="/kanaele/mail/entfernen"' in page.text, "what was given before can be taken back"
    with pytest.raises(Conflict, match="no relay"):
        world.pipeline.give_mail(world.pipeline.session(browser.cookies[browser.name]), ADDRESS, "0" * 64)
