"""Confidences of keypoints as shares of certainty, whatever scale a file has them in."""

import numpy as np

from evoskeleton.errors import BadInput

_A_LITTLE_MORE = 1.5
"""Peaks of heat maps may pass 1 a little."""


def as_shares(where: str, confidence: np.ndarray, full: float | None = None) -> np.ndarray:
    """Confidences in [0, 1]; COCO's flags 0, 1 and 2 are taken for what they mean.

    Args:
        where: the file, for messages.
        confidence: of any shape; NaN is 0.
        full: the number that means certain, such as 100 for per cent; None: 1.

    Raises:
        BadInput: they are on another scale.
    """
    sure = np.nan_to_num(np.asarray(confidence, np.float64), nan=0.0)
    if full is not None:
        sure = sure / full
    elif set(np.unique(sure[:1000])) | {sure.min(initial=0), sure.max(initial=0)} <= {0, 1, 2}:
        return np.minimum(sure, 1.0)
    low, high = float(sure.min(initial=0.0)), float(sure.max(initial=0.0))
    if low < 0.0 or high > _A_LITTLE_MORE:
        raise BadInput(
            f"{where}: confidences should be 0 to 1, got {low:.4g} to {high:.4g}; "
            "--full-confidence names the number that means certain, such as 100 or 255"
        )
    return np.minimum(sure, 1.0)
