"""Guards that hand a matter to a human: § 52 BMG, custody that lies elsewhere, a mother who died."""

from typing import Any
from uuid import UUID

import pytest
from sqlmodel import Session

from proaktiv.core.errors import NotFound, OutcomeUnknown
from proaktiv.core.tasks import How
from proaktiv.core.trust import SessionProof, Trust
from tests.builders import Somebody, a_birth, a_death, a_move, a_protection, child_of, somebody
from tests.world import World


def tasks(world: World) -> list[str]:
    """What waits for a human, but for letters in the outgoing post (test_called_back)."""
    return sorted(what for what, _ in world.tasks() if what != "letter.call_back")


@pytest.fixture
def anna(world: World) -> Somebody:
    return world.lives_here(somebody("Anna"))


@pytest.fixture
def ben(world: World) -> Somebody:
    return world.lives_here(somebody("Ben"))


def recalled(world: World, event: Any) -> list[str]:
    """Report, and return the guards that the log's staff part names."""
    told: list[str] = []
    record = world.pipeline.house.log.record

    def hearing(session: Session, flows: Any, *rest: Any) -> Any:
        told.extend(flow.reason for flow in flows if flow.action == "matter.recalled")
        return record(session, flows, *rest)

    world.pipeline.house.log.record = hearing  # type: ignore[method-assign]
    world.announce(event)
    world.pipeline.house.log.record = record  # type: ignore[method-assign]
    return told


def test_a_birth_with_somebody_under_52_is_a_humans_and_she_is_told_nothing(world: World, anna: Somebody) -> None:
    world.announce(a_birth(anna, schutz={"sperre_52": [anna.kennung]}))
    world.tick()
    assert tasks(world) == ["event.protected"]
    assert world.count("proposals") == 0
    assert world.letters_to(anna) == []
    world.check_log()


def test_a_birth_of_people_who_are_not_enrolled_calls_nobody(world: World) -> None:
    stranger = somebody("Cem")
    world.announce(a_birth(stranger, schutz={"sperre_52": [stranger.kennung]}))
    world.tick()
    assert tasks(world) == []


@pytest.mark.parametrize("before", [True, False])
def test_where_custody_lies_elsewhere_a_human_finds_out_who_speaks_for_the_child(
    world: World, anna: Somebody, before: bool
) -> None:
    birth = a_birth(anna)
    reports = [birth, a_protection(child_of(birth), "sorge")]
    for report in reversed(reports) if before else reports:
        world.announce(report)
        world.tick()
    assert tasks(world) == ["custody.elsewhere"]
    assert world.count("proposals", "state = 'open'") == 0
    world.check_log()


@pytest.mark.parametrize("before", [True, False])
def test_a_mother_who_died_is_a_humans_matter_and_the_other_parent_keeps_what_is_theirs(
    world: World, anna: Somebody, ben: Somebody, before: bool
) -> None:
    birth = a_birth(anna, other=ben)
    reports = [birth, a_death(anna.kennung)]
    for report in reversed(reports) if before else reports:
        world.announce(report)
        world.tick()
    assert tasks(world) == ["birth.mother_died"]
    assert world.count("proposals", "state = 'open'") > 0
    world.check_log()


def test_a_task_that_was_seen_to_does_not_come_again(world: World, anna: Somebody, ben: Somebody) -> None:
    world.announce(a_birth(anna, other=ben))
    world.tick()
    world.announce(a_death(anna.kennung))
    (task,) = (task for task in world.pipeline.tasks() if task["what"] != "letter.call_back")
    world.pipeline.finish(UUID(task["id"]), How.DONE, "clerk-1")
    world.wait(days=400)
    assert world.count("tasks", "what = 'birth.mother_died'") == 1


def test_the_log_calls_a_childs_death_v02_and_a_parents_v08(world: World, anna: Somebody, ben: Somebody) -> None:
    birth = a_birth(anna, other=ben)
    world.announce(birth)
    world.tick()
    assert set(recalled(world, a_death(child_of(birth)))) == {"V02"}
    assert tasks(world) == [], "nobody is called for what has gone nowhere"
    assert set(recalled(world, a_death(ben.kennung))) == {"V08"}


@pytest.mark.parametrize("art", ["51", "52"])
def test_a_protection_after_the_hand_over_is_told_to_the_behoerde_and_nothing_is_taken_back(
    world: World, anna: Somebody, ben: Somebody, art: str
) -> None:
    for person in (anna, ben):
        world.announce(a_birth(person))
    world.tick()
    sent = world.says_yes(world.opens_letter(anna), "GEBURTSURKUNDE")
    world.says_yes(world.opens_letter(ben), "GEBURTSURKUNDE")
    world.wait(hours=25)
    still_here = world.says_yes(world.opens_letter(anna), "KITA-PLATZ")
    report = a_protection(anna.kennung, art)
    world.announce(report)
    world.announce(report)
    world.announce(a_protection(anna.kennung, art))
    (task,) = [task for task in world.pipeline.tasks() if task["what"] == "auftrag.protected_after_sending"]
    assert (task["matter"], task["behoerde"]) == (str(sent), "standesamt-musterstadt")
    assert world.value("SELECT state FROM auftraege WHERE id = :id", id=sent) == "sent"
    world.pipeline.finish(UUID(task["id"]), How.DONE, "clerk-1")
    if art == "51":
        world.wait(hours=25)
        assert world.value("SELECT sperrvermerk FROM auftraege WHERE id = :id", id=still_here), "it went with its mark"
        world.announce(a_protection(anna.kennung, art))
        (again,) = [UUID(matter) for what, matter in world.tasks() if what == "auftrag.protected_after_sending"]
        assert again == sent, "what went with its mark needs nobody's call"
    world.check_log()


def test_a_protection_of_the_child_alone_marks_what_is_sent_and_calls_for_what_was(
    world: World, anna: Somebody
) -> None:
    """A note stands for the person it was asked for: the parent's Auftrag tells where the child lives all the same."""
    birth = a_birth(anna)
    world.announce(birth)
    world.tick()
    sent = world.says_yes(world.opens_letter(anna), "GEBURTSURKUNDE")
    world.wait(hours=25)
    still_here = world.says_yes(world.opens_letter(anna), "KITA-PLATZ")
    world.announce(a_protection(child_of(birth), "51"))
    assert tasks(world) == ["auftrag.protected_after_sending"]
    world.wait(hours=25)
    marks = {
        each: world.value("SELECT sperrvermerk FROM auftraege WHERE id = :id", id=each) for each in (sent, still_here)
    }
    assert marks == {sent: False, still_here: True}
    assert {order.reference: order.sperrvermerk for order in world.behoerde.orders.values()} == {
        world.value("SELECT reference FROM auftraege WHERE id = :id", id=each): mark for each, mark in marks.items()
    }
    world.check_log()


def test_what_may_have_arrived_before_the_protection_is_told_to_the_behoerde_too(world: World, anna: Somebody) -> None:
    world.announce(a_birth(anna))
    world.tick()
    world.says_yes(world.opens_letter(anna), "GEBURTSURKUNDE")
    world.behoerde.fails_with = OutcomeUnknown("its answer was lost")
    world.wait(hours=25)
    assert world.value("SELECT state FROM auftraege") == "ready"
    world.announce(a_protection(anna.kennung, "51"))
    assert tasks(world) == ["auftrag.protected_after_sending"]


def test_who_lost_custody_hears_nothing_of_the_child_and_keeps_what_is_their_own(
    world: World, anna: Somebody, ben: Somebody
) -> None:
    world.steueramt.knows(anna, **{"person.hund_gemeldet": True, "person.hund_marke": "HM-0001"})
    birth = a_birth(anna, other=ben)
    world.announce(birth)
    world.tick()
    of_birth = world.opens_letter(anna)
    logged_in = SessionProof(of_birth.session, of_birth.person, Trust.V2, None)
    of_child = world.says_yes(logged_in, "ELTERNGELD")
    world.announce(a_move(anna))
    world.tick()
    of_move = world.says_yes(world.opens_letter(anna), "HUNDESTEUER")
    letters = len(world.letters_to(anna))
    world.announce(a_protection(anna.kennung, "sorge"))

    assert tasks(world) == ["custody.elsewhere"]
    assert world.value("SELECT state FROM auftraege WHERE id = :id", id=of_child) == "withdrawn"
    for found in (of_child, world.value("SELECT proposal FROM auftraege WHERE id = :id", id=of_child)):
        with pytest.raises(NotFound):
            world.pipeline.auftrag(logged_in, found)
    shown = world.pipeline.overview(logged_in)["bundles"]
    assert {bundle["lebenslage"] for bundle in shown} == {"umzug"}
    world.announce(a_birth(anna, other=ben))
    world.tick()
    assert [bundle["lebenslage"] for bundle in world.pipeline.overview(logged_in)["bundles"]] == ["umzug"]
    assert len(world.letters_to(anna)) == letters

    world.wait(hours=25)
    assert world.value("SELECT state FROM auftraege WHERE id = :id", id=of_move) == "sent", "it is their own"
    assert world.pipeline.timeline(logged_in, "")["entries"], "Art. 15 DSGVO"
    assert world.pipeline.withdraw(logged_in, lebenslage="umzug", activity=""), "Art. 7 (3) DSGVO"
    assert world.opens_letter(anna).person == logged_in.person, "the door stands"
    assert world.count("proposals", f"person <> '{logged_in.person}' AND state = 'open'") > 0, (
        "the other parent's stand"
    )
    world.check_log()


def test_who_lost_custody_is_not_asked_to_sign_for_the_child(world: World, anna: Somebody, ben: Somebody) -> None:
    world.announce(a_birth(anna, other=ben))
    world.tick()
    hers, his = (
        SessionProof(proof.session, proof.person, Trust.V2, None)
        for proof in (world.opens_letter(anna), world.opens_letter(ben))
    )
    asked = world.says_yes(his, "ELTERNGELD")
    world.pipeline.to_sign(hers, asked)
    world.announce(a_protection(anna.kennung, "sorge"))
    with pytest.raises(NotFound):
        world.pipeline.to_sign(hers, asked)
    world.pipeline.undo(his, asked)
    world.says_yes(his, "ELTERNGELD")
    assert world.count("signatures", "state = 'requested'") == 0
