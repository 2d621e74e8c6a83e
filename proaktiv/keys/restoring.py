"""Bring lost keys back from a key backup, but nobody who was destroyed since.

What is there stays as it is; what is missing comes back, for persons this database knows. Who stands in the list of
destroyed persons gets a destroyed row instead, so that no key is ever made for them. Left to others: the file
(``keys.backups``), destroying again what a restored database brought back (``keys.erasing``).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session

from proaktiv.core.errors import BadInput
from proaktiv.keys.backups import Head
from proaktiv.keys.destroyed import DestroyedList
from proaktiv.tables import PersonRow, VaultKeyRow, core_table
from proaktiv.vault import Compartment, NotHeld, SealBroken, Vault

_KEYS = core_table(VaultKeyRow)
_PERSONS = core_table(PersonRow)
_SET = 1000


@dataclass(slots=True)
class Restored:
    """How many rows of a backup came to what. ``closed`` are those that no KEK held here opens."""

    brought_back: int = 0
    there: int = 0
    destroyed: int = 0
    unknown: int = 0
    closed: int = 0


def refuse_foreign(head: Head, controller: str, now: datetime) -> None:
    """Raise ``BadInput`` where a backup is of another house, past its time, or made in the future."""
    if head.controller != controller:
        raise BadInput("FILE", f"is a key backup of {head.controller}, this is {controller}")
    if now >= head.expires_at:
        raise BadInput("FILE", f"expired on {head.expires_at:%Y-%m-%d}: delete it and take a younger one")
    if now < head.made_at:
        raise BadInput("FILE", f"was made in the future ({head.made_at:%Y-%m-%d %H:%M} UTC): set this machine's clock")


def restore(
    session: Session,
    vault: Vault,
    rows: Iterable[dict[str, Any]],
    destroyed: DestroyedList,
    now: datetime,
    tell: Callable[[int], None],
) -> Restored:
    """Insert what is missing; all or nothing with the caller's transaction. Raises what reading the file raises."""
    done, remaining, seen = Restored(), iter(rows), 0
    while batch := list(islice(remaining, _SET)):
        _restore(session, vault, batch, destroyed, now, done)
        seen += len(batch)
        tell(seen)
    return done


def _restore(
    session: Session,
    vault: Vault,
    batch: Sequence[dict[str, Any]],
    destroyed: DestroyedList,
    now: datetime,
    done: Restored,
) -> None:
    connection = session.connection()
    persons = {row["person"] for row in batch}
    known = set(connection.execute(select(_PERSONS.c.person).where(_PERSONS.c.person.in_(persons))).scalars())
    found = connection.execute(select(_KEYS.c.person, _KEYS.c.compartment).where(_KEYS.c.person.in_(persons)))
    there = {(row.person, row.compartment) for row in found}
    gone = {person for person in persons if person in destroyed}
    wanted = []
    for row in batch:
        person: UUID = row["person"]
        if (person, row["compartment"]) in there:
            done.there += 1
        elif person in gone or row["state"] == "destroyed":
            done.destroyed += 1
            ended = row["destroyed_at"] or now
            wanted.append(row | {"state": "destroyed", "wrapped": None, "destroyed_at": ended})
        elif person not in known:
            done.unknown += 1
        elif not _opens(vault, row):
            done.closed += 1
        else:
            done.brought_back += 1
            wanted.append(row)
    if wanted:
        connection.execute(insert(_KEYS).on_conflict_do_nothing(), wanted)


def _opens(vault: Vault, row: dict[str, Any]) -> bool:
    try:
        vault.wrapper(Compartment(row["compartment"])).unwrap(row["person"], row["kek"], row["wrapped"] or b"")
    except (NotHeld, SealBroken, ValueError):
        return False
    return True
