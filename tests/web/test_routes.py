"""Every route of the three surfaces, by name: a new one is thought about here before it is served."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.routing import Mount

from proaktiv.web.citizen import make_citizen
from proaktiv.web.dsb import make_dsb
from proaktiv.web.intake import make_intake
from tests.builders import a_birth, somebody
from tests.web.conftest import Browser, ask, everything_stored, office_of, wish_of, with_letter
from tests.world import World

CHANGES, READS = True, False

INVENTORY: dict[str, dict[tuple[str, str], bool]] = {
    "intake": {
        ("GET", "/openapi.json"): READS,
        ("GET", "/health"): READS,
        ("POST", "/token"): CHANGES,
        ("POST", "/events"): CHANGES,
        ("POST", "/acknowledgements"): CHANGES,
    },
    "citizen": {
        ("GET", "/openapi.json"): READS,
        ("GET", "/health"): READS,
        ("POST", "/anmelden"): CHANGES,
        ("POST", "/sitzung"): CHANGES,
        ("POST", "/echt"): CHANGES,  # the count of questions alone
        ("GET", "/uebersicht"): READS,
        ("GET", "/vorschlag/{proposal_id}"): READS,
        ("POST", "/vorschlag/{proposal_id}/ja"): CHANGES,
        ("POST", "/vorschlag/{proposal_id}/antwort"): CHANGES,
        ("POST", "/vorschlag/{proposal_id}/nein"): CHANGES,
        ("POST", "/vorschlag/{proposal_id}/spaeter"): CHANGES,
        ("GET", "/auftrag/{auftrag_id}"): READS,
        ("POST", "/auftrag/{auftrag_id}/widerruf"): CHANGES,
        ("POST", "/auftrag/{auftrag_id}/rueckgaengig"): CHANGES,
        ("GET", "/auftrag/{auftrag_id}/blatt"): READS,
        ("GET", "/unterschrift/{auftrag_id}"): READS,
        ("POST", "/unterschrift/{auftrag_id}/ja"): CHANGES,
        ("POST", "/unterschrift/{auftrag_id}/nein"): CHANGES,
        ("GET", "/einwilligungen"): READS,
        ("POST", "/einwilligungen"): CHANGES,
        ("POST", "/einwilligungen/widerruf"): CHANGES,
        ("POST", "/einwilligungen/widerspruch"): CHANGES,
        ("GET", "/kanaele"): READS,
        ("POST", "/kanaele/mail"): CHANGES,
        ("POST", "/kanaele/mail/bestaetigen"): CHANGES,
        ("POST", "/kanaele/mail/entfernen"): CHANGES,
        ("GET", "/me/flows"): READS,
        ("GET", "/me/flows/bundle"): READS,
        ("GET", "/me/cockpit/status"): READS,
        ("GET", "/me/cockpit/protokolldaten"): READS,
        ("GET", "/me/cockpit/protokolldaten/{entry_id}/inhaltsdaten"): READS,
        ("GET", "/me/usage-period"): READS,
        ("GET", "/me/heartbeat"): READS,
    },
    "office": {
        ("GET", "/health"): READS,
        ("GET", "/static/{digest}/{name}"): READS,
        ("GET", "/"): READS,
        ("GET", "/anmeldung"): READS,
        ("GET", "/anmeldung/zurueck"): READS,  # by the standard; without the cookie of that very browser, nothing
        ("GET", "/einlass"): READS,
        ("POST", "/einlass"): CHANGES,
        ("GET", "/abgemeldet"): READS,
        ("POST", "/abmelden"): CHANGES,
        ("POST", "/sprache"): CHANGES,
        ("GET", "/aufgaben"): READS,
        ("POST", "/aufgaben/{task_id}"): CHANGES,
        ("GET", "/auftraege"): READS,
        ("GET", "/auftraege/{auftrag_id}"): READS,  # and logs who looked
        ("POST", "/auftraege/{auftrag_id}/antwort"): CHANGES,
        ("GET", "/protokoll"): READS,
        ("GET", "/datenfluesse"): READS,
        ("GET", "/datenfluesse/{flow_id}"): READS,  # and logs who looked
        # Of the DSB: each of them logs who looked.
        ("GET", "/verweigert"): READS,
        ("GET", "/befunde"): READS,
        ("GET", "/checkpoints"): READS,
        ("GET", "/auszuege"): READS,
        ("POST", "/auszuege"): CHANGES,
        ("GET", "/person"): READS,
        ("POST", "/person"): CHANGES,
        ("GET", "/person/{request_id}"): READS,
        ("POST", "/person/{request_id}/entscheidung"): CHANGES,
        ("POST", "/person/{request_id}/zurueckziehen"): CHANGES,
        ("GET", "/loeschungen"): READS,
        ("POST", "/loeschungen"): CHANGES,
        ("POST", "/loeschungen/{request_id}/entscheidung"): CHANGES,
        ("POST", "/loeschungen/{request_id}/zurueckziehen"): CHANGES,
        ("GET", "/sperren"): READS,
        ("POST", "/sperren"): CHANGES,
        ("POST", "/sperren/{hold_id}/freigabe"): CHANGES,
        ("POST", "/sperren/{request_id}/entscheidung"): CHANGES,
        ("POST", "/sperren/{request_id}/zurueckziehen"): CHANGES,
        ("GET", "/vorfaelle"): READS,
    },
    "dsb": {  # each of them logs who looked
        ("GET", "/openapi.json"): READS,
        ("GET", "/session"): READS,
        ("GET", "/log"): READS,
        ("GET", "/flows"): READS,
        ("GET", "/flows/{flow_id}"): READS,
        ("GET", "/flows/{flow_id}/proof"): READS,
        ("GET", "/flows/{flow_id}/consent"): READS,
        ("GET", "/findings"): READS,
        ("GET", "/checkpoints"): READS,
        ("GET", "/checkpoints/{size}"): READS,
        ("GET", "/log/consistency"): READS,
        ("GET", "/incidents"): READS,
        ("GET", "/requests"): READS,
        ("POST", "/requests"): CHANGES,
        ("POST", "/requests/{request_id}/decision"): CHANGES,
        ("POST", "/requests/{request_id}/withdrawal"): CHANGES,
        ("GET", "/erasures"): READS,
        ("POST", "/erasures"): CHANGES,
        ("POST", "/erasures/{request_id}/decision"): CHANGES,
        ("POST", "/erasures/{request_id}/withdrawal"): CHANGES,
        ("GET", "/holds"): READS,
        ("POST", "/holds"): CHANGES,
        ("POST", "/holds/{hold_id}/release"): CHANGES,
        ("POST", "/holds/requests/{request_id}/decision"): CHANGES,
        ("POST", "/holds/requests/{request_id}/withdrawal"): CHANGES,
        ("GET", "/exports"): READS,
        ("POST", "/exports"): CHANGES,
        ("GET", "/exports/{export_id}"): READS,
    },
}
BEFORE_PROOF = {"/anmelden", "/sitzung", "/echt"}
"""What of the citizen's surface may be posted by somebody who has not shown who they are."""

SAFE = ("GET", "HEAD", "OPTIONS")
NEEDS_PROOF = sorted(
    path for (_, path), changes in INVENTORY["citizen"].items() if changes and path not in BEFORE_PROOF
)


def surfaces(world: World) -> dict[str, FastAPI]:
    return {
        "intake": make_intake(world.pipeline),
        "citizen": make_citizen(world.pipeline, secure_cookies=False),
        "office": office_of(world),
        "dsb": make_dsb(world.pipeline, secure_cookies=False),
    }


def routes_of(routes: list[Any]) -> Iterator[tuple[str, str]]:
    for route in routes:
        included = getattr(route, "original_router", None)
        if included is not None:
            yield from routes_of(included.routes)
        elif not isinstance(route, Mount):  # what is mounted is a surface of its own, listed here too
            for method in route.methods - {"HEAD"}:
                yield method, route.path


def test_no_surface_has_a_route_that_is_not_listed_here(world: World) -> None:
    found = {name: set(routes_of(app.routes)) for name, app in surfaces(world).items()}
    assert found == {name: set(listed) for name, listed in INVENTORY.items()}


def test_a_route_that_is_not_listed_would_be_seen(world: World) -> None:
    app = office_of(world)
    app.get("/neu")(lambda: None)
    assert set(routes_of(app.routes)) - set(INVENTORY["office"]) == {("GET", "/neu")}


def test_what_changes_something_is_never_a_get() -> None:
    for listed in INVENTORY.values():
        assert {method for (method, _), changes in listed.items() if changes} <= {"POST"}
        assert {method for (method, _), changes in listed.items() if not changes} <= {"GET"}


def filled(world: World, path: str) -> str:
    proposal = world.value("SELECT id FROM proposals WHERE state = 'open' ORDER BY id LIMIT 1")
    auftrag = world.value("SELECT id FROM auftraege LIMIT 1")
    given = ("proposal_id", "task_id", "flow_id", "request_id", "hold_id", "export_id", "entry_id")
    names = dict.fromkeys(given, proposal)
    names |= {"auftrag_id": auftrag, "size": 1}
    return path.format(**names, digest="x", name="y")


def test_asking_changes_nothing_however_often(world: World, urls: dict[str, str]) -> None:
    anna = world.lives_here(somebody("Anna"))
    world.melderegister.people[anna.kennung] |= {"kind.im_haushalt": True}
    world.announce(a_birth(anna))
    world.tick()
    apps = surfaces(world)
    browser = with_letter(apps["citizen"], world, anna)
    world.says_yes(world.opens_letter(anna), "GEBURTSURKUNDE")
    paths = {name: [filled(world, path) for _, path in listed] for name, listed in INVENTORY.items()}
    assert not any("None" in path for path in paths["citizen"])

    before = everything_stored(urls)
    answers = browser.every(SAFE, paths["citizen"], times=20)
    for name, app in apps.items():
        answers += Browser(app).every(SAFE, paths[name], times=20)
    assert everything_stored(urls) == before
    assert {200, 401, 403, 404, 405} == {answer.status_code for answer in answers}, (
        "403: a letter shows no history; 404: no sheet, no signature is asked for"
    )

    # The control: what is compared does see a change.
    assert browser.post("/anmelden", wish_of(somebody("Ben"))).status_code == 202
    assert everything_stored(urls) != before


@pytest.mark.parametrize("path", NEEDS_PROOF)
def test_without_a_session_nothing_is_changed_and_nothing_is_told(
    world: World, urls: dict[str, str], path: str
) -> None:
    app = surfaces(world)["citizen"]
    before = everything_stored(urls)
    some = path.format(proposal_id="00000000-0000-4000-8000-000000000000", auftrag_id="no id at all")
    for cookies in ({}, {"proaktiv": ""}, {"proaktiv": "0" * 64}, {"__Host-proaktiv": "0" * 64}):
        (answer,) = ask(app, ("POST", some), cookies=cookies, json={"more": 1}, headers={"x-csrf": "0" * 64})
        assert answer.status_code == 401
        assert answer.json()["detail"] == "session unknown or over"
    assert everything_stored(urls) == before


@pytest.mark.parametrize("path", NEEDS_PROOF)
def test_without_the_sessions_own_form_token_nothing_is_changed(world: World, urls: dict[str, str], path: str) -> None:
    anna, ben = world.lives_here(somebody("Anna")), world.lives_here(somebody("Ben"))
    for parent in (anna, ben):
        world.announce(a_birth(parent))
    world.tick()
    app = surfaces(world)["citizen"]
    hers, his = with_letter(app, world, anna), with_letter(app, world, ben)
    some = path.format(
        proposal_id=hers.get("/uebersicht").json()["bundles"][0]["proposals"][0]["id"],
        auftrag_id="00000000-0000-4000-8000-000000000000",
    )
    before = everything_stored(urls)
    for token in (None, "", "0" * 64, his.csrf, hers.csrf[:-1], hers.csrf.upper(), "ü"):
        sent = {"x-csrf": token.encode() if token else token}
        answer = hers.post(some, {"shown": "0" * 64}, headers=sent)  # type: ignore[arg-type]
        assert (answer.status_code, answer.json()["type"]) == (403, "urn:proaktiv:problem:not-allowed"), token
    assert everything_stored(urls) == before
    assert hers.post(some, {"shown": "0" * 64}).status_code not in (401, 403), "the control: with it one gets through"


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": ""},
        {"sec-fetch-site": "cross-site", "origin": "http://127.0.0.1"},
        {"origin": "https://elsewhere.example"},
        {"origin": "http://127.0.0.1:1"},
        {"origin": "null"},
        {"origin": "null", "host": ""},
    ],
)
def test_another_site_is_turned_away_before_anything_is_read(
    world: World, urls: dict[str, str], headers: dict[str, str]
) -> None:
    app = surfaces(world)["citizen"]
    before = everything_stored(urls)
    for path in sorted({path for (_, path), changes in INVENTORY["citizen"].items() if changes}):
        for body in (b"{", b" " * (1024 * 1024 + 1)):
            (answer,) = ask(app, ("POST", path), content=body, headers=headers)
            assert (answer.status_code, answer.json()["type"]) == (403, "urn:proaktiv:problem:cross-site")
    assert everything_stored(urls) == before


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "none"},
        {"sec-fetch-site": "same-origin", "origin": "null"},
        {"origin": "http://127.0.0.1"},
        {"origin": "https://127.0.0.1"},
        {},
    ],
)
def test_the_own_site_and_what_is_no_browser_get_through(world: World, headers: dict[str, str]) -> None:
    app = surfaces(world)["citizen"]
    (answer,) = ask(app, ("POST", "/anmelden"), json=wish_of(somebody("Ben")), headers=headers)
    assert answer.status_code == 202
