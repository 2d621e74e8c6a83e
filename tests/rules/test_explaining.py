"""The explanation: every condition with value, norm, line and legal key date; the same as JSON; and it is true."""

import json
from collections.abc import Mapping
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from proaktiv.core.conditions import (
    JA,
    NEIN,
    Alle,
    Eine,
    Explained,
    Nicht,
    Node,
    Op,
    Vergleich,
    compile_node,
    interpret,
)
from proaktiv.core.fristen import Rechnung, Value
from proaktiv.core.matching import decide
from proaktiv.core.parameters import Parameter, Parameterwert, Wert
from proaktiv.core.plans import Gilt, Plan
from proaktiv.rulebook.commands import make_app
from proaktiv.rulebook.explain import as_json, explain
from tests.rules.plans import plan_of
from tests.rules.trees import FACTS, TREES

BORN = "kind.geburtsdatum"
HOURS = Parameter("wochenstunden_max", "zahl", BORN, (Wert(date(2021, 9, 1), 32, "§ 1 Abs. 6 BEEG"),))
CAP = Parameter(
    "einkommensgrenze",
    "betrag",
    BORN,
    (Wert(date(2024, 4, 1), 200_000_00, "§ 28 BEEG"), Wert(date(2025, 4, 1), 175_000_00, "§ 1 Abs. 8 BEEG")),
)
PLAN = plan_of(
    Alle(
        (
            Vergleich("elternteil.wochenstunden", Op.MAXIMAL, Parameterwert(HOURS.name), "§ 1 Abs. 6 BEEG", 14),
            Vergleich("paar.zve_vorjahr", Op.MAXIMAL, Parameterwert(CAP.name), "§ 1 Abs. 8 BEEG", 15, typ="betrag"),
            Vergleich("heute", Op.BIS, Rechnung(BORN, (("lebensmonat", 14),)), "§ 4 Abs. 1 BEEG", 16),
        ),
        7,
    ),
    gilt=Gilt(BORN, date(2021, 9, 1)),
    parameter={HOURS.name: HOURS, CAP.name: CAP},
)
FACTS_OF_A_CASE: Mapping[str, Value] = {BORN: date(2025, 4, 1), "elternteil.wochenstunden": 20}
OPEN = decide(PLAN, FACTS_OF_A_CASE, date(2025, 5, 2))


def test_the_explanation_has_the_agreed_shape_line_by_line() -> None:
    assert explain(OPEN) == (
        "-> offen | fehlt: paar.zve_vorjahr | nächster Wechsel: 2026-06-01 offen -> nein\n"
        "[offen] alle von (Z. 7)\n"
        "  [ja   ] elternteil.wochenstunden = 20 maximal 32 (§ 1 Abs. 6 BEEG, Z. 14)"
        " [Wert ab 2021-09-01, Schlüssel kind.geburtsdatum = 2025-04-01]\n"
        "  [offen] paar.zve_vorjahr = unbekannt maximal 175000 (§ 1 Abs. 8 BEEG, Z. 15)"
        " [Wert ab 2025-04-01, Schlüssel kind.geburtsdatum = 2025-04-01]\n"
        "  [ja   ] heute = 2025-05-02 bis 2026-05-31 (§ 4 Abs. 1 BEEG, Z. 16)"
    )


def test_the_json_says_the_same() -> None:
    data = as_json(OPEN)
    assert json.loads(json.dumps(data)) == data
    assert (data["ergebnis"], data["ergibt"], data["fehlt"]) == ("offen", "", ["paar.zve_vorjahr"])
    assert data["naechster_wechsel"] == {"am": "2026-06-01", "zu": "nein"}
    assert data["plan"] == PLAN.hash
    assert data["baum"]["teile"][1] == {
        "art": "maximal",
        "das": "paar.zve_vorjahr",
        "ergebnis": "offen",
        "gegen": "175000",
        "norm": "§ 1 Abs. 8 BEEG",
        "parameter": "einkommensgrenze",
        "wert": None,
        "zeile": 15,
    }
    assert data["parameter"]["einkommensgrenze"] == {
        "ab": "2025-04-01",
        "fundstelle": "§ 1 Abs. 8 BEEG",
        "schluessel": BORN,
        "stichtag": "2025-04-01",
        "vorlaeufig": False,
        "wert": "175000",
    }


def test_a_rule_outside_its_time_has_no_tree() -> None:
    early = decide(PLAN, {BORN: date(2021, 8, 31)}, date(2021, 10, 1))
    assert (as_json(early)["ergebnis"], as_json(early)["baum"]) == ("gilt_nicht", None)
    assert explain(early).startswith("-> gilt_nicht\n")


def test_an_old_decision_is_replayed_byte_for_byte_from_its_plan_and_its_facts() -> None:
    again = Plan.from_json(json.loads(json.dumps(PLAN.to_json())))
    assert again.hash == PLAN.hash
    assert explain(decide(again, FACTS_OF_A_CASE, date(2025, 5, 2))) == explain(OPEN)


def test_the_command_prints_a_line_of_json_for_each_case() -> None:
    def never() -> object:
        raise AssertionError("explaining needs no database")

    words = ["explain", "--json", "geburt/kita-platz/normalfall"]
    result = CliRunner().invoke(make_app(never, "production"), words)  # type: ignore[arg-type]
    assert result.exit_code == 0
    (line,) = result.output.splitlines()
    data = json.loads(line)
    assert (data["fall"], data["ergebnis"], data["leistung"]) == ("geburt/KITA-PLATZ/Normalfall", "ja", "KITA-PLATZ")
    assert data["fristen"][0]["sicher_bis"] == "2027-04-02"


# truth ---------------------------------------------------------------------------------------------------------------


def grounds(node: Node, said: Explained) -> set[str]:
    """Return the facts of the comparisons that carry a no, as the explanation shows them."""
    if isinstance(node, Vergleich):
        return {node.das, node.wert.von} if isinstance(node.wert, Rechnung) else {node.das}
    if isinstance(node, Nicht):
        return grounds(node.teil, said.teile[0])
    parts = zip(node.teile, said.teile, strict=True)
    return set().union(*(grounds(part, one) for part, one in parts if one.ergebnis is said.ergebnis))


@given(TREES, FACTS, FACTS)
@settings(max_examples=300, deadline=None)
def test_a_no_stays_a_no_whatever_the_facts_that_the_explanation_does_not_name(
    tree: Node, known: dict[str, Value], others: dict[str, Value]
) -> None:
    check = compile_node(tree)
    if check(known) is not NEIN:
        return
    named = grounds(tree, interpret(tree, known))
    assert check({**others, **{name: known[name] for name in named if name in known}}) is NEIN


def test_control_a_fact_that_the_explanation_names_can_turn_the_no() -> None:
    tree = Alle((Vergleich("a", Op.IST, True, "§"), Eine((Vergleich("b", Op.IST, True, "§"),))))
    assert grounds(tree, interpret(tree, {"a": True, "b": False})) == {"b"}
    assert compile_node(tree)({"a": True, "b": True}) is JA


@given(TREES, FACTS, st.sets(st.sampled_from(["ja.a", "farbe", "zahl.a", "tag.a", "tag.b"])))
@settings(max_examples=60, deadline=None)
def test_the_next_change_is_the_one_that_a_scan_of_every_day_finds(
    tree: Node, known: dict[str, Value], gone: set[str]
) -> None:
    today = date(2026, 1, 1)
    facts = {name: value for name, value in known.items() if name not in {*gone, "heute"}}
    plan = Plan("x", "X", "X", "person", tree, Gilt("immer", date(1, 1, 1)), "", "ort", ("k",))
    facts["immer"] = today
    decision = decide(plan, facts, today)
    day, end = today + timedelta(days=1), today + timedelta(days=40 * 31)
    now = plan.check({**facts, "heute": today})
    while day <= end and plan.check({**facts, "heute": day}) is now:
        day += timedelta(days=1)
    found = decision.next_change_on
    assert (found if found and found <= end else None) == (day if day <= end else None)
    if found:
        assert decision.next_result() == plan.check({**facts, "heute": found}).value


def test_a_rule_whose_own_time_is_unknown_or_over_says_so_before_its_conditions() -> None:
    known: dict[str, Value] = {"elternteil.wochenstunden": 20}
    lines = explain(decide(PLAN, known, date(2025, 5, 2))).splitlines()
    assert lines[0] == f"-> offen | fehlt: {BORN}"
    assert lines[1] == f"[offen] gilt: {BORN} = unbekannt ab 2021-09-01"
    early = decide(PLAN, {BORN: date(2021, 8, 31)}, date(2025, 5, 2))
    assert explain(early).splitlines() == ["-> gilt_nicht", f"[nein ] gilt: {BORN} = 2021-08-31 ab 2021-09-01"]
    said = {"ab": "2021-09-01", "bis": None, "ergebnis": "nein", "schluessel": BORN, "stichtag": "2021-08-31"}
    assert as_json(early)["gilt"] == said
    assert "gilt:" not in explain(OPEN), "where the rule applies its conditions say it all"


@pytest.mark.parametrize("unknown", [True, False])
def test_an_unknown_limit_is_null_in_json_and_named_in_the_line(unknown: bool) -> None:
    facts = {name: value for name, value in FACTS_OF_A_CASE.items() if name != BORN or not unknown}
    tree = interpret(PLAN.bedingung, {**facts, "heute": date(2025, 5, 2)}, PLAN.parameter)
    assert (tree.teile[2].ergebnis.value == "offen") == unknown
