"""The sharp tests of docs/rule-tests.md: that the table is true, and those that belong to no other file."""

import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from proaktiv.core.matching import decide
from proaktiv.rulebook.cases import Case, grounds
from proaktiv.rulebook.explain import explain
from tests.rules.shipped import COMPILED, cases_of

HERE = Path(__file__).parents[2]
TABLE = HERE / "docs" / "rule-tests.md"

INCOME, HOURS, ALONE, BORN = "paar.zve_vorjahr", "elternteil.wochenstunden", "paar.alleinerziehend", "kind.geburtsdatum"


def test_the_table_has_every_number_and_names_tests_that_exist() -> None:
    rows = re.findall(r"^\| (\d+) \| (.+?) \| (.+?) \|$", TABLE.read_text(), re.MULTILINE)
    assert [int(number) for number, _, _ in rows] == list(range(1, 26))
    for number, _, named in rows:
        tests = re.findall(r"`([^`]+)`", named)
        assert tests, number
        for test in tests:
            file, _, function = test.partition("::")
            text = (HERE / file).read_text()
            assert not function or f"\ndef {function}(" in text, test


def normal_case() -> Case:
    (compiled,) = [one for one in COMPILED if one.name == "geburt"]
    return next(case for case in cases_of(compiled) if case.plan.leistung == "ELTERNGELD" and case.erwartet == "ja")


def decided(case: Case, today: date | None = None, **changes: Any) -> str:
    names = {"income": INCOME, "hours": HOURS, "alone": ALONE, "born": BORN}
    facts = {**case.facts, **{names[word]: value for word, value in changes.items()}}
    known = {name: value for name, value in facts.items() if value is not None}
    return decide(case.plan, known, today or case.today).result


# no. 3, 4, 5 ---------------------------------------------------------------------------------------------------------


def test_a_missing_income_is_open_and_neither_yes_nor_no() -> None:
    case = normal_case()
    assert decided(case, income=None) == "offen"
    assert decided(case, income=0) == "ja"
    assert [decided(case, income=odd) for odd in (False, "", "0", "unbekannt")] == ["offen"] * 4


def test_control_a_default_of_nothing_earned_would_say_yes_to_everybody_who_has_not_answered() -> None:
    assert decided(normal_case(), income=0) == "ja"


def test_an_unknown_income_beside_40_hours_is_no_and_is_not_asked_for() -> None:
    case = normal_case()
    facts = {name: value for name, value in case.facts.items() if name != INCOME}
    decision = decide(case.plan, {**facts, HOURS: 40}, case.today)
    assert (decision.result, decision.missing, decision.fragen) == ("nein", (), ())


EUROS = (175_000, 175_001, 200_000, 200_001, 250_000, 250_001, 300_000, 300_001)
CAPS = {
    "2024-03-31": {True: 250_000, False: 300_000},
    "2024-04-01": {True: 200_000, False: 200_000},
    "2025-03-31": {True: 200_000, False: 200_000},
    "2025-04-01": {True: 175_000, False: 175_000},
}


@pytest.mark.parametrize("alone", [True, False])
@pytest.mark.parametrize("birth", CAPS)
def test_the_cap_is_that_of_the_birth_on_whatever_day_it_is_decided(birth: str, alone: bool) -> None:
    case, born = normal_case(), date.fromisoformat(birth)
    days = [born + timedelta(days=days) for days in (1, 60, 400)]
    for euros in EUROS:
        expected = "ja" if euros <= CAPS[birth][alone] else "nein"
        answers = [decided(case, day, income=100 * euros, alone=alone, born=born) for day in days]
        assert answers == [expected] * 3, euros


# no. 17 --------------------------------------------------------------------------------------------------------------


def test_a_birth_date_corrected_by_a_day_is_decided_anew_and_the_explanation_shows_why() -> None:
    case = normal_case()
    reported = {**case.facts, INCOME: 190_000_00, BORN: date(2025, 4, 1)}
    corrected = {**reported, BORN: date(2025, 3, 31)}
    before, after = (decide(case.plan, facts, date(2025, 5, 2)) for facts in (reported, corrected))
    assert (before.result, after.result) == ("nein", "ja")
    tree = before.explanation()
    assert tree is not None
    assert [ground.das for ground in grounds(tree)] == [INCOME]
    shown = [next(line for line in explain(one).splitlines() if INCOME in line) for one in (before, after)]
    assert "maximal 175000 " in shown[0]
    assert "kind.geburtsdatum = 2025-04-01" in shown[0]
    assert "maximal 200000 " in shown[1]
    assert "kind.geburtsdatum = 2025-03-31" in shown[1]
