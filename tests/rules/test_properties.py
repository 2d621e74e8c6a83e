"""What holds of every rule, on rules by plain dice and on every rule there is: soundness, next change, true reasons."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import date, timedelta
from random import Random

import pytest

from proaktiv.core.conditions import JA, NEIN, OFFEN, Ergebnis, compile_node, interpret
from proaktiv.core.derived import REGISTRY
from proaktiv.core.fristen import Rechnung, Value
from proaktiv.core.matching import decide
from proaktiv.core.nodes import Alle, Eine, Nicht, Node, Op, Vergleich, facts_of, leaves
from proaktiv.core.parameters import Parameter, Parameterwert, Wert
from proaktiv.core.plans import Gilt, Plan
from proaktiv.rulebook.cases import grounds
from proaktiv.rulebook.families import Families
from proaktiv.rulebook.properties import hold_properties
from tests.depth import depth
from tests.rules.chance import DAYS, PARAMETERS, a_plan, a_row, a_tree
from tests.rules.shipped import COMPILED, PLANS, cases_of

TODAY = date(2026, 11, 26)
Check = Callable[[Mapping[str, Value]], Ergebnis]


# soundness: rules.md § 10 no. 2 --------------------------------------------------------------------------------------


def decided_and_changed(spoil: Callable[[Check], Check] = lambda check: check) -> tuple[int, int]:
    """Return how many results were decided from few facts, and how many of them changed when more became known."""
    decided = changed = 0
    dice = Random(2)
    for _ in range(depth(300, 3_000)):
        check = spoil(compile_node(a_tree(dice), PARAMETERS))
        for _ in range(80):
            few, more = a_row(dice, unknown=0.4), a_row(dice, unknown=0)
            before = check(few)
            if before is not OFFEN:
                decided += 1
                changed += check({**more, **few}) is not before
    return decided, changed


def test_of_ten_thousand_decided_results_none_changes_when_the_missing_facts_are_filled_in() -> None:
    decided, changed = decided_and_changed()
    assert decided >= 10_000
    assert changed == 0


def test_control_one_operator_that_asks_whether_a_fact_is_known_changes_hundreds() -> None:
    def spoil(check: Check) -> Check:
        return lambda facts: check(facts) if "zahl.a" in facts else NEIN

    assert decided_and_changed(spoil)[1] > 100


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.leistung)
def test_no_rule_there_is_changes_its_yes_or_no_when_more_becomes_known(plan: Plan) -> None:
    dice = Random(3)
    decided = 0
    for whole in Families([plan], TODAY, 4).rows(depth(300, 5_000)):
        after = decide(plan, whole, TODAY).result
        for _ in range(5):
            few = {name: value for name, value in whole.items() if dice.random() > 0.3}
            before = decide(plan, few, TODAY).result
            if before != "offen":
                decided += 1
                assert after in {before, "offen"}, few
    assert decided > depth(300, 5_000)


def test_the_properties_that_authors_run_hold_for_every_case_and_see_what_breaks_them() -> None:
    for compiled in COMPILED:
        for case in cases_of(compiled):
            assert hold_properties(case).wrong == ()
    (case, *_) = [case for one in COMPILED for case in cases_of(one) if case.erwartet == "ja"]
    broken = replace(case, plan=replace(case.plan))
    key = min(case.plan.benoetigt & facts_of(case.plan.bedingung) & case.facts.keys())
    object.__setattr__(broken.plan, "check", lambda facts: JA if key in facts else NEIN)
    assert any("without" in wrong for wrong in hold_properties(broken).wrong)


# next change: no. 13 -------------------------------------------------------------------------------------------------

MONTHS_40 = 1_218


def scanned(plan: Plan, facts: Mapping[str, Value], today: date, now: str) -> date | None:
    """Return the first later day on which the decision is another one, looking at every day of 40 months."""
    version = plan.at(facts)
    for day in (today + timedelta(days=n) for n in range(1, MONTHS_40)):
        if version.check(version.known({**facts, "heute": day})).value != now:
            return day
    return None


def changes_as_scanned(plan: Plan, facts: Mapping[str, Value], today: date) -> date | None:
    decision = decide(plan, facts, today)
    found = scanned(plan, facts, today, decision.result)
    if found is None:
        assert decision.next_change_on is None or decision.next_change_on >= today + timedelta(days=MONTHS_40)
    else:
        assert decision.next_change_on == found, facts
    return found


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.leistung)
def test_the_next_change_of_a_persons_decision_is_the_first_that_a_scan_of_40_months_finds(plan: Plan) -> None:
    for facts in Families([plan], TODAY, 5).rows(depth(60, 1_000)):
        if plan.gilt.schluessel in plan.known(facts) and decide(plan, facts, TODAY).result != "gilt_nicht":
            changes_as_scanned(plan, facts, TODAY)


RUNNING = {
    **PARAMETERS,
    "laufend": Parameter(
        "laufend", "datum", "heute", (Wert(DAYS[0], DAYS[900], "BGBl."), Wert(DAYS[500], DAYS[600], "BGBl."))
    ),
    "monate": Parameter("monate", "zahl", "heute", (Wert(DAYS[0], 3, "BGBl."), Wert(DAYS[700], 14, "BGBl."))),
}
"""Two parameters whose legal key date is today: their values change while nobody does anything."""


def test_the_next_change_of_any_tree_is_the_first_that_a_scan_finds_from_open_to_no_too() -> None:
    dice = Random(13)
    seen: set[tuple[str, bool]] = set()
    for _ in range(depth(150, 2_000)):
        part = Vergleich("heute", dice.choice([Op.BIS, Op.AB]), Parameterwert("laufend"), "§ 1 Probe")
        tree = dice.choice([Alle, Eine])((a_tree(dice, 2), part))
        plan = replace(a_plan(tree, RUNNING), gilt=Gilt("tag.a", date(2000, 1, 1)))
        facts = {name: value for name, value in a_row(dice).items() if name != "heute"}
        if "tag.a" in facts:
            today = dice.choice(DAYS)
            found = changes_as_scanned(plan, facts, today)
            seen.add((str(decide(plan, facts, today).result), found is not None))
    assert seen >= {("ja", True), ("nein", True), ("offen", True), ("ja", False), ("nein", False), ("offen", False)}


def test_control_without_the_days_of_running_parameters_the_next_change_comes_too_late() -> None:
    dice = Random(13)
    late = 0
    for _ in range(150):
        part = Vergleich("heute", dice.choice([Op.BIS, Op.AB]), Parameterwert("laufend"), "§ 1 Probe")
        plan = replace(a_plan(part, RUNNING), gilt=Gilt("tag.a", date(2000, 1, 1)))
        object.__setattr__(plan, "stichtage", ())
        facts, today = {"tag.a": DAYS[0]}, dice.choice(DAYS)
        decision = decide(plan, facts, today)
        late += decision.next_change_on != scanned(plan, facts, today, decision.result)
    assert late > 10


# true reasons: no. 23 ------------------------------------------------------------------------------------------------


def grounds_of(node: Node, facts: Mapping[str, Value], plan: Plan) -> list[tuple[Vergleich, bool]]:
    """Return the comparisons that the explanation gives as reasons, each with what it would have to be."""
    said = interpret(node, facts, plan.parameter)
    named = {(ground.line, ground.das, ground.norm) for ground in grounds(said)}
    return [(leaf, wanted) for leaf, wanted in signed(node) if (leaf.line, leaf.das, leaf.norm) in named]


def signed(node: Node, wanted: bool = True) -> Iterator[tuple[Vergleich, bool]]:
    if isinstance(node, Vergleich):
        yield node, wanted
    elif isinstance(node, Nicht):
        yield from signed(node.teil, not wanted)
    else:
        for part in node.teile:
            yield from signed(part, wanted)


def facts_behind(leaf: Vergleich, plan: Plan) -> set[str]:
    used = facts_of(leaf, plan.parameter)
    return {need for name in used for need in (REGISTRY[name].needs if name in REGISTRY else {name})}


def satisfied(leaf: Vergleich, wanted: bool, facts: dict[str, Value], plan: Plan) -> bool:
    """Change the facts of one reason so that its norm is met."""
    for name in sorted(facts_behind(leaf, plan) - {"heute"}):
        for value in candidates(leaf, facts):
            tried = {**facts, name: value}
            if interpret(leaf, plan.known(tried), plan.parameter).ergebnis is (JA if wanted else NEIN):
                facts[name] = value
                return True
    return False


def candidates(leaf: Vergleich, facts: Mapping[str, Value]) -> list[Value]:
    if isinstance(leaf.wert, Rechnung) or leaf.op in {Op.BIS, Op.AB}:
        today = facts["heute"]
        assert isinstance(today, date)
        return [today - timedelta(days=n) for n in (0, 30, 400, 800, 3_000, 9_000, 14_000)]
    if isinstance(leaf.wert, bool):
        return [True, False]
    if isinstance(leaf.wert, str | tuple):
        return [*leaf.codes, *([leaf.wert] if isinstance(leaf.wert, str) else leaf.wert), "anderes"]
    return [0, 20, 10**12]


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.leistung)
def test_for_every_no_meeting_the_named_norms_turns_it_and_no_other_fact_does(plan: Plan) -> None:
    others = list(Families([plan], TODAY, 24).rows(40))
    refused = 0
    for row in Families([plan], TODAY, 23).rows(depth(250, 4_000)):
        if decide(plan, row, TODAY).result != "nein":
            continue
        refused += 1
        version = plan.at(row)
        facts: dict[str, Value] = {**row, "heute": TODAY}
        named = grounds_of(version.bedingung, version.known(facts), version)
        assert named
        behind = {name for leaf, _ in named for name in facts_behind(leaf, version)}
        for name in sorted(version.benoetigt - behind - {version.gilt.schluessel}):
            for other in others:
                changed = {each: value for each, value in row.items() if each != name}
                if name in other:
                    changed[name] = other[name]
                assert decide(plan, changed, TODAY).result == "nein", (name, row)
        for _ in range(4):
            for leaf, wanted in grounds_of(version.bedingung, version.known(facts), version):
                assert satisfied(leaf, wanted, facts, version), (leaf, facts)
            if version.check(version.known(facts)) is not NEIN:
                break
        assert version.check(version.known(facts)) is not NEIN, (row, facts)
    assert refused


def test_for_every_no_of_any_tree_no_fact_beside_the_reasons_turns_it() -> None:
    dice = Random(23)
    refused = 0
    for _ in range(depth(200, 3_000)):
        tree = numbered(a_tree(dice))
        plan = a_plan(tree)
        for _ in range(20):
            facts = a_row(dice)
            said = interpret(tree, facts, PARAMETERS)
            if said.ergebnis is not NEIN:
                continue
            refused += 1
            named = grounds_of(tree, facts, plan)
            behind = {name for leaf, _ in named for name in facts_behind(leaf, plan)}
            other = {name: value for name, value in a_row(dice).items() if name not in behind}
            kept = {name: value for name, value in facts.items() if name in behind}
            assert interpret(tree, {**other, **kept}, PARAMETERS).ergebnis is NEIN
    assert refused > 500


def numbered(tree: Node) -> Node:
    """Return the tree with a line of its own for every comparison, by which a reason names it."""
    count = iter(range(1, 10_000))

    def again(node: Node) -> Node:
        if isinstance(node, Vergleich):
            return replace(node, line=next(count))
        if isinstance(node, Nicht):
            return replace(node, teil=again(node.teil))
        return replace(node, teile=tuple(again(part) for part in node.teile))

    return again(tree)


def test_a_condition_under_nicht_is_a_reason_where_it_holds() -> None:
    tree = Alle((Nicht(Vergleich("a", Op.IST, True, "§ 1", 1)), Vergleich("b", Op.IST, True, "§ 2", 2)))
    assert [ground.norm for ground in grounds(interpret(tree, {"a": True, "b": True}))] == ["§ 1"]
    assert [ground.norm for ground in grounds(interpret(tree, {"a": True, "b": False}))] == ["§ 1", "§ 2"]
    either = Eine((Vergleich("a", Op.IST, True, "§ 1", 1), Alle((Vergleich("b", Op.IST, True, "§ 2", 2),))))
    assert [ground.norm for ground in grounds(interpret(either, {"a": False, "b": False}))] == ["§ 1", "§ 2"]
    assert len(leaves(either)) == 2
