"""The id that an image had in the COCO file that it was imported from."""

import sqlalchemy as sa
from alembic import op

revision = "2"
down_revision = "1"


def upgrade() -> None:
    """Add the column."""
    op.add_column("images", sa.Column("coco_id", sa.BigInteger))
