"""Sets of real poses as arrays, and what makes a pose unusable.

World frame, millimetres, z up, Human3.6M's 17 joints.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import BONES, JOINT_NAMES, Joint
from evoskeleton.files import write_arrays
from evoskeleton.npz import read_npz
from evoskeleton.shapes import expect_shape

SHORTEST_BONE_MM = 1e-3
PLAUSIBLE_BODY_MM = (500.0, 3000.0)
"""Height of a body that stands upright, crown to ankle; between a toddler's and a giant's."""

_METRES, _CENTIMETRES = (0.5, 3.0), (50.0, 300.0)
_STANDING = (
    (Joint.RHIP, Joint.RKNEE),
    (Joint.RKNEE, Joint.RFOOT),
    (Joint.HIP, Joint.SPINE),
    (Joint.SPINE, Joint.THORAX),
    (Joint.THORAX, Joint.NECK),
    (Joint.NECK, Joint.HEAD),
)


@dataclass(frozen=True)
class PoseSet:
    """Poses and where each comes from, one row a pose.

    Attributes:
        poses: (n, 17, 3) float32, world mm, z up.
        subject, action, clip: (n,) numpy strings.
        frame: (n,) int32, place in the clip.
    """

    poses: np.ndarray
    subject: np.ndarray
    action: np.ndarray
    clip: np.ndarray
    frame: np.ndarray

    def __post_init__(self) -> None:
        expect_shape("poses", self.poses, ("poses", 17, 3))
        for name in ("subject", "action", "clip", "frame"):
            expect_shape(name, getattr(self, name), (len(self.poses),))

    def __len__(self) -> int:
        return len(self.poses)

    def take(self, index: np.ndarray) -> "PoseSet":
        """The rows that an index or a mask names, in its order."""
        return PoseSet(*(getattr(self, field.name)[index] for field in fields(self)))

    @staticmethod
    def concat(sets: Sequence["PoseSet"]) -> "PoseSet":
        """All rows of several sets, one after the other."""
        names = [field.name for field in fields(PoseSet)]
        return PoseSet(
            **{name: np.concatenate([getattr(part, name) for part in sets]) for name in names}
        )

    def ordered(self) -> "PoseSet":
        """Rows by subject, clip, frame; equal ones keep their order."""
        return self.take(np.lexsort((self.frame, self.clip, self.subject)))

    def clips(self) -> list[tuple[str, str]]:
        """All (subject, clip) pairs, sorted: a clip's name need not be unique among subjects."""
        pairs = {(str(s), str(c)) for s, c in zip(self.subject, self.clip, strict=True)}
        return sorted(pairs)

    def clip_number(self) -> np.ndarray:
        """(n,) int64: which of `clips()` each row belongs to."""
        number = {pair: at for at, pair in enumerate(self.clips())}
        pairs = zip(self.subject, self.clip, strict=True)
        return np.fromiter((number[str(s), str(c)] for s, c in pairs), np.int64, len(self))

    def clip_label(self) -> np.ndarray:
        """(n,) str: a clip's name, after `subject/` where several subjects have one so named."""
        pairs = self.clips()
        often = Counter(clip for _, clip in pairs)
        labels = [clip if often[clip] == 1 else f"{subject}/{clip}" for subject, clip in pairs]
        labelled: np.ndarray = np.array(labels)[self.clip_number()]
        return labelled


def write_poses(path: Path, poses: PoseSet) -> None:
    """A pose set as npz."""
    write_arrays(path, {field.name: getattr(poses, field.name) for field in fields(PoseSet)})


def read_poses(path: Path) -> PoseSet:
    """Back from `write_poses`.

    Raises:
        BadInput: the file is absent, damaged or another.
    """
    names = [column.name for column in fields(PoseSet)]
    arrays = read_npz(path, "the poses", names)
    return PoseSet(**{name: arrays[name] for name in names})


def single_clip(poses: np.ndarray, subject: str, action: str, clip: str) -> PoseSet:
    """A set of (n, 17, 3) poses that are the consecutive frames of one clip."""
    count = len(poses)
    return PoseSet(
        poses=poses.astype(np.float32),
        subject=np.full(count, subject),
        action=np.full(count, action),
        clip=np.full(count, clip),
        frame=np.arange(count, dtype=np.int32),
    )


def check_poses(poses: PoseSet) -> None:
    """Refuse what no body can be.

    Raises:
        BadInput: a coordinate is NaN or infinite, a bone has no length, or the body's height says
            that the unit is not the millimetre; the sentence names the clip and the frame.
    """
    for problem, bad in _problems(poses):
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            where = f"clip {poses.clip[row]}, frame {poses.frame[row]}"
            more = f" ({int(bad.sum())} poses in all)" if bad.sum() > 1 else ""
            raise BadInput(f"{where}: {problem(row)}{more}")


def _problems(poses: PoseSet) -> Iterator[tuple[Callable[[int], str], np.ndarray]]:
    """Pairs of a sentence for a row and the (n,) mask of rows that it is true of."""
    joints = poses.poses
    finite = np.isfinite(joints).all(axis=2)
    yield (lambda row: _not_finite(joints[row])), ~finite.all(axis=1)
    for start, end in BONES:
        bone = f"the bone {JOINT_NAMES[start]}-{JOINT_NAMES[end]} has no length"
        yield _for_any_row(bone), _length(joints, start, end) < SHORTEST_BONE_MM
    height = body_height(joints)
    low, high = PLAUSIBLE_BODY_MM
    yield (lambda row: _wrong_unit(float(height[row]))), (height < low) | (height > high)


def _for_any_row(sentence: str) -> Callable[[int], str]:
    return lambda row: sentence


def body_height(poses: np.ndarray) -> np.ndarray:
    """(n,) height in mm of (n, 17, 3) bodies, were they to stand upright: a sum of bones."""
    bones = [_length(poses, start, end) for start, end in _STANDING]
    height: np.ndarray = np.sum(bones, axis=0)
    return height


def _length(poses: np.ndarray, start: int, end: int) -> np.ndarray:
    length: np.ndarray = np.linalg.norm(poses[:, end] - poses[:, start], axis=1)
    return length


def _not_finite(joints: np.ndarray) -> str:
    joint = int(np.flatnonzero(~np.isfinite(joints).all(axis=1))[0])
    value = joints[joint][~np.isfinite(joints[joint])][0]
    return f"joint {JOINT_NAMES[joint]} should be finite, got {value}"


def _wrong_unit(height: float) -> str:
    guess = ""
    for unit, (low, high) in (("metres", _METRES), ("centimetres", _CENTIMETRES)):
        if low <= height <= high:
            guess = f", which looks like {unit}"
    low, high = PLAUSIBLE_BODY_MM
    return f"the body should be {low:.0f} to {high:.0f} mm tall, got {height:.4g}{guess}"
