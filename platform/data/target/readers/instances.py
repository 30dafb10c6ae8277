"""JSON in which a person is an object: mmpose's predictions, and MediaPipe's landmarks.

- mmpose: lists of people with `keypoints` and `keypoint_scores`, as a list of frames with
  `instances`, below `instance_info`, or alone of one picture; `meta_info` may name the points.
- MediaPipe: 33 landmarks `{"x": ..., "y": ..., "visibility": ...}` a person, x and y as shares of
  the picture's width and height; as lists of frames or people, also below `pose_landmarks` or
  `landmarks`. The file may say `width` and `height`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.lifting.keypoints.keypoint_formats import KeypointSet, set_of_names
from evoskeleton.lifting.keypoints.layouts import LAYOUTS, of_count
from evoskeleton.platform.data.target.declarations import NOTHING_DECLARED, Declarations
from evoskeleton.platform.data.target.found import Clip, FoundKeypoints
from evoskeleton.platform.data.target.readers.json_text import read_json

_LANDMARKS = ("pose_landmarks", "landmarks", "poseLandmarks", "landmark", "frames")
_BY_COUNT = ("coco17", "halpe26", "wholebody", "halpe136", "mpii", "body25", "coco18")
_LOOKED_AT = 1 << 20
_DEEPEST = 6


class _Person(NamedTuple):
    frame: int
    person: int
    points: np.ndarray
    """(points, 3) x y confidence."""


class Instances:
    """mmpose's predictions."""

    def __init__(self, declared: Declarations = NOTHING_DECLARED) -> None:
        self._declared = declared

    def matches(self, path: Path) -> bool:
        """By the name of the scores."""
        return b'"keypoint_scores"' in _start(path)

    def read(self, path: Path) -> FoundKeypoints:
        """Everybody in all frames."""
        words = read_json(path)
        people = list(_instances(str(path), words))
        names = _names(words)
        own = names or of_count(_points(people), _BY_COUNT)
        return _found(path, people, own, self._declared)


class MediaPipeLandmarks:
    """MediaPipe's landmarks."""

    def __init__(self, declared: Declarations = NOTHING_DECLARED) -> None:
        self._declared = declared

    def matches(self, path: Path) -> bool:
        """By landmarks that are objects with x and y."""
        start = b"".join(_start(path).split())
        return b'"x":' in start and b'"y":' in start and b'"image_id"' not in start

    def read(self, path: Path) -> FoundKeypoints:
        """Everybody in all frames, px."""
        words = read_json(path)
        people = list(_landmarks(str(path), words))
        size = _size(words)
        declared = self._declared
        shares = not people or max(np.abs(p.points[:, :2]).max(initial=0) for p in people) <= 4.0
        normalised = Declarations(**{**vars(declared), "normalised": shares})
        return _found(path, people, LAYOUTS["blazepose"], normalised, size)


def _start(path: Path) -> bytes:
    if path.suffix.lower() != ".json":
        return b""
    try:
        with open(path, "rb") as file:
            return file.read(_LOOKED_AT)
    except OSError:
        return b""


def _found(
    path: Path,
    people: list[_Person],
    own: KeypointSet | None,
    declared: Declarations,
    size: np.ndarray | None = None,
) -> FoundKeypoints:
    clip = Clip(file=str(path))
    if not people:
        return FoundKeypoints.of(np.zeros((0, 17, 2)), clips=clip)
    if len({len(person.points) for person in people}) > 1:
        raise BadInput(f"{path}: people should have equally many points")
    points = np.stack([person.points for person in people])
    return declared.to_found(
        str(path),
        points[..., :2],
        points[..., 2],
        own,
        clips=clip,
        number=np.array([person.frame for person in people]),
        person=np.array([person.person for person in people]),
        size=size,
    )


def _points(people: list[_Person]) -> int:
    return len(people[0].points) if people else 0


# mmpose


def _instances(where: str, words: Any) -> Iterator[_Person]:
    if isinstance(words, dict):
        words = words.get("instance_info", words.get("predictions", [words]))
    if not isinstance(words, list):
        raise BadInput(f"{where} should hold a list of predictions")
    for place, entry in enumerate(words):
        if isinstance(entry, dict) and "keypoints" in entry:
            yield _Person(0, place, _scored(where, entry))
            continue
        frame, inside = place, entry
        if isinstance(entry, dict):
            frame = entry.get("frame_id", place)
            inside = entry.get("instances")
        if not isinstance(inside, list) or not isinstance(frame, int):
            raise BadInput(f"{where}: instances of frame {place} should be a list")
        for number, person in enumerate(inside):
            yield _Person(frame, number, _scored(where, person))


def _scored(where: str, person: Any) -> np.ndarray:
    """(points, 3) of a person of mmpose."""
    try:
        points = np.array(person["keypoints"], np.float64)
        sure = np.array(person["keypoint_scores"], np.float64)
        return np.column_stack([points.reshape(len(sure), -1)[:, :2], sure])
    except (KeyError, TypeError, ValueError, IndexError, OverflowError):
        raise BadInput(f"{where}: a person should have keypoints and keypoint_scores") from None


def _names(words: Any) -> KeypointSet | None:
    """The points as the file names them, where it does."""
    meta = words.get("meta_info") if isinstance(words, dict) else None
    named = meta.get("keypoint_id2name") if isinstance(meta, dict) else None
    if not isinstance(named, dict):
        return None
    try:
        ordered = [str(named[key]) for key in sorted(named, key=int)]
        return set_of_names(ordered)
    except (ValueError, BadInput):
        return None


# MediaPipe


def _landmarks(where: str, words: Any) -> Iterator[_Person]:
    frames = _below(words)
    if isinstance(frames, list) and frames and _is_landmark(frames[0]):
        frames = [frames]
    if not isinstance(frames, list):
        raise BadInput(f"{where} should hold a list of landmarks")
    for frame, entry in enumerate(frames):
        people = _below(entry)
        if not isinstance(people, list):
            continue
        one = people and _is_landmark(people[0])
        for number, person in enumerate([people] if one else people):
            yield _Person(frame, number, _marked(where, _below(person)))


def _below(words: Any) -> Any:
    """What stands below the keys that hold landmarks."""
    for _ in range(_DEEPEST):
        key = next((key for key in _LANDMARKS if isinstance(words, dict) and key in words), None)
        if key is None:
            break
        words = words[key]
    return words


def _is_landmark(value: Any) -> bool:
    return isinstance(value, dict) and "x" in value and "y" in value


def _marked(where: str, person: Any) -> np.ndarray:
    try:
        rows = [(mark["x"], mark["y"], mark.get("visibility", 1.0)) for mark in person]
        return np.array(rows, np.float64).reshape(-1, 3)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        raise BadInput(f"{where}: landmarks should be objects with x, y and visibility") from None


def _size(words: Any) -> np.ndarray | None:
    if not isinstance(words, dict):
        return None
    size = [words.get(long, words.get(f"image_{long}")) for long in ("width", "height")]
    numbers = [value for value in size if isinstance(value, int | float) and value > 0]
    return np.array(numbers, np.float32) if len(numbers) == 2 else None
