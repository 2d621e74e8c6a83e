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
    __table_args__ = (
        UniqueConstraint("event", "leistung", "person", "pass_no"),
        Index("ix_matches_facts", "decided_at", postgresql_where=text("facts is not null")),
    )

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
    """Decide an event anew for one person, in that month. Written by ``steps.propose``, ended by ``steps.revisit``.

    Taken back by ``steps.consents`` and by a stop; by ``steps.retain`` where there are no facts any more.

    ``due_month`` is the first of a month: the day on which somebody comes of age would give their birth date away.
    ``due_on`` is the day itself, kept only where waiting for the month's end would cost a Frist.
    """

    __tablename__ = "wiedervorlagen"
    __table_args__ = (UniqueConstraint("event", "person", "what"), Index("ix_wiedervorlagen_due", "due_month"))

    id: UUID = Field(primary_key=True)
    person: UUID = Field(index=True)
    what: str
    due_month: date
    due_on: date | None = None
    event: UUID | None = None


class BundleRow(Storage, table=True):
    """One Lebenslage x one addressee: the unit of message, page and code. By ``steps.propose``.

    ``due_at`` says when notify may write; null when nothing is to be told. ``remind_at`` says when the one reminder is
    due; null when there is none, or no more. ``mail_due_at`` says since when a mail may hint at the letter that went.
    ``messages`` counts letters. ``state``: open, closed, recalled.
    """

    __tablename__ = "bundles"
    __table_args__ = (
        Index("ix_bundles_due", "due_at", postgresql_where=text("state = 'open' and due_at is not null")),
        Index(
            *("ix_bundles_mail_due", "mail_due_at"),
            postgresql_where=text("state = 'open' and mail_due_at is not null"),
        ),
        Index("ix_bundles_person", "person"),
        Index("ix_bundles_remind", "remind_at", postgresql_where=text("state = 'open' and remind_at is not null")),
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
    remind_at: datetime | None = instant(nullable=True)
    mail_due_at: datetime | None = instant(nullable=True)
    made_at: datetime = instant()


class ProposalRow(Storage, table=True):
    """A pre-filled Auftrag, not yet confirmed. Born in ``steps.propose``; states see ``core.states``.

    ``draft`` is sealed ``view``: value, source, date and basis of each field, clocks, texts. ``shown_mac`` is the MAC
    of the draft, which tells one content from another. ``answer_by`` is the last day on which an answer counts.
    ``outcome``: ``auftrag``, or ``frage`` where the person must answer something first. ``closed_by`` is the proposal
    of the same group whose yes closed this one; taken back, that yes opens it again.
    """

    __tablename__ = "proposals"
    __table_args__ = (
        UniqueConstraint("dedupe", "generation"),
        Index("ix_proposals_bundle", "bundle"),
        Index("ix_proposals_event", "event"),
        Index("ix_proposals_group", "group_key", postgresql_where=text("group_key is not null")),
        Index("ix_proposals_closed_by", "closed_by", postgresql_where=text("closed_by is not null")),
        Index("ix_proposals_person", "person", postgresql_where=text("state in ('open', 'later')")),
        Index("ix_proposals_answer_by", "answer_by", postgresql_where=text("state in ('open', 'later')")),
        Index(
            "ix_proposals_draft",
            "moved_at",
            postgresql_where=text("draft is not null and state not in ('open', 'later')"),
        ),
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
    outcome: str = Field(default="auftrag", max_length=12)
    state: str = Field(default="open", max_length=16)
    closed_by: UUID | None = None
    answer_by: date
    made_at: datetime = instant()
    moved_at: datetime = instant()


class CodeRow(Storage, table=True):
    """A letter code: HMACs only. By ``steps.notify`` and ``steps.enrol``; ``steps.prove`` counts wrong tries."""

    __tablename__ = "codes"

    code_mac: bytes = Field(primary_key=True)
    proof_mac: bytes = sealed()
    identity_mac: bytes | None = sealed(nullable=True)  # of name and birth date, for an account to be held against
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

    States: ``core.states``. ``reference_hash`` is keyed, of what is printed. ``rendered`` is never stored: a letter is
    rendered again byte for byte. ``worker`` is who has it in hand, see ``workers``; null as ``lease_until`` is.
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("matter", "purpose", "channel", "run"),
        Index("ix_deliveries_due", "due_at", postgresql_where=text("state = 'announced'")),
        Index("ix_deliveries_person", "person"),
        Index("ix_deliveries_flow", "flow_id"),
        Index("ix_deliveries_reference", "reference_hash", postgresql_where=text("reference_hash is not null")),
        Index("ix_deliveries_moved", "moved_at", postgresql_where=text("state <> 'announced'")),
        Index("ix_deliveries_worker", "worker", postgresql_where=text("state = 'announced' and worker is not null")),
    )

    id: UUID = Field(primary_key=True)
    matter: UUID  # bundle, enrolment, notice or mail confirmation
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
    reference_hash: bytes | None = sealed(nullable=True)
    flow_id: UUID = Field(sa_column_args=(ForeignKey(_FLOW),), nullable=False)
    made_at: datetime = instant()
    moved_at: datetime = instant()


class AuftragRow(Storage, table=True):
    """One confirmed order. Born in ``steps.confirm``; moved by the steps after it.

    ``content`` is sealed ``view``, exactly as confirmed. ``behoerde`` is frozen at the first hand-over. An Auftrag that
    was taken back has ``undone_at``; its proposal may get another one. ``ohne_zweite`` says what becomes of it at
    ``signature_by`` where a second signature is wanted and does not come; empty and null where one is enough.
    ``sperrvermerk``: it was handed over with the mark of § 51 BMG; that stays true when the Sperre is lifted.
    ``due_at`` of one that went back to the citizen: they are still to be told.
    """

    __tablename__ = "auftraege"
    __table_args__ = (
        Index("uq_auftraege_proposal", "proposal", unique=True, postgresql_where=text("undone_at is null")),
        Index("ix_auftraege_due", "due_at", postgresql_where=text("state in ('held', 'ready', 'awaiting_signature')")),
        Index("ix_auftraege_person", "person"),
        Index("ix_auftraege_content", "moved_at", postgresql_where=text("content is not null")),
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
    undone_at: datetime | None = instant(nullable=True)
    ohne_zweite: str = Field(default="", max_length=32)
    signature_by: datetime | None = instant(nullable=True)
    state: str = Field(max_length=20)
    due_at: datetime | None = instant(nullable=True)
    moved_at: datetime = instant()


class SignatureRow(Storage, table=True):
    """Who signed which Auftrag, in which role, at which trust, over what. By ``steps.confirm``, ``sign``, ``undo``.

    ``state``: signed, requested (a second signature that is asked for), refused, closed. Of a request ``content`` is
    what the second person is shown, sealed ``view`` under their own key, and ``bundle`` where they find it. ``trust``,
    ``shown_mac`` and ``at`` are null until they sign.
    """

    __tablename__ = "signatures"
    __table_args__ = (
        Index("ix_signatures_person", "person"),
        Index("ix_signatures_bundle", "bundle", postgresql_where=text("bundle is not null")),
    )

    auftrag: UUID = Field(primary_key=True)
    person: UUID = Field(primary_key=True)
    role: str = Field(max_length=32)
    state: str = Field(default="signed", max_length=12)
    bundle: UUID | None = None
    content: bytes | None = sealed(nullable=True)
    trust: int | None = None
    shown_mac: bytes | None = sealed(nullable=True)
    at: datetime | None = instant(nullable=True)


class HandoverRow(Storage, table=True):
    """Auftrag x attempt. Only ``steps.dispatch`` writes it. States: announced sent failed in_doubt.

    ``worker`` is who has it in hand, see ``workers``; null as ``lease_until`` is.
    """

    __tablename__ = "handovers"
    __table_args__ = (
        UniqueConstraint("auftrag", "attempt"),
        Index("ix_handovers_lease", "lease_until", postgresql_where=text("state = 'announced'")),
        Index("ix_handovers_wire", "wire_id"),
        Index("ix_handovers_flow", "flow_id"),
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
    """One message of a Behörde about a hand-over. Only ``steps.acknowledge`` writes it.

    ``text`` is what it says, sealed to the worker; ``said`` is the same sealed for the person, once a letter may tell
    them that there is news (``steps.notify``).
    """

    __tablename__ = "acknowledgements"
    __table_args__ = (UniqueConstraint("behoerde", "message_id"),)

    id: UUID = Field(primary_key=True)
    handover: UUID = Field(index=True)
    behoerde: str
    message_id: str = Field(max_length=64)
    status: str = Field(max_length=20)
    text: bytes | None = sealed(nullable=True)
    said: bytes | None = sealed(nullable=True)
    content_mac: bytes = sealed()
    signed: bool
    received_at: datetime = instant()
    flow_id: UUID


class SessionRow(Storage, table=True):
    """A browser that proved something. Only ``steps.prove`` writes it; the token itself is not stored.

    ``extra``: after a letter code ``identity``, the code's ``identity_mac``, and once an account of that very person
    came along, ``waiting`` with its keyed hash and trust: hex and a number, nothing personal.
    """

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
