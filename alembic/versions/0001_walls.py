"""Tables, walls between roles, first rows.

The walls (data-path.md § 2): a role may do what is named here and nothing else, so a table that nobody thought of is
closed. Nobody but the owner can change or delete what was logged or consented; the owner's URL is for migrations only.
"""

from hashlib import sha256

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ROLES = ("proaktiv_app", "proaktiv_sequencer", "proaktiv_eraser", "proaktiv_reader")

# What the application works with: rows that change and go.
WORKED = (
    "acknowledgements",
    "auftraege",
    "bundles",
    "client_days",
    "client_jtis",
    "client_tokens",
    "codes",
    "contacts",
    "deliveries",
    "enrolments",
    "event_facts",
    "event_subjects",
    "fetched_facts",
    "handovers",
    "incidents",
    "lookups",
    "matches",
    "person_identifiers",
    "persons",
    "proposals",
    "register_events",
    "relations",
    "sessions",
    "signatures",
    "tasks",
    "wiedervorlagen",
)

# What the application may do with the rest.
APP = {
    # Append-only: the log and what belongs to it, the consent ledger, texts shown.
    "flow_log": "SELECT, INSERT",
    "flow_secret": "SELECT, INSERT",
    "flow_queue": "SELECT, INSERT",
    "staff_keys": "SELECT, INSERT",
    "consent_ledger": "SELECT, INSERT",
    "consent_notices": "SELECT, INSERT",
    "vault_keys": "SELECT, INSERT",
    # A veto is lifted, never taken away unseen.
    "stops": "SELECT, INSERT, UPDATE (lifted_at)",
    # Moves forward, never goes. SELECT … FOR SHARE asks for UPDATE on one column: epoch.
    "subject_heads": "SELECT, INSERT, UPDATE",
    "consent_heads": "SELECT, INSERT, UPDATE",
    "consent_subjects": "SELECT, INSERT, UPDATE (epoch)",
    # Written by the owner's commands, or by another role.
    "consent_activities": "SELECT",
    "releases": "SELECT",
    "clients": "SELECT",
    "behoerden": "SELECT",
    "competences": "SELECT",
    "demo_clock": "SELECT",
    "flow_leaf": "SELECT",
    "tile": "SELECT",
    "log_head": "SELECT",
    "checkpoint": "SELECT",
}

SEQUENCER = {
    "flow_log": "SELECT",
    "flow_queue": "SELECT, DELETE",
    "flow_leaf": "SELECT, INSERT, UPDATE, DELETE",
    "tile": "SELECT, INSERT, UPDATE, DELETE",
    "log_head": "SELECT, INSERT, UPDATE, DELETE",
    "checkpoint": "SELECT, INSERT, UPDATE, DELETE",
}

# What would tell, together with a leaked index key or a code, who somebody is: reading for checks needs none of it.
UNREAD = frozenset({"person_identifiers", "event_subjects", "codes", "sessions", "client_tokens", "vault_keys"})

ERASER = {
    "flow_secret": "SELECT, UPDATE (subj, s_blob, a_blob)",
    "vault_keys": "SELECT, UPDATE (state, wrapped, destroyed_at)",
}


def upgrade() -> None:
    """Make roles, tables, grants and the rows that every installation starts with."""
    _roles()
    _tables()
    _storage()
    _grants()
    _first_rows()


def downgrade() -> None:
    """Refuse: before the first revision there is nothing."""
    raise RuntimeError("there is no way back behind the first migration: drop the database instead")


def _roles() -> None:
    there = set(op.get_bind().execute(sa.text("SELECT rolname FROM pg_roles")).scalars())
    for role in ROLES:
        if role not in there:  # on an operator's server they may exist, with passwords
            op.execute(f"CREATE ROLE {role} LOGIN")


def _storage() -> None:
    # The queue is emptied all the time: its dead rows are vacuumed by number, not by share (flowlog.md § 4).
    op.execute("ALTER TABLE flow_queue SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000)")
    # No byte leaves without an authorised entry; nor may a program's mistake change that.
    op.execute(
        "ALTER TABLE lookups ADD CONSTRAINT ck_lookups_flow"
        " CHECK (state NOT IN ('announced', 'answered') OR flow_id IS NOT NULL)"
    )


def _grants() -> None:
    op.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    op.execute(f"GRANT USAGE ON SCHEMA public TO {', '.join(ROLES)}")
    op.execute(f"GRANT SELECT ON alembic_version TO {', '.join(ROLES)}")
    for table in WORKED:
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO proaktiv_app")
    for role, grants in (("proaktiv_app", APP), ("proaktiv_sequencer", SEQUENCER), ("proaktiv_eraser", ERASER)):
        for table, rights in grants.items():
            op.execute(f"GRANT {rights} ON {table} TO {role}")
    for table in {*WORKED, *APP} - UNREAD:
        op.execute(f"GRANT SELECT ON {table} TO proaktiv_reader")
    op.execute("GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO proaktiv_app")


def _first_rows() -> None:
    # The root of the tree without leaves is the hash of nothing. Source: RFC 6962 § 2.1.
    op.execute(
        sa.text("INSERT INTO log_head (id, size, root) VALUES (1, 0, :root)").bindparams(root=sha256(b"").digest())
    )
    op.execute("INSERT INTO demo_clock (id, offset_seconds) VALUES (1, 0)")


def _tables() -> None:
    op.create_table(
        "acknowledgements",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("handover", sa.Uuid(), nullable=False),
        sa.Column("behoerde", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("message_id", sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
        sa.Column("status", sqlmodel.sql.sqltypes.AutoString(length=20), nullable=False),
        sa.Column("text", sa.LargeBinary(), nullable=True),
        sa.Column("content_mac", sa.LargeBinary(), nullable=False),
        sa.Column("signed", sa.Boolean(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("flow_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_acknowledgements")),
        sa.UniqueConstraint("behoerde", "message_id", name=op.f("uq_acknowledgements_behoerde_message_id")),
    )
    op.create_index(op.f("ix_acknowledgements_handover"), "acknowledgements", ["handover"], unique=False)
    op.create_table(
        "auftraege",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("reference", sqlmodel.sql.sqltypes.AutoString(length=32), nullable=False),
        sa.Column("proposal", sa.Uuid(), nullable=False),
        sa.Column("person", sa.Uuid(), nullable=True),
        sa.Column("leistung", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("lebenslage", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("behoerde", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("names", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("shown_mac", sa.LargeBinary(), nullable=False),
        sa.Column("trust", sa.Integer(), nullable=False),
        sa.Column("sperrvermerk", sa.Boolean(), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("eingang_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undo_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sqlmodel.sql.sqltypes.AutoString(length=20), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_auftraege")),
        sa.UniqueConstraint("proposal", name=op.f("uq_auftraege_proposal")),
        sa.UniqueConstraint("reference", name=op.f("uq_auftraege_reference")),
    )
    op.create_index(
        "ix_auftraege_due",
        "auftraege",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("state in ('held', 'ready')"),
    )
    op.create_index("ix_auftraege_person", "auftraege", ["person"], unique=False)
    op.create_table(
        "behoerden",
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("dispatcher", sqlmodel.sql.sqltypes.AutoString(length=16), nullable=False),
        sa.Column("endpoint", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("jwk", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_behoerden")),
    )
    op.create_table(
        "bundles",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("event", sa.Uuid(), nullable=False),
        sa.Column("case_key", sa.LargeBinary(), nullable=False),
        sa.Column("lebenslage", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("state", sqlmodel.sql.sqltypes.AutoString(length=16), nullable=False),
        sa.Column("messages", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bundles")),
        sa.UniqueConstraint("case_key", "lebenslage", "person", name=op.f("uq_bundles_case_key_lebenslage_person")),
    )
    op.create_index(
        "ix_bundles_due",
        "bundles",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("state = 'open' and due_at is not null"),
    )
    op.create_index("ix_bundles_person", "bundles", ["person"], unique=False)
    op.create_table(
        "checkpoint",
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("note", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("size", name=op.f("pk_checkpoint")),
    )
    op.create_table(
        "client_days",
        sa.Column("client", sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("client", "day", name=op.f("pk_client_days")),
    )
    op.create_table(
        "client_jtis",
        sa.Column("client", sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
        sa.Column("jti", sqlmodel.sql.sqltypes.AutoString(length=128), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("client", "jti", name=op.f("pk_client_jtis")),
    )
    op.create_index(op.f("ix_client_jtis_expires_at"), "client_jtis", ["expires_at"], unique=False)
    op.create_table(
        "client_tokens",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("client", sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_client_tokens")),
    )
    op.create_index(op.f("ix_client_tokens_expires_at"), "client_tokens", ["expires_at"], unique=False)
    op.create_table(
        "clients",
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
        sa.Column("source", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("ars", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("kinds", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("daily_max", sa.Integer(), nullable=False),
        sa.Column("jwk", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clients")),
    )
    op.create_table(
        "codes",
        sa.Column("code_mac", sa.LargeBinary(), nullable=False),
        sa.Column("proof_mac", sa.LargeBinary(), nullable=False),
        sa.Column("purpose", sqlmodel.sql.sqltypes.AutoString(length=16), nullable=False),
        sa.Column("bundle", sa.Uuid(), nullable=True),
        sa.Column("enrolment", sa.Uuid(), nullable=True),
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("wrong_tries", sa.Integer(), nullable=False),
        sa.Column("locked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("code_mac", name=op.f("pk_codes")),
    )
    op.create_index(op.f("ix_codes_bundle"), "codes", ["bundle"], unique=False)
    op.create_table(
        "competences",
        sa.Column("art", sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
        sa.Column("ars_prefix", sqlmodel.sql.sqltypes.AutoString(length=12), nullable=False),
        sa.Column("behoerde", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("quelle", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("stand", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("art", "ars_prefix", name=op.f("pk_competences")),
    )
    op.create_table(
        "contacts",
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("values", sa.LargeBinary(), nullable=False),
        sa.Column("known_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("person", name=op.f("pk_contacts")),
    )
    op.create_table(
        "demo_clock",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("offset_seconds", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_demo_clock")),
    )
    op.create_table(
        "enrolments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("state", sqlmodel.sql.sqltypes.AutoString(length=16), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("request", sa.LargeBinary(), nullable=True),
        sa.Column("flow_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enrolments")),
    )
    op.create_index(
        "ix_enrolments_due",
        "enrolments",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("state in ('requested', 'found')"),
    )
    op.create_table(
        "event_facts",
        sa.Column("event", sa.Uuid(), nullable=False),
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("names", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("values", sa.LargeBinary(), nullable=False),
        sa.Column("source", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("basis", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("known_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("event", "person", name=op.f("pk_event_facts")),
    )
    op.create_table(
        "event_subjects",
        sa.Column("event", sa.Uuid(), nullable=False),
        sa.Column("role", sqlmodel.sql.sqltypes.AutoString(length=32), nullable=False),
        sa.Column("lookup_hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("event", "role", "lookup_hash", name=op.f("pk_event_subjects")),
    )
    op.create_table(
        "fetched_facts",
        sa.Column("lookup", sa.Uuid(), nullable=False),
        sa.Column("event", sa.Uuid(), nullable=True),
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("names", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("values", sa.LargeBinary(), nullable=False),
        sa.Column("source", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("basis", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("known_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("lookup", name=op.f("pk_fetched_facts")),
    )
    op.create_index(op.f("ix_fetched_facts_event"), "fetched_facts", ["event"], unique=False)
    op.create_table(
        "flow_leaf",
        sa.Column("idx", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("fid", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("idx", name=op.f("pk_flow_leaf")),
        sa.UniqueConstraint("fid", name=op.f("uq_flow_leaf_fid")),
    )
    op.create_table(
        "flow_log",
        sa.Column("fid", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Integer(), nullable=False),
        sa.Column("t", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sender", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("receiver", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("purpose", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("basis", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("scope", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("outcome", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("f_salt", sa.LargeBinary(), nullable=False),
        sa.Column("f_bytes", sa.LargeBinary(), nullable=False),
        sa.Column("entry", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("fid", name=op.f("pk_flow_log")),
    )
    op.create_index("ix_flow_log_purpose", "flow_log", ["purpose", "t"], unique=False)
    op.create_index("ix_flow_log_receiver", "flow_log", ["receiver", "t"], unique=False)
    op.create_table(
        "flow_queue",
        sa.Column("qid", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("fid", sa.Uuid(), nullable=False),
        sa.Column("leaf", sa.LargeBinary(), nullable=False),
        sa.Column("ts", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("qid", name=op.f("pk_flow_queue")),
    )
    op.create_table(
        "incidents",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("what", sqlmodel.sql.sqltypes.AutoString(length=48), nullable=False),
        sa.Column("matter", sa.Uuid(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incidents")),
    )
    op.create_table(
        "log_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log_head")),
    )
    op.create_table(
        "lookups",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("event", sa.Uuid(), nullable=True),
        sa.Column("enrolment", sa.Uuid(), nullable=True),
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("register_name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("names", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("state", sqlmodel.sql.sqltypes.AutoString(length=16), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("worker", sa.BigInteger(), nullable=True),
        sa.Column("wire_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("flow_id", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lookups")),
        sa.UniqueConstraint("event", "person", "register_name", name=op.f("uq_lookups_event_person_register_name")),
    )
    op.create_index(
        "ix_lookups_due",
        "lookups",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("state in ('wanted', 'announced')"),
    )
    op.create_index(
        "ix_lookups_worker",
        "lookups",
        ["worker"],
        unique=False,
        postgresql_where=sa.text("state = 'announced' and worker is not null"),
    )
    op.create_table(
        "matches",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("event", sa.Uuid(), nullable=False),
        sa.Column("leistung", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("pass_no", sa.Integer(), nullable=False),
        sa.Column("plan_hash", sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
        sa.Column("facts", sa.LargeBinary(), nullable=True),
        sa.Column("facts_mac", sa.LargeBinary(), nullable=False),
        sa.Column("result", sqlmodel.sql.sqltypes.AutoString(length=12), nullable=False),
        sa.Column("outcome", sqlmodel.sql.sqltypes.AutoString(length=16), nullable=False),
        sa.Column("next_change_month", sa.Date(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_matches")),
        sa.UniqueConstraint(
            "event", "leistung", "person", "pass_no", name=op.f("uq_matches_event_leistung_person_pass_no")
        ),
    )
    op.create_table(
        "person_identifiers",
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(length=16), nullable=False),
        sa.Column("lookup_hash", sa.LargeBinary(), nullable=False),
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "lookup_hash", name=op.f("pk_person_identifiers")),
    )
    op.create_index(op.f("ix_person_identifiers_person"), "person_identifiers", ["person"], unique=False)
    op.create_table(
        "persons",
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("status", sqlmodel.sql.sqltypes.AutoString(length=16), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("person", name=op.f("pk_persons")),
    )
    op.create_table(
        "proposals",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("bundle", sa.Uuid(), nullable=False),
        sa.Column("event", sa.Uuid(), nullable=False),
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("leistung", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("dedupe", sa.LargeBinary(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("supersedes", sa.Uuid(), nullable=True),
        sa.Column("group_key", sa.LargeBinary(), nullable=True),
        sa.Column("plan_hash", sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
        sa.Column("draft", sa.LargeBinary(), nullable=True),
        sa.Column("shown_mac", sa.LargeBinary(), nullable=False),
        sa.Column("behoerde", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("min_vertrauen", sa.Integer(), nullable=False),
        sa.Column("versand", sqlmodel.sql.sqltypes.AutoString(length=12), nullable=False),
        sa.Column("state", sqlmodel.sql.sqltypes.AutoString(length=16), nullable=False),
        sa.Column("answer_by", sa.Date(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_proposals")),
        sa.UniqueConstraint("dedupe", "generation", name=op.f("uq_proposals_dedupe_generation")),
    )
    op.create_index(
        "ix_proposals_answer_by",
        "proposals",
        ["answer_by"],
        unique=False,
        postgresql_where=sa.text("state in ('open', 'later')"),
    )
    op.create_index("ix_proposals_bundle", "proposals", ["bundle"], unique=False)
    op.create_index(
        "ix_proposals_person",
        "proposals",
        ["person"],
        unique=False,
        postgresql_where=sa.text("state in ('open', 'later')"),
    )
    op.create_table(
        "register_events",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("client", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("source", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("event_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("entry_hash", sa.LargeBinary(), nullable=False),
        sa.Column("register_version", sa.Integer(), nullable=False),
        sa.Column("version_of", sa.Uuid(), nullable=True),
        sa.Column("case_key", sa.LargeBinary(), nullable=False),
        sa.Column("ars", sqlmodel.sql.sqltypes.AutoString(length=12), nullable=False),
        sa.Column("occurred_month", sa.Date(), nullable=False),
        sa.Column("arrived_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sqlmodel.sql.sqltypes.AutoString(length=16), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("content_mac", sa.LargeBinary(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=True),
        sa.Column("flow_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_register_events")),
        sa.UniqueConstraint(
            "entry_hash", "kind", "register_version", name=op.f("uq_register_events_entry_hash_kind_register_version")
        ),
        sa.UniqueConstraint("source", "event_id", name=op.f("uq_register_events_source_event_id")),
    )
    op.create_index(
        "ix_register_events_due",
        "register_events",
        ["due_at", "seq"],
        unique=False,
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_index(
        "ix_register_events_open",
        "register_events",
        ["case_key", "seq"],
        unique=False,
        postgresql_where=sa.text("state in ('waiting', 'needs')"),
    )
    op.create_table(
        "relations",
        sa.Column("from_person", sa.Uuid(), nullable=False),
        sa.Column("to_person", sa.Uuid(), nullable=False),
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(length=16), nullable=False),
        sa.Column("source", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("known_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("known_to", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("from_person", "to_person", "kind", name=op.f("pk_relations")),
    )
    op.create_index("ix_relations_to", "relations", ["to_person"], unique=False)
    op.create_table(
        "releases",
        sa.Column("lebenslage", sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("content_hash", sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
        sa.Column("body", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("author", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("reviewer", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("demo", sa.Boolean(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("lebenslage", "version", name=op.f("pk_releases")),
    )
    op.create_table(
        "sessions",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("trust", sa.Integer(), nullable=False),
        sa.Column("purpose", sqlmodel.sql.sqltypes.AutoString(length=16), nullable=False),
        sa.Column("bundle", sa.Uuid(), nullable=True),
        sa.Column("enrolment", sa.Uuid(), nullable=True),
        sa.Column("extra", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_sessions")),
    )
    op.create_index(op.f("ix_sessions_person"), "sessions", ["person"], unique=False)
    op.create_table(
        "signatures",
        sa.Column("auftrag", sa.Uuid(), nullable=False),
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("role", sqlmodel.sql.sqltypes.AutoString(length=32), nullable=False),
        sa.Column("trust", sa.Integer(), nullable=False),
        sa.Column("shown_mac", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("auftrag", "person", name=op.f("pk_signatures")),
    )
    op.create_table(
        "staff_keys",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_keys")),
    )
    op.create_table(
        "stops",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("target", sa.LargeBinary(), nullable=False),
        sa.Column("scope", sqlmodel.sql.sqltypes.AutoString(length=8), nullable=False),
        sa.Column("guard", sqlmodel.sql.sqltypes.AutoString(length=4), nullable=False),
        sa.Column("detail", sqlmodel.sql.sqltypes.AutoString(length=16), nullable=False),
        sa.Column("event", sa.Uuid(), nullable=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stops")),
        sa.UniqueConstraint("target", "guard", "event", name=op.f("uq_stops_target_guard_event")),
    )
    op.create_index("ix_stops_target", "stops", ["target"], unique=False)
    op.create_table(
        "subject_heads",
        sa.Column("subj", sa.LargeBinary(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("subj", name=op.f("pk_subject_heads")),
    )
    op.create_table(
        "tasks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("what", sqlmodel.sql.sqltypes.AutoString(length=48), nullable=False),
        sa.Column("matter", sa.Uuid(), nullable=True),
        sa.Column("behoerde", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tasks")),
    )
    op.create_index("ix_tasks_open", "tasks", ["made_at"], unique=False, postgresql_where=sa.text("done_at is null"))
    op.create_table(
        "tile",
        sa.Column("level", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("n", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("level", "n", name=op.f("pk_tile")),
    )
    op.create_table(
        "vault_keys",
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("compartment", sqlmodel.sql.sqltypes.AutoString(length=8), nullable=False),
        sa.Column("state", sqlmodel.sql.sqltypes.AutoString(length=16), nullable=False),
        sa.Column("kek", sqlmodel.sql.sqltypes.AutoString(length=16), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("destroyed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("person", "compartment", name=op.f("pk_vault_keys")),
    )
    op.create_table(
        "wiedervorlagen",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("what", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("due_month", sa.Date(), nullable=False),
        sa.Column("event", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wiedervorlagen")),
    )
    op.create_index(op.f("ix_wiedervorlagen_person"), "wiedervorlagen", ["person"], unique=False)
    op.create_table(
        "deliveries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("matter", sa.Uuid(), nullable=False),
        sa.Column("person", sa.Uuid(), nullable=True),
        sa.Column("purpose", sqlmodel.sql.sqltypes.AutoString(length=16), nullable=False),
        sa.Column("channel", sqlmodel.sql.sqltypes.AutoString(length=16), nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("state", sqlmodel.sql.sqltypes.AutoString(length=16), nullable=False),
        sa.Column("reason", sqlmodel.sql.sqltypes.AutoString(length=32), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("worker", sa.BigInteger(), nullable=True),
        sa.Column("wire_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("flow_id", sa.Uuid(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["flow_id"], ["flow_log.fid"], name=op.f("fk_deliveries_flow_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
        sa.UniqueConstraint(
            "matter", "purpose", "channel", "run", name=op.f("uq_deliveries_matter_purpose_channel_run")
        ),
    )
    op.create_index(
        "ix_deliveries_due", "deliveries", ["due_at"], unique=False, postgresql_where=sa.text("state = 'announced'")
    )
    op.create_index("ix_deliveries_person", "deliveries", ["person"], unique=False)
    op.create_index(
        "ix_deliveries_worker",
        "deliveries",
        ["worker"],
        unique=False,
        postgresql_where=sa.text("state = 'announced' and worker is not null"),
    )
    op.create_table(
        "flow_secret",
        sa.Column("fid", sa.Uuid(), nullable=False),
        sa.Column("subj", sa.LargeBinary(), nullable=True),
        sa.Column("s_blob", sa.LargeBinary(), nullable=True),
        sa.Column("a_blob", sa.LargeBinary(), nullable=True),
        sa.Column("staff_key", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(["fid"], ["flow_log.fid"], name=op.f("fk_flow_secret_fid")),
        sa.PrimaryKeyConstraint("fid", name=op.f("pk_flow_secret")),
    )
    op.create_index("ix_flow_secret_subj", "flow_secret", ["subj", "fid"], unique=False)
    op.create_table(
        "handovers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("auftrag", sa.Uuid(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("person", sa.Uuid(), nullable=True),
        sa.Column("behoerde", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("wire_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("state", sqlmodel.sql.sqltypes.AutoString(length=16), nullable=False),
        sa.Column("reason", sqlmodel.sql.sqltypes.AutoString(length=32), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("worker", sa.BigInteger(), nullable=True),
        sa.Column("flow_id", sa.Uuid(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["flow_id"], ["flow_log.fid"], name=op.f("fk_handovers_flow_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_handovers")),
        sa.UniqueConstraint("auftrag", "attempt", name=op.f("uq_handovers_auftrag_attempt")),
    )
    op.create_index(
        "ix_handovers_lease",
        "handovers",
        ["lease_until"],
        unique=False,
        postgresql_where=sa.text("state = 'announced'"),
    )
    op.create_index("ix_handovers_wire", "handovers", ["wire_id"], unique=False)
    op.create_index(
        "ix_handovers_worker",
        "handovers",
        ["worker"],
        unique=False,
        postgresql_where=sa.text("state = 'announced' and worker is not null"),
    )
    op.create_table(
        "consent_activities",
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("phase", sqlmodel.sql.sqltypes.AutoString(length=16), nullable=False),
        sa.Column("purpose", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("controller", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("source", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("recipient", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("fields", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("basis", sqlmodel.sql.sqltypes.AutoString(length=32), nullable=False),
        sa.Column("norm", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("norm_from", sa.Date(), nullable=False),
        sa.Column("norm_to", sa.Date(), nullable=True),
        sa.Column("consent_required", sa.Boolean(), nullable=False),
        sa.Column("dsb_approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("retired", sa.Boolean(), nullable=False),
        sa.Column("allows_deceased", sa.Boolean(), nullable=False),
        sa.Column("special_category", sa.Boolean(), nullable=False),
        sa.Column("alternative_path", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("content_hash", sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
        sa.Column("demo", sa.Boolean(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", "version", name=op.f("pk_consent_activities")),
    )
    op.create_table(
        "consent_heads",
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("activity", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("recipient", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("scope", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("state", sqlmodel.sql.sqltypes.AutoString(length=16), nullable=False),
        sa.Column("record", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("fields", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("person", "activity", "recipient", "scope", name=op.f("pk_consent_heads")),
    )
    op.create_table(
        "consent_notices",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("media_type", sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
        sa.Column("locale", sqlmodel.sql.sqltypes.AutoString(length=16), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("activity", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_consent_notices")),
    )
    op.create_table(
        "consent_subjects",
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("person", name=op.f("pk_consent_subjects")),
    )
    op.create_table(
        "consent_ledger",
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("record", sa.Uuid(), nullable=False),
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("activity", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("recipient", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("scope", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("event", sqlmodel.sql.sqltypes.AutoString(length=16), nullable=False),
        sa.Column("state_before", sqlmodel.sql.sqltypes.AutoString(length=16), nullable=True),
        sa.Column("state_after", sqlmodel.sql.sqltypes.AutoString(length=16), nullable=False),
        sa.Column("fields", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("notice", sa.LargeBinary(), nullable=True),
        sa.Column("channel", sqlmodel.sql.sqltypes.AutoString(length=16), nullable=False),
        sa.Column("trust", sa.Integer(), nullable=False),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("flow_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["activity", "version"],
            ["consent_activities.name", "consent_activities.version"],
            name=op.f("fk_consent_ledger_activity_version"),
        ),
        sa.ForeignKeyConstraint(["notice"], ["consent_notices.digest"], name=op.f("fk_consent_ledger_notice")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_consent_ledger")),
    )
    op.create_index(
        "ix_consent_ledger_head", "consent_ledger", ["person", "activity", "recipient", "scope", "seq"], unique=False
    )
    op.create_index(
        "uq_consent_ledger_birth",
        "consent_ledger",
        ["record"],
        unique=True,
        postgresql_where=sa.text("state_before is null"),
    )
