"""Numbers of one person's points, as files have them."""

from typing import Any

import numpy as np


def marked(keypoints: Any, scores: Any = None) -> np.ndarray:
    """(points, 3) x y score of x y score, flat or not, or of x y and scores.

    Without any score all are certain.

    Raises:
        ValueError: the numbers do not fit together.
    """
    numbers = np.array(keypoints, np.float64)
    if scores is not None:
        sure = np.array(scores, np.float64).reshape(-1, 1)
        return np.column_stack([numbers.reshape(len(sure), -1)[:, :2], sure])
    if numbers.ndim == 2 and numbers.shape[1] == 2:
        return np.column_stack([numbers, np.ones(len(numbers))])
    return numbers.reshape(-1, 3)
