"""Poses in an order that spreads them over the cells of k-means.

Every beginning of the order takes equally many of each cell, as far as its cells have them. With as
many cells as poses are wanted and the nearest of a cell first, those are the poses nearest to the
centroids: a summary of all of them.
"""

import numpy as np
from torch import Tensor

from evoskeleton.evolution.archive.archive import cell_centroids, nearest_centroid


def spread_order(points: Tensor, cells: int, *, nearest_first: bool) -> np.ndarray:
    """All poses (poses,) int64 by their place in their cell: the first of every cell, then others.

    Args:
        points: (poses, numbers) float64, whole numbers, such as measures.
        cells: how many; no more than there are different points.
        nearest_first: whether a cell's poses stand by their distance to its centroid, or as they
            were given. As given are also those at one distance; cells stand by number.

    Raises:
        BadInput: fewer different points than cells.
    """
    centroids = cell_centroids(points, cells)
    cell = nearest_centroid(points, centroids)
    squares = np.square(points.cpu().numpy() - centroids[cell]).sum(1)
    by_cell = np.lexsort((squares, cell) if nearest_first else (cell,))
    order: np.ndarray = by_cell[np.argsort(_counted(cell[by_cell]), kind="stable")]
    return order


def _counted(cells: np.ndarray) -> np.ndarray:
    """How many of the same number stand before each, of ascending numbers (poses,)."""
    return np.arange(len(cells)) - np.searchsorted(cells, cells)
