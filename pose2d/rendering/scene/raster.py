"""Triangles to pixels: the nearest triangle of every pixel, and where in it the pixel lies.

Pixel (column, row) covers x in [column, column + 1), y in [row, row + 1); its centre decides.
Every triangle is laid out as the pixels of its box, all triangles at once; the nearest one wins by
the largest 1 / depth, which is linear on the screen.
"""

from dataclasses import dataclass

import numpy as np

_NEAREST_MM = 50.0
_TINY_PX2 = 1e-6


@dataclass(frozen=True)
class Fragments:
    """The pixels that are covered.

    Attributes:
        pixel: (n,) int64, row * width + column, ascending.
        face: (n,) int64, the nearest triangle.
        share: (3, n) float32, weights of its corners, right in perspective.
        depth: (n,) float32 mm.
    """

    pixel: np.ndarray
    face: np.ndarray
    share: np.ndarray
    depth: np.ndarray


@dataclass(frozen=True)
class Planes:
    """Linear functions on the screen of each of some triangles, (triangles, 3) as x, y, 1.

    Attributes:
        faces: (triangles,) int64, which triangles.
        first, second: weights of the first two corners on the screen.
        near: 1 / depth.
        box: (triangles, 4) int64 first column, first row, columns, rows.
    """

    faces: np.ndarray
    first: np.ndarray
    second: np.ndarray
    near: np.ndarray
    box: np.ndarray


def rasterise(
    screen: np.ndarray, depth: np.ndarray, faces: np.ndarray, size: tuple[int, int]
) -> Fragments:
    """What can be seen of triangles.

    Args:
        screen: (vertices, 2) px.
        depth: (vertices,) mm in front of the camera.
        faces: (triangles, 3) int64; those that turn away from the camera are left out.
        size: width and height in px.
    """
    planes = _planes(screen, depth, faces, size)
    owner, x, y = _laid_out(planes.box)
    columns, rows = x.astype(np.float32), y.astype(np.float32)
    columns += np.float32(0.5)
    rows += np.float32(0.5)
    count = planes.box[:, 2] * planes.box[:, 3]
    first = _on(planes.first, count, columns, rows)
    second = _on(planes.second, count, columns, rows)
    inside = np.flatnonzero((first >= 0) & (second >= 0) & (first + second <= 1))
    owner, columns, rows = owner[inside], columns[inside], rows[inside]
    a, b, c = (planes.near[:, k].take(owner) for k in range(3))
    near = a * columns + b * rows + c
    pixel = y[inside] * np.int32(size[0]) + x[inside]
    seen = _nearest(pixel, near, owner, size[0] * size[1])
    return _fragments(planes, faces, depth, seen, size[0])


def _on(plane: np.ndarray, count: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A linear function of each triangle on the pixels of its box."""
    value = np.repeat(plane[:, 0], count)
    value *= x
    along = np.repeat(plane[:, 1], count)
    along *= y
    value += along
    value += np.repeat(plane[:, 2], count)
    return value


def _planes(
    screen: np.ndarray, depth: np.ndarray, faces: np.ndarray, size: tuple[int, int]
) -> Planes:
    x, y = np.ascontiguousarray(screen.T, dtype=np.float32)
    x0, x1, x2 = (x[faces[:, k]] for k in range(3))
    y0, y1, y2 = (y[faces[:, k]] for k in range(3))
    twice = (y1 - y2) * (x0 - x2) + (x2 - x1) * (y0 - y2)
    at = np.flatnonzero(twice < -_TINY_PX2)
    far = depth > _NEAREST_MM
    at = at[far[faces[at, 0]] & far[faces[at, 1]] & far[faces[at, 2]]]
    x0, y0, x1, y1, x2, y2, twice = (a[at] for a in (x0, y0, x1, y1, x2, y2, twice))
    left, wide = _span(x0, x1, x2, size[0])
    top, high = _span(y0, y1, y2, size[1])
    kept = np.flatnonzero((wide > 0) & (high > 0))
    box = np.stack([left, top, wide, high], axis=1)[kept]
    x0, y0, x1, y1, x2, y2, twice = (a[kept] for a in (x0, y0, x1, y1, x2, y2, twice))
    at = at[kept]
    first = _plane(y1 - y2, x2 - x1, x2, y2, twice)
    second = _plane(y2 - y0, x0 - x2, x2, y2, twice)
    n0, n1, n2 = (1.0 / depth[faces[at]]).astype(np.float32).T
    near = first * (n0 - n2)[:, None] + second * (n1 - n2)[:, None]
    near[:, 2] += n2
    return Planes(at, first, second, near, box)


def _span(a: np.ndarray, b: np.ndarray, c: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The first pixel whose centre lies within, and how many do; none or fewer: nothing."""
    low = np.ceil(np.minimum(np.minimum(a, b), c) - 0.5)
    high = np.floor(np.maximum(np.maximum(a, b), c) - 0.5)
    low = np.maximum(low, 0).astype(np.int32)
    return low, np.minimum(high, size - 1).astype(np.int32) - low + 1


def _plane(
    a: np.ndarray, b: np.ndarray, x: np.ndarray, y: np.ndarray, scale: np.ndarray
) -> np.ndarray:
    a, b = a / scale, b / scale
    return np.stack([a, b, -(a * x + b * y)], axis=1, dtype=np.float32)


def _laid_out(box: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which triangle, column and row each pixel of each box is."""
    count = box[:, 2] * box[:, 3]
    owner = np.repeat(np.arange(len(box), dtype=np.int32), count)
    place = np.arange(len(owner), dtype=np.int32)
    place -= np.repeat((np.cumsum(count) - count).astype(np.int32), count)
    wide = np.repeat(box[:, 2], count)
    row = place // wide
    place -= row * wide
    place += np.repeat(box[:, 0], count)
    row += np.repeat(box[:, 1], count)
    return owner, place, row


def _nearest(
    pixel: np.ndarray, near: np.ndarray, owner: np.ndarray, pixels: int
) -> tuple[np.ndarray, np.ndarray]:
    """Covered pixels, and the row of the triangle that is nearest there."""
    best = np.zeros(pixels, dtype=np.float32)
    np.maximum.at(best, pixel, near)
    winner = np.full(pixels, -1, dtype=np.int64)
    wins = near == best[pixel]
    winner[pixel[wins]] = owner[wins]
    covered = np.flatnonzero(winner >= 0)
    return covered, winner[covered]


def _fragments(
    planes: Planes,
    faces: np.ndarray,
    depth: np.ndarray,
    seen: tuple[np.ndarray, np.ndarray],
    width: int,
) -> Fragments:
    pixel, row = seen
    face = planes.faces[row]
    x, y = (pixel % width + 0.5).astype(np.float32), (pixel // width + 0.5).astype(np.float32)
    first, second = (
        plane[:, 0].take(row) * x + plane[:, 1].take(row) * y + plane[:, 2].take(row)
        for plane in (planes.first, planes.second)
    )
    corners = [first, second, 1.0 - first - second]
    for corner, each in enumerate(corners):
        each /= depth.take(faces[:, corner].take(face))
    total = corners[0] + corners[1] + corners[2]
    return Fragments(pixel, face, np.stack(corners) / total, 1.0 / total)
