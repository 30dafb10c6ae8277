"""The distance of a keypoint set and a projected body, one pair and one view at a time."""

import numpy as np


def slow_distance(target: np.ndarray, weights: np.ndarray, body: np.ndarray) -> float:
    """What is left of (joints, 2) after the best positive scale and shift of (joints, 2)."""
    share = weights.astype(np.float64) / weights.astype(np.float64).sum()
    known = share > 0
    share, target, body = share[known, None], target[known], body[known]
    target = target.astype(np.float64) - (share * target).sum(0)
    body = body.astype(np.float64) - (share * body).sum(0)
    if not (body != 0).any():
        return 1.0
    scale = max(0.0, (share * target * body).sum() / (share * body**2).sum())
    rest = target - scale * body
    return float(np.sqrt((share * rest**2).sum() / (share * target**2).sum()))
