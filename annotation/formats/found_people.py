"""Keypoints of any files that the project reads, as people of pictures to be annotated.

A keypoint set belongs to the picture that its file names: by its path or name; by the same name
with another ending, as `a.jpg` and `a_keypoints.json`; or, of one recording, by the number at the
end of the picture's name, which is its frame.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np

from evoskeleton.annotation.domain.keypoint_schemas import DEFAULT
from evoskeleton.errors import BadInput
from evoskeleton.lifting.keypoints.keypoint_formats import human36m_to_coco
from evoskeleton.platform.data.target.found import NOT_NUMBERED, Clip, FoundKeypoints

_NUMBER = re.compile(r"(\d+)$")
_ENDINGS = ("_keypoints", "_predictions", "_results")
_VISIBLE, _MIXED = 2, 1


def pictures_of(found: FoundKeypoints, names: Sequence[str]) -> list[str]:
    """The picture of each keypoint set; empty where there is none.

    Args:
        found: keypoint sets.
        names: of the pictures, as paths within their folder.

    Raises:
        BadInput: no set has a picture, or sets of several recordings have one by their frame alone.
    """
    by_name = [_by_name(clip, names) for clip in found.clips]
    by_number = _only(names, lambda name: _number(PurePosixPath(name).stem))
    chosen, counted = [], set()
    for row, place in enumerate(found.clip.tolist()):
        number = _counted(found.clips[place], int(found.number[row]))
        name = by_name[place] or by_number.get(number, "")
        if not by_name[place] and name and not found.clips[place].part.startswith(_IMAGE):
            counted.add(place)
        chosen.append(name)
    if len(counted) > 1:
        first, second = (_called(found.clips[place]) for place in sorted(counted)[:2])
        raise BadInput(
            f"frames of {first} and of {second} have the same pictures: import a recording alone"
        )
    if not any(chosen):
        raise BadInput(_none_fits(found, names))
    return chosen


_IMAGE = "image "


def _none_fits(found: FoundKeypoints, names: Sequence[str]) -> str:
    wanted = _called(found.clips[0]) if found.clips else "nothing"
    there = ", ".join(sorted(names)[:3]) or "none"
    return (
        f"no picture belongs to the keypoints of {wanted}: pictures should be called as the file "
        "names them, as the file itself, or end in the number of their frame, such as "
        f"000012.jpg; there are {there}"
    )


def _called(clip: Clip) -> str:
    return " ".join(part for part in (clip.file, clip.subject, clip.name, clip.part) if part)


def _counted(clip: Clip, number: int) -> int:
    """The number of a set's picture: its frame, or the image's id in a file of results."""
    if clip.part.startswith(_IMAGE):
        image = clip.part.removeprefix(_IMAGE)
        return int(image) if image.isdecimal() else NOT_NUMBERED
    return number if clip.counted == "frame" else NOT_NUMBERED


def _by_name(clip: Clip, names: Sequence[str]) -> str:
    """The picture that a clip names; empty where it names none, or several fit."""
    asked = [clip.picture, clip.file, clip.part.removeprefix(_IMAGE)]
    for told in (PureWindowsPath(text).as_posix() for text in asked if text):
        for like in (_whole, _last, _stem):
            found = [name for name in names if like(name) == like(told)]
            if len(found) == 1:
                return found[0]
    return ""


def _whole(name: str) -> str:
    return name


def _last(name: str) -> str:
    return PurePosixPath(name).name


def _stem(name: str) -> str:
    stem = PurePosixPath(name).stem
    return next((stem.removesuffix(end) for end in _ENDINGS if stem.endswith(end)), stem)


def _number(stem: str) -> int:
    found = _NUMBER.search(stem)
    return int(found[1]) if found else NOT_NUMBERED


def _only(names: Sequence[str], number_of: Callable[[str], int]) -> dict[int, str]:
    """Names by their number, of numbers that one name has."""
    numbers = [number_of(name) for name in names]
    counts = Counter(numbers)
    return {
        number: name
        for number, name in zip(numbers, names, strict=True)
        if number != NOT_NUMBERED and counts[number] == 1
    }


def people_by_picture(
    found: FoundKeypoints, pictures: Sequence[str], schema: str
) -> dict[str, list[dict[str, Any]]]:
    """People of each picture as plain data for `people_from_words`.

    Joints that are mixed from others are annotated as hidden, those that are not known not at all.
    People of whom nothing is known are left out.

    Args:
        found: keypoint sets.
        pictures: of each set; empty where there is none.
        schema: human36m, or coco, of which the twelve joints that both have are annotated.
    """
    known = found.confidence > 0.0
    levels = np.where(known, np.where(found.approximated, _MIXED, _VISIBLE), 0)
    points, sure = np.where(known[..., None], found.keypoints, 0.0), found.confidence
    if schema != DEFAULT:
        points, _ = human36m_to_coco(points)
        levels, sure = (_as_coco(each) for each in (levels, sure))
        points = np.where(levels[..., None] > 0, points, 0.0)
    people: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row, name in enumerate(pictures):
        if name and levels[row].any():
            words = {"keypoints": points[row].tolist(), "visibility": levels[row].tolist()}
            words["confidence"] = np.clip(sure[row], 0.0, 1.0).tolist()
            people[name].append({"id": len(people[name]), **words})
    return dict(people)


def _as_coco(values: np.ndarray) -> np.ndarray:
    """(people, 17) values of our joints as those of COCO's points; 0 in the face."""
    both, _ = human36m_to_coco(np.repeat(values[..., None], 2, axis=2).astype(np.float64))
    one: np.ndarray = np.nan_to_num(both[..., 0]).astype(values.dtype)
    return one
