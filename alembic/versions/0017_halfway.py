"""The hashes halfway up each full tile, so that a proof needs 30 hashes of it instead of 255."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column. Tiles that are full already stay without: nobody but the sequencer writes, and a proof hashes them."""
    op.add_column("tile", sa.Column("halfway", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    """Take it away again: it holds nothing that the tile does not."""
    op.drop_column("tile", "halfway")
