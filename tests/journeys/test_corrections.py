"""Journeys in which somebody changes their mind, or a register was wrong: nothing is lost, nothing goes on in error."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from proaktiv.core.errors import NotFound, Temporary
from proaktiv.database import Database
from proaktiv.steps.consents import Choice
from proaktiv.steps.enrol import Wish
from proaktiv.tables import RegisterEventRow, core_table
from proaktiv.vault import Place
from tests.builders import a_birth, a_cancellation, a_death, a_move, a_protection, child_of, somebody
from tests.world import World


def as_owner(world: World, sql: str) -> None:
    owner = Database(world.urls["owner"], pool_size=1)
    with owner.transaction() as session:
        session.connection().execute(text(sql))
    owner.close()


def test_a_birth_that_is_cancelled_and_registered_anew_is_proposed_again(world: World) -> None:
    anna = world.lives_here(somebody("Anna"))
    wrong = a_birth(anna)
    world.announce(wrong)
    world.tick()
    world.announce(a_cancellation(wrong))
    right = a_birth(anna, kind=wrong.data["kind"])
    world.announce(right)
    world.tick()
    assert set(world.proposals(world.opens_letter(anna))) >= {"GEBURTSURKUNDE"}
    assert world.count("proposals", "generation = 2 AND state = 'open'") == 3
    world.check_log()


def test_two_reports_about_one_child_in_one_set_are_one_proposal_and_stop_nobody(world: World) -> None:
    anna, ben = world.lives_here(somebody("Anna")), world.lives_here(somebody("Ben"))
    first = a_birth(anna)
    world.announce(first)
    world.announce(a_birth(anna, kind=first.data["kind"]))
    world.announce(a_birth(ben))
    world.tick()
    assert world.count("proposals", "leistung = 'GEBURTSURKUNDE' AND state = 'open'") == 2
    assert len(world.letters_to(ben)) == 1
    world.check_log()


def test_a_death_reported_by_mistake_is_lifted_by_its_cancellation_and_a_human_is_told(world: World) -> None:
    anna = world.lives_here(somebody("Anna"))
    death = a_death(anna.kennung)
    world.announce(death)
    world.announce(a_cancellation(death))
    world.announce(a_birth(anna))
    world.tick()
    assert len(world.letters_to(anna)) == 1
    assert world.count("tasks", "what = 'stop.lifted'") == 1
    world.check_log()


def test_a_protection_that_is_cancelled_lets_letters_go_again(world: World) -> None:
    lena = world.lives_here(somebody("Lena"))
    note = a_protection(lena.kennung, "51")
    world.announce(note)
    world.announce(a_cancellation(note))
    world.announce(a_birth(lena))
    world.tick()
    assert world.proposals(world.opens_letter(lena))
    world.check_log()


def test_one_parents_withdrawal_leaves_the_others_look_up_alone(world: World) -> None:
    anna, ben = world.lives_here(somebody("Anna")), world.lives_here(somebody("Ben"))
    bens = world.settles(ben)
    world.melderegister.fails_with = Temporary("silent")
    world.announce(a_birth(anna, other=ben))
    world.tick()
    world.pipeline.withdraw(bens, lebenslage="geburt", activity="")
    world.tick()
    assert world.letters_to(anna) == [], "her question is still open"
    world.melderegister.fails_with = None
    world.melderegister.people[anna.kennung] |= {"kind.im_haushalt": True}
    world.wait(hours=5)
    assert set(world.proposals(world.opens_letter(anna))) == {
        "GEBURTSURKUNDE",
        "KINDERGELD",
        "KITA-PLATZ",
        "ELTERNGELD",
    }
    assert world.letters_to(ben) == []
    world.check_log()


def test_facts_fetched_before_a_withdrawal_decide_nothing_after_it(world: World) -> None:
    anna = world.lives_here(somebody("Anna"))
    proof = world.settles(anna)
    world.melderegister.people[anna.kennung] |= {"kind.im_haushalt": False}
    world.announce(a_birth(anna))
    world.pipeline.evaluate()
    world.pipeline.look_up()
    assert world.count("fetched_facts") == 1
    world.pipeline.withdraw(proof, lebenslage="", activity="geburt/prefill/MELDEREGISTER")
    world.tick()
    assert world.count("fetched_facts") == 0
    proposed = set(world.proposals(world.opens_letter(anna)))
    assert proposed == {"GEBURTSURKUNDE", "KINDERGELD", "ELTERNGELD", "KITA-PLATZ"}, "the register's no is forgotten"
    world.check_log()


def test_a_consent_to_letters_that_comes_later_tells_what_lies_ready(world: World) -> None:
    anna = somebody("Anna")
    proof = world.settles(anna)
    offered = {item["name"]: item["notice"] for item in world.pipeline.consents(proof)["activities"]}
    early = [name for name in offered if name.startswith("geburt/") and "propose" not in name]
    world.pipeline.choose(proof, [Choice(name, gives=True, notice=offered[name]) for name in early])
    world.announce(a_birth(anna))
    world.tick()
    assert world.letters_to(anna) == []
    late = "geburt/propose/LETTER"
    world.pipeline.choose(proof, [Choice(late, gives=True, notice=offered[late])])
    world.tick()
    assert len(world.letters_to(anna)) == 1
    world.check_log()


def test_a_fault_of_the_house_lets_an_event_wait_instead_of_ending_it(world: World) -> None:
    anna = world.lives_here(somebody("Anna"))
    as_owner(world, "UPDATE consent_activities SET dsb_approved_at = NULL WHERE name = 'geburt/match'")
    world.announce(a_birth(anna))
    world.tick()
    assert world.value("SELECT state FROM register_events") == "waiting"
    assert world.count("register_events", "payload IS NOT NULL") == 1
    assert world.count("incidents", "what = 'event.house_refused'") == 1
    as_owner(world, "UPDATE consent_activities SET dsb_approved_at = '2026-01-01' WHERE name = 'geburt/match'")
    world.wait(hours=2)
    assert len(world.letters_to(anna)) == 1
    world.check_log()


def test_an_event_that_breaks_its_set_is_set_aside_and_holds_up_nobody(world: World) -> None:
    anna, ben = world.lives_here(somebody("Anna")), world.lives_here(somebody("Ben"))
    broken = world.announce(a_birth(anna))
    world.announce(a_birth(ben))
    events = core_table(RegisterEventRow)
    blob = world.vault.seal_to_worker(Place("register_events", broken.id, "payload"), {"no": "birth"})
    with world.database.transaction() as session:
        session.connection().execute(events.update().where(events.c.id == broken.id).values(payload=blob))
    world.tick()
    assert len(world.letters_to(ben)) == 1
    assert world.letters_to(anna) == []
    assert world.count("incidents", "what = 'event.broken'") == 1
    assert world.count("register_events", "state = 'waiting' AND payload IS NOT NULL") == 1
    world.check_log()


def test_after_a_stop_the_page_says_nothing_of_what_was_answered_before(world: World) -> None:
    anna = world.lives_here(somebody("Anna"))
    birth = a_birth(anna)
    world.announce(birth)
    world.tick()
    proof = world.opens_letter(anna)
    item = UUID(world.proposals(proof)["GEBURTSURKUNDE"]["id"])
    auftrag = world.says_yes(proof, "GEBURTSURKUNDE")
    world.announce(a_death(child_of(birth)))
    assert world.pipeline.overview(proof)["bundles"] == []
    for look in (lambda: world.pipeline.proposal(proof, item), lambda: world.pipeline.auftrag(proof, auftrag)):
        with pytest.raises(NotFound):
            look()
    world.check_log()


def test_a_neighbours_name_typed_ten_times_is_one_letter(world: World) -> None:
    anna = somebody("Anna")
    world.melderegister.knows(anna)
    for _ in range(10):
        world.pipeline.enrol(
            Wish(anna.vornamen, anna.familienname, anna.geburtsdatum, anna.strasse, anna.plz, anna.ort)
        )
    world.tick()
    assert len(list(world.letters.iterdir())) == 1
    assert world.count("enrolments", "request IS NOT NULL") == 0
    world.now += timedelta(days=15)
    world.pipeline.enrol(Wish(anna.vornamen, anna.familienname, anna.geburtsdatum, anna.strasse, anna.plz, anna.ort))
    world.tick()
    assert len(list(world.letters.iterdir())) == 2
    world.check_log()


def test_a_withdrawal_twice_is_one_entry_in_the_ledger(world: World) -> None:
    ada = world.lives_here(somebody("Ada"))
    proof = world.settles(ada)
    assert world.pipeline.withdraw(proof, lebenslage="umzug", activity="")
    assert world.pipeline.withdraw(proof, lebenslage="umzug", activity="") == ()
    assert world.count("consent_ledger", "event = 'withdraw'") == world.count("consent_heads", "state = 'withdrawn'")
    world.announce(a_move(ada))
    world.tick()
    assert world.letters_to(ada) == []
    world.check_log()


def test_an_auftrag_never_leaves_to_an_office_of_another_kind(world: World) -> None:
    anna = world.lives_here(somebody("Anna"))
    world.announce(a_birth(anna))
    world.tick()
    world.says_yes(world.opens_letter(anna), "GEBURTSURKUNDE")
    as_owner(world, "UPDATE auftraege SET behoerde = 'steueramt-musterstadt'")
    world.wait(hours=25)
    assert world.behoerde.orders == {}
    assert world.count("tasks", "what = 'auftrag.undeliverable'") >= 1
    as_owner(world, "UPDATE auftraege SET behoerde = 'standesamt-musterstadt'")
    world.wait(hours=2)
    assert len(world.behoerde.orders) == 1
    world.check_log()
