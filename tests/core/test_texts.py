"""Texts: placeholders from a closed list, nothing else."""

from datetime import date

import pytest

from proaktiv.core.texts import TextError, fill, placeholders, shown


def test_a_placeholder_becomes_its_value() -> None:
    values = {"kind.vornamen": "Mia", "kind.geburtsdatum": date(2026, 10, 5)}
    assert fill("{kind.vornamen}, geboren am {kind.geburtsdatum}", values) == "Mia, geboren am 05.10.2026"


def test_a_date_reads_as_its_language_writes_it() -> None:
    assert fill("on {tag}", {"tag": date(2026, 10, 5)}, language="en") == "on 5 October 2026"


@pytest.mark.parametrize(
    ("value", "language", "text"), [(True, "de", "ja"), (False, "ls", "nein"), (True, "en", "yes")]
)
def test_yes_and_no_read_as_words(value: bool, language: str, text: str) -> None:
    assert shown(value, language) == text


def test_a_missing_value_is_named() -> None:
    with pytest.raises(TextError, match=r"nothing is known for the placeholder \{kind\.vornamen\}"):
        fill("Hallo {kind.vornamen}", {})


@pytest.mark.parametrize(
    "text",
    [
        "{kind.vornamen.__class__}",
        "{kind!r}",
        "{kind:>100000}",
        "{0}",
        "{}",
        "{kind[0]}",
        "{ kind }",
        "{{kind}}",
        "{{ kind }}",
        "{Kind}",
        "offen {",
        "zu }",
    ],
)
def test_whatever_is_more_than_a_name_is_refused(text: str) -> None:
    with pytest.raises(TextError):
        fill(text, {"kind": "Mia", "kind.vornamen": "Mia"})


def test_what_a_value_contains_is_not_a_placeholder() -> None:
    assert fill("{a}", {"a": "{b}", "b": "geheim"}) == "{b}"


def test_a_name_cannot_break_or_turn_the_line() -> None:
    assert fill("An {a}.", {"a": "Mia\r\nIhr Code: X\u202e"}) == "An Mia  Ihr Code: X."


def test_a_text_has_a_budget() -> None:
    with pytest.raises(TextError, match="at most 10"):
        fill("{a}", {"a": "x" * 11}, budget=10)


def test_placeholders_are_listed_once_in_order() -> None:
    assert placeholders("{b} {a} {b}") == ("b", "a")
