"""Several Leistungen of one person: what falls away, what waits, and orders that cannot be kept."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from proaktiv.core.conditions import Op
from proaktiv.core.matching import Decision, decide
from proaktiv.core.outcomes import Settled, settle, tangles
from proaktiv.core.plans import Plan
from tests.rules.plans import plan_of
from tests.rules.trees import comparison

DAY = date(2026, 10, 7)


def a_plan(leistung: str, **changes: Any) -> Plan:
    plan = plan_of(
        comparison(f"will.{leistung.lower()}", Op.IST, True),
        lebenslage="umzug",
        leistung=leistung,
        name=leistung,
        je="person",
    )
    return replace(plan, **changes)


def decided(*plans: Plan, **wanted: bool | None) -> dict[str, Decision]:
    facts = {f"will.{name}": value for name, value in wanted.items() if value is not None}
    return {plan.leistung: decide(plan, {"tag": DAY, **facts}, DAY) for plan in plans}


def test_what_surely_comes_about_excludes_the_other() -> None:
    plans = (a_plan("A", schliesst_aus=("B",)), a_plan("B"))
    assert settle(decided(*plans, a=True, b=True)) == {
        "A": Settled("auftrag"),
        "B": Settled("", ausgeschlossen_durch="A"),
    }
    for a in (False, None):
        assert settle(decided(*plans, a=a, b=True))["B"] == Settled("auftrag")


def test_what_comes_after_waits_until_the_first_is_done_or_does_not_come_about() -> None:
    plans = (a_plan("A"), a_plan("B", nach=("A",)))
    both = decided(*plans, a=True, b=True)
    assert settle(both)["B"] == Settled("auftrag", wartet_auf=("A",))
    assert settle(both, done={"A"})["B"] == Settled("auftrag")
    assert settle(decided(*plans, a=False, b=True))["B"] == Settled("auftrag")
    assert settle(decided(*plans, a=True, b=False))["B"] == Settled("")


@pytest.mark.parametrize(
    ("plans", "said"),
    [
        ((a_plan("A", nach=("X",)),), [("A", "there is no Leistung 'X' in this Lebenslage")]),
        (
            (a_plan("A", nach=("B",)), a_plan("B", nach=("C",)), a_plan("C", nach=("A",))),
            [
                ("A", "'A' waits for itself: A → B → C → A"),
                ("B", "'B' waits for itself: B → C → A → B"),
                ("C", "'C' waits for itself: C → A → B → C"),
            ],
        ),
        (
            (a_plan("A", schliesst_aus=("B",)), a_plan("B", schliesst_aus=("A",))),
            [
                ("A", "'A' and 'B' exclude each other: one must win"),
                ("B", "'B' and 'A' exclude each other: one must win"),
            ],
        ),
        ((a_plan("A", nach=("B",), schliesst_aus=("B",)), a_plan("B")), [("A", "'A' comes after 'B' and excludes it")]),
        ((a_plan("A", nach=("B",)), a_plan("B")), []),
    ],
)
def test_an_order_that_cannot_be_kept_is_named(plans: tuple[Plan, ...], said: list[tuple[str, str]]) -> None:
    assert list(tangles(plans)) == said
