"""What a page for annotators needs: assignments, comments, suggestions, effort; who was last."""

import sqlalchemy as sa
from alembic import op

revision = "3"
down_revision = "2"


def upgrade() -> None:
    """Add columns and tables, and fill in who made the newest revision of every image."""
    op.add_column("images", sa.Column("assignee", sa.String(100)))
    op.add_column("images", sa.Column("annotator", sa.String(100)))
    op.add_column("images", sa.Column("changed_ms", sa.BigInteger))
    op.add_column("images", sa.Column("open_comments", sa.Integer))
    for table in ("images", "revisions"):
        op.add_column(table, sa.Column("actions", sa.BigInteger))
        op.add_column(table, sa.Column("seconds", sa.Float))
    op.create_index("images_file", "images", ["sha256"])
    op.create_table(
        "comments",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("image_id", sa.Integer, sa.ForeignKey("images.id"), nullable=False),
        sa.Column("annotator", sa.String(100), nullable=False),
        sa.Column("key", sa.String(100), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("person_id", sa.Integer),
        sa.Column("x", sa.Float),
        sa.Column("y", sa.Float),
        sa.Column("resolved_by", sa.String(100)),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("annotator", "key", name="comments_key"),
    )
    op.create_index("comments_image", "comments", ["image_id", "id"])
    op.create_table(
        "suggestions",
        sa.Column("image_id", sa.Integer, sa.ForeignKey("images.id"), primary_key=True),
        sa.Column("made_by", sa.String(200), nullable=False),
        sa.Column("message", sa.LargeBinary, nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
    )
    for column, source in (("annotator", "annotator"), ("changed_ms", "created_ms")):
        op.execute(
            f"UPDATE images SET {column} = (SELECT r.{source} FROM revisions r"
            " WHERE r.image_id = images.id AND r.number = images.revision)"
        )
