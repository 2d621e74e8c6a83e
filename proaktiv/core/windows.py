"""How long something waits: for a yes to be taken back, for a second signature, for an answer. Pure.

All of them are reckoned from the day that a person is told (``sicher_bis``), in Berlin time. Source: data-path.md § 5;
channels-and-pages.md § 3.5.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

from proaktiv.core.calendar import BERLIN, berlin_date, end_of_month, month_of
from proaktiv.core.dates import Holiday, bundesweiter_feiertag
from proaktiv.core.trust import Trust

UNDO = timedelta(hours=24)
"""How long an Auftrag confirmed at V1 waits, so that the person can take it back."""

TIGHT = timedelta(hours=48)
"""With less than this until a clock's loss, an Auftrag leaves at once."""

SIGNATURE_WORKING_DAYS = 5
"""So many working days before ``sicher_bis`` it is decided what becomes of a missing second signature."""

SIGNATURE_DAYS = 28
"""Calendar days that a second signature may take where no Frist says more."""

ANSWER_DAYS = 7
"""Calendar days that somebody may need to answer a reminder."""

POST_WORKING_DAYS = 5
"""Working days that a letter takes: one to print, four on its way."""

REMIND_AFTER_DAYS = 10
"""Calendar days between a letter and its reminder, at least."""

CODE_DAYS = 90
"""Calendar days that a letter's code is valid, as the letter says; the day on which it is written does not count."""

MOURNING = timedelta(days=28)
"""How long nothing is written to a parent whose proposals stand open again because the other one died."""

QUIET_FROM, QUIET_UNTIL = time(21), time(7)
"""Between these no mail leaves the house, Berlin time. Source: channels-and-pages.md § 3.5."""

_DAY = timedelta(days=1)
_SATURDAY = 5


def undo_until(fristen: Iterable[Mapping[str, Any]], trust: Trust, now: datetime, *, sent: bool = True) -> datetime:
    """Return until when a yes can be taken back: 24 h at V1, never past a clock's loss, not at all when time is short.

    What is not ``sent`` anywhere can be taken back for 24 h at every trust.
    """
    if sent and (trust > Trust.V1 or leaves_at_once(fristen, trust, now)):
        return now
    return now + UNDO


def leaves_at_once(fristen: Iterable[Mapping[str, Any]], trust: Trust, now: datetime) -> bool:
    """Return whether an Auftrag confirmed now leaves without waiting because a Frist is near."""
    ahead = [end for clock in fristen if (end := _loss(clock)) is not None and end > now]
    return trust > Trust.V1 or (bool(ahead) and min(ahead) - now < TIGHT)


def over(fristen: Iterable[Mapping[str, Any]], now: datetime) -> list[str]:
    """Return the names of the Fristen whose told day has ended."""
    return [clock["name"] for clock in fristen if (end := _loss(clock)) is not None and end < now]


def signature_due(fristen: Iterable[Mapping[str, Any]], now: datetime) -> datetime:
    """Return when it is decided what becomes of a missing second signature: at the latest at the next Frist ahead."""
    today = berlin_date(now)
    days = [date.fromisoformat(clock["sicher_bis"]) for clock in fristen if clock["sicher_bis"]]
    ahead = [day for day in days if day >= today]
    if not ahead:
        return now + timedelta(days=SIGNATURE_DAYS)
    return datetime.combine(working_days_before(min(ahead), SIGNATURE_WORKING_DAYS), time(0), BERLIN)


def remind_at(told: datetime, waiting: Iterable[tuple[Iterable[Mapping[str, Any]], date]]) -> datetime | None:
    """Return when the one reminder of a bundle is due, or None where it would come too late to be of use.

    ``waiting`` are the Fristen of each open proposal and the last day on which its answer counts. Reckoned backward
    from the first day that it can still save: time to answer, time for the post. A Frist that a reminder cannot save
    any more has none; where all are over, the last day of the answer counts. The instant stands in the open beside a
    person: it is the first of a month, or follows from when they were told, or from a month's end; never from the Frist
    itself, which may be a child's birthday (data-path.md § 2).
    """
    today = berlin_date(told)
    earliest = today + timedelta(days=REMIND_AFTER_DAYS)
    days = [day for fristen, answer_by in waiting for day in _reminders(fristen, answer_by, today, earliest)]
    return datetime.combine(min(days), time(6), BERLIN) if days else None


def _reminders(fristen: Iterable[Mapping[str, Any]], answer_by: date, today: date, earliest: date) -> list[date]:
    """Return on which days one proposal may be told of once more, one for each of its Fristen that has time for it."""
    ends = [date.fromisoformat(clock["sicher_bis"]) for clock in fristen if clock["sicher_bis"]]
    found = []
    for end in [day for day in ends if day >= today] or [answer_by]:
        last = working_days_before(min(end, answer_by) - timedelta(days=ANSWER_DAYS), POST_WORKING_DAYS)
        if last >= earliest:
            found.append(max(month_of(last), earliest) if end < answer_by else last)
    return found


def answered_by_letter(today: date) -> date:
    """Return by when somebody to whom a letter is written today can have answered it."""
    return working_days_after(today, POST_WORKING_DAYS) + timedelta(days=ANSWER_DAYS)


def code_until(written: datetime) -> datetime:
    """Return when a letter's code ends: with its last day, which may be the last one for an answer too."""
    return datetime.combine(berlin_date(written) + timedelta(days=CODE_DAYS + 1), time(0), BERLIN)


def quiet(now: datetime) -> bool:
    """Return whether people sleep: letters may be printed then, mails wait."""
    clock = now.astimezone(BERLIN).time()
    return clock >= QUIET_FROM or clock < QUIET_UNTIL


def look_again(change: date, safe_days: Iterable[date | None]) -> tuple[date, date | None]:
    """Return the month in which to look again and, only where a Frist would be lost by its end, the day itself.

    ``change`` is the first day with another result: often a birthday, which must not stand beside a person.
    ``safe_days`` are the last days of the Fristen. With the month alone it is looked at when that month is over.
    """
    over = end_of_month(change)
    return month_of(change), change if any(day is not None and day <= over for day in safe_days) else None


def working_days_before(day: date, n: int, holiday: Holiday = bundesweiter_feiertag) -> date:
    """Return the day that lies ``n`` working days before ``day``: with that many working days left in between."""
    while n:
        day -= _DAY
        if day.weekday() < _SATURDAY and not holiday(day):
            n -= 1
    return day


def working_days_after(day: date, n: int, holiday: Holiday = bundesweiter_feiertag) -> date:
    """Return the ``n``-th working day after ``day``."""
    while n:
        day += _DAY
        if day.weekday() < _SATURDAY and not holiday(day):
            n -= 1
    return day


def _loss(clock: Mapping[str, Any]) -> datetime | None:
    """Return the end of the day that a person is told."""
    if not clock["sicher_bis"]:
        return None
    return datetime.combine(date.fromisoformat(clock["sicher_bis"]), time.max, BERLIN)
