"""Who signs, and how it is sent: what the Plan says and what the sealed draft tells the confirmation."""

import json
from dataclasses import replace
from datetime import date

import pytest

from proaktiv.core.binding import Fact
from proaktiv.core.canonical import dumps
from proaktiv.core.conditions import Op
from proaktiv.core.fristen import Value
from proaktiv.core.matching import decide
from proaktiv.core.plans import Plan
from proaktiv.core.proposals import draft, way_of
from proaktiv.core.trust import Trust
from tests.rules.plans import plan_of
from tests.rules.trees import comparison

DAY = date(2026, 10, 7)
BOTH = ("elternteil", "zweiter_elternteil")
PLAN = plan_of(
    comparison("lebt", Op.IST, True),
    schluessel=("gruppe",),
    gruppe=("gruppe",),
)
JOINT = replace(
    PLAN,
    unterzeichner=BOTH,
    ohne_zweite="einreichen_und_nachreichen",
    zweite_entfaellt=comparison("sorge", Op.IST, "allein"),
    versand="selbst",
    versand_ab={2: "behoerde"},
    form=("unterschrift_beide", "nutzerkonto_substantiell"),
)
KNOWN: dict[str, Value] = {"lebt": True, "tag": DAY, "ort": "990010000000", "gruppe": "G-1"}


def drafted(plan: Plan, **more: Value) -> dict[str, object]:
    known = {**KNOWN, **more}
    facts = {name: Fact(value, DAY) for name, value in known.items()}
    decision = decide(plan, known, DAY)
    texts = {"titel": "T", "grund": "G", "en.titel": "T", "en.grund": "G"}
    return draft(plan, facts, decision, source="STANDESAMT", basis="§ 1", behoerde="amt-1", texts=texts)


def test_one_signs_alone_unless_the_rule_names_two() -> None:
    content = drafted(PLAN)
    assert (content["unterzeichner"], content["ohne_zweite"]) == (["elternteil"], "")
    assert (content["versand"], content["form"]) == ({"V1": "behoerde"}, ["formlos"])


def test_two_parents_sign_and_the_draft_says_what_happens_without_the_second() -> None:
    content = drafted(JOINT, sorge="gemeinsam")
    assert content["unterzeichner"] == list(BOTH)
    assert content["ohne_zweite"] == "einreichen_und_nachreichen"
    assert content["form"] == ["unterschrift_beide", "nutzerkonto_substantiell"]


def test_a_parent_with_sole_custody_signs_alone() -> None:
    content = drafted(JOINT, sorge="allein")
    assert (content["unterzeichner"], content["ohne_zweite"]) == (["elternteil"], "")


def test_where_custody_is_unknown_both_sign() -> None:
    assert drafted(JOINT)["unterzeichner"] == list(BOTH)


@pytest.mark.parametrize(("trust", "way"), [(Trust.V1, "selbst"), (Trust.V2, "behoerde"), (Trust.V3, "behoerde")])
def test_the_way_depends_on_how_surely_the_person_is_known(trust: Trust, way: str) -> None:
    content = json.loads(dumps(drafted(JOINT)))
    assert content["versand"] == {"V1": "selbst", "V2": "behoerde"}
    assert way_of(content, trust) == way


def test_a_plan_with_two_signers_survives_its_stored_form() -> None:
    again = Plan.from_json(json.loads(dumps(JOINT.to_json())))
    assert again == JOINT
    assert again.versand_ab == JOINT.versand_ab
    assert again.hash == JOINT.hash


def test_who_signs_and_how_it_is_sent_are_part_of_the_hash() -> None:
    others = [
        replace(JOINT, ohne_zweite="warten"),
        replace(JOINT, zweite_entfaellt=None),
        replace(JOINT, versand_ab={3: "behoerde"}),
        replace(JOINT, form=("unterschrift_beide",)),
        replace(JOINT, unterzeichner=()),
    ]
    assert len({JOINT.hash, *(other.hash for other in others)}) == 6
