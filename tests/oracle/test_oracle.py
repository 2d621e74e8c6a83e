"""The rules against GETTSIM's stored answers: an independent reading of the same law (``make oracle`` asks anew).

GETTSIM is no oracle for residence, deadlines or ages by the month; a difference means "look", not "we are wrong".
Source: rules.md § 8.
"""

import json
from datetime import date, timedelta

import pytest

from proaktiv.core.conditions import JA
from proaktiv.core.derived import REGISTRY
from proaktiv.core.plans import Plan
from tests.oracle import grid
from tests.rules.shipped import COMPILED, PLANS, ROOT, cases_of

ORACLE = json.loads((ROOT / "geburt" / "faelle" / "oracle.json").read_text())


def test_the_answers_say_whose_they_are_of_which_version_and_of_when() -> None:
    assert ORACLE["version"] == "1.3.1"
    assert "GETTSIM" in ORACLE["source"]
    assert date.fromisoformat(ORACLE["made_on"])
    assert ORACLE["families"] * len(ORACLE["elterngeld"]) == 30_000


def elterngeld() -> Plan:
    (plan,) = [plan for plan in PLANS if plan.leistung == "ELTERNGELD"]
    return plan


def answers(birth: str, plan: Plan) -> list[bool]:
    """Return for each family whether the whole rule says yes a fortnight after the birth."""
    (compiled,) = [one for one in COMPILED if one.name == "geburt"]
    base = next(case for case in cases_of(compiled) if case.plan.leistung == "ELTERNGELD" and case.erwartet == "ja")
    born = date.fromisoformat(birth)
    found = []
    for family in grid.families(birth):
        facts = {
            **base.facts,
            "kind.geburtsdatum": born,
            "paar.zve_vorjahr": 100 * family.income,
            "paar.alleinerziehend": family.alone,
            "elternteil.wochenstunden": family.hours,
            "heute": born + timedelta(days=14),
        }
        found.append(plan.check(plan.known(facts)) is JA)
    return found


@pytest.mark.parametrize("birth", grid.BIRTHS)
def test_elterngeld_by_income_and_hours_is_that_of_gettsim_for_5000_families(birth: str) -> None:
    theirs = grid.unpacked(ORACLE["elterngeld"][birth])
    assert 500 < sum(theirs) < 4_500, "both answers are there many times"
    assert answers(birth, elterngeld()) == theirs


def test_control_with_todays_cap_for_everybody_hundreds_of_families_are_wrong() -> None:
    """The trap of public calculators: one cap without a date (rules.md T1, T2)."""
    theirs = grid.unpacked(ORACLE["elterngeld"]["2024-03-31"])
    naive = [family.income <= 175_000 and family.hours <= 32 for family in grid.families("2024-03-31")]
    assert sum(one != other for one, other in zip(naive, theirs, strict=True)) > 500


@pytest.mark.parametrize("day", grid.YEARS)
def test_the_amount_of_kindergeld_is_that_of_gettsim_in_every_year(day: str) -> None:
    parameters = {name: one for plan in PLANS for name, one in plan.parameter.items()}
    parameter = parameters["kindergeld_geburtsmonat"]
    month = date.fromisoformat(day).replace(day=1)
    one_child = ORACLE["kindergeld"][day]["one_child_cents"]
    assert parameter.value({parameter.schluessel: month}) == one_child
    # Until 2022 the third child brought more; the parameter is that of the first, and says so in the catalogue.
    assert ORACLE["kindergeld"][day]["three_children_cents"] == (66_300 if day < "2023" else 3 * one_child)


@pytest.mark.parametrize("day", grid.YEARS)
def test_a_child_counts_for_kindergeld_as_long_as_gettsim_counts_it(day: str) -> None:
    today = date.fromisoformat(day)
    theirs = grid.unpacked(ORACLE["kindergeld"][day]["counts"])
    assert len(theirs) == grid.CHILDREN
    # GETTSIM knows whole years only: a birthday half a year ago is as far from its edges as can be.
    born = [date(today.year - age - 1, 12, 15) for age in grid.ages()]
    until = [REGISTRY["kind.kindergeld_bis"].value({"kind.geburtsdatum": one}) for one in born]
    assert [isinstance(one, date) and today <= one for one in until] == theirs
