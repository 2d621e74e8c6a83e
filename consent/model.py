"""Frozen values of consent: what an activity is, what was asked, and the two answers.

Decided elsewhere: ``decide.py`` (the only maker of ``Permit``), ``store.py`` (ledger and heads).
Sources: consent.md §§ 4–6; data-path.md § 5.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Generic, TypeVar
from uuid import UUID


class Watch:
    """Marks a permit to take notice of an event about a person."""


class Match:
    """Marks a permit to apply rules to what the event says."""


class Prefill:
    """Marks a permit to ask one register for named facts."""


class Propose:
    """Marks a permit to write to the person on one channel."""


class Transmit:
    """Marks a permit to hand one confirmed Auftrag to its Behörde."""


S = TypeVar("S", Watch, Match, Prefill, Propose, Transmit)


class Phase(StrEnum):
    """The five kinds of activity, each with a gate call of its own."""

    WATCH = "watch"
    MATCH = "match"
    PREFILL = "prefill"
    PROPOSE = "propose"
    TRANSMIT = "transmit"


CHOSEN_IN_ADVANCE = frozenset({Phase.WATCH, Phase.MATCH, Phase.PREFILL, Phase.PROPOSE})
"""Phases a person decides on in advance; ``transmit`` is decided with each Auftrag."""


class Basis(StrEnum):
    """The five legal bases and consent to special categories; one per activity, never a fallback to another."""

    CONSENT = "consent"
    CONSENT_SPECIAL = "consent_special"
    CONSENT_STATUTORY = "consent_statutory"
    APPLICANT_CHOICE = "applicant_choice"
    PUBLIC_TASK = "public_task"
    LEGAL_OBLIGATION = "legal_obligation"


class Operation(StrEnum):
    """What is to be done with the data."""

    STORE = "store"
    READ = "read"
    USE = "use"
    TRANSMIT = "transmit"
    DELETE = "delete"


class ConsentState(StrEnum):
    """States of a consent record (consent.md § 5). Only ``given`` permits."""

    REQUESTED = "requested"
    GIVEN = "given"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    LAPSED = "lapsed"
    REVOKED = "revoked"
    SUPERSEDED = "superseded"
    OBJECTED = "objected"


class Event(StrEnum):
    """What can happen to a consent record (consent.md § 5)."""

    REQUEST = "request"
    GIVE = "give"
    REFUSE = "refuse"
    WITHDRAW = "withdraw"
    EXPIRE = "expire"
    LAPSE = "lapse"
    REVOKE = "revoke"
    SUPERSEDE = "supersede"
    OBJECT = "object"


class SubjectStatus(StrEnum):
    """What is known of the person asked about."""

    ALIVE = "alive"
    DECEASED = "deceased"
    UNKNOWN = "unknown"


class Reason(StrEnum):
    """Why not. Codes are for ever: a retired one stays. ``NO_DISCLOSURE`` is what outsiders are told instead."""

    ACTIVITY_NOT_APPROVED = "activity_not_approved"
    CALLER_NOT_PARTY = "caller_not_party"
    SUBJECT_UNRESOLVED = "subject_unresolved"
    PROTECTED = "protected"
    DECEASED = "deceased"
    NORM_NOT_IN_FORCE = "norm_not_in_force"
    RECIPIENT_NOT_COVERED = "recipient_not_covered"
    FIELDS_NOT_COVERED = "fields_not_covered"
    NO_CONSENT = "no_consent"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    LAPSED = "lapsed"
    REVOKED = "revoked"
    OBJECTION_OPEN = "objection_open"
    DEFAULT_DENY = "default_deny"
    NO_DISCLOSURE = "no_disclosure"


@dataclass(frozen=True, slots=True)
class Activity:
    """One Verarbeitungstätigkeit in one released version; immutable. ``id`` is ``<name>@<version>``.

    ``name`` is ``<lebenslage>/<watch|match|prefill/REGISTER|propose/CHANNEL|transmit/LEISTUNG>``.
    """

    name: str
    version: int
    phase: Phase
    purpose: str
    controller: str
    source: str
    recipient: str
    fields: frozenset[str]
    basis: Basis
    norm: str
    norm_from: date
    norm_to: date | None
    consent_required: bool
    dsb_approved_at: datetime | None
    retired: bool = False
    allows_deceased: bool = False
    special_category: bool = False
    alternative_path: str = ""

    @property
    def id(self) -> str:
        """Return name and version as one key."""
        return f"{self.name}@{self.version}"


@dataclass(frozen=True, slots=True)
class Head:
    """The present state of one consent record: the projection of its ledger entries.

    ``scope`` is empty but for ``transmit``, where it is the id of the Auftrag the consent is for.
    """

    person: UUID
    activity: str
    recipient: str
    scope: str
    state: ConsentState
    record: UUID
    version: int
    fields: frozenset[str]
    given_at: datetime | None
    valid_until: datetime | None


@dataclass(frozen=True, slots=True)
class Subject:
    """The person a decision is about, as read under the lock of the deciding transaction.

    ``protections`` holds ``"51"`` or ``"52"`` (§§ 51, 52 BMG). ``children`` are persons whose data a holder's
    permit covers (data-path.md § 2).
    """

    person: UUID | None
    status: SubjectStatus
    epoch: int = 0
    protections: frozenset[str] = frozenset()
    children: frozenset[UUID] = frozenset()


@dataclass(frozen=True, slots=True)
class Ask:
    """What somebody wants to do, at which instant (aware UTC), with which named fields.

    ``channel`` is set where the act is a message (``LETTER``, ``PULL`` …); ``trust`` is the level of the session that
    asks, 0 to 3, and 0 for a message.
    """

    caller: str
    recipient: str
    operation: Operation
    fields: frozenset[str]
    at: datetime
    channel: str = ""
    trust: int = 0


@dataclass(frozen=True, slots=True)
class Permit(Generic[S]):
    """Yes, for this person, activity version and fields; dead with the transaction that made it.

    Only ``consent.decide`` makes one.
    """

    person: UUID
    activity: str
    fields: frozenset[str]
    basis: Basis
    norm: str
    purpose: str
    source: str
    recipient: str
    record: UUID | None
    epoch: int
    at: datetime
    children: frozenset[UUID] = field(default_factory=frozenset)

    @property
    def persons(self) -> frozenset[UUID]:
        """Return whose data this permit opens: the person's own and, as holder, the children's."""
        return self.children | {self.person}


@dataclass(frozen=True, slots=True)
class Refusal:
    """No. ``reason`` is for the log's closed part, ``told`` is what the caller may learn."""

    activity: str
    reason: Reason
    told: Reason
    fields: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Question:
    """One gate call: may this be done with this person's data? ``activity`` is a name; the latest version counts."""

    activity: str
    subject: Subject
    ask: Ask
    scope: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """A text as it was shown. ``activity`` is the id of the version it was shown for."""

    activity: str
    locale: str
    media_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class ReleasedActivity:
    """An activity version with the release that brought it; ``demo`` marks one signed with the demo key."""

    activity: Activity
    content_hash: str
    demo: bool
    signature: bytes
    released_at: datetime
