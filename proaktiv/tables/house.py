"""What the house knows of itself and its partners: clients, Behörden, competences, releases, tasks."""

from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from proaktiv.tables.columns import UUID, Storage, date, datetime, instant, json_list, sealed


class ClientRow(Storage, table=True):
    """A source of events, bound to CloudEvents source, ARS prefixes, kinds and a daily maximum. By commands.

    Beyond ``jump_factor`` x its median day, and beyond ``jump_floor``, its events of a day are quarantined.
    """

    __tablename__ = "clients"

    id: str = Field(primary_key=True, max_length=64)
    source: str
    ars: list[str] = json_list()
    kinds: list[str] = json_list()
    daily_max: int
    jwk: dict[str, Any] = Field(sa_type=JSONB)
    active: bool = True
    jump_factor: int = Field(default=5, sa_column_kwargs={"server_default": text("5")})
    jump_floor: int = Field(default=100, sa_column_kwargs={"server_default": text("100")})


class ClientDayRow(Storage, table=True):
    """How many events a client sent on one UTC day. By ``steps.receive``; as one of them, enrolments (``steps.brake``).

    ``held_at``: when the first of them was quarantined, or it was told that there are many. ``cleared_at``: when a
    human let the rest of the day go on.
    """

    __tablename__ = "client_days"

    client: str = Field(primary_key=True, max_length=64)
    day: date = Field(primary_key=True)
    n: int
    held_at: datetime | None = instant(nullable=True)
    cleared_at: datetime | None = instant(nullable=True)


class ClientJtiRow(Storage, table=True):
    """A used assertion id, so that no assertion serves twice (RFC 7523 § 3). By ``web.intake``."""

    __tablename__ = "client_jtis"

    client: str = Field(primary_key=True, max_length=64)
    jti: str = Field(primary_key=True, max_length=128)
    expires_at: datetime = instant(index=True)


class ClientTokenRow(Storage, table=True):
    """An access token's hash. By ``web.intake``."""

    __tablename__ = "client_tokens"

    token_hash: bytes = Field(primary_key=True)
    client: str = Field(max_length=64)
    expires_at: datetime = instant(index=True)


class BehoerdeRow(Storage, table=True):
    """A Behörde we hand Aufträge to: how it is reached and whose signature its answers bear. By commands."""

    __tablename__ = "behoerden"

    id: str = Field(primary_key=True, max_length=64)
    name: str
    dispatcher: str = Field(max_length=16)
    endpoint: str
    jwk: dict[str, Any] | None = Field(default=None, sa_type=JSONB)


class CompetenceRow(Storage, table=True):
    """(kind of office, ARS prefix) -> Behörde, with source and date of knowledge. By commands."""

    __tablename__ = "competences"

    art: str = Field(primary_key=True, max_length=64)
    ars_prefix: str = Field(primary_key=True, max_length=12)
    behoerde: str
    quelle: str
    stand: date


class ReleaseRow(Storage, table=True):
    """One released version of one Lebenslage: compiled Plans, texts and flows, signed. By ``rules release``."""

    __tablename__ = "releases"

    lebenslage: str = Field(primary_key=True, max_length=64)
    version: int = Field(primary_key=True)
    content_hash: str = Field(max_length=64)
    body: str
    author: str
    reviewer: str
    demo: bool
    signature: bytes = sealed()
    released_at: datetime = instant()


class TaskRow(Storage, table=True):
    """What a human must do; ``core.tasks`` says what that is. Written by any step; ids only, nothing personal.

    ``how`` is the way out that the human chose.
    """

    __tablename__ = "tasks"
    __table_args__ = (
        Index("ix_tasks_open", "made_at", postgresql_where=text("done_at is null")),
        Index("ix_tasks_matter", "matter", postgresql_where=text("done_at is null")),
    )

    id: UUID = Field(primary_key=True)
    what: str = Field(max_length=48)
    matter: UUID | None = None
    behoerde: str = ""
    made_at: datetime = instant()
    done_at: datetime | None = instant(nullable=True)
    how: str = Field(default="", max_length=24)


class IncidentRow(Storage, table=True):
    """What the DSB must see. Written by any step; ids only, nothing personal."""

    __tablename__ = "incidents"

    id: UUID = Field(primary_key=True)
    what: str = Field(max_length=48)
    matter: UUID | None = None
    at: datetime = instant()


HOLDS_LOCK = b"holds.placed"
"""The advisory lock of whoever places a hold, and of whoever destroys somebody: the one waits for the other."""


class HoldRow(Storage, table=True):
    """What may be neither deleted nor destroyed meanwhile: of one person, or one Auftrag. By ``steps.retain``.

    ``reason`` is a file number, no story: nothing personal stands here. ``keys.rows`` deletes what was released of
    somebody who is destroyed; the database deletes none that stands.
    """

    __tablename__ = "holds"
    __table_args__ = (
        Index("ix_holds_standing", "person", "auftrag", postgresql_where=text("released_at is null")),
        CheckConstraint("(person is null) <> (auftrag is null)", name="ck_holds_one"),
    )

    id: UUID = Field(primary_key=True)
    person: UUID | None = None
    auftrag: UUID | None = None
    reason: str = Field(max_length=64)
    placed_by: str = Field(max_length=64)
    placed_at: datetime = instant()
    released_by: str = Field(default="", max_length=64)
    released_at: datetime | None = instant(nullable=True)


class RetentionRunRow(Storage, table=True):
    """How far the deletion of one day in Berlin is. By ``steps.retain``; ``place`` is the rule it stands at."""

    __tablename__ = "retention_runs"

    day: date = Field(primary_key=True)
    place: int
    n: int = Field(sa_type=BigInteger)
    begun_at: datetime = instant()
    finished_at: datetime | None = instant(nullable=True)


class OutageRow(Storage, table=True):
    """A channel, register or Behörde that is away, or a domain that takes no mail of this house. By ``outages``.

    ``target`` is a keyed hash of the domain, empty for the whole channel; a register's or Behörde's name, where
    ``channel`` says so. ``probe_at`` is when one act may try again; ``told_at`` is when a human was called. The row
    goes with the first that gets through.
    """

    __tablename__ = "outages"
    __table_args__ = (UniqueConstraint("channel", "target"),)

    id: UUID = Field(primary_key=True)
    channel: str = Field(max_length=16)
    target: bytes = sealed()
    since: datetime = instant()
    probe_at: datetime = instant()
    told_at: datetime | None = instant(nullable=True)


class PaceRow(Storage, table=True):
    """How full a bucket of ``core.rates`` is: of a channel, or of one domain or net by its keyed hash. By ``paces``.

    A row of an hour ago says nothing any more and is cleared away by whoever comes next.
    """

    __tablename__ = "paces"

    channel: str = Field(primary_key=True, max_length=16)
    target: bytes = Field(primary_key=True)
    level: float
    at: datetime = instant()


class DemoClockRow(Storage, table=True):
    """The demonstration's clock: seconds added to the real one. One row, id = 1. By the demo alone."""

    __tablename__ = "demo_clock"

    id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    offset_seconds: int


__all__ = [
    "HOLDS_LOCK",
    "BehoerdeRow",
    "ClientDayRow",
    "ClientJtiRow",
    "ClientRow",
    "ClientTokenRow",
    "CompetenceRow",
    "DemoClockRow",
    "HoldRow",
    "IncidentRow",
    "OutageRow",
    "PaceRow",
    "ReleaseRow",
    "RetentionRunRow",
    "TaskRow",
]
