"""Storage of consent: activities, lock rows, texts shown, the ledger and its projection.

Own metadata, prefix ``consent_``, no foreign key to other packages: the person is an opaque key. Rows validate
nothing; values live in ``model.py``. Decided elsewhere: who may write what (roles, in the migrations).
Sources: consent.md §§ 5–7; data-path.md §§ 3, 4.
"""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    MetaData,
    Table,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class ConsentTable(SQLModel, registry=registry(metadata=METADATA)):
    """Base of the table classes; has no table of its own."""

    metadata = METADATA


def core_table(model: type[ConsentTable]) -> Table:
    """Return the SQLAlchemy Core table of a table class."""
    table: Table = model.__table__  # type: ignore[attr-defined]
    return table


def _instant(*, nullable: bool = False) -> Any:
    return Field(default=None if nullable else ..., sa_type=DateTime(timezone=True), nullable=nullable)


def _bytes() -> Any:
    return Field(sa_type=LargeBinary, nullable=False)


def _names() -> Any:
    return Field(sa_type=JSONB, nullable=False)


class ActivityRow(ConsentTable, table=True):
    """One released version of an activity; immutable. Only ``store.release`` inserts, run by the owner role.

    ``content_hash`` and ``signature`` are those of the release that brought it.
    """

    __tablename__ = "consent_activities"

    name: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    phase: str = Field(max_length=16)
    purpose: str
    controller: str
    source: str
    recipient: str
    fields: list[str] = _names()
    basis: str = Field(max_length=32)
    norm: str
    norm_from: date
    norm_to: date | None = None
    consent_required: bool
    dsb_approved_at: datetime | None = _instant(nullable=True)
    retired: bool = False
    allows_deceased: bool = False
    special_category: bool = False
    alternative_path: str = ""
    content_hash: str = Field(max_length=64)
    demo: bool
    signature: bytes = _bytes()
    released_at: datetime = _instant()


class SubjectRow(ConsentTable, table=True):
    """The one lock per person; ``epoch`` grows with whatever can change an answer of the gate. By ``locks`` alone."""

    __tablename__ = "consent_subjects"

    person: UUID = Field(primary_key=True)
    epoch: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs={"server_default": text("0")})


class NoticeRow(ConsentTable, table=True):
    """A text as it was shown, byte for byte; never changed. Only ``store.put_notice`` inserts.

    ``digest`` covers activity, locale and media type too: a text shown for one activity proves nothing for another.
    """

    __tablename__ = "consent_notices"

    digest: bytes = Field(primary_key=True)
    media_type: str = Field(max_length=64)
    locale: str = Field(max_length=16)
    body: bytes = _bytes()
    activity: str


class LedgerRow(ConsentTable, table=True):
    """The truth: one event of one consent record. INSERT only; written by ``ledger.change`` alone.

    ``fields`` and ``version`` are the record's, so that heads can be rebuilt from here without anything else.
    ``state_before`` is null at the birth of a record, which happens once.
    """

    __tablename__ = "consent_ledger"
    __table_args__ = (
        ForeignKeyConstraint(["activity", "version"], ["consent_activities.name", "consent_activities.version"]),
        Index("ix_consent_ledger_head", "person", "activity", "recipient", "scope", "seq"),
        Index("uq_consent_ledger_birth", "record", unique=True, postgresql_where=text("state_before is null")),
    )

    seq: int = Field(default=None, primary_key=True, sa_type=BigInteger)
    record: UUID
    person: UUID
    activity: str
    version: int
    recipient: str
    scope: str
    event: str = Field(max_length=16)
    state_before: str | None = Field(default=None, max_length=16)
    state_after: str = Field(max_length=16)
    fields: list[str] = _names()
    notice: bytes | None = Field(default=None, sa_column_args=(ForeignKey("consent_notices.digest"),))
    channel: str = Field(max_length=16)
    trust: int
    valid_until: datetime | None = _instant(nullable=True)
    at: datetime = _instant()
    flow_id: UUID


class HeadRow(ConsentTable, table=True):
    """The last state per person, activity, recipient and scope: a projection of the ledger. Only ``ledger`` writes."""

    __tablename__ = "consent_heads"

    person: UUID = Field(primary_key=True)
    activity: str = Field(primary_key=True)
    recipient: str = Field(primary_key=True)
    scope: str = Field(primary_key=True)
    state: str = Field(max_length=16)
    record: UUID
    version: int
    fields: list[str] = _names()
    given_at: datetime | None = _instant(nullable=True)
    valid_until: datetime | None = _instant(nullable=True)
    last_seq: int = Field(sa_type=BigInteger)


ACTIVITIES = core_table(ActivityRow)
SUBJECTS = core_table(SubjectRow)
NOTICES = core_table(NoticeRow)
LEDGER = core_table(LedgerRow)
HEADS = core_table(HeadRow)
