"""Who comes in, how long, and with what."""

import secrets
import time
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest
from oidc_provider_mock import User, run_server_in_thread
from sqlalchemy.exc import IntegrityError, ProgrammingError

from proaktiv.core.errors import BadInput, Conflict, NotAllowed, NotFound
from proaktiv.core.staff import Role
from proaktiv.egress import Egress
from proaktiv.identity.login import RelyingParty
from proaktiv.identity.model import Client
from proaktiv.identity.provider import Provider
from proaktiv.web.office import make_office
from proaktiv.web.pages.view import Look
from proaktiv.web.staff.visitor import PENDING, RETURN_PATH, SESSION, WayIn
from tests.database.test_migrations import run
from tests.identity.double import CLIENT, SECRET, Double, running
from tests.identity.test_with_another import says_yes
from tests.office.conftest import PAGE, Office, staffing
from tests.web.browser import PageBrowser
from tests.web.conftest import everything_stored

LOOK = Look("Stadt Musterstadt")


def party_for(issuer: str) -> RelyingParty:
    client = Client(issuer, CLIENT, SECRET, f"{PAGE}{RETURN_PATH}")
    provider = Provider(client, Egress(frozenset({urlsplit(issuer).netloc}), loopback=True), time.monotonic)
    return RelyingParty(client, provider, bytes(32), secrets.token_bytes)


def with_provider(office: Office, issuer: str, subject: str = "") -> PageBrowser:
    """A browser before an office with a provider; ``subject`` is k.neu's there, a clerk of the Standesamt."""
    if subject:
        with staffing(office.world, issuer=issuer) as owner:
            owner.add("k.neu", Role.CLERK, "standesamt-musterstadt", subject)
    way = WayIn(party_for(issuer), PAGE, links=False)
    return PageBrowser(make_office(office.pipeline, LOOK, way, secure_cookies=False))


def back(double: Double, address: str, **changed: str | None) -> str:
    pairs = double.lets_in(address, **changed)
    return f"{RETURN_PATH}?" + "&".join(f"{name}={value}" for name, value in pairs)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_clerk_logs_in_with_a_provider_of_others(office: Office) -> None:
    office.world.now = office.world.now.fromtimestamp(time.time(), office.world.now.tzinfo)
    with run_server_in_thread(user_claims=(User(sub="k.muster"),)) as server:
        desk = with_provider(office, f"http://localhost:{server.server_port}", "k.muster")
        begun = desk.get("/anmeldung")
        assert begun.status_code == 303
        answer = desk.get(RETURN_PATH, params=says_yes(begun.headers["location"], sub="k.muster"))
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        assert desk.get("/").headers["location"] == "/aufgaben"
        assert desk.get("/aufgaben").status_code == 200


def test_whoever_the_provider_knows_and_the_house_does_not_is_told_so_and_stays_outside(office: Office) -> None:
    with running(Double(office.world.now.timestamp)) as double:
        desk = with_provider(office, double.issuer)
        answer = desk.get(back(double, desk.get("/anmeldung").headers["location"]))
        assert answer.status_code == 403
        assert SESSION not in desk.cookies
        assert desk.get("/aufgaben").status_code == 401


def test_the_same_subject_at_another_issuer_is_somebody_else(office: Office) -> None:
    with running(Double(office.world.now.timestamp)) as one, running(Double(office.world.now.timestamp)) as other:
        with_provider(office, one.issuer, "s-1")
        desk = with_provider(office, other.issuer)
        assert desk.get(back(other, desk.get("/anmeldung").headers["location"])).status_code == 403


def test_an_answer_opens_once_and_for_the_browser_that_asked(office: Office) -> None:
    with running(Double(office.world.now.timestamp)) as double:
        desk = with_provider(office, double.issuer, "s-1")
        address = back(double, desk.get("/anmeldung").headers["location"])
        kept = desk.cookies[PENDING]
        assert PageBrowser(desk.app).get(address).status_code == 401, "another browser"
        assert desk.get(address).status_code == 303
        again = PageBrowser(desk.app, {PENDING: kept})
        assert again.get(address).status_code == 401, "the cookie and the answer were stolen"
        assert double.asked.count("/token") == 1


def test_every_refusal_is_a_plain_page_that_says_nothing_of_why(office: Office) -> None:
    with running(Double(office.world.now.timestamp)) as double:
        desk = with_provider(office, double.issuer, "s-1")
        address = desk.get("/anmeldung").headers["location"]
        double.claims = {"nonce": "another"}
        pages = {
            desk.get(back(double, address, state="swapped")).text,
            desk.get(back(double, address, error="access_denied")).text,
            desk.get(back(double, address)).text,
        }
        assert len(pages) == 1
        assert "nonce" not in pages.pop()
        double.answers["/.well-known/openid-configuration"] = lambda: (500, {}, b"")
        away = PageBrowser(with_provider(office, double.issuer).app).get("/anmeldung")
        assert (away.status_code, "nicht erreichbar" in away.text) == (503, True)


def test_the_way_out_ends_the_session_and_leads_to_the_provider(office: Office) -> None:
    with running(Double(office.world.now.timestamp)) as double:
        desk = with_provider(office, double.issuer, "s-1")
        desk.get(back(double, desk.get("/anmeldung").headers["location"]))
        desk.get("/aufgaben")
        kept = dict(desk.cookies)
        assert desk.post("/abmelden").headers["location"] == "/abgemeldet"
        assert f"{double.issuer}/end?" in desk.get("/abgemeldet").text
        assert PageBrowser(desk.app, kept).get("/aufgaben").status_code == 401


def test_over_https_cookies_belong_to_this_host_alone(office: Office) -> None:
    with running(Double(office.world.now.timestamp)) as double:
        way = WayIn(party_for(double.issuer), PAGE, links=False)
        app = make_office(office.pipeline, LOOK, way, secure_cookies=True)
        cookie = PageBrowser(app).get("/anmeldung").headers["set-cookie"]
        assert cookie.startswith("__Host-")
        assert all(word in cookie for word in ("Secure", "HttpOnly", "SameSite=lax", "Path=/", "Max-Age=600"))


# links ----------------------------------------------------------------------------------------------------------------


def link_of(office: Office, name: str = "k.haus") -> str:
    with staffing(office.world) as owner:
        return owner.link(name).removeprefix(PAGE)


def test_a_link_opens_once_and_looking_at_it_opens_nothing(office: Office) -> None:
    link = link_of(office)
    desk = PageBrowser(office.app)
    before = everything_stored(office.world.urls)
    for _ in range(5):
        assert desk.get(link).status_code == 200
    assert everything_stored(office.world.urls) == before, "a scanner looks at every link"
    token = dict(parse_qsl(urlsplit(link).query))["schein"]
    assert desk.post("/einlass", {"schein": token}).status_code == 303
    assert PageBrowser(office.app).post("/einlass", {"schein": token}).status_code == 401
    assert office.world.count("staff_links") == 0


def test_a_link_is_over_after_an_hour_and_with_the_work_of_whoever_it_is_for(office: Office) -> None:
    late, ended = link_of(office), link_of(office, "k.jugendamt")
    with staffing(office.world) as owner:
        owner.end("k.jugendamt")
    assert PageBrowser(office.app).post("/einlass", dict(parse_qsl(urlsplit(ended).query))).status_code == 401
    office.world.now += timedelta(hours=1)
    assert PageBrowser(office.app).post("/einlass", dict(parse_qsl(urlsplit(late).query))).status_code == 401


def test_production_knows_no_links(office: Office) -> None:
    with staffing(office.world, links=False) as owner, pytest.raises(NotAllowed):
        owner.link("k.haus")
    link = link_of(office)
    desk = PageBrowser(make_office(office.pipeline, LOOK, WayIn(None, PAGE, links=False), secure_cookies=False))
    assert desk.get(link).status_code == 404
    assert desk.post("/einlass", dict(parse_qsl(urlsplit(link).query))).status_code == 404


# sessions -------------------------------------------------------------------------------------------------------------


def test_a_session_ends_after_half_an_hour_without_a_sign_of_life(office: Office) -> None:
    desk = office.desk("k.haus")
    for _ in range(4):
        office.world.now += timedelta(minutes=29)
        assert desk.get("/aufgaben").status_code == 200
    office.world.now += timedelta(minutes=30)
    assert desk.get("/aufgaben").status_code == 401


def test_a_session_ends_after_ten_hours_whatever_happens(office: Office) -> None:
    desk = office.desk("k.haus")
    for _ in range(23):
        office.world.now += timedelta(minutes=26)
        assert desk.get("/aufgaben").status_code == 200
    office.world.now += timedelta(minutes=26)
    assert desk.get("/aufgaben").status_code == 401


def test_a_session_ends_with_the_work_here(office: Office) -> None:
    desk = office.desk("k.haus")
    with staffing(office.world) as owner:
        owner.end("k.haus")
    assert desk.get("/aufgaben").status_code == 401


# who works here -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", list(Role))
def test_nobody_has_two_roles_by_name_or_by_subject(office: Office, role: Role) -> None:
    with staffing(office.world, issuer="https://login.example") as owner:
        owner.add("two", Role.CLERK, "", "s-2")
        with pytest.raises(Conflict, match="nobody has two roles"):
            owner.add("two", role, "", "")
        with pytest.raises(Conflict, match="nobody has two roles"):
            owner.add("three", role, "", "s-2")
        owner.end("two")
        owner.add("two", Role.DSB, "", "s-2")


def test_not_even_the_owner_gives_two_roles_past_the_command(office: Office) -> None:
    with pytest.raises(IntegrityError):
        run(
            office.world.urls["owner"],
            "INSERT INTO staff (id, name, role, behoerde, added_at)"
            " VALUES (gen_random_uuid(), 'd.schutz', 'clerk', '', now())",
        )


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO staff SELECT * FROM staff",
        "UPDATE staff SET role = 'dsb'",
        "INSERT INTO staff_links SELECT * FROM staff_links",
    ],
)
def test_no_surface_makes_anybody_a_member_of_the_staff(office: Office, statement: str) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"):
        run(office.world.urls["app"], statement)


@pytest.mark.parametrize(
    ("name", "role", "behoerde", "subject"),
    [
        ("with blank", Role.CLERK, "", ""),
        ("x" * 65, Role.CLERK, "", ""),
        ("x", Role.CLERK, "unknown", ""),
        ("x", Role.DSB, "standesamt-musterstadt", ""),
        ("x", Role.CLERK, "", "subject without a provider"),
    ],
)
def test_who_is_entered_wrongly_is_not_entered(
    office: Office, name: str, role: Role, behoerde: str, subject: str
) -> None:
    with staffing(office.world) as owner, pytest.raises(BadInput):
        owner.add(name, role, behoerde, subject)


def test_nobody_ends_or_links_who_does_not_work_here(office: Office) -> None:
    with staffing(office.world) as owner:
        with pytest.raises(NotFound):
            owner.end("nobody")
        with pytest.raises(NotFound):
            owner.link("nobody")
        assert {each["name"] for each in owner.members()} >= {"d.schutz", "k.haus"}


def test_a_stranger_sees_the_way_in_and_a_citizens_cookie_opens_nothing(sent: Office) -> None:
    proven = sent.world.pipeline
    letter = sent.world.letters_to(sent.anna)[-1]
    assert letter
    token = replace(proven).csrf("x")
    desk = PageBrowser(sent.app, {"proaktiv": token, SESSION: token})
    assert desk.get("/").status_code == 200
    assert desk.get("/aufgaben").status_code == 401
