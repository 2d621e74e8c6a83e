"""What a case of one Leistung says of office, amounts and words: a rule that is wrong there fails it."""

from pathlib import Path

import pytest

from tests.rules.copied import Rules, copied

URKUNDE, GELD = "geburt/leistungen/geburtsurkunde.yaml", "geburt/leistungen/kindergeld.yaml"
URKUNDE_CASES, GELD_CASES = "geburt/faelle/geburtsurkunde.yaml", "geburt/faelle/kindergeld.yaml"
BETRAEGE = "    betraege: [259 Euro]\n"


@pytest.fixture
def rules(tmp_path: Path) -> Rules:
    return copied(tmp_path)


@pytest.mark.parametrize(
    ("file", "old", "new", "cases", "said"),
    [
        ("geburt/parameter.yaml", "wert: 259,", "wert: 269,", GELD_CASES, "betraege: erwartet 259 Euro, ist 269 Euro"),
        (URKUNDE, "nach: eintrag.ars", "nach: elternteil.wohnort_ars", URKUNDE_CASES, "ist standesamt 990010000000"),
        (
            URKUNDE,
            "nach: eintrag.ars",
            "nach: elternteil.wohnort_ars",
            URKUNDE_CASES,
            "behoerde: erwartet Standesamt Köln",
        ),
        (
            GELD,
            "art: familienkasse",
            "art: jugendamt",
            GELD_CASES,
            "stelle: erwartet familienkasse 990010000000, ist jug",
        ),
        (
            "geburt/texte/de.yaml",
            "  folgebetrag: Ab Januar",
            "  folgebetrag: Nach Januar",
            GELD_CASES,
            "text: Ab Januar",
        ),
    ],
)
def test_a_rule_that_is_wrong_there_fails_a_single_case(
    rules: Rules, file: str, old: str, new: str, cases: str, said: str
) -> None:
    assert rules.lines(cases) == []
    rules.replace(file, old, new)
    found = rules.lines(cases)
    assert any(said in line for line in found), found


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (BETRAEGE, "    betraege: []\n", "betraege: erwartet nichts, ist 259 Euro"),
        (BETRAEGE, "    betraege: [59 Euro]\n", "betraege: erwartet 59 Euro, ist 259 Euro"),
        (BETRAEGE, "    betraege: [259 Euro, 300 Euro]\n", "betraege: erwartet 259 Euro, 300 Euro, ist 259 Euro"),
        (BETRAEGE, f"{BETRAEGE}    text: Kindergeld für Ben\n", "text: Kindergeld für Ben: steht nicht da"),
        (BETRAEGE, f"{BETRAEGE}    text_nicht: [Kindergeld für Mia]\n", "text_nicht: Kindergeld für Mia: steht da"),
        (
            BETRAEGE,
            f"{BETRAEGE}    behoerde: Kasse\n",
            "nothing says who is competent: 'zustaendig' beside 'grundlage'",
        ),
        (BETRAEGE, "    betraege: [255,50 Euro]\n", 'did you mean "255,50 Euro", in quotes?'),
        ("    betraege", "    betrag", "'betrag' is not known here; allowed: name, erwartet"),
        ("art: familienkasse", "art: familienkase", "did you mean 'familienkasse'?"),
        ("art: familienkasse, ars", "art: familienkasse, plz", "'plz' is not known here; allowed: art, ars"),
        ('ars: "990010000000"}\n', 'ars: "9900100000"}\n', "Ars must be twelve digits"),
        (
            "leistung: KINDERGELD\n",
            "leistung: KINDERGELD\nzustaendig: {kasse: {'': Kasse}}\n",
            "'kasse' is no kind of office",
        ),
    ],
)
def test_a_case_that_says_it_wrongly_fails_or_is_told_at_its_place(rules: Rules, old: str, new: str, said: str) -> None:
    rules.replace(GELD_CASES, old, new)
    found = rules.lines(GELD_CASES)
    assert any(said in line and line.startswith(f"{GELD_CASES}:") for line in found), found


def test_who_is_competent_may_stand_beside_the_files_for_all_of_them(rules: Rules) -> None:
    rules.replace(GELD_CASES, BETRAEGE, f"{BETRAEGE}    behoerde: Familienkasse Sachsen\n")
    beside = rules.root / "geburt/faelle/_umgebung.yaml"
    beside.write_text('zustaendig: {familienkasse: {"99": Familienkasse Sachsen}}\n', "utf-8")
    assert rules.lines(GELD_CASES) == []
    beside.write_text('zustaendig: {familienkasse: {"98": Familienkasse Sachsen}}\n', "utf-8")
    (line,) = rules.lines(GELD_CASES)
    assert line.endswith("behoerde: erwartet Familienkasse Sachsen, ist nichts")
    beside.write_text('zustaendig: {familienkase: {"99": Familienkasse Sachsen}}\n', "utf-8")
    (line,) = set(rules.lines(GELD_CASES))
    assert line.startswith("geburt/faelle/_umgebung.yaml:1:14: 'familienkase' is no kind of office")
    assert line.endswith("did you mean 'familienkasse'?")


def test_where_nothing_is_proposed_there_is_no_office_no_amount_and_no_word(rules: Rules) -> None:
    case = "  - {name: nichts, mit: {kind.lebt: nein}, erwartet: nein, betraege: [], text_nicht: [Kindergeld]}\n"
    path = rules.root / GELD_CASES
    path.write_text(path.read_text("utf-8") + case, "utf-8")
    assert rules.lines(GELD_CASES) == []
    rules.replace(GELD_CASES, "betraege: [], text_nicht: [Kindergeld]}", "stelle: familienkasse}")
    (line,) = rules.lines(GELD_CASES)
    assert line.endswith("stelle: erwartet familienkasse, ist nichts")


def test_an_amount_that_only_a_text_shows_has_mutants_where_a_case_says_what_is_shown(rules: Rules) -> None:
    path = rules.root / GELD_CASES
    lines = path.read_text("utf-8").splitlines(keepends=True)
    path.write_text("".join(line for line in lines if "2024 geboren" not in line), "utf-8")
    living = [line for line in rules.lines(GELD_CASES) if "mutant lives" in line]
    assert living
    assert all("parameter kindergeld_folgejahr: ab 2025-01-01" in line for line in living), living
    kept = [line for line in lines if "betraege" not in line]
    path.write_text("".join(kept), "utf-8")
    assert rules.lines(GELD_CASES) == [], "control: who says nothing of amounts tries none"


def test_the_case_that_would_kill_such_a_mutant_can_be_put_in_as_it_stands(rules: Rules) -> None:
    path = rules.root / GELD_CASES
    lines = path.read_text("utf-8").splitlines(keepends=True)
    path.write_text("".join(line for line in lines if "2024 geboren" not in line), "utf-8")
    wanted = {line.partition("this case kills it: ")[2] for line in rules.lines(GELD_CASES) if "mutant lives" in line}
    with path.open("a", encoding="utf-8") as cases:
        cases.writelines(f"  - {case}\n" for case in sorted(wanted))
    assert rules.lines(GELD_CASES) == []


def test_cases_in_a_folder_inside_faelle_are_run_too(rules: Rules) -> None:
    inside = rules.root / "geburt/faelle/grenzen/geld.yaml"
    inside.parent.mkdir()
    (rules.root / GELD_CASES).rename(inside)
    assert rules.lines("geburt/faelle/grenzen/geld.yaml") == []
    text = inside.read_text("utf-8")
    inside.write_text(text.replace(BETRAEGE, "    betraege: [1 Euro]\n"), "utf-8")
    (line,) = rules.lines("geburt/faelle/grenzen/geld.yaml")
    assert line.startswith("geburt/faelle/grenzen/geld.yaml:")
