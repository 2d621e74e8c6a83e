"""Journeys: whole ways of one event, as sentences. Each ends with the log."""

from datetime import timedelta
from uuid import UUID

import pytest

from proaktiv.core.errors import Conflict, NotFound, NotProven, Temporary
from tests.builders import a_birth, a_cancellation, a_death, a_move, a_protection, child_of, somebody
from tests.world import World


def test_a_birth_travels_the_whole_way(world: World) -> None:
    anna = world.lives_here(somebody("Anna"))
    birth = a_birth(anna)
    world.melderegister.people[anna.kennung] |= {"kind.im_haushalt": True}
    world.announce(birth)
    world.tick()

    proof = world.opens_letter(anna)
    offered = world.proposals(proof)
    assert set(offered) == {"GEBURTSURKUNDE", "KINDERGELD", "KITA-PLATZ", "ELTERNGELD"}
    assert all(
        field["quelle"] and field["stand"] and field["grundlage"] for field in offered["GEBURTSURKUNDE"]["felder"]
    )
    auftrag = world.says_yes(proof, "GEBURTSURKUNDE")
    assert world.behoerde.orders == {}, "an Auftrag confirmed at V1 waits for its undo window"

    world.wait(hours=25)
    (order,) = world.behoerde.orders.values()
    assert order.leistung == "GEBURTSURKUNDE"
    assert world.value("SELECT state FROM auftraege WHERE id = :id", id=auftrag) == "sent"
    assert world.count("register_events", "payload IS NOT NULL") == 0
    assert world.check_log() == len(world.flow_names())


def test_a_letter_tells_nothing_of_the_matter_and_opens_only_its_own_bundle(world: World) -> None:
    anna = world.lives_here(somebody("Anna"))
    ben = world.lives_here(somebody("Ben"))
    for parent in (anna, ben):
        world.announce(a_birth(parent))
    world.tick()
    (letter,) = world.letters_to(anna)
    for word in ("Geburtsurkunde", "Kind", "Mia", "Kita", "Urkunde"):
        assert word not in letter
    mine, theirs = world.opens_letter(anna), world.opens_letter(ben)
    foreign = world.proposals(theirs)["GEBURTSURKUNDE"]
    with pytest.raises(NotFound):
        world.pipeline.proposal(mine, UUID(foreign["id"]))
    with pytest.raises(NotFound):
        world.pipeline.confirm(mine, UUID(foreign["id"]), bytes.fromhex(foreign["shown"]))


def test_without_consent_there_is_one_refusal_without_person_and_no_payload(world: World) -> None:
    before = len(world.flow_names())
    world.announce(a_birth(somebody("Nobody")))
    world.tick()
    assert world.flow_names(since=before) == ["received", "refused"]
    assert world.count("register_events", "payload IS NOT NULL") == 0
    assert world.count("event_subjects") == 0, "no shadow register"
    assert world.count("flow_secret", "subj IS NOT NULL") == 0
    assert world.count("persons") == 0
    assert list(world.letters.iterdir()) == []
    world.check_log()


def test_a_move_that_was_refused_leaves_its_refusal_and_where_letters_go(world: World) -> None:
    ada = world.lives_here(somebody("Ada"), gives=False)
    before = len(world.flow_names())
    world.announce(a_move(ada))
    world.tick()
    assert world.flow_names(since=before) == ["received", "refused", "admitted"]
    assert world.letters_to(ada) == []
    assert world.count("event_facts") == 0
    world.check_log()


def test_a_move_asks_the_steueramt_and_proposes_the_dog(world: World) -> None:
    ada = world.lives_here(somebody("Ada"))
    world.steueramt.knows(ada, **{"person.hund_gemeldet": True, "person.hund_marke": "HM-0001"})
    world.announce(a_move(ada))
    world.tick()
    assert [question.names for question in world.steueramt.asked], "the register was asked"
    proof = world.opens_letter(ada)
    assert set(world.proposals(proof)) == {"HUNDESTEUER"}
    world.check_log()


def test_a_register_fact_that_says_no_proposes_nothing_and_writes_no_letter(world: World) -> None:
    ada = world.lives_here(somebody("Ada"))
    world.steueramt.knows(ada, **{"person.hund_gemeldet": False})
    world.announce(a_move(ada))
    world.tick()
    assert world.letters_to(ada) == []
    assert world.count("proposals") == 0
    world.check_log()


def test_without_consent_to_a_look_up_the_register_is_never_asked(world: World) -> None:
    ada = world.lives_here(somebody("Ada"))
    proof = world.settles(ada)
    world.pipeline.withdraw(proof, lebenslage="", activity="umzug/prefill/STEUERAMT")
    world.steueramt.knows(ada, **{"person.hund_gemeldet": True})
    world.announce(a_move(ada))
    world.tick()
    assert world.steueramt.asked == []
    assert world.letters_to(ada) == []
    assert world.count("register_events", "state = 'admitted'") == 1
    world.check_log()


def test_a_silent_register_is_asked_again_and_in_the_end_the_event_goes_on_without_it(world: World) -> None:
    anna = world.lives_here(somebody("Anna"))
    world.melderegister.fails_with = Temporary("silent")
    world.announce(a_birth(anna))
    world.tick()
    assert world.letters_to(anna) == []
    for _ in range(6):
        world.wait(hours=5)
    proposed = set(world.proposals(world.opens_letter(anna)))
    assert proposed == {"GEBURTSURKUNDE", "KINDERGELD", "ELTERNGELD", "KITA-PLATZ"}, "by what the birth report says"
    assert world.count("tasks", "what = 'register.silent'") == 1
    world.check_log()


def test_a_withdrawal_between_proposal_and_confirm_leaves_nothing_to_confirm(world: World) -> None:
    anna = world.lives_here(somebody("Anna"))
    world.announce(a_birth(anna))
    world.tick()
    proof = world.opens_letter(anna)
    shown = world.proposals(proof)["GEBURTSURKUNDE"]
    world.pipeline.withdraw(proof, lebenslage="geburt", activity="")
    with pytest.raises(Conflict):
        world.pipeline.confirm(proof, UUID(shown["id"]), bytes.fromhex(shown["shown"]))
    assert world.count("auftraege") == 0
    assert world.pipeline.overview(proof)["bundles"] == []
    world.check_log()


def test_a_withdrawal_leaves_a_confirmed_auftrag_running_until_it_is_withdrawn_itself(world: World) -> None:
    anna = world.lives_here(somebody("Anna"))
    world.announce(a_birth(anna))
    world.tick()
    proof = world.opens_letter(anna)
    auftrag = world.says_yes(proof, "GEBURTSURKUNDE")
    world.pipeline.withdraw(proof, lebenslage="geburt", activity="")
    assert world.value("SELECT state FROM auftraege") == "held"
    world.pipeline.withdraw_auftrag(proof, auftrag)
    world.wait(hours=25)
    assert world.behoerde.orders == {}
    assert world.value("SELECT state FROM auftraege") == "withdrawn"
    world.check_log()


def test_a_no_ends_the_proposal_and_the_same_event_again_changes_nothing(world: World) -> None:
    anna = world.lives_here(somebody("Anna"))
    birth = a_birth(anna)
    world.announce(birth)
    world.tick()
    proof = world.opens_letter(anna)
    world.pipeline.decline(proof, UUID(world.proposals(proof)["GEBURTSURKUNDE"]["id"]))
    assert world.announce(birth).duplicate
    world.tick()
    assert world.value("SELECT state FROM proposals WHERE leistung = 'GEBURTSURKUNDE'") == "declined"
    assert len(world.letters_to(anna)) == 1
    world.check_log()


def test_later_stays_open_and_can_still_become_a_yes(world: World) -> None:
    anna = world.lives_here(somebody("Anna"))
    world.announce(a_birth(anna))
    world.tick()
    proof = world.opens_letter(anna)
    world.pipeline.postpone(proof, UUID(world.proposals(proof)["GEBURTSURKUNDE"]["id"]))
    assert world.says_yes(proof, "GEBURTSURKUNDE")
    world.check_log()


def test_a_duplicate_event_under_another_id_is_still_one_event(world: World) -> None:
    anna = world.lives_here(somebody("Anna"))
    birth = a_birth(anna)
    first, second = world.announce(birth), world.announce(birth.but(id="another-id"))
    assert (first.duplicate, second.duplicate) == (False, True)
    world.tick()
    assert world.count("register_events") == 1
    assert len(world.letters_to(anna)) == 1
    world.check_log()


def test_the_same_entry_and_version_with_other_content_is_a_conflict(world: World) -> None:
    birth = a_birth(somebody("Anna"))
    world.announce(birth)
    with pytest.raises(Conflict):
        world.announce(birth.but(id="x", kind=birth.data["kind"] | {"vornamen": "Juna"}))
    assert world.count("register_events") == 1
    world.check_log()


def test_a_cancellation_before_evaluate_stops_the_event(world: World) -> None:
    anna = world.lives_here(somebody("Anna"))
    birth = a_birth(anna)
    world.announce(birth)
    world.announce(a_cancellation(birth))
    world.tick()
    assert world.letters_to(anna) == []
    assert world.count("proposals") == 0
    assert world.count("register_events", "state = 'stopped'") == 2
    world.check_log()


def test_a_cancellation_recalls_proposals_and_unsent_auftraege_at_once(world: World) -> None:
    anna = world.lives_here(somebody("Anna"))
    world.melderegister.people[anna.kennung] |= {"kind.im_haushalt": True}
    birth = a_birth(anna)
    world.announce(birth)
    world.tick()
    proof = world.opens_letter(anna)
    world.says_yes(proof, "GEBURTSURKUNDE")
    world.announce(a_cancellation(birth))
    assert world.value("SELECT state FROM auftraege") == "withdrawn"
    assert world.value("SELECT state FROM proposals WHERE leistung = 'KITA-PLATZ'") == "recalled"
    world.wait(hours=25)
    assert world.behoerde.orders == {}
    world.check_log()


def test_what_was_sent_before_a_cancellation_becomes_a_clerks_task(world: World) -> None:
    anna = world.lives_here(somebody("Anna"))
    birth = a_birth(anna)
    world.announce(birth)
    world.tick()
    world.says_yes(world.opens_letter(anna), "GEBURTSURKUNDE")
    world.wait(hours=25)
    world.announce(a_cancellation(birth))
    assert world.count("tasks", "what = 'auftrag.recall_by_hand'") == 1
    assert world.value("SELECT state FROM auftraege") == "sent"
    world.check_log()


def test_the_death_of_the_child_recalls_everything_without_a_word(world: World) -> None:
    anna = world.lives_here(somebody("Anna"))
    birth = a_birth(anna)
    world.announce(birth)
    world.tick()
    proof = world.opens_letter(anna)
    letters = len(world.letters_to(anna))
    world.announce(a_death(child_of(birth)))
    world.wait(hours=25)
    assert world.pipeline.overview(proof)["bundles"] == []
    assert len(world.letters_to(anna)) == letters
    assert "recall" in world.flow_names()
    assert world.count("flow_log", "f_bytes::text LIKE '%V0%'") == 0, "no guard in the facts part"
    world.check_log()


def test_a_death_that_arrives_before_the_birth_stops_it(world: World) -> None:
    anna = world.lives_here(somebody("Anna"))
    birth = a_birth(anna)
    world.announce(a_death(child_of(birth)))
    world.announce(birth)
    world.tick()
    assert world.letters_to(anna) == []
    assert world.count("proposals") == 0
    world.check_log()


def test_nothing_is_ever_sent_about_a_stillbirth_and_no_payload_is_kept(world: World) -> None:
    anna = world.lives_here(somebody("Anna"))
    before = len(world.flow_names())
    world.announce(a_birth(anna, schutz={"totgeboren": True}))
    assert world.count("register_events", "payload IS NOT NULL") == 0
    world.wait(days=40)
    assert world.letters_to(anna) == []
    assert world.count("proposals") == 0
    assert set(world.flow_names(since=before)) <= {"received", "refused", "recall"}
    world.check_log()


def test_a_person_under_protection_gets_no_letter_and_her_code_opens_nothing(world: World) -> None:
    lena = world.lives_here(somebody("Lena"))
    world.announce(a_birth(lena))
    world.tick()
    world.announce(a_protection(lena.kennung, "51"))
    with pytest.raises(NotProven):
        world.opens_letter(lena)
    world.announce(a_birth(lena, born_on="2026-10-07"))
    world.tick()
    assert len(world.letters_to(lena)) == 1, "only the one from before the protection"
    world.check_log()


def test_a_dead_addressee_gets_nothing_any_more(world: World) -> None:
    anna = world.lives_here(somebody("Anna"))
    world.announce(a_death(anna.kennung))
    world.announce(a_birth(anna))
    world.tick()
    assert world.letters_to(anna) == []
    world.check_log()


def test_the_first_parents_yes_closes_the_others_proposal_without_who_and_when(world: World) -> None:
    anna, ben = world.lives_here(somebody("Anna")), world.lives_here(somebody("Ben"))
    world.announce(a_birth(anna, other=ben))
    world.tick()
    hers, his = world.opens_letter(anna), world.opens_letter(ben)
    world.says_yes(hers, "GEBURTSURKUNDE")
    seen = world.proposals(his)["GEBURTSURKUNDE"]
    assert seen["state"] == "lapsed"
    assert "Anna" not in str(seen)
    world.check_log()


def test_twins_are_two_events_and_one_bundle(world: World) -> None:
    anna = world.lives_here(somebody("Anna"))
    first, second = a_birth(anna, mehrlingsgruppe="MG-1"), a_birth(anna, mehrlingsgruppe="MG-1", born_on="2026-10-07")
    world.announce(first)
    world.announce(second)
    world.tick()
    assert world.count("bundles") == 1
    assert world.count("proposals", "leistung = 'GEBURTSURKUNDE'") == 2
    world.check_log()


def test_who_is_not_in_the_register_gets_the_same_answer_and_no_letter(world: World) -> None:
    from proaktiv.steps.enrol import Wish

    world.pipeline.enrol(Wish("Ohne", "Eintrag", "1990-01-01", "Nirgendwo 1", "00001", "Musterstadt"))
    world.tick()
    assert list(world.letters.iterdir()) == []
    assert world.count("persons") == 0
    assert world.count("enrolments", "request IS NOT NULL") == 0
    world.check_log()


def test_five_wrong_birth_dates_lock_a_code_for_good(world: World) -> None:
    from tests.builders import born
    from tests.world import code_in

    anna = world.lives_here(somebody("Anna"))
    world.announce(a_birth(anna))
    world.tick()
    code = code_in(world.letters_to(anna)[-1])
    for _ in range(5):
        with pytest.raises(NotProven):
            world.pipeline.prove(code, born(anna) + timedelta(days=1))
    with pytest.raises(NotProven):
        world.pipeline.prove(code, born(anna))
    assert world.count("codes", "locked_at IS NOT NULL") == 1


def test_a_citizen_who_never_answers_loses_nothing_and_nothing_is_confirmed_by_silence(world: World) -> None:
    anna = world.lives_here(somebody("Anna"))
    world.announce(a_birth(anna))
    world.wait(days=200)
    assert world.count("auftraege") == 0
    assert world.behoerde.orders == {}
    world.check_log()


def test_a_second_yes_gets_the_first_ones_number(world: World) -> None:
    anna = world.lives_here(somebody("Anna"))
    world.announce(a_birth(anna))
    world.tick()
    proof = world.opens_letter(anna)
    shown = world.proposals(proof)["GEBURTSURKUNDE"]
    first = world.pipeline.confirm(proof, UUID(shown["id"]), bytes.fromhex(shown["shown"]))
    assert world.pipeline.confirm(proof, UUID(shown["id"]), bytes.fromhex(shown["shown"])) == first
    assert world.count("auftraege") == 1
    world.check_log()


def test_a_yes_to_something_else_than_what_stands_there_is_refused(world: World) -> None:
    anna = world.lives_here(somebody("Anna"))
    world.announce(a_birth(anna))
    world.tick()
    proof = world.opens_letter(anna)
    shown = world.proposals(proof)["GEBURTSURKUNDE"]
    with pytest.raises(Conflict, match="changed since"):
        world.pipeline.confirm(proof, UUID(shown["id"]), bytes(32))
    assert world.count("auftraege") == 0


@pytest.mark.parametrize("unknown", [("geburtsdatum",), ("anschrift",), ("geburtsdatum", "anschrift")])
def test_what_is_not_known_of_one_parent_takes_nothing_from_the_other(world: World, unknown: tuple[str, ...]) -> None:
    """Who comes from abroad may have a birth date that no register knows in full, and no address here."""
    anna, ben = (world.lives_here(somebody(name)) for name in ("Anna", "Ben"))
    event = a_birth(anna, other=ben)
    for name in unknown:
        del event.data["eltern"][1][name]
    world.announce(event)
    world.tick()
    assert {"ELTERNGELD", "KINDERGELD"} <= world.proposals(world.opens_letter(anna)).keys()
    assert world.letters_to(ben) == [], "unknown is never yes"
    assert [what for what, _ in world.tasks()] == ["event.incomplete"], "and somebody hears of it, for he does not"
    world.check_log()


def test_what_is_left_out_of_somebody_who_is_not_enrolled_calls_nobody(world: World) -> None:
    anna = world.lives_here(somebody("Anna"))
    event = a_birth(anna, other=somebody("Ben"))
    del event.data["eltern"][1]["geburtsdatum"]
    world.announce(event)
    world.tick()
    assert world.tasks() == []
