"""Light: one lamp or sun with its shadows, and the light of everything around."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from evoskeleton.pose2d.rendering.scene.raster import rasterise

_MAP = 176
_FAR_MM = 60_000.0
_BIAS_MM = 45.0
_FINEST_MM = 9.0
_GAP_MM = 24.0
"""Between neighbouring vertices of a body at most, nearly everywhere."""


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
        """(n,) float32: 1 where (3, n) world mm see the lamp, 0 in shadow."""
        x, y, far = (_dot(axis, world) for axis in self.axes.astype(np.float32))
        x, y = (
            (v - np.float32(o)) / np.float32(self.step)
            for v, o in zip((x, y), self.origin, strict=True)
        )
        far -= np.float32(_BIAS_MM)
        flat = self.depth.reshape(-1)
        total = np.zeros(len(far), dtype=np.float32)
        for dx, dy in ((-0.6, -0.3), (0.3, -0.6), (0.6, 0.3), (-0.3, 0.6)):
            column = np.clip(x + np.float32(dx), 0, _MAP - 1).astype(np.int32)
            row = np.clip(y + np.float32(dy), 0, _MAP - 1).astype(np.int32)
            total += far < flat.take(row * np.int32(_MAP) + column)
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


def shadow_map(light: Light, skin: np.ndarray, things: tuple[np.ndarray, np.ndarray]) -> ShadowMap:
    """What the lamp sees.

    Args:
        light: with the lamp.
        skin: (vertices, 3) world mm of people; they lie so close that they are drawn as dots.
        things: vertices (n, 3) world mm and triangles (m, 3) of all else.
    """
    away = -light.towards
    right = np.cross(away, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    axes = np.stack([right, np.cross(away, right), away]).astype(np.float32)
    dots, corners = skin @ axes.T, things[0] @ axes.T
    both = np.concatenate([dots[:, :2], corners[:, :2]])
    low, high = both.min(axis=0), both.max(axis=0)
    step = max(float((high - low).max() + 80.0) / _MAP, _FINEST_MM)
    origin = (low + high) / 2.0 - _MAP / 2.0 * step
    depth = _dotted((dots[:, :2] - origin) / step, dots[:, 2], _GAP_MM / step)
    if len(things[1]):
        place = (corners[:, :2] - origin) / step
        seen = rasterise(place, corners[:, 2] + np.float32(_FAR_MM), things[1], (_MAP, _MAP))
        flat = depth.reshape(-1)
        flat[seen.pixel] = np.minimum(flat[seen.pixel], seen.depth - np.float32(_FAR_MM))
    return ShadowMap(axes, origin, step, depth, light.softness)


def _dotted(place: np.ndarray, depth: np.ndarray, gap: float) -> np.ndarray:
    """(map, map) float32 depth of dots at (n, 2) px, so thick that no gap of so many px is left."""
    column, row = place.astype(np.int32).T
    flat = np.full(_MAP * _MAP, np.inf, dtype=np.float32)
    np.minimum.at(flat, row * _MAP + column, depth.astype(np.float32))
    wide = 2 * max(1, round(gap / 2.0)) + 1
    return np.asarray(cv2.erode(flat.reshape(_MAP, _MAP), np.ones((wide, wide), np.uint8)))


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
        points: world (3, n), normals (3, n), lit (n,) and air (n,).
        surface: colour (n, 3) as a screen shows it, shine (n,), dents (n, 2).
    """
    world, normals, lit, air = points
    colour, shine, dents = surface
    across, along = dents.T
    normals = _unit(normals + np.stack([across, 0.7 * (along - across), along]))
    towards = light.towards.astype(np.float32)
    facing = _dot(towards, normals)
    direct = np.maximum(facing * np.float32(0.88) + np.float32(0.12), 0.0) * lit
    open_air = 0.35 + 0.65 * air
    up = (0.5 + 0.5 * normals[2]) * open_air
    half = _unit(_unit(_to_eye(eye, world)) + towards[:, None])
    glint = np.maximum((normals * half).sum(axis=0), 0.0)
    for _ in range(4):
        glint *= glint
    glint *= shine * lit * (facing > 0)
    shown = np.empty_like(colour)
    lights = np.stack([light.lamp, light.sky, light.ground], axis=1).astype(np.float32)
    for channel, (lamp, sky, ground) in enumerate(lights):
        body = colour[:, channel]
        total = direct * lamp + up * sky + (open_air - up) * ground
        shown[:, channel] = np.sqrt(body * body * total + glint * lamp)
    return shown


def _to_eye(eye: np.ndarray, world: np.ndarray) -> np.ndarray:
    """(3, n) from (3, n) world mm to the eye."""
    return np.asarray(eye.astype(np.float32)[:, None] - world)


def _dot(vector: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """(n,) of (3,) and (3, n)."""
    return np.asarray(vector[0] * columns[0] + vector[1] * columns[1] + vector[2] * columns[2])


def _unit(columns: np.ndarray) -> np.ndarray:
    """(3, n) of length one."""
    x, y, z = columns
    return np.asarray(columns / np.sqrt(x * x + y * y + z * z))
