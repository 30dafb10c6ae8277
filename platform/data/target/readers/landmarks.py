"""JSON in which each point is an object: MediaPipe's landmarks, TensorFlow.js, PoseNet, YOLO.

- MediaPipe: 33 landmarks `{"x": ..., "y": ..., "visibility": ...}` a person, x and y as shares of
  the picture's width and height; as lists of frames or people, also below `pose_landmarks` or
  `landmarks`. The file may say `width` and `height`.
- TensorFlow.js and PoseNet: points with a `score` and a `name` or `part`, px.
- Objects by the points' names, and (Ultralytics) lists `x`, `y` and `visible` of all points.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.lifting.keypoints.keypoint_formats import KeypointSet
from evoskeleton.lifting.keypoints.layouts import of_count, of_names
from evoskeleton.platform.data.target.declarations import NOTHING_DECLARED, Declarations
from evoskeleton.platform.data.target.found import FoundKeypoints
from evoskeleton.platform.data.target.readers.instances import Person, people_found, start_of
from evoskeleton.platform.data.target.readers.json_text import read_json

_BELOW = (
    *("pose_landmarks", "landmarks", "poseLandmarks", "landmark", "frames", "keypoints"),
    *("predictions", "instances", "people", "persons", "poses"),
)
_NAMES, _SCORES = ("name", "part", "label"), ("visibility", "score", "confidence", "visible")
_DEEPEST = 6
_MOST_SHARE = 4.0
_MOST_NEGATIVE = 0.4
"""Share of the points with a number below 0 beyond which they are no shares of a picture."""


class MediaPipeLandmarks:
    """A file of such points."""

    def __init__(self, declared: Declarations = NOTHING_DECLARED) -> None:
        self._declared = declared

    def matches(self, path: Path) -> bool:
        """By points that are objects with x and y."""
        start = b"".join(start_of(path).split())
        return b'"x":' in start and b'"y":' in start and b'"image_id"' not in start

    def read(self, path: Path) -> FoundKeypoints:
        """Everybody in all frames, px."""
        words, where = read_json(path), str(path)
        marks = list(_people(where, words))
        if not marks:
            raise BadInput(
                f"{where}: points with x and y should stand in a list a person, below "
                f"{', '.join(_BELOW[:2])} or keypoints; none were found there"
            )
        names = next((named for named, _ in marks if named), ())
        if any(named != names for named, _ in marks):
            raise BadInput(f"{where}: people should have the same points")
        people = [person for _, person in marks]
        declared = self._declared
        shares = _are_shares(where, people)
        normalised = Declarations(**{**vars(declared), "normalised": shares})
        own = _own(where, names, len(people[0].points))
        return people_found(path, people, own, normalised, _size(words))


def _own(where: str, names: tuple[str, ...], count: int) -> KeypointSet | None:
    if not names:
        return of_count(count, ("blazepose", "coco17"))
    try:
        return of_names(names)
    except BadInput as error:
        raise BadInput(f"{where}: {error}") from None


def _are_shares(where: str, people: list[Person]) -> bool:
    """Whether numbers are shares of the picture, which those around 0 in metres are not."""
    numbers = np.concatenate([person.points[:, :2] for person in people])
    numbers = numbers[np.isfinite(numbers).all(axis=1)]
    if np.abs(numbers).max(initial=0) > _MOST_SHARE:
        return False
    if len(numbers) and (numbers < 0.0).any(axis=1).mean() > _MOST_NEGATIVE:
        raise BadInput(
            f"{where}: landmarks should be shares of the picture, many of these are below 0; "
            "world landmarks, in metres, are no picture's: pose_landmarks are"
        )
    return True


def _people(where: str, words: Any) -> Iterator[tuple[tuple[str, ...], Person]]:
    """Names of the points, where they have any, and each person."""
    frames = _below(words)
    if _is_person(frames):
        frames = [frames]
    if not isinstance(frames, list):
        raise BadInput(f"{where} should hold a list of landmarks")
    for frame, entry in enumerate(frames):
        people = _below(entry)
        for number, person in enumerate([people] if _is_person(people) else people or []):
            if _is_person(inside := _below(person)):
                names, points = _marked(where, inside)
                yield names, Person(frame, number, points)


def _below(words: Any) -> Any:
    """What stands below the keys that hold landmarks."""
    for _ in range(_DEEPEST):
        if not isinstance(words, dict) or _is_person(words):
            break
        key = next((key for key in _BELOW if key in words), None)
        if key is None:
            break
        words = words[key]
    return words


def _is_person(value: Any) -> bool:
    """A list of points, an object of points by name, or lists x and y of all points."""
    if isinstance(value, dict):
        if isinstance(value.get("x"), list) and isinstance(value.get("y"), list):
            return True
        return len(value) > 1 and all(_is_mark(mark) for mark in value.values())
    return isinstance(value, list) and bool(value) and _is_mark(value[0])


def _is_mark(value: Any) -> bool:
    place = value.get("position", value) if isinstance(value, dict) else None
    return isinstance(place, dict) and {"x", "y"} <= place.keys()


def _marked(where: str, person: Any) -> tuple[tuple[str, ...], np.ndarray]:
    """Names, where there are any, and (points, 3) x y score."""
    try:
        if isinstance(person, dict) and isinstance(person.get("x"), list):
            return (), _lists(person)
        named = isinstance(person, dict)
        marks = list(person.values()) if named else person
        names = tuple(person) if named else tuple(filter(None, map(_name, marks)))
        rows = [_row(mark) for mark in marks]
        points = np.array(rows, np.float64).reshape(-1, 3)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        raise BadInput(f"{where}: landmarks should be objects with x, y and visibility") from None
    return (names if len(names) == len(points) else ()), points


def _row(mark: Mapping[str, Any]) -> tuple[Any, Any, Any]:
    place = mark.get("position", mark)
    return place["x"], place["y"], _score(mark, 1.0)


def _score(values: Mapping[str, Any], otherwise: Any) -> Any:
    return next((values[key] for key in _SCORES if values.get(key) is not None), otherwise)


def _name(mark: Mapping[str, Any]) -> str:
    return next((str(mark[key]) for key in _NAMES if isinstance(mark.get(key), str)), "")


def _lists(person: Mapping[str, Any]) -> np.ndarray:
    columns = [person["x"], person["y"], _score(person, np.ones(len(person["x"])))]
    return np.array(columns, np.float64).T


def _size(words: Any) -> np.ndarray | None:
    if not isinstance(words, dict):
        return None
    size = [words.get(long, words.get(f"image_{long}")) for long in ("width", "height")]
    numbers = [value for value in size if isinstance(value, int | float) and value > 0]
    return np.array(numbers, np.float32) if len(numbers) == 2 else None
