"""Which days are public holidays where an office sits: by its ARS, from the ``holidays`` package.

Holidays that only some Gemeinden of a Land keep (Fronleichnam in parts of SN and TH, Mariä Himmelfahrt in parts of BY)
are working days here: a Frist then ends a day early rather than late. Augsburg's own one is known.
An invented place, or one whose Land is unknown, has only what is a holiday everywhere.
Left to others: shifting a date (``core.dates``), which clock is shifted (the rule).
Source: § 193 BGB; the Länder's Feiertagsgesetze, as the package has them; lebenslagen.md § 3.
"""

from collections.abc import Callable
from datetime import date
from functools import lru_cache

from proaktiv.core.dates import Holiday, bundesweiter_feiertag
from proaktiv.core.derived.person import LAENDER
from proaktiv.core.keys import Ars, KeyFormatError

AUGSBURG = "09761"


@lru_cache(maxsize=4096)
def calendar_of(ars: object) -> Holiday:
    """Return the calendar of the place that an ARS names; of no place, or an invented one, the one of all Länder."""
    try:
        place = Ars(ars) if isinstance(ars, str) else None
    except KeyFormatError:
        place = None
    number = int(place.land) if place else 0
    if place is None or not 1 <= number <= len(LAENDER):
        return bundesweiter_feiertag
    return _calendar("Augsburg" if place.within(AUGSBURG) else LAENDER[number - 1])


@lru_cache(maxsize=32)
def _calendar(subdivision: str) -> Holiday:
    days = _days(subdivision)

    @lru_cache(maxsize=4096)
    def is_holiday(day: date) -> bool:
        return days(day)

    return is_holiday


def _days(subdivision: str) -> Callable[[date], bool]:
    import holidays

    known = holidays.country_holidays("DE", subdiv=subdivision)
    return lambda day: day in known
