"""Who works in the house, how they come in, and how often they looked: tables of the office's surface."""

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, text
from sqlmodel import Field

from proaktiv.tables.columns import UUID, Storage, date, datetime, instant, sealed


class StaffRow(Storage, table=True):
    """One member of the house's staff in one role. By the owner's command ``staff`` alone.

    ``name`` is their id in the house, as it stands in part A of the log. ``subject_hash`` is the keyed hash of issuer
    and subject at the provider; without one only a link of the demonstration leads in. ``behoerde`` is empty for the
    DSB and for clerks of the house itself. Nobody has two roles: name and subject stand once among those who work here.
    """

    __tablename__ = "staff"
    __table_args__ = (
        Index("uq_staff_name", "name", unique=True, postgresql_where=text("ended_at is null")),
        Index("uq_staff_subject", "subject_hash", unique=True, postgresql_where=text("ended_at is null")),
    )

    id: UUID = Field(primary_key=True)
    name: str = Field(max_length=64)
    role: str = Field(max_length=8)  # clerk | dsb
    behoerde: str = Field(default="", max_length=64)
    subject_hash: bytes | None = sealed(nullable=True)
    added_at: datetime = instant()
    ended_at: datetime | None = instant(nullable=True)


class StaffLinkRow(Storage, table=True):
    """A link that logs in once without a provider: the demonstration's. By the owner's command; ``admit`` deletes."""

    __tablename__ = "staff_links"

    token_hash: bytes = Field(primary_key=True)
    staff: UUID
    expires_at: datetime = instant()


class LoginRow(Storage, table=True):
    """A log-in at a provider that was ended, so that none ends twice: staff's or a citizen's. By ``steps.admit``."""

    __tablename__ = "logins"

    once: bytes = Field(primary_key=True)
    expires_at: datetime = instant(index=True)


class StaffSessionRow(Storage, table=True):
    """A browser of somebody who works here. Only ``steps.admit`` writes it; the token itself is not stored."""

    __tablename__ = "staff_sessions"

    token_hash: bytes = Field(primary_key=True)
    id: UUID
    staff: UUID = Field(index=True)
    began_at: datetime = instant()
    expires_at: datetime = instant()


class StaffLookRow(Storage, table=True):
    """That somebody looked, for an hour: so many looks in an hour and no more. By ``steps.inspection``.

    ``matter`` is the id of an Auftrag or an entry, or a person's blind index. The log keeps who looked at what.
    """

    __tablename__ = "staff_looks"
    __table_args__ = (Index("ix_staff_looks_staff", "staff", "at"),)

    id: UUID = Field(primary_key=True)
    staff: UUID
    what: str = Field(max_length=16)
    matter: UUID
    at: datetime = instant()


class ExportRow(Storage, table=True):
    """An export that the DSB made on the office's page. By ``steps.oversight``; ``retain`` empties what is left.

    ``bundle`` is its file until ``expires_at``, and holds no person; the row stays to say that there was one.
    ``digest`` is the SHA-256 of that file. Days are Berlin's, both included; ``n`` counts entries or lines.
    """

    __tablename__ = "exports"
    __table_args__ = (Index("ix_exports_expires", "expires_at", postgresql_where=text("bundle is not null")),)

    id: UUID = Field(primary_key=True)
    kind: str = Field(max_length=8)  # log | counts
    made_by: str = Field(max_length=64)
    made_at: datetime = instant()
    expires_at: datetime = instant()
    first_on: date | None = None
    last_on: date | None = None
    n: int = Field(sa_type=BigInteger)
    digest: bytes = sealed()
    bundle: bytes | None = sealed(nullable=True)
    deleted_at: datetime | None = instant(nullable=True)


class PersonRequestRow(Storage, table=True):
    """That the DSB wants to look a person up, until a second person says yes or no. By ``steps.inspection``.

    ``person`` is null where nobody was found: whoever asks learns that only with the yes. ``matter`` is the blind index
    that is counted, ``flow_id`` the entry whose part A says who asked and why.
    """

    __tablename__ = "person_requests"
    __table_args__ = (CheckConstraint("decided_by <> asked_by", name="ck_person_requests_four_eyes"),)

    id: UUID = Field(primary_key=True)
    person: UUID | None = Field(default=None, index=True)
    matter: UUID
    flow_id: UUID = Field(sa_column_args=(ForeignKey("flow_log.fid"),), nullable=False)
    state: str = Field(max_length=8)  # waiting | granted | denied
    asked_by: UUID
    asked_at: datetime = instant()
    decided_by: UUID | None = None
    decided_at: datetime | None = instant(nullable=True)
    expires_at: datetime = instant()


class ErasureRequestRow(Storage, table=True):
    """That the DSB wants somebody erased, until a second one says yes. By ``steps.inspection``, ``keys.requested``.

    The application writes it and nobody is erased by that: ``seal`` is a MAC under a key that the office and the eraser
    hold alone. ``person`` is null where nobody was found, ``matter`` the blind index that is counted; the reason stands
    in part A of the entry ``flow_id``. Once on the list (``erasures``) it goes with the person.
    """

    __tablename__ = "erasure_requests"
    __table_args__ = (
        CheckConstraint("decided_by <> asked_by", name="ck_erasure_requests_four_eyes"),
        CheckConstraint("lower(decided_name) <> lower(asked_name)", name="ck_erasure_requests_two_names"),
        CheckConstraint("(state = 'waiting') = (decided_by is null)", name="ck_erasure_requests_decided"),
    )

    id: UUID = Field(primary_key=True)
    person: UUID | None = Field(default=None, index=True)
    matter: UUID
    ground: str = Field(max_length=16)  # keys.erasing.Reason
    flow_id: UUID = Field(sa_column_args=(ForeignKey("flow_log.fid"),), nullable=False)
    state: str = Field(max_length=8)  # waiting | denied | granted | hindered | listed
    asked_by: UUID
    asked_name: str = Field(max_length=64)
    asked_at: datetime = instant()
    decided_by: UUID | None = None
    decided_name: str | None = Field(default=None, max_length=64)
    decided_at: datetime | None = instant(nullable=True)
    expires_at: datetime = instant()
    seal: bytes = sealed()


class HoldRequestRow(Storage, table=True):
    """That the DSB wants entries kept, or a hold released, until a second person says yes. By ``steps.inspection``.

    With ``hold`` it is about releasing that one; else about an entry, or whole days in Berlin of one purpose or of any.
    The reason stands in part A of the entry ``flow_id``; what a yes placed is ``legal_hold``.
    """

    __tablename__ = "hold_requests"
    __table_args__ = (
        CheckConstraint("decided_by <> asked_by", name="ck_hold_requests_four_eyes"),
        CheckConstraint("lower(decided_name) <> lower(asked_name)", name="ck_hold_requests_two_names"),
        CheckConstraint("(state = 'waiting') = (decided_by is null)", name="ck_hold_requests_decided"),
        CheckConstraint("(hold is null) = (review_on is not null)", name="ck_hold_requests_what"),
    )

    id: UUID = Field(primary_key=True)
    hold: UUID | None = None
    fid: UUID | None = None
    first_on: date | None = None
    last_on: date | None = None
    purpose: str = Field(max_length=64)
    review_on: date | None = None
    flow_id: UUID = Field(sa_column_args=(ForeignKey("flow_log.fid"),), nullable=False)
    state: str = Field(max_length=8)  # waiting | denied | granted
    asked_by: UUID
    asked_name: str = Field(max_length=64)
    asked_at: datetime = instant()
    decided_by: UUID | None = None
    decided_name: str | None = Field(default=None, max_length=64)
    decided_at: datetime | None = instant(nullable=True)
    expires_at: datetime = instant()


__all__ = [
    "ErasureRequestRow",
    "ExportRow",
    "HoldRequestRow",
    "LoginRow",
    "PersonRequestRow",
    "StaffLinkRow",
    "StaffLookRow",
    "StaffRow",
    "StaffSessionRow",
]
