"""Which side is which, remembered over frames.

A detector takes somebody's left for the right now and then, for a frame or for a second: the legs,
the arms, or the whole body. Whatever it says, a body moves evenly. So every frame is given one of
four readings (as it was found; legs exchanged; arms exchanged; both) by dynamic programming
(Viterbi 1967): the cost is what the limbs' joints are off from an even motion over three frames, as
far as they are seen, a little for every frame that is not read as it was found, and how much worse
a lifter explains the keypoints so read than otherwise. The weights were chosen on people of the CMU
database, projected, with a detector's noise and blocks of frames whose sides are exchanged.
"""

import numpy as np

from evoskeleton.evolution.skeleton import MIRROR, Joint
from evoskeleton.lifting.detections.confidence import as_confidence
from evoskeleton.lifting.keypoints.plausible_keypoints import LEAST_KNOWN
from evoskeleton.pose2d.people.even_motion import bends, joined, steps
from evoskeleton.pose2d.people.misfits import Misfits

LEGS = (Joint.RHIP, Joint.RKNEE, Joint.RFOOT, Joint.LHIP, Joint.LKNEE, Joint.LFOOT)
ARMS = (
    Joint.LSHOULDER, Joint.LELBOW, Joint.LWRIST, Joint.RSHOULDER, Joint.RELBOW, Joint.RWRIST,
)  # fmt: skip

EXCHANGED_COST = 0.005
"""For each of legs and arms that a frame is read the other way round."""

_MISFIT_COST = 0.02
_LEAST_MISFIT, _MOST_TIMES = 6e-5, 1.5
"""What is explained that well tells nothing; and the largest logarithm of a ratio that counts."""

_LEAST_SEEN = 0.2
"""Of left and right together: if each had a weight of its own, exchanging what is seen with what is
not would cost nothing."""

_LONGEST = 5
_LEFT_OUT, _EACH_LEFT_OUT = 0.5, 0.3
"""A detector that changes its mind is somewhere between for a frame or some: frames in which left
and right lie in the middle make an even motion out of an exchange. Up to `_LONGEST` may be left
out, at this cost and at that for every frame."""


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


def evidence(
    keypoints: np.ndarray, known: np.ndarray, sight: np.ndarray, misfits: Misfits
) -> np.ndarray:
    """(frames, 4): what each reading of each frame costs, by how a lifter explains it.

    Args:
        keypoints: (frames, 17, 2) px, without gaps.
        known: (frames, 17) bool.
        sight: (frames, 17) in [0, 1], how well a joint is seen, whichever side it is said to be of.
        misfits: of keypoints, by a lifter.
    """
    alike = (sight + sight[:, list(MIRROR)]) / 2.0
    costs = np.zeros((len(keypoints), len(READINGS)))
    enough = known.sum(axis=1) >= LEAST_KNOWN
    if enough.any():
        told = as_confidence(alike, known)[enough]
        off = [misfits(keypoints[enough][:, order], told[:, order]) for order in READINGS]
        logs = np.log(np.maximum(np.stack(off, axis=1), _LEAST_MISFIT))
        worse = np.minimum(logs - logs.min(axis=1, keepdims=True), _MOST_TIMES)
        costs[enough] = _MISFIT_COST * worse
    return costs


def readings(
    keypoints: np.ndarray,
    weights: np.ndarray,
    costs: np.ndarray | None = None,
    start: tuple[int, int] | None = None,
) -> np.ndarray:
    """How each frame should be read.

    Args:
        keypoints: (frames, 17, 2) px, without gaps.
        weights: (frames, 17) in [0, 1], how well a joint is seen.
        costs: (frames, 4) of the readings, from `evidence`; none: motion alone tells.
        start: readings of the first two frames, where they are known.

    Returns:
        (frames,) int64, indices into `READINGS`.
    """
    frames = len(keypoints)
    if frames < 3:
        return np.zeros(frames, np.int64) if start is None else np.array(start[:frames])
    scaled = keypoints / _size(keypoints)
    alike = np.maximum((weights + weights[:, list(MIRROR)]) / 2.0, _LEAST_SEEN)[:, _LIMBS]
    points = np.stack([scaled[:, order][:, _LIMBS] for order in READINGS], axis=1)
    price = _PRICE + (np.zeros((frames, len(READINGS))) if costs is None else costs)
    return _Chain(points, alike, price, start).path()


class _Chain:
    """Dynamic programming over the readings of two frames in a row."""

    def __init__(
        self,
        points: np.ndarray,
        seen: np.ndarray,
        price: np.ndarray,
        start: tuple[int, int] | None,
    ) -> None:
        """Points (frames, 4, 12, 2), weights (frames, 12), price (frames, 4) of the readings."""
        self._points, self._seen, self._price = points, seen, price
        shape = len(points), len(READINGS), len(READINGS)
        self._total = np.full(shape, np.inf)
        self._came_from = np.zeros((*shape, 3), np.int64)
        """Frames left out before these two, then the readings of the two before."""
        if start is None:
            self._total[1] = price[0][:, None] + self._step(1)
        else:
            self._total[1][start] = 0.0
        for frame in range(2, len(points)):
            self._go_on(frame)
            for left_out in range(1, min(_LONGEST, frame - 3) + 1):
                self._leave_out(frame, left_out)

    def _step(self, frame: int) -> np.ndarray:
        """(4, 4) cost of a frame after the one before, without what came earlier."""
        rows = slice(frame - 1, frame + 1)
        cost: np.ndarray = steps(self._points[rows], self._seen[rows]) + self._price[frame]
        return cost

    def _go_on(self, frame: int) -> None:
        rows = slice(frame - 2, frame + 1)
        bend = bends(self._points[rows], self._seen[rows])
        ways = self._total[frame - 1][:, :, None] + bend + self._price[frame]
        self._total[frame] = ways.min(axis=0)
        self._came_from[frame, :, :, 1] = ways.argmin(axis=0)

    def _leave_out(self, frame: int, count: int) -> None:
        """Go from frame - 2 - count to frame - 1 and frame, where that is cheaper."""
        before = frame - 2 - count
        cost = _LEFT_OUT + count * _EACH_LEFT_OUT
        if self._total[frame].min() - self._total[before].min() <= cost:
            return
        rows = [before - 1, before, frame - 1, frame]
        gap = joined(self._points[rows], self._seen[rows], count)
        ways = (self._total[before][:, :, None, None] + gap).reshape(16, 4, 4)
        costs = ways.min(axis=0) + self._step(frame) + self._price[frame - 1][:, None] + cost
        better, best = costs < self._total[frame], ways.argmin(axis=0)
        self._total[frame][better] = costs[better]
        origin = np.stack([np.full_like(best, count), best // 4, best % 4], axis=-1)
        self._came_from[frame][better] = origin[better]

    def path(self) -> np.ndarray:
        """(frames,) the cheapest readings; frames left out are read as their neighbours."""
        frame = len(self._total) - 1
        path = np.zeros(len(self._total), np.int64)
        one, two = np.unravel_index(self._total[frame].argmin(), self._total[frame].shape)
        path[frame - 1 :] = one, two
        while frame > 1:
            count, first, second = self._came_from[frame, path[frame - 1], path[frame]]
            if count == 0:
                path[frame - 2] = first
                frame -= 1
                continue
            before = frame - 2 - count
            middle = before + 1 + (count + 1) // 2
            path[before - 1] = first
            path[before:middle] = second
            path[middle : frame - 1] = path[frame - 1]
            frame = before
        return path


def _size(keypoints: np.ndarray) -> float:
    """Longer side of a middling frame's box, px."""
    sizes = np.ptp(keypoints, axis=1).max(axis=1)
    return max(float(np.median(sizes)), 1.0)
