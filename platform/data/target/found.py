"""Keypoints as a reader finds them: no weights yet, and nothing left out.

A reader of a further kind is an object with `matches` and `read`; see `KeypointReader`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Protocol

import numpy as np

from evoskeleton.evolution.skeleton import JOINT_NAMES
from evoskeleton.shapes import expect_shape

JOINTS = len(JOINT_NAMES)
NO_FRAME = -1


@dataclass(frozen=True, eq=False)
class FoundKeypoints:
    """Keypoint sets and where each comes from, one row a person in a picture.

    Attributes:
        keypoints: (sets, 17, 2) float32 px, Human3.6M order; anything where nothing is known.
        confidence: (sets, 17) float32 in [0, 1], 0 where a joint is not known.
        approximated: (sets, 17) bool: mixed from neighbouring joints.
        image_size: (sets, 2) float32 px, width and height; NaN where not known.
        file: (sets,) str: the photo, the video, or else the file that the keypoints stand in.
        subject, clip: (sets,) str, by the names that poses have; empty where nobody knows.
        place: (sets,) str: which of the file's keypoint sets, such as "frame 12 person 1".
        picture: (sets,) str: path of the photo or video; empty without one.
        frame: (sets,) int32: number of the frame in a video; `NO_FRAME` elsewhere.
    """

    keypoints: np.ndarray
    confidence: np.ndarray
    approximated: np.ndarray
    image_size: np.ndarray
    file: np.ndarray
    subject: np.ndarray
    clip: np.ndarray
    place: np.ndarray
    picture: np.ndarray
    frame: np.ndarray

    def __post_init__(self) -> None:
        expect_shape("keypoints", self.keypoints, ("sets", JOINTS, 2))
        sets = len(self.keypoints)
        for name in ("confidence", "approximated"):
            expect_shape(name, getattr(self, name), (sets, JOINTS))
        expect_shape("image_size", self.image_size, (sets, 2))
        for name in ("file", "subject", "clip", "place", "picture", "frame"):
            expect_shape(name, getattr(self, name), (sets,))

    def __len__(self) -> int:
        return len(self.keypoints)

    @staticmethod
    def of(
        keypoints: np.ndarray,
        confidence: np.ndarray | None = None,
        *,
        file: str | Sequence[str],
        place: Sequence[str],
        approximated: np.ndarray | None = None,
        image_size: np.ndarray | None = None,
        subject: str | Sequence[str] = "",
        clip: str | Sequence[str] = "",
        picture: str | Sequence[str] = "",
        frame: np.ndarray | None = None,
    ) -> "FoundKeypoints":
        """Keypoint sets of which some things are not known, or are the same for all.

        Args:
            keypoints: (sets, 17, 2) px; what is not finite is not known.
            confidence: (sets, 17), cut to [0, 1]; none: all that is finite is sure.
            approximated: (sets, 17) or (17,) bool; none: nothing is.
            image_size: (sets, 2) or (2,) px; none: not known.
            file, place, subject, clip, picture, frame: a value a set, or one for all.
        """
        sets = len(keypoints)
        points = np.asarray(keypoints, np.float32).reshape(sets, JOINTS, 2)
        sure = np.ones((sets, JOINTS)) if confidence is None else np.clip(confidence, 0.0, 1.0)
        mixed = np.zeros(JOINTS, bool) if approximated is None else approximated
        size = np.full(2, np.nan) if image_size is None else image_size
        return FoundKeypoints(
            points,
            np.where(np.isfinite(points).all(axis=2), sure, 0.0).astype(np.float32),
            np.broadcast_to(np.asarray(mixed, bool), (sets, JOINTS)),
            np.broadcast_to(np.asarray(size, np.float32), (sets, 2)),
            _texts(file, sets),
            _texts(subject, sets),
            _texts(clip, sets),
            _texts(place, sets),
            _texts(picture, sets),
            np.full(sets, NO_FRAME, np.int32) if frame is None else np.asarray(frame, np.int32),
        )

    @staticmethod
    def concat(parts: Sequence["FoundKeypoints"]) -> "FoundKeypoints":
        """All sets of several parts, one after the other."""
        if not parts:
            return FoundKeypoints.of(np.zeros((0, JOINTS, 2)), file="", place=[])
        names = [field.name for field in fields(FoundKeypoints)]
        return FoundKeypoints(
            **{name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
        )


def _texts(value: str | Sequence[str], sets: int) -> np.ndarray:
    """(sets,) str."""
    texts = [value] * sets if isinstance(value, str) else list(value)
    return np.array(texts, dtype=np.str_).reshape(len(texts))


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
