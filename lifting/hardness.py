"""How hard poses are for a lifter: its error and disagreement over a fixed set of virtual views.

The views are drawn once from a key and then placed around every pose's hip. Poses go through the
network in padded chunks of one size, so that a pose's score depends neither on its neighbours nor
on how many there are.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import JOINT_NAMES, Joint
from evoskeleton.lifting.bundle import Lifter
from evoskeleton.lifting.cameras import (
    Cameras,
    ViewSettings,
    outside,
    project,
    sample_views,
    world_to_camera,
)
from evoskeleton.lifting.normalization import hip_centred
from evoskeleton.shapes import expect_shape


@dataclass(frozen=True)
class Hardness:
    """Scores of (poses,), float32.

    Attributes:
        error: MPJPE, mm, mean over views and lifters.
        disagreement: mean distance, mm, of the answers of all views and lifters from their mean,
            all turned into the world; it needs no truth.
        outside: share of the keypoints that lie outside the images.
    """

    error: np.ndarray
    disagreement: np.ndarray
    outside: np.ndarray


def scoring_views(views: int, key: int, settings: ViewSettings | None = None) -> Cameras:
    """`views` virtual cameras around the origin, drawn from a key."""
    ranges = settings or ViewSettings.parse({})
    return sample_views(torch.zeros(views, 3), ranges, key, torch.arange(views))


def hardness(
    lifters: Sequence[Lifter],
    joints: np.ndarray,
    views: Cameras | int = 4,
    key: int = 0,
    chunk: int = 1024,
) -> Hardness:
    """Score poses.

    Args:
        lifters: one or more, all on one device.
        joints: (n, 17, 3) world mm.
        views: cameras around the origin, or how many to draw.
        key: what they are drawn from.
        chunk: poses that go through at once; part of what the last bits of a score depend on.

    Raises:
        BadInput: there is no lifter, or the joints have another shape.
    """
    expect_shape("joints", joints, ("poses", len(JOINT_NAMES), 3))
    if not lifters:
        raise BadInput("lifters should hold at least one lifter, got none")
    device = lifters[0].device
    cameras = (scoring_views(views, key) if isinstance(views, int) else views).to(device)
    cameras = cameras.around(torch.zeros(chunk, 3, device=device))
    parts = [
        _score(lifters, _padded(joints[at : at + chunk], chunk).to(device), cameras)
        for at in range(0, len(joints), chunk)
    ]
    empty = [torch.zeros(3, 0)]
    scores = torch.cat([part.cpu() for part in parts] or empty, dim=1).numpy()[:, : len(joints)]
    return Hardness(*(scores[at].copy() for at in range(len(fields(Hardness)))))


def _padded(joints: np.ndarray, size: int) -> Tensor:
    """(size, 17, 3) seen from the hip; the last pose fills up."""
    body = torch.from_numpy(np.array(joints, dtype=np.float32))
    body = body - body[:, Joint.HIP, None]
    return torch.cat([body, body[-1:].expand(size - len(body), -1, -1)])


def _score(lifters: Sequence[Lifter], joints: Tensor, cameras: Cameras) -> Tensor:
    """(3, chunk): error, disagreement, outside, for cameras of which each pose has equally many."""
    poses, views = len(joints), len(cameras) // len(joints)
    seen = world_to_camera(joints.repeat_interleave(views, dim=0), cameras)
    keypoints = project(seen, cameras)
    target = hip_centred(seen)
    errors, answers = [], []
    for lifter in lifters:
        lifted = lifter.lift_tensor(keypoints)
        errors.append(torch.linalg.vector_norm(lifted - target, dim=2))
        answers.append(torch.unflatten(torch.bmm(lifted, cameras.rotation), 0, (poses, views)))
    error = torch.unflatten(torch.stack(errors).mean(0), 0, (poses, views)).mean((1, 2))
    world = torch.cat(answers, dim=1)
    spread = torch.linalg.vector_norm(world - world.mean(1, keepdim=True), dim=3).mean((1, 2))
    lost = torch.unflatten(outside(keypoints, cameras).float(), 0, (poses, views)).mean((1, 2))
    return torch.stack([error, spread, lost])
