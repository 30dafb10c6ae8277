"""Boxes of people whose annotators drew none: around what they labelled."""

import numpy as np

MARGIN = 0.15
"""A body reaches beyond its joints by about this share of their extent on each side."""


def around_points(keypoints: np.ndarray) -> np.ndarray:
    """(4,) float32 px x0 y0 x1 y1 around (keypoints, 2) px, of which some may be NaN; an empty box
    where all are."""
    known = keypoints[np.isfinite(keypoints).all(axis=1)]
    if not len(known):
        return np.zeros(4, np.float32)
    low, high = known.min(axis=0), known.max(axis=0)
    reach = np.maximum(MARGIN * float((high - low).max()), 1.0)
    return np.concatenate([low - reach, high + reach]).astype(np.float32)


def around_middle(middle: np.ndarray, width: float, height: float) -> np.ndarray:
    """(4,) float32 px of a box by its (2,) middle and its size."""
    half = np.array([width, height]) / 2.0
    return np.concatenate([middle - half, middle + half]).astype(np.float32)
