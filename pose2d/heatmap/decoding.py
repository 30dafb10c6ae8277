"""Keypoints out of heat maps: where the peak is, between the cells, and how high it is.

DARK (Zhang 2020, https://arxiv.org/abs/1910.06278): the map is smoothed with the Gaussian that it
was trained on, and one step of Newton's method on its logarithm leads from the highest cell to the
peak. Maps of the seed's head are read by their mean place (soft-argmax), which is what they are
trained for. Keypoints are px of the crop; cell i is the middle of pixel i x stride.
"""

from typing import NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter

from evoskeleton.pose2d.heatmap.losses import HALF_PX, gaussian_width

_LEAST = 1e-10
_FARTHEST = 1.0
"""Cells that the step may lead away from the highest one: farther, the map has no peak there."""

_TAIL = 3.0
"""Widths at which the smoothing Gaussian is cut off."""


class Decoded(NamedTuple):
    """Keypoints of crops.

    Attributes:
        keypoints: (pictures, keypoints, 2) float32 px of the crop.
        peaks: (pictures, keypoints) float32, how high the maps are there, or how narrow where
            the mean place is taken: what a confidence is made of, see `calibration`.
    """

    keypoints: np.ndarray
    peaks: np.ndarray


def decoded(maps: np.ndarray, picture_px: tuple[int, int], mean: bool = False) -> Decoded:
    """Keypoints of heat maps.

    Args:
        maps: (pictures, keypoints, rows, columns), of either head.
        picture_px: width and height of the crop.
        mean: take the mean place, for the head `seed`.
    """
    maps = np.asarray(maps, np.float32)
    stride = picture_px[0] / maps.shape[-1]
    cells, peaks = _mean_places(maps) if mean else _peaks(maps)
    return Decoded((cells * stride + HALF_PX).astype(np.float32), peaks.astype(np.float32))


def _mean_places(maps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(..., 2) cells, and how narrow the softmax is: 1 in one cell, 0 where it is flat."""
    rows, columns = maps.shape[-2:]
    shares = np.exp(maps - maps.max(axis=(-2, -1), keepdims=True), dtype=np.float64)
    shares /= shares.sum(axis=(-2, -1), keepdims=True)
    across, down = shares.sum(axis=-2), shares.sum(axis=-1)
    x, y = np.arange(columns), np.arange(rows)
    cells = np.stack([across @ x, down @ y], axis=-1)
    spread = across @ x**2 + down @ y**2 - (cells**2).sum(axis=-1)
    flat = (columns**2 + rows**2 - 2) / 12.0
    return cells, np.clip(1.0 - spread / flat, 0.0, 1.0)


def _peaks(maps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(..., 2) cells of the peaks, and their heights in the maps as they came."""
    rows, columns = maps.shape[-2:]
    flat = maps.reshape(*maps.shape[:-2], rows * columns)
    highest = flat.argmax(axis=-1)
    heights = np.take_along_axis(flat, highest[..., None], axis=-1)[..., 0]
    y, x = np.divmod(highest, columns)
    cells = np.stack([x, y], axis=-1).astype(np.float64)
    sigma = gaussian_width(rows)
    smooth = gaussian_filter(maps, (0,) * (maps.ndim - 2) + (sigma, sigma), truncate=_TAIL)
    logarithms = np.log(np.maximum(_at_neighbours(smooth, x, y), _LEAST))
    inside = (x > 0) & (x < columns - 1) & (y > 0) & (y < rows - 1) & (heights > 0.0)
    return cells + np.where(inside[..., None], _newton_step(logarithms), 0.0), heights


def _at_neighbours(maps: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(..., 3, 3) values around cells, down and across; the edge is repeated."""
    rows, columns = maps.shape[-2:]
    steps = np.arange(-1, 2)
    lines = np.clip(y[..., None, None] + steps[:, None], 0, rows - 1)
    places = lines * columns + np.clip(x[..., None, None] + steps, 0, columns - 1)
    flat = maps.reshape(*maps.shape[:-2], rows * columns)
    found = np.take_along_axis(flat, places.reshape(*x.shape, 9), axis=-1)
    return found.reshape(*x.shape, 3, 3).astype(np.float64)


def _newton_step(values: np.ndarray) -> np.ndarray:
    """(..., 2) cells from the middle of (..., 3, 3) values to the peak of their parabola."""
    dx = (values[..., 1, 2] - values[..., 1, 0]) / 2.0
    dy = (values[..., 2, 1] - values[..., 0, 1]) / 2.0
    middle = 2.0 * values[..., 1, 1]
    dxx = values[..., 1, 2] - middle + values[..., 1, 0]
    dyy = values[..., 2, 1] - middle + values[..., 0, 1]
    dxy = (values[..., 2, 2] - values[..., 2, 0] - values[..., 0, 2] + values[..., 0, 0]) / 4.0
    determinant = dxx * dyy - dxy**2
    peaked = (determinant > _LEAST) & (dxx < 0.0)
    safe = np.where(peaked, determinant, 1.0)
    step = -np.stack([dyy * dx - dxy * dy, dxx * dy - dxy * dx], axis=-1) / safe[..., None]
    return np.where(peaked[..., None], np.clip(step, -_FARTHEST, _FARTHEST), 0.0)
