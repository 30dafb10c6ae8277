"""The detector's own 3D beside the lifter's, as a second opinion.

A lifter sees keypoints and knows bodies; a detector sees the picture and knows no bodies. Their
errors have little in common, so that a mean of both is better than either. The share of the
detector belongs to the lifter (`Lifter.second_opinion`). Of a body that is seen in part a lifter
knows less, and the detector as much: there its share is larger, about a half above the hips. That
was chosen on a video that no lifter is judged by, cut above the hips: what either makes of half a
body is as far from what both make of the whole.
"""

from collections.abc import Sequence

import numpy as np

from evoskeleton.evolution.skeleton import PARENTS
from evoskeleton.pose2d.detector import Person

_ENDS = np.arange(1, len(PARENTS))
_STARTS = np.array(PARENTS[1:])
_PART_SHARE = 0.55
"""By how much the share grows with the part of the joints that no keypoint shows."""

_HIDDEN_SHARE = 1.5
"""What a joint that no keypoint shows takes of the second opinion, as a multiple."""


def blended(joints: np.ndarray, people: Sequence[Person], share: float) -> np.ndarray:
    """A lifter's (people, 17, 3) mm with a share of the detector's own 3D.

    The own 3D is brought to the size of the lifter's body first. Who has none keeps the lifter's.
    """
    if share == 0.0 or not len(people):
        return joints
    answers = [
        one if person.own_joints is None else _blend(one, person.own_joints, person.known, share)
        for one, person in zip(joints, people, strict=True)
    ]
    return np.array(answers, np.float32)


def _blend(joints: np.ndarray, own: np.ndarray, known: np.ndarray, share: float) -> np.ndarray:
    """(17, 3) mm of one person."""
    scale = _size(joints) / max(_size(own), 1.0)
    share = min(share + _PART_SHARE * float((~known).mean()), 1.0)
    shares = np.where(known, share, min(_HIDDEN_SHARE * share, 1.0))[:, None]
    mixed: np.ndarray = (1.0 - shares) * joints + shares * (scale * own)
    return mixed


def _size(joints: np.ndarray) -> float:
    """Length of all bones together, mm."""
    return float(np.linalg.norm(joints[_ENDS] - joints[_STARTS], axis=1).sum())
