"""The body at rest: where its joints stand, and its surface as a signed distance.

Rest frame: millimetres, x to the body's left, y to its back, z up, the hip at the origin; arms
hang 37 degrees from the trunk, legs and arms are straight. Lengths of bones are those of the mean
body of the joint limits' data; girths are round numbers near the surveys of adults (Gordon 2014,
ANSUR II). A body is a smooth union (Quilez 2013, https://iquilezles.org/articles/smin) of lofts:
tubes along an axis whose cross-sections are ellipses.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.interpolate import PchipInterpolator

from evoskeleton.evolution.skeleton import Joint

_FAR = 400.0
_PROFILE = 257
_TINY = 1e-6

ARM_AXIS = np.array([0.6, 0.0, -0.8], dtype=np.float32)
"""Direction of the left arm at rest."""


def _rest_joints() -> np.ndarray:
    joints = np.zeros((17, 3), dtype=np.float32)
    joints[Joint.LHIP] = (88, 0, 0)
    joints[Joint.LKNEE] = (120, -2, -404)
    joints[Joint.LFOOT] = (154, 8, -840)
    joints[Joint.SPINE] = (0, 28, 216)
    joints[Joint.THORAX] = (0, 34, 438)
    joints[Joint.NECK] = (0, 30, 581)
    joints[Joint.HEAD] = (0, 22, 726)
    joints[Joint.LSHOULDER] = (184, 36, 500)
    joints[Joint.LELBOW] = joints[Joint.LSHOULDER] + 299 * ARM_AXIS
    joints[Joint.LWRIST] = joints[Joint.LELBOW] + 278 * ARM_AXIS
    for left, right in _PAIRS:
        joints[right] = joints[left] * (-1, 1, 1)
    return joints


_PAIRS = (
    (Joint.LHIP, Joint.RHIP),
    (Joint.LKNEE, Joint.RKNEE),
    (Joint.LFOOT, Joint.RFOOT),
    (Joint.LSHOULDER, Joint.RSHOULDER),
    (Joint.LELBOW, Joint.RELBOW),
    (Joint.LWRIST, Joint.RWRIST),
)

REST = _rest_joints()
"""(17, 3) float32 joints, rest frame mm."""

NOSE = (0.0, -104.0, 668.0)
EYES = ((32.0, -74.0, 708.0), (-32.0, -74.0, 708.0))
EARS = ((79.0, 26.0, 692.0), (-79.0, 26.0, 692.0))
"""Where COCO's points of the face lie, left before right, rest frame mm."""

ANKLE_HEIGHT = 84.0
"""Of the ankle above the sole of a shoe, mm."""


@dataclass(frozen=True)
class Loft:
    """A tube along an axis.

    Attributes:
        start, end: of the axis, rest frame mm.
        side: direction in which widths are measured; depths go along axis x side.
        knots: (k, 5) share of the axis, half width, half depth, shift to the side, shift in depth.
        blend: how far the tube melts into the others, mm.
    """

    start: Sequence[float]
    end: Sequence[float]
    side: Sequence[float]
    knots: Sequence[Sequence[float]]
    blend: float = 25.0

    def mirrored(self) -> "Loft":
        """The same on the other side of the body."""
        knots = [
            (share, wide, deep, -to_side, depth) for share, wide, deep, to_side, depth in self.knots
        ]
        x0, *start = self.start
        x1, *end = self.end
        side = (self.side[0], -self.side[1], -self.side[2])
        return replace(self, start=(-x0, *start), end=(-x1, *end), side=side, knots=knots)

    @cached_property
    def _profile(self) -> np.ndarray:
        """(_PROFILE, 4) widths, depths and shifts along the axis, smooth between the knots."""
        knots = np.asarray(self.knots, float)
        smooth = PchipInterpolator(knots[:, 0], knots[:, 1:])
        return np.asarray(smooth(np.linspace(0.0, 1.0, _PROFILE)), dtype=np.float32)

    @cached_property
    def _frame(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, float]:
        """Start, unit axis, unit side, unit depth, and the length of the axis."""
        start, end = np.asarray(self.start, np.float32), np.asarray(self.end, np.float32)
        length = float(np.linalg.norm(end - start))
        axis = (end - start) / np.float32(length)
        side = np.asarray(self.side, np.float32)
        side = side - axis * float(side @ axis)
        side = side / np.linalg.norm(side)
        return start, axis, side, np.cross(axis, side), length

    @cached_property
    def reach(self) -> tuple[np.ndarray, np.ndarray]:
        """Low and high corner of the box that holds it and what it melts into, mm."""
        beyond = float(np.abs(np.asarray(self.knots)[:, 1:]).max()) * 1.6 + 60.0
        ends = np.array([self.start, self.end], dtype=np.float32)
        return ends.min(axis=0) - beyond, ends.max(axis=0) + beyond

    def distance(self, points: np.ndarray) -> np.ndarray:
        """Signed distances (n,) mm of (n, 3) points, negative within; exact enough to draw."""
        start, axis, side, depth, length = self._frame
        away = points - start
        along = away @ axis / length
        within = np.clip(along, 0.0, 1.0)
        rows = self._profile[(within * (_PROFILE - 1) + 0.5).astype(np.int32)]
        wide, deep, to_side, to_depth = rows.T
        u, v = away @ side - to_side, away @ depth - to_depth
        radius = np.sqrt(u * u + v * v)
        share = np.sqrt((u / wide) ** 2 + (v / deep) ** 2)
        radial = np.where(
            share > _TINY, radius - radius / np.maximum(share, _TINY), -np.minimum(wide, deep)
        )
        beyond = np.abs(along - within) * length
        rounded = np.sqrt(np.maximum(radial, 0.0) ** 2 + beyond**2)
        return np.asarray(np.where(beyond > 0, rounded, radial), dtype=np.float32)


def ball(centre: Sequence[float], radii: Sequence[float], blend: float = 25.0) -> Loft:
    """An ellipsoid with half axes along x, y and z, as a short loft."""
    x, y, z = centre
    a, b, c = radii
    shares = np.linspace(-0.98, 0.98, 15)
    rounds = np.sqrt(1.0 - shares**2)
    knots = [
        (float((share + 0.98) / 1.96), float(a * r), float(b * r), 0.0, 0.0)
        for share, r in zip(shares, rounds, strict=True)
    ]
    return Loft((x, y, z - 0.98 * c), (x, y, z + 0.98 * c), (1, 0, 0), knots, blend)


@dataclass(frozen=True)
class Build:
    """What a body is like.

    Attributes:
        female: 0 a man, 1 a woman.
        weight: -1 thin, 0 usual, 1 heavy.
    """

    female: float = 0.5
    weight: float = 0.0


def body_lofts(build: Build) -> list[Loft]:
    """All tubes of a body but its hands, in an order that blends from the trunk outwards."""
    left = [*_leg(build), *_arm(build)]
    return [*_trunk(build), *left, *(loft.mirrored() for loft in left), *_head(build)]


def _mixed(build: Build, man: Sequence[float], woman: Sequence[float], gain: float) -> np.ndarray:
    """Half widths and depths between a man's and a woman's, and wider with weight by `gain`."""
    mixed = (1.0 - build.female) * np.asarray(man) + build.female * np.asarray(woman)
    return np.asarray(mixed * (1.0 + gain * build.weight))


_TRUNK_Z = (-95.0, -55.0, -5.0, 55.0, 145.0, 245.0, 335.0, 405.0, 455.0, 495.0, 525.0)


def _trunk(build: Build) -> list[Loft]:
    wide = _mixed(
        build,
        (90, 136, 150, 148, 139, 148, 160, 158, 128, 76, 56),
        (90, 140, 157, 148, 120, 127, 141, 138, 110, 66, 48),
        0.10,
    )
    deep = _mixed(
        build,
        (70, 94, 104, 102, 99, 107, 114, 104, 80, 60, 52),
        (72, 100, 108, 98, 84, 94, 104, 92, 70, 54, 46),
        0.10,
    )
    belly = np.array([0, 4, 12, 22, 26, 18, 6, 2, 0, 0, 0]) * max(build.weight, 0.0)
    back = np.array([12, 12, 14, 14, 14, 20, 22, 30, 36, 40, 40.0]) - 0.8 * belly
    z0, z1 = _TRUNK_Z[0], _TRUNK_Z[-1]
    knots = [
        ((z - z0) / (z1 - z0), w, d + b, 0.0, y)
        for z, w, d, b, y in zip(_TRUNK_Z, wide, deep, belly, back, strict=True)
    ]
    parts = [Loft((0, 0, z0), (0, 0, z1), (1, 0, 0), knots, 30.0)]
    bust = max(build.female - 0.35, 0.0) / 0.65 * (1.0 + 0.3 * build.weight)
    for sign in (1, -1):
        parts.append(
            ball((sign * 74, 62, -22), (84, 64 + 8 * build.female + 8 * build.weight, 82), 35.0)
        )
        parts.append(ball((sign * 70, -62 - 6 * build.weight, 362), (74, 30, 56), 30.0))
        if bust > 0.2:
            parts.append(ball((sign * 70, -72 - 18 * bust, 328), (60, 36 * bust, 60), 40.0))
    return parts


def _limb(
    start: np.ndarray, end: np.ndarray, side: Sequence[float], rows: np.ndarray, blend: float
) -> Loft:
    return Loft(start.tolist(), end.tolist(), side, rows.tolist(), blend)


def _rows(build: Build, rows: Sequence[Sequence[float]], woman: float, gain: float) -> np.ndarray:
    """Knots whose widths and depths are a man's, made a woman's by a factor."""
    knots = np.array(rows, dtype=float)
    factor = 1.0 + build.female * (woman - 1.0)
    swell = np.linspace(gain, 0.4 * gain, len(knots))[:, None]
    knots[:, 1:3] *= factor * (1.0 + swell * build.weight)
    return knots


def _leg(build: Build) -> list[Loft]:
    hip, knee, ankle = (REST[joint] for joint in (Joint.LHIP, Joint.LKNEE, Joint.LFOOT))
    thigh = (
        (0.0, 74, 86, 0, 8), (0.25, 82, 87, 0, 2), (0.5, 74, 79, 0, -3), (0.8, 58, 62, 0, -3),
        (0.95, 53, 58, 0, 0), (1.0, 51, 56, 0, 0),
    )  # fmt: skip
    shank = (
        (0.0, 51, 56, 0, 0), (0.12, 49, 52, 0, 6), (0.32, 54, 57, 0, 14), (0.6, 41, 44, 0, 8),
        (0.85, 31, 35, 0, 2), (1.0, 33, 38, 0, 2),
    )  # fmt: skip
    x, y, z = ankle.tolist()
    sole = z - ANKLE_HEIGHT
    heel, toe = np.array([x, y + 52, sole + 34]), np.array([x + 12, y - 176, sole + 20])
    foot = (
        (0.0, 24, 26, 0, 0), (0.08, 34, 34, 0, 0), (0.25, 35, 40, 0, -6), (0.45, 38, 38, 0, -6),
        (0.7, 46, 25, 0, 0), (0.9, 42, 19, 0, 0), (1.0, 28, 12, 0, 0),
    )  # fmt: skip
    forward = (1.0, 0.0, 0.0)
    column = ((0.0, 33, 38, 0, 2), (1.0, 32, 40, 0, 6))
    return [
        _limb(hip, knee, (-1, 0, 0), _rows(build, thigh, 1.04, 0.14), 60.0),
        _limb(knee, ankle, (-1, 0, 0), _rows(build, shank, 0.95, 0.10), 8.0),
        _limb(ankle, ankle - (0, 0, 50), (-1, 0, 0), np.array(column, float), 8.0),
        _limb(heel, toe, forward, _rows(build, foot, 0.93, 0.02), 20.0),
    ]


def _arm(build: Build) -> list[Loft]:
    shoulder, elbow, wrist = (
        REST[joint] for joint in (Joint.LSHOULDER, Joint.LELBOW, Joint.LWRIST)
    )
    upper = (
        (0.0, 45, 45, 0, 0), (0.15, 50, 49, 0, 0), (0.45, 47, 46, 0, 0), (0.8, 39, 38, 0, 0),
        (1.0, 37, 37, 0, 0),
    )  # fmt: skip
    fore = (
        (0.0, 37, 37, 0, 0), (0.22, 42, 41, 0, 0), (0.55, 35, 32, 0, 0), (0.9, 28, 22, 0, 0),
        (1.0, 28, 21, 0, 0),
    )  # fmt: skip
    yoke = ((0.0, 44, 46, 0, 0), (0.6, 34, 40, 0, 0), (1.0, 34, 38, 0, 0))
    root = np.array([20.0, 44.0, 524.0])
    cap = shoulder + np.array([-8.0, 0.0, -2.0])
    return [
        _limb(root, cap, (0, 1, 0), _rows(build, yoke, 0.84, 0.06), 36.0),
        _limb(shoulder, elbow, (0, 1, 0), _rows(build, upper, 0.84, 0.16), 40.0),
        _limb(elbow, wrist, (0, 1, 0), _rows(build, fore, 0.86, 0.08), 8.0),
        _limb(
            wrist, wrist + 40 * ARM_AXIS, (0, 1, 0),
            _rows(build, ((0.0, 28, 21, 0, 0), (1.0, 32, 17, 0, 0)), 0.88, 0.0), 6.0,
        ),
    ]  # fmt: skip


def _head(build: Build) -> list[Loft]:
    neck_wide = _mixed(build, (64, 58, 56), (54, 48, 46), 0.08)
    neck = [(s, w, w, 0.0, 0.0) for s, w in zip((0.0, 0.5, 1.0), neck_wide, strict=True)]
    jaw = _mixed(build, (64, 60, 50, 26), (61, 55, 42, 20), 0.08)
    face = [
        (s, w, d, 0.0, 0.0)
        for s, w, d in zip((0.0, 0.35, 0.7, 1.0), jaw, (64, 56, 44, 24), strict=True)
    ]
    ears = [ball((sign * 77, 30, 692), (7, 17, 31), 5.0) for sign in (1, -1)]
    return [
        Loft((0, 42, 470), (0, 28, 650), (1, 0, 0), neck, 45.0),
        ball((0, 24, 734), (75, 97, 87), 20.0),
        Loft((0, -10, 730), (0, -46, 608), (1, 0, 0), face, 18.0),
        Loft(
            (0, -74, 700),
            (0, -92, 669),
            (1, 0, 0),
            ((0, 8, 8, 0, 0), (0.8, 14, 13, 0, 0), (1, 13, 10, 0, 0)),
            7.0,
        ),
        ball((0, -70, 722), (46, 12, 9), 12.0),
        ball((0, -76, 636), (24, 11, 10), 10.0),
        *ears,
    ]


def hand_lofts(build: Build) -> list[Loft]:
    """The tubes of the left hand, slightly open, thumb to the front."""
    wrist = REST[Joint.LWRIST]
    side, normal = np.array([0.0, 1.0, 0.0]), np.cross(ARM_AXIS, [0.0, 1.0, 0.0])
    size = 1.0 - 0.1 * build.female

    def at(along: float, across: float, off: float = 0.0) -> np.ndarray:
        place = wrist + size * (along * ARM_AXIS + across * side + off * normal)
        return np.asarray(place)

    def tube(
        start: np.ndarray, end: np.ndarray, rows: Sequence[Sequence[float]], blend: float
    ) -> Loft:
        knots = np.array(rows, dtype=float)
        knots[:, 1:3] *= size
        return _limb(start, end, (0, 1, 0), knots, blend)

    palm = ((0.0, 28, 20, 0, 0), (0.3, 34, 17, 0, 0), (0.8, 42, 14, 0, 0), (1.0, 40, 12, 0, 0))
    parts = [tube(at(-30, 0), at(95, 0), palm, 10.0)]
    for across, length in ((-30, 68), (-10, 78), (11, 72), (31, 56)):
        knuckle, middle = at(88, across), at(88 + 0.5 * length, 1.12 * across, 2)
        tip = at(88 + 0.97 * length, 1.2 * across, 14)
        parts.append(tube(knuckle, middle, ((0, 11, 10, 0, 0), (1, 9.5, 9, 0, 0)), 5.0))
        parts.append(
            tube(middle, tip, ((0, 9.5, 9, 0, 0), (0.9, 8, 7.5, 0, 0), (1, 5, 5, 0, 0)), 4.0)
        )
    parts.append(tube(at(18, -22, 4), at(62, -56, 14), ((0, 17, 15, 0, 0), (1, 11, 11, 0, 0)), 9.0))
    parts.append(
        tube(
            at(62, -56, 14),
            at(96, -64, 18),
            ((0, 11, 10, 0, 0), (0.9, 9, 8, 0, 0), (1, 5, 5, 0, 0)),
            4.0,
        )
    )
    return parts


def distance(lofts: Sequence[Loft], points: np.ndarray) -> np.ndarray:
    """Signed distances (n,) mm of (n, 3) points to the smooth union of lofts."""
    union = np.full(len(points), _FAR, dtype=np.float32)
    for loft in lofts:
        near = _near(loft, points)
        if near.any():
            union[near] = _smooth_least(union[near], loft.distance(points[near]), loft.blend)
    return union


def _near(loft: Loft, points: np.ndarray) -> np.ndarray:
    """(n,) bool: points within the box of a loft and of what it melts into."""
    inside = np.ones(len(points), dtype=bool)
    for axis, (low, high) in enumerate(zip(*loft.reach, strict=True)):
        inside &= (points[:, axis] > low) & (points[:, axis] < high)
    return inside


def _smooth_least(first: np.ndarray, second: np.ndarray, blend: float) -> np.ndarray:
    """The polynomial smooth minimum."""
    share = np.maximum(blend - np.abs(first - second), 0.0) / blend
    return np.asarray(np.minimum(first, second) - share * share * (blend / 4.0))
