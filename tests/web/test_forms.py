"""What people type into three fields for a birth date."""

import pytest

from proaktiv.web.pages.forms import Form


def typed(day: str, month: str, year: str) -> Form:
    return Form({"geburt_tag": day, "geburt_monat": month, "geburt_jahr": year})


@pytest.mark.parametrize(
    ("day", "month", "year", "read"),
    [
        ("31", "3", "1990", "1990-03-31"),
        (" 01 ", "03", "1990", "1990-03-01"),
        ("00", "00", "1985", "1985-00-00"),
        ("0", "6", "1985", "1985-06-00"),
        ("XX", "xx", "1985", "1985-00-00"),
    ],
)
def test_a_birth_date_is_read_as_people_and_passports_write_it(day: str, month: str, year: str, read: str) -> None:
    form = typed(day, month, year)
    assert form.born("geburt", "wrong").isoformat() == read
    assert form.well


@pytest.mark.parametrize(
    "fields",
    [
        ("", "", "1985"),  # left out may be forgotten
        ("", "3", "1990"),
        ("31", "2", "1990"),
        ("29", "2", "1990"),
        ("00", "00", "00"),
        ("31", "3", "90"),
        ("32", "3", "1990"),
        ("3", "13", "1990"),
        ("-1", "3", "1990"),
        ("³", "3", "1990"),
        ("31", "3", "0000"),
    ],
)
def test_what_is_no_birth_date_is_said_beside_the_field(fields: tuple[str, str, str]) -> None:
    form = typed(*fields)
    form.born("geburt", "wrong")
    assert form.errors == {"geburt": "wrong"}
