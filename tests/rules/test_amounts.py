"""Amounts: cents inside, euros for whoever writes a rule, answers a question or reads a text."""

from datetime import date

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from proaktiv.core.binding import Fact
from proaktiv.core.conditions import Op
from proaktiv.core.errors import BadInput
from proaktiv.core.matching import decide
from proaktiv.core.plans import Vorbelegung
from proaktiv.core.proposals import draft
from proaktiv.core.questions import Frage
from proaktiv.core.texts import euros
from proaktiv.rulebook.load import Scalar
from proaktiv.rulebook.reading import Reader
from proaktiv.rulebook.reading import euros as written_by_an_author
from tests.rules.plans import plan_of
from tests.rules.trees import comparison

INCOME = Frage("einkommen", "betrag", {"de": "Wie viel?"}, low=0, high=100_000_000_00)


@pytest.mark.parametrize(
    ("written", "cents"),
    [
        ("0", 0),
        ("1234", 123400),
        (" 1234,50 ", 123450),
        ("175.000", 17500000),
        ("175 000", 17500000),
        ("1.234.567,89", 123456789),
        ("259 €", 25900),
        ("259,00 Euro", 25900),
        ("100.000.000", 10_000_000_000),
    ],
)
def test_a_person_answers_in_euros_as_people_write_them(written: str, cents: int) -> None:
    assert INCOME.read(written) == cents


@pytest.mark.parametrize(
    "written",
    [
        "",
        "viel",
        "12.5",
        "12,5",
        "1.23",
        "12,345",
        "1,234.50",
        "17.50.00",
        "1..000",
        "-5",
        "1e5",
        "٣",
        "9" * 400,
        "100.000.001",
    ],
)
def test_what_is_no_amount_or_could_be_two_is_asked_again_without_repeating_it(written: str) -> None:
    with pytest.raises(BadInput) as caught:
        INCOME.read(written)
    assert "write euros from 0 to 100000000, like 1234 or 1234,50" in str(caught.value)
    assert not written or written not in str(caught.value)


def test_a_page_learns_the_bounds_in_euros() -> None:
    assert INCOME.shown()["bereich"] == [0, 100_000_000]


@pytest.mark.parametrize(
    ("cents", "de", "en"),
    [
        (17500000, "175.000 Euro", "EUR 175,000"),
        (25550, "255,50 Euro", "EUR 255.50"),
        (5, "0,05 Euro", "EUR 0.05"),
        (-25550, "-255,50 Euro", "-EUR 255.50"),
    ],
)
def test_a_text_shows_an_amount_as_its_language_writes_it(cents: int, de: str, en: str) -> None:
    assert (euros(cents), euros(cents, "en")) == (de, en)


@given(st.integers(-(10**12), 10**12))
@example(-50)
def test_what_an_author_reads_is_what_an_author_may_write(cents: int) -> None:
    reader = Reader("probe.yaml")
    text = written_by_an_author(cents)
    assert reader.cents(Scalar(1, 1, text, plain=True), -(10**14), 10**14) == cents
    assert reader.problems == []


@pytest.mark.parametrize(
    "text", ["175.000", "1 000", "1'000", "1,50", "1.5", "1.505", "01", "+1", "1€", "1_000", "0x10", ""]
)
def test_an_author_writes_euros_in_one_way_only(text: str) -> None:
    reader = Reader("probe.yaml")
    reader.cents(Scalar(3, 7, text, plain=True), 0, 10**14)
    assert [(problem.line, problem.column) for problem in reader.problems] in ([(3, 7)], [(3, 7), (3, 7)])


def test_a_field_of_an_auftrag_shows_euros() -> None:
    day = date(2026, 10, 7)
    plan = plan_of(
        comparison("lebt", Op.IST, True),
        schluessel=("tag",),
        vorbelegung=(Vorbelegung("x/einkommen", "einkommen", typ="betrag"), Vorbelegung("x/zahl", "zahl")),
    )
    facts = {
        name: Fact(value, day) for name, value in {"lebt": True, "tag": day, "einkommen": 6000050, "zahl": 3}.items()
    }
    decision = decide(plan, {name: fact.value for name, fact in facts.items()}, day)
    texts = {"titel": "T", "grund": "G", "en.titel": "T", "en.grund": "G"}
    content = draft(plan, facts, decision, source="STANDESAMT", basis="§ 1", behoerde="amt-1", texts=texts)
    assert [field["wert"] for field in content["felder"]] == ["60.000,50 Euro", "3"]
