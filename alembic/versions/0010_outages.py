"""Ways out that are away and how fast mails leave; keyed hashes of mail addresses and printed references."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

TABLES = ("outages", "paces")


def upgrade() -> None:
    """Make the two tables with their grants, and the column."""
    op.create_table(
        "outages",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.String(16), nullable=False),
        sa.Column("target", sa.LargeBinary(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("probe_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outages")),
        sa.UniqueConstraint("channel", "target", name=op.f("uq_outages_channel_target")),
    )
    op.create_table(
        "paces",
        sa.Column("channel", sa.String(16), nullable=False),
        sa.Column("target", sa.LargeBinary(), nullable=False),
        sa.Column("level", sa.Float(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("channel", "target", name=op.f("pk_paces")),
    )
    for name in ("address_hash", "domain_hash"):
        op.add_column("mail_addresses", sa.Column(name, sa.LargeBinary(), nullable=True))
    op.add_column("deliveries", sa.Column("reference_hash", sa.LargeBinary(), nullable=True))
    op.create_index(
        "ix_deliveries_reference",
        "deliveries",
        ["reference_hash"],
        postgresql_where=sa.text("reference_hash is not null"),
    )
    for table in TABLES:
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO proaktiv_app")
        op.execute(f"GRANT SELECT ON {table} TO proaktiv_reader")


def downgrade() -> None:
    """Take them away again: an outage is found anew with the next message, a bucket is full."""
    op.drop_index("ix_deliveries_reference", table_name="deliveries")
    op.drop_column("deliveries", "reference_hash")
    for name in ("domain_hash", "address_hash"):
        op.drop_column("mail_addresses", name)
    for table in reversed(TABLES):
        op.drop_table(table)
