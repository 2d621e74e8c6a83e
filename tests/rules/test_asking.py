"""Questions: asked only where an answer can still decide, read strictly, and never taken for a yes."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proaktiv.core.binding import Fact, with_answers
from proaktiv.core.canonical import dumps
from proaktiv.core.conditions import Alle, Op
from proaktiv.core.errors import BadInput
from proaktiv.core.fristen import Frist, FristTyp, Massgeblich, Rechnung, Value
from proaktiv.core.lebenslagen import Texte
from proaktiv.core.matching import decide
from proaktiv.core.plans import Gilt, Plan, Vorbelegung
from proaktiv.core.proposals import draft, words
from proaktiv.core.questions import YES_NO, Frage
from tests.rules.plans import plan_of
from tests.rules.trees import TREES, comparison

TODAY = date(2026, 10, 7)
ASKED = {"de": "Wie ist es?", "en": "How is it?", "ls": "Wie ist es?"}
STELLPLATZ = Frage("stellplatz", "janein", ASKED, YES_NO)
KENNZEICHEN = Frage("kennzeichen", "text", ASKED, low=4, high=12)
EINKOMMEN = Frage("einkommen", "zahl", ASKED, low=0, high=1000, sensibel=True)


def a_plan(**changes: Any) -> Plan:
    """A Leistung that needs a main home, a car by register, no parking space and little income by the person."""
    plan = plan_of(
        Alle(
            (
                comparison("haupt", Op.IST, True),
                comparison("auto", Op.IST, True),
                comparison("stellplatz", Op.IST, False),
                comparison("einkommen", Op.MAXIMAL, 100),
            )
        ),
        lebenslage="umzug",
        je="person",
        indikator=comparison("auto", Op.IST, True),
        gilt=Gilt("tag", date(2015, 1, 1)),
        stelle_art="amt",
        stelle_nach="ort",
        schluessel=("kennung",),
        register={"auto": "ZULASSUNG"},
        fragen=(EINKOMMEN, KENNZEICHEN, STELLPLATZ),
        vorbelegung=(Vorbelegung("auto/kennzeichen", "kennzeichen"), Vorbelegung("ort", "ort")),
        fristen=(Frist("probe", FristTyp.PFLICHT, Massgeblich.ABGABE, Rechnung("tag", (("wochen", 2),))),),
    )
    return replace(plan, **changes)


EVENT: Mapping[str, Value] = {"tag": date(2026, 10, 5), "ort": "990010000000", "kennung": "P-1", "haupt": True}
LOOKED_UP = {**EVENT, "auto": True}


def test_nothing_is_asked_while_a_register_can_still_answer() -> None:
    decision = decide(a_plan(), EVENT, TODAY)
    assert (decision.result, decision.outcome, decision.fragen) == ("offen", "", ())
    assert decision.needs == {"ZULASSUNG": ("auto",)}


def test_what_only_the_person_knows_becomes_a_question_and_never_a_yes() -> None:
    decision = decide(a_plan(), LOOKED_UP, TODAY)
    assert (decision.result, decision.outcome) == ("offen", "frage")
    assert decision.fragen == ("stellplatz", "kennzeichen")
    assert [clock.sicher_bis for clock in decision.clocks] == [date(2026, 10, 19)]


def test_a_register_that_did_not_answer_is_not_replaced_by_a_question() -> None:
    assert decide(a_plan(), EVENT, TODAY, frozenset({"auto"})).outcome == ""


@pytest.mark.parametrize("known", [{**LOOKED_UP, "hinweis": False}, LOOKED_UP])
def test_nobody_is_asked_without_a_sign_that_it_is_worth_it(known: Mapping[str, Value]) -> None:
    plan = a_plan(indikator=comparison("hinweis", Op.IST, True))
    assert decide(plan, known, TODAY).fragen == ()
    assert decide(a_plan(indikator=None), known, TODAY).fragen == ()


def test_sensitive_questions_come_last_and_only_where_they_decide() -> None:
    first = decide(a_plan(), {**LOOKED_UP, "stellplatz": False, "kennzeichen": "XX AB 1"}, TODAY)
    assert (first.outcome, first.fragen) == ("frage", ("einkommen",))
    refused = decide(a_plan(), {**LOOKED_UP, "stellplatz": True}, TODAY)
    assert (refused.result, refused.outcome, refused.fragen) == ("nein", "", ())


def test_answers_decide_as_any_fact_does() -> None:
    answers: Mapping[str, Value] = {"stellplatz": False, "kennzeichen": "XX AB 1", "einkommen": 100}
    assert decide(a_plan(), {**LOOKED_UP, **answers}, TODAY).outcome == "auftrag"
    assert decide(a_plan(), {**LOOKED_UP, **answers, "einkommen": 101}, TODAY).result == "nein"


def test_a_field_that_only_the_person_can_fill_is_asked_for_before_there_is_an_auftrag() -> None:
    decision = decide(a_plan(), {**LOOKED_UP, "stellplatz": False, "einkommen": 1}, TODAY)
    assert (decision.result, decision.outcome, decision.fragen) == ("ja", "frage", ("kennzeichen",))


@given(TREES, st.sets(st.sampled_from(["ja.a", "ja.b", "farbe", "zahl.a"])))
@settings(max_examples=150, deadline=None)
def test_whatever_the_rule_a_question_is_asked_only_of_what_is_open_and_askable(tree: object, said: set[str]) -> None:
    fragen = tuple(Frage(name, "text", ASKED, low=1, high=9) for name in sorted(said))
    plan = a_plan(bedingung=tree, fragen=fragen, vorbelegung=(), register={})
    decision = decide(plan, {**LOOKED_UP}, TODAY)
    assert set(decision.fragen) <= said & set(decision.missing)
    assert (decision.outcome == "frage") == bool(decision.fragen)
    assert decision.outcome != "auftrag" or decision.result == "ja"


# the draft -----------------------------------------------------------------------------------------------------------


TEXTE = Texte({"de": {"PROBE.titel": "Probe", "PROBE.grund": "Es passt.", "PROBE.frage": "Passt es?"}})


def drafted(values: Mapping[str, Value]) -> dict[str, object]:
    facts = {name: Fact(value, TODAY) for name, value in values.items()}
    plan, decision = a_plan(), decide(a_plan(), values, TODAY)
    texts = words(plan, TEXTE, facts, decision)
    return draft(plan, facts, decision, source="MELDEREGISTER", basis="§ 1", behoerde="amt-1", texts=texts)


def test_a_proposal_with_questions_carries_them_in_every_language_and_promises_nothing() -> None:
    content = drafted(LOOKED_UP)
    assert content["grund"] == "Passt es?"
    assert content["fragen"] == [
        {
            "name": "stellplatz",
            "typ": "janein",
            "text": ASKED,
            "werte": [{"wert": "ja", "text": YES_NO["ja"]}, {"wert": "nein", "text": YES_NO["nein"]}],
        },
        {"name": "kennzeichen", "typ": "text", "text": ASKED, "bereich": [4, 12]},
    ]
    assert json.loads(dumps(content)) == content


def test_an_answered_proposal_asks_nothing_and_shows_the_person_as_source() -> None:
    content = drafted({**LOOKED_UP, "stellplatz": False, "kennzeichen": "XX AB 1", "einkommen": 1})
    assert content["fragen"] == []
    assert content["grund"] == "Es passt."
    sources = {field["ziel"]: (field["wert"], field["quelle"]) for field in content["felder"]}  # type: ignore[attr-defined]
    assert sources == {"auto/kennzeichen": ("XX AB 1", "Ihre Angabe"), "ort": ("990010000000", "MELDEREGISTER")}


def test_an_answer_never_overwrites_what_a_register_said() -> None:
    said, looked_up = Fact("XX 1", TODAY), Fact("XX 2", TODAY)
    assert with_answers({"a": looked_up}, {"a": said, "b": said}) == {"a": looked_up, "b": said}


# reading an answer ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("frage", "written", "value"),
    [
        (STELLPLATZ, "ja", True),
        (STELLPLATZ, "nein", False),
        (Frage("f", "code", ASKED, {"rot": ASKED, "gelb": ASKED}), "gelb", "gelb"),
        (EINKOMMEN, " 1000 ", 1000),
        (EINKOMMEN, "0", 0),
        (Frage("f", "zahl", ASKED, low=-5, high=5), "-5", -5),
        (Frage("f", "datum", ASKED), "2024-02-29", date(2024, 2, 29)),
        (KENNZEICHEN, "  XX\u00a0AB  1\n", "XX AB 1"),
    ],
)
def test_an_answer_is_read_as_the_fact_it_is(frage: Frage, written: str, value: Value) -> None:
    read = frage.read(written)
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("frage", "written", "said"),
    [
        (STELLPLATZ, "vielleicht", "stellplatz: choose one of: ja, nein"),
        (STELLPLATZ, "", "stellplatz: choose one of: ja, nein"),
        (EINKOMMEN, "1001", "einkommen: write a whole number from 0 to 1000, digits only"),
        (EINKOMMEN, "-1", "einkommen: write a whole number from 0 to 1000, digits only"),
        (EINKOMMEN, "1.000", "einkommen: write a whole number from 0 to 1000, digits only"),
        (EINKOMMEN, "٣", "einkommen: write a whole number from 0 to 1000, digits only"),
        (EINKOMMEN, "9" * 100_000, "einkommen: write a whole number from 0 to 1000, digits only"),
        (Frage("f", "datum", ASKED), "31.10.2026", "f: write the date as 2026-10-31"),
        (KENNZEICHEN, "XX", "kennzeichen: write 4 to 12 characters"),
        (KENNZEICHEN, "X" * 13, "kennzeichen: write 4 to 12 characters"),
    ],
)
def test_another_answer_is_refused_with_the_remedy_and_without_repeating_it(
    frage: Frage, written: str, said: str
) -> None:
    with pytest.raises(BadInput) as caught:
        frage.read(written)
    assert str(caught.value) == said


@given(st.text(max_size=40), st.sampled_from([STELLPLATZ, EINKOMMEN, KENNZEICHEN, Frage("f", "datum", ASKED)]))
@settings(max_examples=300, deadline=None)
def test_whatever_is_written_ends_with_a_value_or_a_refusal(written: str, frage: Frage) -> None:
    try:
        value = frage.read(written)
    except BadInput:
        return
    assert value is not None
    if frage is KENNZEICHEN:
        assert len(str(value)) <= 12
        assert str(value).isprintable()
