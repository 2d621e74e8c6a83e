"""Which rules a command means, and what it says of files that belong to others."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from proaktiv.rulebook.commands import make_app
from proaktiv.rulebook.folder import rules_folder
from tests.rules.copied import Rules, copied

GELD_CASES = "geburt/faelle/kindergeld.yaml"


@pytest.fixture
def rules(tmp_path: Path) -> Rules:
    return copied(tmp_path)


def run(*words: str) -> tuple[int, list[str]]:
    result = CliRunner().invoke(make_app(None, "production"), list(words))
    return result.exit_code, result.output.splitlines()


@pytest.mark.parametrize("words", [("check",), ("test",)])
def test_without_a_folder_a_command_says_whose_rules_it_takes(words: tuple[str, ...]) -> None:
    _, lines = run(*words)
    assert lines[0] == f"rules: {rules_folder()} (of this installation; for others: --folder)"


def test_with_a_folder_nothing_needs_to_be_said(rules: Rules) -> None:
    code, lines = run("check", "--folder", str(rules.root))
    assert (code, lines) == (0, ["5 Lebenslagen, 7 Leistungen: nothing wrong"])


def test_a_single_case_of_other_rules_is_not_passed_over_in_silence(rules: Rules) -> None:
    code, lines = run("test", str(rules.root / GELD_CASES))
    assert code == 1
    assert any("a case of one Leistung is tried with the rules it lies beside; name their folder" in x for x in lines)


def test_a_journey_in_a_file_of_another_ending_is_named(tmp_path: Path) -> None:
    (tmp_path / "fall.yml").write_text("fall: x\n", "utf-8")
    code, lines = run("test", str(tmp_path))
    assert code == 1
    assert (
        f"{tmp_path}/fall.yml:1:1: nobody reads this file: its name must end in .yaml; rename it to fall.yaml" in lines
    )
