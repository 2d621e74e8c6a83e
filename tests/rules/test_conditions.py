"""Conditions: Kleene's tables, consent monotonicity, and two evaluations that must agree."""

from collections.abc import Mapping
from datetime import date
from itertools import product

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from proaktiv.core.conditions import (
    JA,
    NEIN,
    OFFEN,
    Alle,
    Check,
    Eine,
    Ergebnis,
    Nicht,
    Node,
    Op,
    compile_node,
    facts_of,
    from_json,
    interpret,
    missing,
    to_json,
)
from proaktiv.core.fristen import Rechnung, Value
from tests.rules.trees import CODES, FACTS, ODD_FACTS, TREES, comparison

YES = comparison("a", Op.IST, True)
SECOND = comparison("b", Op.IST, True)
STATES: dict[Ergebnis, dict[str, Value]] = {JA: {"x": True}, NEIN: {"x": False}, OFFEN: {}}


def facts(a: Ergebnis, b: Ergebnis) -> dict[str, Value]:
    return {name: STATES[state]["x"] for name, state in (("a", a), ("b", b)) if STATES[state]}


def both(node: Node, known: Mapping[str, Value]) -> Ergebnis:
    fast = compile_node(node)(known)
    assert fast is interpret(node, known).ergebnis
    return fast


@pytest.mark.parametrize(("a", "b"), list(product(STATES, STATES)))
def test_alle_is_kleenes_and(a: Ergebnis, b: Ergebnis) -> None:
    expected = NEIN if NEIN in {a, b} else OFFEN if OFFEN in {a, b} else JA
    assert both(Alle((YES, SECOND)), facts(a, b)) is expected


@pytest.mark.parametrize(("a", "b"), list(product(STATES, STATES)))
def test_eine_is_kleenes_or(a: Ergebnis, b: Ergebnis) -> None:
    expected = JA if JA in {a, b} else OFFEN if OFFEN in {a, b} else NEIN
    assert both(Eine((YES, SECOND)), facts(a, b)) is expected


@pytest.mark.parametrize(("a", "expected"), [(JA, NEIN), (NEIN, JA), (OFFEN, OFFEN)])
def test_nicht_turns_yes_and_no_and_leaves_open(a: Ergebnis, expected: Ergebnis) -> None:
    assert both(Nicht(YES), facts(a, OFFEN)) is expected


def test_nesting_keeps_the_tables() -> None:
    node = Eine((Alle((YES, Nicht(SECOND))), Nicht(Eine((YES, SECOND)))))
    assert both(node, {"a": True, "b": False}) is JA
    assert both(node, {"a": True, "b": True}) is NEIN
    assert both(node, {"a": True}) is OFFEN


@pytest.mark.parametrize(
    ("op", "low", "on", "high"),
    [
        (Op.MAXIMAL, JA, JA, NEIN),
        (Op.MINDESTENS, NEIN, JA, JA),
        (Op.WENIGER_ALS, JA, NEIN, NEIN),
        (Op.MEHR_ALS, NEIN, NEIN, JA),
    ],
)
def test_a_number_is_compared_at_its_border(op: Op, low: Ergebnis, on: Ergebnis, high: Ergebnis) -> None:
    node = comparison("z", op, 32)
    assert [both(node, {"z": n}) for n in (31, 32, 33)] == [low, on, high]


def test_bis_and_ab_include_their_day() -> None:
    limit = Rechnung("tag", (("wochen", 2),))
    known = {"tag": date(2026, 10, 1)}
    until, since = comparison("heute", Op.BIS, limit), comparison("heute", Op.AB, limit)
    days = [date(2026, 10, 14), date(2026, 10, 15), date(2026, 10, 16)]
    assert [both(until, {**known, "heute": day}) for day in days] == [JA, JA, NEIN]
    assert [both(since, {**known, "heute": day}) for day in days] == [NEIN, JA, JA]


def test_a_limit_reckoned_from_an_unknown_day_is_open_and_asks_for_that_day() -> None:
    node = comparison("heute", Op.BIS, Rechnung("tag", (("wochen", 2),)))
    assert both(node, {"heute": date(2026, 10, 1)}) is OFFEN
    assert missing(node, {"heute": date(2026, 10, 1)}) == ("tag",)


@pytest.mark.parametrize("value", ["blau", "", 1, True])
def test_a_code_that_the_catalogue_does_not_have_is_unknown_and_not_false(value: Value) -> None:
    node = comparison("farbe", Op.IST, "rot", CODES)
    assert both(node, {"farbe": value}) is OFFEN
    assert missing(node, {"farbe": value}) == ("farbe",)


@pytest.mark.parametrize("value", [0, 1, "", "ja", "true"])
def test_nothing_but_a_truth_value_answers_a_yes_or_no_question(value: Value) -> None:
    assert both(YES, {"a": value}) is OFFEN


def test_what_is_masked_is_not_asked_for() -> None:
    income, hours = comparison("einkommen", Op.MAXIMAL, 175000), comparison("stunden", Op.MAXIMAL, 32)
    node = Alle((income, hours))
    assert both(node, {"stunden": 40}) is NEIN
    assert missing(node, {"stunden": 40}) == ()
    assert missing(node, {"stunden": 20}) == ("einkommen",)
    assert missing(node, {}) == ("einkommen", "stunden")


@given(TREES, ODD_FACTS)
@settings(max_examples=400, deadline=None)
def test_closures_and_interpreter_agree_on_every_tree(tree: Node, known: dict[str, Value]) -> None:
    both(tree, known)


@given(TREES, ODD_FACTS)
@settings(max_examples=150, deadline=None)
def test_an_open_tree_misses_something_and_a_decided_one_nothing(tree: Node, known: dict[str, Value]) -> None:
    lacking = missing(tree, known)
    assert bool(lacking) == (both(tree, known) is OFFEN)
    assert set(lacking) <= facts_of(tree)


@given(TREES)
@settings(max_examples=150, deadline=None)
def test_a_tree_survives_its_stored_form(tree: Node) -> None:
    assert from_json(to_json(tree)) == tree


def breaks_monotonicity(check: Check, known: Mapping[str, Value], kept: frozenset[str]) -> bool:
    less = check({name: value for name, value in known.items() if name in kept})
    return less is not OFFEN and less is not check(known)


@given(TREES, FACTS, st.frozensets(st.sampled_from(sorted(["ja.a", "ja.b", "farbe", "zahl.a", "tag.a", "heute"]))))
@settings(max_examples=500, deadline=None)
def test_taking_facts_away_never_turns_yes_into_no_or_back(
    tree: Node, known: dict[str, Value], kept: frozenset[str]
) -> None:
    assert not breaks_monotonicity(compile_node(tree), known, kept)


def test_control_an_operator_that_asks_whether_a_fact_is_known_breaks_it() -> None:
    def known_a(facts: Mapping[str, Value]) -> Ergebnis:
        return JA if "ja.a" in facts else NEIN

    assert breaks_monotonicity(known_a, {"ja.a": True}, frozenset())


def test_no_operator_asks_whether_a_fact_is_known() -> None:
    assert {op.value for op in Op} == {
        "ist",
        "einer_von",
        "maximal",
        "mindestens",
        "weniger_als",
        "mehr_als",
        "bis",
        "ab",
    }
    for op in Op:
        wert = {Op.EINER_VON: ("x", "y"), Op.BIS: date(2026, 1, 1), Op.AB: date(2026, 1, 1)}.get(op, 1)
        assert compile_node(comparison("f", op, wert))({}) is OFFEN
        assert compile_node(Nicht(comparison("f", op, wert)))({}) is OFFEN


@given(TREES, FACTS)
@example(YES, {"a": False})
@settings(max_examples=100, deadline=None)
def test_the_explanation_names_value_and_norm_of_every_comparison(tree: Node, known: dict[str, Value]) -> None:
    pending = [interpret(tree, known)]
    while pending:
        node = pending.pop()
        pending += node.teile
        if not node.teile:
            assert node.norm
            assert node.wert == known.get(node.das)
