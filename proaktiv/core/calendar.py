"""Which day it is where the law counts days: Europe/Berlin, whatever the server's zone."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

BERLIN = ZoneInfo("Europe/Berlin")


def berlin_date(at: datetime) -> date:
    """Return the calendar day of an aware instant in Berlin."""
    return at.astimezone(BERLIN).date()


def month_of(day: date) -> date:
    """Return the first of a day's month: how dates are kept where no law needs the day."""
    return day.replace(day=1)


def end_of_month(day: date) -> date:
    """Return the last day of a day's month."""
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
