"""Wishes of the DSB to erase somebody, and to hold entries of the log or release them, that wait for a second person.

The application may not touch ``erasures``, and still does not: the eraser reads what two people wished, looks at a seal
that the application cannot make, and puts the person on the list itself.
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

TABLES = ("erasure_requests", "hold_requests")


def _decided(table: str) -> tuple[sa.schema.SchemaItem, ...]:
    """Return who asked and who decided, with what no program's mistake can do: one person both."""
    return (
        sa.Column("flow_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("asked_by", sa.Uuid(), nullable=False),
        sa.Column("asked_name", sa.String(64), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_name", sa.String(64), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.ForeignKeyConstraint(["flow_id"], ["flow_log.fid"], name=op.f(f"fk_{table}_flow_id_flow_log")),
        sa.CheckConstraint("decided_by <> asked_by", name=op.f(f"ck_{table}_four_eyes")),
        sa.CheckConstraint("lower(decided_name) <> lower(asked_name)", name=op.f(f"ck_{table}_two_names")),
        sa.CheckConstraint("(state = 'waiting') = (decided_by is null)", name=op.f(f"ck_{table}_decided")),
    )


def upgrade() -> None:
    """Make the two tables with their grants. The reader needs neither: what they hold is the office's alone."""
    op.create_table(
        "erasure_requests",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person", sa.Uuid(), nullable=True),
        sa.Column("matter", sa.Uuid(), nullable=False),
        sa.Column("ground", sa.String(16), nullable=False),
        *_decided("erasure_requests"),
        sa.Column("seal", sa.LargeBinary(), nullable=False),
    )
    op.create_index(op.f("ix_erasure_requests_person"), "erasure_requests", ["person"])
    op.create_table(
        "hold_requests",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("hold", sa.Uuid(), nullable=True),
        sa.Column("fid", sa.Uuid(), nullable=True),
        sa.Column("first_on", sa.Date(), nullable=True),
        sa.Column("last_on", sa.Date(), nullable=True),
        sa.Column("purpose", sa.String(64), nullable=False),
        sa.Column("review_on", sa.Date(), nullable=True),
        *_decided("hold_requests"),
        sa.CheckConstraint("(hold is null) = (review_on is not null)", name=op.f("ck_hold_requests_what")),
    )
    for table in TABLES:
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO proaktiv_app")
    op.execute("GRANT SELECT, UPDATE (state), DELETE ON erasure_requests TO proaktiv_eraser")


def downgrade() -> None:
    """Take them away again; refuse while somebody whom two people want erased would be forgotten."""
    standing = "SELECT count(*) FROM erasure_requests WHERE state IN ('granted', 'hindered')"
    there = op.get_bind().execute(sa.text(standing)).scalar_one()
    if there:
        raise RuntimeError(f"{there} persons are to be erased: let proaktiv work --erase take them first")
    for table in TABLES:
        op.drop_table(table)
