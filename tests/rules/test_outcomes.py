"""Several Leistungen of one person: what falls away, what waits, and orders that cannot be kept."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from proaktiv.core.conditions import Op
from proaktiv.core.fristen import Frist, FristTyp, Massgeblich, Rechnung, Value
from proaktiv.core.matching import Decision, decide
from proaktiv.core.outcomes import Settled, decide_together, falls_away, look_again_on, settle, tangles
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


def test_what_another_excludes_falls_away_and_what_is_open_does_not() -> None:
    plans = (a_plan("A", schliesst_aus=("B",)), a_plan("B"))
    facts: dict[str, Value] = {"tag": DAY, "will.a": True, "will.b": True}
    both = {plan.leistung: decision for plan, decision in decide_together(plans, facts, DAY)}
    assert (falls_away(both["A"]), falls_away(both["B"]), both["B"].ausgeschlossen_durch) == (False, True, "A")
    assert falls_away(decided(a_plan("B"), b=False)["B"])
    assert not falls_away(decided(a_plan("B"), b=None)["B"])


def ending(days: int) -> Frist:
    return Frist("ende", FristTyp.PFLICHT, Massgeblich.ABGABE, Rechnung("tag", (("tage", days),)))


@pytest.mark.parametrize(
    ("days", "after", "seen"),
    [((30,), 0, 30), ((30, 10), 0, 10), ((30, 10), 10, 30), ((30,), 30, None), ((366,), 0, None), ((), 0, None)],
)
def test_a_wiedervorlage_comes_back_at_the_next_of_its_days_and_then_is_over(
    days: tuple[int, ...], after: int, seen: int | None
) -> None:
    plan = a_plan("A", art="wiedervorlage", fristen=tuple(ending(n) for n in days))
    today = DAY + timedelta(days=after)
    decision = decide(plan, {"tag": DAY, "will.a": True}, today, holiday=lambda _: False)
    assert decision.outcome == "wiedervorlage"
    assert look_again_on(decision, today) == (None if seen is None else DAY + timedelta(days=seen))
