"""How joint limits are fitted on real limb directions; `limits` says what the tables mean.

A fit allows what lies within a radius of a real direction. For child limbs the distance is that of
a product, sqrt((parent angle / stretch)^2 + child angle^2): what a limb can do changes slowly with
its parent's direction, so a sample speaks for far more directions of the parent than of the child.
Elbows and knees are also hinges: around every direction of the parent the mean direction of bending
is found with a kernel, and a child lies before the plane across it, unless it is nearly straight or
a real one lies close by. Nearest samples alone, wide enough to accept people never seen, also
accept elbows that bend backwards.
Samples are thinned to one a cell first: an hour on a climbing frame weighs no more than the
region it covers.

The hinge is Akhter and Black's separating plane (2015, https://doi.org/10.1109/CVPR.2015.7298751),
made smooth over the parent's direction. Directions here are rows, (samples, 3) float64.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from pydantic import Field

from evoskeleton.evolution.hierarchy import REST
from evoskeleton.evolution.limits import sphere
from evoskeleton.evolution.skeleton import LIMB_MIRROR, LIMBS
from evoskeleton.settings import Settings

_BEYOND = 20.0
_FAINT_BEND = 0.1
_EVERYWHERE = 1e-3


class LimitSettings(Settings):
    """How tables are fitted; the defaults were found by leaving out one training subject each."""

    head_radius_deg: float = Field(
        default=20.0, gt=0, lt=60, description="reach of a real head direction, degrees"
    )
    upper_arm_radius_deg: float = Field(
        default=25.0, gt=0, lt=60, description="reach of a real upper arm direction, degrees"
    )
    thigh_radius_deg: float = Field(
        default=20.0, gt=0, lt=60, description="reach of a real thigh direction, degrees"
    )
    forearm_radius_deg: float = Field(
        default=25.0,
        gt=0,
        lt=60,
        description="reach of a real forearm given its upper arm, degrees",
    )
    shank_radius_deg: float = Field(
        default=20.0, gt=0, lt=60, description="reach of a real shank given its thigh, degrees"
    )
    stretch: float = Field(
        default=6.0,
        ge=1,
        description="degrees of the parent limb that count as one degree of the child",
    )
    forearm_straight_deg: float = Field(
        default=24.0, ge=0, le=180, description="an elbow bent less may bend to any side, degrees"
    )
    shank_straight_deg: float = Field(
        default=12.0, ge=0, le=180, description="a knee bent less may bend to any side, degrees"
    )
    seen_radius_deg: float = Field(
        default=10.0,
        ge=0,
        lt=60,
        description="reach of a real forearm or shank that bends backwards all the same, degrees",
    )
    hinge_width_deg: float = Field(
        default=20.0,
        gt=0,
        description="width over the parent of the kernel that finds the bend, degrees",
    )
    smoothing_deg: float = Field(
        default=3.0,
        ge=0,
        lt=30,
        description="width of the Gaussian that smooths the margins, degrees",
    )
    body_grid: int = Field(
        default=97,
        ge=9,
        le=257,
        description="points along each side of the table of a limb at the trunk",
    )
    parent_grid: int = Field(
        default=21, ge=5, le=65, description="points along each side of the parent's axes"
    )
    child_grid: int = Field(
        default=41, ge=9, le=129, description="points along each side of the child's axes"
    )


def _samples(limbs: np.ndarray, table: str) -> tuple[np.ndarray, np.ndarray]:
    """Directions (n, 3) of both sides as right ones, and those of their parents."""
    chosen = [i for i, limb in enumerate(LIMBS) if limb.name.endswith(table)]
    flip = np.array([-1.0, 1.0, 1.0])
    own, parents = [], []
    for limb in chosen:
        side = flip if LIMBS[limb].name.startswith("left") else 1.0
        own.append(limbs[:, limb].T * side)
        parents.append(limbs[:, LIMBS[limb].parent].T * side)
    if chosen == [LIMB_MIRROR[chosen[0]]]:
        own.append(own[0] * flip)
        parents.append(parents[0] * flip)
    return np.concatenate(own), np.concatenate(parents)


def _radius(table: str, settings: LimitSettings) -> float:
    return float(getattr(settings, f"{table.replace(' ', '_')}_radius_deg"))


@dataclass(frozen=True, eq=False)
class Grid:
    """The vertices of a table, which the tables of several limbs share.

    Attributes:
        directions: (n, 3) unit directions.
        angles: (n, n) degrees between them.
        smooth: (n, n) smoothing matrix.
    """

    directions: np.ndarray
    angles: np.ndarray
    smooth: np.ndarray

    @classmethod
    def of(cls, size: int, settings: LimitSettings) -> "Grid":
        """Of a table with so many vertices along each side."""
        directions = sphere.grid_directions(size)
        angles = sphere.angles_between(directions)
        return cls(directions, angles, sphere.blur(angles, settings.smoothing_deg))


def fit_bodies(limbs: np.ndarray, tables: Iterable[str], settings: LimitSettings) -> np.ndarray:
    """(tables, n, n) int8 margins of limbs that the torso carries."""
    grid = Grid.of(settings.body_grid, settings)
    return np.stack([_fit_body(limbs, table, grid, settings) for table in tables])


def _fit_body(limbs: np.ndarray, table: str, grid: Grid, settings: LimitSettings) -> np.ndarray:
    own, _ = _samples(limbs, table)
    samples = sphere.tree(sphere.thinned(own, np.radians(0.5)))
    radius = _radius(table, settings)
    field = radius - sphere.distances_to_samples(grid.directions, samples, radius + _BEYOND)
    margins = grid.smooth @ sphere.signed_margins(field, grid.angles)
    return sphere.quantize(margins).reshape((settings.body_grid,) * 2)


def fit_children(limbs: np.ndarray, tables: Iterable[str], settings: LimitSettings) -> np.ndarray:
    """(tables, p, p, c, c) int8 margins of limbs that another limb carries."""
    grid = Grid.of(settings.child_grid, settings)
    return np.stack([_fit_child(limbs, table, grid, settings) for table in tables])


def _fit_child(limbs: np.ndarray, table: str, grid: Grid, settings: LimitSettings) -> np.ndarray:
    own, parents = _samples(limbs, table)
    samples = np.concatenate([parents / settings.stretch, own], axis=1)
    samples = sphere.thinned(samples, np.radians(1.5))
    over = sphere.grid_directions(settings.parent_grid)
    directions, angles = grid.directions, grid.angles
    hinges = _hinge_margins(over, directions, samples, table, settings)
    tree, reach = sphere.tree(samples), _radius(table, settings)
    margins = np.empty((len(over), len(directions)), np.float32)
    for vertex, parent in enumerate(over):
        queries = np.broadcast_to(parent / settings.stretch, directions.shape)
        queries = np.concatenate([queries, directions], axis=1)
        away = sphere.distances_to_samples(queries, tree, reach + _BEYOND)
        forward = np.minimum(sphere.signed_margins(reach - away, angles), hinges[vertex])
        seen = sphere.signed_margins(settings.seen_radius_deg - away, angles)
        margins[vertex] = grid.smooth @ np.maximum(forward, seen)
    sides = (settings.parent_grid,) * 2 + (settings.child_grid,) * 2
    return sphere.quantize(margins).reshape(sides)


def _hinge_margins(
    over: np.ndarray,
    directions: np.ndarray,
    samples: np.ndarray,
    table: str,
    settings: LimitSettings,
) -> np.ndarray:
    """Degrees (n, m) before the plane that a joint bends away from, or within the straight cone.

    Args:
        over: (n, 3) directions of the parent.
        directions: (m, 3) directions of the child.
        samples: (k, 6) parents divided by the stretch, then children.
    """
    straight = REST[LIMBS[_right_limb(table)].parent]
    ahead = _bend_directions(over, samples, straight, settings)
    before = np.degrees(np.arcsin(np.clip(ahead @ directions.T, -1.0, 1.0)))
    bends = np.degrees(np.arccos(np.clip(directions @ straight, -1.0, 1.0)))
    found: np.ndarray = np.maximum(before, getattr(settings, f"{table}_straight_deg") - bends)
    return found


def _right_limb(table: str) -> int:
    return next(i for i, limb in enumerate(LIMBS) if limb.name == f"right {table}")


def _bend_directions(
    over: np.ndarray, samples: np.ndarray, straight: np.ndarray, settings: LimitSettings
) -> np.ndarray:
    """Mean direction (n, 3) in which the joint bends when its parent points along `over` (n, 3).

    Far from all samples the mean over all of them takes over; nearly straight limbs hardly count.
    """
    parents, own = samples[:, :3] * settings.stretch, samples[:, 3:]
    bends = own - np.outer(own @ straight, straight)
    bends /= np.maximum(np.linalg.norm(bends, axis=1, keepdims=True), _FAINT_BEND)
    sharpness = 1.0 / np.radians(settings.hinge_width_deg) ** 2
    means = (np.exp(sharpness * (over @ parents.T - 1.0)) + _EVERYWHERE) @ bends
    found: np.ndarray = means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12)
    return found
