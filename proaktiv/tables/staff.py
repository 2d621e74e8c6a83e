"""Who works in the house, how they come in, and how often they looked: tables of the office's surface."""

from sqlalchemy import Index, text
from sqlmodel import Field

from proaktiv.tables.columns import UUID, Storage, datetime, instant, sealed


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


__all__ = ["LoginRow", "StaffLinkRow", "StaffLookRow", "StaffRow", "StaffSessionRow"]
