"""Journeys with two parents: one Auftrag, two signatures, and nobody learns of the other what they need not know."""

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from proaktiv.core.calendar import berlin_date
from proaktiv.core.errors import Conflict, NotAllowed, NotFound
from proaktiv.core.tasks import How
from proaktiv.core.trust import SessionProof, Trust
from tests.builders import Event, Somebody, a_birth, a_death, a_protection, child_of, somebody
from tests.world import World


def with_account(proof: SessionProof, trust: Trust = Trust.V2) -> SessionProof:
    """The same person, logged in with an account instead of a letter code."""
    return SessionProof(proof.session, proof.person, trust, None)


def waiting(world: World) -> list[dict[str, Any]]:
    """What waits for a clerk, but for the letters to take out of the outgoing post."""
    return [task for task in world.pipeline.tasks() if task["what"] != "letter.call_back"]


class Family:
    """Two parents who live here, and their child."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.anna = world.lives_here(somebody("Anna"))
        self.ben = world.lives_here(somebody("Ben", familienname="Probst-Muster"))
        self.birth: Event = a_birth(self.anna, other=self.ben)
        world.announce(self.birth)
        world.tick()
        self.hers, self.his = (with_account(world.opens_letter(person)) for person in (self.anna, self.ben))

    def state(self, auftrag: UUID) -> str:
        return str(self.world.value("SELECT state FROM auftraege WHERE id = :id", id=auftrag))

    def signs(self, auftrag: UUID) -> None:
        shown = self.world.pipeline.to_sign(self.his, auftrag)
        self.world.pipeline.sign(self.his, auftrag, bytes.fromhex(shown["shown"]))


@pytest.fixture
def family(world: World) -> Family:
    return Family(world)


def test_elterngeld_is_one_auftrag_that_both_sign_and_then_goes_at_once(family: Family) -> None:
    world = family.world
    auftrag = world.says_yes(family.hers, "ELTERNGELD")
    assert family.state(auftrag) == "awaiting_signature"
    world.wait(days=2)
    assert world.behoerde.orders == {}, "one signature is not enough"
    assert len(world.letters_to(family.ben)) == 2, "he is told that something lies there"

    family.signs(auftrag)
    family.signs(auftrag)  # again is no error
    world.tick()
    (order,) = world.behoerde.orders.values()
    assert [each["rolle"] for each in order.unterschriften] == ["elternteil", "zweiter_elternteil"]
    assert order.nachzureichen == ()
    assert family.state(auftrag) == "sent"
    assert world.count("auftraege", "leistung = 'ELTERNGELD'") == 1
    world.check_log()


def test_with_a_letter_code_elterngeld_is_a_sheet_to_sign_and_ends_with_the_citizen(world: World) -> None:
    anna = world.lives_here(somebody("Anna"))
    world.announce(a_birth(anna))
    world.tick()
    proof = world.opens_letter(anna)
    shown = world.proposals(proof)["ELTERNGELD"]
    assert shown["versand"] == "selbst"
    auftrag = world.says_yes(proof, "ELTERNGELD")
    stands = world.pipeline.auftrag(proof, auftrag)
    assert stands["state"] == "with_citizen"
    assert stands["sheet"]
    sheet = world.pipeline.sheet(proof, auftrag)
    fields = {field["ziel"]: field["wert"] for field in sheet["felder"]}
    assert fields["kind/vornamen"] == "Mia"
    assert fields["antragsteller/anschrift"] == "", "at V1 no address is shown: it is filled in by hand"
    world.wait(days=30)
    assert world.behoerde.orders == {}
    assert world.count("consent_heads", "activity LIKE '%/transmit/%' AND state = 'given'") == 0
    world.check_log()


def test_what_the_second_parent_signs_shows_the_child_and_who_asks_and_no_address(family: Family) -> None:
    world = family.world
    auftrag = world.says_yes(family.hers, "ELTERNGELD")
    shown = json.dumps(world.pipeline.to_sign(family.his, auftrag), ensure_ascii=False)
    assert "Mia" in shown
    assert "Anna" in shown
    for secret in (family.anna.strasse, family.anna.geburtsdatum, "08.03.1994", family.anna.plz):
        assert secret not in shown


def test_a_letter_code_is_not_enough_to_see_or_sign_what_another_person_began(family: Family) -> None:
    world = family.world
    auftrag = world.says_yes(family.hers, "ELTERNGELD")
    world.tick()
    code = world.opens_letter(family.ben)
    (asked,) = world.pipeline.overview(code)["bundles"][0]["unterschriften"]
    assert set(asked) == {"auftrag", "leistung", "state"}
    with pytest.raises(NotAllowed, match="V2"):
        world.pipeline.to_sign(code, auftrag)
    with pytest.raises(NotAllowed, match="V2"):
        world.pipeline.sign(code, auftrag, bytes(32))
    assert family.state(auftrag) == "awaiting_signature"


def test_a_letter_code_shows_nothing_of_the_other_parent_even_where_one_was_enough_for_the_first_yes(
    family: Family,
) -> None:
    world = family.world
    auftrag = world.says_yes(family.hers, "ELTERNGELD")
    world.value("UPDATE auftraege SET trust = 1 WHERE id = :id RETURNING 1", id=auftrag)
    world.tick()
    code = world.opens_letter(family.ben)
    for act in (world.pipeline.to_sign, lambda proof, wanted: world.pipeline.sign(proof, wanted, bytes(32))):
        with pytest.raises(NotAllowed, match="V2"):
            act(code, auftrag)
    family.signs(auftrag)


@pytest.mark.parametrize("signs", [False, True], ids=["nobody signs", "the other one signs"])
def test_what_can_be_taken_back_for_a_day_does_not_leave_before(family: Family, signs: bool) -> None:
    world = family.world
    auftrag = world.says_yes(family.hers, "ELTERNGELD")
    world.value(
        "UPDATE auftraege SET trust = 1, due_at = :now, undo_until = :until WHERE id = :id RETURNING 1",
        id=auftrag,
        now=world.now,
        until=world.now + timedelta(days=1),
    )
    if signs:
        family.signs(auftrag)
    world.tick()
    assert family.state(auftrag) == "held"
    assert world.pipeline.auftrag(family.hers, auftrag)["undoable"]
    world.wait(hours=23, minutes=59)
    assert world.behoerde.orders == {}
    world.wait(minutes=2)
    assert len(world.behoerde.orders) == 1
    world.check_log()


def test_the_other_parent_is_not_asked_for_what_will_not_wait(world: World) -> None:
    anna, ben = (world.lives_here(somebody(name)) for name in ("Anna", "Ben"))
    safe = berlin_date(world.now) + timedelta(days=3)
    world.announce(a_birth(anna, other=ben, born_on=safe.replace(month=safe.month - 4).isoformat()))
    world.tick()
    letters = len(world.letters_to(ben))
    auftrag = world.says_yes(with_account(world.opens_letter(anna)), "ELTERNGELD")
    assert world.count("signatures", "state <> 'signed'") == 0
    world.tick()
    assert world.value("SELECT state FROM auftraege WHERE id = :id", id=auftrag) == "sent"
    world.wait(days=1)
    assert len(world.letters_to(ben)) == letters, "he would find nothing to sign"


def test_nobody_else_signs(family: Family) -> None:
    world = family.world
    cleo = world.lives_here(somebody("Cleo"))
    world.announce(a_birth(cleo))
    world.tick()
    auftrag = world.says_yes(family.hers, "ELTERNGELD")
    for stranger in (with_account(world.opens_letter(cleo)), family.hers):
        with pytest.raises(NotFound):
            world.pipeline.to_sign(stranger, auftrag)
        with pytest.raises(NotFound):
            world.pipeline.sign(stranger, auftrag, bytes(32))


def test_a_signature_under_something_else_than_what_is_shown_is_refused(family: Family) -> None:
    auftrag = family.world.says_yes(family.hers, "ELTERNGELD")
    with pytest.raises(Conflict, match="changed since"):
        family.world.pipeline.sign(family.his, auftrag, bytes(32))


def until(world: World, auftrag: UUID) -> int:
    due = world.value("SELECT due_at FROM auftraege WHERE id = :id", id=auftrag)
    return int((due - world.now).days)


def test_without_the_second_signature_it_goes_five_working_days_before_its_day_and_says_what_is_missing(
    family: Family,
) -> None:
    world = family.world
    auftrag = world.says_yes(family.hers, "ELTERNGELD")
    world.wait(days=until(world, auftrag) - 1)
    assert family.state(auftrag) == "awaiting_signature"
    world.wait(days=2)
    (order,) = world.behoerde.orders.values()
    assert [each["rolle"] for each in order.unterschriften] == ["elternteil"]
    assert order.nachzureichen == ("zweiter_elternteil",)
    with pytest.raises(Conflict):
        family.world.pipeline.sign(family.his, auftrag, bytes(32))
    world.check_log()


def test_who_is_asked_to_sign_is_reminded_once_while_it_waits_for_them(family: Family) -> None:
    """Also who has nothing of their own to answer: what the other was told of its Frist is not theirs to be opened."""
    world = family.world
    auftrag = world.says_yes(family.hers, "ELTERNGELD")
    for proposal in world.proposals(family.his).values():
        if proposal["state"] == "open":
            world.pipeline.decline(family.his, UUID(proposal["id"]))
    world.tick()
    assert len(world.letters_to(family.ben)) == 2
    world.wait(days=until(world, auftrag) - 1)
    assert family.state(auftrag) == "awaiting_signature"
    assert len(world.letters_to(family.ben)) == 3
    world.check_log()


def test_where_the_rule_says_wait_the_person_gets_the_sheet_back_while_there_is_time(family: Family) -> None:
    world = family.world
    auftrag = world.says_yes(family.hers, "ELTERNGELD")
    world.value("UPDATE auftraege SET ohne_zweite = 'warten' WHERE id = :id RETURNING 1", id=auftrag)
    letters = len(world.letters_to(family.anna))
    world.wait(days=until(world, auftrag) + 1)
    assert family.state(auftrag) == "with_citizen"
    assert world.behoerde.orders == {}
    assert len(world.letters_to(family.anna)) == letters + 1
    assert world.pipeline.sheet(family.hers, auftrag)["art"] == "formular"
    world.check_log()


def test_a_second_parent_who_is_not_enrolled_is_never_contacted_and_the_first_gets_their_sheet(world: World) -> None:
    anna, ben = world.lives_here(somebody("Anna")), somebody("Ben")
    world.announce(a_birth(anna, other=ben))
    world.tick()
    proof = with_account(world.opens_letter(anna))
    auftrag = world.says_yes(proof, "ELTERNGELD")
    world.wait(days=3)
    assert world.letters_to(ben) == []
    assert world.count("signatures") == 1
    assert world.pipeline.sheet(proof, auftrag)["art"] == "mitzeichnung"
    assert world.pipeline.auftrag(proof, auftrag)["signature_missing"]
    world.check_log()


def test_a_parent_who_has_sole_custody_signs_alone(world: World) -> None:
    anna = world.lives_here(somebody("Anna"))
    world.announce(a_birth(anna))
    world.tick()
    auftrag = world.says_yes(with_account(world.opens_letter(anna)), "ELTERNGELD")
    world.tick()
    assert world.value("SELECT state FROM auftraege WHERE id = :id", id=auftrag) == "sent"


def test_a_parent_under_protection_is_not_asked_and_nothing_tells_of_it(world: World) -> None:
    family = Family(world)
    world.announce(a_protection(family.ben.kennung, "51"))
    letters = len(world.letters_to(family.ben))
    auftrag = world.says_yes(family.hers, "ELTERNGELD")
    world.wait(days=3)
    assert world.count("signatures", "state = 'requested'") == 0
    assert len(world.letters_to(family.ben)) == letters
    assert world.pipeline.auftrag(family.hers, auftrag)["state"] == "awaiting_signature"


def test_whoever_hides_asks_nobody_for_a_signature_and_what_she_sends_says_that_she_hides(family: Family) -> None:
    world = family.world
    world.announce(a_protection(family.anna.kennung, "51"))
    his_letters = len(world.letters_to(family.ben))
    auftrag = world.says_yes(with_account(family.hers, Trust.V3), "ELTERNGELD")
    world.wait(days=3)
    assert world.count("signatures", "state = 'requested'") == 0, "§ 51 BMG: to be asked would tell him that she acts"
    world.wait(days=until(world, auftrag) + 1)
    (order,) = world.behoerde.orders.values()
    assert (order.sperrvermerk, order.nachzureichen) == (True, ("zweiter_elternteil",))
    assert len(world.letters_to(family.ben)) == his_letters
    world.check_log()


def test_whoever_was_asked_before_she_hid_is_asked_no_longer(family: Family) -> None:
    world = family.world
    auftrag = world.says_yes(family.his, "ELTERNGELD")
    world.announce(a_protection(family.anna.kennung, "51"))
    with pytest.raises(NotFound):
        world.pipeline.to_sign(with_account(family.hers, Trust.V3), auftrag)


def test_whoever_was_asked_by_one_who_hides_now_is_asked_no_longer_and_her_auftrag_goes(family: Family) -> None:
    world = family.world
    auftrag = world.says_yes(family.hers, "ELTERNGELD")
    world.tick()
    his_letters = len(world.letters_to(family.ben))
    world.announce(a_protection(family.anna.kennung, "51"))
    with pytest.raises(NotFound):
        world.pipeline.to_sign(family.his, auftrag)
    with pytest.raises(Conflict):
        world.pipeline.sign(family.his, auftrag, bytes(32))
    assert all(bundle["unterschriften"] == [] for bundle in world.pipeline.overview(family.his)["bundles"])
    world.wait(days=until(world, auftrag) + 1)
    (order,) = world.behoerde.orders.values()
    assert (order.sperrvermerk, order.nachzureichen) == (True, ("zweiter_elternteil",))
    assert len(world.letters_to(family.ben)) == his_letters
    world.check_log()


def test_a_refused_signature_tells_nobody_and_the_auftrag_waits_as_before(family: Family) -> None:
    world = family.world
    auftrag = world.says_yes(family.hers, "ELTERNGELD")
    before = world.pipeline.auftrag(family.hers, auftrag)
    world.pipeline.refuse_signature(family.his, auftrag)
    world.pipeline.refuse_signature(family.his, auftrag)
    assert world.pipeline.auftrag(family.hers, auftrag) == before
    with pytest.raises(NotFound):
        world.pipeline.to_sign(family.his, auftrag)
    world.wait(days=until(world, auftrag) + 1)
    (order,) = world.behoerde.orders.values()
    assert order.nachzureichen == ("zweiter_elternteil",)
    world.check_log()


def test_the_first_parent_may_take_it_back_while_the_signature_is_missing(family: Family) -> None:
    world = family.world
    auftrag = world.says_yes(family.hers, "ELTERNGELD")
    world.wait(days=3)
    world.pipeline.undo(family.hers, auftrag)
    world.tick()
    assert family.state(auftrag) == "withdrawn"
    with pytest.raises((NotFound, Conflict)):
        family.signs(auftrag)
    assert world.proposals(family.his)["ELTERNGELD"]["state"] == "open", "he may begin it himself now"
    again = world.says_yes(family.his, "ELTERNGELD")
    assert family.state(again) == "awaiting_signature"
    world.check_log()


def test_who_signed_may_withdraw_until_it_has_left_and_a_clerk_is_told_after(family: Family) -> None:
    world = family.world
    auftrag = world.says_yes(family.hers, "ELTERNGELD")
    family.signs(auftrag)
    world.pipeline.withdraw_auftrag(family.his, auftrag)
    assert family.state(auftrag) == "awaiting_signature"
    world.tick()
    assert world.behoerde.orders == {}
    world.check_log()


def test_a_signature_withdrawn_after_sending_is_for_a_clerk(family: Family) -> None:
    world = family.world
    auftrag = world.says_yes(family.hers, "ELTERNGELD")
    family.signs(auftrag)
    world.tick()
    assert family.state(auftrag) == "sent"
    world.pipeline.withdraw_auftrag(family.his, auftrag)
    assert [task["what"] for task in world.pipeline.tasks()] == ["auftrag.withdrawn_after_sending"]
    world.check_log()


def test_the_one_who_signed_sees_in_their_own_log_that_it_went(family: Family) -> None:
    world = family.world
    auftrag = world.says_yes(family.hers, "ELTERNGELD")
    family.signs(auftrag)
    world.pipeline.notify()
    subj = world.pipeline.house.log.subj(family.his.person)
    before = world.value("SELECT count(*) FROM flow_secret WHERE subj = :subj", subj=subj)
    world.tick()
    assert world.value("SELECT count(*) FROM flow_secret WHERE subj = :subj", subj=subj) == before + 2
    world.check_log()


def test_nothing_is_left_to_sign_after_the_death_of_the_child(family: Family) -> None:
    world = family.world
    auftrag = world.says_yes(family.hers, "ELTERNGELD")
    world.tick()
    letters = len(world.letters_to(family.ben))
    world.announce(a_death(child_of(family.birth)))
    with pytest.raises(NotFound):
        world.pipeline.to_sign(family.his, auftrag)
    assert world.pipeline.overview(family.his)["bundles"] == []
    for _ in range(100):
        world.wait(days=1)
    assert world.behoerde.orders == {}
    assert len(world.letters_to(family.ben)) == letters
    world.check_log()


def test_the_death_of_the_second_parent_leaves_the_first_ones_auftrag_running(family: Family) -> None:
    world = family.world
    auftrag = world.says_yes(family.hers, "ELTERNGELD")
    world.announce(a_death(family.ben.kennung))
    letters: int = len(letters_of(world, family.ben))
    world.wait(days=until(world, auftrag) + 1)
    assert family.state(auftrag) == "sent"
    assert len(letters_of(world, family.ben)) == letters
    world.check_log()


def test_who_dies_with_the_sheet_still_on_the_table_leaves_the_leistung_to_the_other_parent(family: Family) -> None:
    world = family.world
    by_letter = world.opens_letter(family.anna)
    auftrag = world.says_yes(by_letter, "ELTERNGELD")
    assert family.state(auftrag) == "with_citizen"
    assert world.proposals(family.his)["ELTERNGELD"]["state"] == "lapsed"
    world.announce(a_death(family.anna.kennung))
    assert family.state(auftrag) == "withdrawn"
    assert world.proposals(family.his)["ELTERNGELD"]["state"] == "open"
    world.tick()
    assert world.behoerde.orders == {}
    world.check_log()


def letters_of(world: World, person: Somebody) -> list[str]:
    return world.letters_to(person)


def test_group_closing_tells_the_other_only_that_it_is_no_longer_open(family: Family) -> None:
    world = family.world
    world.says_yes(family.hers, "GEBURTSURKUNDE")
    shown = json.dumps(world.proposals(family.his)["GEBURTSURKUNDE"], ensure_ascii=False)
    assert world.proposals(family.his)["GEBURTSURKUNDE"]["state"] == "lapsed"
    assert "Anna" not in shown
    assert "Beispiel-Probst" not in shown


class Hiding:
    """Two parents of whom one hides: who says yes first, who is the other, and what the other sees."""

    def __init__(self, family: Family, hides: str, first: str) -> None:
        self.family, self.world = family, family.world
        self.world.announce(a_protection((family.anna if hides == "Anna" else family.ben).kennung, "51"))
        proofs = {"Anna": family.hers, "Ben": family.his}
        proofs[hides] = with_account(proofs[hides], Trust.V3)
        self.first, self.second = proofs[first], next(proof for name, proof in proofs.items() if name != first)
        self.other = family.ben if first == "Anna" else family.anna

    def others(self) -> tuple[object, int]:
        """What the other finds, and how often they are written to."""
        shown = self.world.proposals(self.second), self.world.pipeline.timeline(self.second, "")["entries"]
        return shown, len(letters_of(self.world, self.other))


@pytest.mark.parametrize("hides", ["Anna", "Ben"])
@pytest.mark.parametrize("first", ["Anna", "Ben"])
def test_where_one_of_two_hides_neither_learns_of_the_others_yes_nor_that_it_is_taken_back(
    family: Family, hides: str, first: str
) -> None:
    hiding, world = Hiding(family, hides, first), family.world
    before = hiding.others()
    auftrag = world.says_yes(hiding.first, "ELTERNGELD")
    world.tick()
    assert hiding.others() == before
    world.pipeline.undo(hiding.first, auftrag)
    world.tick()
    assert hiding.others() == before
    world.pipeline.withdraw_auftrag(hiding.first, world.says_yes(hiding.first, "ELTERNGELD"))
    world.tick()
    assert hiding.others() == before
    world.check_log()


@pytest.mark.parametrize("hides", ["Anna", "Ben"])
@pytest.mark.parametrize("how", [How.AGAIN, How.TO_CITIZEN])
def test_where_one_of_two_hides_and_both_say_yes_one_is_sent_and_the_other_is_a_clerks(
    family: Family, hides: str, how: How
) -> None:
    hiding, world = Hiding(family, hides, "Anna"), family.world
    world.says_yes(hiding.first, "GEBURTSURKUNDE")
    world.wait(hours=1)
    second = world.says_yes(hiding.second, "GEBURTSURKUNDE")
    for _ in range(3):
        world.wait(hours=25)
    assert len(world.behoerde.orders) == 1, "nobody is paid twice"
    assert family.state(second) == "held"
    (task,) = waiting(world)
    assert (task["what"], task["matter"], task["ways"]) == ("auftrag.twice", str(second), ["again", "to_citizen"])
    seen = json.dumps(world.pipeline.timeline(hiding.second, ""), default=str)
    assert "twice" not in seen
    world.pipeline.finish(UUID(task["id"]), how, "clerk-1")
    world.wait(hours=1)
    assert family.state(second) == {How.AGAIN: "sent", How.TO_CITIZEN: "with_citizen"}[how]
    # To whoever hides no letter goes: that the sheet is theirs to hand in, a clerk must tell.
    untold = ["auftrag.sheet_untold"] if how is How.TO_CITIZEN and hides == "Ben" else []
    assert [task["what"] for task in waiting(world)] == untold
    world.check_log()


def test_a_second_yes_goes_by_itself_when_the_first_is_taken_back_in_time(family: Family) -> None:
    hiding, world = Hiding(family, "Anna", "Anna"), family.world
    first = world.says_yes(hiding.first, "ELTERNGELD")
    second = world.says_yes(hiding.second, "ELTERNGELD")
    world.pipeline.undo(hiding.first, first)
    world.wait(days=until(world, second) + 1)
    assert family.state(second) == "sent"
    assert waiting(world) == []


@pytest.mark.parametrize("hides", ["Anna", "Ben"])
def test_what_was_closed_before_one_hid_does_not_open_again_by_a_letter(family: Family, hides: str) -> None:
    world = family.world
    auftrag = world.says_yes(family.hers, "ELTERNGELD")
    world.tick()
    hiding = Hiding(family, hides, "Anna")
    before = hiding.others()
    world.pipeline.undo(hiding.first, auftrag)
    world.tick()
    assert hiding.others() == before
    assert family.state(auftrag) == "withdrawn"


def test_a_parent_who_lives_elsewhere_is_not_asked_and_learns_nothing(world: World) -> None:
    anna = world.lives_here(somebody("Anna"))
    omar = world.lives_here(somebody("Omar", strasse="Anderer Weg 7"))
    world.announce(a_birth(anna, other=omar))
    world.tick()
    letters = len(world.letters_to(omar))
    auftrag = world.says_yes(with_account(world.opens_letter(anna)), "ELTERNGELD")
    world.wait(days=3)
    assert len(world.letters_to(omar)) == letters
    assert world.count("signatures", f"auftrag = '{auftrag}'") == 1
