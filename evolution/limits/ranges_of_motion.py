"""Joint limits out of published ranges of motion, with which nobody else's poses are needed.

Figures are rounded, degrees, the right side of an adult; movements start from the anatomical
position. They are the usual clinical ones, most of them those of the American Academy of
Orthopaedic Surgeons (AAOS 1965, "Joint Motion: Method of Measuring and Recording"; listed in
Norkin and White, "Measurement of Joint Motion"). For shoulder and elbow Boone and Azen 1979
(https://doi.org/10.2106/00004623-197961050-00017) measured the same to 14 degrees; for extension of
the hip 30 is a generous figure. How far an arm crosses the trunk, and turns about itself while it
hangs, is Kapandji's ("The Physiology of the Joints"). Abduction of the flexed thigh by 60 is an
estimate of ours; rotations where none are published are those of the nearest position, carried
along.

- Head, upper arm, thigh: a region around a centre through the `END_POSITIONS` of the movements;
  between them the reach changes evenly with the direction of moving.
- Forearm and shank bend from straight to `GREATEST_BEND`. Which way is a matter of how their parent
  is turned about itself: `ROTATIONS` says for some of its directions where the child points at
  zero, and how far it turns; a kernel over the parent's direction goes between them. A child that
  is nearly straight may bend to any side, as in a fit.

All is widened by a tolerance, about what published tables differ by; a goniometer is laid on other
landmarks than joints, too. Tolerance and kernel were looked at on CMU's training subjects, as the
radii of fits were; no pose of theirs enters a table.

Directions are those of the thorax or pelvis frame, x right, y forwards, z up; arrays hold them as
rows, (n, 3) float64, as in `fitting`.
"""

from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch

from evoskeleton.evolution.hierarchy import REST, Genomes, into_bone_frame
from evoskeleton.evolution.limits import sphere
from evoskeleton.evolution.limits.fitting import LimitSettings
from evoskeleton.evolution.limits.tables import BODY_TABLES, CHILD_TABLES, Limits, fit_tables
from evoskeleton.evolution.skeleton import LIMBS

TOLERANCE_DEG = 10.0
"""By how much published ranges are widened: about what they differ by among themselves."""

Direction = tuple[float, float, float]

_RIGHT, _FRONT, _UP = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)
_LEFT, _BACK, _DOWN = (-1.0, 0.0, 0.0), (0.0, -1.0, 0.0), (0.0, 0.0, -1.0)


def _swung(start: Direction, towards: Direction, degrees: float) -> Direction:
    """A direction turned towards another one at right angles to it."""
    angle = np.radians(degrees)
    x, y, z = np.cos(angle) * np.array(start) + np.sin(angle) * np.array(towards)
    return float(x), float(y), float(z)


END_POSITIONS: dict[str, dict[str, Direction]] = {
    "head": {
        "flexion 45": _swung(_UP, _FRONT, 45),
        "extension 45": _swung(_UP, _BACK, 45),
        "lateral flexion 45": _swung(_UP, _RIGHT, 45),
        "lateral flexion 45 to the left": _swung(_UP, _LEFT, 45),
    },
    "upper arm": {
        "flexion and abduction 180": _UP,
        "extension 60": _swung(_DOWN, _BACK, 60),
        "adduction 0 at the trunk": _DOWN,
        "adduction 45 before the trunk": _swung(_swung(_DOWN, _FRONT, 45), _LEFT, 45),
        "horizontal adduction 135": _swung(_RIGHT, _FRONT, 135),
        "horizontal abduction 45": _swung(_RIGHT, _BACK, 45),
    },
    "thigh": {
        "flexion 120": _swung(_DOWN, _FRONT, 120),
        "extension 30": _swung(_DOWN, _BACK, 30),
        "abduction 45": _swung(_DOWN, _RIGHT, 45),
        "adduction 30": _swung(_DOWN, _LEFT, 30),
        "abduction 60 when flexed by 90": _swung(_FRONT, _RIGHT, 60),
        "adduction 30 when flexed by 90": _swung(_FRONT, _LEFT, 30),
    },
}
"""Where a limb points at the end of each of its movements, unit directions."""


class Rotation(NamedTuple):
    """How far a bone of one direction turns about itself, read off its child bent by 90 degrees.

    Attributes:
        parent: direction of the bone.
        zero: direction of the child at zero rotation.
        lateral: direction of the child after 90 degrees of lateral rotation.
        lateral_deg, medial_deg: the furthest rotations, degrees.
    """

    parent: Direction
    zero: Direction
    lateral: Direction
    lateral_deg: float
    medial_deg: float


ROTATIONS: dict[str, tuple[Rotation, ...]] = {
    "forearm": (
        Rotation(_DOWN, _FRONT, _RIGHT, 80, 95),
        Rotation(_swung(_DOWN, _BACK, 60), _swung(_FRONT, _DOWN, 60), _RIGHT, 80, 95),
        Rotation(_RIGHT, _FRONT, _UP, 90, 70),
        Rotation(_FRONT, _LEFT, _UP, 90, 70),
        Rotation(_swung(_RIGHT, _FRONT, 135), _swung(_FRONT, _LEFT, 135), _UP, 90, 70),
        Rotation(_UP, _LEFT, _BACK, 90, 70),
    ),
    "shank": (
        Rotation(_DOWN, _BACK, _LEFT, 45, 45),
        Rotation(_swung(_DOWN, _BACK, 30), _swung(_BACK, _UP, 30), _LEFT, 45, 45),
        Rotation(_swung(_DOWN, _RIGHT, 45), _BACK, _swung(_LEFT, _DOWN, 45), 45, 45),
        Rotation(_FRONT, _DOWN, _LEFT, 45, 45),
        Rotation(_swung(_FRONT, _RIGHT, 60), _DOWN, _swung(_LEFT, _FRONT, 60), 45, 45),
        Rotation(_swung(_DOWN, _FRONT, 120), _swung(_BACK, _DOWN, 120), _LEFT, 45, 45),
    ),
}
"""Rotations of the upper arm and of the thigh, by the limb that tells them."""

GREATEST_BEND = {"forearm": 150.0, "shank": 140.0}
"""Flexion of elbow and knee, degrees."""

_CENTRES = {"head": np.array(_UP), "upper arm": REST[3], "thigh": np.array(_DOWN)}
_TURN, _RIM_STEP = 360.0, 0.1
_KERNEL_DEG = 20.0


def published_limits(
    settings: LimitSettings | None = None, tolerance_deg: float = TOLERANCE_DEG
) -> Limits:
    """Tables of the published ranges alone.

    Args:
        settings: sizes of the tables, and how far elbows and knees count as straight; what else
            there is concerns fits.
        tolerance_deg: by how much the ranges are widened, degrees.
    """
    return _published(settings or LimitSettings(), tolerance_deg)


@lru_cache(maxsize=4)
def _published(settings: LimitSettings, tolerance_deg: float) -> Limits:
    """The tables take seconds, and nobody changes them."""
    body = np.stack([_body_table(table, settings, tolerance_deg) for table in BODY_TABLES])
    child = np.stack([_child_table(table, settings, tolerance_deg) for table in CHILD_TABLES])
    text = f"Published ranges of motion, widened by {tolerance_deg:g} degrees."
    return Limits(torch.from_numpy(body), torch.from_numpy(child), text)


def fit_with_ranges(
    poses: np.ndarray | Genomes,
    settings: LimitSettings | None = None,
    source: str = "unnamed poses",
) -> Limits:
    """Tables that allow what a fit on real bodies allows, and what the published ranges allow.

    The margin is the larger of the two.

    Args:
        poses: (poses, 17, 3) world mm, or genomes; a few dozen are enough.
        settings: as for `fit_tables`.
        source: where the poses come from, for the provenance text.

    Raises:
        BadInput: no poses, or another shape.
    """
    settings = settings or LimitSettings()
    own, published = fit_tables(poses, settings, source), published_limits(settings)
    return replace(
        own,
        body=torch.maximum(own.body, published.body),
        child=torch.maximum(own.child, published.child),
        provenance=f"Fitted by evoskeleton on {len(poses)} poses: {source}; and"
        f" {published.provenance[0].lower()}{published.provenance[1:]}"
        f" Settings: {settings.model_dump_json()}",
    )


def _body_table(table: str, settings: LimitSettings, tolerance: float) -> np.ndarray:
    """(n, n) int8 margins of a limb that the torso carries."""
    size = settings.body_grid
    directions, frame = sphere.grid_directions(size), _frame(table)
    reach = _polar(np.array(list(END_POSITIONS[table].values())), frame)
    around, away = _polar(directions, frame)
    inside = away < np.interp(around, *reach, period=_TURN)
    turn = np.arange(0.0, _TURN, _RIM_STEP)
    rim = sphere.tree(_from_polar(turn, np.interp(turn, *reach, period=_TURN), frame))
    distances = sphere.distances_to_samples(directions, rim, sphere.LIMIT + tolerance)
    margins = np.where(inside, distances, -distances) + tolerance
    return sphere.quantize(margins).reshape(size, size)


def _frame(table: str) -> np.ndarray:
    """Rows: ahead, aside, and the centre of a limb's region."""
    centre = _CENTRES[table]
    aside = np.cross(_FRONT, centre)
    aside /= np.linalg.norm(aside)
    return np.stack([np.cross(centre, aside), aside, centre])


def _polar(directions: np.ndarray, frame: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Degrees around and away from the centre, both (n,)."""
    ahead, aside, centre = frame @ directions.T
    around = np.degrees(np.arctan2(aside, ahead))
    return around, np.degrees(np.arccos(np.clip(centre, -1.0, 1.0)))


def _from_polar(around: np.ndarray, away: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """The inverse of `_polar`, (n, 3)."""
    around, away = np.radians(around), np.radians(away)
    across = np.sin(away)
    found: np.ndarray = (
        np.stack([across * np.cos(around), across * np.sin(around), np.cos(away)], 1) @ frame
    )
    return found


def _child_table(table: str, settings: LimitSettings, tolerance: float) -> np.ndarray:
    """(p, p, c, c) int8 margins of a limb that another limb carries."""
    directions = sphere.grid_directions(settings.child_grid)
    angles = sphere.angles_between(directions)
    straight = _straight(table)
    bends = np.degrees(np.arccos(np.clip(directions @ straight, -1.0, 1.0)))
    free = getattr(settings, f"{table}_straight_deg") - bends
    margins = []
    for middle, half in _sectors(table, sphere.grid_directions(settings.parent_grid)):
        half = min(half + tolerance, 90.0)
        field = np.maximum(_in_sector(directions, straight, middle, half), free)
        field = np.minimum(field, GREATEST_BEND[table] + tolerance - bends)
        margins.append(sphere.signed_margins(field, angles))
    sides = (settings.parent_grid,) * 2 + (settings.child_grid,) * 2
    return sphere.quantize(np.array(margins)).reshape(sides)


def _straight(table: str) -> np.ndarray:
    limb = next(limb for limb in LIMBS if limb.name == f"right {table}")
    found: np.ndarray = REST[limb.parent]
    return found


def _sectors(table: str, over: np.ndarray) -> list[tuple[np.ndarray, float]]:
    """For (n, 3) directions of the parent: where the bent child points in the middle of its
    rotations, (3,) in the parent's frame, and how far it turns from there to either side, degrees.
    """
    rotations = ROTATIONS[table]
    parents = np.array([rotation.parent for rotation in rotations])
    middles = [_swung(r.zero, r.lateral, (r.lateral_deg - r.medial_deg) / 2) for r in rotations]
    halves = np.array([(r.lateral_deg + r.medial_deg) / 2 for r in rotations])
    weights = np.exp((over @ parents.T - 1.0) / np.radians(_KERNEL_DEG) ** 2)
    weights /= weights.sum(axis=1, keepdims=True)
    means = weights @ _into_frame(parents, np.array(middles), _straight(table))
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    return list(zip(means, weights @ halves, strict=True))


def _into_frame(parents: np.ndarray, own: np.ndarray, straight: np.ndarray) -> np.ndarray:
    """Directions (n, 3) in the frames that their parents (n, 3) carry."""
    bones, vectors = (torch.from_numpy(rows.T.copy())[:, None] for rows in (parents, own))
    rest = torch.from_numpy(straight.copy())[:, None, None]
    return into_bone_frame(bones, vectors, rest)[:, 0].T.numpy()


def _in_sector(
    directions: np.ndarray, straight: np.ndarray, middle: np.ndarray, half_deg: float
) -> np.ndarray:
    """Degrees (n,) within a sector around the axis `straight`, at most half a turn wide."""
    across = np.cross(straight, middle)
    sine, cosine = np.sin(np.radians(half_deg)), np.cos(np.radians(half_deg))
    planes = np.stack([sine * middle - cosine * across, sine * middle + cosine * across])
    found: np.ndarray = np.degrees(np.arcsin(np.clip(directions @ planes.T, -1.0, 1.0))).min(axis=1)
    return found
