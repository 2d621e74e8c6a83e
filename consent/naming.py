"""Which record an event is going to happen to: the entry of the log that tells of it comes first, and names it.

Takes the caller's connection; the caller holds the person's lock (``raise_epoch``), so what is foretold here is what
the ledger writes. Left to others: letting the event happen (``ledger``), the entry (the caller).
Sources: consent.md § 5; flowlog.md § 3 (part S).
"""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection, select

from consent.heads import HEAD_COLUMNS, head_for, head_of_row
from consent.model import Activity, ConsentState, Event, Head
from consent.states import TERMINAL
from consent.tables import HEADS


@dataclass(frozen=True, slots=True)
class Named:
    """What an entry says of a record: its number, the version it is about, and the record that it takes the place of.

    ``activity`` is ``<name>@<version>``.
    """

    record: UUID
    activity: str
    replaces: UUID | None = None

    @classmethod
    def of(cls, head: Head) -> "Named":
        """Return how an entry names a record that stands."""
        return cls(head.record, f"{head.activity}@{head.version}")


def named(
    connection: Connection, person: UUID, activity: Activity, event: Event, fresh: UUID, *, scope: str = ""
) -> Named:
    """Return the record that ``event`` will happen to; ``fresh`` is its number where it begins one.

    Giving, refusing and asking begin one; an objection goes into the record that stands. Left out: withdrawing, which
    may end several (``standing``).
    """
    head = head_for(connection, person, activity, scope)
    if head is None or head.state in TERMINAL:
        return Named(fresh, activity.id)
    if event is Event.OBJECT:
        return Named.of(head)
    return Named(fresh, activity.id, head.record)


def standing(connection: Connection, person: UUID, activity: str, scope: str = "") -> list[Head]:
    """Return what is given for this activity and scope, in any version and for any recipient, the newest first."""
    theirs = (HEADS.c.person == person, HEADS.c.activity == activity, HEADS.c.scope == scope)
    found = connection.execute(
        select(*HEAD_COLUMNS).where(*theirs, HEADS.c.state == ConsentState.GIVEN).order_by(HEADS.c.last_seq.desc())
    )
    return [head_of_row(row) for row in found]
