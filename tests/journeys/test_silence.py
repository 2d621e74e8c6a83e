"""Journeys in which nobody answers: told once more in time, then closed; never taken for a yes."""

import re
from datetime import date, timedelta
from uuid import UUID

import pytest

from proaktiv.core.calendar import berlin_date
from proaktiv.core.errors import Conflict
from proaktiv.web.pages.site import make_site
from proaktiv.web.pages.view import Look
from tests.builders import Somebody, a_birth, a_death, a_move, child_of, somebody
from tests.web.browser import PageBrowser
from tests.world import World, code_in


def days_until(world: World, day: date) -> int:
    return (day - berlin_date(world.now)).days


def test_who_does_not_answer_is_told_once_more_and_then_it_lapses(world: World) -> None:
    anna = world.lives_here(somebody("Anna"))
    world.announce(a_birth(anna))
    world.tick()
    last = world.value("SELECT max(answer_by) FROM proposals")
    assert len(world.letters_to(anna)) == 1
    for _ in range(days_until(world, last)):
        world.wait(days=1)
    assert len(world.letters_to(anna)) == 2, "one reminder, not two"
    assert "schon geschrieben" in world.letters_to(anna)[1]
    assert world.count("proposals", "state = 'lapsed'") == 0, "the last day counts"
    world.wait(days=1)
    assert world.count("proposals", "state = 'open'") == 0
    assert world.count("proposals", "state = 'lapsed'") == 4
    assert world.count("auftraege") == 0, "nothing is confirmed by silence"
    assert "recall" in world.flow_names()
    world.wait(days=40)
    assert len(world.letters_to(anna)) == 2
    world.check_log()


def test_a_reminder_comes_so_early_that_the_answer_still_counts(world: World) -> None:
    anna = world.lives_here(somebody("Anna"))
    world.announce(a_birth(anna))
    world.tick()
    last = world.value("SELECT min(answer_by) FROM proposals")
    while len(world.letters_to(anna)) < 2:
        world.wait(days=1)
    assert days_until(world, last) >= 12, "a week to answer and five working days for the post"
    world.says_yes(world.opens_letter(anna), "GEBURTSURKUNDE")


def safe_day(world: World, person: Somebody) -> date:
    """Return the day that the page names for Elterngeld."""
    (clock,) = world.proposals(world.opens_letter(person))["ELTERNGELD"]["fristen"]
    return date.fromisoformat(clock["sicher_bis"])


def test_a_reminder_comes_while_it_can_still_save_the_month_that_the_page_names(world: World) -> None:
    anna = world.lives_here(somebody("Anna"))
    world.announce(a_birth(anna, born_on="2026-07-15"))
    world.tick()
    safe = safe_day(world, anna)
    assert safe < world.value("SELECT min(answer_by) FROM proposals"), "what stands in the open is the month's end"
    while len(world.letters_to(anna)) < 2:
        world.wait(days=1)
    assert days_until(world, safe) >= 12, "a week to answer and five working days for the post"
    world.says_yes(world.opens_letter(anna), "ELTERNGELD")


def test_another_letter_before_the_reminder_moves_it_to_what_the_person_is_told_now(world: World) -> None:
    anna = world.lives_here(somebody("Anna"))
    birth = a_birth(anna)
    world.announce(birth)
    world.tick()
    before = world.value("SELECT remind_at FROM bundles")
    world.wait(days=2)
    world.announce(birth.but(id="corrected", fassung=2, kind=birth.data["kind"] | {"geburtsdatum": "2026-07-15"}))
    world.tick()
    assert len(world.letters_to(anna)) == 2
    after = world.value("SELECT remind_at FROM bundles")
    assert berlin_date(after) < safe_day(world, anna) < berlin_date(before)
    for _ in range(days_until(world, berlin_date(before)) + 1):
        world.wait(days=1)
    assert len(world.letters_to(anna)) == 3, "the reminder, and none after it"


def test_who_has_answered_is_not_reminded(world: World) -> None:
    ada = world.lives_here(somebody("Ada"))
    world.steueramt.knows(ada, **{"person.hund_gemeldet": True, "person.hund_marke": "HM-0001"})
    world.announce(a_move(ada))
    world.tick()
    proof = world.opens_letter(ada)
    for name in world.proposals(proof):
        world.says_yes(proof, name)
    for _ in range(80):
        world.wait(days=1)
    assert len(world.letters_to(ada)) == 1
    world.check_log()


def test_who_said_later_is_reminded(world: World) -> None:
    anna = world.lives_here(somebody("Anna"))
    world.announce(a_birth(anna))
    world.tick()
    proof = world.opens_letter(anna)
    for shown in world.proposals(proof).values():
        world.pipeline.postpone(proof, UUID(shown["id"]))
    for _ in range(75):
        world.wait(days=1)
    assert len(world.letters_to(anna)) == 2


def test_nobody_is_reminded_of_a_child_that_died(world: World) -> None:
    anna = world.lives_here(somebody("Anna"))
    birth = a_birth(anna)
    world.announce(birth)
    world.tick()
    world.announce(a_death(child_of(birth)))
    for _ in range(100):
        world.wait(days=1)
    assert len(world.letters_to(anna)) == 1
    assert world.count("proposals", "state <> 'recalled'") == 0
    world.check_log()


def test_a_yes_after_the_last_day_is_refused_also_before_the_tick(world: World) -> None:
    anna = world.lives_here(somebody("Anna"))
    world.announce(a_birth(anna))
    world.tick()
    proof = world.opens_letter(anna)
    world.now += timedelta(days=days_until(world, world.value("SELECT max(answer_by) FROM proposals")) + 1)
    with pytest.raises(Conflict, match="no longer open"):
        world.says_yes(proof, "GEBURTSURKUNDE")


def test_who_hears_of_a_frist_when_it_is_over_reads_that_it_is_and_until_when_later_lasts(world: World) -> None:
    anna = world.lives_here(somebody("Anna"))
    world.announce(a_birth(anna, born_on="2026-06-10"))
    world.tick()
    browser = PageBrowser(make_site(world.pipeline, Look("Stadt Musterstadt"), secure_cookies=False))
    year, month, day = anna.geburtsdatum.split("-")
    typed = {"code": code_in(world.letters_to(anna)[-1]), "geburt_tag": day, "geburt_monat": month, "geburt_jahr": year}
    browser.post("/b", typed)
    found = re.search(r'href="(/vorschlag/[^"]+)"[^>]*>Elterngeld', browser.get("/uebersicht").text)
    assert found is not None
    page = browser.get(found[1]).text
    assert "Sicher war es bis 09.10.2026. Das ist vorbei." in page
    assert "Für die Frist zählt" not in page
    assert "wahrt die Frist" not in page
    assert "Es bleibt offen bis 31.12.2026." in browser.get(f"{found[1]}/entscheiden").text
