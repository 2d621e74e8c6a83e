"""A last day counts to its end in Berlin: half an hour before midnight it is still that day, half an hour after not."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from proaktiv.core.calendar import berlin_date
from proaktiv.core.cases import DayPassed, apply
from proaktiv.core.fristen import Clock, FristTyp, Massgeblich
from proaktiv.core.items import Candidate, Case, Item
from proaktiv.core.matching import Decision
from proaktiv.core.proposals import answer_by
from proaktiv.core.states import ProposalState
from proaktiv.core.trust import Trust
from proaktiv.core.views import rendered
from proaktiv.core.windows import (
    answered_by_letter,
    code_until,
    leaves_at_once,
    over,
    remind_at,
    signature_due,
    undo_until,
)

NIGHTS = [
    # a Berlin midnight, as UTC
    pytest.param(datetime(2026, 7, 3, 22, 0, tzinfo=UTC), date(2026, 7, 3), id="summer"),
    pytest.param(datetime(2026, 12, 11, 23, 0, tzinfo=UTC), date(2026, 12, 11), id="winter"),
]
HALF = timedelta(minutes=30)


def frist(day: date) -> list[dict[str, str]]:
    return [{"name": "frist", "sicher_bis": day.isoformat()}]


@pytest.mark.parametrize(("midnight", "day"), NIGHTS)
def test_a_day_lasts_until_midnight_in_berlin_for_everything_that_is_reckoned_from_it(
    midnight: datetime, day: date
) -> None:
    before, after = midnight - HALF, midnight + HALF
    assert (berlin_date(before), berlin_date(after)) == (day, day + timedelta(days=1))
    # the Frist that a person is told
    assert (over(frist(day), before), over(frist(day), after)) == ([], ["frist"])
    # the last day of an answer
    candidate = Candidate(b"", "PROBE", UUID(int=1), b"")
    waiting = Case((Item(UUID(int=2), candidate, ProposalState.OPEN, answer_by=day),))
    assert [bool(apply(waiting, DayPassed(berlin_date(at)))[1]) for at in (before, after)] == [False, True]
    # a yes on the last day leaves at once, and one after it has all the time it had without a Frist
    assert [leaves_at_once(frist(day), Trust.V1, at) for at in (before, after)] == [True, False]
    assert [undo_until(frist(day), Trust.V1, at) - at for at in (before, after)] == [timedelta(0), timedelta(days=1)]
    # two days and a bit before its end there is still time to take it back, a bit less and there is none
    two_days = timedelta(hours=48)
    assert undo_until(frist(day), Trust.V1, before - two_days) - (before - two_days) == timedelta(days=1)
    assert undo_until(frist(day), Trust.V1, after - two_days) == after - two_days
    # a second signature: on the last day nothing waits, on the day after nothing is near
    assert signature_due(frist(day), before) <= before
    assert signature_due(frist(day), after) == after + timedelta(days=28)
    # a code of 90 days that was printed in that night
    assert code_until(before) == code_until(before - timedelta(hours=20))
    assert code_until(after) - code_until(before) == timedelta(days=1)


@pytest.mark.parametrize(
    ("written", "until"),
    [
        (datetime(2026, 7, 3, 21, 30, tzinfo=UTC), datetime(2026, 10, 1, 22, 0, tzinfo=UTC)),  # ninety days: 1 October
        (datetime(2026, 7, 3, 22, 30, tzinfo=UTC), datetime(2026, 10, 2, 22, 0, tzinfo=UTC)),
        (datetime(2026, 8, 1, 9, 0, tzinfo=UTC), datetime(2026, 10, 30, 23, 0, tzinfo=UTC)),  # the clocks changed
        (datetime(2026, 1, 1, 9, 0, tzinfo=UTC), datetime(2026, 4, 1, 22, 0, tzinfo=UTC)),
    ],
)
def test_a_code_of_ninety_days_holds_to_the_end_of_the_ninetieth(written: datetime, until: datetime) -> None:
    assert code_until(written) == until


@pytest.mark.parametrize(
    ("told", "due"),
    [
        # In Berlin it is the 25th, and ten days later the last day on which a letter comes in time.
        (datetime(2026, 5, 25, 21, 30, tzinfo=UTC), datetime(2026, 6, 4, 4, 0, tzinfo=UTC)),
        (datetime(2026, 5, 25, 22, 30, tzinfo=UTC), None),
        (datetime(2026, 4, 30, 9, 0, tzinfo=UTC), datetime(2026, 5, 31, 22, 0, tzinfo=UTC) + timedelta(hours=6)),
    ],
    ids=["the last day for it", "half an hour into the next", "in time: the first of the month"],
)
def test_a_reminder_is_reckoned_by_the_day_in_berlin(told: datetime, due: datetime | None) -> None:
    assert remind_at(told, [(frist(date(2026, 6, 18)), date(2026, 6, 30))]) == due


@pytest.mark.parametrize(
    ("today", "sicher_bis", "last"),
    [
        (date(2026, 10, 5), date(2026, 10, 16), date(2026, 10, 31)),
        (date(2026, 10, 28), date(2026, 10, 30), date(2026, 11, 30)),  # the letter comes when October is over
        (date(2026, 10, 30), date(2026, 10, 30), date(2026, 11, 30)),  # today is not over
        (date(2026, 10, 31), date(2026, 10, 30), date(2026, 12, 31)),  # the Frist is: sixty days
        (date(2026, 12, 23), None, date(2027, 2, 28)),
    ],
)
def test_an_answer_counts_to_a_months_end_and_never_ends_before_the_letter_was_there(
    today: date, sicher_bis: date | None, last: date
) -> None:
    where = Massgeblich.EINGANG_ZUSTAENDIGE_STELLE
    clocks = (Clock("frist", FristTyp.PFLICHT, sicher_bis, sicher_bis, where),)
    assert answer_by(Decision("ja", clocks=clocks), today) == last
    assert answered_by_letter(today) <= last


@pytest.mark.parametrize(
    ("way", "now", "eingang", "vorbei"),
    [
        ("behoerde", datetime(2026, 7, 3, 21, 30, tzinfo=UTC), "mit_ihrem_ja", []),
        ("behoerde", datetime(2026, 7, 3, 22, 30, tzinfo=UTC), "mit_ihrem_ja", ["frist"]),
        ("selbst", datetime(2026, 7, 3, 21, 30, tzinfo=UTC), "bei_der_behoerde", []),
    ],
)
def test_the_page_says_what_is_over_and_what_a_sheet_does_not_keep(
    way: str, now: datetime, eingang: str, vorbei: list[str]
) -> None:
    clock = {"massgeblich": Massgeblich.EINGANG_IRGENDEIN_TRAEGER_ODER_GEMEINDE.value}
    content: dict[str, Any] = {
        **dict.fromkeys(("titel", "grund", "en", "behoerde"), ""),
        "felder": [],
        "fragen": [],
        "unterzeichner": ["elternteil"],
        "versand": {"V1": way},
        "fristen": [each | clock for each in frist(date(2026, 7, 3))],
    }
    view = rendered(content, Trust.V1, now, None)
    assert (view["eingang"], view["vorbei"]) == (eingang, vorbei)
