"""How far this machine's clock stands from the database's, and from where on nothing is decided.

Leases, deadlines and the order of consents compare times that several machines wrote: they mean something only while
the machines agree. Only real time is compared; the demonstration's moved clock is none of this module's business.
Source: data-path.md § 3; consent.md, gate row 1.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlmodel import Session

from proaktiv.core.errors import NotSafe
from proaktiv.database import Database

DRIFT_MAX = timedelta(seconds=5)

_IN_TIME = timedelta(0)


class ClockDrifts(NotSafe):
    """This machine and the database do not agree what time it is; nothing was decided."""


def drift(session: Session, wall: Callable[[], datetime]) -> timedelta:
    """Return how far ``wall`` is ahead of the database (negative: behind).

    A slow answer is no drift: the database's time is held against both ends of the question.
    """
    asked = wall()
    there: datetime = session.connection().execute(select(func.clock_timestamp())).scalar_one()
    heard = wall()
    if there < asked:
        return asked - there
    return min(heard - there, _IN_TIME)


def require_in_time(session: Session, wall: Callable[[], datetime], limit: timedelta = DRIFT_MAX) -> None:
    """Raise ``ClockDrifts`` where ``wall`` and the database are more than ``limit`` apart."""
    ahead = drift(session, wall)
    if abs(ahead) > limit:
        raise ClockDrifts(f"{said(ahead)}; nothing is decided until both machines are set by NTP")


def guarded(clock: Callable[[], datetime], database: Database, wall: Callable[[], datetime]) -> Callable[[], datetime]:
    """Return ``clock`` so that it refuses while this machine and the database do not agree what time it is.

    Whoever decides by the clock cannot forget to ask. Raises ``ClockDrifts``, ``DatabaseAway``.
    """

    def now() -> datetime:
        with database.transaction() as session:
            require_in_time(session, wall)
        return clock()

    return now


def said(ahead: timedelta) -> str:
    """Return a drift in words."""
    seconds = ahead.total_seconds()
    where = "ahead of" if seconds > 0 else "behind"
    return f"this machine's clock is {abs(seconds):.1f} s {where} the database's"
