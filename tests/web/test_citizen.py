"""The citizen's surface over HTTP, on the real pipeline and a real database."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI

from consent.model import ReleasedActivity
from consent.store import activities, release
from proaktiv.core import codes
from proaktiv.database import Database
from proaktiv.web.citizen import make_citizen
from tests.builders import Somebody, a_birth, a_death, a_move, a_protection, child_of, somebody
from tests.web.conftest import (
    ONE_MEBIBYTE,
    Browser,
    a_parent,
    ask,
    everything_stored,
    first_proposal,
    newest_code,
    says_yes,
    wish_of,
    with_letter,
)
from tests.world import World, code_in


def test_the_whole_way_from_a_wish_to_a_yes(world: World, app: FastAPI) -> None:
    anna = somebody("Anna")
    world.melderegister.knows(anna)
    assert Browser(app).post("/anmelden", wish_of(anna)).status_code == 202
    world.tick()
    (letter,) = world.letters.iterdir()

    browser = Browser(app)
    opened = browser.enters(code_in(letter.read_text()), anna.geburtsdatum)
    assert opened.json() == {"purpose": "activation", "trust": 1, "csrf": browser.csrf}
    offered = browser.get("/einwilligungen").json()["activities"]
    assert {each["state"] for each in offered} == {"requested"}
    given = [{"activity": each["name"], "decision": "give", "notice": each["notice"]} for each in offered]
    assert browser.post("/einwilligungen", {"decisions": given}).json() == {"recorded": len(given)}
    assert {each["state"] for each in browser.get("/einwilligungen").json()["activities"]} == {"given"}
    assert browser.get("/uebersicht").json() == {"bundles": [], "namen": {}}

    world.announce(a_birth(anna))
    world.tick()
    browser = Browser(app)
    assert browser.enters(newest_code(world, anna), anna.geburtsdatum).json()["purpose"] == "bundle"
    (bundle,) = browser.get("/uebersicht").json()["bundles"]
    assert {(each["leistung"], each["state"]) for each in bundle["proposals"]} == {
        ("ELTERNGELD", "open"),
        ("GEBURTSURKUNDE", "open"),
        ("KINDERGELD", "open"),
        ("KITA-PLATZ", "open"),
    }
    said = says_yes(browser).json()
    auftrag = browser.get(f"/auftrag/{said['auftrag']}").json()
    assert (auftrag["reference"], auftrag["state"]) == (said["reference"], "held")
    assert says_yes(browser).json() == said, "a second yes gets the first one's number"

    world.wait(hours=25)
    assert [order.leistung for order in world.behoerde.orders.values()] == ["GEBURTSURKUNDE"]
    world.check_log()


def test_no_and_later_are_answers_too(world: World, app: FastAPI) -> None:
    browser = with_letter(app, world, a_parent(world))
    proposal = first_proposal(browser)
    assert browser.post(f"/vorschlag/{proposal}/spaeter").json() == {"state": "later"}
    assert browser.post(f"/vorschlag/{proposal}/spaeter").json() == {"state": "later"}
    assert browser.post(f"/vorschlag/{proposal}/nein").json() == {"state": "declined"}
    assert browser.post(f"/vorschlag/{proposal}/nein").json() == {"state": "declined"}
    assert browser.post(f"/vorschlag/{proposal}/spaeter").status_code == 409
    assert says_yes(browser).status_code == 409
    assert world.count("auftraege") == 0


def test_who_is_known_and_who_is_not_get_the_same_answer_to_a_wish(world: World, app: FastAPI) -> None:
    known, living_here, stranger = somebody("Anna"), world.lives_here(somebody("Ben")), somebody("Carla")
    world.melderegister.knows(known)
    answers = [Browser(app).post("/anmelden", wish_of(person)) for person in (known, living_here, stranger)]
    assert {(a.status_code, a.content, tuple(a.headers.items())) for a in answers} == {
        (202, answers[0].content, tuple(answers[0].headers.items()))
    }


# one answer to whoever proves nothing ---------------------------------------------------------------------------------


def test_whatever_is_wrong_with_a_code_the_answer_is_the_same_bytes(world: World, app: FastAPI) -> None:
    anna, ben, lena, otto = (a_parent(world, name) for name in ("Anna", "Ben", "Lena", "Otto"))
    day_after = str(datetime.fromisoformat(anna.geburtsdatum).date() + timedelta(days=1))
    carla = somebody("Carla")
    world.melderegister.knows(carla)
    world.pipeline.enrol(world_wish(carla))
    world.tick()

    answers: dict[str, httpx.Response] = {}

    def types(what: str, code: str, birth_date: str) -> None:
        browser = Browser(app)
        answers[what] = browser.enters(code, birth_date)
        assert browser.cookies == {}, what

    types("unknown", codes.grouped(codes.from_mac(bytes(8))), anna.geburtsdatum)
    types("garbage", "Bitte öffnen!", anna.geburtsdatum)
    types("nothing", "", anna.geburtsdatum)
    types("one symbol wrong", newest_code(world, anna)[:-1] + "~", anna.geburtsdatum)
    types("another's birth date", newest_code(world, anna), day_after)
    for number in range(5):
        types(f"wrong date {number}", newest_code(world, ben), day_after)
    types("locked", newest_code(world, ben), ben.geburtsdatum)
    world.announce(a_protection(lena.kennung, "51"))
    types("protected", newest_code(world, lena), lena.geburtsdatum)
    world.announce(a_protection(carla.kennung, "52"))
    (activation,) = [path for path in world.letters.iterdir() if "Carla" in path.read_text()]
    types("protected before activation", code_in(activation.read_text()), carla.geburtsdatum)
    world.announce(a_death(otto.kennung))
    types("dead", newest_code(world, otto), otto.geburtsdatum)

    assert Browser(app).enters(newest_code(world, anna), anna.geburtsdatum).status_code == 200, "the control"
    world.now += timedelta(days=400)
    types("expired", newest_code(world, anna), anna.geburtsdatum)

    told = {what: (a.status_code, a.content, tuple(a.headers.items())) for what, a in answers.items()}
    assert told == dict.fromkeys(told, told["unknown"])
    assert told["unknown"][0] == 401
    assert world.count("codes", "locked_at IS NOT NULL") == 1


def world_wish(person: Somebody) -> Any:
    from proaktiv.steps.enrol import Wish

    return Wish(person.vornamen, person.familienname, person.geburtsdatum, person.strasse, person.plz, person.ort)


def test_a_session_is_over_after_half_an_hour_or_with_a_protection(world: World, app: FastAPI) -> None:
    anna, lena = a_parent(world, "Anna"), a_parent(world, "Lena")
    hers, lenas = with_letter(app, world, anna), with_letter(app, world, lena)
    assert lenas.get("/uebersicht").status_code == 200
    world.announce(a_protection(lena.kennung, "51"))
    assert lenas.get("/uebersicht").status_code == 401
    world.now += timedelta(minutes=29)
    assert hers.get("/uebersicht").status_code == 200
    world.now += timedelta(minutes=2)
    assert [hers.get("/uebersicht").status_code, says_no(hers, uuid4()).status_code] == [401, 401]


def says_no(browser: Browser, proposal: object) -> httpx.Response:
    return browser.post(f"/vorschlag/{proposal}/nein")


# what is not yours ----------------------------------------------------------------------------------------------------


def test_what_is_somebody_elses_is_answered_like_what_is_not_there(
    world: World, app: FastAPI, urls: dict[str, str]
) -> None:
    hers, his = (with_letter(app, world, a_parent(world, name)) for name in ("Anna", "Ben"))
    auftrag = says_yes(his).json()["auftrag"]
    proposal, shown = first_proposal(his), his.get(f"/vorschlag/{first_proposal(his)}").json()["shown"]
    before = everything_stored(urls)
    for method, path, body in (
        ("GET", "/vorschlag/{}", None),
        ("POST", "/vorschlag/{}/ja", {"shown": shown}),
        ("POST", "/vorschlag/{}/nein", None),
        ("POST", "/vorschlag/{}/spaeter", None),
        ("GET", "/auftrag/{}", None),
        ("POST", "/auftrag/{}/widerruf", None),
    ):
        foreign = auftrag if "auftrag" in path else proposal
        answers = [
            hers.get(path.format(some)) if method == "GET" else hers.post(path.format(some), body)
            for some in (foreign, uuid4())
        ]
        told = [(a.status_code, a.content, tuple(a.headers.items())) for a in answers]
        assert told[0] == told[1], path
        assert told[0][0] == 404, path
    assert everything_stored(urls) == before


def test_a_letter_neither_shows_nor_withdraws_what_another_letter_confirmed(world: World, app: FastAPI) -> None:
    anna = a_parent(world)
    auftrag = says_yes(with_letter(app, world, anna)).json()["auftrag"]
    world.steueramt.knows(anna, **{"person.hund_gemeldet": True, "person.hund_marke": "HM-0001"})
    world.announce(a_move(anna))
    world.tick()
    second = with_letter(app, world, anna)
    assert [bundle["lebenslage"] for bundle in second.get("/uebersicht").json()["bundles"]] == ["umzug"]
    assert second.get(f"/auftrag/{auftrag}").status_code == 404
    assert second.post(f"/auftrag/{auftrag}/widerruf").status_code == 404
    assert world.value("SELECT state FROM auftraege") == "held"


def test_about_a_stopped_event_there_is_nothing_to_see_even_of_what_was_answered(world: World, app: FastAPI) -> None:
    anna = world.lives_here(somebody("Anna"))
    birth = a_birth(anna)
    world.announce(birth)
    world.tick()
    browser = with_letter(app, world, anna)
    proposal, auftrag = first_proposal(browser), says_yes(browser).json()["auftrag"]
    paths = [f"/vorschlag/{proposal}", f"/auftrag/{auftrag}"]
    assert [browser.get(path).status_code for path in paths] == [200, 200]
    world.announce(a_death(child_of(birth)))
    assert browser.get("/uebersicht").json() == {"bundles": [], "namen": {}}
    assert [browser.get(path).status_code for path in paths] == [404, 404]
    assert says_no(browser, proposal).status_code in (404, 409)


@pytest.mark.parametrize("event", ["birth", "move"])
def test_no_address_is_shown_to_whoever_holds_only_a_letter(world: World, app: FastAPI, event: str) -> None:
    anna = world.lives_here(somebody("Anna", strasse="Geheimer Winkel 77"))
    world.melderegister.people[anna.kennung] |= {"kind.im_haushalt": True}
    world.steueramt.knows(anna, **{"person.hund_gemeldet": True, "person.hund_marke": "HM-0001"})
    old = {"strasse": "Alter Geheimer Winkel 78", "plz": "00001", "ort": "Musterstadt", "ars": "990010000000"}
    world.announce(a_birth(anna) if event == "birth" else a_move(anna, anschrift_alt=old))
    world.tick()
    browser = with_letter(app, world, anna)
    seen = [browser.get("/uebersicht").text, browser.get("/einwilligungen").text]
    for bundle in browser.get("/uebersicht").json()["bundles"]:
        seen += [browser.get(f"/vorschlag/{proposal['id']}").text for proposal in bundle["proposals"]]
    said = says_yes(browser)
    seen += [said.text, browser.get(f"/auftrag/{said.json()['auftrag']}").text]
    for word in ("Winkel", "Neuer Weg", "00001"):
        assert word not in "".join(seen)
    assert "hier nicht gezeigt" in "".join(seen)
    world.wait(hours=25)
    (order,) = world.behoerde.orders.values()
    assert ("Winkel" in str(order)) or ("Neuer Weg" in str(order)), "the control: the Behörde does get it"


# forms ----------------------------------------------------------------------------------------------------------------

NOTICE = "0" * 64


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/anmelden", wish_of(Somebody("x")) | {"telefon": "1"}, "/telefon"),
        (
            "/anmelden",
            wish_of(Somebody("x")) | {"anschrift": Somebody("x").anschrift | {"stock": 1}},
            "/anschrift/stock",
        ),
        ("/anmelden", wish_of(Somebody("x")) | {"geburtsdatum": "2026-02-30"}, "/geburtsdatum"),
        ("/anmelden", wish_of(Somebody("x")) | {"vornamen": " "}, "/vornamen"),
        ("/anmelden", wish_of(Somebody("x")) | {"vornamen": "A" * 121}, "/vornamen"),
        ("/anmelden", wish_of(Somebody("x")) | {"vornamen": "Anna\u0000"}, "/vornamen"),
        ("/anmelden", wish_of(Somebody("x")) | {"anschrift": Somebody("x").anschrift | {"plz": "1"}}, "/anschrift/plz"),
        ("/sitzung", {"code": "x", "geburtsdatum": "1994-03-08", "pin": "1"}, "/pin"),
        ("/sitzung", {"code": "x"}, "/geburtsdatum"),
        ("/sitzung", {"code": "x" * 41, "geburtsdatum": "1994-03-08"}, "/code"),
        ("/vorschlag/{}/ja", {"shown": NOTICE, "iban": "x"}, "/iban"),
        ("/vorschlag/{}/ja", {"shown": "x"}, "/shown"),
        ("/vorschlag/{}/ja", {}, "/shown"),
        ("/einwilligungen", {"decisions": [], "more": 1}, "/decisions"),
        ("/einwilligungen", {"decisions": [{"activity": "a", "decision": "give"}]}, "/decisions/0/notice"),
        (
            "/einwilligungen",
            {"decisions": [{"activity": "a", "decision": "maybe", "notice": NOTICE}]},
            "/decisions/0/decision",
        ),
        (
            "/einwilligungen",
            {"decisions": [{"activity": "a", "decision": "give", "notice": NOTICE, "for": "all"}]},
            "/decisions/0/for",
        ),
        (
            "/einwilligungen",
            {"decisions": [{"activity": "geburt/transmit/KITA-PLATZ", "decision": "give", "notice": NOTICE}]},
            "/decisions/0/activity",
        ),
        ("/einwilligungen/widerruf", {"lebenslage": "geburt", "all": True}, "/all"),
        ("/einwilligungen/widerruf", {"lebenslage": "geburt", "activity": "geburt/watch"}, "/lebenslage"),
        ("/einwilligungen/widerruf", {}, "/lebenslage"),
        ("/einwilligungen/widerruf", {"activity": "geburt/nirgends"}, "/activity"),
    ],
)
def test_a_form_with_something_wrong_or_unknown_in_it_is_refused_by_place(
    family: tuple[Browser, str], path: str, body: dict[str, Any], field: str
) -> None:
    browser, proposal = family
    answer = browser.post(path.format(proposal), body)
    assert (answer.status_code, answer.json()["field"]) == (422, field)


@pytest.fixture
def family(parental: tuple[World, Somebody]) -> Iterator[tuple[Browser, str]]:
    world, anna = parental
    browser = with_letter(make_citizen(world.pipeline, secure_cookies=False), world, anna)
    yield browser, first_proposal(browser)
    assert world.count("auftraege") == 0


def test_a_body_over_one_mebibyte_is_not_read(app: FastAPI) -> None:
    for path in ("/anmelden", "/sitzung", "/einwilligungen"):
        (answer,) = ask(app, ("POST", path), content=b" " * (ONE_MEBIBYTE + 1))
        assert (answer.status_code, answer.json()["type"]) == (413, "urn:proaktiv:problem:too-large")


# consents -------------------------------------------------------------------------------------------------------------


def test_a_decision_about_another_text_than_todays_is_a_conflict(
    world: World, app: FastAPI, urls: dict[str, str]
) -> None:
    anna = somebody("Anna")
    world.settles(anna)
    (letter,) = world.letters.iterdir()
    browser = Browser(app)
    browser.enters(code_in(letter.read_text()), anna.geburtsdatum)
    first, second = browser.get("/einwilligungen").json()["activities"][:2]
    before = everything_stored(urls)
    decisions = [
        {"activity": first["name"], "decision": "give", "notice": first["notice"]},
        {"activity": second["name"], "decision": "give", "notice": first["notice"]},
    ]
    answer = browser.post("/einwilligungen", {"decisions": decisions})
    assert (answer.status_code, answer.json()["detail"]) == (
        409,
        "the text changed since it was shown; read it again",
    )
    assert everything_stored(urls) == before, "none of the two was recorded"


def test_withdrawing_again_is_no_error(world: World, app: FastAPI) -> None:
    browser = with_letter(app, world, a_parent(world))
    first = browser.post("/einwilligungen/widerruf", {"lebenslage": "geburt"}).json()["withdrawn"]
    assert "geburt/watch" in first
    assert browser.post("/einwilligungen/widerruf", {"lebenslage": "geburt"}).json() == {"withdrawn": []}
    assert browser.post("/einwilligungen/widerruf", {"activity": "umzug/watch"}).json() == {
        "withdrawn": ["umzug/watch"]
    }
    assert browser.post("/einwilligungen/widerruf", {"activity": "umzug/watch"}).json() == {"withdrawn": []}
    assert browser.get("/uebersicht").json() == {"bundles": [], "namen": {}}
    world.check_log()


def test_an_objection_stops_what_rests_on_a_public_task_until_it_is_taken_back(world: World, app: FastAPI) -> None:
    anna = a_parent(world)
    browser = with_letter(app, world, anna)
    objected = browser.post("/einwilligungen/widerspruch", {"lebenslage": "geburt"}).json()["objected"]
    assert objected == ["geburt/match", "geburt/watch"], "never what is a consent"
    assert browser.post("/einwilligungen/widerspruch", {"lebenslage": "geburt"}).json() == {"objected": []}
    assert browser.get("/uebersicht").json() == {"bundles": [], "namen": {}}
    states = {each["name"]: each["state"] for each in browser.get("/einwilligungen").json()["activities"]}
    assert (states["geburt/watch"], states["geburt/propose/LETTER"]) == ("objected", "given")

    world.announce(a_birth(anna))
    world.tick()
    assert len(world.letters_to(anna)) == 1, "nothing comes of a birth after it"
    offered = [each for each in browser.get("/einwilligungen").json()["activities"] if each["name"] in objected]
    given = [{"activity": each["name"], "decision": "give", "notice": each["notice"]} for each in offered]
    assert browser.post("/einwilligungen", {"decisions": given}).status_code == 200
    world.announce(a_birth(anna))
    world.tick()
    assert len(world.letters_to(anna)) == 3, "who consents again hears of what was known before, and of this"
    world.check_log()


def test_who_objects_again_after_the_recipient_got_another_name_is_heard_again(world: World, app: FastAPI) -> None:
    browser = with_letter(app, world, a_parent(world))
    wish = {"activity": "geburt/match"}
    assert browser.post("/einwilligungen/widerspruch", wish).json() == {"objected": ["geburt/match"]}
    reworded(world, "geburt/match", "Stadt Musterstadt, jetzt Bürgeramt")
    assert browser.post("/einwilligungen/widerspruch", wish).json() == {"objected": ["geburt/match"]}
    assert world.count("consent_heads", "activity = 'geburt/match' AND state = 'objected'") == 2
    assert browser.post("/einwilligungen/widerspruch", wish).json() == {"objected": []}
    world.check_log()


def reworded(world: World, activity: str, recipient: str) -> None:
    """Release the next version of an activity: its recipient has another name."""
    owner = Database(world.urls["owner"], pool_size=1)
    with owner.transaction() as session:
        known = activities(session.connection(), {activity})[activity]
        other = replace(known, version=known.version + 1, recipient=recipient)
        signed = ReleasedActivity(other, content_hash="ab" * 32, demo=True, signature=b"", released_at=world.now)
        release(session.connection(), [signed])
    owner.close()


@pytest.mark.parametrize("wrong", [{"activity": "geburt/propose/LETTER"}, {"activity": "geburt/nirgends"}, {}])
def test_there_is_no_objection_to_what_rests_on_a_consent(world: World, app: FastAPI, wrong: dict[str, str]) -> None:
    browser = with_letter(app, world, a_parent(world))
    answer = browser.post("/einwilligungen/widerspruch", wrong)
    assert answer.status_code == 422
    assert world.count("consent_heads", "state = 'objected'") == 0


def test_an_objection_leaves_a_confirmed_auftrag_running(world: World, app: FastAPI) -> None:
    browser = with_letter(app, world, a_parent(world))
    says_yes(browser)
    browser.post("/einwilligungen/widerspruch", {"lebenslage": "geburt"})
    world.wait(hours=25)
    assert len(world.behoerde.orders) == 1, "it rests on a consent of its own"
    world.check_log()


def test_a_given_consent_is_taken_back_by_withdrawing_and_not_by_refusing(world: World, app: FastAPI) -> None:
    browser = with_letter(app, world, a_parent(world))
    (watch,) = [a for a in browser.get("/einwilligungen").json()["activities"] if a["name"] == "geburt/watch"]
    refusing = {"activity": watch["name"], "decision": "refuse", "notice": watch["notice"]}
    answer = browser.post("/einwilligungen", {"decisions": [refusing]})
    assert answer.status_code == 409
    assert "withdraw it" in answer.json()["detail"]


@pytest.mark.parametrize(("hours", "tasks"), [(0, 0), (25, 1)])
def test_withdrawing_an_auftrag_twice_does_no_harm(world: World, app: FastAPI, hours: int, tasks: int) -> None:
    anna = a_parent(world)
    browser = with_letter(app, world, anna)
    auftrag = says_yes(browser).json()["auftrag"]
    world.wait(hours=hours)
    if hours:
        browser = with_letter(app, world, anna)
    assert browser.post(f"/auftrag/{auftrag}/widerruf").json() == {"state": "withdrawn"}
    entries = len(world.flow_names())
    assert browser.post(f"/auftrag/{auftrag}/widerruf").json() == {"state": "withdrawn"}
    assert world.count("tasks") == tasks
    assert len(world.flow_names()) == entries
    world.wait(hours=25)
    assert len(world.behoerde.orders) == tasks
    world.check_log()


@pytest.mark.parametrize("day", [0, 86400.0, True, "0", "2026-10-31T00:00:00", "20261031"])
def test_a_day_is_written_as_one_and_nothing_else_is_read_as_one(app: FastAPI, day: Any) -> None:
    answer = Browser(app).post("/anmelden", wish_of(somebody("Anna")) | {"geburtsdatum": day})
    assert (answer.status_code, answer.json()["field"]) == (422, "/geburtsdatum")


def test_a_wrong_method_is_told_every_right_one(app: FastAPI) -> None:
    answer = Browser(app).request("DELETE", "/einwilligungen", headers={"sec-fetch-site": "same-origin"})
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")
