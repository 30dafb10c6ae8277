"""Who works on which image: leases that run out, so that nobody holds an image for ever.

An image is given to one annotator at a time, and an annotator gets one image at a time. In
PostgreSQL, rows that others are about to take are passed over (SKIP LOCKED), and requests of one
annotator wait for each other; in SQLite there is one writer at a time.
"""

import zlib
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, exists, or_, select, text, update

from evoskeleton.annotation.domain.records import OPEN, AnnotationImage, NotNow
from evoskeleton.annotation.store.rows import image_of, image_row
from evoskeleton.annotation.store.tables import IMAGES, SKIPS


def lease_next(
    connection: Connection, project_id: int, annotator: str, now_ms: int, until_ms: int
) -> AnnotationImage | None:
    """The image that an annotator holds already, or else the first that is free; None without.

    What was sent back comes first, then drafts that somebody has left, then new images.
    """
    _one_by_one(connection, project_id, annotator)
    held = and_(
        IMAGES.c.holder == annotator, IMAGES.c.held_until_ms > now_ms, IMAGES.c.state.in_(OPEN)
    )
    free = and_(_free(now_ms), ~_skipped_by(annotator))
    for wanted in (held, *(and_(IMAGES.c.state == state, free) for state in OPEN)):
        row = connection.execute(
            select(IMAGES)
            .where(IMAGES.c.project_id == project_id, wanted)
            .order_by(IMAGES.c.id)
            .limit(1)
            .with_for_update(skip_locked=wanted is not held)
        ).first()
        if row is not None:
            return hold(connection, image_row(row), annotator, until_ms)
    return None


def _one_by_one(connection: Connection, project_id: int, annotator: str) -> None:
    """Wait until no other transaction looks for an image for this annotator."""
    if connection.dialect.name == "postgresql":
        key = zlib.crc32(annotator.encode()) - (1 << 31)
        lock = text("SELECT pg_advisory_xact_lock(CAST(:project AS int), CAST(:key AS int))")
        connection.execute(lock, {"project": project_id, "key": key})


def renew(
    connection: Connection, image_id: int, annotator: str, now_ms: int, until_ms: int
) -> AnnotationImage:
    """Hold an image for longer.

    A lease that has run out is renewed as well, as long as nobody else has taken the image.

    Raises:
        NotNow: somebody else holds it, or there is nothing to annotate any more.
    """
    image = image_of(connection, image_id, lock=True)
    refuse_if_held(image, annotator, now_ms)
    if image.state not in OPEN:
        raise NotNow(f"image {image_id} is {image.state}: there is nothing to annotate")
    return hold(connection, image, annotator, until_ms)


def hold(
    connection: Connection, image: AnnotationImage, annotator: str, until_ms: int
) -> AnnotationImage:
    """Give the image to an annotator."""
    return _set(connection, image, holder=annotator, held_until_ms=until_ms)


def release(connection: Connection, image_id: int, annotator: str) -> AnnotationImage:
    """Give an image back; one that somebody else holds stays theirs."""
    image = image_of(connection, image_id, lock=True)
    if image.holder != annotator:
        return image
    return _set(connection, image, holder=None, held_until_ms=None)


def refuse_if_held(image: AnnotationImage, annotator: str, now_ms: int) -> None:
    """Nobody writes where somebody else works.

    Raises:
        NotNow: somebody else holds the image.
    """
    if image.holder not in ("", annotator) and image.held_until * 1000 > now_ms:
        raise NotNow(f"image {image.id} is being annotated by {image.holder}; nothing was changed")


def _free(now_ms: int) -> ColumnElement[bool]:
    return or_(IMAGES.c.held_until_ms.is_(None), IMAGES.c.held_until_ms <= now_ms)


def _skipped_by(annotator: str) -> ColumnElement[bool]:
    return exists().where(SKIPS.c.image_id == IMAGES.c.id, SKIPS.c.annotator == annotator)


def _set(connection: Connection, image: AnnotationImage, **values: Any) -> AnnotationImage:
    connection.execute(update(IMAGES).where(IMAGES.c.id == image.id).values(**values))
    return image_of(connection, image.id)
