"""What people have to say of images to each other."""

from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from evoskeleton.annotation.domain.records import Comment, NotThere
from evoskeleton.annotation.store.revisions import check_key, check_text
from evoskeleton.annotation.store.rows import image_of, may_be
from evoskeleton.annotation.store.tables import COMMENTS, IMAGES
from evoskeleton.errors import BadInput

_LONGEST_TEXT = 2000
_LAST = (1 << 31) - 1


def add(
    connection: Connection,
    image_id: int,
    annotator: str,
    key: str,
    text: str,
    now_ms: int,
    person_id: int | None = None,
    place: tuple[float, float] | None = None,
) -> Comment:
    """Add a comment, once: the same key of the same annotator is the comment that is there.

    Raises:
        NotThere: there is no such image.
        BadInput: something in it is not allowed, or its key was used for another comment.
    """
    check_key(key)
    check_text("a comment", text, 1, _LONGEST_TEXT)
    image = image_of(connection, image_id, lock=True)
    x, y = place or (None, None)
    values = {"image_id": image.id, "text": text, "person_id": person_id, "x": x, "y": y}
    mine = {"annotator": annotator, "key": key}
    row = connection.execute(select(COMMENTS).filter_by(**mine)).first()
    if row is None:
        made = insert(COMMENTS).values(**values, **mine, created_ms=now_ms).returning(COMMENTS.c.id)
        number = connection.scalars(made).one()
        _count(connection, image.id)
        return _comment_of(connection, number)
    if any(getattr(row, name) != value for name, value in values.items()):
        raise BadInput(f"key {key} of {annotator} was used for another comment")
    return _comment(row)


def resolve(connection: Connection, comment_id: int, annotator: str, open_again: bool) -> Comment:
    """Settle a comment, or open it again; the first who settles it stays.

    Raises:
        NotThere: there is no such comment.
    """
    comment = _comment_of(connection, comment_id)
    image_of(connection, comment.image_id, lock=True)
    by = None if open_again else comment.resolved_by or annotator
    row = update(COMMENTS).where(COMMENTS.c.id == comment.id)
    connection.execute(row.values(resolved_by=by))
    _count(connection, comment.image_id)
    return _comment_of(connection, comment.id)


def listed(connection: Connection, image_id: int, after: int, most: int) -> list[Comment]:
    """Comments of an image from the one after `after` on, the first first.

    Raises:
        NotThere: there is no such image.
    """
    image = image_of(connection, image_id)
    wanted = COMMENTS.c.image_id == image.id, COMMENTS.c.id > min(max(after, 0), _LAST)
    rows = connection.execute(select(COMMENTS).where(*wanted).order_by(COMMENTS.c.id).limit(most))
    return [*map(_comment, rows)]


def _count(connection: Connection, image_id: int) -> None:
    mine = COMMENTS.c.image_id == image_id, COMMENTS.c.resolved_by.is_(None)
    count = connection.scalar(select(func.count()).select_from(COMMENTS).where(*mine))
    connection.execute(update(IMAGES).where(IMAGES.c.id == image_id).values(open_comments=count))


def _comment_of(connection: Connection, comment_id: int) -> Comment:
    wanted = select(COMMENTS).where(COMMENTS.c.id == comment_id)
    row = connection.execute(wanted).first() if may_be(comment_id) else None
    if row is None:
        raise NotThere(f"there is no comment {comment_id}", "NO_COMMENT")
    return _comment(row)


def _comment(row: Row[Any]) -> Comment:
    place = None if row.x is None or row.y is None else (row.x, row.y)
    return Comment(
        row.id, row.image_id, row.annotator, row.text, row.created_ms / 1000.0,
        row.person_id, place, row.resolved_by or "",
    )  # fmt: skip
