"""Mail: an address that a person gave, addresses that refused, and when a bundle's hint is due."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TABLES = ("mail_addresses", "suppressions")


def upgrade() -> None:
    """Make the two tables with their grants, and the bundle's column with its index."""
    op.create_table(
        "mail_addresses",
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("inbox", sa.LargeBinary(), nullable=True),
        sa.Column("address", sa.LargeBinary(), nullable=True),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("person", name=op.f("pk_mail_addresses")),
    )
    op.create_table(
        "suppressions",
        sa.Column("address_hash", sa.LargeBinary(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("address_hash", name=op.f("pk_suppressions")),
    )
    op.add_column("bundles", sa.Column("mail_due_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_bundles_mail_due",
        "bundles",
        ["mail_due_at"],
        postgresql_where=sa.text("state = 'open' and mail_due_at is not null"),
    )
    for table in TABLES:
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO proaktiv_app")
        op.execute(f"GRANT SELECT ON {table} TO proaktiv_reader")
    op.execute("GRANT SELECT (person), DELETE ON mail_addresses TO proaktiv_eraser")


def downgrade() -> None:
    """Take them away again; refuse while addresses are known: their owners would have to give them once more."""
    known = op.get_bind().execute(sa.text("SELECT count(*) FROM mail_addresses")).scalar_one()
    if known:
        raise RuntimeError(f"{known} people gave a mail address: it would be lost")
    op.drop_index("ix_bundles_mail_due", table_name="bundles")
    op.drop_column("bundles", "mail_due_at")
    for table in reversed(TABLES):
        op.drop_table(table)
