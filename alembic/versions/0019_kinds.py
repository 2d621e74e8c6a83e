"""Entries are found by kind: pairs of what was authorised and how it ended, what the DSB filters and counts by."""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the index. A log of years takes minutes, and nothing is written meanwhile: migrate while work stands still."""
    op.create_index("ix_flow_log_kind", "flow_log", ["kind", "fid"])


def downgrade() -> None:
    """Take it away again."""
    op.drop_index("ix_flow_log_kind", table_name="flow_log")
