"""Motion without the trembling of a detector: penalised least squares over time.

Whittaker's smoother (Whittaker 1923; Eilers 2003, https://doi.org/10.1021/ac034173t): what is
nearest to the measurements while its third differences stay small. It has no lag, takes a weight
for every measurement, and fills gaps by itself. The strength is given as a frequency, that of a
motion of which half is left over. Outliers lose their weight in a few rounds (Cauchy's weights).
"""

import numpy as np
from scipy.linalg import solveh_banded

_ORDER = 3
_ROUNDS = 2
_OUTLIER = 3.0
_LEAST_SPREAD = 0.02
"""Of the motion itself: what is hardly noisy has no outliers, and ends that bend are none."""

_LEAST_WEIGHT = 1e-6
_LEAST_FRAMES = _ORDER + 2


def smooth(
    values: np.ndarray, weights: np.ndarray, cutoff_hz: float, rate: float, robust: bool = True
) -> np.ndarray:
    """Smooth tracks of points.

    Args:
        values: (frames, points, axes), finite where the weight is not 0.
        weights: (frames, points), 0 where nothing was measured.
        cutoff_hz: frequency at which half of a motion is left.
        rate: frames a second.
        robust: whether outliers lose their weight.

    Returns:
        (frames, points, axes); a track that is too short comes back as it is, one without any
        weight too.
    """
    if len(values) < _LEAST_FRAMES or cutoff_hz >= rate / 2.0:
        return values
    strength = (2.0 * np.sin(np.pi * cutoff_hz / rate)) ** (-2 * _ORDER)
    smoothed = values.astype(np.float64)
    for point in range(values.shape[1]):
        if (weights[:, point] > 0).sum() >= _LEAST_FRAMES:
            track = np.where(weights[:, point, None] > 0, values[:, point], 0.0)
            smoothed[:, point] = _smooth_one(track, weights[:, point], strength, robust)
    return smoothed


def _smooth_one(
    track: np.ndarray, weights: np.ndarray, strength: float, robust: bool
) -> np.ndarray:
    """(frames, axes) of one point."""
    trusted = weights.astype(np.float64)
    least = _LEAST_SPREAD * float(np.linalg.norm(track[weights > 0].std(axis=0))) + 1e-9
    answer = _solved(track, trusted, strength)
    for _ in range(_ROUNDS if robust else 0):
        miss = np.linalg.norm(track - answer, axis=1)
        spread = max(float(np.median(miss[weights > 0])), least)
        trusted = weights / (1.0 + (miss / (_OUTLIER * spread)) ** 2)
        answer = _solved(track, trusted, strength)
    return answer


def _solved(track: np.ndarray, weights: np.ndarray, strength: float) -> np.ndarray:
    """Least of sum w |x - track|^2 + strength |third differences of x|^2."""
    mean = weights[weights > 0].mean()
    w = np.maximum(weights / mean, _LEAST_WEIGHT)
    bands = strength * _penalty(len(track))
    bands[-1] += w
    solved: np.ndarray = solveh_banded(bands, w[:, None] * track)
    return solved


def _penalty(frames: int) -> np.ndarray:
    """(4, frames): the upper bands of D'D, D the third differences."""
    row = np.array([-1.0, 3.0, -3.0, 1.0])
    bands = np.zeros((_ORDER + 1, frames))
    for first in range(_ORDER + 1):
        for second in range(first, _ORDER + 1):
            apart = second - first
            columns = slice(second, frames - _ORDER + second)
            bands[_ORDER - apart, columns] += row[first] * row[second]
    return bands
