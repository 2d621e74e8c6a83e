"""The rules of this checkout: their cases hold, and consent cannot turn them around."""

import json
import re
from datetime import date
from itertools import combinations
from pathlib import Path

import pytest
from typer.testing import CliRunner

from consent.model import Basis, Phase
from proaktiv.core import texts
from proaktiv.core.binding import bind
from proaktiv.core.canonical import dumps
from proaktiv.core.lebenslagen import LANGUAGES, Datenfluss, Lebenslage
from proaktiv.core.matching import decide
from proaktiv.core.questions import ANSWERED
from proaktiv.core.views import for_office
from proaktiv.rulebook.cases import Case, read_cases, run
from proaktiv.rulebook.catalogue import Catalogue, read_catalogue
from proaktiv.rulebook.check import check
from proaktiv.rulebook.commands import make_app
from proaktiv.rulebook.explain import explain
from proaktiv.rulebook.folder import rules_folder

ROOT = rules_folder()
CATALOGUE: Catalogue = read_catalogue(ROOT)
LEBENSLAGEN: dict[str, Lebenslage] = {one.name: one.lebenslage for one in check(ROOT)[0] if one.lebenslage}
CASES: list[Case] = [
    case for name, found in LEBENSLAGEN.items() for case in read_cases(ROOT / name, found, CATALOGUE)[0]
]

FLOWS = [
    "anmeldung/prefill/MELDEREGISTER",
    "anmeldung/propose/LETTER",
    "erreichbarkeit/propose/LETTER",
    "erreichbarkeit/propose/MAIL",
    "erreichbarkeit/watch",
    "geburt/match",
    "geburt/prefill/MELDEREGISTER",
    "geburt/propose/LETTER",
    "geburt/propose/MAIL",
    "geburt/transmit/ELTERNGELD",
    "geburt/transmit/GEBURTSURKUNDE",
    "geburt/transmit/KITA-PLATZ",
    "geburt/watch",
    "konto/propose/LETTER",
    "umzug/match",
    "umzug/prefill/STEUERAMT",
    "umzug/prefill/ZULASSUNG",
    "umzug/propose/LETTER",
    "umzug/propose/MAIL",
    "umzug/transmit/BEWOHNERPARKAUSWEIS",
    "umzug/transmit/HUNDESTEUER",
    "umzug/watch",
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_an_example_case_holds(case: Case) -> None:
    assert run(case) == ()


def test_every_leistung_has_cases_for_yes_no_and_open() -> None:
    for lebenslage in LEBENSLAGEN.values():
        for plan in lebenslage.plans:
            seen = {case.erwartet for case in CASES if case.plan.leistung == plan.leistung}
            assert seen == {"ja", "nein", "offen", "gilt_nicht"}, plan.leistung


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_control_a_case_with_another_expectation_fails(case: Case) -> None:
    other = "nein" if case.erwartet != "nein" else "ja"
    spoiled = Case(
        **{name: getattr(case, name) for name in Case.__dataclass_fields__ if name != "erwartet"}, erwartet=other
    )
    assert run(spoiled) != ()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_withholding_any_facts_never_turns_yes_into_no_or_back(case: Case) -> None:
    whole = case.decide().result
    used = sorted(case.plan.benoetigt & case.facts.keys())
    for size in (1, 2, 3, len(used)):
        for gone in combinations(used, size):
            less = {name: value for name, value in case.facts.items() if name not in gone}
            assert decide(case.plan, less, case.today).result in {whole, "offen"}


def test_the_flows_are_exactly_the_agreed_activities() -> None:
    assert sorted(fluss.name for one in LEBENSLAGEN.values() for fluss in one.fluesse) == FLOWS


def test_only_signing_up_where_letters_go_and_the_letters_about_account_and_address_need_no_consent() -> None:
    flows = [fluss for one in LEBENSLAGEN.values() for fluss in one.fluesse]
    assert {fluss.name for fluss in flows if not fluss.einwilligung} == {
        "anmeldung/prefill/MELDEREGISTER",
        "anmeldung/propose/LETTER",
        "erreichbarkeit/propose/LETTER",
        "erreichbarkeit/watch",
        "konto/propose/LETTER",
    }
    watching = [fluss for fluss in flows if fluss.phase in {Phase.WATCH, Phase.MATCH}]
    assert {(fluss.grundlage, fluss.rechtsgrundlage) for fluss in watching} == {
        (Basis.PUBLIC_TASK, "Art. 6 Abs. 1 Buchst. e DSGVO (Erhebung); § 37 Abs. 1 BMG (Übermittlung)")
    }


def test_every_look_up_that_needs_consent_rests_on_it_and_names_what_lets_the_register_answer() -> None:
    flows = [fluss for one in LEBENSLAGEN.values() for fluss in one.fluesse if fluss.phase is Phase.PREFILL]
    assert {
        fluss.name: (fluss.grundlage, fluss.norm, fluss.uebermittlung) for fluss in flows if fluss.einwilligung
    } == {
        "geburt/prefill/MELDEREGISTER": (Basis.CONSENT, "Art. 6 Abs. 1 Buchst. a DSGVO", "§ 37 Abs. 1 BMG"),
        "umzug/prefill/STEUERAMT": (Basis.CONSENT, "Art. 6 Abs. 1 Buchst. a DSGVO", "§ 30 Abs. 4 Nr. 3 AO"),
        "umzug/prefill/ZULASSUNG": (Basis.CONSENT, "Art. 6 Abs. 1 Buchst. a DSGVO", "§ 35 Abs. 1 Nr. 1 StVG"),
    }
    assert [fluss.name for fluss in flows if not fluss.uebermittlung] == []


def test_a_flow_is_read_as_it_was_written_also_by_a_release_from_before_there_was_a_second_door() -> None:
    flows = [fluss for one in LEBENSLAGEN.values() for fluss in one.fluesse]
    assert [Datenfluss.from_json(fluss.to_json()) for fluss in flows] == flows
    one_door = next(fluss for fluss in flows if not fluss.uebermittlung)
    assert "uebermittlung" not in one_door.to_json(), "the same bytes as before, so the same release"
    assert one_door.rechtsgrundlage == one_door.norm


def test_where_a_value_comes_from_can_be_told_to_a_clerk_without_speaking_to_the_person() -> None:
    flows = [fluss for one in LEBENSLAGEN.values() for fluss in one.fluesse]
    sources = {each.quelle: each.quelle for each in flows if each.phase in {Phase.MATCH, Phase.PREFILL}}
    told = for_office(sources | {ANSWERED: ANSWERED})
    assert [name for name in told.values() if re.search(r"\b(?:Ihr\w*|Sie|Ihnen)\b", name)] == []
    assert "Melderegister der Gemeinde (Geburtsmitteilung)" in told.values()
    assert told[ANSWERED] == "Angabe der Person"


def a_birth() -> dict[str, object]:
    address = {"strasse": "Erfundene Gasse 3", "plz": "00000", "ort": "Musterstadt", "ars": "990010000000"}
    return {
        "eintrag": "G-1",
        "ars": "990010000000",
        "kind": {
            "kennung": "K-1",
            "vornamen": "Mia",
            "familienname": "Musterkind",
            "geburtsdatum": "2026-10-05",
            "geburtsort": "Musterstadt",
            "lebt": True,
        },
        "eltern": [
            {
                "kennung": "E-1",
                "rolle": "mutter",
                "vornamen": "Anna",
                "familienname": "Beispiel-Probst",
                "geburtsdatum": "1994-02-28",
                "sorge": "gemeinsam",
                "anschrift": address,
            }
        ],
    }


def a_move() -> dict[str, object]:
    address = {"strasse": "Erfundene Gasse 3", "plz": "00000", "ort": "Musterstadt", "ars": "990010000000"}
    person = {"kennung": "P-1", "vornamen": "Bela", "familienname": "Musterfrau", "geburtsdatum": "1988-06-14"}
    return {
        "eintrag": "U-1",
        "ars": "990010000000",
        "ereignis_am": "2026-10-01",
        "personen": [person],
        "anschrift_alt": {**address, "strasse": "Ausgedachter Weg 7"},
        "anschrift_neu": address,
        "wohnungsart": "hauptwohnung",
        "meldeweg": "persoenlich",
    }


FROM_REGISTERS = {
    "kind.im_haushalt": True,
    "person.hund_gemeldet": True,
    "person.hund_marke": "M-1",
    "person.kfz_zugelassen": True,
    "person.kfz_kennzeichen": "XX AB 123",
}
FROM_THE_PERSON = {
    "person.wohnt_im_parkgebiet": True,
    "person.hat_stellplatz": False,
    "person.parkausweis_kennzeichen": "XX AB 123",
}


@pytest.mark.parametrize(
    ("kind", "payload", "expected"),
    [
        (
            "geburt",
            a_birth(),
            {
                "ELTERNGELD": {},
                "GEBURTSURKUNDE": {},
                "KINDERGELD": {},
                "KITA-PLATZ": {"MELDEREGISTER": ("kind.im_haushalt",)},
            },
        ),
        (
            "umzug",
            a_move(),
            {
                "BEWOHNERPARKAUSWEIS": {"ZULASSUNG": ("person.kfz_zugelassen",)},
                "HUNDESTEUER": {"STEUERAMT": ("person.hund_gemeldet", "person.hund_marke")},
                "KFZ-ANSCHRIFT": {"ZULASSUNG": ("person.kfz_zugelassen", "person.kfz_kennzeichen")},
            },
        ),
    ],
)
def test_bound_facts_are_in_the_catalogue_and_enough_for_every_rule(
    kind: str, payload: dict[str, object], expected: dict[str, object]
) -> None:
    today = date(2026, 10, 7)
    (row,) = bind(kind, payload, today)
    values = {name: fact.value for name, fact in row.facts.items()}
    lebenslage = LEBENSLAGEN[kind]
    known = {name for name, fakt in CATALOGUE.fakten.items() if fakt.quelle == "ereignis" and fakt.known_in(kind)}
    assert set(values) == known
    needs = {}
    for plan in lebenslage.plans:
        decision = decide(plan, values, today)
        assert set(decision.missing) <= set(plan.register) | {frage.name for frage in plan.fragen}
        needs[plan.leistung] = dict(decision.needs)
        looked_up = {**values, **FROM_REGISTERS}
        assert decide(plan, looked_up, today).outcome == ("frage" if plan.fragen and not plan.annahmen else "auftrag")
        assert decide(plan, {**looked_up, **FROM_THE_PERSON}, today).outcome == "auftrag"
    assert needs == expected


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_can_be_filled_from_what_is_known(language: str) -> None:
    for case in CASES:
        decision = case.decide()
        if decision.result != "ja":
            continue
        values = {
            **case.facts,
            **decision.derived(),
            **{f"fristen.{clock.name}": clock.sicher_bis for clock in decision.clocks},
        }
        lebenslage = LEBENSLAGEN[case.plan.lebenslage]
        for part in ("titel", "frage" if decision.fragen else "grund"):
            assert texts.fill(
                lebenslage.texte.text(f"{case.plan.leistung}.{part}", language), values, language=language
            )


def test_a_lebenslage_survives_its_stored_form() -> None:
    for lebenslage in LEBENSLAGEN.values():
        again = Lebenslage.from_json(json.loads(dumps(lebenslage.to_json())), lebenslage.version)
        assert again == lebenslage


def test_an_explanation_shows_value_norm_and_line() -> None:
    (case,) = [case for case in CASES if case.title == "geburt/KITA-PLATZ/anderer Haushalt"]
    lines = explain(case.decide()).splitlines()
    assert lines[0] == "-> nein"
    assert any(line.startswith("  [nein ] kind.im_haushalt = nein ist ja (§§ 24, 86 SGB VIII, Z. ") for line in lines)


def commands() -> object:
    def never() -> object:
        raise AssertionError("these commands need no database")

    return make_app(never, "production")  # type: ignore[arg-type]


def invoke(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(commands(), list(words))  # type: ignore[arg-type]
    return result.exit_code, result.output


def test_the_commands_check_test_and_explain() -> None:
    assert invoke("check", "--folder", str(ROOT)) == (0, "5 Lebenslagen, 7 Leistungen: nothing wrong\n")
    code, output = invoke("test", "--folder", str(ROOT))
    mutants, last = output.splitlines()
    assert (code, last) == (0, f"{len(CASES)} passed, 0 failed, 0 wait for content")
    assert re.fullmatch(r"(\d+) of \1 mutants killed, \d+ decisions with facts withheld change nothing", mutants)
    code, output = invoke("test", str(ROOT / "umzug"))
    moves = sum(case.plan.lebenslage == "umzug" for case in CASES)
    assert (code, output.splitlines()[-1]) == (0, f"{moves} passed, 0 failed, 0 wait for content")
    code, output = invoke("explain", "geburt/kita-platz/normalfall")
    assert code == 0
    assert output.startswith("geburt/KITA-PLATZ/Normalfall\n-> ja\n")


def test_the_commands_fail_loudly(tmp_path: Path) -> None:
    (tmp_path / "_katalog").mkdir()
    code, output = invoke("check", "--folder", str(tmp_path))
    assert code == 1
    assert "_katalog/fakten.yaml:1:1: the file is missing" in output
    assert invoke("explain", "gibt es nicht")[0] == 1
    assert invoke("test", str(tmp_path))[0] == 1


def test_a_demo_release_is_refused_in_production() -> None:
    code, output = invoke("release", "--demo", "--author", "A. Muster", "--reviewer", "B. Beispiel")
    assert code == 1
    assert "refused in production" in output


def test_a_release_without_a_key_is_refused() -> None:
    code, output = invoke("release", "--author", "A. Muster", "--reviewer", "B. Beispiel")
    assert code == 1
    assert "--key" in output
