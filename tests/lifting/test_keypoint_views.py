"""Views that bodies are held to keypoints in: drawn by id, the same in any company."""

import numpy as np
import torch

from evoskeleton.lifting.cameras import ViewSettings, project, sample_views, world_to_camera
from evoskeleton.lifting.keypoint_views import keypoints_of

KEY, VIEWS = 7, 4


def seen(joints: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    return keypoints_of(joints, ids, VIEWS, ViewSettings(), KEY)


def test_a_body_is_seen_in_the_views_of_its_id(motion):
    """One body after the other, by the cameras that its own numbers draw."""
    joints, ids = torch.from_numpy(motion[:5].copy()), torch.tensor([3, 900, 7, 2**41, 12])
    found = seen(joints, ids)
    for body, number in enumerate(ids.tolist()):
        counters = torch.tensor([number * VIEWS + view for view in range(VIEWS)])
        cameras = sample_views(torch.zeros(VIEWS, 3), ViewSettings(), KEY, counters)
        around = (joints[body] - joints[body, 0]).expand(VIEWS, -1, -1)
        expected = project(world_to_camera(around, cameras), cameras)
        assert torch.allclose(found[body], expected, atol=1e-2)


def test_not_one_bit_depends_on_who_else_is_looked_at(motion):
    """More bodies than are looked at together, in another order, and each alone."""
    many = torch.from_numpy(np.tile(motion, (40, 1, 1)))
    ids = torch.arange(len(many)) * 11 + 5
    found = seen(many, ids)
    order = torch.from_numpy(np.random.default_rng(1).permutation(len(many)))
    assert torch.equal(seen(many[order], ids[order]), found[order])
    for body in (0, 1, 4095, 8191, 8192, len(many) - 1):
        assert torch.equal(seen(many[body : body + 1], ids[body : body + 1])[0], found[body])


def test_where_a_body_stands_counts_for_nothing(motion):
    joints, ids = torch.from_numpy(motion[:6].copy()), torch.arange(6)
    moved = joints + torch.tensor([900.0, -400.0, 30.0])
    assert torch.allclose(seen(moved, ids), seen(joints, ids), atol=1e-1)
