"""Exports that were made of the log, and requests to look a person up that wait for a second pair of eyes."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the two tables with their grants. The reader needs neither: what they hold is the office's alone."""
    op.create_table(
        "exports",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("made_by", sa.String(64), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("first_on", sa.Date(), nullable=True),
        sa.Column("last_on", sa.Date(), nullable=True),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("bundle", sa.LargeBinary(), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exports")),
    )
    op.create_index(
        "ix_exports_expires", "exports", ["expires_at"], postgresql_where=sa.text("bundle is not null")
    )
    op.create_table(
        "person_requests",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person", sa.Uuid(), nullable=True),
        sa.Column("matter", sa.Uuid(), nullable=False),
        sa.Column("flow_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("asked_by", sa.Uuid(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person_requests")),
        sa.ForeignKeyConstraint(["flow_id"], ["flow_log.fid"], name=op.f("fk_person_requests_flow_id_flow_log")),
        # No program's mistake lets one person do both.
        sa.CheckConstraint("decided_by <> asked_by", name=op.f("ck_person_requests_four_eyes")),
    )
    op.create_index(op.f("ix_person_requests_person"), "person_requests", ["person"])
    for table in ("exports", "person_requests"):
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO proaktiv_app")
    op.execute("GRANT SELECT (id, person), DELETE ON person_requests TO proaktiv_eraser")


def downgrade() -> None:
    """Take them away again; refuse while an export lies here that nobody could list any more."""
    there = op.get_bind().execute(sa.text("SELECT count(*) FROM exports WHERE bundle IS NOT NULL")).scalar_one()
    if there:
        raise RuntimeError(f"{there} exports have not expired: let them, or delete them first")
    op.drop_table("person_requests")
    op.drop_table("exports")
