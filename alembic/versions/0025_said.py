"""What a Behörde says of an Auftrag can be read by its person: the worker seals it for them where a letter may go."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column. Takes no time: it is empty, and what was said before is sealed with the next letter about it."""
    op.add_column("acknowledgements", sa.Column("said", sa.LargeBinary(), nullable=True))
    op.execute("GRANT UPDATE (said) ON acknowledgements TO proaktiv_eraser")


def downgrade() -> None:
    """Take it away: the same stands in ``text``, sealed to the worker."""
    op.drop_column("acknowledgements", "said")
