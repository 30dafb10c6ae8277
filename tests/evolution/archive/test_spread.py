"""The order that spreads poses over cells."""

import numpy as np
import pytest
import torch

from evoskeleton.errors import BadInput
from evoskeleton.evolution.archive.archive import cell_centroids, nearest_centroid
from evoskeleton.evolution.archive.spread import spread_order


@pytest.fixture
def points() -> torch.Tensor:
    """Two crowds and a few between them."""
    random = np.random.default_rng(2)
    crowds = [random.normal(at, 30.0, (size, 3)) for at, size in ((0, 80), (900, 15), (300, 5))]
    return torch.from_numpy(np.rint(np.concatenate(crowds)))


@pytest.mark.parametrize("nearest_first", [False, True])
def test_every_beginning_takes_equally_many_of_each_cell(points, nearest_first):
    cells = nearest_centroid(points, cell_centroids(points, 4))
    order = spread_order(points, 4, nearest_first=nearest_first)
    assert sorted(order.tolist()) == list(range(len(points)))
    smallest = np.bincount(cells).min()
    first = np.bincount(cells[order[: 4 * smallest]])
    assert first.tolist() == [smallest] * 4


def test_with_a_cell_for_each_the_nearest_to_the_centroids_come_first(points):
    centroids = cell_centroids(points, 10)
    cells = nearest_centroid(points, centroids)
    for pose in spread_order(points, 10, nearest_first=True)[:10]:
        rivals = np.flatnonzero(cells == cells[pose])
        far = [np.linalg.norm(points[rival].numpy() - centroids[cells[pose]]) for rival in rivals]
        assert rivals[int(np.argmin(far))] == pose


def test_poses_of_a_cell_stand_as_they_were_given(points):
    cells = nearest_centroid(points, cell_centroids(points, 4))
    order = spread_order(points, 4, nearest_first=False)
    for cell in range(4):
        mine = order[cells[order] == cell]
        assert (np.diff(mine) > 0).all()


def test_more_cells_than_points_are_refused(points):
    with pytest.raises(BadInput, match="cells should be at most 100"):
        spread_order(points, 101, nearest_first=True)
