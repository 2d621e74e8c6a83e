"""Law is cited in one style, wherever somebody reads it; what the log kept from before is shown and found in it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from proaktiv.core.citations import cited, in_the_one_style, naming, spellings

ROOT = Path(__file__).parents[2]
OTHER = re.compile(
    r"\blit\. ?[a-z]\b|\bBuchstaben? [a-z]\b|(?:Art\.|§§?) ?\d+[a-z]? \(\d"
    r"|Abs\. \d+[a-z]? (?:\([a-z]\)|[a-z](?:, [a-z])* DSGVO)"
)
"""Every style but the one."""
NO_BREAK = "\u00a0"


def shown_by_code() -> Iterator[tuple[str, str]]:
    """The strings of the code that are no docstrings: what goes to a page, a letter, the log or a screen."""
    for package in ("proaktiv", "consent", "notifiers"):
        for path in (ROOT / package).rglob("*.py"):
            tree = ast.parse(path.read_text("utf-8"))
            said = {
                id(node.value)
                for node in ast.walk(tree)
                if isinstance(node, ast.Expr) and not isinstance(node.value, ast.Call)
            }
            for node in ast.walk(tree):
                if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said:
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", node.value


def shown_by_files() -> Iterator[tuple[str, str]]:
    """Templates, what rule authors write, the table of what is kept, and the DSB's guide."""
    places = ("proaktiv/**/*.html", "rules/**/*.yaml", "rules/**/*.md", "docs/retention.md", "docs/dsb.md")
    for place in places:
        for path in ROOT.glob(place):
            yield str(path.relative_to(ROOT)), path.read_text("utf-8")


def test_whatever_is_shown_cites_in_the_one_style() -> None:
    shown = [*shown_by_code(), *shown_by_files()]
    assert len(shown) > 5000, "the look finds them"
    wrong = [(place, found[0]) for place, text in shown if (found := OTHER.search(text))]
    wrong = [(place, found) for place, found in wrong if not place.startswith("proaktiv/core/citations.py")]
    assert wrong == []


@pytest.mark.parametrize(
    ("before", "today"),
    [
        ("Art. 5 (1) e DSGVO", "Art. 5 Abs. 1 Buchst. e DSGVO"),
        ("Art. 5 (1) c, e DSGVO", "Art. 5 Abs. 1 Buchst. c, e DSGVO"),
        ("Art. 17 (1) lit. b DSGVO", "Art. 17 Abs. 1 Buchst. b DSGVO"),
        ("Art. 17 (1) (b) DSGVO", "Art. 17 Abs. 1 Buchst. b DSGVO"),
        ("Art. 39 Abs. 1 lit. b DSGVO", "Art. 39 Abs. 1 Buchst. b DSGVO"),
        ("Art. 17 Abs. 1 Buchstabe a DSGVO", "Art. 17 Abs. 1 Buchst. a DSGVO"),
        ("Art. 17 (1) DSGVO", "Art. 17 Abs. 1 DSGVO"),
        ("§§ 187 (1), 188 BGB", "§§ 187 Abs. 1, 188 BGB"),
        ("§ 45 (1b) StVO", "§ 45 Abs. 1b StVO"),
    ],
)
def test_an_older_style_becomes_the_one_and_is_found_by_it(before: str, today: str) -> None:
    assert OTHER.search(before), "the control: it is another style"
    assert in_the_one_style(before) == today
    assert in_the_one_style(today) == today
    assert cited(before).replace(NO_BREAK, " ") == today
    if "(b)" not in before and "Buchstabe" not in before:
        assert before in spellings(today)


@pytest.mark.parametrize("text", ["§ 37 BMG", "RFC 7523 § 3", "schutz", "Ablauf der Frist", "§ 45 Abs. 1b StVO"])
def test_what_needs_nothing_stays_as_it_is(text: str) -> None:
    assert in_the_one_style(text) == text
    assert text in spellings(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Art. 6 Abs. 1 Buchst. c DSGVO", "Art.~6 Abs.~1 Buchst.~c DSGVO"),
        ("§§ 187 Abs. 1, 188 BGB", "§§~187 Abs.~1, 188 BGB"),
        ("§ 24 SGB VIII; § 34 Abs. 2 Satz 1 Nr. 3 BMG", "§~24 SGB VIII; §~34 Abs.~2 Satz~1 Nr.~3 BMG"),
        ("Ein Satz mehr, und Art. bleibt", "Ein Satz mehr, und Art. bleibt"),
    ],
)
def test_a_sign_and_its_number_stay_together_at_the_end_of_a_line(text: str, shown: str) -> None:
    assert cited(text) == shown.replace("~", NO_BREAK)
    assert cited(cited(text)) == cited(text)


def test_what_was_copied_from_a_page_is_found_as_the_log_keeps_it() -> None:
    assert cited("§ 37 Abs. 1 BMG") not in spellings("§ 37 Abs. 1 BMG"), "the control: the log has ordinary spaces"
    assert spellings(cited("§ 37 Abs. 1 BMG")) == spellings("§ 37 Abs. 1 BMG")


TWO = "Art. 6 Abs. 1 Buchst. e DSGVO (Erhebung); § 37 Abs. 1 BMG (Übermittlung)"


@pytest.mark.parametrize(
    ("typed", "basis"),
    [
        ("§ 37 Abs. 1 BMG", TWO),
        ("§ 37 Abs. 1 BMG (Übermittlung)", TWO),
        ("§ 37 (1) BMG", TWO),
        ("§ 37 BMG", TWO),
        ("§ 37", TWO),
        ("§37 Abs.1 BMG", TWO),
        ("37 BMG", TWO),
        ("6 DSGVO", TWO),
        ("Art.6 Abs.1 lit.e DSGVO", TWO),
        ("BMG", TWO),
        ("Art. 6 Abs. 1 Buchst. e", TWO),
        ("art. 6 dsgvo", TWO),
        (TWO, TWO),
        ("§ 37 Abs. 1 BMG", "§ 24 SGB VIII; § 37 (1) BMG"),
        ("§ 24 SGB VIII", "§ 24 Abs. 2 SGB VIII"),
        ("Art. 6 Abs. 1 Buchst. e DSGVO", "Art. 6 (1) e DSGVO (Erhebung); § 1 X"),
        ("Satzung Musterstadt (erfunden)", "Satzung Musterstadt (erfunden)"),
    ],
)
def test_a_basis_names_a_citation_that_is_one_of_several_or_begins_so(typed: str, basis: str) -> None:
    assert re.search(naming(typed), basis, re.IGNORECASE)


@pytest.mark.parametrize(
    ("typed", "basis"),
    [
        ("§ 3 BMG", TWO),
        ("7 BMG", TWO),
        ("§3 BMG", TWO),
        ("§ 37 Abs. 2 BMG", TWO),
        ("§ 37 DSGVO", TWO),
        ("MG", TWO),
        ("Art. 6 BMG", TWO),
        ("§ 2 SGB VIII", "§ 24 SGB VIII"),
        ("§ 24 SGB I", "§ 24 SGB VIII"),
        (".*", TWO),
    ],
)
def test_a_basis_does_not_name_what_only_looks_alike(typed: str, basis: str) -> None:
    assert re.search(naming(typed), basis, re.IGNORECASE) is None
