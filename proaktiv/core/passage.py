"""What one step of the inward half hands to the next: only the step before can make it, because of the permits in it.

Values only; steps never import each other, so what they share stands here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from consent.model import Match, Permit, Watch
from proaktiv.core.binding import ADDRESSEE_ROLES, Fact
from proaktiv.core.flows import Flow
from proaktiv.core.lebenslagen import Plan
from proaktiv.core.matching import Decision


@dataclass(frozen=True, slots=True)
class Claimed:
    """A due event that this transaction holds. ``payload`` is None in the second pass."""

    id: UUID
    kind: str
    source: str
    entry_hash: bytes
    case_key: bytes
    arrived_at: datetime
    payload: bytes | None
    subjects: tuple[tuple[str, bytes], ...] = ()
    register_version: int = 1

    @property
    def addressees(self) -> tuple[tuple[str, bytes], ...]:
        """Return role and look-up hash of everyone a proposal may go to."""
        return tuple((role, key) for role, key in self.subjects if role in ADDRESSEE_ROLES)

    @property
    def child(self) -> bytes | None:
        """Return the look-up hash of the child that the event is about."""
        return next((key for role, key in self.subjects if role == "kind"), None)


@dataclass(frozen=True, slots=True)
class Admitted:
    """One event may be looked into for one person in one Lebenslage."""

    event: Claimed
    person: UUID
    lookup_hash: bytes
    role: str
    lebenslage: str
    watch: Permit[Watch]
    match: Permit[Match]


@dataclass(frozen=True, slots=True)
class Followed:
    """One report of a move may be looked at for where letters go, for everybody of whom there is a permit."""

    event: Claimed
    permits: tuple[Permit[Watch], ...]


@dataclass(frozen=True, slots=True)
class Admission:
    """What the gate let through, what it ended, and what the log must say about it.

    ``followed`` are the moves in it that change where letters go, whatever else may be done with them.
    """

    admitted: tuple[Admitted, ...] = ()
    ended: int = 0
    flows: tuple[Flow, ...] = field(default_factory=tuple)
    followed: tuple[Followed, ...] = ()


@dataclass(frozen=True, slots=True)
class Matched:
    """One Plan decided for one admitted person. ``facts`` are the ones the permit covers."""

    admitted: Admitted
    plan: Plan
    facts: Mapping[str, Fact]
    decision: Decision
    pass_no: int


@dataclass(frozen=True, slots=True)
class Needs:
    """A register must be asked before this person's event can be decided."""

    admitted: Admitted
    register: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Matching:
    """What the rules say of a set of events, and what they lack."""

    matched: tuple[Matched, ...]
    needs: tuple[Needs, ...]
