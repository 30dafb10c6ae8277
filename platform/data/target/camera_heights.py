"""From how high a target was seen, told from its keypoints alone.

Real poses are looked at by cameras of every elevation in turn; each keypoint set takes the
elevation from which one of them resembles it most. A picture knows where down is, so that nearly
the same pose, seen from higher up, is another picture.
"""

import numpy as np
import torch

from evoskeleton.evolution.chance import key, stream
from evoskeleton.evolution.skeleton import Joint
from evoskeleton.lifting.cameras import ViewSettings, project, sample_views, world_to_camera
from evoskeleton.platform.data.target.keypoint_target import KeypointTarget

STEP_DEG = 5.0
"""Between one elevation and the next; a range is wider by this much on either side."""

LEAST_SETS = 10
"""Of fewer keypoint sets that a real pose resembles nothing is concluded."""

_LOWEST_DEG, _HIGHEST_DEG = -45.0, 75.0
_SHARE = 0.05
_NEAR = 0.25
_POSES = 1500
_VIEWS = 4


def elevations(
    target: KeypointTarget, poses: np.ndarray, ranges: ViewSettings, seed: int
) -> np.ndarray:
    """The elevation from which each keypoint set was seen, as far as it can be told.

    Args:
        target: (sets,) keypoint sets.
        poses: (poses, 17, 3) world mm, z up, of people who do roughly the same; of many, some
            evenly among them are used.
        ranges: of the cameras; their elevation is not looked at.
        seed: of the cameras.

    Returns:
        (sets,) degrees above the hip; NaN where no pose comes near.
    """
    step = -(-len(poses) // _POSES)
    joints = torch.from_numpy(np.ascontiguousarray(poses[::step], dtype=np.float32))
    prepared, everything = target.prepared(), torch.ones(len(target))
    tried = np.arange(_LOWEST_DEG, _HIGHEST_DEG + STEP_DEG, STEP_DEG)
    apart = np.ones((len(tried), len(target)))
    for row, elevation in zip(apart, tried, strict=True):
        seen = prepared.seen(_from(joints, float(elevation), ranges, seed), everything, most=1)
        row[seen.hit_target] = seen.hit_distance
    return np.where(apart.min(0) < _NEAR, tried[apart.argmin(0)], np.nan)


def elevation_range(found: np.ndarray) -> tuple[float, float] | None:
    """Lowest and highest elevation of (sets,) degrees but for a few; none where too few are known.

    Returns:
        Degrees, a step beyond the 5 % and the 95 % of the elevations, within -85 and 85.
    """
    known = found[np.isfinite(found)]
    if len(known) < LEAST_SETS:
        return None
    low, high = np.quantile(known, (_SHARE, 1.0 - _SHARE))
    return float(max(low - STEP_DEG, -85.0)), float(min(high + STEP_DEG, 85.0))


def _from(
    joints: torch.Tensor, elevation_deg: float, ranges: ViewSettings, seed: int
) -> torch.Tensor:
    """(poses, views, 17, 2) px: the poses seen from one elevation and from all sides."""
    level = ranges.model_copy(update={"elevation_deg": (elevation_deg, elevation_deg)})
    address = key(seed, stream("heights of cameras"))
    places = torch.arange(len(joints)) * _VIEWS
    views = [
        sample_views(joints[:, Joint.HIP], level, address, places + number)
        for number in range(_VIEWS)
    ]
    return torch.stack([project(world_to_camera(joints, each), each) for each in views], dim=1)
