"""The tables of the annotation store, alike in SQLite and PostgreSQL.

Times are whole milliseconds since 1970 (UTC). `migrations` makes and changes the tables; a test
holds that what it makes is what stands here.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

METADATA = MetaData()

PROJECTS = Table(
    "projects",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("name", String(100), nullable=False, unique=True),
    Column("keypoints", String(40), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
)
"""`keypoints` names the keypoint schema of all annotations of a project."""

IMAGES = Table(
    "images",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("project_id", Integer, ForeignKey("projects.id"), nullable=False),
    Column("name", String(500), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("state", String(20), nullable=False),
    Column("holder", String(100)),
    Column("held_until_ms", BigInteger),
    Column("created_ms", BigInteger, nullable=False),
    Column("coco_id", BigInteger),
    Column("assignee", String(100)),
    Column("annotator", String(100)),
    Column("changed_ms", BigInteger),
    Column("open_comments", Integer),
    Column("actions", BigInteger),
    Column("seconds", Float),
    UniqueConstraint("project_id", "name", name="images_name"),
    Index("images_open", "project_id", "state", "id"),
    Index("images_held", "project_id", "holder"),
    Index("images_file", "sha256"),
)
"""`revision`, `state`, `annotator` and `changed_ms` are those of the newest revision; `holder` has
the lease until then; `coco_id` is the id in the COCO file that the image was imported from;
`actions` and `seconds` are sums over all revisions."""

REVISIONS = Table(
    "revisions",
    METADATA,
    Column("image_id", Integer, ForeignKey("images.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("action", String(20), nullable=False),
    Column("state", String(20), nullable=False),
    Column("former", Integer, nullable=False),
    Column("annotator", String(100), nullable=False),
    Column("key", String(100), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("note", Text, nullable=False),
    Column("people", JSON, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("actions", BigInteger),
    Column("seconds", Float),
    UniqueConstraint("annotator", "key", name="revisions_key"),
)
"""Rows are only ever added, and go with their image. `former` is the revision that undoing this one
goes back to (0: none); `digest` tells a request that is repeated from another one with the same
key."""

SKIPS = Table(
    "skips",
    METADATA,
    Column("image_id", Integer, ForeignKey("images.id"), primary_key=True),
    Column("annotator", String(100), primary_key=True),
    Column("reason", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
)

COMMENTS = Table(
    "comments",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("image_id", Integer, ForeignKey("images.id"), nullable=False),
    Column("annotator", String(100), nullable=False),
    Column("key", String(100), nullable=False),
    Column("text", Text, nullable=False),
    Column("person_id", Integer),
    Column("x", Float),
    Column("y", Float),
    Column("resolved_by", String(100)),
    Column("created_ms", BigInteger, nullable=False),
    UniqueConstraint("annotator", "key", name="comments_key"),
    Index("comments_image", "image_id", "id"),
)

SUGGESTIONS = Table(
    "suggestions",
    METADATA,
    Column("image_id", Integer, ForeignKey("images.id"), primary_key=True),
    Column("made_by", String(200), nullable=False),
    Column("message", LargeBinary, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
)
"""What was last suggested for a whole picture: `made_by` names detector and champion, `message` is
a `SuggestResponse`."""
