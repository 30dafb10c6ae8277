"""From a photo or a video to 3D: read, find, locate, lift, and say how long each took.

What comes out are plain dictionaries, one for each picture, ready for JSON. Joints are mm in the
camera frame (x right, y down, z forward), hip-centred; keypoints are px of the picture as it should
be seen (EXIF orientation applied).
"""

import glob
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import JOINT_NAMES
from evoskeleton.lifting.bundle import Lifter, load_bundle, read_description
from evoskeleton.lifting.keypoints.keypoint_files import FRAME
from evoskeleton.pose2d.detector import Detector, Person, Stopwatch
from evoskeleton.pose2d.detectors import BLAZEPOSE, load_detector
from evoskeleton.pose2d.images import Frame, is_video, read_image, read_video
from evoskeleton.pose2d.people_to_3d import lift_people
from evoskeleton.pose2d.tracking import PeopleTracker


class Estimate(NamedTuple):
    """People of one picture; `joints[i]` is None where too little is known of person i."""

    people: list[Person]
    joints: list[np.ndarray | None]


class Boxes:
    """Boxes of people that somebody drew, by file name, px: x0 y0 x1 y1.

    The file is JSON: an object by file name (with or without its folder). For a photo the value is
    a list of boxes; for a video an object of such lists by frame number. Pictures and frames
    without an entry are searched by the detector.
    """

    def __init__(self, content: Mapping[str, Any]) -> None:
        self._content = content

    @classmethod
    def read(cls, path: Path | str) -> "Boxes":
        """Boxes from a JSON file.

        Raises:
            BadInput: the file is missing or something else.
        """
        try:
            content = json.loads(Path(path).read_text())
        except OSError as error:
            raise BadInput(f"boxes {path}: {error.strerror}") from None
        except (ValueError, RecursionError):
            raise BadInput(f"boxes {path} should be JSON, it is not") from None
        if not isinstance(content, dict):
            raise BadInput(
                f"boxes {path} should be an object by file name, got {type(content).__name__}"
            )
        return cls(content)

    def of(self, path: Path, frame: int | None = None) -> np.ndarray | None:
        """(people, 4) of a photo or of one frame of a video; None where there is no entry.

        Raises:
            BadInput: the entry has another form.
        """
        entry = self._content.get(str(path), self._content.get(path.name))
        if isinstance(entry, dict) and frame is not None:
            entry = entry.get(str(frame))
        if entry is None:
            return None
        try:
            boxes = np.array(entry, dtype=np.float64).reshape(-1, 4)
        except (ValueError, TypeError, OverflowError):
            raise BadInput(f"boxes of {path.name} should be lists of four numbers") from None
        if len(boxes) != len(entry):
            raise BadInput(f"boxes of {path.name} should be a list of x0 y0 x1 y1 for each person")
        return boxes


def infer(
    paths: Sequence[Path | str],
    bundle: Path | str,
    overlay: Path | str | None = None,
    boxes: Path | str | None = None,
    detector: Detector | str = BLAZEPOSE,
) -> Iterator[dict[str, Any]]:
    """Photos and videos to 3D with a lifter bundle and a detector.

    All that can be checked without reading pixels is checked at once, before the first answer.

    Args:
        paths: photos and videos, in the order of the answers.
        bundle: folder of a lifter.
        overlay: folder for drawings, one for each picture; it is made.
        boxes: a file of boxes of people, see `Boxes`.
        detector: one that is made, or a name for `load_detector`.

    Returns:
        One dictionary for each photo and for each frame of a video.

    Raises:
        BadInput: a file is missing or cannot be used, two are of one name and would be drawn into
            one; the weights cannot be had.
    """
    files = [Path(path) for path in paths]
    names = Counter(file.name for file in files)
    if overlay is not None and (twice := [name for name, count in names.items() if count > 1]):
        raise BadInput(f"{twice[0]} is there twice: drawings of both would have one name")
    for file in files:
        if not file.is_file():
            raise BadInput(f"{file} should be a photo or a video, there is no such file")
    known = Boxes({}) if boxes is None else Boxes.read(boxes)
    lifter = load_bundle(bundle)
    model = str(read_description(bundle)["weight_hash"])
    folder = None if overlay is None else _made(Path(overlay))
    finder = load_detector(detector) if isinstance(detector, str) else detector
    return _infer(files, lifter, model, finder, known, folder)


def drawings_there(paths: Sequence[Path | str], overlay: Path | str) -> list[Path]:
    """Files in a folder for drawings that `infer` would replace."""
    folder, found = Path(overlay), []
    for path in map(Path, paths):
        name = glob.escape(path.name)
        found += sorted(folder.glob(f"{name}-[0-9]*.png" if is_video(path) else f"{name}.png"))
    return found


def _infer(
    files: Sequence[Path],
    lifter: Lifter,
    model: str,
    detector: Detector,
    boxes: Boxes,
    overlay: Path | None,
) -> Iterator[dict[str, Any]]:
    for file in files:
        tracker = PeopleTracker() if is_video(file) else None
        for frame, watch in _timed(_pictures(file)):
            number = None if tracker is None else frame.number
            estimate = estimate_people(frame.image, detector, lifter, boxes.of(file, number), watch)
            ids = list(range(len(estimate.people)))
            if tracker is not None:
                ids = tracker.update(estimate.people)
            if overlay is not None:
                with watch.stage("overlay"):
                    _draw(overlay, file, number, frame.image, estimate, ids)
            yield _words(file, number, frame, estimate, ids, watch) | {"model": model}


def estimate_people(
    image: np.ndarray,
    detector: Detector,
    lifter: Lifter,
    boxes: np.ndarray | None = None,
    watch: Stopwatch | None = None,
) -> Estimate:
    """People of one picture, in 2D and 3D.

    Args:
        image: (height, width, 3) uint8.
        detector: finds keypoints; its stages are "find" and "locate".
        lifter: makes joints of them; its stage is "lift".
        boxes: (people, 4) px, where a caller knows the people already.
        watch: takes the times.
    """
    watch = watch or Stopwatch()
    people = detector.detect(image, boxes, watch)
    with watch.stage("lift"):
        joints = lift_people(people, lifter, image.shape[1], image.shape[0])
    return Estimate(people, joints)


def _pictures(file: Path) -> Iterator[Frame]:
    if is_video(file):
        yield from read_video(file)
    else:
        yield Frame(0, 0.0, read_image(file))


def _timed(frames: Iterator[Frame]) -> Iterator[tuple[Frame, Stopwatch]]:
    """Each frame with a stopwatch that knows how long it took to read."""
    while True:
        watch = Stopwatch()
        with watch.stage("read"):
            frame = next(frames, None)
        if frame is None:
            return
        yield frame, watch


def _words(
    file: Path,
    number: int | None,
    frame: Frame,
    estimate: Estimate,
    ids: Sequence[int],
    watch: Stopwatch,
) -> dict[str, Any]:
    height, width = frame.image.shape[:2]
    where = {} if number is None else {"frame": number, "seconds": round(frame.seconds, 4)}
    return {
        "file": str(file),
        **where,
        "width": width,
        "height": height,
        "joint_names": list(JOINT_NAMES),
        "joints_unit": "mm",
        "joints_frame": FRAME,
        "people": [
            _person_words(person, joints, identity)
            for person, joints, identity in zip(estimate.people, estimate.joints, ids, strict=True)
        ],
        "milliseconds": {name: round(1e3 * s, 2) for name, s in watch.seconds.items()},
    }


def _person_words(person: Person, joints: np.ndarray | None, identity: int) -> dict[str, Any]:
    return {
        "id": identity,
        "score": round(person.score, 4),
        "box": _numbers(person.box, 2),
        "keypoints": _numbers(person.keypoints, 2),
        "confidence": _numbers(person.confidence, 3),
        "visibility": _numbers(person.visibility, 3),
        "known": person.known.tolist(),
        "approximated": list(person.approximated),
        "joints": None if joints is None else _numbers(joints, 2),
    }


def _numbers(array: np.ndarray, digits: int) -> Any:
    """Nested lists; NaN, which JSON does not have, becomes null."""
    rounded = np.round(np.asarray(array, np.float64), digits)
    words = rounded.astype(object)
    words[~np.isfinite(rounded)] = None
    return words.tolist()


def _draw(
    folder: Path,
    file: Path,
    number: int | None,
    image: np.ndarray,
    estimate: Estimate,
    ids: Sequence[int],
) -> None:
    from evoskeleton.pose2d.overlay import draw_overlay, save_overlay

    name = file.name if number is None else f"{file.name}-{number:06d}"
    figure = draw_overlay(image, estimate.people, estimate.joints, ids)
    save_overlay(figure, folder / f"{name}.png")


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"folder {folder} cannot be made: {error.strerror}") from None
    return folder
