"""The champion's own answers for a target: bodies that it sees in the keypoints.

A lifter answers in the frame of the camera. How far that camera looks down is not in the keypoints:
it is drawn from the range of the views, one draw a keypoint set and generation.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from evoskeleton.evolution.chance import key, stream, uniform
from evoskeleton.evolution.skeleton import Joint
from evoskeleton.lifting.bundle import Lifter
from evoskeleton.lifting.cameras import ViewSettings
from evoskeleton.platform.data.target.keypoint_target import KeypointTarget

_GROUND_MM = 20.0
"""Height of the lowest joint, that of `evolution.operators.ground`."""


@dataclass(frozen=True, eq=False)
class Answers:
    """One body a keypoint set.

    Attributes:
        joints: (targets, 17, 3) float32 world mm.
        distance: (targets,) float32 between the body, in the view that it was lifted from, and its
            keypoints, see `evolution.archive.resemblance`.
    """

    joints: np.ndarray
    distance: np.ndarray


def answers(
    lifter: Lifter, target: KeypointTarget, ranges: ViewSettings, seed: int, generation: int
) -> Answers:
    """What a lifter makes of a target, stood up in the world.

    Args:
        lifter: on any device.
        target: (targets,) keypoint sets.
        ranges: of the views; its elevation says how far the cameras may look down.
        seed, generation: where the elevations are drawn from.
    """
    known = (target.weights > 0).astype(np.float32)
    lifted = torch.from_numpy(
        lifter.lift(target.keypoints, known, np.nan_to_num(target.image_size))
    )
    apart = target.prepared().distances(projected(lifted, ranges))
    world = stood_up(lifted, _elevations(len(target), ranges, seed, generation))
    return Answers(world.numpy(), apart.numpy())


def projected(lifted: Tensor, ranges: ViewSettings) -> Tensor:
    """(n, 17, 2) in units of the focal length: what a camera at a middling distance sees.

    Args:
        lifted: (n, 17, 3) camera mm, around the hip.
        ranges: of the views.
    """
    depth = sum(ranges.distance_mm) / 2.0
    return lifted[..., :2] / (lifted[..., 2:] + depth)


def as_lifted(
    joints: Tensor, target: int, ranges: ViewSettings, seed: int, generation: int
) -> Tensor:
    """(17, 3) camera mm around the hip of an answer (17, 3) world mm: the way back of `answers`."""
    elevation = _drawn_elevations(torch.tensor([target]), ranges, seed, generation)
    x, forward, up = (joints - joints[Joint.HIP]).unbind(-1)
    cos, sin = torch.cos(elevation), torch.sin(elevation)
    return torch.stack([x, -cos * up - sin * forward, cos * forward - sin * up], dim=-1)


def _elevations(count: int, ranges: ViewSettings, seed: int, generation: int) -> Tensor:
    """(count,) radians."""
    return _drawn_elevations(torch.arange(count), ranges, seed, generation)


def _drawn_elevations(targets: Tensor, ranges: ViewSettings, seed: int, generation: int) -> Tensor:
    """(n,) radians of the cameras in which the keypoint sets (n,) are taken to have been seen."""
    address = key(seed, generation, stream("elevation of answers"))
    low, high = ranges.elevation_deg
    drawn = uniform(address, targets)[:, 0]
    return (low + (high - low) * drawn) * (math.pi / 180.0)


def stood_up(joints: Tensor, elevation: Tensor) -> Tensor:
    """(n, 17, 3) world mm of camera mm, for cameras that look down by (n,) radians, level."""
    x, y, z = joints.unbind(-1)
    cos, sin = torch.cos(elevation)[:, None], torch.sin(elevation)[:, None]
    up = -cos * y - sin * z
    up = up - up.amin(1, keepdim=True) + _GROUND_MM
    return torch.stack([x, cos * z - sin * y, up], dim=-1)
