"""Whose account it is: bound once beside a letter, by its owner, and by nobody else."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest

from notifiers.model import Permanent, Temporary
from proaktiv.core.accounts import folded
from proaktiv.core.errors import Conflict
from proaktiv.core.tasks import How
from proaktiv.steps import account as step
from tests.account.conftest import HIGH, LOW, Town, account_of, site_for
from tests.builders import a_death, a_protection, somebody
from tests.database.test_migrations import run
from tests.web.browser import PageBrowser
from tests.world import World, code_in


def test_a_person_binds_an_account_beside_a_letter_and_sees_the_whole_history(town: Town) -> None:
    browser = town.binds(town.anna)
    page = town.history(browser)
    assert "Sie haben Ihr Nutzerkonto verbunden." in page
    assert "Ihr Nutzerkonto hat uns gesagt, wem es gehört." in page
    assert "Ein Brief an Sie wurde geschrieben." in page
    assert town.bound() == 1
    assert town.world.check_log()


def test_from_then_on_the_account_alone_lets_in(town: Town) -> None:
    town.binds(town.anna)
    browser = PageBrowser(town.app)
    answer = town.comes_back(browser, account_of(town.anna))
    assert (answer.status_code, answer.headers["location"]) == (303, "/uebersicht")
    assert "Sie haben sich mit Ihrem Nutzerkonto angemeldet." in town.history(browser)
    assert "Geburtsurkunde" in browser.get("/uebersicht").text


def test_nothing_is_bound_before_the_person_says_so(town: Town) -> None:
    browser = town.letter(town.anna)
    town.comes_back(browser, account_of(town.anna))
    browser.get("/konto/verbinden")
    assert town.bound() == 0
    assert browser.post("/konto/verbinden", csrf="0" * 64).status_code == 403
    assert town.bound() == 0
    assert browser.get("/meine-daten").status_code == 403, "still a letter's session"


WRONG: list[dict[str, Any]] = [
    {"birthdate": "1991-05-17"},
    {"family_name": "Anders"},
    {"given_name": "Berta"},
    {"birthdate": None},
    {"family_name": None},
    {"birthdate": "1994"},
    {"birthdate": 1994},
    {"given_name": "  "},
    {"given_name": "x" * 300},
]


@pytest.mark.parametrize("changed", WRONG, ids=str)
def test_an_account_with_another_name_or_birth_date_is_refused_and_logged(town: Town, changed: dict[str, Any]) -> None:
    browser = town.letter(town.anna)
    answer = town.comes_back(browser, account_of(town.anna) | changed)
    assert answer.status_code == 403
    assert "passt nicht" in answer.text
    assert browser.get("/konto/verbinden").headers["location"] == "/konto"
    assert browser.post("/konto/verbinden").status_code == 409
    assert town.bound() == 0
    assert town.logged("account.not_bound") == ["not_fitting"]
    assert "Ein Nutzerkonto wurde nicht mit Ihnen verbunden." in town.history(town.binds(town.anna))


def test_somebody_of_the_same_household_cannot_bind_their_own_account_with_a_found_letter(town: Town) -> None:
    browser = town.letter(town.anna)  # Ben opened Anna's letter and knows her birth date
    assert town.comes_back(browser, account_of(town.ben)).status_code == 403
    assert town.bound() == 0


def test_control_without_the_comparison_a_found_letter_would_be_enough(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(step, "_same", lambda *_: True)
    browser = town.letter(town.anna)
    assert town.comes_back(browser, account_of(town.ben)).headers["location"] == "/konto/verbinden"


def test_a_good_account_after_a_wrong_one_and_the_other_way_round(town: Town) -> None:
    browser = town.letter(town.anna)
    town.comes_back(browser, account_of(town.anna))
    town.comes_back(browser, account_of(town.ben))
    assert browser.post("/konto/verbinden").status_code == 409, "what fitted before no longer waits"
    town.comes_back(browser, account_of(town.anna))
    browser.get("/konto/verbinden")
    assert browser.post("/konto/verbinden").status_code == 303


def test_names_are_compared_without_case_marks_and_hyphens(town: Town) -> None:
    written = {"family_name": "BEISPIEL PROBST", "given_name": "Anna Sophie"}
    town.binds(town.anna, account_of(town.anna) | written)
    assert folded("Ḫaß-Müller  ") == "hass muller"
    assert folded("o'Neill") == folded("O’NEILL") == "o neill"


def test_too_low_a_proof_is_refused_clearly_and_logged_beside_a_letter(town: Town) -> None:
    for acr in (LOW, "made up", None):
        browser = town.letter(town.anna)
        answer = town.comes_back(browser, account_of(town.anna) | {"acr": acr})
        assert answer.status_code == 403
        assert "Dieser Nachweis reicht nicht" in answer.text
    assert town.logged("account.not_bound") == ["too_low"] * 3
    town.binds(town.anna)
    browser = PageBrowser(town.app)
    assert town.comes_back(browser, account_of(town.anna) | {"acr": LOW}).status_code == 403
    assert browser.session == ""


def test_the_operators_own_levels_decide_and_high_is_v3(town: Town) -> None:
    town.binds(town.anna)
    browser = PageBrowser(town.app)
    town.comes_back(browser, account_of(town.anna) | {"acr": HIGH})
    assert town.world.value("SELECT max(trust) FROM sessions") == 3
    own = PageBrowser(site_for(town.world, town.double.issuer, levels={"urn:land:2": 2}))
    assert town.comes_back(own, account_of(town.anna) | {"acr": "urn:land:2"}).status_code == 303
    assert town.comes_back(own, account_of(town.anna) | {"acr": HIGH}).status_code == 403


def test_an_unknown_account_is_told_how_to_begin_and_not_whether_anybody_is_known(town: Town) -> None:
    stranger = somebody("Zoe")
    known, unknown = PageBrowser(town.app), PageBrowser(town.app)
    pages = [
        town.comes_back(known, account_of(town.ben)),  # lives here, and has bound nothing
        town.comes_back(unknown, account_of(stranger)),
    ]
    assert [page.status_code for page in pages] == [403, 403]
    assert pages[0].text == pages[1].text
    assert "/anmelden" in pages[0].text
    assert known.session == unknown.session == ""
    assert town.logged("account.compared") == [], "name and birth date were not even asked for"


def test_name_and_birth_date_are_asked_for_beside_a_letter_alone(town: Town) -> None:
    asked = PageBrowser(town.app).get("/konto/anmelden").headers["location"]
    assert "scope=openid&" in asked
    beside = town.letter(town.anna).get("/konto/anmelden").headers["location"]
    assert "scope=openid+profile&" in beside
    bound = town.binds(town.anna)
    assert "scope=openid&" in bound.get("/konto/anmelden").headers["location"]


def test_attributes_may_come_from_the_providers_userinfo_of_the_same_subject(town: Town) -> None:
    said = account_of(town.anna)
    sub = said["sub"]
    more = {name: said.pop(name) for name in ("given_name", "family_name", "birthdate")}
    town.double.metadata = {"userinfo_endpoint": f"{town.double.issuer}/userinfo"}
    for told, end in (({"sub": "another"} | more, 401), (more, 401), ({"sub": sub}, 403), ({"sub": sub} | more, 303)):
        town.double.answers["/userinfo"] = lambda told=told: (200, {}, json.dumps(told).encode())  # type: ignore[misc]
        browser = PageBrowser(site_for(town.world, town.double.issuer), town.letter(town.anna).cookies)
        assert town.comes_back(browser, said).status_code == end


def test_one_account_is_one_persons(town: Town) -> None:
    town.binds(town.anna)
    shared = account_of(town.ben) | {"sub": account_of(town.anna)["sub"]}
    assert town.comes_back(town.letter(town.ben), shared).status_code == 403
    assert town.logged("account.not_bound") == ["taken"]
    assert town.bound() == 1


def bind_at_once(town: Town) -> list[int]:
    """Anna and Ben, each beside their letter, with one account that fits both, press the button at the same moment."""
    ring = [town.letter(town.anna), town.letter(town.ben)]
    for browser, person in zip(ring, (town.anna, town.ben), strict=True):
        town.comes_back(browser, account_of(person) | {"sub": "one for both"})
        browser.get("/konto/verbinden")
    together = threading.Barrier(2)

    def bind(browser: PageBrowser) -> int:
        together.wait(60)
        return browser.post("/konto/verbinden").status_code

    with ThreadPoolExecutor(2) as threads:
        return sorted(threads.map(bind, ring))


def test_two_people_who_bind_the_same_account_at_once_end_as_one(town: Town) -> None:
    assert bind_at_once(town) == [303, 409]
    assert town.bound() == 1
    assert town.logged("account.bound") == ["bound"]
    assert town.logged("account.not_bound") == ["taken"]


def test_control_without_the_key_of_the_table_both_would_be_bound(town: Town) -> None:
    run(town.world.urls["owner"], "ALTER TABLE person_identifiers DROP CONSTRAINT pk_person_identifiers")
    assert bind_at_once(town) == [303, 303]
    assert town.bound() == 2


def test_one_person_has_one_account(town: Town) -> None:
    town.binds(town.anna)
    browser = town.letter(town.anna)
    answer = town.comes_back(browser, account_of(town.anna) | {"sub": "a second one"})
    assert answer.status_code == 403
    assert town.logged("account.not_bound") == ["taken"]


def test_the_same_subject_elsewhere_is_another_account(town: Town) -> None:
    vault = town.world.vault
    assert step.account_hash(vault, "https://a", "x") != step.account_hash(vault, "https://b", "x")
    assert step.account_hash(vault, "https://a", "x ") != step.account_hash(vault, "https://a", "x")


def test_whoever_has_not_finished_enrolling_binds_nothing_yet(town: Town) -> None:
    carl = somebody("Carl")
    before = set(town.world.letters.iterdir())
    proof = town.world.settles(carl)
    (letter,) = set(town.world.letters.iterdir()) - before
    assert letter
    browser = PageBrowser(town.app)
    year, month, day = carl.geburtsdatum.split("-")
    typed = {"geburt_tag": day, "geburt_monat": month, "geburt_jahr": year}
    assert browser.post("/b", {"code": code_in(letter.read_text())} | typed).status_code == 303
    assert "Entscheiden Sie zuerst" in browser.get("/konto").text
    assert town.comes_back(browser, account_of(carl)).headers["location"] == "/konto"
    town.world.consents(proof)
    assert town.comes_back(browser, account_of(carl)).headers["location"] == "/konto/verbinden"


def test_a_code_from_before_names_were_kept_with_it_binds_nothing(town: Town) -> None:
    with town.world.database.transaction() as session:
        session.connection().exec_driver_sql("UPDATE codes SET identity_mac = NULL")
    assert town.comes_back(town.letter(town.anna), account_of(town.anna)).status_code == 403


def test_the_protected_and_the_dead_are_not_let_in_and_not_told_apart_from_strangers(town: Town) -> None:
    town.binds(town.anna)
    town.binds(town.ben)
    zoe = PageBrowser(town.app)
    stranger = town.comes_back(zoe, account_of(somebody("Zoe"))).text
    town.world.announce(a_protection(town.anna.kennung, "51"))
    town.world.announce(a_death(town.ben.kennung))
    for person in (town.anna, town.ben):
        answer = town.comes_back(PageBrowser(town.app), account_of(person))
        assert (answer.status_code, answer.text) == (403, stranger)


def test_who_hides_from_others_looks_at_her_own_with_the_highest_proof_and_no_other(town: Town) -> None:
    before = town.binds(town.anna)
    high = PageBrowser(town.app)
    town.comes_back(high, account_of(town.anna) | {"acr": HIGH})
    town.world.announce(a_protection(town.anna.kennung, "51"))
    assert before.get("/uebersicht").status_code == 401, "§ 51 BMG: substantial is too little from now on"
    assert "Geburtsurkunde" in high.get("/uebersicht").text, "the session at V3 goes on"
    anew = PageBrowser(town.app)
    assert town.comes_back(anew, account_of(town.anna) | {"acr": HIGH}).status_code == 303
    assert "Geburtsurkunde" in anew.get("/uebersicht").text


def test_whom_a_clerk_sees_to_is_not_let_in_at_any_level(town: Town) -> None:
    town.binds(town.anna)
    town.world.announce(a_protection(town.anna.kennung, "52"))
    answer = town.comes_back(PageBrowser(town.app), account_of(town.anna) | {"acr": HIGH})
    assert answer.status_code == 403


def test_an_account_binds_nothing_without_a_waiting_one(town: Town) -> None:
    proof = town.world.opens_letter(town.anna)
    with pytest.raises(Conflict):
        town.world.pipeline.bind_account(proof, "")


# unbinding ------------------------------------------------------------------------------------------------------------


def test_unbinding_ends_every_session_of_the_account_and_its_way_in(town: Town) -> None:
    here = town.binds(town.anna)
    there = PageBrowser(town.app)
    town.comes_back(there, account_of(town.anna))
    here.get("/konto")
    assert here.post("/konto/trennen").headers["location"] == "/konto/abgemeldet"
    assert there.get("/uebersicht").status_code == 401
    assert town.comes_back(PageBrowser(town.app), account_of(town.anna)).status_code == 403
    assert town.logged("account.unbound") == ["unbound"]
    again = town.binds(town.anna)
    assert "Sie haben Ihr Nutzerkonto getrennt." in town.history(again)


def test_a_letter_unbinds_too_for_whoever_lost_their_account(town: Town) -> None:
    town.binds(town.anna)
    browser = town.letter(town.anna)
    browser.get("/konto")
    assert browser.post("/konto/trennen").headers["location"] == "/konto"
    assert town.bound() == 0
    assert browser.post("/konto/trennen").status_code == 303, "again is no error"
    assert town.logged("account.unbound") == ["unbound"]


# the letter about it --------------------------------------------------------------------------------------------------


def told(world: World) -> list[str]:
    return [letter.read_text() for letter in world.letters.glob("*.txt") if "Ein Nutzerkonto" in letter.read_text()]


def test_a_letter_to_the_registered_address_tells_of_both_and_bears_no_code(town: Town) -> None:
    browser = town.binds(town.anna)
    town.world.tick()
    (letter,) = told(town.world)
    assert town.anna.strasse in letter
    assert "Ihr Code" not in letter
    browser.get("/konto")
    browser.post("/konto/trennen")
    town.world.tick()
    assert len(told(town.world)) == 2
    town.world.tick()
    assert len(told(town.world)) == 2
    assert town.world.count("deliveries", "purpose = 'account' AND state = 'handed_over'") == 2
    assert town.world.count("notices", "due_at IS NOT NULL") == 0
    assert town.world.check_log()


def test_such_a_letter_that_fails_is_tried_again(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    channel = town.world.pipeline.channels["LETTER"]

    def fails(*_: object) -> None:
        raise Temporary("later")

    town.binds(town.anna)
    monkeypatch.setattr(type(channel), "hand_over", fails)
    town.world.tick()
    assert told(town.world) == []
    monkeypatch.undo()
    town.world.wait(minutes=10)
    assert len(told(town.world)) == 1


def test_such_a_letter_that_can_never_be_delivered_is_a_clerks_and_is_written_again_on_their_word(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = town.world.pipeline.channels["LETTER"]

    def fails(*_: object) -> None:
        raise Permanent("never")

    town.binds(town.anna)
    monkeypatch.setattr(type(channel), "hand_over", fails)
    town.world.tick()
    monkeypatch.undo()
    (task,) = town.world.pipeline.tasks()
    assert task["what"] == "delivery.failed"
    town.world.pipeline.finish(UUID(task["id"]), How.AGAIN, "clerk-1")
    town.world.tick()
    assert len(told(town.world)) == 1
    assert town.world.check_log()


def test_where_the_house_itself_may_not_write_it_a_clerk_is_told_and_it_is_tried_each_hour(town: Town) -> None:
    owner = town.world.urls["owner"]
    retire = "UPDATE consent_activities SET retired = {} WHERE name = 'konto/propose/LETTER'"
    run(owner, retire.format("true"))
    town.binds(town.anna)
    town.world.tick()
    assert told(town.world) == []
    assert [task["what"] for task in town.world.pipeline.tasks()] == ["account_notice.house_refused"]
    run(owner, retire.format("false"))
    town.world.wait(hours=1, minutes=1)
    assert len(told(town.world)) == 1
