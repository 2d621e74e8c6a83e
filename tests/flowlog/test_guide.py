"""Whatever a verifier or the page of findings may say of a log, docs/dsb.md has a row that says what to do."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from proaktiv.flowlog.alone import german, verdict
from proaktiv.flowlog.findings import MEANINGS
from proaktiv.flowlog.verifying.report import What

ALONE = Path(verdict.__file__).parent
PAGE = (Path(__file__).parents[2] / "docs" / "dsb.md").read_text("utf-8")
TROUBLE = PAGE.partition("## Wenn etwas anderes dasteht")[2].partition("\n## ")[0]


def cells(page: str) -> list[str]:
    """Return the first cell of each row of its tables."""
    return [row.split(" | ")[0].strip("| ") for row in page.splitlines() if row.startswith("| ")]


def said(node: ast.expr) -> str | None:
    """Return a sentence, with a brace for what is filled in."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return None


def found_by(module: str) -> Iterator[tuple[str, str]]:
    """Yield what the findings of a module are about, and what they say."""
    for node in ast.walk(ast.parse((ALONE / f"{module}.py").read_text("utf-8"))):
        called = node.func.attr if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else ""
        pair: list[ast.expr] = []
        if isinstance(node, ast.Call) and called == "find":
            pair = node.args[:2]
        elif isinstance(node, ast.Yield) and isinstance(node.value, ast.Tuple):
            pair = node.value.elts
        what = said(pair[0]) if len(pair) == 2 else None
        if what is not None and what in verdict.GERMAN:
            yield what, said(pair[1]) or ""


def rowless(page: str) -> set[str]:
    """Return what may be found and has no row."""
    first = cells(page)
    words = {word for cell in first for word in re.findall(r"\*\*([^*]+)\*\*", cell)}
    codes = {code for cell in first for code in re.findall(r"`([^`]+)`", cell)}
    quoted = {quote for cell in first for quote in re.findall("„([^“]+)“", cell)}
    missing = {label for label in verdict.GERMAN.values() if label not in words}
    missing |= {what.value for what in What if what.value not in codes}
    missing |= {meaning for meaning in MEANINGS.values() if meaning not in quoted}
    missing |= {last for _, last in verdict.CONCLUSIONS.values() if last not in quoted}
    missing |= {verdict.WRONG_KEY[1].partition(":")[0]} - words
    of_consent = {german.in_german(detail).replace("{}", "…") for _, detail in found_by("resting")}
    return missing | {each for each in of_consent if each not in quoted}


def test_every_finding_and_every_verdict_has_a_row_in_the_guide() -> None:
    assert rowless(TROUBLE) == set()


def test_the_guide_names_nothing_that_no_verifier_says() -> None:
    first = cells(TROUBLE.partition("Und auf der Seite **Befunde**")[0])
    words = {word for cell in first for word in re.findall(r"\*\*([^*]+)\*\*", cell)}
    assert words - {*verdict.GERMAN.values(), verdict.WRONG_KEY[1].partition(":")[0]} == set()
    known = {german.in_german(detail).replace("{}", "…") for _, detail in found_by("resting")}
    known |= {last for _, last in verdict.CONCLUSIONS.values()}
    assert {quote for cell in first for quote in re.findall("„([^“]+)“", cell)} - known == set()


def test_what_findings_are_about_is_read_from_every_module() -> None:
    modules = ("entry", "export", "proof", "resting", "selection", "verdict")
    pairs = {pair for module in modules for pair in found_by(module)}
    assert {what for what, _ in pairs} == set(verdict.GERMAN)
    assert len(pairs) > 50
    assert len(set(found_by("resting"))) >= 11
    spoken = {detail for _, detail in pairs if detail and detail != "{}"}
    assert {each for each in spoken if german.in_german(each.replace("{}", "7")) == each.replace("{}", "7")} == set()


@pytest.mark.parametrize(
    "gone", ["**Zeit**", "„der Fluss steht nicht im Weg der Einwilligung“", "`queue`", "„Nichts geprüft.“"]
)
def test_control_a_row_that_is_taken_out_is_missed(gone: str) -> None:
    assert TROUBLE.count(gone) >= 1
    assert rowless(TROUBLE.replace(gone, "")) != set()
