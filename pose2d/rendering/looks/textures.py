"""Textures out of noise: tiles that repeat without a seam, made once a process.

Values lie in [0, 1]; a tile is looked up by whole millimetres of whatever it lies on.
"""

from functools import lru_cache

import cv2
import numpy as np

from evoskeleton.pose2d.rendering.address import draws_of

SIDE = 256
"""Edge of a tile in px."""
_TILES = 0x7E5


@lru_cache(maxsize=256)
def noise(number: int, roughness: float = 0.5, coarsest: int = 4) -> np.ndarray:
    """(SIDE, SIDE) float32 fractal value noise.

    Args:
        number: which tile.
        roughness: how much of the amplitude the next finer octave keeps.
        coarsest: cells across the tile in the first octave.
    """
    draws = draws_of(_TILES, number, "noise")
    total = np.zeros((SIDE, SIDE), dtype=np.float32)
    cells, strength = coarsest, 1.0
    while cells <= SIDE:
        total += np.float32(strength) * _octave(draws, cells)
        cells, strength = cells * 2, strength * roughness
    low, high = np.percentile(total, (1, 99))
    return np.asarray(np.clip((total - low) / (high - low), 0.0, 1.0), dtype=np.float32)


def _octave(draws: np.random.Generator, cells: int) -> np.ndarray:
    """Smooth noise of so many cells across, whose edges meet."""
    grid = draws.random((cells, cells), dtype=np.float32)
    border = 2
    wide = np.pad(grid, border, mode="wrap")
    scale = SIDE // cells
    large = cv2.resize(wide, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    edge = border * scale
    return np.asarray(large[edge : edge + SIDE, edge : edge + SIDE])


@lru_cache(maxsize=16)
def slopes(number: int, roughness: float = 0.5, coarsest: int = 4) -> np.ndarray:
    """(SIDE, SIDE, 2) float32 slopes of a noise tile along its columns and rows, unit size."""
    tile = noise(number, roughness, coarsest)
    across = np.roll(tile, -1, axis=1) - np.roll(tile, 1, axis=1)
    down = np.roll(tile, -1, axis=0) - np.roll(tile, 1, axis=0)
    both = np.stack([across, down], axis=-1)
    return np.asarray(both / (2.0 * both.std()), dtype=np.float32)


def look_up(tile: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The tile at (n,) columns and rows, which repeat."""
    row, column = y.astype(np.int32) & (SIDE - 1), x.astype(np.int32) & (SIDE - 1)
    return np.asarray(tile[row, column])


@lru_cache(maxsize=64)
def print_on_cloth(number: int) -> np.ndarray:
    """(SIDE, SIDE) float32, something like a print on a shirt: shapes on nothing (0)."""
    draws = draws_of(_TILES, number, "print")
    tile = np.zeros((SIDE, SIDE), dtype=np.uint8)
    for _ in range(int(draws.integers(1, 5))):
        x, y = (int(v) for v in draws.integers(50, SIDE - 50, 2))
        radius = int(draws.integers(15, 70))
        kind = int(draws.integers(4))
        value = int(draws.integers(128, 256))
        if kind == 0:
            cv2.circle(tile, (x, y), radius, value, -1 if draws.random() < 0.5 else 10)
        elif kind == 1:
            wide = int(radius * draws.uniform(0.5, 1.6))
            cv2.rectangle(tile, (x - wide, y - radius // 2), (x + wide, y + radius // 2), value, -1)
        elif kind == 2:
            corners = draws.integers(30, SIDE - 30, (int(draws.integers(3, 7)), 2)).astype(np.int32)
            cv2.fillPoly(tile, [corners], value)
        else:
            word = "".join(
                chr(65 + int(v)) for v in draws.integers(0, 26, int(draws.integers(2, 6)))
            )
            scale = float(draws.uniform(1.5, 3.0))
            cv2.putText(tile, word, (20, y), cv2.FONT_HERSHEY_SIMPLEX, scale, value, 14)
    return tile.astype(np.float32) * np.float32(1.0 / 255.0)
