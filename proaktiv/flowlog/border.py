"""The border of the house: data leaves only while the log keeps up and is signed.

Whoever is about to announce something outward asks here first. What is due stays due; when the log is current again the
next tick goes on by itself. Left to others: how late the log is (``flowlog.status``), telling an operator who asks
(``doctor``). Source: flowlog.md § 0 (fail closed, as X-Road does: 14,400 s).
"""

from datetime import datetime, timedelta
from threading import Lock

import structlog
from sqlmodel import Session

from proaktiv.flowlog.status import late, waiting

LIMIT = timedelta(hours=4)
ALARM = timedelta(seconds=10)

_OPEN, _LATE, _CLOSED = "outward.resumed", "log.late", "outward.stopped"
_log = structlog.get_logger()


class Border:
    """One process's border. Threads share it; it remembers only what it said last, to say each thing once."""

    def __init__(self, limit: timedelta = LIMIT, alarm: timedelta = ALARM) -> None:
        self._limit = limit
        self._alarm = alarm
        self._said = _OPEN
        self._lock = Lock()

    def is_open(self, session: Session, now: datetime) -> bool:
        """Return whether data may leave; ``now`` is the clock that entries carry.

        Says in the process's log when it closes and opens, and when entries wait longer than the alarm.
        """
        waits = waiting(session)
        found, detail = _OPEN, ""
        for limit, what in ((self._limit, _CLOSED), (self._alarm, _LATE)):
            if behind := late(waits, now, limit):
                found, detail = what, str(behind)
                break
        self._say(found, detail)
        return found is not _CLOSED

    def _say(self, what: str, detail: str) -> None:
        with self._lock:
            if what == self._said:
                return
            self._said = what
        if what is _CLOSED:
            do = "nothing leaves the house until the log is signed: see proaktiv doctor"
            _log.error(what, detail=detail, do=do)
        elif what is _LATE:
            _log.warning(what, detail=detail)
        else:
            _log.info(what)
