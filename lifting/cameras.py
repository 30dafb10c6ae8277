"""Cameras: where they stand, what they see, and how virtual ones are drawn around a body.

World frame: millimetres, z up. Camera frame: millimetres, x right, y down, z forward. Image:
pixels. The lens is the one of Human3.6M (Ionescu 2014, https://doi.org/10.1109/TPAMI.2013.248):
three radial and two tangential coefficients. Tensors are row-first: one row a view.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
from pydantic import Field, field_validator
from torch import Tensor

from evoskeleton.errors import BadInput
from evoskeleton.evolution.chance import key as fold
from evoskeleton.evolution.chance import normal, stream, uniform
from evoskeleton.settings import Settings

SIZE = (1000, 1000)
FOCAL_PX = 1145.0
RADIAL = (-0.2, 0.24, -0.002)
TANGENTIAL = (-0.001, -0.0015)
"""A lens much like those of Human3.6M: mild barrel distortion."""


@dataclass(frozen=True)
class Cameras:
    """Many cameras, float32, on one device.

    Attributes:
        rotation: (views, 3, 3) world to camera; rows are the camera's axes in the world.
        position: (views, 3) world mm.
        focal, center: (views, 2) px.
        radial: (views, 3), tangential: (views, 2) distortion coefficients.
        size: width and height of the image in px, shared by all views.
    """

    rotation: Tensor
    position: Tensor
    focal: Tensor
    center: Tensor
    radial: Tensor
    tangential: Tensor
    size: tuple[int, int] = SIZE

    def __len__(self) -> int:
        return len(self.position)

    def take(self, index: Tensor) -> "Cameras":
        """The cameras at (n,) int64 `index`."""
        return self._map(lambda tensor: tensor[index])

    def to(self, device: torch.device | str) -> "Cameras":
        """The same cameras on a device."""
        return self._map(lambda tensor: tensor.to(device))

    def around(self, points: Tensor) -> "Cameras":
        """Every camera, placed around the origin, at every one of (n, 3) world points.

        Returns:
            (n * views) cameras, all views of the first point first.
        """
        views = torch.arange(len(self), device=points.device).repeat(len(points))
        repeated = self.take(views)
        shift = points.repeat_interleave(len(self), dim=0)
        return replace(repeated, position=repeated.position + shift)

    def _map(self, change: Callable[[Tensor], Tensor]) -> "Cameras":
        """The same change to every tensor."""
        tensors: dict[str, Any] = {
            name: change(value) for name, value in vars(self).items() if isinstance(value, Tensor)
        }
        return replace(self, **tensors)


class ViewSettings(Settings):
    """Virtual cameras around a body; the azimuth is uniform over the full circle."""

    elevation_deg: tuple[float, float] = Field(
        (-10.0, 35.0), description="lowest and highest angle of the camera above the hip, degrees"
    )
    distance_mm: tuple[float, float] = Field(
        (2500.0, 6000.0), description="nearest and farthest distance from the point aimed at, mm"
    )
    aim_mm: float = Field(
        100.0,
        ge=0,
        le=1000,
        description="how far from the hip the camera aims, standard deviation, mm",
    )
    focal_px: tuple[float, float] = Field(
        (1000.0, 1300.0), description="shortest and longest focal length, px of a 1000 x 1000 image"
    )
    distortion: float = Field(
        1.0, ge=0, le=2, description="strongest lens, in units of a Human3.6M lens; 0: a pinhole"
    )

    @field_validator("elevation_deg", "distance_mm", "focal_px")
    @classmethod
    def _ordered(cls, span: tuple[float, float]) -> tuple[float, float]:
        if not span[0] <= span[1] < math.inf:
            raise ValueError("the first should not exceed the second, and both be finite")
        return span

    @field_validator("elevation_deg")
    @classmethod
    def _never_straight_down(cls, span: tuple[float, float]) -> tuple[float, float]:
        if not -85.0 <= span[0] <= span[1] <= 85.0:
            raise ValueError("should lie within -85 and 85 degrees")
        return span

    @field_validator("distance_mm")
    @classmethod
    def _outside_the_body(cls, span: tuple[float, float]) -> tuple[float, float]:
        if not span[0] >= 1500.0:
            raise ValueError("should be at least 1500 mm, outside the body")
        return span

    @field_validator("focal_px")
    @classmethod
    def _positive(cls, span: tuple[float, float]) -> tuple[float, float]:
        if not span[0] > 0:
            raise ValueError("should be positive")
        return span


class View(NamedTuple):
    """A fixed camera that looks at the hip; azimuth from world x (east) towards y (north)."""

    name: str
    azimuth_deg: float
    elevation_deg: float
    distance_mm: float


FIXED_VIEWS = (
    View("north-east", 40.0, 8.0, 4500.0),
    View("north-west", 130.0, 15.0, 4000.0),
    View("south-west", 220.0, 0.0, 5000.0),
    View("south-east", 310.0, 25.0, 3500.0),
)
"""The views of every evaluation, around each pose's own hip."""


def describe_views() -> list[str]:
    """One line a fixed view, for people."""
    return [
        f"{view.name}: azimuth {view.azimuth_deg:g} deg, elevation {view.elevation_deg:g} deg, "
        f"{view.distance_mm / 1000:g} m from the hip"
        for view in FIXED_VIEWS
    ]


def world_to_camera(joints: Tensor, cameras: Cameras) -> Tensor:
    """(n, joints, 3) world mm seen by n cameras: (n, joints, 3) camera mm."""
    return torch.bmm(joints - cameras.position[:, None], cameras.rotation.transpose(1, 2))


def project(joints_camera: Tensor, cameras: Cameras) -> Tensor:
    """Keypoints (n, joints, 2) px of (n, joints, 3) camera mm; z should be positive."""
    plane = joints_camera[..., :2] / joints_camera[..., 2:]
    x, y = plane.unbind(-1)
    r2 = x * x + y * y
    k1, k2, k3 = cameras.radial[:, None].unbind(-1)
    p1, p2 = cameras.tangential[:, None].unbind(-1)
    scale = 1.0 + r2 * (k1 + r2 * (k2 + r2 * k3)) + p1 * y + p2 * x
    bent = torch.stack([x * scale + p2 * r2, y * scale + p1 * r2], dim=-1)
    return cameras.focal[:, None] * bent + cameras.center[:, None]


def outside(keypoints: Tensor, cameras: Cameras) -> Tensor:
    """(n, joints) bool: keypoints (n, joints, 2) px that the image does not hold."""
    width, height = cameras.size
    x, y = keypoints.unbind(-1)
    return (x < 0) | (y < 0) | (x >= width) | (y >= height)


def look_at(position: Tensor, target: Tensor) -> Tensor:
    """Rotations (n, 3, 3), world to camera, of upright cameras at (n, 3) that look at (n, 3).

    A camera that looks straight up or down has world x to its right.
    """
    forward = torch.nn.functional.normalize(target - position, dim=1)
    right = torch.stack([forward[:, 1], -forward[:, 0], torch.zeros_like(forward[:, 0])], dim=1)
    length = torch.linalg.vector_norm(right, dim=1, keepdim=True)
    east = torch.tensor([1.0, 0.0, 0.0], device=forward.device).expand_as(right)
    right = torch.where(length > 1e-6, right / length.clamp_min(1e-6), east)
    return torch.stack([right, torch.cross(forward, right, dim=1), forward], dim=1)


def sample_views(
    hips: Tensor, settings: ViewSettings, key: int, counters: Tensor, size: tuple[int, int] = SIZE
) -> Cameras:
    """One virtual camera a pose.

    Args:
        hips: (n, 3) world mm.
        settings: the ranges that are drawn from.
        key: from `chance.key`.
        counters: (n,) int64 addresses under that key, on the device of `hips`; a camera depends on
            its own address and its own hip alone.
        size: width and height of the images in px.
    """
    draws = uniform(fold(key, stream("view")), counters, 5)
    azimuth = 2.0 * math.pi * draws[:, 0]
    elevation = _within(settings.elevation_deg, draws[:, 1]) * (math.pi / 180.0)
    distance = _within(settings.distance_mm, draws[:, 2])
    aim = hips + settings.aim_mm * normal(fold(key, stream("view aim")), counters, 3)
    focal = _within(settings.focal_px, draws[:, 3]) * (max(size) / 1000.0)
    return _place(aim, azimuth, elevation, distance, focal, settings.distortion * draws[:, 4], size)


def fixed_views(hips: Tensor, name: str = "all") -> Cameras:
    """The fixed views of each of (n, 3) hips, world mm.

    Returns:
        n cameras of the named view, or (n * 4) of all views, those of the first hip first.

    Raises:
        BadInput: no view has that name.
    """
    chosen = [view for view in FIXED_VIEWS if name in ("all", view.name)]
    if not chosen:
        names = ", ".join(view.name for view in FIXED_VIEWS)
        raise BadInput(f"view should be all or one of {names}, got {name}")
    columns = torch.tensor([view[1:] for view in chosen], device=hips.device).unbind(1)
    azimuth, elevation = columns[0] * (math.pi / 180.0), columns[1] * (math.pi / 180.0)
    ones = torch.ones_like(azimuth)
    origin = torch.zeros(len(chosen), 3, device=hips.device)
    return _place(origin, azimuth, elevation, columns[2], FOCAL_PX * ones, ones, SIZE).around(hips)


def _within(span: tuple[float, float], draws: Tensor) -> Tensor:
    return span[0] + (span[1] - span[0]) * draws


def _place(
    aim: Tensor,
    azimuth: Tensor,
    elevation: Tensor,
    distance: Tensor,
    focal: Tensor,
    distortion: Tensor,
    size: tuple[int, int],
) -> Cameras:
    flat = torch.cos(elevation)
    direction = torch.stack(
        [flat * torch.cos(azimuth), flat * torch.sin(azimuth), torch.sin(elevation)], dim=1
    )
    position = aim + distance[:, None] * direction
    radial, tangential = torch.tensor(RADIAL), torch.tensor(TANGENTIAL)
    return Cameras(
        rotation=look_at(position, aim),
        position=position,
        focal=focal[:, None].expand(-1, 2),
        center=(torch.tensor(size, dtype=torch.float32) / 2.0).to(aim).expand(len(aim), 2),
        radial=distortion[:, None] * radial.to(aim),
        tangential=distortion[:, None] * tangential.to(aim),
        size=size,
    )
