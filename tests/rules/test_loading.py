"""Hostile and careless files: refused at a place, quickly, without anything being built or run."""

import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proaktiv.rulebook.check import check
from proaktiv.rulebook.folder import rules_folder
from proaktiv.rulebook.load import MAX_BYTES, Mapping, Problem, RuleFileError, Scalar, load, parse

SIGN = "the sign U+{} is not allowed here: it is {}, which nobody sees"


def problem_of(content: bytes) -> Problem | None:
    try:
        parse(content, "probe.yaml")
    except RuleFileError as error:
        return error.problem
    return None


def refusal(content: bytes) -> str:
    with pytest.raises(RuleFileError) as caught:
        parse(content, "probe.yaml")
    return str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: &x 1", "probe.yaml:1:4: anchors (&name) are not allowed; write the value out, or put it in quotes"),
        (
            b"a: 1\nb: *x",
            "probe.yaml:2:4: references (*name) are not allowed; write the value out, or put it in quotes",
        ),
        (
            b"a: !!python/object/apply:os.system [ls]",
            "probe.yaml:1:4: tags (!name) are not allowed; put a text that begins with ! in quotes",
        ),
        (b"a: !eigenes 1", "probe.yaml:1:4: tags (!name) are not allowed; put a text that begins with ! in quotes"),
        (b"[" * 10_000, "probe.yaml:1:25: nested deeper than 24 levels"),
        (b"{a: " * 10_000, "probe.yaml:1:97: nested deeper than 24 levels"),
        (b"a: 1\nb:\n  c: 2\n  c: 3", "probe.yaml:4:3: 'c' stands here twice, first in line 3; take one out"),
        (
            b"a: x\x00y",
            "probe.yaml:1:5: the sign U+0000 is not allowed here: it is a control sign, which nobody sees; delete it",
        ),
        ("a: x\u202ey".encode(), f"probe.yaml:1:5: {SIGN.format('202E', 'right-to-left override')}; delete it"),
        (
            "\ufeffa: 1".encode(),
            f"probe.yaml:1:1: {SIGN.format('FEFF', 'a byte order mark')}; save the file as UTF-8 without BOM",
        ),
        (
            "a: 1\nb: c\u200bd".encode(),
            "probe.yaml:2:5: the sign U+200B is not allowed here: it is zero width space, which nobody sees; delete it",
        ),
        (b"a:\n\tb: 1", "probe.yaml:2:1: the sign U+0009 is not allowed here: it is a tab; write spaces"),
        (
            "a: Mu\u0308ller".encode(),
            "probe.yaml:1:1: letters are composed of parts; save the file in Unicode NFC",
        ),
        (b"a: 1\n---\nb: 2", "probe.yaml:2:1: a second document (---) begins here; one file holds one"),
        (b"? [a]\n: b", "probe.yaml:1:3: a name must be plain text"),
        (b"", "probe.yaml:1:1: the file is empty"),
        (b"# nur ein Kommentar\n", "probe.yaml:1:1: the file is empty"),
        (b"a: 1\nb: \xff", "probe.yaml:2:1: not UTF-8; save the file as UTF-8"),
    ],
)
def test_a_file_that_is_none_is_refused_at_its_place(content: bytes, message: str) -> None:
    assert refusal(content) == message


def test_a_megabyte_is_refused_unread() -> None:
    assert refusal(b"a: " + b"x" * 2**20) == f"probe.yaml:1:1: larger than {MAX_BYTES} bytes; split the file"


def test_a_large_file_is_not_even_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "gross.yaml"
    path.write_bytes(b"#" * (4 * MAX_BYTES))
    with pytest.raises(RuleFileError, match=r"gross\.yaml:1:1: larger than"):
        load(path, "gross.yaml")


def test_very_many_entries_are_refused() -> None:
    assert "more than 20000 entries" in refusal(b"- a\n" * 30_000)


HOSTILE_RULES = {
    "a hundred thousand leaves": b"alle:\n" + b"- {das: kind.lebt, ist: ja, norm: x}\n" * 100_000,
    "ten thousand levels of conditions": b"nicht: {" * 10_000 + b"das: x" + b"}" * 10_000,
    "two names that look the same": "ä: 1\na\u0308: 2\n".encode(),
    "a name that is written from right to left": "k\u202etbel.dnik: ja\n".encode(),
    "a NUL in a name": b"le\x00istung: X\n",
    "a long line": b"name: " + b"x" * 300_000,
    "many documents": b"--- a\n" * 10_000,
    "a tag at the root": b"!!python/name:os.system\n",
    "an endless anchor": b"&a [*a]\n",
}


@pytest.mark.parametrize("name", HOSTILE_RULES)
def test_a_hostile_leistung_is_one_problem_at_its_place_and_the_rest_is_still_read(name: str, tmp_path: Path) -> None:
    root = tmp_path / "rules"
    shutil.copytree(rules_folder(), root)
    (root / "geburt/leistungen/boese.yaml").write_bytes(HOSTILE_RULES[name])
    compiled, problems = check(root)
    assert [problem.file for problem in problems] == ["geburt/leistungen/boese.yaml"]
    assert len(compiled) == len(list(root.glob("*/lebenslage.yaml")))


def test_control_the_same_file_in_good_faith_is_read(tmp_path: Path) -> None:
    root = tmp_path / "rules"
    shutil.copytree(rules_folder(), root)
    text = (root / "geburt/leistungen/kita-platz.yaml").read_text("utf-8")
    (root / "geburt/leistungen/boese.yaml").write_text(text, "utf-8")
    assert [problem.file for problem in check(root)[1]] == ["geburt/leistungen/kita-platz.yaml"], "it is there twice"


def test_a_bomb_of_references_never_grows() -> None:
    bomb = "a: &a [x]\n" + "".join(f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcdefg", "bcdefgh", strict=True))
    assert "anchors" in refusal(bomb.encode())


def test_a_missing_bracket_names_the_place_where_it_was_opened() -> None:
    assert (
        refusal(b"a: [1, 2\nb: 3")
        == "probe.yaml:1:4: the '[' that begins here is never closed; write ']' where it ends"
    )


def test_a_merge_key_is_an_ordinary_name() -> None:
    node = parse(b"<<: {a: b}", "probe.yaml")
    assert isinstance(node, Mapping)
    assert list(node.entries) == ["<<"]


@pytest.mark.parametrize("text", ["099001000000", "0123", "NO", "ja", "12:30", "1_000", "175.000", "~", "null", "0x1f"])
def test_a_scalar_stays_the_text_it_is(text: str) -> None:
    node = parse(f"wert: {text}".encode(), "probe.yaml")
    assert isinstance(node, Mapping)
    value = node.entries["wert"]
    assert isinstance(value, Scalar)
    assert value.text == text


def test_line_ends_of_windows_are_line_ends() -> None:
    node = parse(b"a: 1\r\nb: 2\r\n", "probe.yaml")
    assert isinstance(node, Mapping)
    assert node.keys["b"].line == 2


@given(st.one_of(st.binary(max_size=400), st.text("ab:-{}[],&*!|>'\"\n #?%@`~", max_size=200).map(str.encode)))
@settings(max_examples=400, deadline=None)
def test_whatever_the_bytes_reading_ends_with_nodes_or_a_place(content: bytes) -> None:
    problem = problem_of(content)
    assert problem is None or (problem.line >= 1 and problem.column >= 1)
