"""The flow log's tables (flowlog.md § 4). ``app`` may INSERT, nobody may UPDATE; owners see each class."""

from sqlalchemy import BigInteger, CheckConstraint, DateTime, ForeignKey, Identity, Index, text
from sqlmodel import Field

from proaktiv.tables.columns import UUID, Storage, date, datetime, instant, sealed


class FlowLogRow(Storage, table=True):
    """One entry's facts F, as committed bytes and as query columns. Append-only; by ``flowlog.record``."""

    __tablename__ = "flow_log"
    __table_args__ = (
        Index("ix_flow_log_receiver", "receiver", "t"),
        Index("ix_flow_log_purpose", "purpose", "t"),
        Index("ix_flow_log_kind", "kind", "fid"),
    )

    fid: UUID = Field(primary_key=True)
    kind: int
    t: datetime = instant()
    sender: str
    receiver: str
    purpose: str
    basis: str
    scope: str
    outcome: str
    f_salt: bytes = sealed()
    f_bytes: bytes = sealed()
    entry: bytes = sealed()


class FlowSecretRow(Storage, table=True):
    """Subject part S and staff part A, encrypted. Role ``eraser`` may null them. By ``flowlog.record``."""

    __tablename__ = "flow_secret"
    __table_args__ = (
        Index("ix_flow_secret_subj", "subj", "fid"),
        Index("ix_flow_secret_erased", "fid", postgresql_where=text("s_blob is null")),
    )

    fid: UUID = Field(primary_key=True, sa_column_args=(ForeignKey("flow_log.fid"),))
    subj: bytes | None = sealed(nullable=True)
    s_blob: bytes | None = sealed(nullable=True)
    a_blob: bytes | None = sealed(nullable=True)
    staff_key: UUID | None = None


class FlowQueueRow(Storage, table=True):
    """Entries that have no index yet. By ``flowlog.record``; only the sequencer deletes."""

    __tablename__ = "flow_queue"

    qid: int = Field(default=None, primary_key=True, sa_type=BigInteger, sa_column_args=(Identity(),))
    fid: UUID
    leaf: bytes = sealed()
    ts: datetime = instant()


class FlowLeafRow(Storage, table=True):
    """Index of an entry in the tree: gap-free, for ever. Only the sequencer writes."""

    __tablename__ = "flow_leaf"

    idx: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    fid: UUID = Field(unique=True)


class TileRow(Storage, table=True):
    """Tile (level, n): up to 256 hashes of 32 bytes (tlog-tiles). Only the sequencer writes.

    ``halfway`` are the 16 hashes halfway up a full tile (``core.merkle``), so that proofs need not hash all of it.
    """

    __tablename__ = "tile"

    level: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    n: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    data: bytes = sealed()
    halfway: bytes | None = sealed(nullable=True)


class LogHeadRow(Storage, table=True):
    """The one row (id = 1) that serialises sequencers."""

    __tablename__ = "log_head"

    id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    size: int = Field(sa_type=BigInteger)
    root: bytes = sealed()


class CheckpointRow(Storage, table=True):
    """A signed note over (size, root). Only the signer writes."""

    __tablename__ = "checkpoint"

    size: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    note: str
    published_at: datetime = instant()


class CosignatureRow(Storage, table=True):
    """What one witness says of one checkpoint: its line in the note. By ``flowlog.vouching.attesting``; append-only.

    A log that rests is cosigned again now and then; the newest line of a witness counts.
    """

    __tablename__ = "cosignature"

    size: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    witness: str = Field(primary_key=True)
    at: datetime = Field(primary_key=True, sa_type=DateTime(timezone=True))
    line: str


class TimeStampRow(Storage, table=True):
    """An RFC 3161 token, and the very bytes that it is over. By ``flowlog.vouching.attesting``; append-only."""

    __tablename__ = "time_stamp"

    size: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    note: str
    token: bytes = sealed()
    at: datetime = instant()


class WitnessAnswerRow(Storage, table=True):
    """How the last request to one witness, or to the time stamp authority, ended. By ``flowlog.vouching.attesting``."""

    __tablename__ = "witness_answer"

    witness: str = Field(primary_key=True)
    outcome: str = Field(max_length=16)
    size: int = Field(sa_type=BigInteger)
    at: datetime = instant()


class ContradictionRow(Storage, table=True):
    """That a witness knows a tree of ``size`` which this log does not continue. By ``flowlog.vouching.attesting``.

    Stays for ever. ``settled_at`` is when the same witness cosigned again, or the log was succeeded by another.
    """

    __tablename__ = "contradiction"
    __table_args__ = (
        Index("ix_contradiction_open", "witness", unique=True, postgresql_where=text("settled_at is null")),
    )

    witness: str = Field(primary_key=True)
    at: datetime = Field(primary_key=True, sa_type=DateTime(timezone=True))
    size: int = Field(sa_type=BigInteger)
    settled_at: datetime | None = instant(nullable=True)


class SuccessionRow(Storage, table=True):
    """A log that ended with loss, and the statement that the DSB confirmed. By ``ceremonies.succeeding``, as owner."""

    __tablename__ = "succession"

    new: str = Field(primary_key=True)
    old: str
    note: str
    at: datetime = instant()


class FormerCheckpointRow(Storage, table=True):
    """A checkpoint of a log that ended, with its cosignatures. By ``flowlog.ceremonies.succeeding``, as owner."""

    __tablename__ = "former_checkpoint"

    origin: str = Field(primary_key=True)
    size: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    note: str
    token: bytes | None = sealed(nullable=True)
    published_at: datetime = instant()


NO_MORE = -(2**62)


class SubjectHeadRow(Storage, table=True):
    """Last gap-free number given to one person's entries. By ``flowlog.record``; ended by ``keys.erasing``.

    ``NO_MORE`` instead of a number: the person is destroyed, and the database refuses to count on from there.
    ``pruned``: how many of these numbers retention took (``flow_log_prune``, the database's own).
    """

    __tablename__ = "subject_heads"

    subj: bytes = Field(primary_key=True)
    seq: int = Field(sa_type=BigInteger)
    pruned: int = Field(sa_type=BigInteger, sa_column_kwargs={"server_default": text("0")})


class LegalHoldRow(Storage, table=True):
    """Entries that retention may not take: one, or those of a span of time. By ``keeping.holds``; two people each.

    ``review_on`` reminds; it ends nothing.
    """

    __tablename__ = "legal_hold"
    __table_args__ = (
        CheckConstraint("(fid is null) = (from_at is not null and until_at is not null)", name="ck_legal_hold_what"),
        CheckConstraint("lower(placed_by) <> lower(placed_and)", name="ck_legal_hold_four_eyes"),
        CheckConstraint(
            "released_at is null or lower(released_by) <> lower(released_and)", name="ck_legal_hold_released"
        ),
        Index("ix_legal_hold_standing", "fid", postgresql_where=text("released_at is null")),
    )

    id: UUID = Field(primary_key=True)
    fid: UUID | None = None
    from_at: datetime | None = instant(nullable=True)
    until_at: datetime | None = instant(nullable=True)
    purpose: str = Field(default="", max_length=64)
    reason: str = Field(max_length=64)
    review_on: date
    placed_by: str = Field(max_length=64)
    placed_and: str = Field(max_length=64)
    placed_at: datetime = instant()
    released_by: str = Field(default="", max_length=64)
    released_and: str = Field(default="", max_length=64)
    released_at: datetime | None = instant(nullable=True)


class ErasureRow(Storage, table=True):
    """Somebody who waits to be erased with the others of the day. By ``keys.waiting``; goes with the person."""

    __tablename__ = "erasures"

    person: UUID = Field(primary_key=True)
    reason: str = Field(max_length=16)
    asked_by: str = Field(max_length=64)
    asked_and: str = Field(max_length=64)
    case_id: str = Field(default="", max_length=64)
    asked_at: datetime = instant()


class StaffKeyRow(Storage, table=True):
    """A key that sealed staff parts A: one per month and writing process, wrapped to the office's public key.

    A writer can seal and cannot read back; only the office surface unwraps. By ``flowlog.record``.
    """

    __tablename__ = "staff_keys"

    id: UUID = Field(primary_key=True)
    month: date
    wrapped: bytes = sealed()
    made_at: datetime = instant()
