"""Take parcels in and answer each: a register's fault goes back to it, a fault of the house lets the parcel wait."""

from collections.abc import Callable, Iterable, Sequence

import structlog

from proaktiv.core.errors import BadInput, CommitUnknown
from proaktiv.core.verdicts import Received, Taken
from proaktiv.database import DatabaseAway
from proaktiv.sources.model import EventSource, Parcel

RESTS_SECONDS = 60.0
"""How long a parcel is left alone that could not be taken by a fault of the house."""

_log = structlog.get_logger()

Receive = Callable[[str, bytes], Sequence[Taken]]
"""Keeps a batch in the name of a client; returns once it is committed. Raises ``BadInput`` for what is no batch."""


def collect(sources: Iterable[EventSource], receive: Receive) -> int:
    """Take what lies ready. Returns how many parcels were answered. Raises ``DatabaseAway``, ``CommitUnknown``."""
    return sum(_answer(source.client, parcel, receive) for source in sources for parcel in source.take())


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
        _log.error("parcel.waits", client=client, error=type(error).__name__)
        return 0
    kept = sum(isinstance(taken.answer, Received) for taken in answers)
    _log.info("parcel.answered", client=client, events=len(answers), kept=kept)
    return 1
