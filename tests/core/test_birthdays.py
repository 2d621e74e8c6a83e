"""Birth dates as far as they are known: read as registers and passports write them, and never made up."""

import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proaktiv.core.birthdays import PATTERN, InPart, read_born
from proaktiv.core.forms import GEBURT, Form


@given(st.dates(date(1800, 1, 1), date(2999, 12, 31)))
def test_every_whole_date_is_read_as_itself(day: date) -> None:
    assert read_born(day.isoformat()) == day
    assert re.fullmatch(PATTERN, day.isoformat())


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("1985-00-00", "1985-00-00"),
        ("1985-06-00", "1985-06-00"),
        ("1985-00-12", "1985-00-12"),
        ("1985", "1985-00-00"),
        ("1985-06", "1985-06-00"),
    ],
)
def test_what_is_not_known_stays_unknown(written: str, read: str) -> None:
    assert read_born(written) == InPart(read)
    assert read_born(written).isoformat() == read
    assert Form(GEBURT).read(written) == InPart(read)


@pytest.mark.parametrize(
    "written",
    [
        *("0000-00-00", "0000", "0000-03-31", "1799-12-31", "3000-01-01"),
        *("1985-13-00", "1985-00-32", "1985-02-30", "1985-02-29", "1985-04-31", "1985-6-1"),
        *("", "85", "1985-", "1985-06-", "1985-W01-1", "31.03.1985", "1985-03-31\n", " 1985-03-31", "١٩٨٥-٠٣-٣١"),
        *(None, 1985, True, {"jahr": 1985}),
    ],
)
def test_what_is_no_birth_date_is_refused_and_not_repeated(written: object) -> None:
    with pytest.raises(ValueError, match=r"^is no birth date$"):
        read_born(written)


def test_one_that_is_known_in_part_shows_nowhere_by_itself() -> None:
    assert "1985" not in repr(InPart("1985-00-00"))
