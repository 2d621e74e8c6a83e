"""From its first moment on a look-up names an entry: what it is wanted by, then what authorised it."""

from typing import Any

import pytest

from proaktiv.core.flows import Kind
from proaktiv.steps.enrol import Wish
from tests.builders import a_birth, child_of, somebody
from tests.world import World

NAMED = (
    "SELECT g.kind, g.outcome, s.subj, q.state, q.person FROM lookups q JOIN flow_log g ON g.fid = q.flow_id"
    " JOIN flow_secret s USING (fid) WHERE q.{} IS NOT NULL ORDER BY q.person"
)


def named(world: World, by: str) -> list[Any]:
    with world.database.transaction() as session:
        return list(session.connection().exec_driver_sql(NAMED.format(by)))


@pytest.fixture
def reported(world: World) -> World:
    """Two births are reported, of a mother who is known and of one who is known with her partner."""
    anna, ben, berta = somebody("Anna"), somebody("Ben"), somebody("Berta")
    for person in (anna, ben, berta):
        world.lives_here(person, "geburt")
        world.melderegister.people[person.kennung] |= {"kind.im_haushalt": True}
    world.announce(a_birth(anna, other=ben))
    world.announce(a_birth(berta))
    return world


def test_a_look_up_for_an_event_names_the_entry_that_admitted_it_for_this_person(reported: World) -> None:
    while reported.pipeline.evaluate():
        pass
    rows = named(reported, "event")
    assert len(rows) >= 2, "or nothing was looked at"
    log = reported.pipeline.house.log
    for row in rows:
        assert (row.kind, row.outcome, row.state) == (Kind.ADMITTED, "admitted", "wanted")
        assert row.subj == log.subj(row.person)


def test_a_look_up_that_was_asked_names_the_entry_that_authorised_it(reported: World) -> None:
    while reported.pipeline.evaluate() + reported.pipeline.look_up():
        pass
    rows = named(reported, "event")
    assert {(row.kind, row.state) for row in rows} == {(Kind.AUTHORISED, "answered")}
    reported.check_log()


def test_a_look_up_for_an_enrolment_names_the_request(world: World) -> None:
    dora = somebody("Dora")
    world.pipeline.enrol(Wish(dora.vornamen, dora.familienname, dora.geburtsdatum, dora.strasse, dora.plz, dora.ort))
    assert [(row.kind, row.state) for row in named(world, "enrolment")] == [(Kind.RECEIVED, "wanted")]
    world.pipeline.look_up()
    assert [row.kind for row in named(world, "enrolment")] == [Kind.AUTHORISED]


def test_a_question_about_a_child_says_which_child(reported: World) -> None:
    """A parent may have several: twins are two questions, and an older child elsewhere is not meant."""
    mother = somebody("Carla")
    reported.lives_here(mother, "geburt")
    twins = [a_birth(mother), a_birth(mother)]
    for birth in twins:
        reported.announce(birth)
    while reported.pipeline.evaluate() + reported.pipeline.look_up():
        pass
    asked = [each for each in reported.melderegister.asked if each.person.get("kennung") == mother.kennung]
    assert sorted(each.child for each in asked) == sorted(child_of(birth) for birth in twins)
    enrolled = [each for each in reported.melderegister.asked if "kind.im_haushalt" not in each.names]
    assert enrolled
    assert {each.child for each in enrolled} == {""}
