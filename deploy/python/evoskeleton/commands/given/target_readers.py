"""What a target may be: readers of the platform, and those that want a detector or a store."""

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import JOINT_NAMES
from evoskeleton.platform.data.target.found import NOT_NUMBERED, Clip, FoundKeypoints, Readers
from evoskeleton.platform.data.target.load import BUILT_IN

if TYPE_CHECKING:
    from evoskeleton.annotation.domain.annotated_person import AnnotatedPerson
    from evoskeleton.annotation.domain.keypoint_schemas import Schema
    from evoskeleton.annotation.domain.records import AnnotationImage, Project, State
    from evoskeleton.annotation.store.annotation_store import AnnotationStore
    from evoskeleton.pose2d.detector import Detector, Person

MOST_FRAMES = 250
"""How many frames of a video are looked at, evenly along it."""

DATABASE = "annotations.db"

STATES: "tuple[State, ...]" = ("submitted", "accepted")
"""States of annotations that are a target."""

PHOTO_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")

Seen = Callable[[Path, int], None]
"""Called for every photo, and for every frame of a video that was looked at, by its number."""

Load = Callable[[str], "Detector"]


def target_readers(
    detector: str = "blazepose",
    most_frames: int = MOST_FRAMES,
    seen: Seen | None = None,
    load: Load | None = None,
) -> Readers:
    """Readers of everything that a target may be, the first that matches first.

    Args:
        detector: of people in photos and videos, by name; it is made for the first picture.
        most_frames: of a video to look at, evenly along it.
        seen: for a bar.
        load: makes a detector of a name; none: `pose2d.detectors.load_detector`.
    """
    return (*BUILT_IN, AnnotatedPictures(), Pictures(detector, most_frames, seen, load))


def count_pictures(paths: Sequence[Path]) -> int:
    """How many photos, and frames of videos, a detector will look at; folders count inside."""
    from evoskeleton.pose2d.videos import count_frames, is_video

    reader = Pictures("none")
    count = 0
    for path in paths:
        path = path.expanduser()
        for file in path.rglob("*") if path.is_dir() else [path]:
            if reader.matches(file):
                frames = count_frames(file) if is_video(file) else 1
                count += math.ceil(frames / max(1, math.ceil(frames / MOST_FRAMES)))
    return count


class Pictures:
    """Photos and videos, in which a detector finds people; each is a clip."""

    def __init__(
        self,
        detector: str,
        most_frames: int = MOST_FRAMES,
        seen: Seen | None = None,
        load: Load | None = None,
    ) -> None:
        self._name, self._most, self._seen = detector, most_frames, seen
        self._load = load
        self._made: Detector | None = None

    def matches(self, path: Path) -> bool:
        """By the end of the name."""
        from evoskeleton.pose2d.videos import is_video

        return path.is_file() and (is_video(path) or path.suffix.lower() in PHOTO_SUFFIXES)

    def read(self, path: Path) -> FoundKeypoints:
        """Everybody that the detector finds.

        Raises:
            BadInput: the file or the detector's weights cannot be had.
        """
        parts = []
        for number, image in self._pictures(path):
            people = self._detector.detect(image)
            parts += [
                _person(path, number, row, person, image) for row, person in enumerate(people)
            ]
            if self._seen is not None:
                self._seen(path, number)
        return _one_clip(parts)

    @property
    def _detector(self) -> "Detector":
        from evoskeleton.pose2d.detectors import load_detector

        if self._made is None:
            self._made = (self._load or load_detector)(self._name)
        return self._made

    def _pictures(self, path: Path) -> Iterator[tuple[int, np.ndarray]]:
        """A photo, or those frames of a video that are looked at, with their number."""
        from evoskeleton.pose2d.images import read_image
        from evoskeleton.pose2d.videos import count_frames, is_video, read_video

        if not is_video(path):
            yield NOT_NUMBERED, read_image(path)
            return
        every = max(1, math.ceil(count_frames(path) / self._most))
        for frame in read_video(path):
            if frame.number % every == 0:
                yield frame.number, frame.image


def _person(
    path: Path, number: int, row: int, person: "Person", image: np.ndarray
) -> FoundKeypoints:
    """One keypoint set; joints that a lifter should not look at are not known."""
    height, width = image.shape[:2]
    return FoundKeypoints.of(
        person.keypoints[None],
        np.where(person.known, person.confidence, 0.0)[None],
        clips=Clip(file=str(path), picture=str(path)),
        number=np.array([number]),
        person=np.array([row]),
        approximated=np.isin(JOINT_NAMES, person.approximated),
        image_size=np.array([width, height]),
    )


def _one_clip(parts: list[FoundKeypoints]) -> FoundKeypoints:
    """Parts that are all of one clip."""
    found = FoundKeypoints.concat(parts)
    same = {**vars(found), "clips": found.clips[:1], "clip": np.zeros_like(found.clip)}
    return FoundKeypoints(**same)


class AnnotatedPictures:
    """A project of annotations as a path, `FOLDER/PROJECT`; of a single project, its folder.

    What is submitted or accepted counts; keypoints in 2D are enough. Each picture is a clip.
    """

    def matches(self, path: Path) -> bool:
        """By the database in the folder."""
        return any((folder / DATABASE).is_file() for folder in (path, path.parent))

    def read(self, path: Path) -> FoundKeypoints:
        """Everybody annotated; hidden points are known, others are not.

        Raises:
            BadInput: there is no such project, or several and none is named.
        """
        from evoskeleton.annotation.domain.keypoint_schemas import known_schema
        from evoskeleton.commands.annotations import opened

        whole = (path / DATABASE).is_file()
        with opened(path if whole else path.parent) as store:
            project = _only_project(store, path) if whole else store.project(path.name)
            schema = known_schema(project.keypoints)
            parts = [
                _annotated(_picture(store, project, image), row, person, schema)
                for image, revision in store.newest(project.id, STATES)
                for row, person in enumerate(revision.people)
            ]
        return FoundKeypoints.concat(parts)


def _only_project(store: "AnnotationStore", folder: Path) -> "Project":
    projects = store.projects()
    if len(projects) != 1:
        names = ", ".join(str(folder / project.name) for project in projects) or "none"
        raise BadInput(f"{folder} should be followed by a project, there are {names}")
    return projects[0]


class _Picture(NamedTuple):
    """A picture of a project as a clip, and its width and height, px."""

    clip: Clip
    size: tuple[int, int]


def _picture(store: "AnnotationStore", project: "Project", image: "AnnotationImage") -> _Picture:
    clip = Clip(file=f"{project.name}/{image.name}", picture=str(store.picture_path(image)))
    return _Picture(clip, (image.width, image.height))


def _annotated(
    picture: _Picture, row: int, person: "AnnotatedPerson", schema: "Schema"
) -> FoundKeypoints:
    annotated = np.array([person.visibility], np.float64) > 0.0
    points, seen = schema.to_human36m(np.array([person.keypoints]), annotated.astype(np.float64))
    return FoundKeypoints.of(
        points,
        seen,
        clips=picture.clip,
        person=np.array([row]),
        approximated=np.isin(JOINT_NAMES, schema.approximated),
        image_size=np.array(picture.size),
    )
