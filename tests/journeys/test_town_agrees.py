"""The town of the journeys and the house with its database come to the same: what a case shows is what would happen.

The same acts are done in both; then every proposal, every Auftrag, every task and every note to look again is compared.
"""

from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from proaktiv.core.lebenslagen import Rulebook
from proaktiv.core.states import ProposalState
from proaktiv.core.trust import SessionProof, Trust
from proaktiv.rulebook import check as checking
from proaktiv.rulebook.catalogue import read_catalogue
from proaktiv.rulebook.folder import rules_folder
from proaktiv.rulebook.journeys import read_journey
from proaktiv.rulebook.journeys.acting import act, pass_time
from proaktiv.rulebook.journeys.evaluating import process
from proaktiv.rulebook.journeys.happenings import REPORTS
from proaktiv.rulebook.journeys.intake import report
from proaktiv.rulebook.journeys.town import Town
from proaktiv.rulebook.load import parse
from tests.builders import Event, a_birth, a_cancellation, a_death, a_protection, child_of, somebody
from tests.world import BEHOERDEN, World

CASE = """\
fall: Vergleich
wohnungen:
  hier: {strasse: Erfundene Gasse 3, plz: "00001", ort: Musterstadt, ars: "990010000000"}
personen:
  Anna:
    geboren: 1994-03-08
    familienname: Beispiel-Probst
    wohnung: hier
    register: {MELDEREGISTER: {kind.im_haushalt: ja}}
  Ben:
    geboren: 1994-03-08
    familienname: Probst-Muster
    wohnung: hier
    register: {MELDEREGISTER: {kind.im_haushalt: ja}}
  Mia: {geboren: 2026-10-06, familienname: Musterkind}
zustaendig:
BEHOERDEN
verlauf:
  - um: 2026-10-14 10:00
    einwilligung: {von: [Anna, Ben], zu: [E-GEB, K-POST, P-MELD]}
  - um: 2026-10-14 11:00
    als: geburt
    geburt:
      kind: Mia
      ort: Musterstadt
      ars: "990010000000"
      eltern:
        - {person: Anna, rolle: mutter, sorge: gemeinsam}
        - {person: Ben, rolle: zweiter_elternteil, sorge: gemeinsam}
  - um: 2026-10-14 11:00
    bearbeitung: ja
"""

Matters = dict[tuple[str, str], tuple[str, str | None]]
Seen = tuple[Matters, list[str], set[tuple[str, str]], dict[str, int]]
"""Matters by Leistung and person, tasks, notes to look again, letters by person."""


class Both:
    """The house and the town, in which the same happens."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.anna = world.lives_here(somebody("Anna"))
        self.ben = world.lives_here(somebody("Ben", familienname="Probst-Muster"))
        for person in (self.anna, self.ben):
            world.melderegister.people[person.kennung] |= {"kind.im_haushalt": True}
        self.birth: Event = a_birth(self.anna, other=self.ben)
        world.announce(self.birth)
        world.tick()
        self.proofs = {
            name: SessionProof(proof.session, proof.person, Trust.V2, None)
            for name, proof in (("Anna", world.opens_letter(self.anna)), ("Ben", world.opens_letter(self.ben)))
        }
        self.steps: list[str] = []
        self.auftraege: dict[str, UUID] = {}

    # what is done in both --------------------------------------------------------------------------------------------

    def also(self, step: str) -> None:
        self.steps.append(f"  - um: {self.world.now.astimezone():%Y-%m-%d} {self._clock()}\n    {step}\n")

    def _clock(self) -> str:
        hour = (self.world.now.hour + 2) % 24 if self.world.now.date() < date(2026, 10, 25) else self.world.now.hour + 1
        return f"{hour % 24:02}:{self.world.now.minute:02}"

    def yes(self, name: str, leistung: str, trust: Trust = Trust.V2) -> None:
        proof = self.proofs[name]
        proof = SessionProof(proof.session, proof.person, trust, self.bundle(name) if trust is Trust.V1 else None)
        self.auftraege[leistung] = self.world.says_yes(proof, leistung)
        self.world.tick()
        self.also(f"ja: {{von: {name}, zu: {leistung}, vertrauen: {trust.name}}}")

    def bundle(self, name: str) -> UUID:
        return UUID(str(self.world.value("SELECT id FROM bundles WHERE person = :p", p=self.proofs[name].person)))

    def no(self, name: str, leistung: str) -> None:
        self.world.pipeline.decline(self.proofs[name], self.proposal(name, leistung))
        self.world.tick()
        self.also(f"nein: {{von: {name}, zu: {leistung}}}")

    def later(self, name: str, leistung: str) -> None:
        self.world.pipeline.postpone(self.proofs[name], self.proposal(name, leistung))
        self.also(f"spaeter: {{von: {name}, zu: {leistung}}}")

    def proposal(self, name: str, leistung: str) -> UUID:
        return UUID(self.world.proposals(self.proofs[name])[leistung]["id"])

    def undo(self, name: str, leistung: str) -> None:
        self.world.pipeline.undo(self.proofs[name], self.auftraege[leistung])
        self.world.tick()
        self.also(f"zurueck: {{von: {name}, zu: {leistung}}}")

    def sign(self, name: str, leistung: str) -> None:
        shown = self.world.pipeline.to_sign(self.proofs[name], self.auftraege[leistung])
        self.world.pipeline.sign(self.proofs[name], self.auftraege[leistung], bytes.fromhex(shown["shown"]))
        self.world.tick()
        self.also(f"unterschrift: {{von: {name}, zu: {leistung}, vertrauen: V2}}")

    def withdraw(self, name: str) -> None:
        self.world.pipeline.withdraw(self.proofs[name], lebenslage="geburt", activity="")
        self.world.tick()
        self.also(f"widerruf: {{von: {name}, zu: [E-GEB, K-POST, P-MELD]}}")

    def dies(self, name: str) -> None:
        kennung = child_of(self.birth) if name == "Mia" else {"Anna": self.anna, "Ben": self.ben}[name].kennung
        day = self.world.now.date().isoformat()
        self.report(a_death(kennung, died_on=day), f"sterbefall: {{person: {name}, am: {day}}}")

    def cancelled(self) -> None:
        self.report(a_cancellation(self.birth), "storno: {von: geburt}")

    def corrected(self, **child: Any) -> None:
        newer = self.birth.but(id="ev-newer", kind=self.birth.data["kind"] | child, fassung=2)
        said = ", ".join(f"{name}: {value}" for name, value in child.items())
        self.report(newer, f"berichtigung: {{von: geburt, statt: {{kind: {{{said}}}}}}}")

    def report(self, event: Event, step: str) -> None:
        self.world.announce(event.but(time=self.world.now.strftime("%Y-%m-%dT%H:%M:%SZ")))
        self.world.tick()
        self.also(step)
        self.also("bearbeitung: ja")

    def wait(self, *, days: int = 0, hours: int = 0) -> None:
        """Let time pass, a few days at a time: what would have come in between must come."""
        for _ in range(days // 3):
            self.world.wait(days=3)
        self.world.wait(hours=hours + 24 * (days % 3))
        self.also("bearbeitung: ja")

    # what came of it -------------------------------------------------------------------------------------------------

    def in_house(self) -> Seen:
        names = {proof.person: name for name, proof in self.proofs.items()}
        with self.world.database.transaction() as session:
            connection = session.connection()
            rows = connection.execute(
                text(
                    "SELECT p.leistung, p.person, p.state, a.state AS auftrag FROM proposals p "
                    "LEFT JOIN auftraege a ON a.proposal = p.id AND a.undone_at IS NULL WHERE p.state <> 'superseded'"
                )
            ).all()
            # The town has no outgoing post from which a clerk could take a letter.
            here = text("SELECT what FROM tasks WHERE what <> 'letter.call_back'")
            tasks = connection.execute(here).scalars().all()
            notes = connection.execute(text("SELECT what, person FROM wiedervorlagen WHERE event IS NOT NULL")).all()
        found = {(row.leistung, names[row.person]): (row.state, row.auftrag) for row in rows}
        later = {(row.what.rpartition("/")[2], names[row.person]) for row in notes if row.person in names}
        letters = {"Anna": len(self.world.letters_to(self.anna)), "Ben": len(self.world.letters_to(self.ben))}
        return found, sorted(tasks), later, letters

    def in_town(self) -> Seen:
        stellen = "".join(f'  {art}: {{"99001": {behoerde}}}\n' for art, behoerde in BEHOERDEN.items())
        written = CASE.replace("BEHOERDEN\n", stellen) + "".join(self.steps)
        compiled, _ = checking.check(rules_folder())
        rules = Rulebook({one.name: one.lebenslage for one in compiled if one.lebenslage})
        leistungen = {plan.leistung for each in rules.lebenslagen.values() for plan in each.plans}
        node = parse(written.encode(), "vergleich.yaml")
        path = Path("vergleich.yaml")
        journey, problems = read_journey(path, "vergleich.yaml", read_catalogue(rules_folder()), leistungen, node)
        assert journey is not None, problems
        town = Town(journey, rules)
        for step in journey.steps:
            pass_time(town, step.at)
            assert step.happening is not None
            if step.happening.word in REPORTS:
                assert report(town, step.happening, step.label) == ("angenommen", "")
            elif step.happening.word == "bearbeitung":
                process(town)
            else:
                act(town, step.happening)
            pass_time(town, step.at)
        found = {
            (held.item.candidate.leistung, held.person): (
                held.item.state.value,
                held.item.auftrag.value if held.item.auftrag else None,
            )
            for held in town.held.values()
            if held.item.state is not ProposalState.SUPERSEDED
        }
        sent = [
            message.person for message in town.messages if (message.channel, message.state) == ("brief", "gesendet")
        ]
        letters = {name: sent.count(name) for name in ("Anna", "Ben")}
        later = {(note.leistung, note.person) for note in town.later}
        return found, sorted(task.what for task in town.tasks), later, letters


@pytest.fixture
def both(world: World) -> Both:
    return Both(world)


def agree(both: Both) -> None:
    house, town = both.in_house(), both.in_town()
    assert town == house
    assert house[0], "something was proposed"


def test_they_agree_on_a_birth(both: Both) -> None:
    agree(both)


def test_they_agree_on_yes_no_and_later(both: Both) -> None:
    both.yes("Anna", "GEBURTSURKUNDE")
    both.no("Ben", "KITA-PLATZ")
    both.later("Anna", "KITA-PLATZ")
    agree(both)
    both.wait(days=120)
    agree(both)


def test_they_agree_on_what_is_taken_back_in_time(both: Both) -> None:
    both.yes("Anna", "GEBURTSURKUNDE", Trust.V1)
    both.wait(hours=2)
    both.undo("Anna", "GEBURTSURKUNDE")
    both.wait(hours=30)
    agree(both)


def test_they_agree_on_an_auftrag_that_leaves_after_a_day(both: Both) -> None:
    both.yes("Anna", "KITA-PLATZ", Trust.V1)
    both.wait(hours=23)
    agree(both)
    both.wait(hours=2)
    agree(both)


def test_they_agree_on_two_signatures(both: Both) -> None:
    both.yes("Anna", "ELTERNGELD")
    agree(both)
    both.sign("Ben", "ELTERNGELD")
    agree(both)


def test_they_agree_on_a_signature_that_never_comes(both: Both) -> None:
    both.yes("Anna", "ELTERNGELD")
    both.wait(days=120)
    agree(both)


def test_they_agree_on_a_sheet_that_the_person_keeps(both: Both) -> None:
    both.yes("Ben", "ELTERNGELD", Trust.V1)
    both.wait(days=3)
    agree(both)


def test_they_agree_on_the_death_of_the_child(both: Both) -> None:
    both.yes("Anna", "GEBURTSURKUNDE")
    both.yes("Anna", "KITA-PLATZ", Trust.V1)
    both.dies("Mia")
    agree(both)
    both.wait(days=60)
    agree(both)


def test_they_agree_on_the_death_of_a_parent(both: Both) -> None:
    both.yes("Anna", "GEBURTSURKUNDE", Trust.V1)
    both.dies("Anna")
    agree(both)
    both.wait(days=30)  # the other parent's proposals stand open again, and nobody writes for four weeks
    agree(both)


def test_they_agree_on_a_cancelled_birth(both: Both) -> None:
    both.yes("Anna", "ELTERNGELD")
    both.cancelled()
    agree(both)


def test_they_agree_on_a_corrected_name(both: Both) -> None:
    both.yes("Anna", "GEBURTSURKUNDE")
    both.corrected(vornamen="Mja")
    agree(both)


def test_they_agree_on_a_corrected_day_of_birth(both: Both) -> None:
    both.no("Ben", "ELTERNGELD")
    both.corrected(geburtsdatum="2026-10-05")
    agree(both)


def test_they_agree_on_a_withdrawn_consent(both: Both) -> None:
    both.yes("Anna", "GEBURTSURKUNDE", Trust.V1)
    both.withdraw("Anna")
    agree(both)
    both.wait(days=2)
    agree(both)


@pytest.mark.parametrize("art", ["51", "52"])
def test_they_agree_on_a_lock_that_comes_before_the_auftrag_leaves(both: Both, art: str) -> None:
    both.yes("Anna", "GEBURTSURKUNDE", Trust.V1)
    both.report(a_protection(both.anna.kennung, art), f'schutzvermerk: {{person: Anna, art: "{art}"}}')
    both.wait(days=2)
    agree(both)


@pytest.mark.parametrize("art", ["51", "52"])
def test_they_agree_on_a_lock_that_comes_after_the_auftrag_left(both: Both, art: str) -> None:
    both.yes("Anna", "GEBURTSURKUNDE")
    both.report(a_protection(both.anna.kennung, art), f'schutzvermerk: {{person: Anna, art: "{art}"}}')
    both.wait(days=2)
    agree(both)


@pytest.mark.parametrize("first", [True, False], ids=["before", "after"])
def test_they_agree_on_a_lock_of_the_child(both: Both, first: bool) -> None:
    if not first:
        both.yes("Anna", "GEBURTSURKUNDE")
        both.wait(days=2)
    both.report(a_protection(child_of(both.birth), "51"), 'schutzvermerk: {person: Mia, art: "51"}')
    if first:
        both.yes("Anna", "GEBURTSURKUNDE")
        both.wait(days=2)
    agree(both)


@pytest.mark.parametrize("first", ["Anna", "Ben"])
def test_they_agree_where_one_of_two_hides_and_both_say_yes(both: Both, first: str) -> None:
    both.report(a_protection(both.anna.kennung, "51"), 'schutzvermerk: {person: Anna, art: "51"}')
    both.yes(first, "GEBURTSURKUNDE", Trust.V3)
    both.wait(hours=1)
    agree(both)
    both.yes("Ben" if first == "Anna" else "Anna", "GEBURTSURKUNDE", Trust.V3)
    both.wait(hours=1)
    agree(both)


def test_they_agree_where_custody_is_taken_from_one_parent(both: Both) -> None:
    both.yes("Ben", "KITA-PLATZ", Trust.V1)
    both.report(a_protection(both.anna.kennung, "sorge"), "schutzvermerk: {person: Anna, art: sorge}")
    both.wait(days=2)
    agree(both)


def test_a_difference_between_them_would_be_seen(both: Both) -> None:
    both.yes("Anna", "GEBURTSURKUNDE")
    both.steps.pop()
    house, town = both.in_house(), both.in_town()
    assert town != house
