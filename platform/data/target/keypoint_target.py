"""The keypoints that a search goes towards, one row a niche."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import JOINT_NAMES
from evoskeleton.files import write_arrays
from evoskeleton.npz import read_npz
from evoskeleton.shapes import expect_shape

if TYPE_CHECKING:
    from evoskeleton.evolution.archive.resemblance import Targets

JOINTS = len(JOINT_NAMES)
_FIELDS = ("keypoints", "weights", "image_size", "clip", "name", "picture", "frame")


@dataclass(frozen=True, eq=False)
class KeypointTarget:
    """Keypoint sets to resemble.

    Attributes:
        keypoints: (sets, 17, 2) float32 px, Human3.6M order, y down; 0 where the weight is 0.
        weights: (sets, 17) float32 in [0, 1], 0 where a joint is not known.
        image_size: (sets, 2) float32 px, width and height; NaN where not known.
        clip: (sets,) str: the video, photo or file of each, or the clip of poses.
        name: (sets,) str, for people, such as "run.mp4 frame 12 person 1".
        picture: (sets,) str: path of the photo or video; empty without one.
        frame: (sets,) int32: number of the frame in a video; -1 elsewhere.
        left_out: how many sets could not be used, by the reason; and in how many files nobody was.
    """

    keypoints: np.ndarray
    weights: np.ndarray
    image_size: np.ndarray
    clip: np.ndarray
    name: np.ndarray
    picture: np.ndarray
    frame: np.ndarray
    left_out: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        expect_shape("keypoints", self.keypoints, ("sets", JOINTS, 2))
        sets = len(self.keypoints)
        expect_shape("weights", self.weights, (sets, JOINTS))
        expect_shape("image_size", self.image_size, (sets, 2))
        for name in ("clip", "name", "picture", "frame"):
            expect_shape(name, getattr(self, name), (sets,))

    def __len__(self) -> int:
        return len(self.keypoints)

    @cached_property
    def hash(self) -> str:
        """SHA-256 of keypoints, weights and image sizes: files may move, and be renamed."""
        digest = hashlib.sha256()
        for array in (self.keypoints, self.weights, self.image_size):
            digest.update(np.ascontiguousarray(array, dtype="<f4").tobytes())
        return digest.hexdigest()

    def prepared(self, device: str = "cpu") -> "Targets":
        """The sets, ready to be held against bodies on a device."""
        import torch

        from evoskeleton.evolution.archive.resemblance import Targets

        return Targets(torch.from_numpy(self.keypoints), torch.from_numpy(self.weights)).to(device)

    def record(self) -> dict[str, object]:
        """What a record says of it: plain data."""
        return {
            "hash": self.hash,
            "sets": len(self),
            "clips": len(set(self.clip.tolist())),
            "left_out": dict(self.left_out),
        }

    def save(self, path: Path) -> None:
        """An npz file without pickle.

        Raises:
            BadInput: it cannot be written.
        """
        counts = np.array([*self.left_out.values()], np.int64)
        reasons = np.array([*self.left_out], dtype=np.str_)
        arrays = {name: getattr(self, name) for name in _FIELDS}
        write_arrays(path, arrays | {"left_out": reasons, "left_out_counts": counts})

    @staticmethod
    def load(path: Path) -> "KeypointTarget":
        """Back from `save`.

        Raises:
            BadInput: it cannot be read, or holds something else.
        """
        arrays = read_npz(path, "target", [*_FIELDS, "left_out", "left_out_counts"])
        counts = arrays["left_out_counts"].tolist()
        left_out = dict(zip(arrays["left_out"].tolist(), counts, strict=True))
        return KeypointTarget(**{name: arrays[name] for name in _FIELDS}, left_out=left_out)


def expect_same(saved: KeypointTarget, given: KeypointTarget) -> None:
    """A search that goes on goes on towards what it went towards.

    Raises:
        BadInput: the targets differ; the sentence says how.
    """
    if saved.hash == given.hash:
        return
    raise BadInput(
        f"the target should be the one that the search began with, {_counted(saved)}, "
        f"got {_counted(given)}{_first_other(saved, given)}"
    )


def _counted(target: KeypointTarget) -> str:
    clips = len(set(target.clip.tolist()))
    return (
        f"{len(target)} keypoint sets of {clips} clip{'s' * (clips != 1)} (hash {target.hash[:12]})"
    )


def _first_other(saved: KeypointTarget, given: KeypointTarget) -> str:
    """Of as many sets, which is the first that differs."""
    if len(saved) != len(given):
        return ""
    pairs = [(saved.keypoints, given.keypoints), (saved.weights, given.weights)]
    pairs += [(np.nan_to_num(saved.image_size), np.nan_to_num(given.image_size))]
    other = [(old != new).reshape(len(saved), -1).any(axis=1) for old, new in pairs]
    row = int(np.any(other, axis=0).argmax())
    return f"; the first that differs is {given.name[row]}"
