"""Rows of the annotation store's tables as records, and the questions that more than one asks."""

from typing import Any, cast

from sqlalchemy import Connection, Row, Select, select

from evoskeleton.annotation.domain.annotated_person import people_from_words
from evoskeleton.annotation.domain.keypoint_schemas import known_schema
from evoskeleton.annotation.domain.records import (
    AnnotationImage,
    NotThere,
    Project,
    Revision,
    State,
)
from evoskeleton.annotation.store.tables import IMAGES, PROJECTS, REVISIONS


def project_row(row: Row[Any]) -> Project:
    """One row of `PROJECTS`."""
    return Project(row.id, row.name, row.keypoints, row.created_ms / 1000.0)


def image_row(row: Row[Any]) -> AnnotationImage:
    """One row of `IMAGES`."""
    return AnnotationImage(
        row.id, row.project_id, row.name, row.sha256, row.width, row.height, row.revision,
        cast(State, row.state), row.holder or "", (row.held_until_ms or 0) / 1000.0,
        row.coco_id, row.assignee or "", row.annotator or "", (row.changed_ms or 0) / 1000.0,
        row.open_comments or 0, row.actions or 0, row.seconds or 0.0,
    )  # fmt: skip


def revision_row(row: Row[Any], keypoints: str) -> Revision:
    """One row of `REVISIONS`; `keypoints` is the schema of its project."""
    return Revision(
        image_id=row.image_id,
        number=row.number,
        action=row.action,
        state=row.state,
        former=row.former,
        annotator=row.annotator,
        note=row.note,
        people=people_from_words(row.people, known_schema(keypoints)),
        created=row.created_ms / 1000.0,
        actions=row.actions or 0,
        seconds=row.seconds or 0.0,
    )


def beginning(image_id: int) -> Revision:
    """Revision 0 of an image: nothing is known yet."""
    return Revision(image_id, 0, "import", "new", 0, "", "", (), 0.0)


def project_of(connection: Connection, project_id: int) -> Project:
    """A project by its number.

    Raises:
        NotThere: there is none.
    """
    wanted = select(PROJECTS).where(PROJECTS.c.id == project_id)
    row = connection.execute(wanted).first() if may_be(project_id) else None
    if row is None:
        raise NotThere(f"there is no project {project_id}", "NO_PROJECT")
    return project_row(row)


def image_of(connection: Connection, image_id: int, *, lock: bool = False) -> AnnotationImage:
    """An image by its number; `lock` keeps others from changing it until the transaction ends.

    Raises:
        NotThere: there is none.
    """
    found: Select[Any] = select(IMAGES).where(IMAGES.c.id == image_id)
    if lock:
        found = found.with_for_update()
    row = connection.execute(found).first() if may_be(image_id) else None
    if row is None:
        raise NotThere(f"there is no image {image_id}", "NO_IMAGE")
    return image_row(row)


def revision_of(connection: Connection, image: AnnotationImage, number: int) -> Revision:
    """A revision of an image; number 0 is its beginning.

    Raises:
        NotThere: there is none.
    """
    if number == 0:
        return beginning(image.id)
    wanted = select(REVISIONS).where(REVISIONS.c.image_id == image.id, REVISIONS.c.number == number)
    row = connection.execute(wanted).first() if may_be(number) else None
    if row is None:
        sentence = f"image {image.id} has no revision {number}: it is at {image.revision}"
        raise NotThere(sentence, "NO_REVISION")
    return revision_row(row, project_of(connection, image.project_id).keypoints)


def may_be(number: int) -> bool:
    """Whether a number fits into its column; PostgreSQL refuses to look for others."""
    return 0 < number < 1 << 31
