"""Whoever comes in with a letter's code is seen by the person, and of a code that is locked somebody is told."""

from datetime import timedelta
from typing import Any

import pytest

from proaktiv.core.errors import NotProven
from proaktiv.core.trust import SessionProof
from proaktiv.flowlog.record import FlowLog
from proaktiv.steps.enrol import Wish
from tests.builders import Somebody, a_birth, born, somebody
from tests.journeys.test_mail_address import OLD, canary, city, logged, post, read
from tests.notifiers.servers import Post
from tests.world import World, code_in

__all__ = ["canary", "city", "post"]


def five_wrong_days(world: World, person: Somebody, code: str) -> None:
    for _ in range(5):
        with pytest.raises(NotProven):
            world.pipeline.prove(code, born(person) + timedelta(days=1))


def newest_code(world: World, person: Somebody) -> str:
    return code_in(world.letters_to(person)[-1])


def history(world: World, proof: SessionProof) -> list[tuple[str, str]]:
    return [(each["kind"], each["action"]) for each in world.pipeline.timeline(proof, "")["entries"]]


LOCKED = "ein Code aus einem Brief wurde nach fünf falschen Versuchen gesperrt"


def letters(world: World) -> list[str]:
    return [path.read_text() for path in sorted(world.letters.glob("*.txt"))]


def told(world: World) -> list[str]:
    return [letter for letter in letters(world) if LOCKED in " ".join(letter.split())]


@pytest.fixture
def mother(world: World) -> Somebody:
    """Somebody with a letter about a birth."""
    person = world.lives_here(somebody("Anna"))
    world.announce(a_birth(person))
    world.tick()
    return person


def test_whoever_enters_with_a_code_is_seen_by_the_person_also_if_they_only_look(
    world: World, mother: Somebody
) -> None:
    before = len(logged(world, "code.entered"))
    proof = world.opens_letter(mother)
    assert len(logged(world, "code.entered")) == before + 1
    assert history(world, proof)[0] == ("access", "code.entered")
    world.check_log()


def test_without_the_entry_there_is_no_session(world: World, mother: Somebody, monkeypatch: pytest.MonkeyPatch) -> None:
    sessions = world.count("sessions")

    def broken(*_: Any, **__: Any) -> list[Any]:
        raise RuntimeError("no log")

    monkeypatch.setattr(FlowLog, "record", broken)
    with pytest.raises(RuntimeError):
        world.opens_letter(mother)
    assert world.count("sessions") == sessions


def test_a_locked_code_is_an_entry_and_a_letter_and_the_person_reads_of_it(world: World, mother: Somebody) -> None:
    code = newest_code(world, mother)
    five_wrong_days(world, mother, code)
    assert logged(world, "code.locked") == ["locked"]
    with pytest.raises(NotProven):
        world.pipeline.prove(code, born(mother))
    assert logged(world, "code.locked") == ["locked"], "once"
    world.tick()
    (letter,) = told(world)
    assert "Ihr Code:" not in letter, "nothing that opens anything"
    world.check_log()


def test_where_there_is_an_address_a_mail_tells_of_the_lock_at_once_and_not_of_what(
    city: World, post: Post, canary: tuple[Somebody, SessionProof]
) -> None:
    person, proof = canary
    city.confirms_mail(proof, OLD)
    city.tick()
    city.announce(a_birth(person))
    city.tick()
    five_wrong_days(city, person, newest_code(city, person))
    before = len(post.taken)
    city.tick()
    (mail,) = post.taken[before:]
    to, subject, text = read(mail)
    assert (to, subject) == (OLD, "Etwas an Ihrem Zugang hat sich geändert")
    for word in (person.familienname, "Geburt", "gesperrt"):
        assert word not in text
    assert len(told(city)) == 1
    assert city.count("notices", "inbox IS NOT NULL OR address IS NOT NULL") == 0, "the copy is forgotten"
    assert ("refused", "code.locked") in history(city, proof)
    city.check_log()


def test_in_place_of_a_locked_code_a_new_letter_comes_to_whoever_enrols_anew(world: World) -> None:
    person = somebody("Carla")
    world.melderegister.knows(person)
    wish = Wish(person.vornamen, person.familienname, person.geburtsdatum, person.strasse, person.plz, person.ort)

    def enrols() -> set[str]:
        world.pipeline.enrol(wish)
        world.tick()
        return {code_in(each) for each in letters(world) if "Ihr Code:" in each}

    (first,) = enrols()
    assert enrols() == {first}, "one letter in a while"
    five_wrong_days(world, person, first)
    (fresh,) = enrols() - {first}
    assert world.pipeline.prove(fresh, born(person)).purpose == "activation"
