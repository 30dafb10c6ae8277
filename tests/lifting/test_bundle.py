"""A lifter gives everybody the same numbers in any company."""

import numpy as np
import pytest
import torch

from evoskeleton.lifting.bundle import Lifter
from evoskeleton.lifting.cascade import Cascade, CascadeSettings
from evoskeleton.lifting.normalization import Normalization


def lifter_of(width: int, blocks: int, mode: str = "per_pose") -> Lifter:
    """A lifter whose weights and statistics are drawn; nothing in it is zero or one."""
    settings = {"width": width, "blocks": blocks, "stages": 2, "bone_input": True}
    cascade = Cascade(CascadeSettings.parse(settings), 3)
    draw = torch.Generator().manual_seed(1)
    for module in cascade.modules():
        if isinstance(module, torch.nn.BatchNorm1d):
            module.running_mean.normal_(generator=draw)
            module.running_var.uniform_(0.5, 2.0, generator=draw)
    keypoints = 300.0 * torch.randn(50, 17, 2, generator=draw)
    joints = 300.0 * torch.randn(50, 17, 3, generator=draw)
    return Lifter(cascade, Normalization.measure(mode, keypoints, joints))


@pytest.mark.parametrize(("width", "blocks"), [(512, 2), (1024, 3)])
@pytest.mark.parametrize("threads", [1, 2])
def test_a_pose_is_lifted_as_if_alone(width, blocks, threads):
    lifter = lifter_of(width, blocks)
    keypoints = (500.0 + 200.0 * np.random.default_rng(2).normal(size=(1100, 17, 2))).astype("f4")
    torch.set_num_threads(threads)
    try:
        together = lifter.lift(keypoints)
        for at, count in ((0, 1), (1023, 1), (1, 7), (17, 33), (1000, 100)):
            some = lifter.lift(keypoints[at : at + count])
            assert np.array_equal(some, together[at : at + count]), (at, count)
    finally:
        torch.set_num_threads(1)


def test_nobody_is_lifted_to_nobody():
    assert lifter_of(16, 1).lift(np.empty((0, 17, 2), np.float32)).shape == (0, 17, 3)
