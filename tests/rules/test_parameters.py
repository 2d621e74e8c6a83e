"""Dated parameters: each value by its own legal key date, unknown where it cannot be looked up, never a default."""

import json
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proaktiv.core.canonical import dumps
from proaktiv.core.conditions import JA, NEIN, OFFEN, Alle, Nicht, Node, Op, Vergleich, compile_node, interpret, missing
from proaktiv.core.dates import bundesweiter_feiertag
from proaktiv.core.fristen import Frist, FristTyp, Massgeblich, Rechnung, Value
from proaktiv.core.matching import decide
from proaktiv.core.parameters import Parameter, Parameterwert, Wert
from proaktiv.core.plans import Gilt, Plan
from proaktiv.rulebook.explain import explain
from tests.rules.plans import plan_of
from tests.rules.trees import comparison

BORN, ALONE, INCOME, AREA = "kind.geburtsdatum", "paar.alleinerziehend", "paar.zve_vorjahr", "ort.ars"
CAP = Parameter(
    "einkommensgrenze",
    "betrag",
    BORN,
    (
        Wert(date(2021, 9, 1), None, "BGBl. 2021 I S. 239", ALONE, {"ja": 250_000_00, "nein": 300_000_00}),
        Wert(date(2024, 4, 1), 200_000_00, "BGBl. 2023 I Nr. 412"),
        Wert(date(2025, 4, 1), 175_000_00, "§ 1 Abs. 8 BEEG"),
    ),
    geprueft_bis=date(2027, 3, 31),
)
PERMITS = Parameter(
    "ausweise",
    "zahl",
    BORN,
    geprueft_bis=date(2027, 3, 31),
    je_ort=AREA,
    orte={
        "990010000000": (Wert(date(2020, 1, 1), 1, "Satzung"), Wert(date(2026, 1, 1), 2, "Satzung")),
        "99": (Wert(date(2020, 1, 1), 5, "Gesetz"),),
    },
)
TABLE = {"einkommensgrenze": CAP, "ausweise": PERMITS}
RICH = Vergleich(INCOME, Op.MAXIMAL, Parameterwert("einkommensgrenze"), "§ 1 Probe", 1, 1, typ="betrag")
TODAY = date(2026, 10, 7)


def a_plan(**changes: Any) -> Plan:
    given = {"gilt": Gilt(BORN, date(2021, 9, 1)), "parameter": {"einkommensgrenze": CAP}}
    return plan_of(RICH, **(given | changes))


@pytest.mark.parametrize("alone", [True, False])
@pytest.mark.parametrize(
    ("born", "caps"),
    [
        ("2024-03-31", (250_000, 300_000)),
        ("2024-04-01", (200_000, 200_000)),
        ("2025-03-31", (200_000, 200_000)),
        ("2025-04-01", (175_000, 175_000)),
    ],
)
def test_the_cap_of_a_birth_stays_its_own_whatever_day_it_is(born: str, caps: tuple[int, int], alone: bool) -> None:
    plan, cap = a_plan(), caps[0 if alone else 1]
    for today in (date(2024, 5, 1), date(2025, 6, 1), date(2027, 1, 1)):
        for euros in (175_000, 175_001, 200_000, 200_001, 250_000, 250_001, 300_000, 300_001):
            facts: dict[str, Value] = {BORN: date.fromisoformat(born), ALONE: alone, INCOME: euros * 100}
            assert decide(plan, facts, today).result == ("ja" if euros <= cap else "nein")


def test_an_unknown_key_fact_is_open_and_missing() -> None:
    assert missing(RICH, {INCOME: 1}, TABLE) == (BORN,)
    assert compile_node(RICH, TABLE)({INCOME: 1}) is OFFEN


def test_a_value_that_depends_on_an_unknown_fact_is_open_and_that_fact_is_missing() -> None:
    facts: dict[str, Value] = {BORN: date(2024, 3, 31), INCOME: 250_001_00}
    assert interpret(RICH, facts, TABLE).ergebnis is OFFEN
    assert missing(RICH, facts, TABLE) == (ALONE,)
    assert missing(RICH, {**facts, BORN: date(2024, 4, 1)}, TABLE) == ()


def test_before_its_first_day_a_parameter_is_open_and_not_its_first_value() -> None:
    facts: dict[str, Value] = {BORN: date(2021, 8, 31), INCOME: 1}
    assert interpret(RICH, facts, TABLE).ergebnis is OFFEN
    assert missing(RICH, facts, TABLE) == (BORN,)


def test_a_gemeinde_that_is_not_in_the_table_is_open_and_never_nein() -> None:
    tree = comparison("zahl", Op.WENIGER_ALS, Parameterwert("ausweise"))
    known: dict[str, Value] = {BORN: date(2026, 5, 1), "zahl": 99}
    assert compile_node(tree, TABLE)({**known, AREA: "010010000000"}) is OFFEN
    assert compile_node(Nicht(tree), TABLE)({**known, AREA: "010010000000"}) is OFFEN
    assert missing(tree, {**known, AREA: "010010000000"}, TABLE) == (AREA,)
    assert missing(tree, known, TABLE) == (AREA,)


def test_the_longest_area_wins_and_keeps_its_own_dates() -> None:
    values = [
        PERMITS.value({BORN: born, AREA: ars})
        for born in (date(2019, 1, 1), date(2025, 12, 31), date(2026, 1, 1))
        for ars in ("990010000000", "990020000000", "010000000000")
    ]
    assert values == [None, None, None, 1, 5, None, 2, 5, None]


@pytest.mark.parametrize("wrong", [True, "1", date(2026, 1, 1)])
def test_a_value_of_another_type_is_open(wrong: Value) -> None:
    facts: dict[str, Value] = {BORN: date(2025, 4, 1), INCOME: wrong}
    assert compile_node(RICH, TABLE)(facts) is interpret(RICH, facts, TABLE).ergebnis is OFFEN
    assert missing(RICH, facts, TABLE) == (INCOME,)


def test_a_key_date_after_the_last_check_makes_the_result_provisional() -> None:
    facts: dict[str, Value] = {INCOME: 1}
    assert [
        decide(a_plan(), {**facts, BORN: day}, TODAY).vorlaeufig for day in (date(2027, 3, 31), date(2027, 4, 1))
    ] == [
        False,
        True,
    ]


def test_the_explanation_shows_value_day_and_key() -> None:
    facts: dict[str, Value] = {BORN: date(2025, 4, 1)}
    lines = explain(decide(a_plan(), facts, TODAY)).splitlines()
    assert lines[1] == (
        "[offen] paar.zve_vorjahr = unbekannt maximal 175000 (§ 1 Probe, Z. 1) "
        "[Wert ab 2025-04-01, Schlüssel kind.geburtsdatum = 2025-04-01]"
    )


def test_the_plans_hash_covers_its_parameters_and_a_plan_without_any_keeps_its_old_one() -> None:
    changed = Parameter("einkommensgrenze", "betrag", BORN, (*CAP.werte[:2], Wert(date(2025, 4, 1), 1, "§")))
    assert a_plan().hash != a_plan(parameter={"einkommensgrenze": changed}).hash
    plain = a_plan(bedingung=comparison("a", Op.IST, True), parameter={})
    assert not {"parameter", "art"} & plain.to_json().keys()
    for plan in (a_plan(parameter=TABLE, art="hinweis"), plain):
        again = Plan.from_json(json.loads(dumps(plan.to_json())))
        assert (again, again.hash, dict(again.parameter), again.art) == (
            plan,
            plan.hash,
            dict(plan.parameter),
            plan.art,
        )


def test_a_plan_needs_the_key_facts_of_its_parameters() -> None:
    assert {BORN, ALONE, INCOME} <= a_plan().benoetigt


@pytest.mark.parametrize("art", ["auftrag", "termin", "hinweis", "wiedervorlage", "manuell"])
def test_a_yes_yields_what_the_leistung_says(art: str) -> None:
    plan = a_plan(art=art)
    facts: dict[str, Value] = {BORN: date(2025, 4, 1), INCOME: 1}
    assert decide(plan, facts, TODAY).outcome == art
    assert decide(plan, {**facts, INCOME: 175_001_00}, TODAY).outcome == ""
    assert decide(plan, {BORN: date(2025, 4, 1)}, TODAY).outcome == ""


def test_a_frist_counts_with_a_parameter_and_has_no_date_where_none_is_stored() -> None:
    end = Rechnung(BORN, (("rueck_monate", Parameterwert("ausweise")),))
    frist = Frist("f", FristTyp.RUECKWAERTS, Massgeblich.ABGABE, end, norm="§")
    plan = a_plan(fristen=(frist,), parameter=TABLE)
    here: dict[str, Value] = {BORN: date(2027, 10, 6), AREA: "990010000000"}
    assert plan.clocks(here, bundesweiter_feiertag)[0].gesetzlich == date(2027, 8, 5)
    assert plan.clocks({**here, AREA: "010010000000"}, bundesweiter_feiertag)[0].gesetzlich is None
    assert Plan.from_json(json.loads(dumps(plan.to_json()))).fristen == plan.fristen


def test_a_parameter_by_todays_date_changes_the_result_on_its_own_day() -> None:
    rate = Parameter("satz", "zahl", "heute", (Wert(date(2026, 1, 1), 1, "§"), Wert(date(2027, 1, 1), 3, "§")))
    plan = a_plan(bedingung=comparison("zahl", Op.MAXIMAL, Parameterwert("satz")), parameter={"satz": rate})
    facts: dict[str, Value] = {BORN: date(2025, 4, 1), "zahl": 2}
    decision = decide(plan, facts, TODAY)
    assert (decision.result, decision.next_change_on) == ("nein", date(2027, 1, 1))


DAYS = st.dates(date(2021, 6, 1), date(2027, 6, 1))
KNOWN = st.fixed_dictionaries(
    {},
    optional={
        BORN: st.one_of(DAYS, st.just("x")),
        ALONE: st.one_of(st.booleans(), st.just("ja"), st.just("vielleicht")),
        INCOME: st.one_of(st.sampled_from([175_000_00, 175_000_01, 200_000_00, 250_000_01, 300_000_00]), st.booleans()),
        AREA: st.sampled_from(["990010000000", "990020000000", "010000000000", ""]),
        "zahl": st.integers(0, 6),
    },
)
TREES = [
    RICH,
    Alle((RICH, comparison("zahl", Op.WENIGER_ALS, Parameterwert("ausweise")))),
    Nicht(comparison("zahl", Op.IST, Parameterwert("ausweise"))),
]


@given(st.sampled_from(TREES), KNOWN)
@settings(max_examples=500, deadline=None)
def test_closures_and_interpreter_agree_and_what_is_open_misses_something(tree: Node, facts: dict[str, Value]) -> None:
    fast = compile_node(tree, TABLE)(facts)
    assert fast is interpret(tree, facts, TABLE).ergebnis
    assert bool(missing(tree, facts, TABLE)) == (fast is OFFEN)


@given(DAYS, st.booleans(), st.integers(174_999, 300_001), st.sets(st.sampled_from([BORN, ALONE, INCOME])))
@settings(max_examples=300, deadline=None)
def test_withholding_a_fact_never_turns_a_decided_result_around(
    born: date, alone: bool, euros: int, gone: set[str]
) -> None:
    facts: dict[str, Value] = {BORN: born, ALONE: alone, INCOME: euros * 100}
    less = {name: value for name, value in facts.items() if name not in gone}
    assert compile_node(RICH, TABLE)(less) in {OFFEN, compile_node(RICH, TABLE)(facts)}


def test_control_a_default_instead_of_unknown_would_turn_it_around() -> None:
    def last_known(facts: dict[str, Value]) -> Value:
        return CAP.value({BORN: date(2026, 1, 1), **facts}) or 0

    def with_default(facts: dict[str, Value]) -> object:
        value = facts[INCOME]
        assert isinstance(value, int)
        return JA if value <= int(str(last_known(facts))) else NEIN

    whole: dict[str, Value] = {BORN: date(2024, 3, 31), ALONE: False, INCOME: 260_000_00}
    assert with_default(whole) is JA
    assert with_default({INCOME: 260_000_00}) is NEIN


def test_looking_up_agrees_with_a_day_by_day_scan() -> None:
    day = date(2021, 8, 1)
    while day < date(2025, 6, 1):
        holding = [wert for wert in CAP.werte if wert.ab <= day]
        expected = None if not holding else holding[-1].wahl["nein"] if holding[-1].je else holding[-1].wert
        assert CAP.value({BORN: day, ALONE: False}) == expected == CAP.stand({BORN: day, ALONE: False}).wert
        day += timedelta(days=1)
