"""The chapter on journeys in rules/README.md: its example runs, and it names every word that the format knows."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from proaktiv.core.fristen import FristTyp, Massgeblich
from proaktiv.rulebook.folder import rules_folder
from proaktiv.rulebook.journeys import expectations, happenings, reading, words
from tests.rules.test_shipped_rules import commands

README = (rules_folder() / "README.md").read_text("utf-8")
CHAPTER = README[README.index("## Ganze Lebensläufe prüfen") : README.index("## LeiKa-Schlüssel")]
EXAMPLE = re.search(r"```yaml\n(fall: .*?)```", CHAPTER, re.DOTALL)


WHOSE = f"rules: {rules_folder()} (of this installation; for others: --folder)\n"


def invoke(*args: str) -> tuple[int, str]:
    result = CliRunner().invoke(commands(), list(args))  # type: ignore[arg-type]
    return result.exit_code, result.output


@pytest.fixture
def example(tmp_path: Path) -> Path:
    assert EXAMPLE is not None
    path = tmp_path / "umzug-hund.yaml"
    path.write_text(EXAMPLE[1], "utf-8")
    return path


def test_the_example_of_the_guide_runs_as_it_stands(example: Path) -> None:
    for path in (example, example.parent):
        code, output = invoke("test", str(path))
        assert (code, output) == (0, f"{WHOSE}1 passed, 0 failed, 0 wait for content\n")


def test_a_difference_is_told_as_the_guide_shows_it(example: Path) -> None:
    example.write_text(example.read_text("utf-8").replace("gesetzlich: 2026-10-15", "gesetzlich: 2026-10-16"), "utf-8")
    code, output = invoke("test", str(example))
    assert code == 1
    assert f"{example}:19:9: auftrag HUNDESTEUER an Greta: neu: fristen" in output
    assert "      - erwartet: typ pflicht, gesetzlich 2026-10-16, sicher_bis 2026-10-16\n" in output
    assert output.endswith("0 passed, 1 failed, 0 wait for content\n")


def test_what_waits_is_counted_by_name_and_fails_only_where_that_is_asked_for(example: Path) -> None:
    text = example.read_text("utf-8")
    more = "      - {leistung: RUNDFUNKBEITRAG, ergebnis: frage, an: Greta}\n  - um: 2026-10-08"
    example.write_text(text.replace("  - um: 2026-10-08", more), "utf-8")
    code, output = invoke("test", str(example))
    assert code == 0
    assert output.endswith("0 passed, 0 failed, 1 wait for content: Umzug mit Hund (RUNDFUNKBEITRAG)\n")
    assert invoke("test", "--strict", str(example))[0] == 1


def test_a_file_that_cannot_be_read_fails_and_the_others_run(example: Path) -> None:
    other = example.with_name("b.yaml")
    other.write_text(example.read_text("utf-8").replace("K-POST", "K-BRIEF"), "utf-8")
    code, output = invoke("test", str(example.parent))
    assert code == 1
    assert f"{other}:" in output
    assert output.endswith("1 passed, 1 failed, 0 wait for content\n")


def test_a_file_that_is_no_case_is_told_and_never_skipped(example: Path) -> None:
    path = example.with_name("liste.yaml")
    path.write_text("einkauf: [Milch]\n", "utf-8")
    code, output = invoke("test", str(path))
    assert code == 1
    assert f"{path}:1:1: this is no case" in output
    code, output = invoke("test", str(example.parent))
    assert code == 1
    assert output.endswith("1 passed, 1 failed, 0 wait for content\n")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"fall: " + b"x" * 1_000_000, ":1:1: larger than 262144 bytes"),
        (b"fall: " + b"[" * 10_000, ":1:30: nested deeper than 24 levels"),
        ("fall: a\u202eb\n".encode(), ":1:8: the sign U+202E is not allowed here"),
        (b"fall: \x00\n", ":1:7: the sign U+0000 is not allowed here"),
        (b"\xff\xfe", ":1:1: not UTF-8"),
        (b"a: &x 1\nfall: *x\n", "anchors (&name) are not allowed"),
        (b"fall: !!python/object/apply:os.system [x]\n", "tags (!name) are not allowed"),
    ],
)
def test_a_hostile_file_is_one_failed_case_and_the_others_run(example: Path, content: bytes, message: str) -> None:
    example.with_name("b.yaml").write_bytes(content)
    code, output = invoke("test", str(example.parent))
    assert code == 1
    assert message in output
    assert output.endswith("1 passed, 1 failed, 0 wait for content\n")


KNOWN = {
    *reading.ABOUT,
    *happenings.WORDS,
    *happenings.CUSTODY,
    *happenings.ROLES,
    *happenings.CLERKS_ACTS,
    *happenings.LEVELS[::3],
    *words.OUTCOMES,
    *words.STATES,
    *words.HOWS,
    *words.VERDICTS,
    *words.SEEN_FROM[::3],
    *words.SEEN_FROM[-1:],
    *words.CHANNELS,
    *words.MESSAGE_STATES,
    *words.ANSWERS,
    *words.CONSENT_CODES,
    *expectations.ITEM,
    *expectations.ITEM_MORE,
    *expectations.FORBIDDEN,
    *expectations.DATES,
    *(each.value for each in FristTyp),
    *(each.value for each in Massgeblich),
}


@pytest.mark.parametrize("word", sorted(KNOWN))
def test_the_guide_names_every_word(word: str) -> None:
    assert re.search(rf"`(?:[^`\n]*[ \[{{\"])?{re.escape(word)}(?:[:\]}}, \"][^`\n]*)?`", CHAPTER), word
