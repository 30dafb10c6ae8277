"""Keypoints as a reader finds them: no weights yet, and nothing left out.

A reader of a further kind is an object with `matches` and `read`; see `KeypointReader`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np

from evoskeleton.evolution.skeleton import JOINT_NAMES
from evoskeleton.shapes import expect_shape

JOINTS = len(JOINT_NAMES)
NOT_NUMBERED = -1

HIDDEN = 0.5
"""A joint with this visibility or less is not known, as in `lift`."""


def was_found(points: np.ndarray) -> np.ndarray:
    """(..., points) bool of (..., points, 2) px: finite, and not what stands for a missing point.

    Detectors write (0, 0) or (-1, -1), to the digit, for what they have not found.
    """
    finite = np.isfinite(points).all(axis=-1)
    missing = (points == 0.0).all(axis=-1) | (points == -1.0).all(axis=-1)
    there: np.ndarray = finite & ~missing
    return there


@dataclass(frozen=True)
class Clip:
    """What keypoint sets have in common that come from one photo, video, file or recording.

    Attributes:
        file: the photo, the video, or else the file that the keypoints stand in; empty for poses.
        subject, name: of a recording, as poses have them; empty where nobody knows.
        part: of the file or recording, such as "camera 2" or "image 785"; empty: there is one only.
        picture: path of the photo or video; empty without one.
        counted: what the sets are numbered as.
    """

    file: str = ""
    subject: str = ""
    name: str = ""
    part: str = ""
    picture: str = ""
    counted: Literal["frame", "pose"] = "frame"


@dataclass(frozen=True, eq=False)
class FoundKeypoints:
    """Keypoint sets, one row a person in a picture, and the clip that each belongs to.

    Attributes:
        keypoints: (sets, 17, 2) float32 px, Human3.6M order; anything where nothing is known.
        confidence: (sets, 17) float32 in [0, 1], 0 where a joint is not known.
        approximated: (sets, 17) bool: mixed from neighbouring joints.
        image_size: (sets, 2) float32 px, width and height; NaN where not known.
        clips: all clips.
        clip: (sets,) int32, which of `clips`.
        number: (sets,) int32, frame or pose in the clip; `NOT_NUMBERED` in photos.
        person: (sets,) int32, who in the picture; `NOT_NUMBERED` where there is one only.
    """

    keypoints: np.ndarray
    confidence: np.ndarray
    approximated: np.ndarray
    image_size: np.ndarray
    clips: tuple[Clip, ...]
    clip: np.ndarray
    number: np.ndarray
    person: np.ndarray

    def __post_init__(self) -> None:
        expect_shape("keypoints", self.keypoints, ("sets", JOINTS, 2))
        sets = len(self.keypoints)
        for name in ("confidence", "approximated"):
            expect_shape(name, getattr(self, name), (sets, JOINTS))
        expect_shape("image_size", self.image_size, (sets, 2))
        for name in ("clip", "number", "person"):
            expect_shape(name, getattr(self, name), (sets,))

    def __len__(self) -> int:
        return len(self.keypoints)

    @staticmethod
    def of(
        keypoints: np.ndarray,
        confidence: np.ndarray | None = None,
        *,
        clips: Clip | Sequence[Clip],
        clip: np.ndarray | None = None,
        number: np.ndarray | None = None,
        person: np.ndarray | None = None,
        approximated: np.ndarray | None = None,
        image_size: np.ndarray | None = None,
    ) -> "FoundKeypoints":
        """Keypoint sets of which some things are not known, or are the same for all.

        Args:
            keypoints: (sets, 17, 2) px; what was not found, see `was_found`, is not known.
            confidence: (sets, 17), cut to [0, 1]; none: 1.
            clips: one for all sets, or several.
            clip: (sets,) which of them; none: the first.
            number, person: (sets,); none: not numbered.
            approximated: (sets, 17) or (17,) bool; none: nothing is.
            image_size: (sets, 2) or (2,) px; none: not known.
        """
        sets = len(keypoints)
        points = np.asarray(keypoints, np.float32).reshape(sets, JOINTS, 2)
        sure = np.ones((sets, JOINTS)) if confidence is None else np.clip(confidence, 0.0, 1.0)
        known = was_found(points)
        mixed = np.zeros(JOINTS, bool) if approximated is None else approximated
        size = np.full(2, np.nan) if image_size is None else image_size
        unnumbered = np.full(sets, NOT_NUMBERED)
        return FoundKeypoints(
            keypoints=points,
            confidence=np.where(known, sure, 0.0).astype(np.float32),
            approximated=np.broadcast_to(np.asarray(mixed, bool), (sets, JOINTS)),
            image_size=np.broadcast_to(np.asarray(size, np.float32), (sets, 2)),
            clips=(clips,) if isinstance(clips, Clip) else tuple(clips),
            clip=(np.zeros(sets) if clip is None else clip).astype(np.int32),
            number=(unnumbered if number is None else number).astype(np.int32),
            person=(unnumbered if person is None else person).astype(np.int32),
        )

    @staticmethod
    def concat(parts: Sequence["FoundKeypoints"]) -> "FoundKeypoints":
        """All sets of several parts, one after the other."""
        if not parts:
            return FoundKeypoints.of(np.zeros((0, JOINTS, 2)), clips=[])
        before = np.cumsum([0, *(len(part.clips) for part in parts)])
        columns = ("keypoints", "confidence", "approximated", "image_size", "number", "person")
        return FoundKeypoints(
            **{name: np.concatenate([getattr(part, name) for part in parts]) for name in columns},
            clips=tuple(clip for part in parts for clip in part.clips),
            clip=np.concatenate(
                [part.clip + np.int32(start) for part, start in zip(parts, before, strict=False)]
            ),
        )

    def place(self, row: int) -> str:
        """Which of its clip's keypoint sets a row is, in words; empty where there is one only."""
        counted, number = self.clips[self.clip[row]].counted, int(self.number[row])
        words = [] if number == NOT_NUMBERED else [f"{counted} {number}"]
        if self.person[row] != NOT_NUMBERED:
            words.append(f"person {self.person[row]}")
        return " ".join(words)


class KeypointReader(Protocol):
    """Reads keypoints of one kind of file."""

    def matches(self, path: Path) -> bool:
        """Whether this is the reader for what lies at a path; never raises."""
        ...

    def read(self, path: Path) -> FoundKeypoints:
        """The keypoints there; none where nobody was found.

        Raises:
            BadInput: what lies there cannot be read.
        """
        ...


Readers = Sequence[KeypointReader]
