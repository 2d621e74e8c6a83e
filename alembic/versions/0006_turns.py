"""Due events are claimed source by source in turn, so they are found by source first."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_WAITING = sa.text("state = 'waiting'")


def upgrade() -> None:
    """Let the index of due events begin with the client."""
    op.create_index(
        "ix_register_events_turn", "register_events", ["client", "due_at", "seq"], unique=False, postgresql_where=_WAITING
    )
    op.drop_index("ix_register_events_due", table_name="register_events")


def downgrade() -> None:
    """Let it begin with the time again."""
    op.create_index(
        "ix_register_events_due", "register_events", ["due_at", "seq"], unique=False, postgresql_where=_WAITING
    )
    op.drop_index("ix_register_events_turn", table_name="register_events")
