"""From where a body is seen as keypoints show it, where nobody has kept the view.

All sides around the body are tried, at the heights from which cameras may look.
"""

import math

import numpy as np
import torch
from torch import Tensor

from evoskeleton.evolution.skeleton import Joint
from evoskeleton.lifting.cameras import ViewSettings
from evoskeleton.platform.search.workers.answers import projected

_SIDES, _HEIGHTS = 120, 13


def nearest_view(
    joints: Tensor, keypoints: np.ndarray, weights: np.ndarray, ranges: ViewSettings
) -> tuple[Tensor, Tensor]:
    """The level camera that sees keypoints nearest to the given.

    Args:
        joints: (17, 3) world mm.
        keypoints: (17, 2) px.
        weights: (17,), 0 where a keypoint is not known.
        ranges: of the cameras: elevation and distance.

    Returns:
        (17, 3) mm before that camera, around the hip; and (3,) the world's direction that lies to
        the right in its picture.
    """
    seen_by = _from_all_sides(joints - joints[Joint.HIP], ranges)
    seen = projected(seen_by, ranges).double()
    shares = torch.from_numpy(weights / weights.sum()).double()[:, None]
    goal = torch.from_numpy(keypoints).double()
    goal = goal - (shares * goal).sum(0)
    apart = seen - (shares * seen).sum(1, keepdim=True)
    likeness = (shares * apart * goal).sum((1, 2)) / (shares * apart**2).sum((1, 2)).sqrt()
    best = int(likeness.argmax())
    azimuth = best % _SIDES * (2.0 * math.pi / _SIDES)
    return seen_by[best], torch.tensor([math.cos(azimuth), -math.sin(azimuth), 0.0])


def _from_all_sides(around_hip: Tensor, ranges: ViewSettings) -> Tensor:
    """(views, 17, 3) camera mm of level cameras, all sides of the first height first."""
    low, high = (math.radians(angle) for angle in ranges.elevation_deg)
    sides = torch.arange(_SIDES) * (2.0 * math.pi / _SIDES)
    heights = torch.linspace(low, high, _HEIGHTS)
    elevation, azimuth = torch.cartesian_prod(heights, sides).T[:, :, None]
    x, y, up = around_hip.unbind(-1)
    across = torch.cos(azimuth) * x - torch.sin(azimuth) * y
    forward = torch.sin(azimuth) * x + torch.cos(azimuth) * y
    cos, sin = torch.cos(elevation), torch.sin(elevation)
    return torch.stack([across, -cos * up - sin * forward, cos * forward - sin * up], dim=-1)
