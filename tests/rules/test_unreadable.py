"""Texts that are no YAML: each slip of an author is named where it was made, with what to write instead."""

import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proaktiv.rulebook.check import check
from proaktiv.rulebook.folder import rules_folder
from proaktiv.rulebook.load import Problem, RuleFileError, parse, read_text
from proaktiv.rulebook.unbalanced import first_slip
from tests.rules.test_loading import problem_of as problem_of_bytes

NEVER = "that begins here is never closed"
DASH = "a '- ' is missing before this: each entry of a list begins with it"

SLIPS = [
    # what the author writes, line and column where they must look, what is said
    ("a: [1, 2\nb: 3\n", "1:4", f"the '[' {NEVER}; write ']' where it ends"),
    ("a: {b: 1, c: 2\nd: 3\n", "1:4", f"the '{{' {NEVER}; write '}}' where it ends"),
    ("alle:\n  - {das: x, ist: ja\n  - {das: y, ist: ja}\n", "2:5", f"the '{{' {NEVER}"),
    ("a: 1\nb: {c: 1\n", "2:4", f"the '{{' {NEVER}"),
    ("a: {b: [1, 2, c: 3}\n", "1:8", "the '[' that begins here is closed by '}' in line 1, column 19; write ']'"),
    ("a: {\n  b: [1,\n    2}\n}\n", "2:6", "the '[' that begins here is closed by '}' in line 3, column 6"),
    ("a: {b: 1}}\nc: 2\n", "1:10", "this '}' closes nothing; take it out"),
    ("titel: Kita: ein Platz\nb: 1\n", "1:12", 'quotes around the whole text; did you mean "Kita: ein Platz"?'),
    ("- {name: Kita: Platz, x: 1}\n", "1:14", "is a comma missing before the name, or quotes around the text?"),
    ("{das: kind.lebt ist: ja}\n", "1:20", "is a comma missing before the name"),
    ("a: 1\nname:Kita\nb: 2\n", "2:5", "after a name stand a colon and a space; did you mean 'name: Kita'?"),
    ("name = Kita\nb: 2\n", "1:5", "did you mean 'name: Kita'?"),
    ("a: 1\nirgendwas\nb: 2\n", "2:1", "this is no 'name: value'; write the name, a colon and a space"),
    ("l:\n  - {a: 1}\n    {b: 2}\n", "3:5", DASH),
    ("l:\n  - {a: 1}\n  {b: 2}\n", "3:3", DASH),
    ("l:\n  {a: 1}\n  {b: 2}\n", "2:3", DASH),
    ("l:\n  - a: 1\n    b: 2\n  a: 3\n", "4:3", DASH),
    ("alle:\n    {das: x}\n    - {das: y}\n", "2:5", DASH),
    ("alle:\n  -{das: x, ist: ja}\n  - {das: y}\n", "2:3", "a space is missing after the '-'; did you mean '- {das"),
    (
        "titel: {kind.vornamen} bekommt Geld\n",
        "1:8",
        'needs quotes around the whole text; did you mean "{kind.vornamen} b',
    ),
    ("l:\n  - a\n  b\n  - c\n", "3:3", DASH),
    ("l:\n  - a\n  -b\n", "3:3", "a space is missing after the '-'; did you mean '- b'?"),
    ("l:\n  - {a: 1}\n  -{b: 1}\n", "3:3", "a space is missing after the '-'; did you mean '- {b: 1}'?"),
    ("l: - a\n   - b\n", "1:4", "a list begins on a line of its own: put this '- ' below the name"),
    ("l: [- a, b]\n", "1:5", "inside [ ] commas part the entries; take out the '-'"),
    ("l: [a,, b]\n", "1:7", "a value is missing before this ','"),
    ('a: "x\nb: y\n', "1:4", 'the " that begins here is not closed; write " again where the text ends'),
    ('a: "x\nb: "y"\nc: 1\n', "1:4", 'the " that begins here is not closed'),
    ('a: {n: "x, m: 1}\nb: {n: "y", m: 1}\n', "1:8", 'the " that begins here is not closed'),
    ("a: 'x\nb: 1\n", "1:4", "the ' that begins here is not closed"),
    ('a: "x" y\nb: 1\n', "1:8", 'the " before this ends the text; put the whole text in one pair'),
    ('a: "sie sagt "ja" dazu"\n', "1:15", 'the " before this ends the text'),
    (
        "a: 1\n b: 2\n",
        "2:2",
        "this line stands deeper than the one above, which has its value already; begin it in column 1",
    ),
    ("l:\n  - a: 1\n      b: 2\n", "3:7", "begin it in column 5"),
    ("a:\n    b: 1\n  c: 2\n", "3:3", "this line begins in a column of its own"),
    ("a: @x\n", "1:4", "a text cannot begin with @ here; put the whole text in quotes"),
    ("a: *wichtig*\n", "1:4", "a text cannot begin with * here"),
    ("a: > 5 Tage\n", "1:4", "a text cannot begin with > here"),
    ("a: ]x\n", "1:4", "a value is missing before this ']', or the text needs quotes"),
    ('a: "C:\\daten"\n', "1:4", 'a \\ inside "…" begins something else'),
    (
        "l:\n  - a: 1\n    b: 2\n    a: 3\n",
        "4:5",
        "'a' stands here twice, first in line 2; is a '- ' missing before it?",
    ),
    ("a: 1\nb: 2\na: 3\n", "3:1", "'a' stands here twice, first in line 1; take one out"),
    ("a:\n\tb: 1\n", "2:1", "the sign U+0009 is not allowed here: it is a tab; write spaces"),
    ("a: 1\rb: 2\n", "1:5", "it is half a line end; save the file with line ends of Unix (LF) or Windows (CRLF)"),
    ("\ufeffa: 1\n", "1:1", "it is a byte order mark, which nobody sees; save the file as UTF-8 without BOM"),
    ("a:\n\u00a0 b: 1\n", "2:1", "U+00A0 looks like a space and is none; write an ordinary space"),
    ("das:\u00a0kind.lebt\n", "1:5", "U+00A0 looks like a space"),
]


@pytest.mark.parametrize(("text", "place", "said"), SLIPS)
def test_a_slip_is_named_where_it_was_made(text: str, place: str, said: str) -> None:
    with pytest.raises(RuleFileError) as caught:
        parse(text.encode(), "probe.yaml")
    assert str(caught.value).startswith(f"probe.yaml:{place}: ")
    assert said in str(caught.value)


@pytest.mark.parametrize(("text", "place", "said"), SLIPS)
def test_windows_line_ends_change_no_place(text: str, place: str, said: str) -> None:
    if "\r" not in text:
        with pytest.raises(RuleFileError) as caught:
            parse(text.replace("\n", "\r\n").encode(), "probe.yaml")
        assert str(caught.value).startswith(f"probe.yaml:{place}: ")
        assert said in str(caught.value)


def test_a_file_in_utf_16_is_told_how_to_save_it() -> None:
    for encoding in ("utf-16-le", "utf-16-be"):
        with pytest.raises(RuleFileError, match=r"1:1: not UTF-8 but UTF-16 .*; save the file as UTF-8"):
            parse("\ufeffa: 1\n".encode(encoding), "probe.yaml")


GOOD = [
    "a: „das: ist ein Satz“ ohne Doppelpunkt davor\n".replace(": ist", " ist"),
    "a: {b: [1, 2,\n    3], c: {d: 'x: y'}}\n",
    "a: {\n  b: 1,\n  c: [\n    d, e\n  ]\n}\n",
    'a: "ein Satz: mit Doppelpunkt, {Klammer"\n',
    'a: |\n  Satz: mit [Klammer\n  und "Zeichen\nb: 1\n',
    "a: >-\n  noch: einer\n\n  weiter {\nb: 2\n",
    "- a: 'er''s'  # und: so\n  b: [x] # {\n",
    "a: http://beispiel.test/x:y\n",
    "a: Gasse 3 [hinten\n",
    '"a b": 1\n? c\n: d\n',
]


@pytest.mark.parametrize("text", GOOD)
def test_control_what_is_yaml_is_read_and_nothing_is_found_in_it(text: str) -> None:
    parse(text.encode(), "probe.yaml")
    assert first_slip(text.split("\n")) is None


def test_control_nothing_is_found_in_any_file_of_this_checkout() -> None:
    root = rules_folder()
    files = [*root.rglob("*.yaml"), *(root.parent / "tests" / "cases").rglob("*.yaml")]
    assert len(files) > 60
    for path in files:
        assert first_slip(read_text(path, path.name).split("\n")) is None, path


def problem_of(text: str) -> Problem | None:
    return problem_of_bytes(text.encode())


@given(st.text("ab:-{}[],&*!|>'\"\n #?%@`~", max_size=120))
@settings(max_examples=400, deadline=None)
def test_whatever_stands_there_the_place_lies_in_the_text(text: str) -> None:
    found = problem_of(text)
    if found is not None:
        lines = text.split("\n")
        assert 1 <= found.line <= len(lines)
        assert 1 <= found.column <= len(lines[found.line - 1]) + 1
        assert found.message


LONG = [
    "a: @\nb: [" + "[], " * 60_000,
    "a: @\nb: [" + "'x', " * 45_000,
    "a: @\nb: {" + "a: 1, " * 40_000,
    "a: @\nb: " + "- " * 120_000,
    "a: @\n" + "- " * 120_000,
    "a: @\n" + "x: y\n" * 50_000,
    "a: @\nb: " + "'" * 250_000,
    "a: @\nb: " + ": " * 120_000,
    "a: @\nb: " + " " * 250_000,
]


@pytest.mark.parametrize("text", LONG, ids=range(len(LONG)))
def test_long_lines_of_a_text_that_is_none_are_looked_through_once(text: str) -> None:
    with pytest.raises(RuleFileError, match=r"probe\.yaml:[12]:"):
        parse(text.encode(), "probe.yaml")


# files that nobody reads ---------------------------------------------------------------------------------------------

ENDING = "nobody reads this file: its name must end in .yaml; rename it to"


@pytest.mark.parametrize(
    ("moved", "to", "said"),
    [
        ("geburt/leistungen/kindergeld.yaml", "geburt/leistungen/kindergeld.yml", f"{ENDING} kindergeld.yaml"),
        ("geburt/leistungen/kindergeld.yaml", "geburt/leistungen/Kindergeld.YAML", f"{ENDING} Kindergeld.yaml"),
        ("geburt/faelle/kindergeld.yaml", "geburt/faelle/kindergeld.yaml.txt", f"{ENDING} kindergeld.yaml"),
        ("geburt/texte/ls.yaml", "geburt/texte/ls.yml", f"{ENDING} ls.yaml"),
        ("geburt/parameter.yaml", "geburt/parameter.yml", f"{ENDING} parameter.yaml"),
        ("umzug/lebenslage.yaml", "umzug/lebenslage.yml", f"{ENDING} lebenslage.yaml"),
        ("_katalog/stellen.yaml", "_katalog/stellen.yml", f"{ENDING} stellen.yaml"),
        (
            "geburt/parameter.yaml",
            "geburt/parametr.yaml",
            "nobody reads this file; allowed here: lebenslage.yaml, param",
        ),
        ("geburt/parameter.yaml", "geburt/parametr.yaml", "did you mean 'parameter.yaml'?"),
        ("geburt/faelle", "geburt/fälle", "nobody reads the folder 'fälle'; allowed: leistungen, texte, faelle"),
        (
            "geburt/leistungen/kindergeld.yaml",
            "geburt/leistungen/neu/k.yaml",
            "nobody reads folders inside leistungen/",
        ),
        ("geburt/leistungen/kindergeld.yaml", "kindergeld.yaml", "it belongs into the folder of a Lebenslage"),
        (
            "geburt/texte/en.yaml",
            "geburt/texte/fr.yaml",
            "nobody reads this file; allowed here: de.yaml, en.yaml, ls.yaml",
        ),
    ],
)
def test_a_file_that_nobody_reads_is_named(tmp_path: Path, moved: str, to: str, said: str) -> None:
    root = tmp_path / "rules"
    shutil.copytree(rules_folder(), root)
    (root / to).parent.mkdir(parents=True, exist_ok=True)
    (root / moved).rename(root / to)
    found = [str(problem) for problem in check(root)[1]]
    where = to if (root / to).is_file() else f"{to}/kindergeld.yaml"
    assert any(each.startswith(f"{where}:1:1: ") and said in each for each in found), found


def test_control_notes_tables_and_hidden_files_may_lie_anywhere(tmp_path: Path) -> None:
    root = tmp_path / "rules"
    shutil.copytree(rules_folder(), root)
    for name in (
        "geburt/notiz.txt",
        "geburt/bild.svg",
        ".ablage/alt.yml",
        "_archiv/alt.yml",
        "geburt/faelle/_alt.yaml",
    ):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text("a: 1\n", "utf-8")
    assert check(root)[1] == ()
