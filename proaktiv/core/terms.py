"""Periods of retention as the law counts them, and what one installation sets of them.

Pure. A period ends with the end of a day in Berlin; on the day after it is over. Left to others: what is kept for
which period (``core.retention``). Sources: §§ 187 (1), 188 BGB; data-path.md § 5 (Retention).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from proaktiv.core.calendar import BERLIN
from proaktiv.core.dates import ende_monate_ereignis, ende_tage
from proaktiv.core.errors import BadInput


class Term(StrEnum):
    """The periods by name. Those of ``PER_LEBENSLAGE`` may be shortened or lengthened for one Lebenslage."""

    AT_ONCE = "at_once"
    UNANSWERED = "unanswered"
    ENDED = "ended"
    AUFTRAG = "auftrag"
    FACTS = "facts"
    ENROLMENT = "enrolment"
    DESK = "desk"
    PROOF = "proof"
    TRACE = "trace"


@dataclass(frozen=True, slots=True)
class Period:
    """A length of time as the law counts it: calendar days or calendar months, one of the two."""

    days: int = 0
    months: int = 0

    def ends(self, since: date) -> date:
        """Return the last day of the period; the day it begins with does not count. Source: §§ 187 (1), 188 BGB."""
        return ende_monate_ereignis(since, self.months) if self.months else ende_tage(since, self.days)

    def newest_over(self, today: date) -> date:
        """Return the newest day since which the period is over ``today``: it ended yesterday at the latest."""
        yesterday = today - timedelta(days=1)
        if not self.months:
            return yesterday - timedelta(days=self.days)
        year, month = divmod(yesterday.year * 12 + yesterday.month - 1 - self.months, 12)
        day = date(year, month + 1, 1) + timedelta(days=31)
        while self.ends(day) > yesterday:
            day -= timedelta(days=1)
        return day

    def __str__(self) -> str:
        """Return the period in words for people."""
        if self.months % 12 == 0 and self.months:
            years = self.months // 12
            return f"{years} Jahr{'e' if years > 1 else ''}"
        if self.months:
            return f"{self.months} Monate"
        return f"{self.days} Tage" if self.days else "sofort"


DEFAULTS: Mapping[Term, Period] = {
    Term.AT_ONCE: Period(),
    Term.UNANSWERED: Period(days=30),
    Term.ENDED: Period(days=30),
    Term.AUFTRAG: Period(months=24),
    Term.FACTS: Period(days=365),
    Term.ENROLMENT: Period(days=120),
    Term.DESK: Period(months=12),
    Term.PROOF: Period(months=24),
    Term.TRACE: Period(months=60),
}
"""An activation code lives 90 days, so an enrolment must outlive it: 120."""

PER_LEBENSLAGE: Mapping[str, tuple[Term, str, int, int]] = {
    "unanswered_days": (Term.UNANSWERED, "days", 1, 365),
    "ended_days": (Term.ENDED, "days", 1, 365),
    "auftrag_months": (Term.AUFTRAG, "months", 1, 60),
}
"""What a setting may say for one Lebenslage: the term, its unit, the shortest and the longest."""


@dataclass(frozen=True, slots=True)
class Terms:
    """The periods of one installation. ``lebenslagen`` holds what differs for one Lebenslage."""

    default: Mapping[Term, Period] = field(default_factory=lambda: DEFAULTS, hash=False)
    lebenslagen: Mapping[str, Mapping[Term, Period]] = field(default_factory=dict, hash=False)

    @classmethod
    def read(cls, setting: Mapping[str, Mapping[str, int]]) -> "Terms":
        """Return the terms with what a setting changes, e.g. ``{"umzug": {"auftrag_months": 12}}``.

        Raises ``BadInput`` for a name that is none and for a figure outside its limits. The longest is the trace's
        period: nothing may outlive the row that it stands in.
        """
        changed: dict[str, dict[Term, Period]] = {}
        for lebenslage, figures in setting.items():
            for name, figure in figures.items():
                place = f"/{lebenslage}/{name}"
                if name not in PER_LEBENSLAGE:
                    raise BadInput(place, f"is none of {', '.join(PER_LEBENSLAGE)}")
                term, unit, shortest, longest = PER_LEBENSLAGE[name]
                if not shortest <= figure <= longest:
                    raise BadInput(place, f"must be {shortest} to {longest}")
                period = Period(days=figure) if unit == "days" else Period(months=figure)
                changed.setdefault(lebenslage, {})[term] = period
        return cls(lebenslagen=changed)

    def over(self, term: Term, today: date) -> date:
        """Return the newest day since which the default period is over ``today``."""
        return self.default[term].newest_over(today)

    def own(self, term: Term) -> dict[str, Period]:
        """Return the period of each Lebenslage that has one of its own."""
        return {name: periods[term] for name, periods in self.lebenslagen.items() if term in periods}

    def over_in(self, term: Term, today: date) -> dict[str, date]:
        """Return the same for each Lebenslage that has a period of its own."""
        return {name: period.newest_over(today) for name, period in self.own(term).items()}


def end_of(day: date) -> datetime:
    """Return the instant at which a day in Berlin is over; summer time counts."""
    return datetime.combine(day + timedelta(days=1), time(0), BERLIN)
