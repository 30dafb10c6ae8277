"""Bones that keep their lengths: one person has one body in all frames of a video."""

import numpy as np

from evoskeleton.evolution.skeleton import JOINT_NAMES, MIRROR, PARENTS

_ENDS = np.arange(1, len(PARENTS))
_STARTS = np.array(PARENTS[1:])
_OTHER_SIDE = np.array(MIRROR)[1:] - 1


def lengths(joints: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(16,) mm: the middling length of each bone, left and right alike.

    Args:
        joints: (frames, 17, 3) mm.
        weights: (frames, 17) of the joints; bones with both ends well known count.
    """
    bones = np.linalg.norm(joints[:, _ENDS] - joints[:, _STARTS], axis=2)
    sure = np.minimum(weights[:, _ENDS], weights[:, _STARTS])
    middling = np.array([_weighted_median(bones[:, b], sure[:, b]) for b in range(len(_ENDS))])
    alike: np.ndarray = (middling + middling[_OTHER_SIDE]) / 2.0
    return alike


def with_lengths(joints: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """The bodies (frames, 17, 3) with bones of (16,) mm: directions stay, and the hip."""
    built = joints.astype(np.float64)
    for joint in range(1, len(JOINT_NAMES)):
        parent = PARENTS[joint]
        bone = joints[:, joint] - joints[:, parent]
        norm = np.maximum(np.linalg.norm(bone, axis=1, keepdims=True), 1e-6)
        built[:, joint] = built[:, parent] + wanted[joint - 1] * bone / norm
    return built


def _weighted_median(values: np.ndarray, weights: np.ndarray) -> float:
    order = np.argsort(values, kind="stable")
    total = np.cumsum(weights[order] + 1e-6)
    return float(values[order][np.searchsorted(total, total[-1] / 2.0)])
