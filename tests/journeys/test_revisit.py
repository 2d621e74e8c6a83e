"""Journeys in which only the calendar changes what the rules say."""

from datetime import date

from tests.builders import a_birth, a_death, child_of, somebody
from tests.world import World


def test_a_parent_who_comes_of_age_for_it_is_told_when_the_month_is_over(world: World) -> None:
    kim = world.lives_here(somebody("Kim", geburtsdatum="2010-11-20"))  # § 62 (1) S. 3 PStG: sixteen on 20 November
    world.announce(a_birth(kim))
    world.tick()
    assert world.count("proposals", "leistung = 'GEBURTSURKUNDE'") == 0
    note = world.value("SELECT due_month FROM wiedervorlagen WHERE what = 'geburt/GEBURTSURKUNDE'")
    assert note == date(2026, 11, 1)
    assert world.value("SELECT due_on FROM wiedervorlagen WHERE what = 'geburt/GEBURTSURKUNDE'") is None, (
        "the day would give the birthday away"
    )
    while world.count("wiedervorlagen"):
        assert world.count("proposals", "leistung = 'GEBURTSURKUNDE'") == 0
        world.wait(days=1)
    assert world.now.date() == date(2026, 12, 1)
    assert set(world.proposals(world.opens_letter(kim))) >= {"GEBURTSURKUNDE"}
    world.check_log()


def test_nothing_reminds_of_a_child_that_died(world: World) -> None:
    kim = world.lives_here(somebody("Kim", geburtsdatum="2010-11-20"))
    birth = a_birth(kim)
    world.announce(birth)
    world.tick()
    assert world.count("wiedervorlagen") == 1
    world.announce(a_death(child_of(birth)))
    assert world.count("wiedervorlagen") == 0
    world.wait(days=60)
    assert world.count("proposals", "state IN ('open', 'later')") == 0
    world.check_log()


def test_who_withdrew_is_not_decided_about_when_the_day_comes(world: World) -> None:
    kim = world.lives_here(somebody("Kim", geburtsdatum="2010-11-20"))
    world.announce(a_birth(kim))
    world.tick()
    world.pipeline.withdraw(world.settles(kim), lebenslage="geburt", activity="")
    world.wait(days=60)
    assert world.count("proposals", "state IN ('open', 'later')") == 0
    assert world.count("event_facts") == 0
    world.check_log()
