"""Which keypoint sets can be a target, and how much each joint counts."""

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import JOINT_NAMES
from evoskeleton.platform.data.target.found import FoundKeypoints
from evoskeleton.platform.data.target.settings import TargetSettings

LEAST_KNOWN = 6
"""Known joints that a keypoint set should have."""

MOST_PX = 1_000_000.0
"""How far from the picture's corner a known joint may lie."""

FEW_KNOWN = "fewer than six known joints"
ALL_EQUAL = "all points equal"

_NORMALISED = 2.0
_LEAST_SPREAD_PX = 1e-3


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
    told = known & (_spread(found.keypoints, known) > 0.0)[:, None]
    numbers = found.keypoints[told]
    if len(numbers) and np.abs(numbers).max() <= _NORMALISED:
        low, high = numbers.min(), numbers.max()
        raise BadInput(
            f"{where}: keypoints should be px, got numbers from {low:.3g} to {high:.3g}, "
            "which look normalised"
        )


def usable(found: FoundKeypoints, weights: np.ndarray) -> tuple[np.ndarray, dict[str, int]]:
    """The rows that can be a target, and how many cannot, by the reason.

    Raises:
        BadInput: no row can.
    """
    known = weights > 0.0
    few = known.sum(axis=1) < LEAST_KNOWN
    equal = ~few & (_spread(found.keypoints, known) < _LEAST_SPREAD_PX)
    left_out = {FEW_KNOWN: int(few.sum()), ALL_EQUAL: int(equal.sum())}
    left_out = {reason: count for reason, count in left_out.items() if count}
    rows = np.flatnonzero(~few & ~equal)
    if len(found) and not len(rows):
        told = " and ".join(f"{count} with {reason}" for reason, count in left_out.items())
        raise BadInput(f"no keypoint set of the target can be used: there are {told}")
    return rows, left_out


def _spread(keypoints: np.ndarray, known: np.ndarray) -> np.ndarray:
    """(sets,) larger extent in x or y of the known joints, px; 0 without any."""
    low = np.where(known[..., None], keypoints, np.inf).min(axis=1)
    high = np.where(known[..., None], keypoints, -np.inf).max(axis=1)
    spread: np.ndarray = np.maximum(high - low, 0.0).max(axis=1)
    return spread
