"""From match to acknowledgement: what is proposed, told, confirmed, handed over."""

from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from proaktiv.tables.columns import UUID, Storage, date, datetime, instant, json_list, sealed

_FLOW = "flow_log.fid"


class MatchRow(Storage, table=True):
    """One decision of one Plan for one addressee; replayable while ``facts`` live. By ``steps.propose``."""

    __tablename__ = "matches"
    __table_args__ = (UniqueConstraint("event", "leistung", "person", "pass_no"),)

    id: UUID = Field(primary_key=True)
    event: UUID
    leistung: str
    person: UUID
    pass_no: int
    plan_hash: str = Field(max_length=64)
    facts: bytes | None = sealed(nullable=True)
    facts_mac: bytes = sealed()
    result: str = Field(max_length=12)  # ja nein offen gilt_nicht
    outcome: str = Field(max_length=16)  # auftrag frage ... or empty
    next_change_month: date | None = None
    decided_at: datetime = instant()


class WiedervorlageRow(Storage, table=True):
    """Look again in that month. By ``steps.propose`` and ``steps.enrol``."""

    __tablename__ = "wiedervorlagen"

    id: UUID = Field(primary_key=True)
    person: UUID = Field(index=True)
    what: str
    due_month: date
    event: UUID | None = None


class BundleRow(Storage, table=True):
    """One Lebenslage x one addressee: the unit of message, page and code. By ``steps.propose``.

    ``due_at`` says when notify may write; null when nothing is to be told. ``state``: open, closed, recalled.
    """

    __tablename__ = "bundles"
    __table_args__ = (
        Index("ix_bundles_due", "due_at", postgresql_where=text("state = 'open' and due_at is not null")),
        Index("ix_bundles_person", "person"),
        UniqueConstraint("case_key", "lebenslage", "person"),
    )

    id: UUID = Field(primary_key=True)
    event: UUID
    case_key: bytes = sealed()
    lebenslage: str
    person: UUID
    state: str = Field(default="open", max_length=16)
    messages: int = 0
    due_at: datetime | None = instant(nullable=True)
    made_at: datetime = instant()


class ProposalRow(Storage, table=True):
    """A pre-filled Auftrag, not yet confirmed. Born in ``steps.propose``; states see ``core.states``.

    ``draft`` is sealed ``view``: value, source, date and basis of each field, clocks, texts. ``shown_mac`` is the MAC
    of the draft: what a confirmation refers to. ``answer_by`` is the last day on which an answer counts.
    """

    __tablename__ = "proposals"
    __table_args__ = (
        UniqueConstraint("dedupe", "generation"),
        Index("ix_proposals_bundle", "bundle"),
        Index("ix_proposals_person", "person", postgresql_where=text("state in ('open', 'later')")),
        Index("ix_proposals_answer_by", "answer_by", postgresql_where=text("state in ('open', 'later')")),
    )

    id: UUID = Field(primary_key=True)
    bundle: UUID
    event: UUID
    person: UUID
    leistung: str
    dedupe: bytes = sealed()
    generation: int = 1
    supersedes: UUID | None = None
    group_key: bytes | None = sealed(nullable=True)
    plan_hash: str = Field(max_length=64)
    draft: bytes | None = sealed(nullable=True)
    shown_mac: bytes = sealed()
    behoerde: str
    min_vertrauen: int
    versand: str = Field(max_length=12)
    state: str = Field(default="open", max_length=16)
    answer_by: date
    made_at: datetime = instant()
    moved_at: datetime = instant()


class CodeRow(Storage, table=True):
    """A letter code: HMACs only. By ``steps.notify`` and ``steps.enrol``; ``steps.prove`` counts wrong tries."""

    __tablename__ = "codes"

    code_mac: bytes = Field(primary_key=True)
    proof_mac: bytes = sealed()
    purpose: str = Field(max_length=16)  # bundle | activation
    bundle: UUID | None = Field(default=None, index=True)
    enrolment: UUID | None = None
    person: UUID
    wrong_tries: int = 0
    locked_at: datetime | None = instant(nullable=True)
    used_at: datetime | None = instant(nullable=True)
    expires_at: datetime = instant()


class DeliveryRow(Storage, table=True):
    """One message on one channel in one run. Only ``steps.notify`` and ``steps.enrol`` write it.

    States: announced handed_over skipped cancelled failed in_doubt. ``rendered`` is never stored: a letter is
    rendered again byte for byte. ``worker`` is who has it in hand, see ``workers``; null as ``lease_until`` is.
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("matter", "purpose", "channel", "run"),
        Index("ix_deliveries_due", "due_at", postgresql_where=text("state = 'announced'")),
        Index("ix_deliveries_person", "person"),
        Index("ix_deliveries_worker", "worker", postgresql_where=text("state = 'announced' and worker is not null")),
    )

    id: UUID = Field(primary_key=True)
    matter: UUID  # bundle or enrolment
    person: UUID | None = None
    purpose: str = Field(max_length=16)
    channel: str = Field(max_length=16)
    run: int = 1
    state: str = Field(max_length=16)
    reason: str = Field(default="", max_length=32)
    tries: int = 0
    due_at: datetime | None = instant(nullable=True)
    lease_until: datetime | None = instant(nullable=True)
    worker: int | None = Field(default=None, sa_type=BigInteger)
    wire_id: str
    flow_id: UUID = Field(sa_column_args=(ForeignKey(_FLOW),), nullable=False)
    made_at: datetime = instant()
    moved_at: datetime = instant()


class AuftragRow(Storage, table=True):
    """One confirmed order. Born in ``steps.confirm``; moved by ``dispatch``, ``acknowledge``, ``consents``.

    ``content`` is sealed ``view``, exactly as confirmed. ``behoerde`` is frozen at the first hand-over.
    """

    __tablename__ = "auftraege"
    __table_args__ = (
        UniqueConstraint("proposal"),
        Index("ix_auftraege_due", "due_at", postgresql_where=text("state in ('held', 'ready')")),
        Index("ix_auftraege_person", "person"),
    )

    id: UUID = Field(primary_key=True)
    reference: str = Field(unique=True, max_length=32)
    proposal: UUID
    person: UUID | None = None
    leistung: str
    lebenslage: str
    behoerde: str
    names: list[str] = json_list()  # of the facts that fill it: what the transmit consent must cover
    content: bytes | None = sealed(nullable=True)
    shown_mac: bytes = sealed()
    trust: int
    sperrvermerk: bool = False
    confirmed_at: datetime = instant()
    eingang_at: datetime | None = instant(nullable=True)
    undo_until: datetime = instant()
    state: str = Field(max_length=20)
    due_at: datetime | None = instant(nullable=True)
    moved_at: datetime = instant()


class SignatureRow(Storage, table=True):
    """Who signed which Auftrag, in which role, at which trust, over which shown content. By ``steps.confirm``."""

    __tablename__ = "signatures"

    auftrag: UUID = Field(primary_key=True)
    person: UUID = Field(primary_key=True)
    role: str = Field(max_length=32)
    trust: int
    shown_mac: bytes = sealed()
    at: datetime = instant()


class HandoverRow(Storage, table=True):
    """Auftrag x attempt. Only ``steps.dispatch`` writes it. States: announced sent failed in_doubt.

    ``worker`` is who has it in hand, see ``workers``; null as ``lease_until`` is.
    """

    __tablename__ = "handovers"
    __table_args__ = (
        UniqueConstraint("auftrag", "attempt"),
        Index("ix_handovers_lease", "lease_until", postgresql_where=text("state = 'announced'")),
        Index("ix_handovers_wire", "wire_id"),
        Index("ix_handovers_worker", "worker", postgresql_where=text("state = 'announced' and worker is not null")),
    )

    id: UUID = Field(primary_key=True)
    auftrag: UUID
    attempt: int
    person: UUID | None = None
    behoerde: str
    wire_id: str
    state: str = Field(max_length=16)
    reason: str = Field(default="", max_length=32)
    lease_until: datetime | None = instant(nullable=True)
    worker: int | None = Field(default=None, sa_type=BigInteger)
    flow_id: UUID = Field(sa_column_args=(ForeignKey(_FLOW),), nullable=False)
    made_at: datetime = instant()
    moved_at: datetime = instant()


class AcknowledgementRow(Storage, table=True):
    """One message of a Behörde about a hand-over. Only ``steps.acknowledge`` writes it."""

    __tablename__ = "acknowledgements"
    __table_args__ = (UniqueConstraint("behoerde", "message_id"),)

    id: UUID = Field(primary_key=True)
    handover: UUID = Field(index=True)
    behoerde: str
    message_id: str = Field(max_length=64)
    status: str = Field(max_length=20)
    text: bytes | None = sealed(nullable=True)
    content_mac: bytes = sealed()
    signed: bool
    received_at: datetime = instant()
    flow_id: UUID


class SessionRow(Storage, table=True):
    """A browser that proved something. Only ``steps.prove`` writes it; the token itself is not stored."""

    __tablename__ = "sessions"

    token_hash: bytes = Field(primary_key=True)
    id: UUID
    person: UUID = Field(index=True)
    trust: int
    purpose: str = Field(max_length=16)
    bundle: UUID | None = None
    enrolment: UUID | None = None
    extra: dict[str, Any] = Field(default_factory=dict, sa_type=JSONB)
    expires_at: datetime = instant()
