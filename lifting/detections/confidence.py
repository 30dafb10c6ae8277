"""What a lifter is told of a keypoint, in one number: whether it is known, and how well it is seen.

0 where a joint is missing; just above a half where the detector guesses it behind something; 1 in
plain sight. Lifters that know no confidence take whatever is above a half for known.
"""

import numpy as np

LEAST_SURE = 0.51


def as_confidence(visibility: np.ndarray, known: np.ndarray) -> np.ndarray:
    """(..., 17) float32 of visibility in [0, 1] and known keypoints, (..., 17) bool."""
    sight = LEAST_SURE + (1.0 - LEAST_SURE) * np.clip(np.nan_to_num(visibility), 0.0, 1.0)
    return np.where(known, sight, 0.0).astype(np.float32)
