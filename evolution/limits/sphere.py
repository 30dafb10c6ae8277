"""Functions on the sphere as tables: a square grid, fast look-ups, signed distances, smoothing.

The grid is the octahedral map (Engelhardt and Dachsbacher 2008, "Octahedron Environment Maps"):
the sphere is projected onto an octahedron that unfolds into the square [-1, 1] x [-1, 1], north
pole in the middle, south pole in all four corners. Values sit on the (size, size) vertices, so that
the two copies of a direction on the rim carry the same value and bilinear look-ups are continuous
everywhere. No direction is special, unlike with azimuth and elevation, and no trigonometry is
needed. Tables are int8 in steps of `STEP` degrees.
"""

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from scipy.spatial import cKDTree

STEP = 0.5
"""Degrees of one unit of a stored table."""

LIMIT = 60.0
"""Stored margins are cut at plus and minus this many degrees."""

_TINY = 1e-12


def grid_directions(size: int) -> np.ndarray:
    """Unit directions (size * size, 3) float64 of the grid vertices, row by row."""
    axis = np.linspace(-1.0, 1.0, size)
    x, y = (side.ravel() for side in np.meshgrid(axis, axis, indexing="ij"))
    z = 1.0 - np.abs(x) - np.abs(y)
    fold = np.maximum(-z, 0.0)
    x, y = x - np.copysign(fold, x), y - np.copysign(fold, y)
    directions = np.stack([x, y, z], axis=1)
    found: np.ndarray = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    return found


def locate(directions: Tensor, size: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Cells of directions (3, ...): row, column (int64) and the place (0 to 1) within the cell."""
    x, y, z = directions
    away_x, away_y = x.abs(), y.abs()
    scale = 1.0 / (away_x + away_y + z.abs()).clamp_min(_TINY)
    away_x, away_y = away_x * scale, away_y * scale
    south = z < 0
    folded_x = torch.where(south, 1.0 - away_y, away_x)
    folded_y = torch.where(south, 1.0 - away_x, away_y)
    half = 0.5 * (size - 1)
    row_place = torch.copysign(folded_x, x) * half + half
    column_place = torch.copysign(folded_y, y) * half + half
    row = row_place.int().clamp(0, size - 2)
    column = column_place.int().clamp(0, size - 2)
    return row, column, row_place - row, column_place - column


def corner_weights(along_rows: Tensor, along_columns: Tensor) -> Tensor:
    """Bilinear weights (4, ...) of the corners of a cell, in the order of `pack`."""
    both = along_rows * along_columns
    return torch.stack(
        [1.0 - along_rows - along_columns + both, along_columns - both, along_rows - both, both]
    )


def pack(tables: Tensor) -> Tensor:
    """The four corners of every cell in one word: int8 (..., size, size) to int32 (..., cells).

    One fetch then brings all that a bilinear look-up needs.
    """
    last = tables.shape[-1] - 1
    corners = [tables[..., i : last + i, j : last + j] for i in (0, 1) for j in (0, 1)]
    return torch.stack(corners, dim=-1).contiguous().view(torch.int32)[..., 0].flatten(-2)


def unpack(words: Tensor, weights: Tensor) -> Tensor:
    """Weighted sum of the four corners: int32 (...), weights (4, ...) to degrees (...)."""
    corners = words[..., None].view(torch.int8)
    total = corners[..., 0] * weights[0]
    for corner in (1, 2, 3):
        total = torch.addcmul(total, corners[..., corner], weights[corner])
    return total * STEP


def quantize(degrees: np.ndarray) -> np.ndarray:
    """Degrees to the int8 of the stored tables."""
    found: np.ndarray = np.rint(np.clip(degrees, -LIMIT, LIMIT) / STEP).astype(np.int8)
    return found


def chord_to_degrees(chords: np.ndarray) -> np.ndarray:
    """The angle that a straight line between two points of the unit sphere spans."""
    return np.degrees(2.0 * np.arcsin(np.clip(chords / 2.0, 0.0, 1.0)))


def angles_between(directions: np.ndarray) -> np.ndarray:
    """Degrees (n, n) float32 between all pairs of unit directions (n, 3)."""
    angles: np.ndarray = (directions @ directions.T).astype(np.float32)
    np.clip(angles, -1.0, 1.0, out=angles)
    np.arccos(angles, out=angles)
    np.degrees(angles, out=angles)
    return angles


def thinned(samples: np.ndarray, spacing: float) -> np.ndarray:
    """One sample (n, k) of each cube of edge `spacing`, so that a pose held long counts once."""
    _, first = np.unique(np.floor(samples / spacing).astype(np.int32), axis=0, return_index=True)
    return samples[np.sort(first)]


def tree(points: np.ndarray) -> "cKDTree":
    """The k-d tree of points (n, k). Only fits need one, so workers never load scipy for it."""
    from scipy.spatial import cKDTree

    return cKDTree(points)


def distances_to_samples(queries: np.ndarray, samples: "cKDTree", furthest: float) -> np.ndarray:
    """Degrees (n,) from each query (n, k) to its nearest sample, cut at `furthest` degrees."""
    bound = 2.0 * np.sin(np.radians(furthest) / 2.0)
    chords, _ = samples.query(queries, distance_upper_bound=bound)
    return chord_to_degrees(np.minimum(chords, bound))


def signed_margins(field: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """Degrees to the boundary of the region `field > 0`, positive within.

    Args:
        field: (n,) a rough signed distance, right near the boundary.
        angles: (n, n) degrees between the n directions.

    Returns:
        (n,) degrees, cut at plus and minus `LIMIT`.
    """
    inside = field > 0.0
    if inside.all() or not inside.any():
        return np.full(field.shape, LIMIT if inside.all() else -LIMIT, np.float32)
    crossing = angles[np.ix_(inside, ~inside)]
    margins = np.empty(field.shape, np.float32)
    margins[inside] = (crossing + field[~inside]).min(axis=1)
    margins[~inside] = -(crossing - field[inside][:, None]).min(axis=0)
    return np.clip(margins, -LIMIT, LIMIT)


def blur(angles: np.ndarray, width_deg: float) -> np.ndarray:
    """Smoothing matrix (n, n) float32: a Gaussian of that width, rows summing to one."""
    if width_deg <= 0.0:
        return np.eye(len(angles), dtype=np.float32)
    weights: np.ndarray = angles / width_deg
    np.square(weights, out=weights)
    weights *= -0.5
    np.exp(weights, out=weights)
    weights /= weights.sum(axis=1, keepdims=True)
    return weights
