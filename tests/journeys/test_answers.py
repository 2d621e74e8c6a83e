"""Journeys in which only the person can say what is needed, or takes the papers there themselves."""

from uuid import UUID, uuid4

import pytest

from proaktiv.core.errors import BadInput, Conflict, NotFound
from proaktiv.core.trust import SessionProof
from tests.builders import Somebody, a_birth, a_move, somebody
from tests.world import World

PARKING = "BEWOHNERPARKAUSWEIS"
CAR = {"person.kfz_zugelassen": True, "person.kfz_kennzeichen": "MM-XX 1"}


def moved_with_a_car(world: World) -> tuple[Somebody, SessionProof]:
    ada = world.lives_here(somebody("Ada"))
    world.steueramt.knows(ada, **{"person.hund_gemeldet": False})
    world.zulassung.knows(ada, **CAR)
    world.announce(a_move(ada))
    world.tick()
    return ada, world.opens_letter(ada)


def answers(world: World, proof: SessionProof, **changes: str) -> dict[str, str]:
    """Fitting answers to all questions, but for the changes."""
    asked = world.proposals(proof)[PARKING]["fragen"]
    return {each["name"]: changes.get(each["name"].partition(".")[2], fitting(each)) for each in asked}


def fitting(frage: dict[str, object]) -> str:
    return {"person.wohnt_im_parkgebiet": "ja", "person.hat_stellplatz": "nein"}.get(str(frage["name"]), "MM-XX 1")


def says_all(world: World, proof: SessionProof, **changes: str) -> None:
    """Answer until nothing is asked any more."""
    for _ in range(5):
        shown = world.proposals(proof).get(PARKING)
        if shown is None or not shown["fragen"]:
            return
        world.pipeline.answer(proof, UUID(shown["id"]), answers(world, proof, **changes))
        world.tick()
    raise AssertionError("it asks and asks")


def test_who_answers_gets_a_filled_auftrag_and_no_second_letter(world: World) -> None:
    ada, proof = moved_with_a_car(world)
    shown = world.proposals(proof)[PARKING]
    assert shown["fragen"]
    with pytest.raises(Conflict, match="answer the questions"):
        world.says_yes(proof, PARKING)
    says_all(world, proof)
    fields = {field["ziel"]: field for field in world.proposals(proof)[PARKING]["felder"]}
    assert fields["fahrzeug/kennzeichen"]["wert"] == "MM-XX 1"
    assert fields["fahrzeug/kennzeichen"]["quelle"] == "Ihre Angabe"
    world.says_yes(proof, PARKING)
    world.wait(hours=25)
    assert PARKING in [order.leistung for order in world.behoerde.orders.values()]
    assert len(world.letters_to(ada)) == 1
    world.check_log()


def test_an_answer_after_which_nothing_applies_takes_the_question_back(world: World) -> None:
    _, proof = moved_with_a_car(world)
    says_all(world, proof, hat_stellplatz="ja")
    assert PARKING not in world.proposals(proof)
    assert world.count("proposals", f"leistung = '{PARKING}' AND state IN ('open', 'later')") == 0
    world.check_log()


def test_an_answer_is_sealed_and_told_to_nobody(world: World) -> None:
    _, proof = moved_with_a_car(world)
    says_all(world, proof)
    assert world.count("answers", "encode(values, 'escape') LIKE '%MM-XX%'") == 0
    assert world.count("answers") >= 1
    assert "act" in world.flow_names()


@pytest.mark.parametrize("written", [{}, {"person.gibt_es_nicht": "ja"}, {"kind.vornamen": "Mia"}])
def test_only_what_is_asked_can_be_answered(world: World, written: dict[str, str]) -> None:
    _, proof = moved_with_a_car(world)
    shown = world.proposals(proof)[PARKING]
    with pytest.raises(BadInput):
        world.pipeline.answer(proof, UUID(shown["id"]), written)
    assert world.count("answers") == 0


def test_a_wrong_answer_is_refused_without_being_repeated(world: World) -> None:
    _, proof = moved_with_a_car(world)
    shown = world.proposals(proof)[PARKING]
    secret = "synthetic-secret-answer"
    with pytest.raises(BadInput) as refused:
        world.pipeline.answer(proof, UUID(shown["id"]), {each["name"]: secret * 20 for each in shown["fragen"]})
    assert secret not in str(refused.value)
    assert world.count("answers") == 0


def test_what_asks_nothing_takes_no_answer(world: World) -> None:
    anna = world.lives_here(somebody("Anna"))
    world.announce(a_birth(anna))
    world.tick()
    proof = world.opens_letter(anna)
    with pytest.raises(Conflict, match="nothing is asked"):
        world.pipeline.answer(proof, UUID(world.proposals(proof)["GEBURTSURKUNDE"]["id"]), {"x": "y"})
    with pytest.raises(NotFound):
        world.pipeline.answer(proof, uuid4(), {"x": "y"})


def test_nobody_is_asked_whom_the_register_knows_no_car_of(world: World) -> None:
    ada = world.lives_here(somebody("Ada"))
    world.steueramt.knows(ada, **{"person.hund_gemeldet": False})
    world.zulassung.knows(ada, **{"person.kfz_zugelassen": False})
    world.announce(a_move(ada))
    world.tick()
    assert world.letters_to(ada) == []
    world.check_log()


def test_the_vehicle_papers_are_a_sheet_and_nothing_is_sent(world: World) -> None:
    _, proof = moved_with_a_car(world)
    auftrag = world.says_yes(proof, "KFZ-ANSCHRIFT")
    assert world.pipeline.auftrag(proof, auftrag)["state"] == "with_citizen"
    sheet = world.pipeline.sheet(proof, auftrag)
    assert {field["ziel"]: field["wert"] for field in sheet["felder"]}["fahrzeug/kennzeichen"] == "MM-XX 1"
    world.wait(days=10)
    assert world.behoerde.orders == {}
    world.pipeline.withdraw_auftrag(proof, auftrag)
    assert world.pipeline.auftrag(proof, auftrag)["state"] == "withdrawn"
    world.check_log()


def test_after_a_withdrawn_consent_an_answer_brings_nothing(world: World) -> None:
    _, proof = moved_with_a_car(world)
    shown = world.proposals(proof)[PARKING]
    world.pipeline.withdraw(proof, lebenslage="umzug", activity="")
    with pytest.raises((Conflict, NotFound)):
        world.pipeline.answer(proof, UUID(shown["id"]), {"person.hat_stellplatz": "nein"})
