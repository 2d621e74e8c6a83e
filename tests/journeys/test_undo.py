"""Journeys in which a yes is taken back while nothing has left the house."""

from datetime import timedelta
from uuid import UUID

import pytest

from proaktiv.core.errors import Conflict, NotFound
from tests.builders import Event, a_birth, a_death, child_of, somebody
from tests.world import World


def corrected(birth: Event, **child: object) -> Event:
    return birth.but(id=f"{birth.id}-2", fassung=2, kind=birth.data["kind"] | child)


def test_a_yes_taken_back_stands_open_again_and_can_become_another_yes(world: World) -> None:
    anna = world.lives_here(somebody("Anna"))
    world.announce(a_birth(anna))
    world.tick()
    proof = world.opens_letter(anna)
    first = world.says_yes(proof, "GEBURTSURKUNDE")
    assert world.pipeline.auftrag(proof, first)["undoable"]
    world.pipeline.undo(proof, first)
    world.pipeline.undo(proof, first)  # again is no error
    assert world.pipeline.auftrag(proof, first)["state"] == "undone"
    assert world.proposals(proof)["GEBURTSURKUNDE"]["state"] == "open"

    second = world.says_yes(proof, "GEBURTSURKUNDE")
    assert second != first
    world.wait(hours=25)
    assert [order.leistung for order in world.behoerde.orders.values()] == ["GEBURTSURKUNDE"]
    assert world.value("SELECT state FROM auftraege WHERE id = :id", id=first) == "withdrawn"
    assert world.value("SELECT state FROM auftraege WHERE id = :id", id=second) == "sent"
    assert len(world.letters_to(anna)) == 1, "who takes back is there and needs no letter about it"
    world.check_log()


def test_what_is_taken_back_never_leaves(world: World) -> None:
    anna = world.lives_here(somebody("Anna"))
    world.announce(a_birth(anna))
    world.tick()
    proof = world.opens_letter(anna)
    world.pipeline.undo(proof, world.says_yes(proof, "GEBURTSURKUNDE"))
    world.wait(days=3)
    assert world.behoerde.orders == {}
    assert world.count("consent_heads", "activity LIKE '%/transmit/%' AND state = 'given'") == 0
    world.check_log()


def test_after_the_undo_window_only_a_withdrawal_is_left(world: World) -> None:
    anna = world.lives_here(somebody("Anna"))
    world.announce(a_birth(anna))
    world.tick()
    proof = world.opens_letter(anna)
    auftrag = world.says_yes(proof, "GEBURTSURKUNDE")
    world.now += timedelta(hours=24)
    with pytest.raises(Conflict, match="withdrawn"):
        world.pipeline.undo(proof, auftrag)
    assert not world.pipeline.auftrag(proof, auftrag)["undoable"]


def test_nobody_takes_back_anothers_yes(world: World) -> None:
    anna, ben = world.lives_here(somebody("Anna")), world.lives_here(somebody("Ben"))
    for parent in (anna, ben):
        world.announce(a_birth(parent))
    world.tick()
    auftrag = world.says_yes(world.opens_letter(anna), "GEBURTSURKUNDE")
    with pytest.raises(NotFound):
        world.pipeline.undo(world.opens_letter(ben), auftrag)
    assert world.value("SELECT undone_at FROM auftraege WHERE id = :id", id=auftrag) is None


def test_an_undo_opens_the_other_parents_proposal_again_and_tells_them(world: World) -> None:
    anna, ben = world.lives_here(somebody("Anna")), world.lives_here(somebody("Ben"))
    world.announce(a_birth(anna, other=ben))
    world.tick()
    hers, his = world.opens_letter(anna), world.opens_letter(ben)
    auftrag = world.says_yes(hers, "GEBURTSURKUNDE")
    assert world.proposals(his)["GEBURTSURKUNDE"]["state"] == "lapsed"
    letters = len(world.letters_to(ben))
    world.pipeline.undo(hers, auftrag)
    world.tick()
    assert world.proposals(his)["GEBURTSURKUNDE"]["state"] == "open"
    assert len(world.letters_to(ben)) == letters + 1
    world.says_yes(his, "GEBURTSURKUNDE")
    world.check_log()


def test_an_undo_does_not_open_what_the_other_parent_withdrew_meanwhile(world: World) -> None:
    anna, ben = world.lives_here(somebody("Anna")), world.lives_here(somebody("Ben"))
    world.announce(a_birth(anna, other=ben))
    world.tick()
    hers, his = world.opens_letter(anna), world.opens_letter(ben)
    auftrag = world.says_yes(hers, "GEBURTSURKUNDE")
    world.pipeline.withdraw(his, lebenslage="geburt", activity="")
    world.pipeline.undo(hers, auftrag)
    world.tick()
    assert world.count("proposals", f"person = '{his.person}' AND state IN ('open', 'later')") == 0
    world.check_log()


def test_a_withdrawn_auftrag_gives_the_other_parent_theirs_back(world: World) -> None:
    anna, ben = world.lives_here(somebody("Anna")), world.lives_here(somebody("Ben"))
    world.announce(a_birth(anna, other=ben))
    world.tick()
    hers, his = world.opens_letter(anna), world.opens_letter(ben)
    world.pipeline.withdraw_auftrag(hers, world.says_yes(hers, "GEBURTSURKUNDE"))
    assert world.proposals(his)["GEBURTSURKUNDE"]["state"] == "open"
    assert world.proposals(hers)["GEBURTSURKUNDE"]["state"] == "confirmed"


def test_the_death_of_the_parent_who_ordered_gives_the_other_one_theirs_back_without_a_letter(world: World) -> None:
    anna, ben = world.lives_here(somebody("Anna")), world.lives_here(somebody("Ben"))
    world.announce(a_birth(anna, other=ben))
    world.tick()
    his = world.opens_letter(ben)
    world.says_yes(world.opens_letter(anna), "GEBURTSURKUNDE")
    letters = len(world.letters_to(ben))
    world.announce(a_death(anna.kennung))
    world.wait(days=27)
    assert world.count("proposals", f"person = '{his.person}' AND state = 'open' AND leistung = 'GEBURTSURKUNDE'") == 1
    assert len(world.letters_to(ben)) == letters, "four weeks of quiet"
    world.wait(days=2)
    assert len(world.letters_to(ben)) == letters + 1
    world.check_log()


def test_an_undo_after_the_death_of_the_child_finds_nothing(world: World) -> None:
    anna = world.lives_here(somebody("Anna"))
    birth = a_birth(anna)
    world.announce(birth)
    world.tick()
    proof = world.opens_letter(anna)
    auftrag = world.says_yes(proof, "GEBURTSURKUNDE")
    world.announce(a_death(child_of(birth)))
    with pytest.raises(NotFound):
        world.pipeline.undo(proof, auftrag)
    world.wait(days=3)
    assert world.count("proposals", "state IN ('open', 'later')") == 0
    world.check_log()


def test_what_the_register_corrected_meanwhile_is_shown_after_an_undo(world: World) -> None:
    anna = world.lives_here(somebody("Anna"))
    birth = a_birth(anna)
    world.announce(birth)
    world.tick()
    proof = world.opens_letter(anna)
    auftrag = world.says_yes(proof, "GEBURTSURKUNDE")
    world.announce(corrected(birth, vornamen="Maja"))
    world.tick()
    assert world.count("tasks", "what = 'auftrag.changed'") == 1, "never a silent change of what was confirmed"
    world.pipeline.undo(proof, auftrag)
    world.tick()
    shown = world.proposals(proof)["GEBURTSURKUNDE"]
    assert shown["state"] == "open"
    assert {field["ziel"]: field["wert"] for field in shown["felder"]}["kind/vornamen"] == "Maja"
    world.check_log()


def test_the_yes_is_to_the_page_as_it_was_shown_and_not_to_what_lies_behind_it(world: World) -> None:
    anna = world.lives_here(somebody("Anna"))
    world.announce(a_birth(anna))
    world.tick()
    proof = world.opens_letter(anna)
    shown = world.proposals(proof)["GEBURTSURKUNDE"]
    behind = world.value("SELECT shown_mac FROM proposals WHERE id = :id", id=UUID(shown["id"]))
    with pytest.raises(Conflict, match="changed since"):
        world.pipeline.confirm(proof, UUID(shown["id"]), behind)
    auftrag = world.says_yes(proof, "GEBURTSURKUNDE")
    signed = world.value("SELECT shown_mac FROM signatures WHERE auftrag = :id", id=auftrag)
    assert signed.hex() == shown["shown"]


@pytest.mark.parametrize("how", ["withdraw", "object_to"])
def test_what_is_undone_after_its_consent_is_gone_does_not_lie_open_again(world: World, how: str) -> None:
    anna = world.lives_here(somebody("Anna"))
    world.announce(a_birth(anna))
    world.tick()
    proof = world.opens_letter(anna)
    auftrag = world.says_yes(proof, "GEBURTSURKUNDE")
    getattr(world.pipeline, how)(proof, lebenslage="geburt", activity="")
    world.pipeline.undo(proof, auftrag)
    assert world.count("proposals", "state IN ('open', 'later')") == 0
    assert world.pipeline.overview(proof)["bundles"] == []
    world.wait(hours=25)
    assert world.behoerde.orders == {}
    world.check_log()
