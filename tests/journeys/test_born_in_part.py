"""Who has no birth date in full, in the register and on their papers, enrols and comes in like everybody else."""

import pytest

from notifiers.leak_forms import Known
from notifiers.leak_forms import forms as forms_of
from proaktiv.core.birthdays import read_born
from proaktiv.core.errors import NotProven
from proaktiv.steps.notify.composing import day_to_search
from tests.builders import a_birth, somebody
from tests.world import World, code_in


@pytest.mark.parametrize("known", ["1985-00-00", "1985-06-00"])
def test_a_letter_opens_with_the_birth_date_as_far_as_it_is_known(world: World, known: str) -> None:
    anna = somebody("Anna", geburtsdatum=known)
    world.melderegister.knows(anna)
    world.enrols(anna)
    (letter,) = world.letters.iterdir()
    code = code_in(letter.read_text())
    for wrong in ("1985-01-01", "1985-06-01", "1986-00-00"):
        with pytest.raises(NotProven):
            world.pipeline.prove(code, read_born(wrong))
    proof = world.pipeline.prove(code, read_born(known)).proof
    world.consents(proof)
    assert world.count("enrolments", "state = 'finished'") == 1


@pytest.mark.parametrize("known", ["1985-00-00", "1994-03-08"])
def test_a_mail_is_searched_for_the_year_as_a_word_and_for_nothing_that_is_no_date(known: str) -> None:
    year = known[:4]
    number = f"Nummer {year[::-1]}"

    def found(text: str, what: Known) -> bool:
        return any(form.pattern.search(text) for form in forms_of(what) if form.against == "folded")

    day = Known(days=(day_to_search(read_born(known)),))
    assert found(f"geboren {year}", day)
    assert found(f"geboren {known}", day)
    assert not found(number, day)
    assert found(number, Known(others=(known,))), "the control: as any other text, it would hold up a mail"


def test_for_what_rests_on_a_whole_birth_date_a_clerk_is_called(world: World) -> None:
    anna = world.lives_here(somebody("Anna", geburtsdatum="1985-00-00"))
    birth = a_birth(anna)
    del birth.data["eltern"][0]["geburtsdatum"]  # an event says it in full or not at all
    world.announce(birth)
    world.tick()
    assert world.letters_to(anna) == [], "nothing is made up"
    assert [what for what, _ in world.tasks()] == ["event.incomplete"]


def test_a_birth_date_of_which_nothing_is_known_opens_no_door(world: World) -> None:
    nobody = somebody("Anna", geburtsdatum="0000-00-00")
    world.melderegister.knows(nobody)
    world.enrols(nobody)
    assert list(world.letters.iterdir()) == []
    assert world.count("persons") == 0
