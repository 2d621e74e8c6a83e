"""Whether the house may look at a report of a move for one thing: where the letters of whom it names go from now on.

That is asked apart from the Lebenslage: letters go to the registered address whatever somebody consented to, and a
wrong one harms. Left to others: opening the report and keeping the address (``steps.relocate``).
Source: Art. 5 (1) (d) DSGVO; § 37 (1) BMG.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlmodel import Session

from consent.model import Operation, Permit, Watch
from proaktiv.core.events import EventKind
from proaktiv.core.outbound import HOUSE_MADE
from proaktiv.core.passage import Claimed, Followed
from proaktiv.house import House
from proaktiv.outward import Wish, ask
from proaktiv.sets import among
from proaktiv.subjects import resolve
from proaktiv.tables import ContactRow, core_table

_CONTACTS = core_table(ContactRow)

ACTIVITY = "erreichbarkeit/watch"


def may_follow(
    session: Session, house: House, events: Sequence[Claimed], now: datetime
) -> tuple[tuple[Followed, ...], frozenset[UUID]]:
    """Return the moves that may be looked at, each with its permits; and those for which the house itself lacks leave.

    The latter must wait: their payload is all that says where somebody's letters go.
    """
    moves = [event for event in events if event.kind == EventKind.UMZUG.value and event.payload is not None]
    if not moves:
        return (), frozenset()
    known = resolve(session, {key for event in moves for _, key in event.subjects})
    with_address = set(
        session.connection()
        .execute(select(_CONTACTS.c.person).where(among(_CONTACTS.c.person, set(known.values()))))
        .scalars()
    )
    places = [
        (event, known[key])
        for event in moves
        for _, key in event.subjects
        if key in known and known[key] in with_address
    ]
    # Who has only asked to enrol is written to as well.
    wishes = [Wish(ACTIVITY, person, requested=True) for _, person in places]
    answers, _ = ask(session, house, Watch, wishes, operation=Operation.STORE, now=now)
    permits: dict[UUID, list[Permit[Watch]]] = {}
    waiting: set[UUID] = set()
    for (event, _), answer in zip(places, answers, strict=True):
        if isinstance(answer, Permit):
            permits.setdefault(event.id, []).append(answer)
        elif answer.reason in HOUSE_MADE:
            waiting.add(event.id)
    followed = tuple(Followed(event, tuple(permits[event.id])) for event in moves if event.id in permits)
    return tuple(each for each in followed if each.event.id not in waiting), frozenset(waiting)
