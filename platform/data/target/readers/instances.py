"""Lists of people whose `keypoints` are numbers: mmpose's predictions, and others like them.

People have `keypoints`, flat or not, x y or x y score, and `keypoint_scores` where these are apart;
they stand in a list of frames with `instances`, below `instance_info`, or alone of one picture;
`meta_info` may name the points.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.lifting.keypoints.keypoint_formats import KeypointSet, set_of_names
from evoskeleton.lifting.keypoints.layouts import of_count
from evoskeleton.platform.data.target.declarations import NOTHING_DECLARED, Declarations
from evoskeleton.platform.data.target.found import Clip, FoundKeypoints
from evoskeleton.platform.data.target.readers.json_text import read_json
from evoskeleton.platform.data.target.readers.marked import marked

_BY_COUNT = ("coco17", "halpe26", "wholebody", "halpe136", "mpii", "body25", "coco18")
_NUMBERS = (b'"keypoints":[[', *(b'"keypoints":[%d' % digit for digit in range(10)))
_LOOKED_AT = 1 << 20


class Person(NamedTuple):
    """One person of a file: (points, 3) x y confidence."""

    frame: int
    person: int
    points: np.ndarray


class Instances:
    """mmpose's predictions, and lists of people without more."""

    def __init__(self, declared: Declarations = NOTHING_DECLARED) -> None:
        self._declared = declared

    def matches(self, path: Path) -> bool:
        """By the name of the scores, or as a list of people with keypoints that are numbers."""
        start = b"".join(start_of(path).split())
        return b'"keypoint_scores"' in start or (
            start.startswith(b"[{") and any(sign in start for sign in _NUMBERS)
        )

    def read(self, path: Path) -> FoundKeypoints:
        """Everybody in all frames."""
        words = read_json(path)
        people = list(_instances(str(path), words))
        names = _names(words)
        own = names or of_count(_points(people), _BY_COUNT)
        return people_found(path, people, own, self._declared)


def start_of(path: Path) -> bytes:
    """The beginning of a JSON file; nothing of any other."""
    if path.suffix.lower() != ".json":
        return b""
    try:
        with open(path, "rb") as file:
            return file.read(_LOOKED_AT)
    except OSError:
        return b""


def people_found(
    path: Path,
    people: list[Person],
    own: KeypointSet | None,
    declared: Declarations,
    size: np.ndarray | None = None,
) -> FoundKeypoints:
    """People of one clip as keypoints.

    Raises:
        BadInput: they differ in how many points they have, or as in `Declarations.to_found`.
    """
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


def _points(people: list[Person]) -> int:
    return len(people[0].points) if people else 0


def _instances(where: str, words: Any) -> Iterator[Person]:
    if isinstance(words, dict):
        words = words.get("instance_info", words.get("predictions", [words]))
    if not isinstance(words, list):
        raise BadInput(f"{where} should hold a list of predictions")
    for place, entry in enumerate(words):
        if isinstance(entry, dict) and "keypoints" in entry:
            yield Person(0, place, _scored(where, entry))
            continue
        frame, inside = place, entry
        if isinstance(entry, dict):
            frame = entry.get("frame_id", place)
            inside = entry.get("instances")
        if not isinstance(inside, list) or not isinstance(frame, int):
            raise BadInput(f"{where}: instances of frame {place} should be a list")
        for number, person in enumerate(inside):
            yield Person(frame, number, _scored(where, person))


def _scored(where: str, person: Any) -> np.ndarray:
    """(points, 3) of a person."""
    try:
        return marked(person["keypoints"], person.get("keypoint_scores"))
    except (KeyError, TypeError, ValueError, IndexError, OverflowError, AttributeError):
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
