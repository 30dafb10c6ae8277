"""What it costs to take the points of some frames for one body that moves evenly.

Every frame may be read in four ways, see `sides`; a cost is told for every combination. Points are
in sizes of the body. What is farther off than `_MOST_OFF` is wrong, however far.
"""

import numpy as np

_MOST_OFF = 0.15
_STEADY = 0.5
"""Share of what a motion is off from an even one; the other part is the way itself: what jumps away
and stays there is as even as what stays."""


def steps(points: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """(4, 4): how far points (2, 4, n, 2) move from a frame's readings to those of the next.

    `seen`, (2, n), weighs them.
    """
    off = np.linalg.norm(points[0][:, None] - points[1][None], axis=3)
    cost: np.ndarray = np.minimum(off, _MOST_OFF) @ np.sqrt(seen[0] * seen[1])
    return cost


def bends(points: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """(4, 4, 4): how uneven a motion the readings (3, 4, n, 2) of three frames make."""
    first, second, third = points
    speed = second[None] - first[:, None]
    bend = np.linalg.norm(speed[:, :, None] + (second[:, None] - third[None])[None], axis=4)
    way = np.linalg.norm(second[:, None] - third[None], axis=3)[None]
    cost: np.ndarray = _uneven(bend, way) @ np.cbrt(seen.prod(axis=0))
    return cost


def joined(points: np.ndarray, seen: np.ndarray, left_out: int) -> np.ndarray:
    """(4, 4, 4, 4): how badly two frames, and two after a gap, (4, 4, n, 2), belong together.

    Both pairs go on at their speed to the middle of the gap of `left_out` frames, and should meet.
    """
    half = (left_out + 1) / 2.0
    first, second, third, fourth = points
    forwards = second[None] + half * (second[None] - first[:, None])
    backwards = third[:, None] - half * (fourth[None] - third[:, None])
    off = np.linalg.norm(forwards[:, :, None, None] - backwards[None, None], axis=5)
    way = np.linalg.norm(second[:, None] - third[None], axis=3)[None, :, :, None]
    cost: np.ndarray = _uneven(off, way) @ np.sqrt(seen[1] * seen[2])
    return cost


def _uneven(off: np.ndarray, way: np.ndarray) -> np.ndarray:
    cost: np.ndarray = _STEADY * np.minimum(off, _MOST_OFF) + (1.0 - _STEADY) * np.minimum(
        way, _MOST_OFF
    )
    return cost
