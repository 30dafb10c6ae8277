"""Cameras that are known by what they saw: pinholes fitted to joints and their keypoints."""

from dataclasses import replace

import numpy as np
import torch

from evoskeleton.lifting.cameras import Cameras
from evoskeleton.lifting.pinhole import Intrinsics


def fitted_pinholes(joints: list[np.ndarray], keypoints: list[np.ndarray]) -> Intrinsics:
    """Focal lengths and centres of cameras that are known by what they saw, without a lens.

    Args:
        joints: for each camera (n, 17, 3) camera mm.
        keypoints: for each camera (n, 17, 2) px.

    Returns:
        A row a camera: the least squares of the keypoints.
    """
    focal, center = np.zeros((2, len(joints), 2))
    for row, (seen, pixels) in enumerate(zip(joints, keypoints, strict=True)):
        for axis in range(2):
            slope = (seen[..., axis] / seen[..., 2]).ravel()
            of_both = np.stack([slope, np.ones_like(slope)], axis=1)
            focal[row, axis], center[row, axis] = np.linalg.lstsq(
                of_both, pixels[..., axis].ravel(), rcond=None
            )[0]
    lens = torch.zeros(len(joints), 3, dtype=torch.float64)
    return Intrinsics(torch.from_numpy(focal), torch.from_numpy(center), lens, lens[:, :2])


def with_intrinsics(cameras: Cameras, intrinsics: Intrinsics) -> Cameras:
    """The same cameras with other focal lengths, centres and lenses."""
    return replace(cameras, **{name: t.float() for name, t in vars(intrinsics).items()})
