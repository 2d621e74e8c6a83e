"""A reminder comes while it can still save the Frist that it is for: every shipped rule, every day of two years."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Any

import pytest

from proaktiv.core.calendar import BERLIN, berlin_date, end_of_month
from proaktiv.core.fristen import Clock
from proaktiv.core.matching import Decision
from proaktiv.core.plans import Plan
from proaktiv.core.proposals import answer_by
from proaktiv.core.public_holidays import calendar_of
from proaktiv.core.windows import (
    ANSWER_DAYS,
    POST_WORKING_DAYS,
    REMIND_AFTER_DAYS,
    remind_at,
    working_days_before,
)
from tests.rules.shipped import COMPILED, PLANS

DAYS = [date(2026, 1, 1) + timedelta(days=n) for n in range(731)]
TOLD_AFTER = (1, 10, 40, 62, 100)
"""So many days after a birth or a move somebody is told of it."""

PLACE = "053150000000"
Waiting = tuple[Sequence[Mapping[str, Any]], date]
Reckoning = Callable[[datetime, Sequence[Waiting]], datetime | None]
DATED = [plan for plan in PLANS if any(frist.ende for frist in plan.fristen)]


@cache
def clocks_of(leistung: str, day: date) -> tuple[Clock, ...]:
    """Return the Fristen of a Leistung for something that happened on ``day``."""
    (plan,) = (plan for plan in PLANS if plan.leistung == leistung)
    facts: dict[str, Any] = {frist.ende.von: day for frist in plan.fristen if frist.ende}
    return plan.clocks(facts | {plan.stelle_nach: PLACE}, calendar_of(PLACE))


def proposed(plan: Plan, day: date, today: date) -> Waiting:
    """Return what a proposal carries that was made ``today`` of something that happened on ``day``."""
    clocks = clocks_of(plan.leistung, day)
    fristen = [{"sicher_bis": clock.sicher_bis.isoformat() if clock.sicher_bis else ""} for clock in clocks]
    return fristen, answer_by(Decision("ja", clocks=clocks), today)


def ahead(waiting: Waiting, today: date) -> list[date]:
    """Return the days told to a person that are not over."""
    days = [date.fromisoformat(each["sicher_bis"]) for each in waiting[0] if each["sicher_bis"]]
    return [day for day in days if day >= today]


def told_on(day: date) -> Iterator[datetime]:
    """Return when somebody may be told of what happened on a day: half an hour after a Berlin midnight."""
    for after in TOLD_AFTER:
        yield datetime.combine(day + timedelta(days=after), time(0, 30), BERLIN).astimezone(UTC)


def last_to_write(end: date) -> date:
    """Return the last day on which a letter can be written that is answered by ``end``."""
    return working_days_before(end - timedelta(days=ANSWER_DAYS), POST_WORKING_DAYS)


def from_the_months_end(_told: datetime, waiting: Sequence[Waiting]) -> datetime | None:
    """Reckon as if the last day on which an answer counts were the day that a person is told."""
    return remind_at(_told, [((), last) for _, last in waiting])


def too_late(reckoning: Reckoning, plan: Plan) -> int:
    """Return how many reminders of a single proposal come too late for its Frist, of every day there is."""
    late = 0
    for day in DAYS:
        for told in told_on(day):
            waiting = proposed(plan, day, berlin_date(told))
            due, days = reckoning(told, [waiting]), ahead(waiting, berlin_date(told))
            late += due is not None and bool(days) and berlin_date(due) > last_to_write(min(days))
    return late


@pytest.mark.parametrize("plan", DATED, ids=lambda plan: plan.leistung)
def test_no_reminder_comes_too_late_to_be_answered_before_its_frist(plan: Plan) -> None:
    assert too_late(remind_at, plan) == 0


def test_control_a_reminder_reckoned_from_the_months_end_comes_after_the_frist() -> None:
    late = {plan.leistung: too_late(from_the_months_end, plan) for plan in DATED}
    assert {name for name, n in late.items() if n > 100} >= {"HUNDESTEUER", "ELTERNGELD"}, late


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.leistung)
def test_there_is_a_reminder_exactly_where_there_is_time_for_one(plan: Plan) -> None:
    seen = set()
    for day in DAYS[::3]:
        for told in told_on(day):
            today = berlin_date(told)
            waiting = proposed(plan, day, today)
            earliest = today + timedelta(days=REMIND_AFTER_DAYS)
            due = remind_at(told, [waiting])
            in_time = any(
                last_to_write(min(end, waiting[1])) >= earliest for end in ahead(waiting, today) or [waiting[1]]
            )
            assert (due is not None) is in_time, (day, told)
            assert due is None or earliest <= berlin_date(due) <= last_to_write(waiting[1])
            seen.add(in_time)
    assert True in seen, "or it was never asked where there is one"


@pytest.mark.parametrize("compiled", COMPILED, ids=lambda one: one.lebenslage.name)
def test_of_several_fristen_in_one_letter_the_first_that_can_be_saved_counts(compiled: Any) -> None:
    """And what it comes too late for has lapsed by then: it reminds of nothing that is over."""
    for day in DAYS:
        for told in told_on(day):
            today = berlin_date(told)
            bundle = [proposed(plan, day, today) for plan in compiled.lebenslage.plans]
            alone = [due for each in bundle if (due := remind_at(told, [each])) is not None]
            due = remind_at(told, bundle)
            assert due == min(alone, default=None)
            still_open = [each for each in bundle if due is not None and berlin_date(due) <= each[1]]
            ends = [min(days) for each in still_open if (days := ahead(each, today))]
            assert due is None or all(berlin_date(due) <= end for end in ends), (day, told)


@pytest.mark.parametrize("plan", DATED, ids=lambda plan: plan.leistung)
def test_the_instant_of_a_reminder_tells_nobody_the_day_of_the_birth(plan: Plan) -> None:
    """It is the first of a month, or follows from the day of the letter, or from the end of a month."""
    for day in DAYS[::3]:
        for told in told_on(day):
            waiting = proposed(plan, day, berlin_date(told))
            due = remind_at(told, [waiting])
            if due is not None:
                on = berlin_date(due)
                assert waiting[1] == end_of_month(waiting[1])
                after_letter = berlin_date(told) + timedelta(days=REMIND_AFTER_DAYS)
                assert on.day == 1 or on in {after_letter, last_to_write(waiting[1])}
