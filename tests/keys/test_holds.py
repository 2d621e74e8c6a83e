"""Who is held is not destroyed: a hold is placed and released by the office, and the eraser asks for it."""

import signal
from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

import pytest
from sqlalchemy import text

from proaktiv.core.errors import NotFound
from proaktiv.database import Database
from proaktiv.keys.erasing import Reason, Refused
from proaktiv.steps import retain
from proaktiv.steps.retain import holds
from tests.builders import somebody
from tests.chaos.dying import Killer, in_own_process
from tests.chaos.meanwhile import NAME, Meanwhile
from tests.keys.conftest import House, a_mother_with_a_child, named
from tests.world import World


def held(world: World, person: UUID | None = None, auftrag: UUID | None = None) -> UUID:
    return world.pipeline.hold(person=person, auftrag=auftrag, reason="12 K 34/27", by="dora.dsb")


def released(world: World, hold: UUID) -> None:
    world.pipeline.release_hold(hold, reason="12 K 34/27 Urteil", by="dora.dsb")


def only_auftrag(house: House) -> UUID:
    ((auftrag,),) = house.as_owner("SELECT id FROM auftraege")
    assert isinstance(auftrag, UUID)
    return auftrag


def anna_whose_auftrag_ben_signed(house: House) -> tuple[UUID, UUID]:
    ben = house.key_of(house.world.lives_here(somebody("Ben"), "geburt"))
    anna, _ = a_mother_with_a_child(house, confirmed=True)
    house.as_owner(
        "INSERT INTO signatures (auftrag, person, role, state) VALUES (:auftrag, :ben, 'zweiter_elternteil', 'signed')",
        auftrag=only_auftrag(house),
        ben=ben,
    )
    return anna, ben


def test_a_hold_on_a_person_keeps_her_until_it_is_released(house: House) -> None:
    anna, _ = a_mother_with_a_child(house)
    hold, keys = held(house.world, anna), house.keys()
    with pytest.raises(Refused, match=f"hold {hold} on person {anna} stands.*proaktiv retention release {hold}"):
        house.destroys(anna)
    assert (house.keys(), house.listed.exists() and house.listed.read_bytes().count(b"\n") > 1) == (keys, False)
    released(house.world, hold)
    house.destroys(anna)
    assert "holds" not in named(house, anna), "its file number would say who that was"
    house.world.check_log()


def test_a_hold_on_a_child_keeps_the_mother_with_whom_it_would_go(house: House) -> None:
    anna, child = a_mother_with_a_child(house)
    hold = held(house.world, child)
    with pytest.raises(Refused, match=f"person {child}"):
        house.destroys(anna)
    released(house.world, hold)
    house.destroys(anna)


def test_a_hold_on_an_auftrag_keeps_whoever_confirmed_or_signed_it(house: House) -> None:
    people = anna_whose_auftrag_ben_signed(house)
    hold = held(house.world, auftrag=only_auftrag(house))
    for person in people:
        with pytest.raises(Refused, match=f"hold {hold} on Auftrag {only_auftrag(house)} stands"):
            house.destroys(person)
    released(house.world, hold)
    house.destroys(*people)


@pytest.mark.parametrize("which", [0, 1], ids=["confirmed", "signed"])
def test_whoever_shares_an_auftrag_with_somebody_held_stays_as_well(house: House, which: int) -> None:
    people = anna_whose_auftrag_ben_signed(house)
    hold = held(house.world, people[which])
    for person in people:
        with pytest.raises(Refused, match=f"hold {hold} on person {people[which]} stands"):
            house.destroys(person)
    released(house.world, hold)
    house.destroys(*people)


def test_a_hold_on_somebody_else_keeps_nobody_from_being_destroyed(house: House) -> None:
    ben = house.key_of(house.world.lives_here(somebody("Ben"), "geburt"))
    anna, _ = a_mother_with_a_child(house, confirmed=True)
    held(house.world, ben)
    house.destroys(anna)


def test_a_hold_in_a_restored_database_keeps_nobody_and_waits_for_its_release(house: House) -> None:
    anna, _ = a_mother_with_a_child(house)

    def dying() -> None:
        house.eraser(probe=Killer("destroy.listed")).destroy([anna], Reason.WITHDRAWN, "a", "b")

    assert in_own_process(dying) == -signal.SIGKILL
    hold = held(house.world, anna)  # as it stood in the backup
    house.eraser().reconcile("olga.ops")
    assert "persons" not in named(house, anna)
    assert [each["id"] for each in house.world.pipeline.preview_retention().holds] == [str(hold)]
    released(house.world, hold)
    house.world.check_log()


# races ----------------------------------------------------------------------------------------------------------------


def place(house: House, database: Database, person: UUID) -> Callable[[], UUID]:
    def act() -> UUID:
        with database.transaction() as session:
            return retain.place(
                session,
                house.world.pipeline.house,
                person=person,
                auftrag=None,
                reason="12 K 34/27",
                by="dora.dsb",
                now=house.world.now,
            )

    return act


def placed_while_she_is_destroyed(house: House) -> Meanwhile:
    """Ask for a hold on Anna when the eraser has seen that none stands, and is not through."""
    anna, _ = a_mother_with_a_child(house)
    beside = Database(house.world.urls["app"], NAME, pool_size=1)
    house.opened.append(beside)
    meanwhile = Meanwhile(house.world.database, "destroy.locked", place(house, beside, anna))
    house.eraser(probe=meanwhile).destroy([anna], Reason.WITHDRAWN, "a", "b")
    assert meanwhile.reached
    return meanwhile


@pytest.mark.chaos
def test_a_hold_that_comes_while_somebody_is_destroyed_waits_and_is_told(house: House) -> None:
    meanwhile = placed_while_she_is_destroyed(house)
    with pytest.raises(NotFound):
        meanwhile.ends()
    assert house.world.count("holds") == 0


@pytest.mark.chaos
def test_control_without_its_lock_a_hold_would_be_acknowledged_and_keep_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holds, "lock_keys", lambda *_: None)
    placed_while_she_is_destroyed(house).ends()
    assert house.world.count("holds", "released_at IS NULL") == 1
    assert house.world.count("persons") == 0, "held, and destroyed"


@pytest.mark.chaos
def test_who_destroys_waits_for_a_hold_that_is_being_placed(house: House) -> None:
    anna, _ = a_mother_with_a_child(house)
    eraser = replace(house.eraser(), database=Database(house.world.urls["eraser"], NAME, pool_size=2))
    house.opened.append(eraser.database)
    meanwhile = Meanwhile(
        house.database("eraser"), "placed", lambda: eraser.destroy([anna], Reason.WITHDRAWN, "a", "b")
    )
    with house.world.database.transaction() as session:
        hold = retain.place(
            session,
            house.world.pipeline.house,
            person=anna,
            auftrag=None,
            reason="12 K 34/27",
            by="dora.dsb",
            now=house.world.now,
        )
        meanwhile("placed")
        assert meanwhile.waited
        assert session.connection().execute(text("SELECT count(*) FROM persons")).scalar_one() == 2
    with pytest.raises(Refused, match=str(hold)):
        meanwhile.ends()
