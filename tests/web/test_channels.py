"""How a person is reached: an address is taken, sealed away from the surface that took it, and forgotten on request."""

from dataclasses import replace

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from proaktiv.core.errors import Conflict
from proaktiv.web.pages.site import make_site
from proaktiv.web.pages.view import Look
from tests.web.conftest import Browser, a_parent, ask, everything_stored, with_letter
from tests.world import World

ADDRESS = "anna.kanarie@post.example"
FORM = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin"}


@pytest.fixture
def browser(world: World, app: FastAPI) -> Browser:
    return with_letter(app, world, a_parent(world))


def stored(world: World) -> list[tuple[bytes | None, bytes | None]]:
    with world.database.transaction() as session:
        rows = session.connection().execute(text("SELECT inbox, address FROM mail_addresses"))
        return [(row.inbox, row.address) for row in rows]


def test_an_address_is_taken_and_stands_nowhere_readable(world: World, browser: Browser, urls: dict[str, str]) -> None:
    assert browser.get("/kanaele").json() == {"mail_since": None}
    assert browser.post("/kanaele/mail", {"address": f" {ADDRESS} "}).json() == {"state": "given"}
    assert browser.get("/kanaele").json() == {"mail_since": world.now.isoformat()}
    ((inbox, address),) = stored(world)
    assert (inbox is not None, address) == (True, None)
    assert not any("kanarie" in value for values in everything_stored(urls).values() for value in values)
    world.check_log()


def test_an_address_that_is_given_again_replaces_the_former_one(world: World, browser: Browser) -> None:
    browser.post("/kanaele/mail", {"address": ADDRESS})
    (before,) = stored(world)
    browser.post("/kanaele/mail", {"address": ADDRESS})
    (after,) = stored(world)
    assert before != after


def test_an_address_is_forgotten_and_again_is_no_error(world: World, browser: Browser) -> None:
    browser.post("/kanaele/mail", {"address": ADDRESS})
    for _ in range(2):
        assert browser.post("/kanaele/mail/entfernen").json() == {"state": "removed"}
    assert stored(world) == []
    removed = "SELECT count(*) FROM flow_log WHERE convert_from(f_bytes, 'UTF8')::jsonb ->> 'action' = :action"
    assert world.value(removed, action="mail_address.removed") == 1


@pytest.mark.parametrize("wrong", ["anna", "a@b", "a@b.example\nBcc: c@d.example", "ä@post.example", "<a@b.example>"])
def test_what_is_no_address_is_refused(world: World, browser: Browser, wrong: str) -> None:
    assert browser.post("/kanaele/mail", {"address": wrong}).status_code == 422
    assert stored(world) == []


def test_the_page_takes_an_address_and_never_shows_it(world: World, browser: Browser) -> None:
    look = Look(house="Stadt Musterstadt")
    page = Browser(make_site(world.pipeline, look, secure_cookies=False))
    page.cookies, page.csrf = browser.cookies, browser.csrf
    assert 'name="mail"' in page.get("/kanaele").text
    typed = {"csrf": page.csrf, "mail": ADDRESS}
    answer = page.request("POST", "/kanaele/mail", data=typed, headers=FORM)
    assert (answer.status_code, answer.headers["location"]) == (303, "/kanaele")
    shown = page.get("/kanaele").text
    assert "/kanaele/mail/entfernen" in shown
    assert "kanarie" not in shown
    wrong = page.request("POST", "/kanaele/mail", data=typed | {"mail": "anna"}, headers=FORM)
    assert wrong.status_code == 422
    assert 'aria-invalid="true"' in wrong.text
    stranger = page.request("POST", "/kanaele/mail", data={"mail": ADDRESS, "csrf": "x"}, headers=FORM)
    assert stranger.status_code == 403
    assert page.request("POST", "/kanaele/mail/entfernen", data=typed, headers=FORM).status_code == 303
    assert stored(world) == []


def test_where_there_is_no_relay_mail_is_not_offered_and_none_is_taken(world: World, browser: Browser) -> None:
    browser.post("/kanaele/mail", {"address": ADDRESS})
    world.pipeline = replace(world.pipeline, mail_offered=False)
    site = make_site(world.pipeline, Look("Stadt Musterstadt"), secure_cookies=False)
    (page,) = ask(site, ("GET", "/kanaele"), cookies=browser.cookies)
    assert page.status_code == 200
    assert "E-Mails bieten wir hier nicht an" in page.text
    assert 'action="/kanaele/mail"' not in page.text
    assert 'action="/kanaele/mail/entfernen"' in page.text, "what was given before can be taken back"
    with pytest.raises(Conflict, match="no relay"):
        world.pipeline.give_mail(world.pipeline.session(browser.cookies[browser.name]), ADDRESS)
