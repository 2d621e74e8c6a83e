"""What the intake keeps: sources that report far more than they use to, and what of them waits for a human."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the figures of each client, the marks of each day and of each event."""
    op.add_column("clients", sa.Column("jump_factor", sa.Integer(), server_default=sa.text("5"), nullable=False))
    op.add_column("clients", sa.Column("jump_floor", sa.Integer(), server_default=sa.text("100"), nullable=False))
    op.add_column("client_days", sa.Column("held_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("client_days", sa.Column("cleared_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("register_events", sa.Column("quarantined_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_register_events_quarantined",
        "register_events",
        ["client", "seq"],
        unique=False,
        postgresql_where=sa.text("quarantined_at is not null"),
    )


def downgrade() -> None:
    """Take them away again; refuse while something waits for a human."""
    waiting = op.get_bind().execute(
        sa.text("SELECT count(*) FROM register_events WHERE quarantined_at IS NOT NULL")
    ).scalar_one()
    if waiting:
        raise RuntimeError(f"{waiting} events are in quarantine: release or reject them first")
    op.drop_index("ix_register_events_quarantined", table_name="register_events")
    op.drop_column("register_events", "quarantined_at")
    op.drop_column("client_days", "cleared_at")
    op.drop_column("client_days", "held_at")
    op.drop_column("clients", "jump_floor")
    op.drop_column("clients", "jump_factor")
