"""What the network sees: keypoints and joints without their units.

Keypoints (poses, 17, 2) px become (poses, 17, 2) without unit, in one of two ways:

- `per_pose`, for use in the wild: centred on the mean of the pose's visible keypoints and divided
  by the mean of their standard deviations in x and y. Neither image size nor distance matters.
- `zscore`, as published (Martinez 2017, https://arxiv.org/abs/1705.03098): pixel coordinates by
  the statistics of the training set.

Targets are hip-centred camera-frame joints, mm, all but the hip, z-scored by the training set.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import MIRROR, Joint
from evoskeleton.shapes import expect_shape

Mode = Literal["per_pose", "zscore"]

ImageSize = Sequence[int] | np.ndarray | None
"""Width and height px of the image that keypoints come from, or (poses, 2) of each pose's own; None
or a row of 0 0 where it is not known: such keypoints are taken for those of a 1000 x 1000 image."""

_TRAINED_ON_PX = 1000.0
_LEAST_STD_PX = 1e-3
_LEAST_STD_MM = 1.0


@dataclass(frozen=True)
class Normalization:
    """A mode and the statistics of the training set, float32 on one device.

    Attributes:
        keypoints_mean, keypoints_std: (17, 2) px; not used by `per_pose`.
        joints_mean, joints_std: (16, 3) mm, joints 1 to 16 in the hip-centred camera frame.
    """

    mode: Mode
    keypoints_mean: Tensor
    keypoints_std: Tensor
    joints_mean: Tensor
    joints_std: Tensor

    @classmethod
    def measure(cls, mode: Mode, keypoints: Tensor, joints_camera: Tensor) -> "Normalization":
        """Statistics of (n, 17, 2) px and (n, 17, 3) camera mm, in double precision."""
        centred = hip_centred(joints_camera)[:, 1:].double()
        points = keypoints.double()
        return cls(
            mode=mode,
            keypoints_mean=points.mean(0).float(),
            keypoints_std=points.std(0, correction=0).clamp_min(_LEAST_STD_PX).float(),
            joints_mean=centred.mean(0).float(),
            joints_std=centred.std(0, correction=0).clamp_min(_LEAST_STD_MM).float(),
        )

    def to(self, device: torch.device | str) -> "Normalization":
        """The same on a device."""
        return Normalization(self.mode, *(t.to(device) for t in self.tensors().values()))

    def tensors(self) -> dict[str, Tensor]:
        """The statistics by name."""
        return {name: value for name, value in vars(self).items() if name != "mode"}

    def arrays(self) -> dict[str, np.ndarray]:
        """The statistics as numpy, by name."""
        return {name: tensor.cpu().numpy() for name, tensor in self.tensors().items()}

    def keypoints(self, keypoints: Tensor, visibility: Tensor) -> Tensor:
        """(n, 17, 2) px -> (n, 17, 2); keypoints that (n, 17) `visibility` hides become 0."""
        seen = visibility[..., None] > 0.5
        if self.mode == "per_pose":
            return per_pose(keypoints, seen)
        scaled = (keypoints - self.keypoints_mean) / self.keypoints_std
        return torch.where(seen, scaled, 0.0)

    def in_training_pixels(self, keypoints: np.ndarray, image_size: ImageSize) -> np.ndarray:
        """Keypoints as the training saw them.

        `per_pose` takes them as they are. For `zscore` they become those of the middle of the
        1000 x 1000 images of the training.

        Args:
            keypoints: (n, 17, 2) px.
            image_size: see `ImageSize`.

        Raises:
            BadInput: the sizes have another shape, or one is negative or not finite.
        """
        if image_size is None:
            return keypoints
        sizes = _sizes(image_size, len(keypoints))
        return keypoints if self.mode == "per_pose" else _in_training_pixels(keypoints, sizes)

    def joints(self, joints_camera: Tensor) -> Tensor:
        """Targets (n, 48) of (n, 17, 3) camera mm."""
        centred = hip_centred(joints_camera)[:, 1:]
        return ((centred - self.joints_mean) / self.joints_std).flatten(1)

    def distances(self, outputs: Tensor, others: Tensor) -> Tensor:
        """Distance of every joint (n, 16), mm, between two of (n, 48) normalised joints."""
        apart = torch.unflatten(outputs - others, 1, (len(Joint) - 1, 3)) * self.joints_std
        distances: Tensor = torch.linalg.vector_norm(apart, dim=2)
        return distances

    def joints_from(self, outputs: Tensor) -> Tensor:
        """(n, 17, 3) hip-centred camera mm of (n, 48) network outputs; the hip is 0."""
        joints = torch.unflatten(outputs, 1, (16, 3)) * self.joints_std + self.joints_mean
        return torch.nn.functional.pad(joints, (0, 0, 1, 0))


def hip_centred(joints: Tensor) -> Tensor:
    """(n, 17, 3) seen from the hip."""
    return joints - joints[:, Joint.HIP, None]


def mirrored(points: Tensor) -> Tensor:
    """(n, 17, 2 or 3) points with x about 0 as a mirror shows them: left is right."""
    turned = points[:, MIRROR].clone()
    turned[..., 0] *= -1.0
    return turned


def per_pose(keypoints: Tensor, seen: Tensor) -> Tensor:
    """Centre and scale each pose by its seen keypoints alone.

    Args:
        keypoints: (n, 17, 2) px; what is not seen may hold anything, NaN included.
        seen: (n, 17, 1) bool.
    """
    count = seen.sum(1, keepdim=True).clamp_min(1)
    points = torch.where(seen, keypoints, 0.0)
    centred = torch.where(seen, points - points.sum(1, keepdim=True) / count, 0.0)
    std = (centred.square().sum(1, keepdim=True) / count).sqrt()
    return centred / std.mean(2, keepdim=True).clamp_min(_LEAST_STD_PX)


def _sizes(image_size: Sequence[int] | np.ndarray, poses: int) -> np.ndarray:
    """(n, 2) px, checked."""
    sizes = np.asarray(image_size, np.float64)
    expect_shape("image_size", sizes, (2,) if sizes.ndim == 1 else (poses, 2))
    sizes = np.broadcast_to(sizes, (poses, 2))
    fine = np.isfinite(sizes).all(axis=1) & ((sizes > 0).all(axis=1) | (sizes == 0).all(axis=1))
    if not fine.all():
        width, height = sizes[fine.argmin()]
        raise BadInput(
            f"image_size should be positive px, or 0 0 where unknown, got {width:g} {height:g}"
        )
    return sizes


def _in_training_pixels(keypoints: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Pixels of the middle of a 1000 x 1000 image.

    Args:
        keypoints: (n, 17, 2) px.
        sizes: (n, 2) px, width and height of each pose's image; 0 0: its keypoints stay.
    """
    sizes = np.where(sizes > 0, sizes, _TRAINED_ON_PX)[:, None]
    scale = _TRAINED_ON_PX / sizes.max(axis=2, keepdims=True)
    scaled = (keypoints - sizes / 2.0) * scale + _TRAINED_ON_PX / 2.0
    return np.where(sizes == _TRAINED_ON_PX, keypoints, scaled)
