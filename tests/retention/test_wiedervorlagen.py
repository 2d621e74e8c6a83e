"""What an age will bring is noted when consent is given, and forgotten with it.

Today's rules know one such thing: a parent under sixteen orders no Geburtsurkunde (§ 62 (1) S. 3 PStG).
"""

from datetime import date

from proaktiv.core.trust import SessionProof
from proaktiv.steps.consents import Choice
from tests.builders import Somebody, a_birth, a_death, somebody
from tests.world import World

KIM = {"geburtsdatum": "2010-11-20"}
LETTER = "geburt/propose/LETTER"


def a_young_parent(world: World) -> tuple[Somebody, SessionProof]:
    kim = somebody("Kim", **KIM)
    proof = world.settles(kim)
    world.consents(proof, "geburt")
    world.announce(a_birth(kim))
    world.tick()
    assert world.count("wiedervorlagen", "what = 'geburt/GEBURTSURKUNDE'") == 1
    return kim, proof


def gives(world: World, proof: SessionProof, activity: str) -> None:
    offered = {each["name"]: each["notice"] for each in world.pipeline.consents(proof)["activities"]}
    world.pipeline.choose(proof, [Choice(activity, True, offered[activity])])


def test_they_go_with_a_withdrawal_and_come_back_with_a_new_consent(world: World) -> None:
    kim, proof = a_young_parent(world)
    world.pipeline.withdraw(proof, lebenslage="", activity=LETTER)
    assert world.count("wiedervorlagen") == 0
    world.tick()
    assert world.count("wiedervorlagen") == 0

    gives(world, proof, LETTER)
    world.tick()
    assert world.value("SELECT due_month FROM wiedervorlagen") == date(2026, 11, 1)
    assert world.value("SELECT due_on FROM wiedervorlagen") is None, "the day would give the birthday away"
    while world.count("wiedervorlagen"):
        world.wait(days=1)
    assert world.now.date() == date(2026, 12, 1)
    assert "GEBURTSURKUNDE" in world.proposals(world.opens_letter(kim))
    world.check_log()


def test_who_withdraws_the_rules_themselves_leaves_no_facts_behind(world: World) -> None:
    _, proof = a_young_parent(world)
    world.pipeline.withdraw(proof, lebenslage="geburt", activity="")
    for table in ("wiedervorlagen", "event_facts", "fetched_facts", "answers"):
        assert world.count(table) == 0, table
    assert world.count("matches", "facts IS NOT NULL") == 0
    for activity in ("geburt/watch", "geburt/match", LETTER):
        gives(world, proof, activity)
    world.tick()
    assert world.count("wiedervorlagen") == 0, "what was destroyed is not revived"
    world.check_log()


def test_a_withdrawal_leaves_the_facts_that_a_confirmed_auftrag_rests_on(world: World) -> None:
    anna = world.lives_here(somebody("Anna"))
    world.announce(a_birth(anna))
    world.tick()
    proof = world.opens_letter(anna)
    world.says_yes(proof, "GEBURTSURKUNDE")
    world.pipeline.withdraw(proof, lebenslage="geburt", activity="")
    assert world.count("event_facts") == 1


def test_a_withdrawal_forgets_nothing_of_somebody_else(world: World) -> None:
    a_young_parent(world)
    lou = world.lives_here(somebody("Lou", **KIM), "geburt")
    world.announce(a_birth(lou))
    world.tick()
    assert world.count("wiedervorlagen") == 2
    world.pipeline.withdraw(world.settles(lou), lebenslage="geburt", activity="")
    assert world.count("wiedervorlagen") == 1


def test_a_death_takes_them_all(world: World) -> None:
    kim, _ = a_young_parent(world)
    world.announce(a_death(kim.kennung))
    assert world.count("wiedervorlagen") == 0


def test_giving_what_is_given_decides_nothing_again(world: World) -> None:
    _, proof = a_young_parent(world)
    matches = world.count("matches")
    gives(world, proof, LETTER)
    world.tick()
    assert world.count("matches") == matches
