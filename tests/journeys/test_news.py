"""News of an Auftrag: what a Behörde asks or turns down reaches the person by a letter, in time and in neutral words.

Source: channels-and-pages.md § 9 ("ask back goes through a channel").
"""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from notifiers.folder import FolderChannel
from proaktiv.core.letters import news_words
from proaktiv.core.tasks import How
from proaktiv.core.trust import SessionProof
from proaktiv.steps import acknowledge
from proaktiv.steps.acknowledge import Acknowledgement
from tests.builders import Somebody, a_birth, a_death, a_move, somebody
from tests.journeys.test_moving import ELSEWHERE
from tests.journeys.test_told import reading
from tests.journeys.test_two_parents import with_account
from tests.world import World, addressed_to

NEWS = "Dazu gibt es etwas Neues. Sehen Sie es sich bitte bald an"
QUESTION = "Bitte nennen Sie den Ort der Eheschließung."
NOTHING_TO_DO = ("nichts mehr tun", "geschieht nichts", "keinen Antrag stellen")
MATTER = ("Geburtsurkunde", "urkunde", "Kita", "Rückfrage", "fragt zurück", "Behörde", "Standesamt")


@pytest.fixture
def anna(world: World) -> Somebody:
    return world.lives_here(somebody("Anna"))


def sent(world: World, anna: Somebody) -> tuple[SessionProof, UUID]:
    """Anna said yes by letter, and the Behörde has it."""
    world.announce(a_birth(anna))
    world.tick()
    proof = world.opens_letter(anna)
    auftrag = world.says_yes(proof, "GEBURTSURKUNDE")
    world.wait(hours=25)
    assert state(world, auftrag) == "sent"
    return proof, auftrag


def state(world: World, auftrag: UUID) -> str:
    return str(world.value("SELECT state FROM auftraege WHERE id = :id", id=auftrag))


def says(world: World, auftrag: UUID, status: str, message_id: str = "m-1", text: str = QUESTION) -> None:
    """The Behörde sends a message about an Auftrag."""
    wire_id = world.value("SELECT wire_id FROM handovers WHERE auftrag = :id", id=auftrag)
    behoerde = world.value("SELECT behoerde FROM handovers WHERE auftrag = :id", id=auftrag)
    message = Acknowledgement(behoerde, wire_id, message_id, status, text)
    house = world.pipeline.house
    with world.database.transaction() as session:
        acknowledge.accept(session, house, message, acknowledge.content_mac(house.vault, message), world.now)


def words(letter: str) -> str:
    return " ".join(letter.split())


def tasks(world: World) -> list[str]:
    return sorted(what for what, _ in world.tasks() if what != "letter.call_back")


@pytest.mark.parametrize("status", ["question", "rejected"])
def test_what_a_behoerde_asks_or_turns_down_comes_by_a_letter_with_a_new_code(
    world: World, anna: Somebody, status: str
) -> None:
    before, auftrag = sent(world, anna)
    says(world, auftrag, status)
    world.tick()
    old, new = world.letters_to(anna)
    assert old != new
    assert NEWS in words(new)
    assert not any(each in words(new) for each in NOTHING_TO_DO)
    proof = world.opens_letter(anna)
    assert world.pipeline.auftrag(proof, auftrag)["state"] == status
    assert proof.bundle == before.bundle
    assert tasks(world) == [], "no clerk runs after what a letter tells"
    world.wait(days=100)
    assert len(world.letters_to(anna)) == 2, "told once"
    world.check_log()


def test_the_letter_names_neither_the_matter_nor_that_a_behoerde_asks(world: World, anna: Somebody) -> None:
    _, auftrag = sent(world, anna)
    says(world, auftrag, "question")
    world.tick()
    told = words(world.letters_to(anna)[1])
    assert not any(word in told for word in MATTER)
    assert "Eheschließung" not in told


@pytest.mark.parametrize("status", ["acknowledged", "decided"])
def test_what_asks_nothing_of_the_person_brings_no_letter(world: World, anna: Somebody, status: str) -> None:
    """What was decided the Behörde itself makes known (§ 41 VwVfG)."""
    _, auftrag = sent(world, anna)
    says(world, auftrag, status)
    world.tick()
    assert len(world.letters_to(anna)) == 1
    assert tasks(world) == []


def test_a_second_question_is_told_again_and_a_repeat_of_the_first_is_not(world: World, anna: Somebody) -> None:
    _, auftrag = sent(world, anna)
    says(world, auftrag, "question")
    world.tick()
    says(world, auftrag, "question")
    world.tick()
    assert len(world.letters_to(anna)) == 2
    says(world, auftrag, "acknowledged", "m-2")
    says(world, auftrag, "question", "m-3")
    world.tick()
    assert len(world.letters_to(anna)) == 3


def test_what_is_settled_before_its_letter_went_is_not_told(world: World, anna: Somebody) -> None:
    proof, auftrag = sent(world, anna)
    for item in world.proposals(proof).values():
        if item["state"] == "open":
            world.pipeline.decline(proof, UUID(item["id"]))
    says(world, auftrag, "question")
    says(world, auftrag, "decided", "m-2")
    world.tick()
    assert len(world.letters_to(anna)) == 1
    assert tasks(world) == []


def test_whoever_wants_no_letters_any_more_is_told_by_a_clerk(world: World, anna: Somebody) -> None:
    proof, auftrag = sent(world, anna)
    world.pipeline.withdraw(proof, lebenslage="", activity="geburt/propose/LETTER")
    says(world, auftrag, "question")
    world.tick()
    assert len(world.letters_to(anna)) == 1
    assert tasks(world) == ["auftrag.question"]
    world.wait(days=3)
    assert tasks(world) == ["auftrag.question"], "once"
    world.check_log()


def test_nobody_is_asked_to_tell_anything_to_the_dead(world: World, anna: Somebody) -> None:
    _, auftrag = sent(world, anna)
    world.announce(a_death(anna.kennung))
    says(world, auftrag, "rejected")
    world.tick()
    assert len(world.letters_to(anna)) == 1
    assert "auftrag.rejected" not in tasks(world)
    world.check_log()


def test_news_that_come_while_a_letter_is_on_its_way_get_a_letter_of_their_own(
    world: World, anna: Somebody, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, auftrag = sent(world, anna)
    hand_over = FolderChannel.hand_over

    def meanwhile(*args: Any) -> Any:
        world.now += timedelta(seconds=1)
        says(world, auftrag, "question")
        return hand_over(*args)

    world.value("UPDATE bundles SET due_at = :now RETURNING 1", now=world.now)  # for what else is open there
    monkeypatch.setattr(FolderChannel, "hand_over", meanwhile)
    world.tick()
    letters = world.letters_to(anna)
    assert [NEWS in words(letter) for letter in letters] == [False, False, True]


def test_a_sheet_in_ones_own_hands_is_news_and_no_letter_says_that_nothing_is_to_do(
    world: World, anna: Somebody
) -> None:
    _, auftrag = sent(world, anna)
    world.value("UPDATE auftraege SET state = 'in_doubt' WHERE id = :id RETURNING 1", id=auftrag)
    world.value(
        "INSERT INTO tasks (id, what, matter, behoerde, made_at, how)"
        " VALUES (:id, 'auftrag.in_doubt', :id, '', :now, '') RETURNING 1",
        id=auftrag,
        now=world.now,
    )
    world.pipeline.finish(auftrag, How.TO_CITIZEN, "clerk-1")
    world.tick()
    told = words(world.letters_to(anna)[1])
    assert NEWS in told
    assert not any(each in told for each in NOTHING_TO_DO)


def test_who_moves_after_it_is_told_anew_where_they_live_now(world: World, anna: Somebody) -> None:
    _, auftrag = sent(world, anna)
    says(world, auftrag, "question")
    world.tick()
    world.announce(a_move(anna, anschrift_neu=ELSEWHERE))
    world.tick()
    (new,) = [letter for letter in world.letters_to(anna)[2:] if NEWS in words(letter)]
    assert addressed_to(new)[1] == ELSEWHERE["strasse"]
    assert state(world, auftrag) == "question"


def test_control_what_was_told_long_before_a_move_is_not_told_again(world: World, anna: Somebody) -> None:
    _, auftrag = sent(world, anna)
    says(world, auftrag, "rejected")
    world.tick()
    world.wait(days=91)
    world.announce(a_move(anna, anschrift_neu=ELSEWHERE))
    world.tick()
    assert not any(NEWS in words(letter) for letter in world.letters_to(anna)[2:])


def test_its_words_are_read_with_an_account_and_by_no_code_from_a_letter(world: World, anna: Somebody) -> None:
    """At V1 no address and no other person is shown, and a Behörde may write of both."""
    _, auftrag = sent(world, anna)
    says(world, auftrag, "acknowledged", "m-0", text="")
    world.now += timedelta(seconds=1)
    says(world, auftrag, "question")
    by_letter = world.opens_letter(anna)
    assert world.pipeline.auftrag(with_account(by_letter), auftrag)["antworten"][1]["text"] == "", (
        "sealed to the worker"
    )
    world.tick()
    first, second = world.pipeline.auftrag(with_account(by_letter), auftrag)["antworten"]
    assert (first["status"], first["text"], first["mit_konto"]) == ("acknowledged", "", False)
    assert (second["status"], second["text"], second["mit_konto"]) == ("question", QUESTION, False)
    hidden = world.pipeline.auftrag(by_letter, auftrag)["antworten"][1]
    assert (hidden["status"], hidden["text"], hidden["mit_konto"]) == ("question", "", True)
    kept = bytes(world.value("SELECT said FROM acknowledgements WHERE said IS NOT NULL"))
    assert b"Ehe" not in kept


def test_words_that_do_not_open_hold_up_no_letter(world: World, anna: Somebody) -> None:
    _, auftrag = sent(world, anna)
    says(world, auftrag, "question")
    world.value("UPDATE acknowledgements SET text = 'broken' RETURNING 1")
    world.tick()
    assert NEWS in words(world.letters_to(anna)[1])
    shown = world.pipeline.auftrag(with_account(world.opens_letter(anna)), auftrag)["antworten"]
    assert [(each["text"], each["mit_konto"]) for each in shown] == [("", False)]


def test_the_letter_says_the_same_in_three_languages_and_asks_for_no_yes() -> None:
    found = news_words("Stadt Musterstadt")
    assert [version.language for version in found.versions] == ["en", "ls"]
    for paragraphs in (found.paragraphs, *(version.paragraphs for version in found.versions)):
        assert "90" in " ".join(paragraphs)
        assert not any(each in " ".join(paragraphs) for each in (" nein ", "say yes", *NOTHING_TO_DO))


def page_of(world: World, person: Somebody, auftrag: UUID, *, trust: int = 1) -> str:
    """The page about an Auftrag, entered with the newest letter; ``trust`` is what an account would have proven."""
    browser = reading(world, person)
    world.value(
        "WITH raised AS (UPDATE sessions SET trust = :trust RETURNING 1) SELECT count(*) FROM raised", trust=trust
    )
    return words(browser.get(f"/auftrag/{auftrag}").text)


def test_the_page_says_whom_to_ask_and_shows_the_words_to_whoever_has_an_account(world: World, anna: Somebody) -> None:
    _, auftrag = sent(world, anna)
    says(world, auftrag, "question", text="Eine Frage <b>mit</b> Zeichen.\nUnd noch eine.")
    world.tick()
    by_letter = page_of(world, anna, auftrag)
    assert "Die Behörde fragt zurück" in by_letter
    assert "Antworten und nachfragen können Sie bei der Behörde selbst" in by_letter
    assert "lesen Sie hier nur mit Ihrem Nutzerkonto" in by_letter
    assert "noch eine" not in by_letter
    with_one = page_of(world, anna, auftrag, trust=2)
    assert '<p class="notice">Eine Frage &lt;b&gt;mit&lt;/b&gt; Zeichen. Und noch eine.</p>' in with_one
    assert "nur mit Ihrem Nutzerkonto" not in with_one


def test_a_page_without_any_message_has_no_place_for_one(world: World, anna: Somebody) -> None:
    _, auftrag = sent(world, anna)
    assert "Was die Behörde sagt" not in page_of(world, anna, auftrag)
