"""Wrap data keys anew under the present KEK, row by row, while everybody goes on reading, sealing and enrolling.

No data key changes, so no sealed byte outside ``vault_keys`` does. A batch is one transaction: what a killed run did is
done, and the next run goes on with what is left. Readers take a row as it is and know its KEK by name, so all of them
must hold both KEKs before the first batch: that is the operator's first step (docs/operating.md).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import bindparam, func, select, update
from sqlmodel import Session

from proaktiv.house import Probe
from proaktiv.tables import VaultKeyRow, core_table
from proaktiv.vault import Compartment, NotHeld, SealBroken, Vault

PROBES = ("rotate.begun", "rotate.read", "rotate.written", "rotate.committed")
BATCH = 500

_KEYS = core_table(VaultKeyRow)
_BEFORE_ALL = UUID(int=0)
# By primary key, one row each: over a joined list the planner, which knows no figures of a young table, goes through
# the whole of it for each row. The rows are locked.
_WRITE = (
    update(_KEYS)
    .where(_KEYS.c.person == bindparam("whose"), _KEYS.c.compartment == bindparam("of"), _KEYS.c.state == "active")
    .values(kek=bindparam("present"), wrapped=bindparam("anew"))
)


@dataclass(frozen=True, slots=True)
class Share:
    """How many active keys of a compartment are under one KEK, and what that KEK is to this process."""

    compartment: Compartment
    kek: str
    keys: int
    present: bool
    held: bool


@dataclass(frozen=True, slots=True)
class Batch:
    """What one transaction did. ``last`` is the person it came to; ``closed`` are those whose key does not open."""

    done: int
    closed: tuple[UUID, ...]
    last: UUID | None


def shares(session: Session, vault: Vault) -> Iterator[Share]:
    """Yield under which KEKs the active keys are, by compartment and name."""
    found = session.connection().execute(
        select(_KEYS.c.compartment, _KEYS.c.kek, func.count())
        .where(_KEYS.c.state == "active")
        .group_by(_KEYS.c.compartment, _KEYS.c.kek)
        .order_by(_KEYS.c.compartment, _KEYS.c.kek)
    )
    for name, kek, keys in found:
        wrapper = vault.wrapper(Compartment(name))
        yield Share(wrapper.compartment, kek, keys, kek == wrapper.present.name, kek in wrapper.names)


def left(session: Session, vault: Vault, compartment: Compartment) -> int:
    """Return how many active keys of a compartment are not under its present KEK."""
    return int(
        session.connection()
        .execute(
            select(func.count()).where(
                _KEYS.c.compartment == compartment.value,
                _KEYS.c.state == "active",
                _KEYS.c.kek != vault.wrapper(compartment).present.name,
            )
        )
        .scalar_one()
    )


def rewrap(
    session: Session, vault: Vault, compartment: Compartment, after: UUID | None, limit: int, probe: Probe
) -> Batch:
    """Wrap the next ``limit`` keys behind ``after`` under the present KEK. Keys that do not open stay as they are."""
    present = vault.wrapper(compartment).present.name
    rows = (
        session.connection()
        .execute(
            select(_KEYS.c.person, _KEYS.c.kek, _KEYS.c.wrapped)
            .where(
                _KEYS.c.compartment == compartment.value,
                _KEYS.c.state == "active",
                _KEYS.c.kek != present,
                _KEYS.c.person > (after or _BEFORE_ALL),
            )
            .order_by(_KEYS.c.person)
            .limit(limit)
            .with_for_update()
        )
        .all()
    )
    probe("rotate.read")
    wrapped: dict[UUID, bytes] = {}
    closed = []
    for row in rows:
        try:
            wrapped[row.person] = vault.rewrapped(row.person, compartment, row.kek, row.wrapped)
        except (NotHeld, SealBroken):
            closed.append(row.person)
    if wrapped:
        session.connection().execute(
            _WRITE,
            [
                {"whose": person, "of": compartment.value, "present": present, "anew": anew}
                for person, anew in wrapped.items()
            ],
        )
    probe("rotate.written")
    return Batch(len(wrapped), tuple(closed), rows[-1].person if rows else None)
