"""Citizens' accounts: what a code says of who it is for, one account for one person, and the letter that tells of it."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table, the column and the index; log-ins that were ended are no longer those of the staff alone."""
    op.rename_table("staff_logins", "logins")
    op.execute("ALTER TABLE logins RENAME CONSTRAINT pk_staff_logins TO pk_logins")
    op.execute("ALTER INDEX ix_staff_logins_expires_at RENAME TO ix_logins_expires_at")
    op.add_column("codes", sa.Column("identity_mac", sa.LargeBinary(), nullable=True))
    op.create_index(
        "uq_person_identifiers_account",
        "person_identifiers",
        ["person"],
        unique=True,
        postgresql_where=sa.text("kind = 'oidc'"),
    )
    op.create_table(
        "account_notices",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("what", sa.String(8), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_notices")),
    )
    op.create_index(op.f("ix_account_notices_person"), "account_notices", ["person"])
    op.create_index(
        "ix_account_notices_due", "account_notices", ["due_at"], postgresql_where=sa.text("due_at is not null")
    )
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON account_notices TO proaktiv_app")
    op.execute("GRANT SELECT ON account_notices TO proaktiv_reader")
    op.execute("GRANT SELECT (id, person), DELETE ON account_notices TO proaktiv_eraser")


def downgrade() -> None:
    """Take them away again; refuse while accounts are bound: their owners would have to prove themselves once more."""
    bound = op.get_bind().execute(sa.text("SELECT count(*) FROM person_identifiers WHERE kind = 'oidc'")).scalar_one()
    if bound:
        raise RuntimeError(f"{bound} accounts are bound: they would be lost")
    op.drop_table("account_notices")
    op.drop_index("uq_person_identifiers_account", table_name="person_identifiers")
    op.drop_column("codes", "identity_mac")
    op.execute("ALTER INDEX ix_logins_expires_at RENAME TO ix_staff_logins_expires_at")
    op.execute("ALTER TABLE logins RENAME CONSTRAINT pk_logins TO pk_staff_logins")
    op.rename_table("logins", "staff_logins")
