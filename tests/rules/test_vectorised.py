"""Three evaluations of a Plan agree: closures, interpreter, Polars."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from random import Random

import polars as pl
import pytest

from proaktiv.core.conditions import interpret
from proaktiv.core.dates import DateRangeError
from proaktiv.core.fristen import STEPS, Rechnung, Value
from proaktiv.core.matching import decide
from proaktiv.core.nodes import Alle, Op, Vergleich
from proaktiv.core.plans import Plan
from proaktiv.rulebook import vectorised, vectorised_tally
from proaktiv.rulebook.families import Families
from proaktiv.rulebook.simulate import Counting, Tally, applies, versions
from proaktiv.rulebook.vectorised_values import day_column, reckoned
from tests.depth import depth
from tests.rules.chance import a_plan, a_row, a_tree
from tests.rules.shipped import PLANS

TODAY = date(2026, 11, 26)


def three_ways(plan: Plan, rows: Sequence[Mapping[str, Value]]) -> list[tuple[str, str, str]]:
    """Return what closures, interpreter and Polars say of every row; each row has its ``heute``."""
    tabled = vectorised.decide(plan, vectorised.table_of(plan, rows)).to_list()
    found = []
    for row, third in zip(rows, tabled, strict=True):
        today = row["heute"]
        assert isinstance(today, date)
        version = plan.at(row)
        known = version.known(row)
        slow = applies(version, known) or interpret(version.bedingung, known, version.parameter).ergebnis.value
        found.append((str(decide(plan, row, today).result), slow, third))
    return found


@pytest.mark.parametrize("seed", range(10))
def test_three_evaluations_agree_on_thirty_random_trees_and_400_rows_each(seed: int) -> None:
    dice = Random(seed)
    for _ in range(30):
        plan = a_plan(a_tree(dice))
        answers = three_ways(plan, [a_row(dice) for _ in range(400)])
        assert all(len(set(answer)) == 1 for answer in answers), plan.bedingung


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.leistung)
def test_three_evaluations_agree_on_every_rule_there_is(plan: Plan) -> None:
    rows = [{"heute": TODAY, **row} for row in Families([plan], TODAY, 7).rows(depth(2_000, 200_000))]
    answers = three_ways(plan, rows)
    assert all(len(set(answer)) == 1 for answer in answers)
    assert {answer[0] for answer in answers} == {"ja", "nein", "offen", "gilt_nicht"}


def test_control_when_on_a_condition_that_can_be_null_turns_open_into_no() -> None:
    leaf = Vergleich("zahl.a", Op.MAXIMAL, 3, "§ 1 Probe")
    frame = pl.DataFrame({"zahl.a": [2, 4, None]})
    wrong = pl.when(vectorised.condition(leaf)).then(pl.lit("ja")).otherwise(pl.lit("nein"))
    assert frame.select(wrong).to_series().to_list() == ["ja", "nein", "nein"]
    assert frame.select(vectorised.condition(leaf)).to_series().to_list() == [True, False, None]


@pytest.mark.parametrize("step", STEPS)
def test_every_reckoned_day_is_that_of_the_law(step: str) -> None:
    days = [date(2019, 1, 1) + timedelta(days=n) for n in range(depth(1_500, 5_114))]
    days += [date.min, date(1, 1, 2), date(1, 2, 1), date(9999, 11, 30), date(9999, 12, 1), date(9999, 12, 2), date.max]
    frame = pl.DataFrame({"tag": pl.Series([*days, None], dtype=pl.Date)})
    for n in (*range(37), 305, 306, 3660, 3661):
        rechnung = Rechnung("tag", ((step, n),))
        table = reckoned(frame.lazy(), rechnung).collect()[day_column(rechnung)].to_list()
        assert table == [*(_by_law(step, day, n) for day in days), None], n


def _by_law(step: str, day: date, n: int) -> date | None:
    try:
        return STEPS[step](day, n)
    except DateRangeError:
        return None


def test_control_adding_months_and_taking_a_day_away_is_another_day() -> None:
    frame = pl.DataFrame({"tag": [date(2025, 1, 31)]})
    naive = pl.col("tag").dt.offset_by("1mo") - pl.duration(days=1)
    assert frame.select(naive).item() == date(2025, 2, 27)
    rechnung = Rechnung("tag", (("lebensmonat", 1),))
    assert reckoned(frame.lazy(), rechnung).collect()[day_column(rechnung)].item() == date(2025, 2, 28)


def test_a_value_of_another_type_is_unknown_in_a_table_too() -> None:
    plan = a_plan(Alle((Vergleich("zahl.a", Op.MAXIMAL, 3, "§ 1 Probe"), Vergleich("ja.a", Op.IST, True, "§ 1 Probe"))))
    born = {"heute": TODAY, "tag.a": date(2025, 1, 1)}
    rows: list[dict[str, Value]] = [
        {**born, "zahl.a": True, "ja.a": True},
        {**born, "zahl.a": 3, "ja.a": 1},
        {**born, "zahl.a": "3", "ja.a": "ja"},
    ]
    assert three_ways(plan, rows) == [("offen", "offen", "offen")] * 3


def counted(plan: Plan, rows: Sequence[Mapping[str, Value]]) -> tuple[Tally, Tally]:
    counting = Counting(plan, TODAY)
    for row in rows:
        counting.add(row)
    return counting.tally(), vectorised_tally.tally(plan, vectorised.table_of(plan, rows))


@pytest.mark.parametrize("seed", range(4))
def test_both_simulations_count_the_same_conditions_and_the_same_missing_facts(seed: int) -> None:
    dice = Random(1_000 + seed)
    for _ in range(depth(10, 100)):
        by_row, by_table = counted(a_plan(a_tree(dice)), [a_row(dice) for _ in range(200)])
        assert by_row == by_table


FASSUNGEN = [fassung for plan in PLANS for fassung in versions(plan)]


@pytest.mark.parametrize("plan", FASSUNGEN, ids=lambda plan: f"{plan.leistung}-{plan.gilt.ab}")
def test_both_simulations_count_the_same_for_every_rule_there_is(plan: Plan) -> None:
    rows = [{"heute": TODAY, **row} for row in Families([plan], TODAY, 3).rows(1_000)]
    by_row, by_table = counted(plan, rows)
    assert by_row == by_table
