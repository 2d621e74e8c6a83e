"""Files of parameters: read with place and remedy for every mistake, and checked against the rules that use them."""

import shutil
from datetime import date
from pathlib import Path

import pytest

from proaktiv.core.binding import Fact
from proaktiv.core.conditions import Op
from proaktiv.core.fristen import Value
from proaktiv.core.matching import decide
from proaktiv.core.parameters import Parameter, Parameterwert, Wert
from proaktiv.core.plans import Gilt, Plan
from proaktiv.core.proposals import words
from proaktiv.rulebook.check import check, stale
from proaktiv.rulebook.facts import Fakt, FaktTyp
from proaktiv.rulebook.folder import rules_folder
from proaktiv.rulebook.parameters import Parameters, dead_values, late_begins, read_parameters
from proaktiv.rulebook.reading import Place
from tests.rules.plans import plan_of
from tests.rules.trees import comparison

FAKTEN = {
    "tag": Fakt("tag", FaktTyp.DATUM),
    "allein": Fakt("allein", FaktTyp.JANEIN),
    "farbe": Fakt("farbe", FaktTyp.CODE, codes=("rot", "gelb")),
    "ort": Fakt("ort", FaktTyp.ARS),
}
GOOD = """\
grenze:
  typ: betrag
  einheit: EUR/Jahr
  schluessel: tag
  geprueft_bis: 2027-03-31
  werte:
    - {ab: 2021-09-01, wert: {je: allein, ja: 250000, nein: 300000.50}, fundstelle: BGBl.}
    - {ab: 2024-04-01, wert: 200000, fundstelle: BGBl.}
"""
TABLE = """\
ausweise:
  typ: zahl
  schluessel: tag
  geprueft_bis: 2027-03-31
  je_ort: ort
  tabelle: orte.csv
  spalte: je_haushalt
"""
CSV = """\
ars,ab,je_haushalt,fundstelle
990010000000,2026-01-01,2,"Satzung, § 1"
99,2020-01-01,,Gesetz
09,2020-01-01,1,§
"""


def read(folder: Path, text: str, csv: str = "") -> Parameters:
    path = folder / "parameter.yaml"
    path.write_text(text, "utf-8")
    if csv:
        path.with_name("orte.csv").write_text(csv, "utf-8")
    return read_parameters(path, "probe/parameter.yaml", FAKTEN)


def test_amounts_are_cents_and_values_keep_their_days(tmp_path: Path) -> None:
    found = read(tmp_path, GOOD)
    assert found.problems == ()
    assert found.by_name["grenze"] == Parameter(
        "grenze",
        "betrag",
        "tag",
        (
            Wert(date(2021, 9, 1), None, "BGBl.", "allein", {"ja": 25000000, "nein": 30000050}),
            Wert(date(2024, 4, 1), 20000000, "BGBl."),
        ),
        date(2027, 3, 31),
        "EUR/Jahr",
    )


def test_values_by_place_come_from_a_csv_and_an_empty_cell_is_none(tmp_path: Path) -> None:
    found = read(tmp_path, TABLE, CSV)
    assert found.problems == ()
    ausweise = found.by_name["ausweise"]
    assert set(ausweise.orte) == {"990010000000", "09"}
    assert ausweise.value({"tag": date(2026, 5, 1), "ort": "990010000000"}) == 2
    assert ausweise.value({"tag": date(2026, 5, 1), "ort": "990020000000"}) is None


WRONG = [
    (
        "wert: 200000,",
        "wert: 200.000,",
        ":8:30: '200.000' is no amount in euros; it could be 200 or 200000: write 200000,",
    ),
    ("wert: 200000,", "wert: 2e5,", ":8:30: '2e5' is no amount in euros; write digits like 250, or 255.50"),
    ("wert: 200000,", "wert: 200000.5,", ":8:30: '200000.5' is no amount in euros; write digits like 250"),
    ("2024-04-01", "2021-09-01", ":8:7: two values from 2021-09-01: only one can hold"),
    ("2024-04-01", "2020-04-01", ":8:7: the earlier comes first: 2020-04-01 stands after 2021-09-01"),
    (", fundstelle: BGBl.}\n    -", "}\n    -", ":7:7: a value without 'fundstelle': say where it is printed"),
    (
        "schluessel: tag",
        "schluessel: tagg",
        ":4:15: the fact 'tagg' is not in _katalog/fakten.yaml; did you mean 'tag'?",
    ),
    ("schluessel: tag", "schluessel: ort", ":4:15: ort is of typ ars; here must stand a fact of typ datum"),
    (", nein: 300000.50", "", ":7:30: 'nein' is missing"),
    ("je: allein,", "je: tag,", ":7:30: a value that depends says on what: 'je' and a fact of typ janein or code"),
    ("typ: betrag", "typ: geld", ":2:8: 'geld' is not allowed here; allowed: zahl, betrag"),
    ("  geprueft_bis: 2027-03-31\n", "", ":2:3: 'geprueft_bis' is missing"),
    ("grenze:", "Grenze:", ":1:1: 'Grenze' is no name of a parameter"),
]


@pytest.mark.parametrize(("old", "new", "said"), WRONG)
def test_a_mistake_is_reported_at_its_place(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in GOOD
    found = [str(problem) for problem in read(tmp_path, GOOD.replace(old, new, 1)).problems]
    assert any(problem.startswith(f"probe/parameter.yaml{said}") for problem in found), found


WRONG_TABLES = [
    ("990010000000", "9900100000", "probe/orte.csv:2:1: '9900100000' is no ARS; write twelve digits, or 9, 5, 3 or 2"),
    ('"Satzung, § 1"', "Satzung, § 1", "probe/orte.csv:2:1: the line has 5 columns, the first one 4"),
    (",§\n", ",\n", "probe/orte.csv:4:1: a value without 'fundstelle'"),
    ("2026-01-01", "1.1.2026", "probe/orte.csv:2:1: '1.1.2026' is no date; write it as 2026-10-31"),
    (",2,", ",zwei,", "probe/orte.csv:2:1: 'zwei' is no whole number"),
    ("je_haushalt", "haushalt", "probe/orte.csv:1:1: the column je_haushalt is missing in the first line"),
    ("09,", "990010000000,", "probe/orte.csv:4:1: the earlier comes first: 990010000000 from 2020-01-01"),
    ("Gesetz", "Ge\u202esetz", "probe/orte.csv:3:18: the sign U+202E is not allowed here"),
]


@pytest.mark.parametrize(("old", "new", "said"), WRONG_TABLES)
def test_a_mistake_in_a_table_names_its_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    found = [str(problem) for problem in read(tmp_path, TABLE, CSV.replace(old, new, 1)).problems]
    assert any(problem.startswith(said) for problem in found), found


@pytest.mark.parametrize("name", ["../orte.csv", "/etc/passwd", "orte.CSV", "fehlt.csv"])
def test_a_table_is_a_file_beside_the_yaml_and_nothing_else(tmp_path: Path, name: str) -> None:
    found = read(tmp_path, TABLE.replace("orte.csv", name), CSV)
    assert len(found.problems) == 1
    assert found.by_name["ausweise"].orte == {}


# with the rules that use them ----------------------------------------------------------------------------------------


def a_plan(parameter: Parameter, since: date) -> Plan:
    return plan_of(
        comparison("geld", Op.MAXIMAL, Parameterwert(parameter.name)),
        gilt=Gilt("tag", since),
        stelle_art="",
        parameter={parameter.name: parameter},
    )


DATED = Parameter("grenze", "zahl", "tag", (Wert(date(2007, 1, 1), 1, "§"), Wert(date(2021, 9, 1), 2, "§")))
READ = Parameters(
    {"grenze": DATED}, {key: Place("p.yaml", n, 1) for n, key in enumerate(("grenze", "grenze.0", "grenze.1"), 1)}
)


def test_a_value_that_no_rule_reaches_is_dead() -> None:
    assert [str(problem) for problem in dead_values(READ, [a_plan(DATED, date(2021, 9, 1))])] == [
        "p.yaml:2:1: the value from 2007-01-01 is dead: it ends before 2021-09-01, when the rule begins"
    ]
    assert dead_values(READ, [a_plan(DATED, date(2021, 8, 31))]) == []


def test_a_parameter_that_no_rule_names_is_reported() -> None:
    assert [str(problem) for problem in dead_values(READ, [])] == ["p.yaml:1:1: no rule uses the parameter 'grenze'"]


def test_a_parameter_that_begins_after_the_rule_is_reported_at_the_comparison() -> None:
    assert late_begins(a_plan(DATED, date(2007, 1, 1))) == []
    ((leaf, message),) = late_begins(a_plan(DATED, date(2006, 12, 31)))
    assert leaf is not None
    assert message.startswith("the parameter 'grenze' begins on 2007-01-01, the rule on 2006-12-31: between them")


KITA = "geburt/leistungen/kita-platz.yaml"
SHOWN = """\
satz:
  typ: betrag
  schluessel: kind.geburtsdatum
  geprueft_bis: 2026-12-31
  werte:
    - {ab: 2015-11-01, wert: 190, fundstelle: erfunden}
    - {ab: 2026-01-01, wert: 1259.50, fundstelle: erfunden}
"""


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """A copy of the rules in which the texts of one Leistung show a shared parameter."""
    root = tmp_path / "rules"
    shutil.copytree(rules_folder(), root)
    (root / "_katalog/parameter").mkdir(exist_ok=True)
    (root / "_katalog/parameter/saetze.yaml").write_text(SHOWN, "utf-8")
    for language in ("de", "en", "ls"):
        path = root / f"geburt/texte/{language}.yaml"
        text = path.read_text("utf-8").replace("KITA-PLATZ:\n", "KITA-PLATZ:\n  betrag: Es gibt {parameter.satz}.\n", 1)
        path.write_text(text, "utf-8")
    return root


def test_a_text_shows_the_amount_of_the_legal_key_date(rules: Path) -> None:
    compiled, problems = check(rules)
    assert [str(problem) for problem in problems] == []
    (geburt,) = [one.lebenslage for one in compiled if one.name == "geburt"]
    assert geburt is not None
    plan = geburt.plan("KITA-PLATZ")
    assert set(plan.parameter) == {"kita_anmeldung_monate", "satz"}
    assert geburt.plan("ELTERNGELD").parameter.keys() & {"satz"} == set()
    assert [plan.parameter["satz"].shown(125950, language) for language in ("de", "en")] == [
        "1.259,50 Euro",
        "EUR 1,259.50",
    ]


def test_what_nobody_checked_since_is_told_but_no_mistake(rules: Path) -> None:
    assert [str(one) for one in stale(rules, date(2026, 12, 31)) if "satz" in str(one)] == []
    assert [str(one) for one in stale(rules, date(2027, 1, 1)) if "satz" in str(one)] == [
        "_katalog/parameter/saetze.yaml:1:1: 'satz' was checked only until 2026-12-31"
    ]


def spoiled(rules: Path, file: str, old: str, new: str) -> list[str]:
    path = rules / file
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
    return [str(problem) for problem in check(rules)[1]]


def test_a_parameter_of_another_type_or_name_is_reported_where_it_is_compared(rules: Path) -> None:
    old = "{das: kind.lebt, ist: ja,"
    found = spoiled(rules, KITA, old, "{das: kind.lebt, ist: {parameter: satz},")
    assert any("the parameter 'satz' is of typ betrag, kind.lebt of typ janein" in one for one in found), found
    found = spoiled(rules, KITA, "{parameter: satz}", "{parameter: saz}")
    assert any("there is no parameter 'saz'" in one and "did you mean 'satz'?" in one for one in found), found


def test_a_parameter_whose_key_fact_this_lebenslage_cannot_know_is_reported(rules: Path) -> None:
    file = "umzug/leistungen/hundesteuer.yaml"
    text = (rules / file).read_text("utf-8")
    old = next(line for line in text.splitlines() if "hund_gemeldet" in line)
    found = spoiled(rules, file, old, old.replace("ist: ja", "ist: {parameter: satz}"))
    assert any("the fact 'kind.geburtsdatum' is not known in umzug" in one for one in found), found


def test_a_name_that_two_files_use_is_reported(rules: Path) -> None:
    (rules / "geburt/parameter.yaml").write_text(SHOWN, "utf-8")
    found = [str(problem) for problem in check(rules)[1]]
    assert "geburt/parameter.yaml:1:1: the parameter 'satz' stands in _katalog/parameter/saetze.yaml too" in found


def test_the_unit_of_fact_and_parameter_must_agree(rules: Path) -> None:
    fakten = rules / "_katalog/fakten.yaml"
    more = "typ: betrag, einheit: EUR/Jahr, quelle: ereignis, lebenslagen: [geburt], beschriftung: {de: G, en: M}"
    fakten.write_text(f"{fakten.read_text('utf-8')}kind.geld: {{{more}}}\n", "utf-8")
    path = rules / "_katalog/parameter/saetze.yaml"
    path.write_text(SHOWN.replace("typ: betrag\n", "typ: betrag\n  einheit: EUR/Monat\n"), "utf-8")
    found = spoiled(rules, KITA, "das: kind.lebt, ist: ja,", "das: kind.geld, maximal: {parameter: satz},")
    assert any("the parameter 'satz' is in EUR/Monat, kind.geld in EUR/Jahr" in one for one in found), found


def told(rules: Path, born: date) -> dict[str, str]:
    """Return the words of a Kita proposal for a child of that day."""
    (geburt,) = [one.lebenslage for one in check(rules)[0] if one.name == "geburt"]
    assert geburt is not None
    plan = geburt.plan("KITA-PLATZ")
    values: dict[str, Value] = {
        "kind.lebt": True,
        "kind.im_haushalt": True,
        "kind.vornamen": "Mia",
        "kind.geburtsdatum": born,
        "elternteil.sorge": "allein",
        "elternteil.geburtsdatum": date(1994, 3, 8),
        "elternteil.wohnort_ars": "990010000000",
    }
    facts = {name: Fact(value, born) for name, value in values.items()}
    return words(plan, geburt.texte, facts, decide(plan, values, born))


def test_an_amount_is_a_sentence_of_its_own_in_each_language(rules: Path) -> None:
    said = told(rules, date(2026, 5, 1))
    assert said["grund"].endswith(" Es gibt 1.259,50 Euro.")
    assert said["en.grund"].endswith(" Es gibt EUR 1,259.50.")


def test_an_amount_that_nobody_checked_is_not_printed(rules: Path) -> None:
    assert "Es gibt" not in told(rules, date(2027, 1, 1))["grund"]


def test_an_amount_in_any_other_text_is_a_mistake(rules: Path) -> None:
    found = spoiled(rules, "geburt/texte/de.yaml", "titel: Kita-Platz für", "titel: Kita-Platz ({parameter.satz}) für")
    assert any("{parameter.satz} stands in a text betrag or folgebetrag only" in one for one in found), found


@pytest.mark.parametrize("language", ["de", "en", "ls"])
def test_a_day_or_amount_that_one_language_leaves_out_is_a_mistake(rules: Path, language: str) -> None:
    found = spoiled(rules, f"geburt/texte/{language}.yaml", "{parameter.satz}", "etwas")
    assert any("another language tells {parameter.satz} here, this one does not" in one for one in found), found


def test_a_text_that_one_language_lacks_is_a_mistake(rules: Path) -> None:
    found = spoiled(rules, "geburt/texte/ls.yaml", "  betrag: Es gibt {parameter.satz}.\n", "")
    assert (
        "geburt/texte/ls.yaml:1:1: the text 'KITA-PLATZ: betrag' stands in another language and is missing here"
        in found
    )
