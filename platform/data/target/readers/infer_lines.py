"""What `infer` prints: a line of JSON for each photo and each frame of a video."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import JOINT_NAMES
from evoskeleton.platform.data.target.found import NOT_NUMBERED, Clip, FoundKeypoints
from evoskeleton.platform.data.target.readers.json_text import first_object, parsed, read_text

JOINTS = len(JOINT_NAMES)


class InferLines:
    """A file of such lines; every photo or video in it is a clip."""

    def matches(self, path: Path) -> bool:
        """By the first line."""
        return {"file", "people", "joint_names"} <= first_object(path).keys()

    def read(self, path: Path) -> FoundKeypoints:
        """Everybody in every line; the line says which joints are known."""
        parts: list[FoundKeypoints] = []
        for number, line in enumerate(read_text(path).splitlines(), start=1):
            if line.strip():
                where = f"{path}, line {number}"
                parts += _people(where, parsed(line, where))
        return _by_file(FoundKeypoints.concat(parts))


def _people(where: str, words: Any) -> Iterator[FoundKeypoints]:
    """One person each."""
    try:
        names, file = tuple(words["joint_names"]), str(words["file"])
        size, frame = (words["width"], words["height"]), words.get("frame", NOT_NUMBERED)
        if names != JOINT_NAMES:
            raise BadInput(f"{where}: joint_names should be {', '.join(JOINT_NAMES)}")
        for person in words["people"]:
            yield FoundKeypoints.of(
                _numbers(person["keypoints"], (1, JOINTS, 2)),
                np.where(person["known"], _numbers(person["confidence"], (1, JOINTS)), 0.0),
                clips=Clip(file=file, picture=file),
                number=np.array([int(frame)]),
                person=np.array([int(person["id"])]),
                approximated=np.isin(JOINT_NAMES, person["approximated"]),
                image_size=_numbers(size, (2,)),
            )
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
        if isinstance(error, BadInput):
            raise
        what = f"lacks {error}" if isinstance(error, KeyError) else str(error)
        raise BadInput(f"{where} should be a line of infer, it is not: {what}") from None


def _numbers(values: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Numbers of a shape; null is NaN."""
    return np.array(values, dtype=np.float64).reshape(shape)


def _by_file(found: FoundKeypoints) -> FoundKeypoints:
    """The same with one clip a file."""
    clips = list(dict.fromkeys(found.clips))
    place = {clip: number for number, clip in enumerate(clips)}
    number = np.array([place[found.clips[clip]] for clip in found.clip], np.int32)
    return FoundKeypoints(**{**vars(found), "clips": tuple(clips), "clip": number})
