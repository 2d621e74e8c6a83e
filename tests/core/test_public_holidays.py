"""Holidays of the place where an office sits, against the laws of the Länder and the nine that all of them keep."""

from datetime import date, timedelta

import pytest

from proaktiv.core.dates import bundesweiter_feiertag, ende_wochen, werktag_nach, werktag_vor
from proaktiv.core.public_holidays import calendar_of

KOELN, MUENCHEN, AUGSBURG, LEIPZIG, STUTTGART = (
    f"{place}000000"[:12].ljust(12, "0") for place in ("05315", "09162", "09761", "14713", "08111")
)
HANNOVER, BERLIN, POTSDAM, INVENTED = "032410001001", "110000000000", "120540000000", "990010000000"


def d(text: str) -> date:
    return date.fromisoformat(text)


@pytest.mark.parametrize(
    ("day", "where", "nowhere"),
    [
        ("2027-01-06", [MUENCHEN, STUTTGART], [KOELN, BERLIN, LEIPZIG, INVENTED]),
        ("2026-06-04", [KOELN, MUENCHEN, STUTTGART], [BERLIN, LEIPZIG, HANNOVER]),
        ("2026-10-31", [LEIPZIG, HANNOVER, POTSDAM], [KOELN, MUENCHEN, BERLIN]),
        ("2026-11-18", [LEIPZIG], [KOELN, MUENCHEN, BERLIN]),
        ("2026-03-08", [BERLIN], [KOELN, MUENCHEN]),
        ("2026-08-08", [AUGSBURG], [MUENCHEN]),
        ("2026-12-24", [], [KOELN, MUENCHEN, BERLIN, LEIPZIG]),
        ("2026-12-31", [], [KOELN, MUENCHEN, BERLIN, LEIPZIG]),
        ("2017-10-31", [KOELN, MUENCHEN, BERLIN], []),
    ],
)
def test_a_holiday_is_one_where_its_law_is(day: str, where: list[str], nowhere: list[str]) -> None:
    assert [calendar_of(ars)(d(day)) for ars in where] == [True] * len(where)
    assert [calendar_of(ars)(d(day)) for ars in nowhere] == [False] * len(nowhere)


@pytest.mark.parametrize("ars", [INVENTED, "", "5315", None, 5315, "000000000000"])
def test_an_unknown_place_has_the_calendar_of_all_laender(ars: object) -> None:
    assert calendar_of(ars) is bundesweiter_feiertag


@pytest.mark.parametrize("land", [f"{number:02}" for number in range(1, 17)])
def test_every_land_keeps_what_is_a_holiday_everywhere(land: str) -> None:
    calendar = calendar_of(f"{land}0000000000")
    day = date(2019, 1, 1)
    while day < date(2033, 1, 1):
        if bundesweiter_feiertag(day):
            assert calendar(day), day
        day += timedelta(days=1)


def test_two_weeks_from_before_christmas_end_by_the_calendar_of_the_land() -> None:
    end = ende_wochen(d("2026-12-23"), 2)
    assert [werktag_nach(end, calendar_of(ars)) for ars in (KOELN, MUENCHEN, STUTTGART)] == [
        d("2027-01-06"),
        d("2027-01-07"),
        d("2027-01-07"),
    ]


def test_what_a_person_is_told_lies_before_the_holidays_of_the_office() -> None:
    assert werktag_vor(d("2026-06-04"), calendar_of(KOELN)) == d("2026-06-03")
    assert werktag_vor(d("2026-06-04"), calendar_of(BERLIN)) == d("2026-06-04")
