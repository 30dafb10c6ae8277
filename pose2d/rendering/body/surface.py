"""Meshes of implicit surfaces: naive surface nets (Gibson 1998), in whole arrays.

One vertex a cell that the surface passes through, at the mean of where it cuts the cell's edges;
one quad, cut into two triangles, across every edge of the grid that it cuts. Triangles turn
counter-clockwise seen from outside.
"""

from collections.abc import Callable, Sequence
from itertools import product

import numpy as np

Field = Callable[[np.ndarray], np.ndarray]
"""Signed distances (n,) mm of (n, 3) points, negative within."""

_CORNERS = np.array(list(product((0, 1), repeat=3)))
_EDGES = [(a, b) for a in range(8) for b in range(a) if abs(_CORNERS[a] - _CORNERS[b]).sum() == 1]
_PROBE_MM = 2.0


def surface_net(
    field: Field, low: Sequence[float], high: Sequence[float], step: float
) -> tuple[np.ndarray, np.ndarray]:
    """The surface of a field within a box.

    Args:
        field: the signed distance.
        low, high: corners of the box, mm.
        step: edge of a cell, mm.

    Returns:
        Vertices (vertices, 3) float32 mm on the surface, and triangles (faces, 3) int64.
    """
    axes = [np.arange(a, b + step, step, dtype=np.float32) for a, b in zip(low, high, strict=True)]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    values = field(grid.reshape(-1, 3)).reshape(grid.shape[:3])
    number, vertices = _vertices(values)
    faces = np.concatenate([_quads(values, number, axis) for axis in range(3)])
    placed = np.asarray(low, np.float32) + vertices * np.float32(step)
    return on_surface(field, placed), _used(faces)


def on_surface(field: Field, points: np.ndarray, steps: int = 4) -> np.ndarray:
    """(n, 3) points moved along the gradient until the field is nearly zero there."""
    for _ in range(steps):
        slope = gradient(field, points)
        size = np.maximum((slope * slope).sum(axis=1), 0.25)
        move = np.clip(field(points) / size, -60.0, 60.0)
        points = points - slope * move[:, None]
    return np.asarray(points, dtype=np.float32)


def gradient(field: Field, points: np.ndarray) -> np.ndarray:
    """(n, 3) slopes of a field by central differences."""
    shifts = np.eye(3, dtype=np.float32) * _PROBE_MM
    slopes = [(field(points + s) - field(points - s)) / (2.0 * _PROBE_MM) for s in shifts]
    return np.stack(slopes, axis=1)


def _corner(values: np.ndarray, corner: np.ndarray) -> np.ndarray:
    x, y, z = (slice(c, n - 1 + c) for c, n in zip(corner, values.shape, strict=True))
    return values[x, y, z]


def _vertices(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of cells (-1 where the surface is not), and their vertices in cells."""
    corners = np.stack([_corner(values, corner) for corner in _CORNERS])
    inside = corners < 0
    mixed = inside.any(axis=0) & ~inside.all(axis=0)
    number = np.full(mixed.shape, -1, dtype=np.int64)
    number[mixed] = np.arange(int(mixed.sum()))
    level, within = corners[:, mixed], inside[:, mixed]
    total = np.zeros((level.shape[1], 3), dtype=np.float32)
    count = np.zeros(level.shape[1], dtype=np.float32)
    for a, b in _EDGES:
        cut = within[a] != within[b]
        share = np.where(cut, level[a] / np.where(cut, level[a] - level[b], 1.0), 0.0)
        place = _CORNERS[a] + share[:, None] * (_CORNERS[b] - _CORNERS[a])
        total += np.where(cut[:, None], place, 0.0)
        count += cut
    return number, np.argwhere(mixed).astype(np.float32) + total / count[:, None]


def _quads(values: np.ndarray, number: np.ndarray, axis: int) -> np.ndarray:
    """Triangles across the cut edges of the grid that run along an axis."""
    ahead = np.moveaxis(values, axis, 0)
    cells = np.moveaxis(number, axis, 0)
    start, end = ahead[:-1, 1:-1, 1:-1] < 0, ahead[1:, 1:-1, 1:-1] < 0
    at = np.argwhere(start != end)
    i, j, k = at.T
    a, b = cells[i, j, k], cells[i, j + 1, k]
    c, d = cells[i, j + 1, k + 1], cells[i, j, k + 1]
    outward = start[i, j, k] != (axis == 1)
    b, d = np.where(outward, b, d), np.where(outward, d, b)
    return np.concatenate([np.stack([a, b, c], axis=1), np.stack([a, c, d], axis=1)])


def _used(faces: np.ndarray) -> np.ndarray:
    return faces[(faces >= 0).all(axis=1)]
