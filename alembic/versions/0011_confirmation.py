"""A mail address is confirmed before it is used, and a letter tells of it as it tells of an account."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table; addresses of before are unconfirmed: they stay, and nothing goes there until typed anew."""
    op.create_table(
        "mail_confirmations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("inbox", sa.LargeBinary(), nullable=False),
        sa.Column("address_hash", sa.LargeBinary(), nullable=False),
        sa.Column("domain_hash", sa.LargeBinary(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("wrong_tries", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail_confirmations")),
    )
    op.create_index(op.f("ix_mail_confirmations_person"), "mail_confirmations", ["person"], unique=True)
    op.create_index(
        "ix_mail_confirmations_due", "mail_confirmations", ["due_at"], postgresql_where=sa.text("due_at is not null")
    )
    op.add_column("mail_addresses", sa.Column("confirmation", sa.Uuid(), nullable=True))
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON mail_confirmations TO proaktiv_app")
    op.execute("GRANT SELECT ON mail_confirmations TO proaktiv_reader")
    op.execute("GRANT SELECT (id, person), DELETE ON mail_confirmations TO proaktiv_eraser")
    op.rename_table("account_notices", "notices")
    op.execute("ALTER TABLE notices RENAME CONSTRAINT pk_account_notices TO pk_notices")
    op.execute("ALTER INDEX ix_account_notices_person RENAME TO ix_notices_person")
    op.execute("ALTER INDEX ix_account_notices_due RENAME TO ix_notices_due")
    op.alter_column("notices", "what", type_=sa.String(16), existing_type=sa.String(8), existing_nullable=False)
    op.add_column("notices", sa.Column("mail_due_at", sa.DateTime(timezone=True), nullable=True))
    for name in ("inbox", "address"):
        op.add_column("notices", sa.Column(name, sa.LargeBinary(), nullable=True))
    op.create_index(
        "ix_notices_mail_due", "notices", ["mail_due_at"], postgresql_where=sa.text("mail_due_at is not null")
    )


def downgrade() -> None:
    """Take it away again; refuse while somebody has confirmed an address, or is still to be told of a change."""
    bind = op.get_bind()
    confirmed = "SELECT count(*) FROM mail_addresses WHERE confirmation IS NOT NULL"
    untold = "SELECT count(*) FROM notices WHERE what LIKE 'mail\\_%' AND (due_at IS NOT NULL OR mail_due_at IS NOT NULL)"
    for query, lost in ((confirmed, "confirmed addresses"), (untold, "notices about addresses")):
        known = bind.execute(sa.text(query)).scalar_one()
        if known:
            raise RuntimeError(f"{known} {lost} would be lost")
    op.execute("DELETE FROM notices WHERE what LIKE 'mail\\_%'")
    op.drop_index("ix_notices_mail_due", table_name="notices")
    for name in ("address", "inbox", "mail_due_at"):
        op.drop_column("notices", name)
    op.alter_column("notices", "what", type_=sa.String(8), existing_type=sa.String(16), existing_nullable=False)
    op.execute("ALTER INDEX ix_notices_due RENAME TO ix_account_notices_due")
    op.execute("ALTER INDEX ix_notices_person RENAME TO ix_account_notices_person")
    op.execute("ALTER TABLE notices RENAME CONSTRAINT pk_notices TO pk_account_notices")
    op.rename_table("notices", "account_notices")
    op.drop_column("mail_addresses", "confirmation")
    op.drop_table("mail_confirmations")
