"""From a photo or a video to 3D: read, find, locate, lift, and say how long each took.

What comes out are plain dictionaries, one for each picture, see `answers.lines`. The people of a
video are followed over its frames, see `people.film`.
"""

import glob
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.lifting.bundle import Lifter, load_bundle, read_description
from evoskeleton.lifting.bundles import bundle_folder
from evoskeleton.lifting.conformal import radii_of
from evoskeleton.lifting.error_radii import CalibratedRadii
from evoskeleton.machine import cores
from evoskeleton.pose2d.answers.boxes import Boxes
from evoskeleton.pose2d.answers.drawings import Drawings
from evoskeleton.pose2d.answers.lines import Shown, Where, line
from evoskeleton.pose2d.detector import Detector, Person, Shareable, Stopwatch
from evoskeleton.pose2d.detectors import BLAZEPOSE, load_detector
from evoskeleton.pose2d.images import read_image
from evoskeleton.pose2d.people.duplicates import distinct
from evoskeleton.pose2d.people.film import Film, Moving
from evoskeleton.pose2d.people.fitted_people import fit_people
from evoskeleton.pose2d.people.looking import Looked, looked_at
from evoskeleton.pose2d.people.misfits import misfits
from evoskeleton.pose2d.people.settings import FilmSettings
from evoskeleton.pose2d.people_to_3d import lift_people
from evoskeleton.pose2d.videos import Frame, is_video, read_video

Failed = Callable[[Path, BadInput], None]
Tell = Callable[[str], None]
Seen = Callable[[Path, int], None]


class Estimate(NamedTuple):
    """People of one picture; `joints[i]` is None where too little is known of person i."""

    people: list[Person]
    joints: list[np.ndarray | None]


@dataclass(frozen=True)
class Wishes:
    """How photos and videos are to be answered.

    Attributes:
        fit: whether bodies are fitted to the keypoints, instead of lifted alone.
        every: take every n-th frame of a video.
        workers: stretches of a video that are looked at side by side; they change no answer.
        film: what is done to people over time.
        drawings: where drawings go; None: nothing is drawn.
        failed: takes a file that cannot be used, and why; None: that ends the run.
        tell: takes a sentence about a file that was read with losses.
        seen: takes a file and how many of its pictures were looked at.
    """

    fit: bool = False
    every: int = 1
    workers: int = field(default_factory=cores)
    film: FilmSettings = field(default_factory=lambda: FilmSettings.parse({}))
    drawings: Drawings | None = None
    failed: Failed | None = None
    tell: Tell = lambda sentence: None
    seen: Seen = lambda file, pictures: None


@dataclass(frozen=True)
class Means:
    """What answers are made with."""

    lifter: Lifter
    model: str
    radii: CalibratedRadii | None
    detector: Detector
    boxes: Boxes
    workers: int

    @cached_property
    def of_videos(self) -> tuple[Detector, int]:
        """The detector for several stretches of a video at once, and for how many."""
        if self.workers > 1 and isinstance(self.detector, Shareable):
            return self.detector.for_callers(self.workers), self.workers
        return self.detector, 1


def infer(
    paths: Sequence[Path | str],
    bundle: Path | str | None = None,
    overlay: Path | str | None = None,
    boxes: Path | str | None = None,
    detector: Detector | str = BLAZEPOSE,
    wishes: Wishes | None = None,
) -> Iterator[dict[str, Any]]:
    """Photos and videos to 3D with a lifter bundle and a detector.

    All that can be checked without reading pixels is checked at once, before the first answer.

    Args:
        paths: photos and videos, in the order of the answers.
        bundle: folder of a lifter, or the name of one of the package; none: `detections`.
        overlay: folder for drawings, one for each picture; it is made.
        boxes: a file of boxes of people, see `Boxes`.
        detector: one that is made, or a name for `load_detector`.
        wishes: none: the defaults.

    Returns:
        One dictionary for each photo and for each frame of a video.

    Raises:
        BadInput: a file is missing or cannot be used and nobody takes failures, two are of one
            name and would be drawn into one; the weights cannot be had.
    """
    wishes = wishes or Wishes()
    files = [Path(path) for path in paths]
    names = Counter(file.name for file in files)
    drawn = overlay is not None or wishes.drawings is not None
    if drawn and (twice := [name for name, count in names.items() if count > 1]):
        raise BadInput(f"{twice[0]} is there twice: drawings of both would have one name")
    if wishes.failed is None:
        for file in files:
            _expect_file(file)
    known = Boxes({}) if boxes is None else Boxes.read(boxes)
    folder = bundle_folder(bundle)
    lifter, description = load_bundle(folder), read_description(folder)
    if overlay is not None:
        wishes = Wishes(**{**vars(wishes), "drawings": Drawings(Path(overlay))})
    finder = load_detector(detector) if isinstance(detector, str) else detector
    model, radii = str(description["weight_hash"]), radii_of(description)
    return _infer(files, Means(lifter, model, radii, finder, known, wishes.workers), wishes)


def drawings_there(paths: Sequence[Path | str], overlay: Path | str) -> list[Path]:
    """Files in a folder for drawings that `infer` would replace."""
    folder, found = Path(overlay), []
    for path in map(Path, paths):
        name = glob.escape(path.name)
        found += sorted(folder.glob(f"{name}-[0-9]*.png" if is_video(path) else f"{name}.png"))
        found += sorted(folder.glob(f"{name}.overlay.mp4"))
    return found


def _expect_file(file: Path) -> None:
    if not file.is_file():
        raise BadInput(f"{file} should be a photo or a video, there is no such file")


def _infer(files: Sequence[Path], means: Means, wishes: Wishes) -> Iterator[dict[str, Any]]:
    for file in files:
        try:
            _expect_file(file)
            if is_video(file):
                yield from _video(file, means, wishes)
            else:
                yield _photo(file, means, wishes)
        except BadInput as error:
            if wishes.failed is None:
                raise
            wishes.failed(file, error)
        finally:
            if wishes.drawings is not None:
                wishes.drawings.finish()


def _photo(file: Path, means: Means, wishes: Wishes) -> dict[str, Any]:
    watch = Stopwatch()
    with watch.stage("read"):
        image = read_image(file)
    boxes = means.boxes.of(file, None)
    estimate = estimate_people(image, means.detector, means.lifter, boxes, watch, wishes.fit)
    people = [
        Shown(number, person, joints)
        for number, (person, joints) in enumerate(zip(*estimate, strict=True))
    ]
    where = Where(file, image.shape[1], image.shape[0])
    if wishes.drawings is not None:
        with watch.stage("overlay"):
            wishes.drawings.draw(where, image, people)
    wishes.seen(file, 1)
    return line(where, people, watch.seconds, means.model, means.radii)


def _video(file: Path, means: Means, wishes: Wishes) -> Iterator[dict[str, Any]]:
    """Answers to a video's frames; they come some frames after those have been looked at."""
    film: Film | None = None
    waiting: list[tuple[Where, Stopwatch]] = []
    again = _again(file, wishes) if wishes.drawings is not None else None
    told = False

    def answered(done: Iterator[tuple[list[Moving], float]]) -> Iterator[dict[str, Any]]:
        nonlocal told
        for each in done:
            if wishes.drawings is not None and not told:
                told = True
                wishes.drawings.expect([where.seconds or 0.0 for where, _ in waiting])
            yield _answer(*waiting.pop(0), each, means, wishes, again)

    for frame, watch, people, as_asked in _looked_at(file, means, wishes):
        height, width = frame.image.shape[:2]
        film = film or _film(means.lifter, wishes, width, height)
        waiting.append((Where(file, width, height, frame.number, frame.seconds), watch))
        yield from answered(film.add(people, frame.seconds, as_asked))
        wishes.seen(file, frame.number + 1)
    if film is not None:
        yield from answered(film.end())


def _looked_at(file: Path, means: Means, wishes: Wishes) -> Iterator[Looked]:
    detector, workers = means.of_videos
    return looked_at(
        _timed(_frames(file, wishes)),
        detector,
        lambda frame: means.boxes.of(file, frame.number),
        wishes.film.search_seconds,
        workers,
    )


def _film(lifter: Lifter, wishes: Wishes, width: int, height: int) -> Film:
    return Film(
        partial(_lift, lifter, wishes.fit, width, height),
        wishes.film,
        misfits=partial(misfits, lifter, (width, height)),
    )


def _answer(
    where: Where,
    watch: Stopwatch,
    done: tuple[list[Moving], float],
    means: Means,
    wishes: Wishes,
    again: Iterator[Frame] | None,
) -> dict[str, Any]:
    moving, seconds = done
    people = [Shown(one.identity, one.person, one.joints, one.filled) for one in moving]
    watch.seconds["lift"] = seconds
    if wishes.drawings is not None and again is not None:
        with watch.stage("overlay"):
            wishes.drawings.draw(where, next(again).image, people)
    return line(where, people, watch.seconds, means.model, means.radii)


def _frames(file: Path, wishes: Wishes) -> Iterator[Frame]:
    for frame in read_video(file, tell=wishes.tell):
        if frame.number % wishes.every == 0:
            yield frame


def _again(file: Path, wishes: Wishes) -> Iterator[Frame]:
    """The same frames once more: keeping them until their people are known would fill memory."""
    return _frames(file, Wishes(every=wishes.every))


def _lift(
    lifter: Lifter, fit: bool, width: int, height: int, people: Sequence[Person]
) -> list[np.ndarray | None]:
    return (fit_people if fit else lift_people)(people, lifter, width, height)


def estimate_people(
    image: np.ndarray,
    detector: Detector,
    lifter: Lifter,
    boxes: np.ndarray | None = None,
    watch: Stopwatch | None = None,
    fit: bool = False,
) -> Estimate:
    """People of one picture, in 2D and 3D, each once.

    Args:
        image: (height, width, 3) uint8.
        detector: finds people and their keypoints.
        lifter: gives them depth.
        boxes: (people, 4) px, x0 y0 x1 y1, of whom to look at; none: the detector searches.
        watch: takes the times of the stages.
        fit: whether bodies are fitted to the keypoints.

    Raises:
        BadInput: see `Detector.detect`.
    """
    watch = watch or Stopwatch()
    people = detector.detect(image, boxes, watch)
    if boxes is None:
        people = [people[row] for row in distinct(people)]
    with watch.stage("lift"):
        joints = _lift(lifter, fit, image.shape[1], image.shape[0], people)
    return Estimate(people, joints)


def _timed(frames: Iterator[Frame]) -> Iterator[tuple[Frame, Stopwatch]]:
    """Each frame with a stopwatch that knows how long it took to read."""
    while True:
        watch = Stopwatch()
        with watch.stage("read"):
            frame = next(frames, None)
        if frame is None:
            return
        yield frame, watch
