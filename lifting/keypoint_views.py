"""Bodies in views of their own: the keypoints that virtual cameras see of them.

Every view is drawn from the id of the body and its own number, so that it does not depend on who
else is looked at.
"""

import torch
from torch import Tensor

from evoskeleton.evolution.skeleton import Joint
from evoskeleton.lifting.cameras import (
    Cameras,
    ViewSettings,
    project,
    sample_views,
    world_to_camera,
)

_AT_ONCE = 8192


def keypoints_of(joints: Tensor, ids: Tensor, views: int, ranges: ViewSettings, key: int) -> Tensor:
    """Keypoints (bodies, views, 17, 2) px, y down, of bodies around the origin.

    Args:
        joints: (bodies, 17, 3) world mm.
        ids: (bodies,) int64, what the views are drawn from.
        views: how many each body gets.
        ranges: what views are drawn from.
        key: from `chance.key`.
    """
    parts = [
        _seen(part, numbers, views, ranges, key)
        for part, numbers in zip(
            torch.split(joints, _AT_ONCE), torch.split(ids, _AT_ONCE), strict=True
        )
    ]
    return torch.cat(parts)


def cameras_of(ids: Tensor, which: Tensor, views: int, ranges: ViewSettings, key: int) -> Cameras:
    """The cameras of `keypoints_of`, each around a hip at the origin.

    Args:
        ids: (n,) int64 of the bodies.
        which: (n,) int64, which of its views of each.
        views, ranges, key: as there.
    """
    centre = torch.zeros(len(ids), 3, device=ids.device)
    return sample_views(centre, ranges, key, ids * views + which)


def _seen(joints: Tensor, ids: Tensor, views: int, ranges: ViewSettings, key: int) -> Tensor:
    seen, cameras = in_cameras(joints, ids, views, ranges, key)
    return torch.unflatten(project(seen, cameras), 0, (len(joints), views))


def in_cameras(
    joints: Tensor, ids: Tensor, views: int, ranges: ViewSettings, key: int
) -> tuple[Tensor, Cameras]:
    """Joints (bodies * views, 17, 3) camera mm, all views of the first body first, and cameras.

    Arguments are those of `keypoints_of`, whose keypoints these cameras see.
    """
    which = torch.arange(views, device=ids.device).repeat(len(ids))
    cameras = cameras_of(ids.repeat_interleave(views), which, views, ranges, key)
    around_hip = joints - joints[:, Joint.HIP, None]
    return world_to_camera(around_hip.repeat_interleave(views, dim=0), cameras), cameras
