"""Keypoints as rays: what a photo's camera is taken to be, and a camera that faces the person.

A person at the edge of a picture is seen askew. `Intrinsics` turns keypoints into rays; `facing`
and `turned` make them those of a virtual camera whose axis goes through the person's hip, which is
how a lifter has learnt to see people; joints turn back by the same rotation. Tensors are float64,
one row a pose.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import Joint
from evoskeleton.lifting.cameras import FOCAL_PX, Cameras

_UNDISTORT_STEPS = 12


@dataclass(frozen=True)
class Intrinsics:
    """What is known of the cameras, one row a pose, or one row for all.

    Attributes:
        focal, center: (rows, 2) px.
        radial: (rows, 3), tangential: (rows, 2) distortion as in `cameras`.
    """

    focal: Tensor
    center: Tensor
    radial: Tensor
    tangential: Tensor

    @classmethod
    def of_image(cls, width: int, height: int) -> "Intrinsics":
        """A guess for a photo of which only the size in px is known: the focal length of a
        Human3.6M camera, 1.145 times the longer side (47 degrees across), no distortion."""
        if not min(width, height) > 0:
            raise BadInput(f"an image should have a width and a height, got {width} x {height} px")
        focal = FOCAL_PX / 1000.0 * max(width, height)
        return cls(
            torch.full((1, 2), focal, dtype=torch.float64),
            torch.tensor([[width / 2.0, height / 2.0]], dtype=torch.float64),
            torch.zeros(1, 3, dtype=torch.float64),
            torch.zeros(1, 2, dtype=torch.float64),
        )

    @classmethod
    def of_cameras(cls, cameras: Cameras) -> "Intrinsics":
        """Those of known cameras."""
        lens = (cameras.focal, cameras.center, cameras.radial, cameras.tangential)
        return cls(*(tensor.cpu().double() for tensor in lens))

    def rows(self, start: int, stop: int) -> "Intrinsics":
        """The rows of poses `start` to `stop`."""
        return Intrinsics(*(t if len(t) == 1 else t[start:stop] for t in vars(self).values()))

    def points(self, keypoints: Tensor) -> Tensor:
        """(rows, 17, 2) px to points on the plane z = 1 without distortion, by iteration."""
        bent = (keypoints - self.center[:, None]) / self.focal[:, None]
        k1, k2, k3 = self.radial[:, None].unbind(-1)
        p1, p2 = self.tangential[:, None].unbind(-1)
        plane = bent
        for _ in range(_UNDISTORT_STEPS):
            x, y = plane.unbind(-1)
            r2 = x * x + y * y
            scale = 1.0 + r2 * (k1 + r2 * (k2 + r2 * k3)) + p1 * y + p2 * x
            shift = torch.stack([p2 * r2, p1 * r2], dim=-1)
            plane = (bent - shift) / scale.clamp_min(0.2)[..., None]
        return plane


def facing(points: Tensor, visible: Tensor) -> Tensor:
    """Rotations (rows, 3, 3) to cameras that look at the hip, or else at the middle of all.

    Args:
        points: (rows, 17, 2) on the plane z = 1, finite.
        visible: (rows, 17) bool, one joint or more.
    """
    share = visible / visible.sum(1, keepdim=True)
    middle = (points * share[..., None]).sum(1)
    goal = torch.where(visible[:, Joint.HIP, None], points[:, Joint.HIP], middle)
    ray = torch.nn.functional.normalize(torch.nn.functional.pad(goal, (0, 1), value=1.0), dim=1)
    half = torch.nn.functional.normalize(ray + ray.new_tensor([0.0, 0.0, 1.0]), dim=1)
    return torch.diag(ray.new_tensor([-1.0, -1.0, 1.0])) @ _half_turn(half)


def _half_turn(axis: Tensor) -> Tensor:
    """Rotations (rows, 3, 3) by 180 degrees about unit (rows, 3)."""
    return 2.0 * axis[:, :, None] * axis[:, None] - torch.eye(3, dtype=axis.dtype)


def turned(points: Tensor, rotation: Tensor) -> Tensor:
    """Points (rows, 17, 2) on the plane z = 1 of the camera turned by (rows, 3, 3)."""
    rays = torch.nn.functional.pad(points, (0, 1), value=1.0) @ rotation.transpose(1, 2)
    return rays[..., :2] / rays[..., 2:]
