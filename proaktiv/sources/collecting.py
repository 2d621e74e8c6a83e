"""Take parcels in and answer each: a register's fault goes back to it, a fault of the house lets the parcel wait."""

import errno
import os
from collections.abc import Callable, Iterable, Sequence

import structlog

from proaktiv.core.errors import BadInput, CommitUnknown
from proaktiv.core.verdicts import Received, Taken
from proaktiv.database import DatabaseAway
from proaktiv.sources.model import RESTS_SECONDS, EventSource, Parcel

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})

_log = structlog.get_logger()

Receive = Callable[[str, bytes], Sequence[Taken]]
"""Keeps a batch in the name of a client; returns once it is committed. Raises ``BadInput`` for what is no batch."""


def collect(sources: Iterable[EventSource], receive: Receive) -> int:
    """Take what lies ready. Returns how many parcels were answered. Raises ``DatabaseAway``, ``CommitUnknown``."""
    return sum(_from(source, receive) for source in sources)


def _from(source: EventSource, receive: Receive) -> int:
    answered = 0
    try:
        for parcel in source.take():
            answered += _answer(source.client, parcel, receive)
    except OSError as error:  # one client's disk must not hold up another's
        _log.error("source.waits", client=source.client, **_said(error))
    return answered


def _answer(client: str, parcel: Parcel, receive: Receive) -> int:
    answers: Sequence[Taken] = ()
    try:
        try:
            answers = receive(client, parcel.body)
        except BadInput as wrong:
            parcel.refuse(wrong)
        else:
            parcel.settle(answers)
    except (DatabaseAway, CommitUnknown):
        raise
    except Exception as error:  # noqa: BLE001 - whatever one parcel breaks, the next one must go on
        parcel.later(RESTS_SECONDS)
        _log.error("parcel.waits", client=client, **_said(error))
        return 0
    kept = sum(isinstance(taken.answer, Received) for taken in answers)
    _log.info("parcel.answered", client=client, events=len(answers), kept=kept)
    return 1


def _said(error: Exception) -> dict[str, str]:
    """Return what went wrong and, where it is the disk's fault, what to do. Never a path: a name may be a person's."""
    told = {"error": type(error).__name__}
    if isinstance(error, OSError):
        full = error.errno in _FULL
        told["says"] = os.strerror(error.errno or 0)
        told["do"] = f"{'make room' if full else 'see what is wrong'} on the disk of this folder; the file waits there"
    return told
