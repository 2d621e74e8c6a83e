"""Aufträge that rested without anybody's task are looked at once more.

A task of § 52 BMG could be ended by ``done``, which left its Auftrag lying for ever. Due now, each of them is asked
about at the gate again: it goes, or it becomes a task that says what became of it.
"""

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make them due. The index of what is due holds them already by their state."""
    op.execute(
        "UPDATE auftraege SET due_at = now() WHERE state IN ('held', 'ready') AND due_at IS NULL AND undone_at IS NULL"
        " AND NOT EXISTS (SELECT FROM tasks WHERE tasks.matter = auftraege.id AND tasks.done_at IS NULL)"
    )


def downgrade() -> None:
    """Leave them due: the revision before knew no other way to look at them."""
