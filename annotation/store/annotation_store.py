"""The annotation store: projects, images, leases and revisions in a database, files in a folder.

What a method has answered is on disk: files before the rows that name them, rows at the commit. Any
number of processes may use one store; all methods may be called from any thread.
"""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from evoskeleton.annotation.domain.keypoint_schemas import DEFAULT, check_project_schema
from evoskeleton.annotation.domain.records import (
    AnnotationImage,
    Change,
    NotNow,
    NotThere,
    Picture,
    Project,
    Revision,
    Skip,
    State,
    check_image_name,
)
from evoskeleton.annotation.store import leases, revisions
from evoskeleton.annotation.store.database import empty_log, open_database, reading, writing
from evoskeleton.annotation.store.image_files import ImageFiles
from evoskeleton.annotation.store.removal import lock_file
from evoskeleton.annotation.store.revisions import check_text
from evoskeleton.annotation.store.rows import (
    image_of,
    image_row,
    project_of,
    project_row,
    revision_of,
    revision_row,
)
from evoskeleton.annotation.store.tables import IMAGES, PROJECTS, REVISIONS, SKIPS
from evoskeleton.errors import BadInput

DATABASE = "annotations.db"
"""In the folder of a store, where it is one of SQLite."""

LEASE_SECONDS = 600.0
MOST_LEASES = 20
LONGEST_LEASE_SECONDS = 86_400.0
_LAST = (1 << 31) - 1

Answer = TypeVar("Answer")
_ROWS = 100
_LONGEST_NAME = 100
_LONGEST_REASON = 500


class AnnotationStore:
    """A database and a folder of image files."""

    def __init__(
        self,
        url: str,
        images: Path | str,
        clock: Callable[[], float] = time.time,
        make: bool = True,
    ) -> None:
        """Open the store, and bring its tables to the newest version.

        Args:
            url: see `database.open_database`.
            images: folder of image files; made with the first of them.
            clock: seconds since 1970.
            make: whether a file of SQLite is made where there is none.

        Raises:
            BadInput: the database cannot be opened.
        """
        self._engine = open_database(url, make)
        self._files = ImageFiles(images)
        self._clock = clock

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    def reachable(self) -> bool:
        """Whether the database answers; waits for it as long as its driver does."""
        try:
            with reading(self._engine) as connection:
                connection.execute(select(PROJECTS.c.id).limit(1)).first()
        except DBAPIError:
            return False
        return True

    def read(self, ask: Callable[..., Answer], *given: Any) -> Answer:
        """What a question of this folder gives that takes a connection first, such as
        `progress.counts_of`."""
        with reading(self._engine) as connection:
            return ask(connection, *given)

    def write(self, change: Callable[..., Answer], *given: Any) -> Answer:
        """The same of a change, such as `comments.add`; on disk when it returns."""
        with writing(self._engine) as connection:
            return change(connection, *given)

    def delete(self, change: Callable[..., Answer], *given: Any) -> Answer:
        """The same of a change of `removal`, of which nothing is left behind in the database."""
        with writing(self._engine) as connection:
            gone = change(connection, self._files, *given)
        empty_log(self._engine)
        return gone

    def now_ms(self) -> int:
        """Milliseconds since 1970."""
        return round(1000 * self._clock())

    @property
    def files(self) -> ImageFiles:
        """Where the pictures lie."""
        return self._files

    # Projects

    def make_project(self, name: str, keypoints: str = DEFAULT) -> Project:
        """A project by its name, made where there is none.

        Args:
            name: letters, digits, `.`, `_` and `-`.
            keypoints: schema of its annotations, see `schemas`.

        Raises:
            NotNow: a project of that name has another schema.
            BadInput: the name or the schema is not allowed.
        """
        check_project_name(name)
        check_project_schema(keypoints)
        with _unless_there(), writing(self._engine) as connection:
            if _by_name(connection, name) is None:
                values = {"name": name, "keypoints": keypoints, "created_ms": self.now_ms()}
                connection.execute(insert(PROJECTS).values(**values))
        project = self.project(name)
        if project.keypoints != keypoints:
            sentence = f"project {name} is there already, with keypoints {project.keypoints}"
            raise NotNow(sentence, "NAME_TAKEN")
        return project

    def project(self, name: str) -> Project:
        """A project by its name.

        Raises:
            NotThere: there is none.
        """
        with reading(self._engine) as connection:
            row = _by_name(connection, name)
        if row is None:
            raise NotThere(f"there is no project {name[:_LONGEST_NAME]!r}", "NO_PROJECT")
        return project_row(row)

    def project_of(self, project_id: int) -> Project:
        """A project by its number.

        Raises:
            NotThere: there is none.
        """
        with reading(self._engine) as connection:
            return project_of(connection, project_id)

    def projects(self) -> list[Project]:
        """All projects, by name."""
        with reading(self._engine) as connection:
            return [
                *map(project_row, connection.execute(select(PROJECTS).order_by(PROJECTS.c.name)))
            ]

    # Images

    def add_image(self, project_id: int, name: str, picture: Picture) -> AnnotationImage:
        """Keep a picture; the same name with the same picture is the image that is there.

        Raises:
            NotThere: there is no such project.
            NotNow: the name is taken by another picture.
            BadInput: the name is not allowed, or the file cannot be kept.
        """
        check_image_name(name)
        self.project_of(project_id)
        sha256 = self._files.put(picture.content)
        wanted = select(IMAGES).where(IMAGES.c.project_id == project_id, IMAGES.c.name == name)
        with _unless_there(), writing(self._engine) as connection:
            lock_file(connection, sha256)
            self._files.put(picture.content)
            if connection.execute(wanted).first() is None:
                values = {
                    "project_id": project_id, "name": name, "sha256": sha256,
                    "width": picture.width, "height": picture.height,
                    "revision": 0, "state": "new", "created_ms": self.now_ms(),
                }  # fmt: skip
                connection.execute(insert(IMAGES).values(**values))
        with reading(self._engine) as connection:
            image = image_row(connection.execute(wanted).one())
        if image.sha256 != sha256:
            sentence = f"image {name} of project {project_id} is there already, another picture"
            raise NotNow(sentence, "NAME_TAKEN")
        return image

    def image(self, image_id: int) -> AnnotationImage:
        """An image by its number.

        Raises:
            NotThere: there is none.
        """
        with reading(self._engine) as connection:
            return image_of(connection, image_id)

    def images(
        self, project_id: int, state: State | None = None, after: int = 0, most: int | None = None
    ) -> list[AnnotationImage]:
        """Images of a project by number, from the one after `after` on."""
        after = min(max(after, 0), _LAST)
        wanted = select(IMAGES).where(IMAGES.c.project_id == project_id, IMAGES.c.id > after)
        if state is not None:
            wanted = wanted.where(IMAGES.c.state == state)
        with reading(self._engine) as connection:
            project_of(connection, project_id)
            return [*map(image_row, connection.execute(wanted.order_by(IMAGES.c.id).limit(most)))]

    def content(self, image: AnnotationImage) -> bytes:
        """The file of an image.

        Raises:
            BadInput: it is gone.
        """
        return self._files.read(image.sha256)

    def picture_path(self, image: AnnotationImage) -> Path:
        """Where the file of an image lies."""
        return self._files.place(image.sha256)

    # Leases

    def lease_next(
        self, project_id: int, annotator: str, seconds: float = LEASE_SECONDS
    ) -> AnnotationImage | None:
        """The first of `lease_several`; None without any."""
        return next(iter(self.lease_several(project_id, annotator, seconds)), None)

    def lease_several(
        self,
        project_id: int,
        annotator: str,
        seconds: float = LEASE_SECONDS,
        count: int = 1,
        review: bool = False,
    ) -> list[AnnotationImage]:
        """Images to annotate, or to review, which nobody else gets until the lease ends.

        Those of the project that the annotator holds come first, so that who asks again gets the
        same. Images that the annotator has skipped are left out.

        Raises:
            NotThere: there is no such project.
            BadInput: the annotator, the time or the count is not allowed.
        """
        check_annotator(annotator)
        if not 1 <= count <= MOST_LEASES:
            raise BadInput(f"count should be 1 to {MOST_LEASES} images, got {count}")
        lease = leases.lease_for_review if review else leases.lease_next
        with writing(self._engine) as connection:
            project_of(connection, project_id)
            now = self.now_ms()
            return lease(connection, project_id, annotator, now, _until(now, seconds), count)

    def renew(
        self, image_id: int, annotator: str, seconds: float = LEASE_SECONDS
    ) -> AnnotationImage:
        """Hold an image for longer, or take a certain one; see `leases.renew`."""
        check_annotator(annotator)
        with writing(self._engine) as connection:
            now = self.now_ms()
            return leases.renew(connection, image_id, annotator, now, _until(now, seconds))

    def release(self, image_id: int, annotator: str) -> AnnotationImage:
        """Give an image back; one that somebody else holds stays theirs."""
        with writing(self._engine) as connection:
            return leases.release(connection, image_id, annotator)

    def skip(self, image_id: int, annotator: str, reason: str) -> AnnotationImage:
        """Give an image back and not get it again; others still get it.

        Raises:
            NotThere: there is no such image.
            BadInput: the annotator or the reason is not allowed.
        """
        check_annotator(annotator)
        check_text("a reason", reason, 1, _LONGEST_REASON)
        with writing(self._engine) as connection:
            image = image_of(connection, image_id, lock=True)
            row = {"image_id": image_id, "annotator": annotator}
            if connection.execute(select(SKIPS).filter_by(**row)).first() is None:
                row |= {"reason": reason, "created_ms": self.now_ms()}
                connection.execute(insert(SKIPS).values(**row))
            return leases.release(connection, image.id, annotator)

    def unskip(self, image_id: int, annotator: str) -> AnnotationImage:
        """Take a skip back; one that was never made is none the less gone.

        Raises:
            NotThere: there is no such image.
        """
        with writing(self._engine) as connection:
            image = image_of(connection, image_id, lock=True)
            mine = SKIPS.c.image_id == image.id, SKIPS.c.annotator == annotator
            connection.execute(delete(SKIPS).where(*mine))
            return image

    def skips(self, image_id: int) -> list[Skip]:
        """Who has skipped an image, and why; the first first."""
        with reading(self._engine) as connection:
            image = image_of(connection, image_id)
            wanted = select(SKIPS).where(SKIPS.c.image_id == image.id)
            rows = connection.execute(wanted.order_by(SKIPS.c.created_ms, SKIPS.c.annotator))
            return [Skip(r.image_id, r.annotator, r.reason, r.created_ms / 1000.0) for r in rows]

    # Revisions

    def change(self, change: Change) -> Revision:
        """Add a revision, once; see `revisions.apply`.

        Two requests with the same key at the same moment: the later one finds the first's answer.
        """
        check_annotator(change.annotator)
        try:
            return self._changed(change)
        except IntegrityError:
            return self._changed(change)

    def import_all(self, changes: list[Change], coco_ids: dict[int, int]) -> list[Revision]:
        """Add the revisions of many images and remember their ids in a COCO file; all or nothing.

        Raises:
            As `change`.
        """
        for change in changes:
            check_annotator(change.annotator)
        with writing(self._engine) as connection:
            for image_id, coco_id in coco_ids.items():
                row = update(IMAGES).where(IMAGES.c.id == image_id)
                connection.execute(row.values(coco_id=coco_id))
            now = self.now_ms()
            return [revisions.apply(connection, change, now) for change in changes]

    def _changed(self, change: Change) -> Revision:
        with writing(self._engine) as connection:
            return revisions.apply(connection, change, self.now_ms())

    def revision(self, image_id: int, number: int | None = None) -> Revision:
        """A revision of an image; none: the newest.

        Raises:
            NotThere: there is no such image or revision.
        """
        with reading(self._engine) as connection:
            image = image_of(connection, image_id)
            return revision_of(connection, image, image.revision if number is None else number)

    def history(self, image_id: int, after: int = 0, most: int | None = None) -> list[Revision]:
        """Revisions of an image, the first first, from the one after `after` on.

        Raises:
            NotThere: there is no such image.
        """
        with reading(self._engine) as connection:
            image = image_of(connection, image_id)
            keypoints = project_of(connection, image.project_id).keypoints
            wanted = select(REVISIONS).where(
                REVISIONS.c.image_id == image.id, REVISIONS.c.number > min(after, _LAST)
            )
            rows = connection.execute(wanted.order_by(REVISIONS.c.number).limit(most))
            return [revision_row(row, keypoints) for row in rows]

    def newest(
        self, project_id: int, states: tuple[State, ...]
    ) -> list[tuple[AnnotationImage, Revision]]:
        """Images in certain states with their newest revisions, by number."""
        with reading(self._engine) as connection:
            keypoints = project_of(connection, project_id).keypoints
            images = connection.execute(
                select(IMAGES)
                .where(IMAGES.c.project_id == project_id, IMAGES.c.state.in_(states))
                .order_by(IMAGES.c.id)
            ).all()
            newest = connection.execute(
                select(REVISIONS)
                .join(IMAGES, IMAGES.c.id == REVISIONS.c.image_id)
                .where(IMAGES.c.project_id == project_id, IMAGES.c.revision == REVISIONS.c.number)
            )
            by_image = {row.image_id: revision_row(row, keypoints) for row in newest}
        return [(image_row(row), by_image[row.id]) for row in images if row.id in by_image]

    def untouched_of_coco(self, project_id: int) -> list[AnnotationImage]:
        """Images that came from a COCO file without people, and that nobody has annotated since."""
        wanted = IMAGES.c.project_id == project_id, IMAGES.c.coco_id.is_not(None)
        untouched = select(IMAGES).where(*wanted, IMAGES.c.revision == 0).order_by(IMAGES.c.id)
        with reading(self._engine) as connection:
            return [*map(image_row, connection.execute(untouched))]

    def largest_coco_ids(self, project_id: int) -> tuple[int, int]:
        """The largest id of an image and of a person, of any revision, that came from COCO; or 0.

        Raises:
            NotThere: there is no such project.
        """
        with reading(self._engine) as connection:
            project_of(connection, project_id)
            of_project = IMAGES.c.project_id == project_id
            image = connection.scalar(select(func.max(IMAGES.c.coco_id)).where(of_project)) or 0
            revisions = select(REVISIONS.c.people).join(IMAGES, IMAGES.c.id == REVISIONS.c.image_id)
            rows = connection.execute(revisions.where(of_project)).yield_per(_ROWS)
            people = (person.get("coco") for row in rows for person in row.people)
            return image, max((coco["id"] for coco in people if coco), default=0)


def store_in(folder: Path, url: str | None = None, make: bool = True) -> AnnotationStore:
    """The store of a folder: its image files, and where no URL names a database, SQLite, which is
    made where there is none unless `make` is not set.

    Raises:
        BadInput: the database cannot be opened.
    """
    return AnnotationStore(url or f"sqlite:///{folder}/{DATABASE}", folder / "images", make=make)


@contextmanager
def store_to_read(folder: Path, url: str | None = None) -> Iterator[AnnotationStore]:
    """The store of a folder that is there, for reading alone: the folder need not be writable, and
    its database is that of this moment then.

    Raises:
        BadInput: there is none, or it cannot be opened.
    """
    place = folder / DATABASE
    with ExitStack() as stack:
        writable = os.access(folder, os.W_OK) and os.access(place, os.W_OK)
        if url is None and place.exists() and not writable:
            copy = Path(stack.enter_context(TemporaryDirectory(prefix="evoskeleton-")))
            for path in folder.glob(f"{DATABASE}*"):
                if not path.name.endswith("-shm"):
                    shutil.copyfile(path, copy / path.name)
            url = f"sqlite:///{copy}/{DATABASE}"
        store = store_in(folder, url, make=False)
        stack.callback(store.close)
        yield store


@contextmanager
def _unless_there() -> Iterator[None]:
    """Somebody else has added the same row at the same moment: it is there, as was wanted."""
    try:
        yield
    except IntegrityError:
        return


def _by_name(connection: Any, name: str) -> Any:
    return connection.execute(select(PROJECTS).where(PROJECTS.c.name == name)).first()


def _until(now_ms: int, seconds: float) -> int:
    if not 1.0 <= seconds <= LONGEST_LEASE_SECONDS:
        raise BadInput(f"a lease should be 1 to {LONGEST_LEASE_SECONDS:g} seconds, got {seconds:g}")
    return now_ms + round(1000 * seconds)


def check_annotator(name: str) -> None:
    """What an annotator may be called.

    Raises:
        BadInput: something else.
    """
    if not 1 <= len(name) <= _LONGEST_NAME or not name.isprintable():
        raise BadInput(f"an annotator should have a name of 1 to {_LONGEST_NAME} characters")


def check_project_name(name: str) -> None:
    allowed = name.isascii() and name.replace("-", "").replace("_", "").replace(".", "").isalnum()
    if not allowed or len(name) > _LONGEST_NAME or not name[0].isalnum():
        raise BadInput(
            "a project's name should be letters, digits, '.', '_' and '-', "
            f"{_LONGEST_NAME} at most, got {name[:_LONGEST_NAME]!r}"
        )
