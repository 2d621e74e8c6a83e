"""Register events and what was learned from them."""

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, UniqueConstraint, text
from sqlmodel import Field

from proaktiv.tables.columns import UUID, Storage, date, datetime, instant, json_list, sealed


class RegisterEventRow(Storage, table=True):
    """One event as it came in. Born in ``steps.receive``; ``state`` is moved by ``steps.propose`` and ``look_up``.

    ``seq`` orders the events of one case. ``occurred_month`` is the first of the month: the day beside a look-up hash
    would give a birth date away. ``payload`` is sealed to the worker and nulled after the gate, whatever it decides.
    ``due_at`` is null while register facts are missing (state ``needs``) and while a human must look (``held``).
    ``quarantined_at`` stays until that human decides, also on an event that only stops and is at work already.
    """

    __tablename__ = "register_events"
    __table_args__ = (
        UniqueConstraint("source", "event_id"),
        UniqueConstraint("entry_hash", "kind", "register_version"),
        Index("ix_register_events_turn", "client", "due_at", "seq", postgresql_where=text("state = 'waiting'")),
        Index("ix_register_events_open", "case_key", "seq", postgresql_where=text("state in ('waiting', 'needs')")),
        Index("ix_register_events_quarantined", "client", "seq", postgresql_where=text("quarantined_at is not null")),
        Index(
            "ix_register_events_arrived",
            "arrived_at",
            postgresql_where=text("state in ('admitted', 'refused', 'stopped')"),
        ),
    )

    id: UUID = Field(primary_key=True)
    seq: int = Field(default=None, sa_type=BigInteger, sa_column_args=(Identity(),), nullable=False)
    client: str
    source: str
    event_id: str
    kind: str
    entry_hash: bytes = sealed()
    register_version: int
    version_of: UUID | None = None
    case_key: bytes = sealed()
    ars: str = Field(max_length=12)
    occurred_month: date
    arrived_at: datetime = instant()
    state: str = Field(default="waiting", max_length=16)
    due_at: datetime | None = instant(nullable=True)
    content_mac: bytes = sealed()
    payload: bytes | None = sealed(nullable=True)
    flow_id: UUID
    quarantined_at: datetime | None = instant(nullable=True)


class EventSubjectRow(Storage, table=True):
    """Event x role x look-up hash. Written by ``steps.receive``; ``matters.forget_events`` says when it goes."""

    __tablename__ = "event_subjects"

    event: UUID = Field(primary_key=True)
    role: str = Field(primary_key=True, max_length=32)
    lookup_hash: bytes = Field(primary_key=True)


class StopRow(Storage, table=True):
    """A veto that stands before the gate: on a person's look-up hash, or on a register entry's hash.

    Written by ``steps.receive`` and by a clerk's page. ``guard`` is V01 … V15.
    """

    __tablename__ = "stops"
    __table_args__ = (Index("ix_stops_target", "target"), UniqueConstraint("target", "guard", "event"))

    id: UUID = Field(primary_key=True)
    target: bytes = sealed()
    scope: str = Field(max_length=8)  # person | entry
    guard: str = Field(max_length=4)
    detail: str = Field(default="", max_length=16)  # "51", "52" …
    event: UUID | None = None
    since: datetime = instant()
    lifted_at: datetime | None = instant(nullable=True)


class EventFactsRow(Storage, table=True):
    """What one event says for one addressee: fact values sealed together, never overwritten. By ``steps.propose``.

    One row per event x person (not per fact): the facts share source, basis and times, and erasure is per person.
    """

    __tablename__ = "event_facts"
    __table_args__ = (Index("ix_event_facts_known", "known_at"),)

    event: UUID = Field(primary_key=True)
    person: UUID = Field(primary_key=True)
    names: list[str] = json_list()
    values: bytes = sealed()
    source: str
    basis: str
    known_at: datetime = instant()
    expires_at: datetime = instant()


class LookupRow(Storage, table=True):
    """One question to one register. Written by ``steps.look_up`` and ``steps.enrol`` (as requests, state ``wanted``).

    ``flow_id`` is the entry by which it is wanted (the event was admitted, the enrolment received) until something
    leaves, and from then on the authorised one: the database lets none be announced or answered that names another.
    ``worker`` is who has it in hand, see ``workers``; null as ``lease_until`` is.
    """

    __tablename__ = "lookups"
    __table_args__ = (
        Index("ix_lookups_due", "due_at", postgresql_where=text("state in ('wanted', 'announced')")),
        Index("ix_lookups_worker", "worker", postgresql_where=text("state = 'announced' and worker is not null")),
        Index("ix_lookups_flow", "flow_id"),
        UniqueConstraint("event", "person", "register_name"),
    )

    id: UUID = Field(primary_key=True)
    event: UUID | None = None
    enrolment: UUID | None = None
    person: UUID
    register_name: str
    names: list[str] = json_list()
    state: str = Field(default="wanted", max_length=16)  # wanted announced answered refused failed
    tries: int = 0
    due_at: datetime = instant()
    lease_until: datetime | None = instant(nullable=True)
    worker: int | None = Field(default=None, sa_type=BigInteger)
    wire_id: str = ""
    flow_id: UUID = Field(sa_column_args=(ForeignKey("flow_log.fid"),), nullable=False)


class FetchedFactsRow(Storage, table=True):
    """A register's answer, sealed ``facts``. By ``steps.look_up``; never overwritten."""

    __tablename__ = "fetched_facts"
    __table_args__ = (Index("ix_fetched_facts_known", "known_at"),)

    lookup: UUID = Field(primary_key=True)
    event: UUID | None = Field(default=None, index=True)
    person: UUID
    names: list[str] = json_list()
    values: bytes = sealed()
    source: str
    basis: str
    known_at: datetime = instant()
    expires_at: datetime = instant()


class AnswerRow(Storage, table=True):
    """What a person answered to the questions of one event: sealed ``view``, never overwritten. By ``steps.answer``."""

    __tablename__ = "answers"
    __table_args__ = (Index("ix_answers_answered", "answered_at"),)

    id: UUID = Field(primary_key=True)
    event: UUID = Field(index=True)
    person: UUID = Field(index=True)
    names: list[str] = json_list()
    values: bytes = sealed()
    answered_at: datetime = instant()
    expires_at: datetime = instant()


__all__ = [
    "AnswerRow",
    "EventFactsRow",
    "EventSubjectRow",
    "FetchedFactsRow",
    "LookupRow",
    "RegisterEventRow",
    "StopRow",
]
