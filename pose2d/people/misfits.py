"""How badly a lifter explains keypoints: its own body, put back into the picture, misses them.

A lifter knows bodies. Of keypoints whose legs, or arms, are exchanged it makes a body that lies
between what it saw and what there is, and that body misses them; where all of left and right is
exchanged it misses them a little more than otherwise, for cameras stand about level with people,
and what is near is larger.
"""

from collections.abc import Callable

import numpy as np

from evoskeleton.evolution.skeleton import JOINT_NAMES
from evoskeleton.lifting.bundle import Lifter
from evoskeleton.lifting.keypoints.keypoint_formats import SAME_JOINT

Misfits = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""(n, 17, 2) px and what a lifter is told of them, (n, 17), to (n,) misfits."""

LIMBS = [joint for joint, name in enumerate(JOINT_NAMES) if name in SAME_JOINT]

_AWAY_MM = 4500.0
"""From where a body is looked at; nearer and farther change little."""

_LEAST_WEIGHT = 0.05


def misfits(
    lifter: Lifter, size: tuple[int, int], keypoints: np.ndarray, told: np.ndarray
) -> np.ndarray:
    """Mean squared miss of the limbs' joints, in squared sizes of the body.

    Args:
        lifter: whose bodies are put back.
        size: width and height of the picture, px.
        keypoints: (n, 17, 2) px.
        told: (n, 17) what the lifter is told of each, see `detections.confidence`.

    Returns:
        (n,) float64.
    """
    joints = lifter.lift(keypoints.astype(np.float32), told.astype(np.float32), size)
    seen = joints[..., :2].astype(np.float64) / (1.0 + joints[..., 2:] / _AWAY_MM)
    weights = np.where(told > 0.0, np.maximum(2.0 * told - 1.0, _LEAST_WEIGHT), 0.0)[..., None]
    weights /= np.maximum(weights.sum(axis=1, keepdims=True), 1e-9)
    body, points = _centred(seen, weights), _centred(keypoints, weights)
    scale = (weights * body * points).sum(axis=(1, 2)) / (weights * body**2).sum(axis=(1, 2))
    missed = weights * (points - scale[:, None, None] * body) ** 2
    share = np.maximum(weights[:, LIMBS].sum(axis=(1, 2)), 1e-9)
    extent = np.maximum(_extent(keypoints, told), 1.0)
    found: np.ndarray = missed[:, LIMBS].sum(axis=(1, 2)) / share / extent**2
    return found


def _centred(points: np.ndarray, weights: np.ndarray) -> np.ndarray:
    centred: np.ndarray = points - (weights * points).sum(axis=1, keepdims=True)
    return centred


def _extent(keypoints: np.ndarray, told: np.ndarray) -> np.ndarray:
    """(n,) longer side of the box of the known keypoints, px."""
    known = (told > 0.0)[..., None]
    high = np.where(known, keypoints, -np.inf).max(axis=1)
    low = np.where(known, keypoints, np.inf).min(axis=1)
    extent: np.ndarray = (high - low).max(axis=1)
    return extent
