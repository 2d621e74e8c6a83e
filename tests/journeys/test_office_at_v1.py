"""At V1 nothing tells in which town somebody lives: not the address, and not the office that is chosen by it (T3)."""

from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
import yaml

from proaktiv.core.competence import KINDS, kind_of_office
from proaktiv.core.trust import SessionProof, Trust
from proaktiv.rulebook.folder import rules_folder
from tests.builders import a_birth, a_move, somebody
from tests.world import World

TOWN = "musterstadt"


@pytest.fixture
def letter(world: World) -> SessionProof:
    """What a letter about a move opens."""
    ada = world.lives_here(somebody("Ada"))
    world.steueramt.knows(ada, **{"person.hund_gemeldet": True, "person.hund_marke": "HM-0001"})
    world.announce(a_move(ada))
    world.tick()
    return world.opens_letter(ada)


def test_at_v1_the_kind_of_office_stands_there_and_no_town(world: World, letter: SessionProof) -> None:
    shown = world.proposals(letter)["HUNDESTEUER"]
    assert shown["behoerde_name"] == "Steueramt der Gemeinde"
    assert TOWN not in str(shown).casefold()


def test_with_an_account_the_office_has_its_name(world: World, letter: SessionProof) -> None:
    shown = world.proposals(replace(letter, trust=Trust.V2))["HUNDESTEUER"]
    assert shown["behoerde_name"] == "Steueramt Musterstadt"


def test_the_yes_at_v1_still_reaches_the_office_and_its_page_tells_no_town(world: World, letter: SessionProof) -> None:
    auftrag = world.says_yes(letter, "HUNDESTEUER")
    assert TOWN not in str(world.pipeline.auftrag(letter, auftrag)).casefold()
    world.wait(days=2)
    assert world.value("SELECT behoerde FROM handovers WHERE state = 'sent'") == "steueramt-musterstadt"


def test_an_office_that_the_place_of_the_entry_chooses_is_named(world: World) -> None:
    anna = world.lives_here(somebody("Anna"))
    world.announce(a_birth(anna))
    world.tick()
    shown = world.proposals(world.opens_letter(anna))
    assert shown["GEBURTSURKUNDE"]["behoerde_name"] == "Standesamt Musterstadt"
    assert TOWN not in shown["KITA-PLATZ"]["behoerde_name"].casefold()


def test_a_sheet_from_a_letter_names_no_town(world: World) -> None:
    anna = world.lives_here(somebody("Anna"))
    world.announce(a_birth(anna))
    world.tick()
    proof = world.opens_letter(anna)
    sheet = world.pipeline.sheet(proof, UUID(str(world.says_yes(proof, "KINDERGELD"))))
    assert sheet["behoerde_name"] == "Familienkasse der Bundesagentur für Arbeit"
    assert "familienkasse-musterstadt" not in str(sheet)


def test_each_kind_of_office_is_called_as_the_catalogue_calls_it() -> None:
    kinds = yaml.safe_load(Path(rules_folder() / "_katalog" / "stellen.yaml").read_text())
    assert {kind: parts["bezeichnung"] for kind, parts in kinds.items()} == dict(KINDS)
    assert kind_of_office("unbekannt") == "Die zuständige Stelle"
