"""The way there and back: what a browser or a provider may lie about, sessions, and what a look changes."""

import re
import secrets
import time
from datetime import timedelta
from typing import Any

import pytest
from oidc_provider_mock import User, run_server_in_thread

from proaktiv.web.asking import LOOPBACK_COOKIE, SECURE_COOKIE
from proaktiv.web.pages.site import make_site
from proaktiv.web.pages.view import Look
from proaktiv.web.pages.visitor import PENDING, AccountWay
from tests.account.conftest import LOOK, PAGE, Town, account_of, back, party_for, site_for
from tests.identity.double import Double, running
from tests.identity.test_with_another import says_yes
from tests.office.conftest import Office
from tests.web.browser import PageBrowser
from tests.web.conftest import everything_stored


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_person_binds_and_logs_in_with_a_provider_of_others(town: Town) -> None:
    town.world.now = town.world.now.fromtimestamp(time.time(), town.world.now.tzinfo)
    account = account_of(town.anna)
    people = (User(sub=account.pop("sub"), claims=account),)
    with run_server_in_thread(user_claims=people) as server:
        app = site_for(town.world, f"http://localhost:{server.server_port}")
        browser = PageBrowser(app, town.letter(town.anna).cookies)
        begun = browser.get("/konto/anmelden")
        answer = browser.get("/konto/zurueck", params=says_yes(begun.headers["location"], sub=people[0].sub))
        assert answer.headers["location"] == "/konto/verbinden", answer.text
        browser.get("/konto/verbinden")
        assert browser.post("/konto/verbinden").headers["location"] == "/meine-daten"
        again = PageBrowser(app)
        begun = again.get("/konto/anmelden")
        answer = again.get("/konto/zurueck", params=says_yes(begun.headers["location"], sub=people[0].sub))
        assert answer.headers["location"] == "/uebersicht", answer.text
        assert "Sie haben sich mit Ihrem Nutzerkonto angemeldet." in again.get("/meine-daten").text


LIES: list[dict[str, Any]] = [
    {"iss": "https://other.example"},
    {"aud": "other"},
    {"nonce": "another"},
    {"exp": 1},
    {"iat": 1},
    {"auth_time": 1},
    {"auth_time": None},
    {"sub": ""},
]


@pytest.mark.parametrize("lie", LIES, ids=str)
@pytest.mark.parametrize("beside_a_letter", [True, False])
def test_a_token_with_a_lie_opens_nothing_and_binds_nothing(
    town: Town, lie: dict[str, Any], beside_a_letter: bool
) -> None:
    if not beside_a_letter:
        town.binds(town.anna)
    browser = town.letter(town.anna) if beside_a_letter else PageBrowser(town.app)
    before = browser.session
    answer = town.comes_back(browser, account_of(town.anna) | lie)
    assert answer.status_code == 401
    assert browser.session == before
    assert browser.get("/konto/verbinden").status_code == (303 if beside_a_letter else 401)
    assert town.bound() == (0 if beside_a_letter else 1)


@pytest.mark.parametrize("changed", [{"state": "swapped"}, {"iss": "https://other.example"}, {"code": None}])
def test_an_answer_that_was_changed_on_its_way_opens_nothing(town: Town, changed: dict[str, str | None]) -> None:
    town.binds(town.anna)
    browser = PageBrowser(town.app)
    assert town.comes_back(browser, account_of(town.anna), **changed).status_code == 401
    assert browser.session == ""


def test_an_answer_opens_once_and_for_the_browser_that_asked(town: Town) -> None:
    town.binds(town.anna)
    browser = PageBrowser(town.app)
    town.double.claims = account_of(town.anna)
    address = back(town.double, browser.get("/konto/anmelden").headers["location"])
    kept = browser.cookies[PENDING]
    assert PageBrowser(town.app).get(address).status_code == 401, "another browser"
    asked = town.double.asked.count("/token")
    assert browser.get(address).status_code == 303
    assert PageBrowser(town.app, {PENDING: kept}).get(address).status_code == 401, "both were stolen"
    assert town.double.asked.count("/token") == asked + 1


def test_a_log_in_for_the_office_is_none_for_the_citizens_pages(town: Town) -> None:
    town.binds(town.anna)
    town.double.claims = account_of(town.anna)
    other = party_for(town.double.issuer)
    other._seal = type(other._seal)(b"o" * 32)  # the office seals with a key of its own
    begun = other.begin(town.world.now)
    stolen = PageBrowser(town.app, {PENDING: begun.cookie})
    assert stolen.get(back(town.double, begun.address)).status_code == 401


def test_a_provider_that_is_away_is_told_and_ends_nothing(town: Town) -> None:
    browser = town.letter(town.anna)
    town.double.answers["/.well-known/openid-configuration"] = lambda: (500, {}, b"")
    away = PageBrowser(site_for(town.world, town.double.issuer), browser.cookies)
    assert away.get("/konto/anmelden").status_code == 503
    assert away.get("/konto").status_code == 200
    assert away.get("/uebersicht").status_code == 200


# sessions -------------------------------------------------------------------------------------------------------------


def test_each_log_in_gets_a_token_of_its_own_and_ends_the_one_before(town: Town) -> None:
    browser = town.letter(town.anna)
    letter = browser.session
    town.comes_back(browser, account_of(town.anna))
    browser.get("/konto/verbinden")
    browser.post("/konto/verbinden")
    bound = browser.session
    town.comes_back(browser, account_of(town.anna))
    again = browser.session
    assert len({letter, bound, again}) == 3
    for old in (letter, bound):
        assert PageBrowser(town.app, {LOOPBACK_COOKIE: old}).get("/uebersicht").status_code == 401
    assert PageBrowser(town.app, {LOOPBACK_COOKIE: again}).get("/uebersicht").status_code == 200


def test_a_token_that_was_laid_into_the_browser_is_never_taken_over(town: Town) -> None:
    town.binds(town.anna)
    laid = secrets.token_hex(32)
    victim = PageBrowser(town.app, {LOOPBACK_COOKIE: laid})
    assert town.comes_back(victim, account_of(town.anna)).status_code == 303
    assert victim.session != laid
    assert PageBrowser(town.app, {LOOPBACK_COOKIE: laid}).get("/uebersicht").status_code == 401


def test_a_session_of_an_account_lives_an_hour_whatever_happens(town: Town) -> None:
    browser = town.binds(town.anna)
    for _ in range(5):
        town.world.now += timedelta(minutes=10)
        assert browser.get("/meine-daten").status_code == 200
    town.world.now += timedelta(minutes=10)
    assert browser.get("/meine-daten").status_code == 401


def test_leaving_ends_the_session_and_leads_to_the_provider(town: Town) -> None:
    browser = town.binds(town.anna)
    browser.get("/konto")
    kept = browser.session
    assert browser.post("/abmelden").headers["location"] == "/konto/abgemeldet"
    assert f"{town.double.issuer}/end?" in browser.get("/konto/abgemeldet").text
    assert PageBrowser(town.app, {LOOPBACK_COOKIE: kept}).get("/uebersicht").status_code == 401
    letter = town.letter(town.anna)
    letter.get("/konto")
    assert letter.post("/abmelden").headers["location"] == "/"


def test_over_https_cookies_belong_to_this_host_alone(town: Town) -> None:
    way = AccountWay(party_for(town.double.issuer), PAGE)
    app = make_site(town.world.pipeline, LOOK, secure_cookies=True, account_way=way)
    browser = PageBrowser(app)
    cookie = browser.get("/konto/anmelden").headers["set-cookie"]
    assert cookie.startswith(f"__Host-{PENDING}=")
    assert all(word in cookie for word in ("Secure", "HttpOnly", "SameSite=lax", "Path=/", "Max-Age=600"))
    assert SECURE_COOKIE.startswith("__Host-")


# what a look changes, and what stands where ---------------------------------------------------------------------------


def test_no_look_changes_anything_but_the_way_back_with_its_cookie(town: Town) -> None:
    bound, letter = town.binds(town.anna), town.letter(town.ben)
    town.comes_back(letter, account_of(town.ben))  # one waits to be bound
    before = everything_stored(town.world.urls)
    for browser in (bound, letter, PageBrowser(town.app)):
        for path in (
            "/konto",
            "/konto/anmelden",
            "/konto/verbinden",
            "/konto/abgemeldet",
            "/konto/zurueck",
            "/konto/trennen",
        ):
            for method in ("GET", "HEAD", "OPTIONS"):
                PageBrowser(town.app, dict(browser.cookies))._ask(method, path)
    assert everything_stored(town.world.urls) == before
    stranger = PageBrowser(town.app)
    town.comes_back(stranger, account_of(town.anna))
    assert everything_stored(town.world.urls) != before, "the control: this GET is the one that may"


def test_no_address_and_no_line_names_anybody(town: Town, capsys: pytest.CaptureFixture[str]) -> None:
    browser = town.letter(town.anna)
    town.comes_back(browser, account_of(town.ben))
    begun = browser.get("/konto/anmelden").headers["location"]
    answer = town.comes_back(browser, account_of(town.anna))
    said = capsys.readouterr().out + begun + answer.headers["location"]
    for person in (town.anna, town.ben):
        for word in (person.familienname, person.vornamen, person.geburtsdatum, account_of(person)["sub"]):
            assert word not in said
    assert "account.not_entered" in said


@pytest.mark.parametrize("path", ["/konto/verbinden", "/konto/trennen"])
def test_what_changes_something_wants_the_forms_own_token(town: Town, path: str) -> None:
    browser = town.binds(town.anna)
    browser.get("/konto")
    before = everything_stored(town.world.urls)
    for token in ("", "0" * 64, "ü"):
        assert browser.post(path, csrf=token).status_code == 403
    assert PageBrowser(town.app).post(path).status_code == 401
    assert everything_stored(town.world.urls) == before


def test_without_a_provider_the_page_says_so_and_nothing_leads_there(town: Town) -> None:
    app = make_site(town.world.pipeline, Look("Stadt Musterstadt"), secure_cookies=False)
    browser = PageBrowser(app, town.letter(town.anna).cookies)
    page = browser.get("/konto")
    assert (page.status_code, "gibt es hier nicht" in page.text) == (200, True)
    for path in ("/", "/uebersicht", "/meine-daten", "/b"):
        assert "/konto" not in browser.get(path).text
    for path in ("/konto/anmelden", "/konto/zurueck", "/konto/verbinden", "/konto/abgemeldet"):
        assert browser.get(path).status_code == 404
    assert "/konto" in PageBrowser(town.app).get("/").text, "the control"


def test_the_timeline_shows_each_look_of_the_staff(sent: Office) -> None:
    desk = sent.desk("k.standesamt")
    assert desk.get(f"/auftraege/{sent.auftrag}").status_code == 200
    allowed = sent.allowed(sent.anna.kennung, "Auskunft nach Art. 15 DSGVO")
    assert sent.desk("d.schutz").get(allowed).status_code == 200
    with running(Double(sent.world.now.timestamp)) as double:
        town = Town(sent.world, double, site_for(sent.world, double.issuer), sent.anna, sent.anna)
        page = town.history(town.binds(sent.anna))
    assert "Jemand im Amt hat Ihren Auftrag geöffnet" in page
    assert "Jemand im Amt hat nachgesehen, wer Ihre Daten gesehen hat" in page
    assert "Ein Auftrag ging an die Behörde." in page
    numbers = [int(cell) for cell in re.findall(r"<tr><td data-label=\"Nr.\">(\d+)</td>", page)]
    assert numbers == list(range(numbers[0], 0, -1)), "no gap, newest first"
