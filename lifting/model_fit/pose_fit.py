"""A body fitted to the keypoints of one picture: the two best explanations of what was seen.

Takes the place of SMPLify (Bogo 2016, https://arxiv.org/abs/1607.08128) without a body surface:
a skeleton with plausible bone lengths, left and right alike, within the joint limits, whose
projection meets the keypoints, and which stays near a lifter's answer (`body_cost`). The lifter
starts it; Levenberg and Marquardt's method goes on. Then limbs and torso are flipped in depth
(`depth_flips`), one part at a time and in the combinations that promise most, and what has become
cheapest is refined.

One view does not show how large a person is: bodies are as high as `height_mm` says. The best body
and the second one, which is the cheapest that differs from it by more than `apart_mm` (mean over
the joints, seen from the hip), come back with their costs.

Bodies of a batch share no number, so that an answer does not depend on its neighbours but for the
last bits of float64.
"""

from dataclasses import dataclass

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from evoskeleton.errors import BadInput
from evoskeleton.evolution.limits.tables import Limits, default_limits
from evoskeleton.evolution.skeleton import BONES, JOINT_NAMES
from evoskeleton.lifting.bundle import Lifter
from evoskeleton.lifting.cameras import FOCAL_PX, SIZE
from evoskeleton.lifting.keypoints.plausible_keypoints import LEAST_KNOWN
from evoskeleton.lifting.metrics import mpjpe
from evoskeleton.lifting.model_fit.body_cost import (
    UNKNOWNS,
    Bodies,
    BodyCost,
    CostSettings,
    Evidence,
    body_joints,
    bone_directions,
    moved,
)
from evoskeleton.lifting.model_fit.depth_flips import COMBINATIONS, PARTS, SINGLE, combined, flipped
from evoskeleton.lifting.normalization import hip_centred
from evoskeleton.lifting.pinhole import Intrinsics, facing, turned
from evoskeleton.shapes import expect_shape

_LEAST_SPREAD_PX = 2.0
_AT_ONCE = 32
_FIRST_DAMPING, _MOST_DAMPING = 1e-2, 1e8


class PoseFitSettings(CostSettings):
    """What bodies are held to, and how long the search for them goes on."""

    start_steps: int = Field(8, ge=0, description="optimisation steps from the lifter's answer")
    flip_steps: int = Field(
        3, ge=0, description="optimisation steps of each body with flipped limbs"
    )
    final_steps: int = Field(12, ge=0, description="optimisation steps of the `finalists`")
    cheapest: int = Field(
        2, ge=0, description="combinations of flipped limbs to try: this many of the cheapest"
    )
    apart: int = Field(
        4,
        ge=0,
        description="further combinations to try: this many that are cheap and far from each other",
    )
    finalists: int = Field(4, ge=2, description="bodies that are refined at the end")
    apart_mm: float = Field(
        50.0, gt=0, description="least mean distance between the joints of the two answers, mm"
    )
    tolerance: float = Field(
        1e-3, gt=0, description="stop where a step saves less than this share of the cost"
    )


@dataclass(frozen=True)
class PoseFit:
    """Two bodies a pose, the cheaper first; the second is NaN, at infinite cost, where none is.

    Attributes:
        joints: (poses, 2, 17, 3) float32 mm, camera frame, seen from the camera.
        costs: (poses, 2) float32 squared standard deviations of all terms together.
        reprojection_px: (poses, 2) float32 mean distance of the visible keypoints from the joints'
            projection, in the px of an undistorted picture.
        converged: (poses, 2) bool, whether the steps sufficed.
    """

    joints: np.ndarray
    costs: np.ndarray
    reprojection_px: np.ndarray
    converged: np.ndarray


def fit_poses(
    lifter: Lifter,
    keypoints: np.ndarray,
    visibility: np.ndarray | None = None,
    intrinsics: Intrinsics | None = None,
    settings: PoseFitSettings | None = None,
    limits: Limits | None = None,
) -> PoseFit:
    """Fit bodies to the keypoints of many people.

    Args:
        lifter: where the fit starts, and what it is held to.
        keypoints: (poses, 17, 2) px, Human3.6M order.
        visibility: (poses, 17), above 0.5 where a keypoint is known; none: all are. Coordinates of
            the others are not looked at.
        intrinsics: of one camera for all or of one a pose; none: `Intrinsics.of_image(1000, 1000)`.
        settings: none: the defaults.
        limits: joint limits; none: those that ship with the package.

    Raises:
        BadInput: a shape is wrong, a visible keypoint is NaN or infinite, or fewer than six
            keypoints of a pose are visible.
    """
    settings = settings or PoseFitSettings.parse({})
    camera = intrinsics or Intrinsics.of_image(*SIZE)
    points, visible = checked_keypoints(keypoints, visibility, camera)
    fitter = Fitter(lifter, settings, limits or default_limits())
    parts = []
    for start in range(0, max(len(points), 1), _AT_ONCE):
        stop = start + _AT_ONCE
        rows = camera.rows(start, stop)
        parts.append(fitter.fit(points[start:stop], visible[start:stop], rows))
    return PoseFit(*(torch.cat(part).numpy() for part in zip(*parts, strict=True)))


def checked_keypoints(
    keypoints: np.ndarray, visibility: np.ndarray | None, camera: Intrinsics
) -> tuple[Tensor, Tensor]:
    """Keypoints (poses, 17, 2) float64 px, 0 where not visible, and visibility (poses, 17) bool."""
    expect_shape("keypoints", keypoints, ("poses", len(JOINT_NAMES), 2))
    if visibility is None:
        visibility = np.ones(keypoints.shape[:2], np.float32)
    expect_shape("visibility", visibility, (len(keypoints), len(JOINT_NAMES)))
    visible = np.asarray(visibility) > 0.5
    broken = ~np.isfinite(keypoints).all(2) & visible
    if broken.any():
        row, joint = np.argwhere(broken)[0]
        raise BadInput(
            f"keypoint {JOINT_NAMES[joint]} of pose {row} is visible and should be finite, "
            f"got {tuple(float(value) for value in keypoints[row, joint])}"
        )
    few = visible.sum(1) < LEAST_KNOWN
    if few.any():
        row = int(few.argmax())
        raise BadInput(
            f"pose {row} should have {LEAST_KNOWN} visible keypoints or more, "
            f"got {visible[row].sum()}"
        )
    seen = np.where(visible[..., None], keypoints, np.nan)
    spread = np.nanmax(seen, axis=1) - np.nanmin(seen, axis=1)
    if (points := spread.max(1) < _LEAST_SPREAD_PX).any():
        row = int(points.argmax())
        raise BadInput(
            f"visible keypoints of pose {row} should lie {_LEAST_SPREAD_PX:g} px apart or more, "
            f"got {spread[row].max():g}"
        )
    for name, tensor in vars(camera).items():
        if len(tensor) not in (1, len(keypoints)):
            raise BadInput(
                f"{name} should have one row, or one for each of {len(keypoints)} poses, "
                f"got {len(tensor)}"
            )
    points = np.where(visible[..., None], np.asarray(keypoints, np.float64), 0.0)
    return torch.from_numpy(points), torch.from_numpy(visible)


class Fitter:
    """One lifter and one set of settings, for chunks of poses.

    Attributes:
        cost: what bodies cost under the settings.
    """

    def __init__(self, lifter: Lifter | None, settings: PoseFitSettings, limits: Limits) -> None:
        self._lifter, self._settings = lifter, settings
        self.cost = BodyCost(limits, settings)

    def fit(self, keypoints: Tensor, visible: Tensor, camera: Intrinsics) -> tuple[Tensor, ...]:
        """The tensors of `PoseFit` for a chunk."""
        settings = self._settings
        plane, rotation, points, precision = self.faced(keypoints, visible, camera)
        evidence = Evidence(points, precision, self.lifted(points, visible))
        bodies, costs, converged = self._best_two(evidence)
        joints = torch.unflatten(body_joints(bodies, settings), 0, (-1, 2))
        joints = joints @ rotation[:, None]
        flat = joints[..., :2] / joints[..., 2:]
        off = (flat - plane[:, None]) * camera.focal[:, None, None]
        distance = torch.linalg.vector_norm(off, dim=3)
        reprojection = (distance * visible[:, None]).sum(2) / visible.sum(1, keepdim=True)
        missing = ~costs.isfinite()
        joints[missing], reprojection[missing] = torch.nan, torch.nan
        return joints.float(), costs.float(), reprojection.float(), converged & ~missing

    def faced(
        self, keypoints: Tensor, visible: Tensor, camera: Intrinsics
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Points (rows, 17, 2) of the camera; rotations (rows, 3, 3) to one that faces the people,
        points (rows, 17, 2) there, and their precision (rows, 17)."""
        middle = camera.center[:, None].expand_as(keypoints)
        plane = camera.points(torch.where(visible[..., None], keypoints, middle))
        rotation = facing(plane, visible)
        precision = visible * (FOCAL_PX / self._settings.noise_px)
        return plane, rotation, turned(plane, rotation), precision

    def lifted(self, points: Tensor, visible: Tensor) -> Tensor:
        """(rows, 16, 3) unit directions of the lifter's bones."""
        keypoints = FOCAL_PX * points + SIZE[0] / 2.0
        assert self._lifter is not None
        joints = self._lifter.lift(keypoints.numpy(), visible.numpy())
        return bone_directions(torch.from_numpy(joints).double())

    def _best_two(self, evidence: Evidence) -> tuple[Bodies, Tensor, Tensor]:
        """Bodies (2 * poses), the best of a pose before its second; costs and convergence
        (poses, 2)."""
        settings = self._settings
        base, cost, _ = self.refined(self._start(evidence), evidence, settings.start_steps)
        single = self.explored(base, evidence, SINGLE.expand(len(cost), -1, -1))
        chosen = self.promising(base, cost, *single)
        several = self.explored(base, evidence, combined(chosen))
        pool = Pool.joined([Pool(base, cost[:, None]), Pool(*single), Pool(*several)])
        return self._finished(pool, evidence)

    def _start(self, evidence: Evidence) -> Bodies:
        """The lifter's directions, the template's lengths, where the keypoints say."""
        rows = len(evidence.points)
        template = evidence.lifted.new_zeros(rows, UNKNOWNS - 3 - 2 * len(BONES))
        bodies = Bodies(evidence.lifted.new_zeros(rows, 3), evidence.lifted, template)
        root = standing_at(body_joints(bodies, self._settings), evidence)
        return Bodies(root, evidence.lifted, template)

    def explored(self, base: Bodies, evidence: Evidence, flips: Tensor) -> tuple[Bodies, Tensor]:
        """Every body after each of its own (poses, k, 16) flips and some steps: bodies (poses * k)
        and costs (poses, k)."""
        poses, count = flips.shape[:2]
        rows = torch.arange(poses).repeat_interleave(count)
        start = flipped(base.take(rows), flips.flatten(0, 1), self._settings)
        bodies, costs, _ = self.refined(start, evidence.take(rows), self._settings.flip_steps)
        return bodies, costs.view(poses, count)

    def promising(self, base: Bodies, cost: Tensor, bodies: Bodies, costs: Tensor) -> Tensor:
        """(poses, k, 5) combinations of states, by the sum of what their parts cost and move."""
        settings = self._settings
        there = torch.unflatten(hip_centred(body_joints(bodies, settings)), 0, costs.shape)
        here = hip_centred(body_joints(base, settings))[:, None]
        shift = torch.linalg.vector_norm(there - here, dim=3).mean(2)
        extra = _per_combination(costs - cost[:, None])
        far = _per_combination(shift) > 1.2 * settings.apart_mm
        tried = (COMBINATIONS > 0).sum(1) < 2
        extra = extra.masked_fill(tried, torch.inf)
        cheapest = extra.topk(settings.cheapest, dim=1, largest=False).indices
        apart = extra.masked_fill(~far, torch.inf).scatter(1, cheapest, torch.inf)
        apart = apart.topk(settings.apart, dim=1, largest=False).indices
        return COMBINATIONS[torch.cat([cheapest, apart], dim=1)]

    def _finished(self, pool: "Pool", evidence: Evidence) -> tuple[Bodies, Tensor, Tensor]:
        """The cheapest of the pool and the cheapest far from it, refined; then the best two."""
        settings = self._settings
        poses = len(pool.costs)
        first = pool.costs.argmin(1, keepdim=True)
        apart = self._distances(pool, first) > settings.apart_mm
        others = torch.where(apart, pool.costs, torch.inf)
        others = others.topk(settings.finalists - 1, dim=1, largest=False).indices
        finalists = pool.take(torch.cat([first, others], dim=1))
        rows = torch.arange(poses).repeat_interleave(settings.finalists)
        bodies, costs, converged = self.refined(
            finalists.bodies, evidence.take(rows), settings.final_steps
        )
        final = Pool(bodies, costs.view(poses, settings.finalists))
        best = final.costs.argmin(1, keepdim=True)
        every = Pool.joined([final, pool])
        done = torch.nn.functional.pad(
            converged.view(poses, settings.finalists), (0, pool.costs.shape[1])
        )
        two = torch.cat([best, self._second(every, best)], dim=1)
        costs = every.costs.gather(1, two)
        costs[:, 1:][self._distances(every, best).gather(1, two[:, 1:]) <= settings.apart_mm] = (
            torch.inf
        )
        return every.take(two).bodies, costs, done.gather(1, two)

    def _second(self, pool: "Pool", best: Tensor) -> Tensor:
        """(poses, 1) the cheapest body far from the best; one that was not refined in the end only
        where all that were have come too near."""
        refined = torch.arange(pool.costs.shape[1]) < self._settings.finalists
        near = self._distances(pool, best) <= self._settings.apart_mm
        far = pool.costs.masked_fill(near, torch.inf)
        choice = far.masked_fill(~refined, torch.inf)
        choice = torch.where(choice.isfinite().any(1, keepdim=True), choice, far)
        return choice.argmin(1, keepdim=True)

    def _distances(self, pool: "Pool", places: Tensor) -> Tensor:
        """(poses, k) mm of every body of a pool from that at (poses, 1) `places`."""
        joints = hip_centred(body_joints(pool.bodies, self._settings))
        rows = torch.arange(len(places))[:, None]
        goal = torch.unflatten(joints, 0, pool.costs.shape)[rows, places].expand(
            *pool.costs.shape, -1, -1
        )
        found: Tensor = mpjpe(joints, goal.flatten(0, 1)).view(pool.costs.shape)
        return found

    def refined(
        self, bodies: Bodies, evidence: Evidence, steps: int
    ) -> tuple[Bodies, Tensor, Tensor]:
        """Levenberg and Marquardt: bodies, costs (rows,), and whether they have converged (rows,).

        Bodies that have converged leave the batch.
        """
        found, live = bodies.copy(), torch.arange(len(bodies))
        cost, gradient, curvature = self.cost.model(bodies, evidence)
        costs, damping = cost.clone(), torch.full_like(cost, _FIRST_DAMPING)
        converged = torch.zeros_like(cost, dtype=torch.bool)
        for _ in range(steps):
            trial = moved(bodies, _step(gradient, curvature, damping))
            fresh = self.cost.model(trial, evidence)
            better = fresh[0] < cost
            settled = better & (cost - fresh[0] <= self._settings.tolerance * cost)
            settled |= damping > _MOST_DAMPING
            bodies = trial.where(better, bodies)
            cost = torch.where(better, fresh[0], cost)
            gradient = torch.where(better[:, None], fresh[1], gradient)
            curvature = torch.where(better[:, None, None], fresh[2], curvature)
            damping = torch.where(better, damping * 0.2, damping * 6.0)
            found.put(live, bodies)
            costs[live], converged[live] = cost, settled
            if settled.any():
                on = (~settled).nonzero()[:, 0]
                bodies, evidence, live = bodies.take(on), evidence.take(on), live[on]
                cost, damping = cost[on], damping[on]
                gradient, curvature = gradient[on], curvature[on]
            if not len(live):
                break
        return found, costs, converged


@dataclass(frozen=True)
class Pool:
    """Equally many bodies a pose: (poses * k) bodies and (poses, k) costs."""

    bodies: Bodies
    costs: Tensor

    def take(self, places: Tensor) -> "Pool":
        """Those at (poses, n) `places`."""
        poses, count = self.costs.shape
        rows = places + count * torch.arange(poses)[:, None]
        return Pool(self.bodies.take(rows.flatten()), self.costs.gather(1, places))

    @staticmethod
    def joined(pools: "list[Pool]") -> "Pool":
        """All bodies of every pose side by side."""
        costs = torch.cat([pool.costs for pool in pools], dim=1)
        places, start = [], 0
        for pool in pools:
            places.append(torch.arange(pool.costs.numel()).view(pool.costs.shape) + start)
            start += pool.costs.numel()
        order = torch.cat(places, dim=1).flatten()
        return Pool(Bodies.concatenate([pool.bodies for pool in pools]).take(order), costs)


def _per_combination(values: Tensor) -> Tensor:
    """Values (poses, 15) of `SINGLE` summed for all combinations, (poses, 1024)."""
    parts = torch.nn.functional.pad(torch.unflatten(values, 1, (len(PARTS), 3)), (1, 0))
    return torch.stack([parts[:, i, COMBINATIONS[:, i]] for i in range(len(PARTS))]).sum(0)


def _step(gradient: Tensor, curvature: Tensor, damping: Tensor) -> Tensor:
    """(rows, 45) damped Gauss-Newton step."""
    diagonal = curvature.diagonal(dim1=1, dim2=2)
    damped = curvature + torch.diag_embed(diagonal * damping[:, None] + 1e-12)
    factor, _ = torch.linalg.cholesky_ex(damped)
    return -torch.cholesky_solve(gradient[..., None], factor)[..., 0]


def standing_at(joints: Tensor, evidence: Evidence) -> Tensor:
    """(rows, 3) where hip-centred joints (rows, 17, 3) stand, by least squares on the keypoints."""
    ones = torch.ones_like(joints[..., :1])
    zeros = torch.zeros_like(ones)
    x, y = evidence.points.unsqueeze(-1).unbind(2)
    across = torch.cat([ones, zeros, -x], dim=2), torch.cat([zeros, ones, -y], dim=2)
    matrix = torch.stack(across, dim=2)
    goal = evidence.points * joints[..., 2:] - joints[..., :2]
    weight = evidence.precision[..., None]
    left = (matrix * weight[..., None]).flatten(1, 2)
    right = (goal * weight).flatten(1)
    normal = left.transpose(1, 2) @ left
    root = torch.linalg.solve(normal, (left.transpose(1, 2) @ right[..., None])[..., 0])
    return torch.cat([root[:, :2], root[:, 2:].clamp_min(1000.0)], dim=1)
