"""Who works in the house, how they come in, and how often they looked in an hour."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables and the grants: the application cannot make anybody a clerk, nor a link that logs in."""
    op.create_table(
        "staff",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("role", sa.String(8), nullable=False),
        sa.Column("behoerde", sa.String(64), nullable=False),
        sa.Column("subject_hash", sa.LargeBinary(), nullable=True),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff")),
    )
    working = sa.text("ended_at is null")
    op.create_index("uq_staff_name", "staff", ["name"], unique=True, postgresql_where=working)
    op.create_index("uq_staff_subject", "staff", ["subject_hash"], unique=True, postgresql_where=working)
    op.create_table(
        "staff_links",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("staff", sa.Uuid(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_staff_links")),
    )
    op.create_table(
        "staff_logins",
        sa.Column("once", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("once", name=op.f("pk_staff_logins")),
    )
    op.create_index(op.f("ix_staff_logins_expires_at"), "staff_logins", ["expires_at"])
    op.create_table(
        "staff_sessions",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("staff", sa.Uuid(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_staff_sessions")),
    )
    op.create_index(op.f("ix_staff_sessions_staff"), "staff_sessions", ["staff"])
    op.create_table(
        "staff_looks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("staff", sa.Uuid(), nullable=False),
        sa.Column("what", sa.String(16), nullable=False),
        sa.Column("matter", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_looks")),
    )
    op.create_index("ix_staff_looks_staff", "staff_looks", ["staff", "at"])
    op.execute("GRANT SELECT ON staff TO proaktiv_app, proaktiv_reader")
    op.execute("GRANT SELECT, DELETE ON staff_links TO proaktiv_app")
    for table in ("staff_logins", "staff_sessions", "staff_looks"):
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO proaktiv_app")


def downgrade() -> None:
    """Take them away again; refuse while somebody works here: nobody could say any more who looked."""
    working = op.get_bind().execute(sa.text("SELECT count(*) FROM staff WHERE ended_at IS NULL")).scalar_one()
    if working:
        raise RuntimeError(f"{working} members of the staff work here: end them first (proaktiv staff end)")
    for table in ("staff_looks", "staff_sessions", "staff_logins", "staff_links", "staff"):
        op.drop_table(table)
