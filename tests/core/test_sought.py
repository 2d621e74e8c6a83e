"""What a person may be sought by is told from a name by form alone, and a refusal repeats nothing of what was typed."""

import pytest

from proaktiv.core.codes import ALPHABET
from proaktiv.core.errors import BadInput
from proaktiv.core.sought import Incomplete, auftrag_number, number

NUMBERS = (
    *("A-0AMKR-PSVAQ", "a-0amkr-psvaq", "MR-000012", "MR-1", "mr-1", "7", "K 12/2026", "MR 000012", "12/2026.3"),
    *(
        "3f2a9c0e-1111-4222-8333-944444444444",
        "EWO-MUSTERSTADT-123",
        "99:001/7",
        "00.1.2",
        "1990/123",
        "A 0AMKR PSVAQ",
        "A-BCDEF-GHJKM",
    ),
)
NAMES = (
    *("Anna Beispiel", "anna", "Beispiel", "Müller", "Müller 3", "Anna-Lena", "von der Probe 7", "Beispiel, Anna 12"),
    *("A Berta Muster", "A-Berta", "A Berta Beispiel 7"),
    *("ANNA BEISPIEL 7", "Anna 12.03.1980", "12.03.1980", "1980-03-12", "1. 2. 1980", "7 12/03/1980", "MR-unknown"),
    *(
        "Annabarbara",
        "anna.beispiel@post.example",
        "anna7@post.example",
        "O'Neill 2",
        "+49 000 1",
        "",
        "  ",
        "-",
        "7-",
        "7\x00",
        "7" * 65,
    ),
)


@pytest.mark.parametrize("typed", NUMBERS)
def test_a_number_is_taken_as_it_was_typed_but_for_the_blanks_around_it(typed: str) -> None:
    assert number(f"  {typed} ", "who") == typed


@pytest.mark.parametrize("typed", NAMES)
def test_a_name_a_day_or_an_address_is_refused_and_quoted_nowhere(typed: str) -> None:
    with pytest.raises(BadInput) as refused:
        number(typed, "who")
    assert refused.value.field == "who"
    words = [word for word in typed.replace(".", " ").split() if len(word) > 2 and word != "MR-unknown"]
    assert not [word for word in words if word in str(refused.value)]
    assert refused.value.__cause__ is None


@pytest.mark.parametrize(
    ("typed", "printed"),
    [
        ("A-0AMKR-PSVAQ", "A-0AMKR-PSVAQ"),
        (" a-Oamkr-psvaq ", "A-0AMKR-PSVAQ"),
        ("A 0AMKR PSVAQ", "A-0AMKR-PSVAQ"),
        ("a0amkrpsvaq", "A-0AMKR-PSVAQ"),
        ("A-ILOIL-ILOIL", "A-11011-11011"),
        ("MR-000012 ", "MR-000012"),
        ("A-0AMKR-PSVA", "A-0AMKR-PSVA"),
        ("A-0AMKR-PSVAU", "A-0AMKR-PSVAU"),
    ],
)
def test_an_auftrags_number_is_read_however_it_is_typed(typed: str, printed: str) -> None:
    assert auftrag_number(typed) == printed


def test_every_number_that_is_printed_is_read_as_itself() -> None:
    for symbol in ALPHABET:
        printed = f"A-{symbol * 5}-0{symbol * 4}"
        assert auftrag_number(printed.lower()) == printed
        assert number(printed, "who") == printed


@pytest.mark.parametrize(
    "typed",
    [
        *("A-WBE43-Z74H", "a-wbe43-z74h", "A WBE43 Z74H", "A-WBE4-Z74HX", "A-WBE43-Z74HXX", "A-WBE43"),
        *("A-WBE43Z74H", "A-0AMKR-PSVAU", "A-0AMKRPSVAQX", "A-YFCVH-YZKF"),
    ],
)
def test_an_auftrags_number_that_is_not_whole_is_told_from_a_registers_key(typed: str) -> None:
    with pytest.raises(Incomplete) as refused:
        number(typed, "who")
    assert typed not in str(refused.value)


@pytest.mark.parametrize("typed", ["A-2026-000123", "A-17", "A 12/2026", "A-1", "AB-WBE43-Z74H", "A-00012-0034", "A7"])
def test_a_registers_key_that_begins_with_an_a_stays_one(typed: str) -> None:
    assert number(typed, "who") == typed
