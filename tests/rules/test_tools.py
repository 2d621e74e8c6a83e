"""``rules simulate | diff | picture | new`` as an author runs them."""

import json
import os
import pty
import re
import shutil
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from typer.testing import CliRunner, Result

from proaktiv import start
from proaktiv.core.lebenslagen import Lebenslage
from proaktiv.rulebook.commands import make_app
from proaktiv.rulebook.families import Families
from proaktiv.rulebook.mutants import mutants
from proaktiv.rulebook.new import scaffold
from tests.rules.shipped import COMPILED, PLANS, ROOT

NOW = datetime(2026, 11, 26, 9, tzinfo=UTC)


def rules(*words: object) -> Result:
    return CliRunner().invoke(make_app(None, "production", lambda: NOW), [str(word) for word in words])


def said(*words: object) -> dict[str, object]:
    result = rules(*words, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert isinstance(found, dict)
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(ROOT, tmp_path / "rules")
    return tmp_path / "rules"


def replaced(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


# families ------------------------------------------------------------------------------------------------------------


def test_the_same_seed_makes_the_same_families_and_another_others() -> None:
    def drawn(seed: int) -> list[dict[str, object]]:
        return [dict(row) for row in Families(PLANS[:1], date(2026, 11, 26), seed).rows(50)]

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)


def test_every_invented_family_shows_that_it_is_invented_and_lives_nowhere() -> None:
    for plan in PLANS:
        for row in Families([plan], date(2026, 11, 26), 1).rows(50):
            assert str(row["kennung"]).startswith("SYN-")
            assert not [name for name in row if name.endswith(("vornamen", "familienname", "anschrift"))]


# simulate ------------------------------------------------------------------------------------------------------------


def test_a_simulation_counts_results_conditions_and_what_is_unknown() -> None:
    found = said("simulate", "--families", 500, "--only", "umzug/HUNDESTEUER")
    (tally,) = found["leistungen"]  # type: ignore[misc]
    assert (found["families"], found["synthetic"], found["today"]) == (500, True, "2026-11-26")
    assert sum(tally["results"].values()) == tally["families"] == 500
    top, first, *_, last = tally["conditions"]
    assert top["ja"] == tally["results"]["ja"]
    assert first["left"] >= last["left"] == top["ja"] + top["offen"]
    assert first["ja"] + first["nein"] + first["offen"] == 500 - tally["results"]["gilt_nicht"] - undated(tally)
    assert tally["asked"][0]["fact"] == "person.hund_gemeldet"
    assert tally["asked"][0]["source"] == "STEUERAMT"


def undated(tally: dict[str, list[dict[str, object]]]) -> int:
    return next(one["open"] for one in tally["asked"] if one["fact"] == "umzug.einzug_am")  # type: ignore[return-value]


def test_a_simulation_says_the_same_by_row_and_by_table() -> None:
    words = ("simulate", "--families", 400, "--seed", 5)
    assert said(*words) == said(*words, "--vectorised")


def test_a_simulation_of_a_file_reads_only_what_decides(tmp_path: Path) -> None:
    path = tmp_path / "familien.csv"
    head = "umzug.einzug_am;person.geburtsdatum;umzug.wohnungsart;person.hund_gemeldet;person.vornamen"
    rows = ("hauptwohnung;ja", "hauptwohnung;", "nebenwohnung;unbekannt")
    path.write_text("\n".join([head, *(f"2026-10-01;1990-01-01;{row};Mia" for row in rows)]) + "\n")
    found = said("simulate", path, "--only", "umzug/HUNDESTEUER")
    (tally,) = found["leistungen"]  # type: ignore[misc]
    assert tally["results"] == {"ja": 1, "nein": 1, "offen": 1, "gilt_nicht": 0}
    assert "Mia" not in json.dumps(found)


def test_a_file_in_parquet_is_read_like_one_in_csv(tmp_path: Path) -> None:
    import polars as pl

    path = tmp_path / "familien.parquet"
    columns = {"umzug.einzug_am": [date(2026, 10, 1)] * 2, "umzug.wohnungsart": ["hauptwohnung", "nebenwohnung"]}
    columns |= {"person.geburtsdatum": [date(1990, 1, 1)] * 2}
    pl.DataFrame({**columns, "person.hund_gemeldet": [True, None], "kennung": ["a", "b"]}).write_parquet(path)
    (tally,) = said("simulate", path, "--only", "umzug/HUNDESTEUER")["leistungen"]  # type: ignore[misc]
    assert tally["results"] == {"ja": 1, "nein": 1, "offen": 0, "gilt_nicht": 0}
    path.write_text("no parquet")
    assert "no Parquet" in rules("simulate", path).output


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "umzug.einzug_an\n2026-10-01\n",
            "f.csv:1:1: the fact 'umzug.einzug_an' is not in the catalogue; did you mean",
        ),
        ("umzug.einzug_am\n01.10.2026\n", "f.csv:2:1: '01.10.2026' is no date"),
        ("umzug.wohnungsart\nhauptwohnng\n", "f.csv:2:1: 'hauptwohnng' is not allowed here; allowed: hauptwohnung"),
        ("umzug.wohnungsart\nhauptwohnung,ja\n", "f.csv:2:1: 2 fields, 1 columns"),
        ("name\nMia\n", "f.csv:1:1: no column is a fact that decides one of these rules"),
        ('umzug.wohnungsart\n"haupt\n', "f.csv:1:1: no CSV in UTF-8"),
        ("", "f.csv:1:1: no column is a fact"),
    ],
)
def test_a_mistake_in_a_file_is_named_with_line_and_column(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "f.csv"
    path.write_text(content)
    result = rules("simulate", path)
    assert result.exit_code == 1
    assert message in result.output


def test_without_polars_the_extra_that_is_needed_is_named(tmp_path: Path) -> None:
    script = (
        "import sys; sys.modules['polars'] = None; from proaktiv.rulebook.commands import make_app;"
        "make_app(None, 'production')(sys.argv[1:])"
    )
    path = tmp_path / "f.parquet"
    path.write_bytes(b"PAR1")
    for words in (("simulate", "--vectorised", "--families", "10"), ("simulate", str(path))):
        command = [sys.executable, "-c", script, *words, "--today", "2026-11-26"]
        run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        assert run.returncode == 1
        assert "pip install 'proaktiv[simulation]'" in run.stderr
    plain = [sys.executable, "-c", script, "simulate", "--families", "10", "--today", "2026-11-26"]
    assert subprocess.run(plain, capture_output=True, check=False, timeout=120).returncode == 0


def test_what_is_not_there_is_said(folder: Path) -> None:
    assert "no rule is called erbschaft" in rules("simulate", "--only", "erbschaft").output
    assert "no Lebenslage erbschaft" in rules("picture", "erbschaft", "--to", folder).output
    assert "there are: BEWOHNERPARKAUSWEIS" in rules("picture", "umzug", "HUND", "--to", folder).output


# diff ----------------------------------------------------------------------------------------------------------------


def of(found: dict[str, object], leistung: str) -> dict[str, dict[str, dict[str, int]]]:
    every = found["leistungen"]
    assert isinstance(every, list)
    (one,) = [each for each in every if each["leistung"] == leistung]
    return one  # type: ignore[no-any-return]


def test_a_change_is_counted_by_old_and_new_result_with_families_as_examples(folder: Path) -> None:
    rule = folder / "umzug" / "leistungen" / "kfz-anschrift.yaml"
    replaced(rule, "- {das: umzug.wohnungsart, ist: hauptwohnung,", "- {das: umzug.wohnungsart, ist: nebenwohnung,")
    found = said("diff", ROOT, folder, "--families", 800, "--only", "umzug", "--examples", 2)
    changed = of(found, "KFZ-ANSCHRIFT")
    cells = changed["cells"]
    assert cells["ja"]["nein"] > 0
    assert cells["nein"]["ja"] > 0
    assert cells["ja"]["ja"] == 0
    assert sum(count for row in cells.values() for count in row.values()) == 800
    examples = changed["examples"]["ja -> nein"]
    assert len(examples) == 2
    assert examples[0]["umzug.wohnungsart"] == "hauptwohnung"  # type: ignore[index]
    assert str(examples[0]["kennung"]).startswith("SYN-")  # type: ignore[index]
    assert of(found, "HUNDESTEUER")["same_rule"]


def test_a_boundary_moved_by_one_day_shows(folder: Path) -> None:
    replaced(folder / "umzug" / "leistungen" / "hundesteuer.yaml", "ab: 2015-11-01", "ab: 2015-11-02")
    found = said("diff", ROOT, folder, "--families", 5_000, "--only", "umzug/HUNDESTEUER")
    assert of(found, "HUNDESTEUER")["changed"]  # type: ignore[truthy-bool]


def test_another_frist_shows_where_the_result_is_the_same(folder: Path) -> None:
    replaced(folder / "umzug" / "leistungen" / "hundesteuer.yaml", "{wochen: 2, von", "{wochen: 3, von")
    found = of(said("diff", ROOT, folder, "--families", 300, "--only", "umzug"), "HUNDESTEUER")
    assert found["changed"] == 0
    assert found["fristen_changed"] == found["cells"]["ja"]["ja"]
    assert "more get other dates" in rules("diff", ROOT, folder, "--families", 300).output


def test_a_released_lebenslage_is_compared_like_a_folder(tmp_path: Path) -> None:
    (umzug,) = [one.lebenslage for one in COMPILED if one.name == "umzug"]
    assert isinstance(umzug, Lebenslage)
    path = tmp_path / "umzug.json"
    path.write_text(json.dumps(umzug.to_json()))
    found = said("diff", path, ROOT, "--families", 100)
    assert all(one["same_rule"] for one in found["leistungen"])  # type: ignore[attr-defined]
    assert found["only_new"] == [f"{plan.lebenslage}/{plan.leistung}" for plan in PLANS if plan.lebenslage != "umzug"]
    path.write_text("[]")
    assert "neither a rules folder nor a released Lebenslage" in rules("diff", path, ROOT).output


# picture -------------------------------------------------------------------------------------------------------------


def test_a_picture_shows_every_condition_with_its_norm(tmp_path: Path) -> None:
    assert rules("picture", "umzug", "--to", tmp_path).exit_code == 0
    (umzug,) = [one.lebenslage for one in COMPILED if one.name == "umzug"]
    assert umzug is not None
    assert {path.name for path in tmp_path.iterdir()} == {
        f"{name}.{ending}"
        for name in ("umzug", *(f"umzug-{plan.leistung.lower()}" for plan in umzug.plans))
        for ending in ("svg", "mmd")
    }
    drawn = ET.fromstring((tmp_path / "umzug-hundesteuer.svg").read_text())  # noqa: S314 - our own file
    text = " ".join(element.text or "" for element in drawn.iter("{http://www.w3.org/2000/svg}text"))
    assert "Sie haben einen Hund angemeldet: ja" in text
    assert text.count("Satzung Musterstadt (erfunden)") == 3
    assert "§ 79 Abs. 1 AO" in text
    told = drawn.find("{http://www.w3.org/2000/svg}desc")
    assert told is not None
    assert "Art der neuen Wohnung ist hauptwohnung" in (told.text or "")
    assert (tmp_path / "umzug-hundesteuer.mmd").read_text().startswith("flowchart LR\n")


def test_a_picture_shows_since_when_each_number_of_the_law_holds(tmp_path: Path) -> None:
    assert rules("picture", "geburt", "ELTERNGELD", "--to", tmp_path).exit_code == 0
    drawn = (tmp_path / "geburt-elterngeld.mmd").read_text()
    assert "ab 2021-09-01: ja 250000, nein 300000 · ab 2024-04-01: 200000 · ab 2025-04-01: 175000" in drawn


def test_no_box_covers_another_and_none_leaves_the_picture(tmp_path: Path) -> None:
    for lebenslage in ("geburt", "umzug"):
        assert rules("picture", lebenslage, "--to", tmp_path).exit_code == 0
    for path in tmp_path.glob("*.svg"):
        drawn = ET.fromstring(path.read_text())  # noqa: S314 - our own file
        width, height = float(drawn.attrib["width"]), float(drawn.attrib["height"])
        boxes = [element.attrib for element in drawn.iter("{http://www.w3.org/2000/svg}rect") if "x" in element.attrib]
        edges = [tuple(float(box[side]) for side in ("x", "y", "width", "height")) for box in boxes]
        for number, (x, y, w, h) in enumerate(edges):
            assert x >= 0 <= y
            assert x + w <= width
            assert y + h <= height
            for x2, y2, w2, h2 in edges[:number]:
                assert x + w <= x2 or x2 + w2 <= x or y + h <= y2 or y2 + h2 <= y, path.name


# new -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("year", [2024, 2026, 2027])
@pytest.mark.parametrize(
    "words", [("einschulung", "SCHULGELD"), ("einschulung", ""), ("geburt", "BABYBETT"), ("umzug", "")]
)
def test_a_new_leistung_passes_check_and_its_cases_kill_every_mutant(
    folder: Path, words: tuple[str, str], year: int
) -> None:
    written = scaffold(folder, *words, date(year, 5, 4))
    assert all(path.is_file() for path in written)
    assert rules("check", "--folder", folder).exit_code == 0
    result = rules("test", folder / words[0], "--folder", folder)
    assert result.exit_code == 0, result.output


def test_a_new_leistung_never_overwrites_one_that_is_there(folder: Path) -> None:
    before = (folder / "umzug" / "leistungen" / "hundesteuer.yaml").read_text()
    result = rules("new", "umzug", "HUNDESTEUER", "--folder", folder)
    assert result.exit_code == 1
    assert "umzug/leistungen/hundesteuer.yaml is there already" in result.output
    assert (folder / "umzug" / "leistungen" / "hundesteuer.yaml").read_text() == before


def test_a_lebenslage_of_the_catalogue_begins_in_an_empty_folder(tmp_path: Path) -> None:
    assert rules("new", "umzug", "ABFALLTONNE", "--folder", tmp_path).exit_code == 0
    checked = rules("check", "--folder", tmp_path)
    assert (checked.exit_code, checked.output) == (0, "1 Lebenslagen, 1 Leistungen: nothing wrong\n")


@pytest.mark.parametrize("words", [("Umzug",), ("../umzug",), ("umzug", "hund"), ("umzug", "A B")])
def test_a_name_that_is_none_is_refused(folder: Path, words: tuple[str, ...]) -> None:
    assert rules("new", *words, "--folder", folder).exit_code == 1


# the guide -----------------------------------------------------------------------------------------------------------


def test_the_guide_names_commands_and_options_that_exist() -> None:
    guide = (ROOT / "README.md").read_text()
    lines = re.findall(r"^    proaktiv rules (\w+)(.*)$", guide, re.MULTILINE)
    assert {command for command, _ in lines} >= {
        "check",
        "test",
        "explain",
        "simulate",
        "diff",
        "picture",
        "new",
        "release",
    }
    for command, rest in lines:
        offered = rules(command, "--help").output
        assert "No such command" not in offered, command
        for option in re.findall(r"--[a-z-]+", rest):
            assert option in offered, (command, option)


def test_the_guides_mutant_is_one_that_can_be_excused() -> None:
    named = re.search(r'mutant: "(.+?)"', (ROOT / "README.md").read_text())
    assert named is not None
    assert named[1] in {mutant.what for plan in PLANS for mutant in mutants(plan)}


def test_a_bar_is_shown_where_somebody_looks_and_nowhere_else() -> None:
    told, terminal = pty.openpty()
    command = [
        sys.executable,
        "-c",
        "from proaktiv.start import main; main()",
        "rules",
        "simulate",
        "--families",
        "3000",
    ]
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=terminal, check=True, timeout=300)
    os.close(terminal)
    shown = b""
    while chunk := _read(told):
        shown += chunk
    assert b"100%" in shown
    assert b"%" not in subprocess.run(command, capture_output=True, check=True, timeout=300).stderr
    assert b"geburt/ELTERNGELD" in run.stdout


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4_096)
    except OSError:  # a terminal whose other end is closed says so this way
        return b""


# the way in ----------------------------------------------------------------------------------------------------------


def test_the_commands_of_authors_start_without_the_service() -> None:
    script = (
        "import sys; sys.argv = ['proaktiv', 'rules', 'check']; from proaktiv.start import main\n"
        "try: main()\nexcept SystemExit as end: code = end.code\n"
        "assert not {'sqlalchemy', 'fastapi', 'cryptography', 'polars'} & sys.modules.keys(); sys.exit(code)"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=120)
    assert (run.returncode, run.stderr) == (0, "")
    assert "nothing wrong" in run.stdout


def test_a_release_without_a_database_says_that_nothing_was_released() -> None:
    options = ["release", "--author", "A. Muster", "--reviewer", "B. Beispiel", "--demo"]
    result = CliRunner().invoke(make_app(None, "demo"), options)
    assert result.exit_code == 1
    assert "nothing was released" in result.output


def test_whatever_stands_before_it_a_release_goes_the_long_way(monkeypatch: pytest.MonkeyPatch) -> None:
    came: list[list[str]] = []
    monkeypatch.setattr("proaktiv.__main__.main", lambda: came.append(sys.argv))
    monkeypatch.setattr(sys, "argv", ["proaktiv", "rules", "--", "release"])
    start.main()
    assert came == [["proaktiv", "rules", "--", "release"]]
