"""What one entry of the flow log says, before it becomes bytes.

The bytes are made in ``flowlog.entries``. Kinds are closed and for ever (flowlog.md § 3, data-path.md § 5).
"""

from dataclasses import dataclass
from enum import IntEnum
from uuid import UUID

from proaktiv.core.keys import PersonKey


class Kind(IntEnum):
    """The one byte in an entry that says what happened. Log names equal kind names."""

    AUTHORISED = 0x01
    OUTCOME = 0x02
    ERASURE = 0x03
    ACCESS = 0x04
    KEY = 0x05
    RETENTION = 0x06
    SUCCESSION = 0x07
    RECEIVED = 0x08
    ADMITTED = 0x09
    REFUSED = 0x0A
    CONSENT_CHANGED = 0x0B
    CONFIRMED = 0x0C
    INCIDENT = 0x0D
    ACT = 0x0E
    RECALL = 0x0F

    @property
    def label(self) -> str:
        """Return the kind's name as it stands in the log."""
        return self.name.lower()


RELEASED = "entry.released"
"""Action of the entry by which one that was kept from a person is shown to them from now on (flowlog.md § 5)."""

OVERSIGHT = "datenschutzaufsicht"
"""The purpose of what the DSB does: entries about whoever oversees."""

NEVER_RESTRICTED = frozenset({Kind.CONSENT_CHANGED, Kind.CONFIRMED})
"""Kinds that give or end a consent: a person's numbers show that it did not end meanwhile, so each must have one."""

DENIED = ("person.denied", "erasure.denied", "hold.denied", "release.denied")
"""Actions of the entries by which a second person says no to what somebody of the DSB's office wished."""


@dataclass(frozen=True, slots=True)
class Flow:
    """One flow of personal data, or one act about one.

    Facts (F, shown to whoever may read the log): everything but the last group. Subject part (S, erasable): person,
    consent, replaces, outbox. Staff part (A, under the staff key): actor, case, reason, which entries an erasure took.
    Nothing here names a person: ``person`` is the random person key.
    """

    kind: Kind
    sender: str
    receiver: str
    purpose: str
    action: str
    """Id of a plain sentence, e.g. ``letter.handed_over``; grammar noun.past_participle."""
    basis: str
    categories: tuple[str, ...] = ()
    receiver_name: str = ""
    receiver_system: str = ""
    scope: str = ""
    """Activity id ``name@version``."""
    rule: str = ""
    """Plan hash or Leistung@version."""
    outcome: str = ""
    n: int = 1
    restrict: bool = False
    """True keeps the entry out of the person's view and out of their gapless numbers (flowlog.md § 5)."""
    of: UUID | None = None
    """The earlier entry that this one is about: of an outcome the authorised one, of a release the restricted one."""
    listed: int | None = None
    """Of an erasure: how long the list of destroyed persons is after it, which is kept outside the database."""
    minimum: int | None = None
    """Of retention of the log: the index from which on every entry must be there, a multiple of 256."""
    removed: int | None = None
    """Of retention of the log: how many entries before it are gone, those of earlier runs included."""
    removed_erased: int | None = None
    """Of retention of the log: of how many of these an erasure had taken the subject part before."""

    person: PersonKey | None = None
    consent: str = ""
    """Number of the record that this rests on, or, of a consent that changed, that this is about."""
    replaces: str = ""
    """Of a consent that was given: number of the record that stood until then and ends with it."""
    outbox: str = ""

    actor: str = "system"
    case: str = ""
    reason: str = ""
    erased: tuple[int, ...] = ()
    """Indexes of the entries whose subject part an erasure took."""
    erased_unplaced: tuple[UUID, ...] = ()
    """Those of them that had no index yet."""
