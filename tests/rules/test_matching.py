"""Matching: one Plan, one row of facts, one day; and the Plan as a stored, hashed value."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings

from proaktiv.core.canonical import dumps
from proaktiv.core.conditions import Alle, Node, Op, compile_node, interpret
from proaktiv.core.dates import bundesweiter_feiertag
from proaktiv.core.errors import NotFound
from proaktiv.core.fristen import Frist, FristTyp, Massgeblich, Rechnung, Value
from proaktiv.core.lebenslagen import Gilt, Lebenslage, Plan, Rulebook, Texte, Vorbelegung
from proaktiv.core.matching import decide
from tests.rules.plans import plan_of
from tests.rules.trees import FACTS, ODD_FACTS, TREES, comparison

TODAY = date(2026, 10, 7)
BORN = {"tag.a": date(2026, 10, 5)}


def a_plan(bedingung: Node, **changes: Any) -> Plan:
    plan = plan_of(
        bedingung,
        gilt=Gilt("tag.a", date(1, 1, 1)),
        stelle_art="standesamt",
    )
    return replace(plan, **changes)


YES = comparison("ja.a", Op.IST, True)
LOOKED_UP = a_plan(
    Alle((YES, comparison("ja.b", Op.IST, True))),
    register={"ja.b": "MELDEREGISTER", "marke": "MELDEREGISTER", "fremd": "STEUERAMT"},
    vorbelegung=(Vorbelegung("x/marke", "marke"), Vorbelegung("x/fremd", "fremd")),
)


def test_a_rule_outside_its_time_says_neither_yes_nor_no() -> None:
    plan = a_plan(YES, gilt=Gilt("tag.a", date(2026, 10, 5), date(2026, 10, 6)))
    results = [decide(plan, {"ja.a": True, "tag.a": date(2026, 10, day)}, TODAY).result for day in (4, 5, 6, 7)]
    assert results == ["gilt_nicht", "ja", "ja", "gilt_nicht"]
    assert decide(plan, {"ja.a": True, "tag.a": date(2026, 10, 4)}, TODAY).explanation() is None


def test_an_unknown_key_date_is_open_and_missing() -> None:
    decision = decide(a_plan(YES), {"ja.a": True}, TODAY)
    assert (decision.result, decision.missing) == ("offen", ("tag.a",))


def test_only_yes_becomes_an_auftrag() -> None:
    outcomes = {value: decide(a_plan(YES), {**BORN, "ja.a": value}, TODAY).outcome for value in (True, False)}
    assert outcomes == {True: "auftrag", False: ""}
    assert decide(a_plan(YES), BORN, TODAY).outcome == ""


def test_a_lacking_register_fact_is_needed_with_what_fills_fields_from_there() -> None:
    decision = decide(LOOKED_UP, {**BORN, "ja.a": True}, TODAY)
    assert decision.result == "offen"
    assert decision.needs == {"MELDEREGISTER": ("ja.b", "marke")}


def test_nothing_is_looked_up_for_what_is_decided_already() -> None:
    assert decide(LOOKED_UP, {**BORN, "ja.a": False}, TODAY).needs == {}


def test_nothing_is_asked_twice() -> None:
    asked = frozenset({"ja.b", "marke"})
    assert decide(LOOKED_UP, {**BORN, "ja.a": True}, TODAY, asked).needs == {}


def test_what_only_fills_fields_is_fetched_once_the_answer_is_yes() -> None:
    known = {**BORN, "ja.a": True, "ja.b": True, "marke": "M-1"}
    assert decide(LOOKED_UP, known, TODAY).needs == {"STEUERAMT": ("fremd",)}
    assert decide(LOOKED_UP, known, TODAY, frozenset({"fremd"})).needs == {}


def test_the_day_that_is_passed_in_counts_and_not_a_fact() -> None:
    plan = a_plan(comparison("heute", Op.BIS, date(2026, 10, 7)))
    assert decide(plan, {**BORN, "heute": date(2030, 1, 1)}, TODAY).result == "ja"


def test_an_explanation_says_what_was_decided_and_is_always_the_same() -> None:
    plan = a_plan(Alle((YES, comparison("zahl.a", Op.MAXIMAL, 3))))
    decision = decide(plan, {**BORN, "ja.a": True, "zahl.a": 4}, TODAY)
    tree = decision.explanation()
    assert tree is not None
    assert [part.ergebnis.value for part in tree.teile] == ["ja", "nein"]
    assert tree == decision.explanation()


@given(TREES, FACTS)
@settings(max_examples=150, deadline=None)
def test_the_next_change_is_the_first_that_a_scan_of_days_finds(tree: Node, known: dict[str, Value]) -> None:
    plan = a_plan(tree)
    today = known["heute"]
    assert isinstance(today, date)
    decision = decide(plan, known, today)
    days = (today + timedelta(days=k) for k in range(1, 400))
    scanned = next((day for day in days if compile_node(tree)({**known, "heute": day}).value != decision.result), None)
    if scanned is not None:
        assert decision.next_change_on == scanned
    elif decision.next_change_on is not None:
        assert decision.next_change_on >= today + timedelta(days=400)


@given(TREES, ODD_FACTS)
@settings(max_examples=100, deadline=None)
def test_a_plan_read_back_has_the_same_hash_and_decides_the_same(tree: Node, known: dict[str, Value]) -> None:
    plan = a_plan(tree)
    again = Plan.from_json(json.loads(dumps(plan.to_json())))
    assert again == plan
    assert again.hash == plan.hash
    assert decide(again, known, TODAY) == decide(plan, known, TODAY)
    assert interpret(again.bedingung, known) == interpret(plan.bedingung, known)


def test_any_change_of_content_changes_the_hash() -> None:
    plan = a_plan(YES)
    others = [
        replace(plan, min_vertrauen=2),
        replace(plan, bedingung=comparison("ja.a", Op.IST, False)),
        replace(plan, version=2),
        replace(plan, register={"ja.a": "MELDEREGISTER"}),
    ]
    assert len({plan.hash, *(other.hash for other in others)}) == 5


def test_a_plan_names_every_fact_it_needs_but_today() -> None:
    plan = a_plan(
        Alle((YES, comparison("heute", Op.AB, Rechnung("tag.b", (("tage", 1),))))),
        fristen=(a_frist(ende=Rechnung("tag.a", ())),),
        vorbelegung=(Vorbelegung("x", "marke"),),
    )
    assert plan.benoetigt == {"ja.a", "tag.a", "tag.b", "ort", "kennung", "marke"}


def a_frist(**changes: Any) -> Frist:
    frist = Frist("probe", FristTyp.PFLICHT, Massgeblich.ABGABE, ende=Rechnung("tag.a", (("wochen", 2),)))
    return replace(frist, **changes)


def clock_of(frist: Frist, day: date | None) -> tuple[date | None, date | None]:
    facts: Mapping[str, Value] = {} if day is None else {"tag.a": day}
    clock = frist.clock(facts, bundesweiter_feiertag)
    return clock.gesetzlich, clock.sicher_bis


def test_a_frist_shifts_only_where_a_norm_says_so() -> None:
    sunday = date(2026, 10, 4)
    assert clock_of(a_frist(), sunday) == (date(2026, 10, 18), date(2026, 10, 16))
    shifted = a_frist(verschiebung="§ 31 Abs. 3 VwVfG")
    assert clock_of(shifted, sunday) == (date(2026, 10, 19), date(2026, 10, 16))


def test_a_frist_from_an_unknown_day_has_no_date() -> None:
    assert clock_of(a_frist(), None) == (None, None)


@pytest.mark.parametrize("typ", [FristTyp.UNVERZUEGLICH, FristTyp.KEINE])
def test_unverzueglich_never_has_a_date(typ: FristTyp) -> None:
    assert clock_of(a_frist(typ=typ), TODAY) == (None, None)


def test_a_day_at_the_end_of_the_calendar_is_open_and_no_crash() -> None:
    plan = a_plan(comparison("heute", Op.BIS, Rechnung("tag.b", (("lebensjahr", 18),))), fristen=(a_frist(),))
    far = {"tag.a": date.max, "tag.b": date.max}
    assert decide(plan, far, TODAY).result == "offen"
    assert clock_of(a_frist(), date.max) == (None, None)


def test_a_rulebook_finds_by_event_by_leistung_and_by_flow() -> None:
    plan = a_plan(YES)
    geburt = Lebenslage("geburt", 1, ("geburt",), (), (plan,), Texte({"de": {"PROBE.titel": "Probe"}}))
    rules = Rulebook({"geburt": geburt})
    assert rules.for_event("geburt") == (geburt,)
    assert rules.for_event("umzug") == ()
    assert rules.plan("geburt", "PROBE") is plan
    for call in (
        lambda: rules.plan("geburt", "FEHLT"),
        lambda: rules.plan("fehlt", "PROBE"),
        lambda: rules.fluss("geburt/fehlt"),
        lambda: geburt.texte.text("PROBE.grund"),
    ):
        with pytest.raises(NotFound):
            call()


def test_a_text_that_a_language_lacks_is_german() -> None:
    texte = Texte({"de": {"PROBE.titel": "Probe"}, "en": {}})
    assert texte.text("PROBE.titel", "en") == "Probe"
