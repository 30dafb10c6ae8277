"""One camera of a picture: world to pixels, rays, and the ground it looks at."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from evoskeleton.evolution.chance import key, stream
from evoskeleton.lifting.cameras import Cameras, ViewSettings, sample_views

_WIDEST = 9.0
"""Square of the farthest off the axis that the lens bends more and more: 71 degrees."""


@dataclass(frozen=True)
class Camera:
    """A camera as plain arrays; the lens is that of `lifting.cameras`.

    Attributes:
        rotation: (3, 3) world to camera.
        position: (3,) world mm.
        focal, center: (2,) px.
        radial: (3,), tangential: (2,) of the lens.
        size: width and height of the picture, px.
    """

    rotation: np.ndarray
    position: np.ndarray
    focal: np.ndarray
    center: np.ndarray
    radial: np.ndarray
    tangential: np.ndarray
    size: tuple[int, int]

    def in_camera(self, world: np.ndarray) -> np.ndarray:
        """(n, 3) world mm to (n, 3) camera mm."""
        return np.asarray((world - self.position) @ self.rotation.T)

    def project(self, seen: np.ndarray) -> np.ndarray:
        """(n, 3) camera mm, in front of it, to (n, 2) px."""
        depth = np.maximum(seen[:, 2], 1.0)
        x, y = seen[:, 0] / depth, seen[:, 1] / depth
        r2 = np.minimum(x * x + y * y, _WIDEST)
        k1, k2, k3 = self.radial
        p1, p2 = self.tangential
        scale = 1.0 + r2 * (k1 + r2 * (k2 + r2 * k3)) + p1 * y + p2 * x
        bent = np.stack([x * scale + p2 * r2, y * scale + p1 * r2], axis=1)
        return np.asarray(bent * self.focal + self.center)

    def places(self, pixel: np.ndarray, depth: np.ndarray) -> np.ndarray:
        """World mm (3, n) float32 of pixels at depths mm, without the lens's distortion.

        Args:
            pixel: (n,) row * width + column.
            depth: (n,) mm.
        """
        row = pixel // self.size[0]
        x = ((pixel - row * self.size[0] + 0.5 - self.center[0]) / self.focal[0]).astype(np.float32)
        y = ((row + 0.5 - self.center[1]) / self.focal[1]).astype(np.float32)
        turn, place = self.rotation.astype(np.float32), self.position.astype(np.float32)
        axes = zip(turn.T, place, strict=True)
        return np.stack([depth * (x * a + y * b + c) + p for (a, b, c), p in axes])

    def of_plane(self, origin: np.ndarray, across: np.ndarray, along: np.ndarray) -> np.ndarray:
        """Homography (3, 3) of a plane in the world, without the lens's distortion.

        Args:
            origin: (3,) of the plane, world mm.
            across, along: (3,) its two directions, mm a unit.

        Returns:
            Maps (u, v, 1) on the plane to px.
        """
        columns = np.stack([across, along, origin - self.position], axis=1)
        inner = np.diag([*self.focal, 1.0])
        inner[:2, 2] = self.center
        return np.asarray(inner @ self.rotation @ columns)

    def looks_down(self) -> np.ndarray:
        """(height, width) bool: pixels whose rays fall towards the ground."""
        width, height = self.size
        up = self.rotation[:, 2]
        x = (np.arange(width) + 0.5 - self.center[0]) / self.focal[0] * up[0]
        y = (np.arange(height) + 0.5 - self.center[1]) / self.focal[1] * up[1]
        return np.asarray(x[None] + y[:, None] + up[2] < -0.004)

    def smaller(self, factor: int) -> "Camera":
        """The same view in fewer pixels, by a whole number."""
        width, height = self.size
        size = (-(-width // factor), -(-height // factor))
        return replace(self, focal=self.focal / factor, center=self.center / factor, size=size)

    def zoomed(self, factor: float, shift: np.ndarray) -> "Camera":
        """Nearer by a factor, the middle moved by (2,) px."""
        middle = np.array(self.size) / 2.0
        center = middle + factor * (self.center - middle) + shift
        return replace(self, focal=self.focal * factor, center=center)


def drawn_camera(
    target: np.ndarray, views: ViewSettings, size: tuple[int, int], seed: int, number: int
) -> Camera:
    """A camera of the lifter's views around (3,) world mm, by the address of the picture."""
    cameras = sample_views(
        torch.tensor(target, dtype=torch.float32)[None],
        views,
        key(seed, stream("render view")),
        torch.tensor([number]),
        size,
    )
    return _first(cameras)


def _first(cameras: Cameras) -> Camera:
    names = ("rotation", "position", "focal", "center", "radial", "tangential")
    arrays = {name: getattr(cameras, name)[0].double().numpy() for name in names}
    return Camera(**arrays, size=cameras.size)
