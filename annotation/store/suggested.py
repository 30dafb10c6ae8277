"""The newest suggestion for the whole picture of an image, kept until another model makes one."""

from sqlalchemy import Connection, delete, insert, select

from evoskeleton.annotation.store.rows import image_of
from evoskeleton.annotation.store.tables import SUGGESTIONS


def kept(connection: Connection, image_id: int, made_by: str) -> bytes | None:
    """The message that was kept, where the same models made it; None elsewhere."""
    mine = SUGGESTIONS.c.image_id == image_id, SUGGESTIONS.c.made_by == made_by
    return connection.scalar(select(SUGGESTIONS.c.message).where(*mine))


def keep(connection: Connection, image_id: int, made_by: str, message: bytes, now_ms: int) -> None:
    """Put a message in the place of what is kept.

    Raises:
        NotThere: there is no such image any more.
    """
    image = image_of(connection, image_id, lock=True)
    connection.execute(delete(SUGGESTIONS).where(SUGGESTIONS.c.image_id == image.id))
    values = {"image_id": image.id, "made_by": made_by, "message": message, "created_ms": now_ms}
    connection.execute(insert(SUGGESTIONS).values(**values))
