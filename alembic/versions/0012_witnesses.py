"""What others say of the log: witnesses' cosignatures, time stamps; and the logs that ended before this one."""

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TEXT = sqlmodel.sql.sqltypes.AutoString
ATTESTED = ("cosignature", "time_stamp", "witness_answer")
ENDED = ("succession", "former_checkpoint")


def upgrade() -> None:
    """Make the tables. Only the signer writes what it was told, only the owner ends a log."""
    op.create_table(
        "cosignature",
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("witness", TEXT(), nullable=False),
        sa.Column("line", TEXT(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("size", "witness", "at", name=op.f("pk_cosignature")),
    )
    op.create_table(
        "time_stamp",
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("note", TEXT(), nullable=False),
        sa.Column("token", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("size", name=op.f("pk_time_stamp")),
    )
    op.create_table(
        "witness_answer",
        sa.Column("witness", TEXT(), nullable=False),
        sa.Column("outcome", TEXT(length=16), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("witness", name=op.f("pk_witness_answer")),
    )
    op.create_table(
        "succession",
        sa.Column("new", TEXT(), nullable=False),
        sa.Column("old", TEXT(), nullable=False),
        sa.Column("note", TEXT(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("new", name=op.f("pk_succession")),
    )
    op.create_table(
        "former_checkpoint",
        sa.Column("origin", TEXT(), nullable=False),
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("note", TEXT(), nullable=False),
        sa.Column("token", sa.LargeBinary(), nullable=True),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("origin", "size", name=op.f("pk_former_checkpoint")),
    )
    for table in (*ATTESTED, *ENDED):
        op.execute(f"GRANT SELECT ON {table} TO proaktiv_app, proaktiv_reader, proaktiv_sequencer")
    for table in ATTESTED:
        op.execute(f"GRANT INSERT ON {table} TO proaktiv_sequencer")
    op.execute("GRANT SELECT ON checkpoint TO proaktiv_keeper")  # it announces a key of this very log
    op.execute("GRANT UPDATE ON witness_answer TO proaktiv_sequencer")


def downgrade() -> None:
    """Take them away; refuse where that would lose evidence: nobody can get a cosignature of yesterday again."""
    bind = op.get_bind()
    for table in ("cosignature", "time_stamp", *ENDED):
        known = bind.execute(sa.text(f"SELECT count(*) FROM {table}")).scalar_one()
        if known:
            raise RuntimeError(f"{known} rows of {table} would be lost")
    op.execute("REVOKE SELECT ON checkpoint FROM proaktiv_keeper")
    for table in reversed((*ATTESTED, *ENDED)):
        op.drop_table(table)
