"""The one lock per person: whoever decides shares it, whatever can change an answer takes it alone and counts.

Holding the share until COMMIT is what closes the race with a withdrawal: reading alone loses it, SERIALIZABLE too.
Locks are always taken in the order of the persons' keys. Sources: consent.md §§ 0.3, 6.1; data-path.md § 3.
"""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Connection, Uuid, any_, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert

from consent.tables import SUBJECTS


def _listed(persons: Iterable[UUID]) -> ColumnElement[Any]:
    return literal(sorted(set(persons)), ARRAY(Uuid()))


def lock_subjects(connection: Connection, persons: Iterable[UUID]) -> dict[UUID, int]:
    """Hold the persons' rows FOR SHARE until the transaction ends and return their epochs; the unknown are absent.

    What is read about them afterwards stays true until COMMIT. Never call ``raise_epoch`` for one of them later in the
    same transaction: two that do so at once wait for each other.
    """
    wanted = _listed(persons)
    locked = connection.execute(
        select(SUBJECTS.c.person, SUBJECTS.c.epoch)
        .where(SUBJECTS.c.person == any_(wanted))
        .order_by(SUBJECTS.c.person)
        .with_for_update(read=True)
    )
    return {row.person: row.epoch for row in locked}


def enter_subjects(connection: Connection, persons: Iterable[UUID]) -> None:
    """Give each person a row to lock, where there is none: without one nobody can be kept waiting."""
    rows = select(func.unnest(_listed(persons)), literal(0))
    connection.execute(insert(SUBJECTS).from_select(["person", "epoch"], rows).on_conflict_do_nothing())


def raise_epoch(connection: Connection, persons: Iterable[UUID]) -> None:
    """Take the persons' rows alone, waiting for everybody who decides about them, and count their epochs up.

    To be called before the first read of what is about to change. Makes missing rows.
    """
    wanted = set(persons)
    if not wanted:
        return
    enter_subjects(connection, wanted)
    theirs = SUBJECTS.c.person == any_(_listed(wanted))
    # A bare UPDATE locks in whatever order it finds the rows; two of them may then wait for each other.
    connection.execute(select(SUBJECTS.c.person).where(theirs).order_by(SUBJECTS.c.person).with_for_update())
    connection.execute(update(SUBJECTS).where(theirs).values(epoch=SUBJECTS.c.epoch + 1))
