"""The 24 acceptance cases: which pass, and which wait for what. A case that changes its verdict is noticed here.

Where content arrives, take its name out below; a case with nothing left to wait for has passed.
"""

from pathlib import Path

import pytest

from proaktiv.rulebook import testing
from proaktiv.rulebook.folder import rules_folder
from proaktiv.rulebook.journeys import Outcome, shown

CASES = Path(__file__).parents[1] / "cases"
FILES = [path for path in sorted(CASES.glob("*.yaml")) if not path.name.startswith("_")]
IDS = (
    *("G-01", "G-02", "G-03", "G-04", "G-05", "G-06", "G-08", "G-10", "G-11", "G-13", "G-16", "G-17", "G-18"),
    *("U-01", "U-02", "U-03", "U-05", "U-06", "U-09", "U-11", "U-14", "S-01", "V-01", "E-01"),
)

HINTS = ("NEUGEBORENES-ANMELDEN", "STEUER-ID", "KINDERFREIBETRAG", "PFLEGEBEITRAG")
BIRTH = ("FAMILIENVERSICHERUNG", *HINTS)
ADULTS = "Fakt elternteil.andere_erwachsene_in_wohnung"
WAITS: dict[str, tuple[str, ...]] = {
    "G-01": BIRTH,
    "G-02": (ADULTS, "VATERSCHAFT", "SORGEERKLAERUNG", "LANDESERZIEHUNGSGELD-SN", *BIRTH),
    "G-03": (),
    "G-04": BIRTH,
    "G-05": ("ELTERNGELD-STEUERJAHR", "ELTERNGELD-GLEICHZEITIG", *BIRTH),
    "G-06": ("FAMILIENGELD-BY", *BIRTH),
    "G-08 (1)": BIRTH,
    "G-08 (2)": BIRTH,
    "G-08 (3)": BIRTH,
    "G-08 (4)": BIRTH,
    "G-08 (5)": BIRTH,
    "G-10": BIRTH,
    "G-11": ("UNTERHALTSVORSCHUSS", "STEUERKLASSE-II", *BIRTH),
    "G-13": (ADULTS, "Register meldet ruhende Sorge", "ELTERNZEIT-GROSSELTERN", *HINTS),
    "G-16": (ADULTS, "STEUERKLASSE-II", "UNTERHALTSVORSCHUSS", "KINDERFREIBETRAG-ELSTAM", *BIRTH),
    "G-17": (
        *("Fakt elternteil.bezieht_wohngeld", "Fakt elternteil.wohngeld_bewilligt_bis"),
        *("Fakt elternteil.bezieht_kinderzuschlag", "Fakt elternteil.kinderzuschlag_bewilligt_bis"),
        *("GESCHWISTERBONUS", "WOHNGELD", "KINDERZUSCHLAG", *BIRTH),
    ),
    "G-18": (ADULTS, "VATERSCHAFT", "SORGEERKLAERUNG", "Ereignis vaterschaft", *BIRTH),
    "U-01": (
        *("Fakt person.andere_erwachsene_in_wohnung", "Fakt person.zahlt_rundfunkbeitrag"),
        *("RUNDFUNKBEITRAG", "PERSONALAUSWEIS-ANSCHRIFT"),
        *("Satzung der Stadt Köln", "Reihenfolge der Leistungen des Umzugs"),
    ),
    "U-02": ("Ereignis einzug_angekuendigt", "WOHNSITZ-ANMELDEN", "RUNDFUNKBEITRAG"),
    "U-03": ("Ereignis einzug_angekuendigt", "WOHNSITZ-ANMELDEN"),
    "U-05": ("Zuständigkeit nach einem Umzug", *BIRTH),
    "U-06": ("Fakt person.bezieht_wohngeld", "WOHNGELD-UMZUG", "WOHNGELD-ENDE"),
    "U-09": (
        *("Fakt person.bezieht_kindergeld", "Ereignis auszug_angekuendigt", "ABMELDUNG", "FAMILIENKASSE-AENDERUNG"),
        *("RUNDFUNKBEITRAG", "KFZ-AUSLAND", "WAHL-AUSLAND"),
    ),
    "U-11": (
        *("Fakt person.aufenthaltstitel_elektronisch", "EAT-ANSCHRIFT", "RUNDFUNKBEITRAG"),
        "PERSONALAUSWEIS-ANSCHRIFT",
    ),
    "U-14": (),
    "S-01": (
        *("Fakt person.kenntnis_erbfall_am", "STERBEQUARTALSVORSCHUSS", "ERBAUSSCHLAGUNG"),
        *("STERBEURKUNDE", "WITWENRENTE"),
    ),
    "V-01": (
        *("Fakt elternteil.bezieht_kindergeld", "Fakt elternteil.bezieht_uvg", "KINDERGELD-18"),
        *("FAMILIENVERSICHERUNG-18", "UVG-ENDE", "EIGENE-EINWILLIGUNG"),
    ),
    "E-01": ("Fakt elternteil.bezieht_wohngeld", "SCHULANMELDUNG", "GANZTAGSPLATZ", "SCHULBEDARF"),
}


@pytest.fixture(scope="module")
def outcomes() -> dict[str, Outcome]:
    tested = testing.run_all(rules_folder(), FILES)
    return {outcome.journey.name: outcome for outcome in tested.outcomes}


def test_every_case_is_there_and_can_be_read(outcomes: dict[str, Outcome]) -> None:
    assert len(FILES) == len(outcomes)
    assert {name.partition(" ")[0] for name in outcomes} == set(IDS)
    assert outcomes.keys() == WAITS.keys()


@pytest.mark.parametrize("name", WAITS)
def test_a_case_differs_nowhere_and_waits_only_for_what_is_named_here(outcomes: dict[str, Outcome], name: str) -> None:
    outcome = outcomes[name]
    assert set(outcome.waits) == set(WAITS[name])
    assert not outcome.differences, "\n".join(shown(outcome))


def test_more_cases_of_the_same_kind_hold_and_wait_for_nothing() -> None:
    tested = testing.run_all(rules_folder(), [CASES / "weitere"])
    assert tested.lines == []
    assert tested.passed == len([path for path in (CASES / "weitere").glob("*.yaml") if path.name[0] != "_"])
