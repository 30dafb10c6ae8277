"""Light: one lamp or sun with its shadows, and the light of everything around."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from evoskeleton.pose2d.rendering.scene.raster import rasterise

_MAP = 176
_FAR_MM = 60_000.0
_BIAS_MM = 30.0


@dataclass(frozen=True)
class Light:
    """Where light comes from.

    Attributes:
        towards: (3,) unit, to the lamp.
        lamp, sky, ground: (3,) strengths of red green blue, linear.
        softness: of the edges of shadows, px of the shadow map.
    """

    towards: np.ndarray
    lamp: np.ndarray
    sky: np.ndarray
    ground: np.ndarray
    softness: float


def draw_light(draws: np.random.Generator) -> Light:
    """A light at random: bright or dull, warm or cold, from any side above."""
    azimuth, height = draws.uniform(0.0, 2.0 * np.pi), np.radians(draws.uniform(22.0, 80.0))
    flat = np.cos(height)
    towards = np.array([flat * np.cos(azimuth), flat * np.sin(azimuth), np.sin(height)])
    warmth = draws.normal(0.0, 0.09)
    strength, fill = draws.uniform(0.25, 1.0), draws.uniform(0.35, 0.75)
    lamp = strength * np.array([1.0 + warmth, 1.0, 1.0 - warmth])
    sky = fill * np.array([1.0 - 0.5 * warmth, 1.0, 1.0 + 0.6 * warmth])
    ground = (
        fill * draws.uniform(0.35, 0.7) * np.array([1.0 + 0.5 * warmth, 1.0, 1.0 - 0.6 * warmth])
    )
    return Light(towards, lamp, sky, ground, float(draws.uniform(0.8, 3.5)))


@dataclass(frozen=True)
class ShadowMap:
    """What the lamp sees.

    Attributes:
        axes: (3, 3) rows right, down, away from the lamp.
        origin: (2,) of the map on the first two axes, mm.
        step: mm a px.
        depth: (map, map) float32 mm along the third axis; infinite where nothing is.
        softness: as of the light.
    """

    axes: np.ndarray
    origin: np.ndarray
    step: float
    depth: np.ndarray
    softness: float

    def lit(self, world: np.ndarray) -> np.ndarray:
        """(n,) float32: 1 where (n, 3) world mm see the lamp, 0 in shadow."""
        seen = world @ self.axes.T.astype(np.float32)
        place = (seen[:, :2] - self.origin.astype(np.float32)) / np.float32(self.step)
        far = seen[:, 2] - np.float32(_BIAS_MM)
        total = np.zeros(len(world), dtype=np.float32)
        for dx, dy in ((-0.6, -0.3), (0.3, -0.6), (0.6, 0.3), (-0.3, 0.6)):
            x = np.clip(place[:, 0] + np.float32(dx), 0, _MAP - 1).astype(np.int32)
            y = np.clip(place[:, 1] + np.float32(dy), 0, _MAP - 1).astype(np.int32)
            total += far < self.depth[y, x]
        return total * np.float32(0.25)

    def on_plane(self, origin: np.ndarray, across: np.ndarray, along: np.ndarray) -> np.ndarray:
        """Homography (3, 3) from a plane (as of `Camera.of_plane`) to the map."""
        columns = np.stack([across, along, origin], axis=1)
        flat = (self.axes[:2] @ columns) / self.step
        flat[:, 2] -= self.origin / self.step
        return np.concatenate([flat, [[0.0, 0.0, 1.0]]])

    def cast(self) -> np.ndarray:
        """(map, map) float32: 1 where something holds the lamp's light back, soft at the edges."""
        held = np.isfinite(self.depth).astype(np.float32)
        held[0] = held[-1] = held[:, 0] = held[:, -1] = 0.0
        return np.asarray(cv2.GaussianBlur(held, (0, 0), self.softness))


def shadow_map(light: Light, world: np.ndarray, faces: np.ndarray) -> ShadowMap:
    """What the lamp sees of triangles, (vertices, 3) world mm."""
    away = -light.towards
    right = np.cross(away, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    axes = np.stack([right, np.cross(away, right), away])
    seen = world @ axes.T.astype(np.float32)
    low, high = seen[:, :2].min(axis=0), seen[:, :2].max(axis=0)
    step = float((high - low).max() + 80.0) / _MAP
    origin = (low + high) / 2.0 - _MAP / 2.0 * step
    place = (seen[:, :2] - origin) / step
    fragments = rasterise(place, seen[:, 2] + np.float32(_FAR_MM), faces, (_MAP, _MAP))
    depth = np.full(_MAP * _MAP, np.inf, dtype=np.float32)
    depth[fragments.pixel] = fragments.depth - np.float32(_FAR_MM)
    return ShadowMap(axes, origin, step, depth.reshape(_MAP, _MAP), light.softness)


def shaded(
    light: Light,
    eye: np.ndarray,
    points: Sequence[np.ndarray],
    surface: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> np.ndarray:
    """What (n,) points look like in a light: (n, 3) float32 as a screen shows it.

    Args:
        light: that falls on them.
        eye: (3,) of the camera, world mm.
        points: world (n, 3), unit normals (n, 3), lit (n,) and air (n,).
        surface: colour (n, 3) as a screen shows it, shine (n,), dents (n, 2).
    """
    world, normals, lit, air = points
    colour, shine, dents = surface
    lean = np.stack([dents[:, 0], 0.7 * (dents[:, 1] - dents[:, 0]), dents[:, 1]], axis=1)
    normals = normals + lean
    normals /= _lengths(normals)
    towards = light.towards.astype(np.float32)
    facing = normals @ towards
    direct = np.maximum(facing * np.float32(0.88) + np.float32(0.12), 0.0) * lit
    up = (0.5 + 0.5 * normals[:, 2]) * (0.35 + 0.65 * air)
    down = (0.5 - 0.5 * normals[:, 2]) * (0.35 + 0.65 * air)
    total = (
        direct[:, None] * light.lamp.astype(np.float32)
        + up[:, None] * light.sky.astype(np.float32)
        + down[:, None] * light.ground.astype(np.float32)
    )
    ray = eye.astype(np.float32) - world
    ray /= _lengths(ray)
    half = ray + towards
    half /= _lengths(half)
    glint = np.maximum(np.einsum("ij,ij->i", normals, half), 0.0)
    for _ in range(4):
        glint *= glint
    glint *= shine * lit * (facing > 0)
    linear = colour * colour * total + glint[:, None] * light.lamp.astype(np.float32)
    return np.asarray(np.sqrt(linear), dtype=np.float32)


def _lengths(vectors: np.ndarray) -> np.ndarray:
    """(n, 1) of (n, 3)."""
    return np.asarray(np.sqrt(np.einsum("ij,ij->i", vectors, vectors))[:, None])
