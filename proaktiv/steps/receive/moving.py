"""What a report of a move, or its Storno, does at once: where letters go is in doubt (``proaktiv.homes``).

A veto counts whoever brings it, also from a source that is held. A Nebenwohnung is none, but where it corrects a report
that said otherwise.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session

from proaktiv.core.events import EventKind
from proaktiv.core.residence import MAIN_HOME
from proaktiv.homes import Reported, doubt, doubt_cancelled
from proaktiv.steps.receive.sorting import Fresh


def doubt_addresses(session: Session, fresh: Sequence[Fresh], now: datetime) -> None:
    """Doubt the addresses that the new reports of one set may change."""
    moves = [item for item in fresh if item.event.kind is EventKind.UMZUG and not item.outdated]
    doubt(session, [_reported(item) for item in moves], now)
    cancelling = (item for item in fresh if item.event.cancels is not None and not item.outdated)
    doubt_cancelled(
        session,
        {
            stop.target
            for item in cancelling
            if item.event.cancels is not None and item.event.cancels[1] is EventKind.UMZUG
            for stop in item.names.stops
        },
        now,
    )


def _reported(item: Fresh) -> Reported:
    main = item.event.payload["wohnungsart"] == MAIN_HOME or item.earlier is not None
    people = [key for _, key in item.names.subjects] if main else []
    return Reported(item.row, item.names.entry, item.event.time, people)
