"""What a witness once contradicted stays, whatever it answers afterwards."""

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table, with what witnesses contradict now."""
    op.create_table(
        "contradiction",
        sa.Column("witness", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("witness", "at", name=op.f("pk_contradiction")),
    )
    op.create_index(
        "ix_contradiction_open",
        "contradiction",
        ["witness"],
        unique=True,
        postgresql_where=sa.text("settled_at is null"),
    )
    op.execute(
        "INSERT INTO contradiction (witness, at, size)"
        " SELECT witness, at, size FROM witness_answer WHERE outcome = 'contradicts'"
    )
    op.execute("GRANT SELECT ON contradiction TO proaktiv_app, proaktiv_reader, proaktiv_sequencer")
    op.execute("GRANT INSERT, UPDATE (settled_at) ON contradiction TO proaktiv_sequencer")


def downgrade() -> None:
    """Take it away; refuse where that would lose evidence."""
    known = op.get_bind().execute(sa.text("SELECT count(*) FROM contradiction")).scalar_one()
    if known:
        raise RuntimeError(f"{known} rows of contradiction would be lost")
    op.drop_table("contradiction")
