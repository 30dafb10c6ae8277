"""Images and projects that go, with all that was said of them, and other names for those that stay.

Rows go first and the file last, in one transaction: whoever is killed in between deletes once more.
SQLite overwrites what is deleted (`secure_delete`), and its log is emptied; PostgreSQL gives the
space free at its next vacuum.
"""

import zlib
from collections.abc import Sequence

from sqlalchemy import Connection, delete, exists, select, text, update

from evoskeleton.annotation.domain.records import (
    AnnotationImage,
    NotNow,
    Project,
    check_image_name,
)
from evoskeleton.annotation.store.image_files import ImageFiles
from evoskeleton.annotation.store.leases import refuse_if_held
from evoskeleton.annotation.store.rows import image_of, project_of
from evoskeleton.annotation.store.tables import (
    COMMENTS,
    IMAGES,
    PROJECTS,
    REVISIONS,
    SKIPS,
    SUGGESTIONS,
)
from evoskeleton.errors import BadInput

_LOCK = 7_305_116
_AT_ONCE = 500


def lock_file(connection: Connection, sha256: str) -> None:
    """Until the transaction ends, nobody else adds or deletes a picture with this hash."""
    if connection.dialect.name == "postgresql":
        key = zlib.crc32(sha256.encode()) - (1 << 31)
        lock = text("SELECT pg_advisory_xact_lock(CAST(:lock AS int), CAST(:key AS int))")
        connection.execute(lock, {"lock": _LOCK, "key": key})


def rename_image(connection: Connection, image_id: int, name: str) -> AnnotationImage:
    """Another name for an image.

    Raises:
        NotThere: there is no such image.
        NotNow: another image of the project has the name.
        BadInput: the name is not allowed.
    """
    check_image_name(name)
    image = image_of(connection, image_id, lock=True)
    same = exists().where(
        IMAGES.c.project_id == image.project_id, IMAGES.c.name == name, IMAGES.c.id != image.id
    )
    if connection.scalar(select(same)):
        sentence = f"there is an image {name[:200]} in project {image.project_id} already"
        raise NotNow(sentence, "NAME_TAKEN")
    connection.execute(update(IMAGES).where(IMAGES.c.id == image.id).values(name=name))
    return image_of(connection, image.id)


def rename_project(connection: Connection, project_id: int, name: str) -> Project:
    """Another name for a project, which is allowed; see `rename_image`."""
    project = project_of(connection, project_id)
    same = exists().where(PROJECTS.c.name == name, PROJECTS.c.id != project.id)
    if connection.scalar(select(same)):
        raise NotNow(f"there is a project {name} already", "NAME_TAKEN")
    connection.execute(update(PROJECTS).where(PROJECTS.c.id == project.id).values(name=name))
    return project_of(connection, project.id)


def delete_image(
    connection: Connection, files: ImageFiles, image_id: int, annotator: str, now_ms: int
) -> tuple[int, int]:
    """Delete an image; how many images and files are gone.

    Raises:
        NotThere: there is no such image.
        NotNow: somebody else holds it.
        NotKept: the file cannot be deleted.
    """
    image = image_of(connection, image_id, lock=True)
    refuse_if_held(image, annotator, now_ms)
    return _delete(connection, files, [image.id])


def delete_project(
    connection: Connection, files: ImageFiles, project_id: int, name: str
) -> tuple[int, int]:
    """Delete a project with its images; as `delete_image`, whoever holds them.

    Raises:
        NotThere: there is no such project.
        BadInput: it has another name.
        NotKept: a file cannot be deleted.
    """
    project = project_of(connection, project_id)
    if project.name != name:
        raise BadInput(f"name should be {project.name}, which is to be deleted, got {name[:100]!r}")
    ids = connection.scalars(select(IMAGES.c.id).where(IMAGES.c.project_id == project.id))
    gone = _delete(connection, files, [*ids])
    connection.execute(delete(PROJECTS).where(PROJECTS.c.id == project.id))
    return gone


def _delete(connection: Connection, files: ImageFiles, ids: Sequence[int]) -> tuple[int, int]:
    gone = 0
    for start in range(0, len(ids), _AT_ONCE):
        some = ids[start : start + _AT_ONCE]
        hashes = set(connection.scalars(select(IMAGES.c.sha256).where(IMAGES.c.id.in_(some))))
        for sha256 in sorted(hashes):
            lock_file(connection, sha256)
        for table in (COMMENTS, SUGGESTIONS, SKIPS, REVISIONS):
            connection.execute(delete(table).where(table.c.image_id.in_(some)))
        connection.execute(delete(IMAGES).where(IMAGES.c.id.in_(some)))
        left = connection.scalars(select(IMAGES.c.sha256).where(IMAGES.c.sha256.in_(hashes)))
        gone += sum(map(files.remove, sorted(hashes - set(left))))
    return len(ids), gone


def assign(
    connection: Connection, image_ids: Sequence[int], assignee: str
) -> list[AnnotationImage]:
    """Say who should annotate images; empty: anybody.

    Raises:
        NotThere: one of them is not there; nothing is changed.
        BadInput: they are of different projects.
    """
    images = [image_of(connection, image_id) for image_id in image_ids]
    if len({image.project_id for image in images}) > 1:
        raise BadInput("image_ids should be of one project")
    rows = update(IMAGES).where(IMAGES.c.id.in_([image.id for image in images]))
    connection.execute(rows.values(assignee=assignee or None))
    return [image_of(connection, image.id) for image in images]
