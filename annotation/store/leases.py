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
    connection: Connection,
    project_id: int,
    annotator: str,
    now_ms: int,
    until_ms: int,
    count: int = 1,
) -> list[AnnotationImage]:
    """Images that an annotator holds already, and then the first that are free, up to `count`.

    What is assigned to the annotator comes before the rest; of each, what was sent back comes
    first, then drafts that somebody has left, then new images.
    """
    _one_by_one(connection, project_id, annotator)
    held = and_(_held_by(annotator, now_ms), IMAGES.c.state.in_(OPEN))
    free = and_(_free(now_ms), ~_skipped_by(annotator))
    whose = IMAGES.c.assignee == annotator, IMAGES.c.assignee.is_(None)
    open_ = [and_(IMAGES.c.state == state, free, mine) for mine in whose for state in OPEN]
    return _hold_first(
        connection, project_id, [held, *open_], IMAGES.c.id, count, annotator, until_ms
    )


def lease_for_review(
    connection: Connection,
    project_id: int,
    reviewer: str,
    now_ms: int,
    until_ms: int,
    count: int = 1,
) -> list[AnnotationImage]:
    """The same of images that are submitted, the longest waiting first."""
    _one_by_one(connection, project_id, reviewer)
    submitted = IMAGES.c.state == "submitted"
    wanted = [
        and_(submitted, _held_by(reviewer, now_ms)),
        and_(submitted, _free(now_ms)),
    ]
    order = IMAGES.c.changed_ms
    return _hold_first(connection, project_id, wanted, order, count, reviewer, until_ms)


def _hold_first(
    connection: Connection,
    project_id: int,
    wanted: list[ColumnElement[bool]],
    order: ColumnElement[Any],
    count: int,
    holder: str,
    until_ms: int,
) -> list[AnnotationImage]:
    """Give somebody `count` images, as far as there are, the `wanted` one kind after the other; the
    first kind is of those that are theirs already, the others are passed over where locked."""
    given: list[AnnotationImage] = []
    for kind, which in enumerate(wanted):
        rows = connection.execute(
            select(IMAGES)
            .where(IMAGES.c.project_id == project_id, which)
            .order_by(order, IMAGES.c.id)
            .limit(count - len(given))
            .with_for_update(skip_locked=kind > 0)
        ).all()
        given += [hold(connection, image_row(row), holder, until_ms) for row in rows]
        if len(given) == count:
            break
    return given


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

    A lease that has run out is renewed as well, as long as nobody else has taken the image. What is
    submitted is held for a review alone, by who holds it already.

    Raises:
        NotNow: somebody else holds it, or there is nothing to annotate any more.
    """
    image = image_of(connection, image_id, lock=True)
    refuse_if_held(image, annotator, now_ms)
    in_review = image.state == "submitted" and image.holder == annotator
    if image.state not in OPEN and not (in_review and image.held_until * 1000 > now_ms):
        sentence = f"image {image_id} is {image.state}: there is nothing to annotate"
        raise NotNow(sentence, image.state.upper())
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
        sentence = f"image {image.id} is being annotated by {image.holder}; nothing was changed"
        raise NotNow(sentence, "HELD", holder=image.holder, held_until=f"{image.held_until:.3f}")


def _held_by(annotator: str, now_ms: int) -> ColumnElement[bool]:
    return and_(IMAGES.c.holder == annotator, IMAGES.c.held_until_ms > now_ms)


def _free(now_ms: int) -> ColumnElement[bool]:
    return or_(IMAGES.c.held_until_ms.is_(None), IMAGES.c.held_until_ms <= now_ms)


def _skipped_by(annotator: str) -> ColumnElement[bool]:
    return exists().where(SKIPS.c.image_id == IMAGES.c.id, SKIPS.c.annotator == annotator)


def _set(connection: Connection, image: AnnotationImage, **values: Any) -> AnnotationImage:
    connection.execute(update(IMAGES).where(IMAGES.c.id == image.id).values(**values))
    return image_of(connection, image.id)
