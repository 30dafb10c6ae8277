"""OpenPose's JSON (Cao 2019, https://arxiv.org/abs/1812.08008): a file a frame, in a folder.

`people` hold `pose_keypoints_2d`, x y confidence of each point; 25 points are BODY_25 and 18 are
COCO's with a neck; other programs write 17, 26, 133 or 136 points so. A point that was not found is
0 0 0. The folder is a clip, and a file's frame the number at the end of its name; where a name has
none, each file is a clip, of one picture.
"""

import re
from pathlib import Path
from typing import Any

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.lifting.keypoints.layouts import of_count
from evoskeleton.platform.data.target.declarations import NOTHING_DECLARED, Declarations
from evoskeleton.platform.data.target.found import NOT_NUMBERED, Clip, FoundKeypoints
from evoskeleton.platform.data.target.readers.json_text import read_json

_ENDING = "_keypoints.json"
_KEY = "pose_keypoints_2d"
_FRAME = re.compile(r"(\d+)$")
_BY_COUNT = ("body25", "coco18", "coco17", "mpi15", "halpe26", "wholebody", "halpe136")
_LOOKED_AT = 1 << 16


class OpenPose:
    """A folder of such files, or one of them."""

    def __init__(self, declared: Declarations = NOTHING_DECLARED) -> None:
        self._declared = declared

    def matches(self, path: Path) -> bool:
        """By the end of the names, or by words of one file that no other kind has."""
        try:
            if path.is_dir():
                return any(path.glob(f"*{_ENDING}"))
            with open(path, "rb") as file:
                start = file.read(_LOOKED_AT)
        except OSError:
            return False
        has_words = b'"people"' in start and (
            b'"pose_keypoints' in start or b'"people":[]' in start
        )
        return path.suffix.lower() == ".json" and has_words

    def read(self, path: Path) -> FoundKeypoints:
        """Everybody in all frames."""
        files = sorted(path.glob(f"*{_ENDING}"), key=_frame) if path.is_dir() else [path]
        people = [(file, _points(file)) for file in files]
        seen = [(file, points) for file, points in people if len(points)]
        if not seen:
            return FoundKeypoints.of(np.zeros((0, 17, 2)), clips=Clip(file=str(path)))
        for file, points in seen:
            if points.shape[1] != seen[0][1].shape[1]:
                raise BadInput(f"{file}: people should have equally many points in all frames")
        counts = [len(points) for _, points in seen]
        numbers = np.array([_frame(file)[0] for file, _ in seen])
        of_one = bool((numbers >= 0).all())
        clips = [Clip(file=str(path))] if of_one else [Clip(file=str(file)) for file, _ in seen]
        points = np.concatenate([points for _, points in seen])
        return self._declared.to_found(
            str(path),
            points[..., :2],
            points[..., 2],
            of_count(points.shape[1], _BY_COUNT),
            clips=clips,
            clip=np.zeros(len(points)) if of_one else np.repeat(np.arange(len(seen)), counts),
            number=np.repeat(numbers if of_one else np.full(len(seen), NOT_NUMBERED), counts),
            person=np.concatenate([np.arange(count) for count in counts]),
        )


def _points(file: Path) -> np.ndarray:
    """(people, points, 3) of one frame."""
    where = str(file)
    rows = [_flat(where, person) for person in _people(where, read_json(file))]
    if len({len(row) for row in rows}) > 1:
        raise BadInput(f"{where}: people should have equally many points")
    return np.stack(rows) if rows else np.zeros((0, 0, 3))


def _frame(file: Path) -> tuple[int, str]:
    """The number at the end of a name, -1 without one; and the name, for the order."""
    found = _FRAME.search(file.name.removesuffix(_ENDING))
    return (int(found[1]) if found else -1), file.name


def _people(where: str, words: Any) -> list[dict[str, Any]]:
    people = words.get("people") if isinstance(words, dict) else None
    if not isinstance(people, list) or not all(isinstance(person, dict) for person in people):
        raise BadInput(f"{where}: people should be a list of objects")
    return people


def _flat(where: str, person: dict[str, Any]) -> np.ndarray:
    """(points, 3) x y confidence."""
    numbers = person.get(_KEY, person.get("pose_keypoints"))
    try:
        return np.array(numbers, np.float64).reshape(-1, 3)
    except (ValueError, TypeError, OverflowError):
        raise BadInput(f"{where}: {_KEY} should be x y confidence of each point") from None
