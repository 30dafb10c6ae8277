"""Bodies that were fitted to one person, as clients have them too; torch is not needed."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np


@dataclass(frozen=True)
class FittedBodies:
    """Bodies of one person, and what is to be said of each.

    Attributes:
        joints: (k, 17, 3) float32 mm, camera frame, hip at 0.
        roots: (k, 3) float32 mm, where the hip is, seen from the camera.
        costs: (k,) squared standard deviations.
        reprojection_px: (k,) mean distance of the known keypoints from the projected joints.
        bone_sigma: (k, 16) standard deviations by which each bone is longer than usual.
        limit_margin_deg: (k, 9) to the joint limits, negative beyond.
        flips: (k, 16) bool, bones on the other side in depth than those of the first body.
        converged: (k,) bool.
    """

    joints: np.ndarray
    roots: np.ndarray
    costs: np.ndarray
    reprojection_px: np.ndarray
    bone_sigma: np.ndarray
    limit_margin_deg: np.ndarray
    flips: np.ndarray
    converged: np.ndarray


class BodyChecks(NamedTuple):
    """What was found of bodies.

    Attributes:
        limit_margin_deg: (k, 9) to the joint limits, negative beyond.
        bone_sigma: (k, 16) standard deviations by which each bone is longer than usual.
    """

    limit_margin_deg: np.ndarray
    bone_sigma: np.ndarray
