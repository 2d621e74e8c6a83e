"""Derived facts, declarations and Fassungen: what the tree cannot say, what is open all the same, which law counts."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proaktiv.core.canonical import dumps
from proaktiv.core.conditions import JA, NEIN, OFFEN, Alle, Op, compile_node
from proaktiv.core.derived import REGISTRY, Derived, DerivedError, versions, with_derived
from proaktiv.core.fristen import Value
from proaktiv.core.matching import decide
from proaktiv.core.plans import Annahme, Gilt, Plan
from proaktiv.core.questions import Frage
from proaktiv.rulebook.explain import explain
from tests.rules.plans import plan_of
from tests.rules.trees import comparison

BORN, HOME, INCOME = "kind.geburtsdatum", "elternteil.wohnort_ars", "paar.zve_vorjahr"
DAY = date(2026, 10, 7)


def a_plan(**changes: Any) -> Plan:
    plan = plan_of(
        comparison("elternteil.wohnt_im_inland", Op.IST, True),
        gilt=Gilt(BORN, date(2015, 1, 1)),
        stelle_nach=HOME,
        schluessel=(BORN,),
    )
    return replace(plan, **changes)


# derived facts -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("born", "last"),
    [
        ("2008-03-01", "2026-02-28"),
        ("2008-03-02", "2026-03-31"),
        ("2008-02-29", "2026-02-28"),
        ("2008-12-31", "2026-12-31"),
        ("2008-01-01", "2025-12-31"),
    ],
)
def test_child_benefit_ends_with_the_month_at_whose_beginning_18_is_not_completed(born: str, last: str) -> None:
    facts: dict[str, Value] = {BORN: date.fromisoformat(born)}
    assert REGISTRY["kind.kindergeld_bis"].value(facts) == date.fromisoformat(last)


@pytest.mark.parametrize(
    ("name", "fact", "value", "derived"),
    [
        ("kind.geburtsmonat", BORN, date(2025, 12, 31), date(2025, 12, 1)),
        ("kind.veranlagungsjahr", BORN, date(2025, 12, 31), 2024),
        ("kind.veranlagungsjahr", BORN, date(2026, 1, 1), 2025),
        ("kind.ein_jahr_alt_am", BORN, date(2024, 2, 29), date(2025, 3, 1)),
        ("kind.ein_jahr_alt_am", BORN, date(2026, 10, 31), date(2027, 10, 31)),
        ("kind.ein_jahr_alt_am", BORN, date(2026, 1, 1), date(2027, 1, 1)),
        ("elternteil.land", HOME, "053150000000", "NW"),
        ("elternteil.land", HOME, "160510000000", "TH"),
        ("elternteil.land", HOME, "990010000000", None),
        ("elternteil.land", HOME, "5315", None),
        ("elternteil.wohnt_im_inland", HOME, "990010000000", True),
        ("elternteil.wohnt_im_inland", HOME, "", None),
    ],
)
def test_a_derived_fact_is_what_its_norm_says(name: str, fact: str, value: Value, derived: Value | None) -> None:
    assert REGISTRY[name].value({fact: value}) == derived


@pytest.mark.parametrize("made", REGISTRY.values(), ids=lambda made: made.name)
def test_unknown_in_gives_unknown_out_and_a_wrong_type_is_unknown(made: Derived) -> None:
    assert made.norm
    assert made.value({}) is None
    for need in made.needs:
        for wrong in (True, 1, "x") if made.needs[need] is not str else (True, 1, DAY):
            assert made.value({need: wrong}) is None


@given(st.dates(), st.sampled_from(sorted(name for name in REGISTRY if name.startswith("kind."))))
@settings(max_examples=300, deadline=None)
def test_no_date_of_the_calendar_breaks_a_derived_fact(born: date, name: str) -> None:
    value = REGISTRY[name].value({BORN: born})
    assert value is None or type(value) in {date, int}


def test_a_plan_asks_for_what_a_derived_fact_needs_and_never_for_itself() -> None:
    plan = a_plan()
    assert plan.abgeleitet == ("elternteil.wohnt_im_inland",)
    assert HOME in plan.benoetigt
    assert not plan.benoetigt & REGISTRY.keys()
    assert decide(plan, {BORN: DAY, HOME: "990010000000"}, DAY).result == "ja"
    unknown = decide(plan, {BORN: DAY}, DAY)
    assert (unknown.result, unknown.missing) == ("offen", (HOME,))


def test_a_known_fact_is_not_overwritten_by_a_derived_one() -> None:
    facts: Mapping[str, Value] = {BORN: DAY, "kind.geburtsmonat": date(2020, 1, 1)}
    assert with_derived(REGISTRY, ["kind.geburtsmonat"], facts)["kind.geburtsmonat"] == date(2020, 1, 1)


def test_a_plan_of_another_version_of_a_derived_fact_is_refused() -> None:
    data = json.loads(dumps(a_plan().to_json()))
    assert Plan.from_json(data) == a_plan()
    data["abgeleitet"] = {"elternteil.wohnt_im_inland": 2}
    with pytest.raises(DerivedError, match="is not what it was"):
        Plan.from_json(data)
    with pytest.raises(DerivedError, match="gone"):
        versions(REGISTRY, {"gone": 1})


# declarations --------------------------------------------------------------------------------------------------------

DECLARED = a_plan(
    bedingung=Alle((comparison("kind.lebt", Op.IST, True), comparison(INCOME, Op.MAXIMAL, 175_000))),
    annahmen=(Annahme(INCOME, 0, "erklären die Eltern im Antrag"),),
    fragen=(Frage(INCOME, "zahl", {"de": "?", "en": "?", "ls": "?"}, low=0, high=10**9, sensibel=True),),
)


def test_what_the_person_declares_in_the_auftrag_is_not_asked_before_it_and_stays_open() -> None:
    decision = decide(DECLARED, {BORN: DAY, "kind.lebt": True}, DAY)
    assert (decision.result, decision.outcome, decision.fragen) == ("offen", "auftrag", ())
    assert (decision.missing, decision.angenommen) == ((INCOME,), (INCOME,))
    assert "angenommen: paar.zve_vorjahr" in explain(decision)


def test_what_was_said_counts_and_nothing_is_assumed() -> None:
    for income, result, outcome in ((175_000, "ja", "auftrag"), (175_001, "nein", "")):
        decision = decide(DECLARED, {BORN: DAY, "kind.lebt": True, INCOME: income}, DAY)
        assert (decision.result, decision.outcome, decision.angenommen) == (result, outcome, ())


def test_nothing_is_assumed_while_anything_else_is_unknown_or_no() -> None:
    assert decide(DECLARED, {BORN: DAY}, DAY).angenommen == ()
    assert decide(DECLARED, {BORN: DAY, "kind.lebt": False}, DAY).result == "nein"


HOME_BY_REGISTER, HOME_BY_EVENT = "kind.im_haushalt", "kind.wohnt_bei_elternteil"
BY_EVENT = a_plan(
    bedingung=comparison(HOME_BY_REGISTER, Op.IST, True),
    register={HOME_BY_REGISTER: "MELDEREGISTER"},
    annahmen=(Annahme(HOME_BY_REGISTER, True, "erklärt die Person", comparison(HOME_BY_EVENT, Op.IST, True)),),
)
ASKED = frozenset({HOME_BY_REGISTER})


def test_what_a_register_would_say_is_asked_there_first_and_declared_only_where_it_is_silent() -> None:
    here: dict[str, Value] = {BORN: DAY, HOME_BY_EVENT: True}
    first, silent = decide(BY_EVENT, here, DAY), decide(BY_EVENT, here, DAY, ASKED)
    assert (first.outcome, dict(first.needs)) == ("", {"MELDEREGISTER": (HOME_BY_REGISTER,)})
    assert (silent.result, silent.outcome, silent.angenommen) == ("offen", "auftrag", (HOME_BY_REGISTER,))
    assert Plan.from_json(json.loads(dumps(BY_EVENT.to_json()))) == BY_EVENT


@pytest.mark.parametrize("by_event", [False, None])
def test_nothing_is_declared_for_a_silent_register_where_nothing_speaks_for_it(by_event: bool | None) -> None:
    known: dict[str, Value] = {BORN: DAY} if by_event is None else {BORN: DAY, HOME_BY_EVENT: by_event}
    decision = decide(BY_EVENT, known, DAY, ASKED)
    assert (decision.result, decision.outcome, decision.angenommen) == ("offen", "", ())


def test_what_the_register_says_counts_against_what_speaks_for_it() -> None:
    assert decide(BY_EVENT, {BORN: DAY, HOME_BY_EVENT: True, HOME_BY_REGISTER: False}, DAY, ASKED).result == "nein"


@given(st.booleans(), st.integers(174_999, 175_002), st.sets(st.sampled_from(["kind.lebt", INCOME])))
@settings(max_examples=100, deadline=None)
def test_a_declaration_never_decides(alive: bool, income: int, gone: set[str]) -> None:
    whole: dict[str, Value] = {BORN: DAY, "kind.lebt": alive, INCOME: income}
    less = {name: value for name, value in whole.items() if name not in gone}
    assert decide(DECLARED, less, DAY).result in {"offen", decide(DECLARED, whole, DAY).result}


def test_control_an_assumption_that_decides_would_turn_yes_into_no() -> None:
    check = compile_node(DECLARED.bedingung)
    known: dict[str, Value] = {"kind.lebt": True}
    assert check({INCOME: 0, **known}) is JA
    assert check({**known, INCOME: 175_001}) is NEIN
    assert check(known) is OFFEN


# Fassungen -----------------------------------------------------------------------------------------------------------

LATER = a_plan(
    gilt=Gilt(BORN, date(2027, 3, 1)),
    bedingung=comparison("kind.lebt", Op.IST, True),
    art="hinweis",
    leistung="PROBE",
)
DATED = a_plan(bedingung=comparison("kind.lebt", Op.IST, False), fassungen=(LATER,))


def test_the_fassung_of_the_key_date_decides_whatever_day_it_is() -> None:
    for today in (date(2027, 2, 28), date(2028, 1, 1)):
        for born, outcome in ((date(2027, 2, 28), ""), (date(2027, 3, 1), "hinweis")):
            decision = decide(DATED, {BORN: born, "kind.lebt": True}, today)
            assert decision.outcome == outcome
            assert decision.plan is (LATER if outcome else DATED)


def test_an_unknown_key_date_is_open_in_every_fassung() -> None:
    assert decide(DATED, {"kind.lebt": True}, DAY).result == "offen"


def test_a_stored_decision_finds_its_fassung_again() -> None:
    again: Any = Plan.from_json(json.loads(dumps(DATED.to_json())))
    assert again == DATED
    assert again.hash == DATED.hash != a_plan(bedingung=DATED.bedingung).hash
    assert again.with_hash(LATER.hash) == LATER
    assert again.with_hash("0" * 64) is None


def test_fassungen_agree_with_a_day_by_day_scan() -> None:
    later = replace(LATER, gilt=Gilt(BORN, date(2027, 11, 1)))
    plan = replace(DATED, fassungen=(LATER, later))
    day = date(2027, 2, 1)
    while day < date(2027, 12, 1):
        expected = later if day >= later.gilt.ab else LATER if day >= LATER.gilt.ab else plan
        assert plan.at({BORN: day}) is expected
        day += timedelta(days=1)


def test_the_fassung_is_found_by_a_derived_key_date_too() -> None:
    month = "kind.geburtsmonat"
    later = a_plan(gilt=Gilt(month, date(2026, 4, 1)), art="hinweis", abgeleitet=(month, "elternteil.wohnt_im_inland"))
    plan = a_plan(gilt=Gilt(month, date(2015, 1, 1)), fassungen=(later,), abgeleitet=later.abgeleitet)
    known: dict[str, Value] = {HOME: "990010000000"}
    outcomes = {day: decide(plan, {**known, BORN: day}, DAY).outcome for day in (date(2026, 3, 31), date(2026, 4, 30))}
    assert outcomes == {date(2026, 3, 31): "auftrag", date(2026, 4, 30): "hinweis"}
