"""The eraser sees whether two ids of the staff are one person's: two people erase, not two rows."""

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let the eraser read who is who; neither role nor Behörde."""
    op.execute("GRANT SELECT (id, name, subject_hash) ON staff TO proaktiv_eraser")


def downgrade() -> None:
    """Take it away again."""
    op.execute("REVOKE SELECT (id, name, subject_hash) ON staff FROM proaktiv_eraser")
