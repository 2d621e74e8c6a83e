"""Lena moves: letters go where she lives by the register, and what lies in the old letterbox opens nothing.

Source: security-and-faults.md T3 (abusive ex-partner); data-path.md § 5 (notify: contact now).
"""

from datetime import date
from typing import Any

import pytest
from sqlalchemy import text

from proaktiv.core.errors import NotProven
from proaktiv.core.trust import SessionProof
from proaktiv.database import Database
from tests.builders import Event, Somebody, a_birth, a_cancellation, a_move, somebody
from tests.world import World, addressed_to, code_in

OLD = "Erfundene Gasse 3"
NEW = "Neuer Weg 9"
ELSEWHERE = {"strasse": "Frauengasse 5", "plz": "00002", "ort": "Zufluchtstadt", "ars": "990010000000"}


def lena(world: World, *lebenslagen: str) -> Somebody:
    """Somebody with a dog, who enrolled at her partner's address."""
    person = world.lives_here(somebody("Lena"), *lebenslagen)
    world.steueramt.knows(person, **{"person.hund_gemeldet": True, "person.hund_marke": "HM-0001"})
    return person


def streets(world: World, person: Somebody) -> list[str]:
    return [addressed_to(letter)[1] for letter in world.letters_to(person)]


def waits(world: World) -> list[tuple[str, Any]]:
    return [row for row in world.tasks() if row[0] == "address.in_doubt"]


def test_lena_moves_and_every_letter_after_it_goes_to_the_new_address(world: World) -> None:
    her = lena(world)
    world.announce(a_birth(her))
    world.tick()
    assert streets(world, her) == [OLD]
    in_the_old_letterbox = code_in(world.letters_to(her)[0])
    stranger = world.pipeline.prove(in_the_old_letterbox, date.fromisoformat(her.geburtsdatum))

    world.announce(a_move(her))
    world.tick()
    assert streets(world, her) == [OLD, NEW, NEW], "the birth is told anew, and the move for the first time"
    with pytest.raises(NotProven):
        world.pipeline.session(stranger.token)
    with pytest.raises(NotProven):
        world.pipeline.prove(in_the_old_letterbox, date.fromisoformat(her.geburtsdatum))
    seen = {leistung for letter in world.letters_to(her)[1:] for leistung in world.proposals(reads(world, her, letter))}
    assert {"HUNDESTEUER", "GEBURTSURKUNDE"} <= seen

    world.announce(a_birth(her, born_on="2026-10-08"))
    world.tick()
    assert streets(world, her)[3:] == [NEW]
    world.check_log()


def reads(world: World, person: Somebody, letter: str) -> SessionProof:
    return world.pipeline.prove(code_in(letter), date.fromisoformat(person.geburtsdatum)).proof


def test_an_ex_partner_with_an_old_letter_and_the_birth_date_learns_and_changes_nothing(world: World) -> None:
    her = lena(world)
    world.announce(a_birth(her))
    world.tick()
    old_letter = code_in(world.letters_to(her)[0])
    his = world.pipeline.prove(old_letter, date.fromisoformat(her.geburtsdatum))
    before = world.count("proposals"), world.count("auftraege")
    world.announce(a_move(her, anschrift_neu=ELSEWHERE))
    for late in (False, True):
        for attempt in (
            lambda: world.pipeline.prove(old_letter, date.fromisoformat(her.geburtsdatum)),
            lambda: world.pipeline.session(his.token),
            lambda: world.pipeline.session_for_change(his.token, his.csrf),
        ):
            with pytest.raises(NotProven):
                attempt()
        if not late:
            assert (world.count("proposals"), world.count("auftraege")) == before
            world.tick()
    at_his_door = [letter for letter in world.letters_to(her) if addressed_to(letter)[1] == OLD]
    assert len(at_his_door) == 1, "the one from before"
    assert not any(secret in letter for letter in at_his_door for secret in ("Frauengasse", "00002", "Zufluchtstadt"))
    # Her own letter opens hers, and not even there a page says where she lives.
    seen = str(world.proposals(world.opens_letter(her)))
    assert not any(secret in seen for secret in ("Frauengasse", "00002", "Zufluchtstadt"))
    world.check_log()


def test_a_move_that_no_consent_covers_changes_where_the_other_letters_go(world: World) -> None:
    her = lena(world, "geburt")
    world.announce(a_move(her))
    world.announce(a_birth(her))
    world.tick()
    assert streets(world, her) == [NEW]
    assert world.count("register_events", "payload IS NOT NULL") == 0
    assert world.count("event_facts") == 1, "of the birth; nothing of the move is kept but the address"
    world.check_log()


def test_from_the_report_on_nothing_opens_and_nothing_is_written_until_it_is_taken_in(world: World) -> None:
    her = lena(world)
    world.announce(a_birth(her))
    world.tick()
    code = code_in(world.letters_to(her)[0])
    proven = world.pipeline.prove(code, date.fromisoformat(her.geburtsdatum))
    world.announce(a_birth(her, born_on="2026-10-08"))
    world.pipeline.evaluate()
    world.announce(a_move(her))  # only received: no worker has looked at it
    world.pipeline.notify()
    assert streets(world, her) == [OLD], "the second birth's letter waits"
    with pytest.raises(NotProven):
        world.pipeline.session(proven.token)
    with pytest.raises(NotProven):
        world.pipeline.prove(code, date.fromisoformat(her.geburtsdatum))
    assert waits(world) == [], "no human is called for what a worker settles in a moment"
    world.wait(hours=1)
    assert set(streets(world, her)[1:]) == {NEW}
    world.check_log()


def test_the_letter_that_was_on_its_way_is_written_anew_for_the_new_address(world: World) -> None:
    her = lena(world)
    world.announce(a_birth(her))
    world.pipeline.evaluate()
    world.pipeline.look_up()
    world.pipeline.evaluate()
    letters = world.letters.rename(world.letters.with_name("away"))
    world.pipeline.notify()  # the print folder is away: announced, not handed over
    assert world.count("deliveries", "state = 'announced' AND purpose = 'bundle'") == 1
    letters.rename(world.letters)
    world.announce(a_move(her))
    world.wait(minutes=5)
    assert set(streets(world, her)) == {NEW}
    assert world.count("deliveries", "state = 'cancelled' AND reason = 'moved'") == 1
    world.check_log()


def test_a_letter_that_left_this_day_is_called_back_from_the_outgoing_post(world: World) -> None:
    her = lena(world)
    world.announce(a_birth(her))
    world.tick()
    wire_id = next(path.stem for path in world.letters.glob("*.txt") if path.read_text() == world.letters_to(her)[0])
    world.announce(a_move(her))
    world.tick()
    assert ("letter.call_back", wire_id) in world.tasks()


def test_a_letter_of_last_week_is_not_called_back(world: World) -> None:
    her = lena(world)
    world.announce(a_birth(her))
    world.tick()
    world.wait(days=7)
    world.announce(a_move(her).but(time="2026-10-21T08:00:00Z"))
    world.tick()
    assert [what for what, _ in world.tasks() if what == "letter.call_back"] == []


def test_who_moved_while_enrolling_gets_the_activation_letter_at_the_new_address(world: World) -> None:
    her = somebody("Lena")
    world.melderegister.knows(her)
    world.enrols(her)
    (first,) = world.letters.iterdir()
    world.announce(a_move(her))
    world.tick()
    (second,) = set(world.letters.iterdir()) - {first}
    assert addressed_to(second.read_text())[1] == NEW
    with pytest.raises(NotProven):
        world.pipeline.prove(code_in(first.read_text()), date.fromisoformat(her.geburtsdatum))
    world.pipeline.prove(code_in(second.read_text()), date.fromisoformat(her.geburtsdatum))
    world.check_log()


# which address ------------------------------------------------------------------------------------------------------


def moves_to(person: Somebody, strasse: str, moved_on: str, **more: Any) -> Event:
    address = {"strasse": strasse, "plz": "00001", "ort": "Musterstadt", "ars": "990010000000"}
    return a_move(person, moved_on=moved_on, anschrift_neu=address, **more)


def as_owner(world: World, *statements: str) -> None:
    """Change what no step does."""
    owner = Database(world.urls["owner"], pool_size=1)
    with owner.transaction() as session:
        for statement in statements:
            session.connection().execute(text(statement))
    owner.close()


def where_a_letter_goes(world: World, person: Somebody) -> list[str]:
    before = len(world.letters_to(person))
    world.announce(a_birth(person, born_on="2026-10-08"))
    world.tick()
    return sorted(set(streets(world, person)[before:]))


def test_of_moves_in_any_order_the_last_one_by_the_registers_day_counts(world: World) -> None:
    her = lena(world, "geburt")
    world.announce(moves_to(her, "Zweite Gasse 2", "2026-10-09"))
    world.tick()
    world.announce(moves_to(her, "Erste Gasse 1", "2026-10-02"))
    world.tick()
    assert where_a_letter_goes(world, her) == ["Zweite Gasse 2"]


def test_a_nebenwohnung_changes_nothing(world: World) -> None:
    her = lena(world)
    world.announce(a_birth(her))
    world.tick()
    code = code_in(world.letters_to(her)[0])
    world.announce(a_move(her, wohnungsart="nebenwohnung"))
    world.pipeline.prove(code, date.fromisoformat(her.geburtsdatum))
    world.tick()
    assert OLD in where_a_letter_goes(world, her)
    assert NEW not in streets(world, her)


def test_a_move_to_the_address_that_is_known_ends_no_code(world: World) -> None:
    her = lena(world)
    world.announce(a_birth(her))
    world.tick()
    code = code_in(world.letters_to(her)[0])
    world.announce(moves_to(her, OLD, "2026-10-01"))
    world.tick()
    world.pipeline.prove(code, date.fromisoformat(her.geburtsdatum))


def test_a_correction_of_a_move_counts_and_one_to_a_nebenwohnung_leaves_it_in_doubt(world: World) -> None:
    her = lena(world, "geburt")
    move = moves_to(her, "Falsche Gasse 1", "2026-10-09")
    world.announce(move)
    world.tick()
    right = {"strasse": "Richtige Gasse 1", "plz": "00001", "ort": "Musterstadt", "ars": "990010000000"}
    world.announce(move.but(id="second", fassung=2, anschrift_neu=right, ereignis_am="2026-10-05"))
    world.tick()
    assert where_a_letter_goes(world, her) == ["Richtige Gasse 1"]
    world.announce(move.but(id="third", fassung=3, wohnungsart="nebenwohnung"))
    world.tick()
    before = len(world.letters_to(her))
    world.announce(a_birth(her, born_on="2026-10-10"))
    world.wait(hours=2)
    assert len(world.letters_to(her)) == before
    assert len(waits(world)) == 1, "a human is called once"


def test_after_a_storno_of_the_move_letters_wait_until_the_register_was_asked_anew(world: World) -> None:
    her = lena(world, "geburt")
    move = a_move(her)
    world.announce(move)
    world.tick()
    world.announce(a_cancellation(move))
    world.announce(a_birth(her))
    world.wait(hours=2)
    assert world.letters_to(her) == []
    assert len(waits(world)) == 1
    world.wait(days=15)
    proof = world.settles(her)  # she enrols anew: that is a fresh look-up
    assert world.pipeline.overview(proof)["bundles"] == []
    world.wait(hours=1)
    assert streets(world, her) == [OLD], "where the register has her"
    world.check_log()


def test_a_second_move_settles_what_a_cancelled_one_left_in_doubt(world: World) -> None:
    her = lena(world, "geburt")
    move = a_move(her)
    world.announce(move)
    world.tick()
    world.announce(a_cancellation(move))
    world.announce(moves_to(her, "Letzte Gasse 7", "2026-10-13"))
    world.tick()
    assert where_a_letter_goes(world, her) == ["Letzte Gasse 7"]


def test_what_a_held_source_reports_stops_letters_and_a_rejection_lets_them_go(world: World) -> None:
    her = lena(world)
    world.announce(a_birth(her))
    world.tick()
    code = code_in(world.letters_to(her)[0])
    as_owner(
        world,
        "UPDATE clients SET daily_max = 1000, jump_floor = 0 WHERE id = 'meldebehoerde'",
        "INSERT INTO client_days (client, day, n) SELECT 'meldebehoerde', DATE '2026-10-14' - i, 0"
        " FROM generate_series(1, 20) AS s(i) ON CONFLICT DO NOTHING",
    )
    world.announce(a_move(her))
    assert world.count("register_events", "state = 'held'") == 1
    with pytest.raises(NotProven):
        world.pipeline.prove(code, date.fromisoformat(her.geburtsdatum))
    world.pipeline.reject_source("meldebehoerde", "clerk-1")
    world.pipeline.prove(code, date.fromisoformat(her.geburtsdatum))
    world.tick()
    assert where_a_letter_goes(world, her) == [OLD]
