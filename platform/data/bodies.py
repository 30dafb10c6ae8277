"""What people do in a set of poses: how tall they are, whether they stand, which way limbs bend.

World millimetres, z up, as everywhere; what no body does shows a unit, an axis or sides that were
declared wrongly. Nothing is refused here: see `body_checks`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from evoskeleton.evolution.skeleton import BONES, JOINT_NAMES, Joint
from evoskeleton.platform.data.poses import body_height

UPRIGHT_DEG = 45.0
"""A pose is upright whose trunk is within this of the vertical."""

_BENT_DEG = 20.0
_AXES = ("x", "y", "z")
_KNEES = ((Joint.RHIP, Joint.RKNEE, Joint.RFOOT), (Joint.LHIP, Joint.LKNEE, Joint.LFOOT))
_ELBOWS = (
    (Joint.RSHOULDER, Joint.RELBOW, Joint.RWRIST),
    (Joint.LSHOULDER, Joint.LELBOW, Joint.LWRIST),
)


@dataclass(frozen=True)
class Bends:
    """Which way a pair of hinges bends.

    Attributes:
        bent: how many of the hinges in all poses are bent enough to tell.
        forward: share of these that bend the way a body's do.
    """

    bent: int
    forward: float


@dataclass(frozen=True)
class Bodies:
    """What was measured.

    Attributes:
        height_mm: median height of a body, were it to stand, crown to ankle, mm.
        upright: share of the poses whose trunk points up, by world axis: "x", "-x", ..., "z".
        knees, elbows: how they bend.
        lengths_mm: median length of each bone by its end joint, mm.
        spread: of each bone's length within a clip, standard deviation over mean, the most of all
            clips.
    """

    height_mm: float
    upright: Mapping[str, float]
    knees: Bends
    elbows: Bends
    lengths_mm: Mapping[str, float]
    spread: Mapping[str, float]


def measure(poses: np.ndarray, clip: np.ndarray) -> Bodies:
    """Bodies of (n, 17, 3) poses mm; `clip` (n,) int64 tells which belong together."""
    lengths = {
        JOINT_NAMES[end]: np.linalg.norm(poses[:, end] - poses[:, start], axis=1)
        for start, end in BONES
    }
    return Bodies(
        height_mm=float(np.median(body_height(poses))),
        upright=pointing(poses),
        knees=_bends(poses, _KNEES, 1.0),
        elbows=_bends(poses, _ELBOWS, -1.0),
        lengths_mm={name: float(np.median(length)) for name, length in lengths.items()},
        spread={name: _spread(length, clip) for name, length in lengths.items()},
    )


def pointing(poses: np.ndarray) -> dict[str, float]:
    """Share of the poses whose trunk points along each half axis."""
    trunk = poses[:, Joint.THORAX] - poses[:, Joint.HIP]
    cosine = trunk / np.maximum(np.linalg.norm(trunk, axis=1, keepdims=True), 1e-9)
    least = np.cos(np.radians(UPRIGHT_DEG))
    shares = {}
    for column, axis in enumerate(_AXES):
        shares[axis] = float((cosine[:, column] >= least).mean())
        shares[f"-{axis}"] = float((cosine[:, column] <= -least).mean())
    return shares


def _bends(poses: np.ndarray, hinges: tuple[tuple[int, int, int], ...], way: float) -> Bends:
    """Knees stand out before the line from hip to ankle, elbows behind that of the arm."""
    left = poses[:, Joint.LHIP] - poses[:, Joint.RHIP]
    ahead = np.cross(left, poses[:, Joint.THORAX] - poses[:, Joint.HIP])
    bent, forward = 0, 0
    for start, middle, end in hinges:
        upper, lower = poses[:, middle] - poses[:, start], poses[:, end] - poses[:, middle]
        sine = np.linalg.norm(np.cross(upper, lower), axis=1)
        angle = np.degrees(np.arctan2(sine, (upper * lower).sum(axis=1)))
        clear = angle >= _BENT_DEG
        out = way * (_out_of_line(upper, lower) * ahead).sum(axis=1)
        bent, forward = bent + int(clear.sum()), forward + int((clear & (out > 0.0)).sum())
    return Bends(bent, forward / bent if bent else np.nan)


def _out_of_line(upper: np.ndarray, lower: np.ndarray) -> np.ndarray:
    """(n, 3) from the line that joins a limb's ends to its hinge."""
    whole = upper + lower
    share = (upper * whole).sum(axis=1) / np.maximum((whole * whole).sum(axis=1), 1e-9)
    out: np.ndarray = upper - share[:, None] * whole
    return out


def _spread(length: np.ndarray, clip: np.ndarray) -> float:
    """Largest relative standard deviation within a clip."""
    count = np.maximum(np.bincount(clip), 1)
    mean = np.bincount(clip, length) / count
    variance = np.bincount(clip, (length - mean[clip]) ** 2) / count
    return float((np.sqrt(variance) / np.maximum(mean, 1e-9)).max())
