"""Which keypoint sets can be a target, and how much each joint counts."""

from collections import Counter

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import JOINT_NAMES
from evoskeleton.lifting.keypoints.plausible_keypoints import (
    ALL_EQUAL,
    FEW_KNOWN,
    MOST_PX,
    look_normalised,
    reasons,
    refuse_other_order,
)
from evoskeleton.platform.data.target.found import FoundKeypoints
from evoskeleton.platform.data.target.settings import TargetSettings


def weights_of(found: FoundKeypoints, settings: TargetSettings) -> np.ndarray:
    """(sets, 17) float32 in [0, 1]: how much each joint counts."""
    known = found.confidence > 0.0
    weights = found.confidence if settings.confidence else known.astype(np.float32)
    weights = np.where(found.approximated, settings.approximated_weight * weights, weights)
    return weights.astype(np.float32)


def expect_pixels(where: str, found: FoundKeypoints) -> None:
    """Keypoints are px of a picture.

    Raises:
        BadInput: all coordinates are so small that they look normalised, or one is far off.
    """
    known = found.confidence > 0.0
    for row, joint in np.argwhere(known & (np.abs(found.keypoints).max(axis=2) > MOST_PX))[:1]:
        x, y = found.keypoints[row, joint]
        raise BadInput(
            f"{where}: {JOINT_NAMES[joint]} of {found.place(row)} should lie within {MOST_PX:.0f} "
            f"px, got ({x:g}, {y:g})"
        )
    if (small := look_normalised(found.keypoints, known)) is not None:
        low, high = small
        raise BadInput(
            f"{where}: keypoints should be px, got numbers from {low:.3g} to {high:.3g}, "
            "which look normalised"
        )


def expect_order(where: str, found: FoundKeypoints) -> None:
    """Keypoints that are taken as they stand are in Human3.6M's order.

    Raises:
        BadInput: they cannot be.
    """
    if not found.approximated.any():
        refuse_other_order(where, found.keypoints, found.confidence > 0.0)


def usable(found: FoundKeypoints, weights: np.ndarray) -> tuple[np.ndarray, dict[str, int]]:
    """The rows that can be a target, and how many cannot, by the reason.

    Raises:
        BadInput: no row can.
    """
    known = weights > 0.0
    told_of = reasons(found.keypoints, known)
    counts = Counter(told_of.values())
    left_out = {reason: counts[reason] for reason in (FEW_KNOWN, ALL_EQUAL) if counts[reason]}
    rows = np.array([row for row in range(len(found)) if row not in told_of], np.int64)
    if len(found) and not len(rows):
        listed = " and ".join(f"{count} with {reason}" for reason, count in left_out.items())
        raise BadInput(f"no keypoint set of the target can be used: there are {listed}")
    return rows, left_out
