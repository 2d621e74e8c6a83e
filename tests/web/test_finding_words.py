"""Every detail of a finding has words for whoever reads the page: the module is read for what it may say."""

import ast
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from proaktiv.core.series import Pace, Stretch
from proaktiv.flowlog import findings
from proaktiv.flowlog.findings import MEANINGS, Code, queries
from proaktiv.flowlog.findings.series import LookUp, Series
from proaktiv.web.pages.finding_words import detail
from proaktiv.web.pages.language import catalogue

SPOKEN = ("row.what", "delivery", "hand-over", "look-up")
FILLED = {"row.published_at.isoformat()": "2026-07-14T10:00:00+00:00", "code": "no_outcome"}


def details() -> set[str]:
    """What ``flowlog.findings`` says of a finding, with something in each gap."""
    tree = ast.parse(Path(findings.__file__).read_text("utf-8"))
    looking = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "_Looking")
    made = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "findings")
    said: set[str] = set()
    for node in (*ast.walk(looking), *(each for each in ast.walk(made) if isinstance(each, ast.JoinedStr))):
        if isinstance(node, ast.JoinedStr):
            for what in SPOKEN[1:]:
                fill = FILLED | {SPOKEN[0]: what}
                said.add("".join(_filled(part, fill) for part in node.values))
    inside = {id(part) for node in ast.walk(looking) if isinstance(node, ast.JoinedStr) for part in node.values}
    texts = [each for each in ast.walk(looking) if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    docs = {ast.get_docstring(each) for each in ast.walk(looking) if isinstance(each, ast.FunctionDef | ast.ClassDef)}
    said |= {each.value for each in texts if id(each) not in inside and " " in each.value} - docs
    return {each for each in said if "\n" not in each}


def _filled(part: ast.expr, fill: dict[str, str]) -> str:
    if isinstance(part, ast.FormattedValue):
        return fill.get(ast.unparse(part.value), "7")
    assert isinstance(part, ast.Constant)
    return str(part.value)


def test_every_detail_of_a_finding_is_told_in_german_and_in_english() -> None:
    said = details()
    assert len(said) >= 15, "the look finds them"
    for language in ("de", "en"):
        words = catalogue(language)
        told = {each: detail(each, words, lambda at: at) for each in said}
        assert {each for each, found in told.items() if found.language != language} == set()
        assert {each for each, found in told.items() if language == "de" and found.text == each} == set()


def test_what_went_out_unexplained_is_called_by_what_it_is() -> None:
    source = Path(queries.__file__).read_text("utf-8")
    assert all(f"'{what}'" in source for what in SPOKEN[1:])


def test_control_a_detail_without_words_stays_english_and_says_so() -> None:
    found = detail("something new", catalogue("de"), str)
    assert (found.text, found.language) == ("something new", "en")


def test_what_was_not_searched_to_its_end_is_called_by_its_meaning() -> None:
    found = detail("sequence_gap: log findings has the time for it", catalogue("de"), str)
    assert found.text == f"Nicht zu Ende gesucht: {MEANINGS[Code.SEQUENCE_GAP]}."


@pytest.mark.parametrize("by", [(), ("d.schutz",), ("d.schutz", "d.vertretung")])
def test_a_series_is_told_in_german_with_whoever_it_was(by: tuple[str, ...]) -> None:
    at = datetime(2026, 10, 14, 8, 30, tzinfo=UTC)
    last = LookUp(UUID(int=1), at, 7, "d.schutz")
    said = findings._told(Series(by, 9, at, last, Stretch(0, 8, 6, 9)), Pace())
    found = detail(said, catalogue("de"), lambda moment: f"<{moment}>")
    assert found.language == "de", said
    assert f"seit <{at.isoformat()}>" in found.text
    assert "bis zu 6 in einer Stunde (Grenze 5), 9 an einem Tag (Grenze 20)" in found.text
    assert all(name in found.text for name in by)
