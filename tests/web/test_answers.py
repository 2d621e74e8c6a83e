"""What every answer of the citizen's surface carries, and what neither it nor the log may hold."""

import logging
from dataclasses import replace
from datetime import datetime
from uuid import uuid4

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from proaktiv.web.asking import SECURE_COOKIE
from proaktiv.web.citizen import make_citizen
from proaktiv.web.intake import make_intake
from proaktiv.web.security import HEADERS
from tests.builders import somebody
from tests.web.conftest import (
    ONE_MEBIBYTE,
    Browser,
    a_parent,
    ask,
    first_proposal,
    newest_code,
    office_of,
    says_yes,
    wish_of,
    with_letter,
)
from tests.world import World

NOTICE = "0" * 64


def test_every_answer_carries_the_fixed_headers(world: World, app: FastAPI) -> None:
    anna = a_parent(world)
    browser = Browser(app)
    answers = [
        browser.get("/uebersicht"),
        browser.enters("x", anna.geburtsdatum),
        browser.enters(newest_code(world, anna), anna.geburtsdatum),
        browser.get("/health"),
        browser.get("/openapi.json"),
        browser.get("/nirgends"),
        browser.get("/uebersicht/"),
        browser.request("HEAD", "/uebersicht"),
        browser.request("DELETE", "/uebersicht", headers={"sec-fetch-site": "same-origin"}),
        browser.post("/einwilligungen", {}, {"x-csrf": "x"}),
        browser.post("/einwilligungen", {}, {"sec-fetch-site": "cross-site"}),
        browser.post("/einwilligungen", {"more": 1}),
        browser.request("POST", "/einwilligungen", content=b"{", headers={"content-type": "application/json"}),
        browser.request("POST", "/einwilligungen", content=b" " * (ONE_MEBIBYTE + 1)),
        browser.get("/vorschlag/keine"),
        browser.get(f"/vorschlag/{uuid4()}"),
        browser.post(f"/vorschlag/{first_proposal(browser)}/ja", {"shown": NOTICE}),
        browser.post("/anmelden", wish_of(somebody("Ben"))),
    ]
    broken = make_citizen(replace(world.pipeline, wall=a_mistake), secure_cookies=False)
    answers += ask(broken, ("GET", "/uebersicht"))
    seen = {answer.status_code for answer in answers}
    assert seen >= {200, 202, 307, 400, 401, 403, 404, 405, 409, 413, 422, 500}
    for answer in answers:
        for name, value in HEADERS:
            assert answer.headers.get_list(name.decode()) == [value.decode()], (answer.status_code, name)
        assert "server" not in answer.headers
    for other in (make_intake(world.pipeline), office_of(world)):
        for answer in ask(other, ("GET", "/health"), ("GET", "/nirgends"), ("DELETE", "/health")):
            for name, value in HEADERS:
                assert answer.headers.get_list(name.decode()) == [value.decode()]


def a_mistake() -> datetime:
    raise KeyError("Anna Beispiel-Probst")


def test_the_cookie_is_for_this_surface_alone_and_no_script_reads_it(world: World) -> None:
    anna = a_parent(world)
    for secure, name in ((True, SECURE_COOKIE), (False, "proaktiv")):
        browser = Browser(make_citizen(world.pipeline, secure_cookies=secure), name)
        (cookie,) = browser.enters(newest_code(world, anna), anna.geburtsdatum).headers.get_list("set-cookie")
        (pair, *flags) = cookie.split("; ")
        assert pair == f"{name}={browser.cookies[name]}"
        assert len(browser.cookies[name]) == 64
        expected = {"HttpOnly", "Path=/", "SameSite=lax", "Max-Age=1800"} | ({"Secure"} if secure else set())
        assert set(flags) == expected
        assert browser.get("/uebersicht").status_code == 200
        assert "set-cookie" not in browser.get("/uebersicht").headers
    assert SECURE_COOKIE.startswith("__Host-")
    with world.database.transaction() as session:
        stored = session.connection().execute(text("SELECT t::text FROM sessions t")).scalars().all()
    assert browser.cookies[name] not in "".join(stored), "a copy of the table opens no session"


def test_two_sessions_have_two_tokens(world: World, app: FastAPI) -> None:
    anna = a_parent(world)
    first, second = with_letter(app, world, anna), with_letter(app, world, anna)
    assert first.cookies != second.cookies
    assert first.csrf != second.csrf


def test_nothing_of_a_person_gets_into_the_log(
    world: World, app: FastAPI, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.INFO)
    anna = a_parent(world, "Annegret-Kanarienvogel")
    code = newest_code(world, anna)
    browser = with_letter(app, world, anna)
    says_yes(browser)
    browser.post("/anmelden", wish_of(anna))
    browser.post("/anmelden", wish_of(anna) | {"geburtsdatum": anna.familienname})
    browser.enters(code, "1900-01-01")
    for pipeline in (replace(world.pipeline, wall=a_mistake), replace(world.pipeline, clock=a_mistake)):
        broken = Browser(make_citizen(pipeline, secure_cookies=False))
        assert broken.post("/anmelden", wish_of(anna)).status_code in (202, 500)
        assert broken.enters(code, anna.geburtsdatum).status_code == 500
    world.wait(hours=25)
    captured = capfd.readouterr()
    written = captured.out + captured.err + caplog.text
    assert "request.broken" in written, "the control: something was written"
    token = next(iter(browser.cookies.values()))
    for secret in (
        code,
        code.replace("-", ""),
        anna.vornamen,
        anna.familienname,
        anna.geburtsdatum,
        token,
        browser.csrf,
    ):
        assert secret not in written
    assert "1900-01-01" not in written
