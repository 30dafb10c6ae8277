"""Which side is which, remembered over frames.

A detector takes somebody's left for the right now and then, for a frame or for a second: the legs,
the arms, or the whole body. Whatever it says, a body moves evenly. So every frame is given one of
four readings (as it was found; legs exchanged; arms exchanged; both) by dynamic programming
(Viterbi 1967): the cost is what the limbs' joints are off from an even motion over three frames, as
far as they are seen, and a little for every frame that is not read as it was found.
"""

import numpy as np

from evoskeleton.evolution.skeleton import MIRROR, Joint

LEGS = (Joint.RHIP, Joint.RKNEE, Joint.RFOOT, Joint.LHIP, Joint.LKNEE, Joint.LFOOT)
ARMS = (
    Joint.LSHOULDER, Joint.LELBOW, Joint.LWRIST, Joint.RSHOULDER, Joint.RELBOW, Joint.RWRIST,
)  # fmt: skip

EXCHANGED_COST = 0.01
"""For each of legs and arms that a frame is read the other way round."""

_MOST_OFF = 0.15
_STEADY = 0.5
_LEAST_SEEN = 0.2
"""Of left and right together: if each had a weight of its own, exchanging what is seen with what is
not would cost nothing."""


def _readings() -> np.ndarray:
    """(4, 17): where each joint is taken from, by reading."""
    orders = np.tile(np.arange(len(MIRROR)), (4, 1))
    for reading in range(4):
        for bit, joints in enumerate((LEGS, ARMS)):
            if reading >> bit & 1:
                orders[reading, list(joints)] = np.array(MIRROR)[list(joints)]
    return orders


READINGS = _readings()
_LIMBS = [*LEGS, *ARMS]
_PRICE = EXCHANGED_COST * np.array([0.0, 1.0, 1.0, 2.0])


def readings(
    keypoints: np.ndarray, weights: np.ndarray, start: tuple[int, int] | None = None
) -> np.ndarray:
    """How each frame should be read.

    Args:
        keypoints: (frames, 17, 2) px, without gaps.
        weights: (frames, 17) in [0, 1], how well a joint is seen.
        start: readings of the first two frames, where they are known.

    Returns:
        (frames,) int64, indices into `READINGS`.
    """
    frames = len(keypoints)
    if frames < 3:
        return np.zeros(frames, np.int64) if start is None else np.array(start[:frames])
    scaled = keypoints / _size(keypoints)
    alike = np.maximum((weights + weights[:, list(MIRROR)]) / 2.0, _LEAST_SEEN)
    points = np.stack([scaled[:, order][:, _LIMBS] for order in READINGS], axis=1)
    seen = np.stack([alike[:, _LIMBS]] * len(READINGS), axis=1)
    total = _PRICE[:, None] + _PRICE[None] + _steps(points[0], points[1], seen[0], seen[1])
    if start is not None:
        known = np.full((4, 4), np.inf)
        known[start] = 0.0
        total = known
    came_from = np.zeros((frames, 4, 4), np.int64)
    for frame in range(2, frames):
        bend = _bends(points[frame - 2 : frame + 1], seen[frame - 2 : frame + 1])
        costs = total[:, :, None] + bend + _PRICE
        came_from[frame] = costs.argmin(axis=0)
        total = costs.min(axis=0)
    return _traced(total, came_from)


def _traced(total: np.ndarray, came_from: np.ndarray) -> np.ndarray:
    path = list(np.unravel_index(total.argmin(), total.shape))
    for frame in range(len(came_from) - 1, 1, -1):
        path.insert(0, came_from[frame, path[0], path[1]])
    return np.array(path, np.int64)


def _steps(one: np.ndarray, two: np.ndarray, seen: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(4, 4): how far the limbs move from the readings (4, 12, 2) of one frame to another's."""
    off = np.linalg.norm(one[:, None] - two[None], axis=3)
    weight = np.sqrt(seen[:, None] * other[None])
    cost: np.ndarray = (np.minimum(off, _MOST_OFF) * weight).sum(axis=2)
    return cost


def _bends(points: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """(4, 4, 4): how uneven a motion the readings (3, 4, 12, 2) of three frames make.

    Part of the way itself counts, too: what jumps away and stays there is as even as what stays.
    """
    first, second, third = points
    speed = second[None] - first[:, None]
    bend = np.linalg.norm(speed[:, :, None] + (second[:, None] - third[None])[None], axis=4)
    way = np.linalg.norm(second[:, None] - third[None], axis=3)[None]
    off = _STEADY * np.minimum(bend, _MOST_OFF) + (1.0 - _STEADY) * np.minimum(way, _MOST_OFF)
    weight = np.cbrt(seen[0][:, None, None] * seen[1][None, :, None] * seen[2][None, None])
    cost: np.ndarray = (off * weight).sum(axis=3)
    return cost


def _size(keypoints: np.ndarray) -> float:
    """Longer side of a middling frame's box, px."""
    sizes = np.ptp(keypoints, axis=1).max(axis=1)
    return max(float(np.median(sizes)), 1.0)
