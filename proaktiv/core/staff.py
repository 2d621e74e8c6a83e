"""Who works in the house, and the leave to look at somebody's matter. Values; made each by one step alone."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class Role(StrEnum):
    """What somebody is here for. Nobody has both: whoever works on matters does not oversee who looked at them."""

    CLERK = "clerk"
    DSB = "dsb"


@dataclass(frozen=True, slots=True)
class StaffProof:
    """Proof that one of the house's staff stands before the browser. Made only in ``steps/admit.py``.

    It opens nothing that is sealed. ``name`` is their id in the house; a clerk of the house itself has no ``behoerde``.
    """

    session: UUID
    staff: UUID
    name: str
    role: Role
    behoerde: str


@dataclass(frozen=True, slots=True)
class Verification:
    """Leave to open every part S, to judge it and show nothing. Made only in ``steps/verifying.py``, which logs it."""

    flow: UUID
    persons: frozenset[UUID]


@dataclass(frozen=True, slots=True)
class Inspection:
    """Leave to open one matter once. Made only in ``steps/inspection.py``, which logs it.

    As a ``Clearance`` it is worth something only once its transaction is committed: nobody sees what nobody knows of.
    """

    flow: UUID
    matter: UUID
    persons: frozenset[UUID]
    by: StaffProof
