"""Bodies that explain corrected keypoints, near a body that somebody has made, turned as they say.

The fit of `pose_fit` with three differences. It is pulled towards a start, such as the body that an
annotator has put right, where there is one: a lifter's pull would undo the work. Bones of which
somebody has said whether they point away from the camera or towards it keep to that. And several
bodies come back that differ from each other: after the fitted one those that a flip in depth makes
of it, the likeliest first (`likely_flips`).

One row a bone, by its far end: joints 1 to 16.
"""

import numpy as np
import torch
from torch import Tensor

from evoskeleton.errors import BadInput
from evoskeleton.evolution.limits.tables import Limits, default_limits
from evoskeleton.evolution.skeleton import BONES, JOINT_NAMES
from evoskeleton.lifting.bundle import Lifter
from evoskeleton.lifting.model_fit.body_cost import (
    GROUP,
    ORDER_MARGIN,
    Bodies,
    Evidence,
    body_joints,
    bone_directions,
    length_deviations,
    lengths_mm,
)
from evoskeleton.lifting.model_fit.depth_flips import SINGLE, combined, flipped
from evoskeleton.lifting.model_fit.fitted_bodies import FittedBodies
from evoskeleton.lifting.model_fit.likely_flips import likely_flips
from evoskeleton.lifting.model_fit.pose_fit import (
    Fitter,
    PoseFitSettings,
    checked_keypoints,
    standing_at,
)
from evoskeleton.lifting.normalization import hip_centred
from evoskeleton.lifting.pinhole import Intrinsics
from evoskeleton.shapes import expect_shape

MOST_BODIES = 6
APART_MM = 50.0
_MOST_LOG_LENGTH = 0.5
_ORDER_STEPS = 8
_KEPT_MARGIN = ORDER_MARGIN / 5.0


def described(
    joints: np.ndarray,
    costs: np.ndarray,
    reprojection_px: np.ndarray,
    converged: np.ndarray,
    height_mm: float,
    limits: Limits | None = None,
) -> FittedBodies:
    """What is to be said of bodies (k, 17, 3) mm that stand before a camera."""
    bodies = torch.from_numpy(np.asarray(joints, np.float64))
    cost = Fitter(None, PoseFitSettings.parse({"height_mm": height_mm}), limits or default_limits())
    ahead = depth_signs(bodies) > 0
    return FittedBodies(
        joints=hip_centred(bodies).float().numpy(),
        roots=bodies[:, 0].float().numpy(),
        costs=np.asarray(costs, np.float64),
        reprojection_px=np.asarray(reprojection_px, np.float64),
        bone_sigma=length_deviations(bodies, height_mm).float().numpy(),
        limit_margin_deg=cost.cost.margins(bone_directions(bodies)).float().numpy(),
        flips=(ahead ^ ahead[:1]).numpy(),
        converged=np.asarray(converged, bool),
    )


def depth_signs(joints: Tensor) -> Tensor:
    """(rows, 16) of joints (rows, 17, 3) seen from the camera: the cosine between a bone and the
    ray of its far end; above 0 where that is the farther one."""
    _, children = (list(side) for side in zip(*BONES, strict=True))
    rays = torch.nn.functional.normalize(joints[:, children], dim=2)
    return (bone_directions(joints) * rays).sum(2)


def refit_body(
    lifter: Lifter | None,
    keypoints: np.ndarray,
    visibility: np.ndarray,
    intrinsics: Intrinsics,
    start: np.ndarray | None = None,
    depth_order: np.ndarray | None = None,
    height_mm: float = 1700.0,
    most: int = MOST_BODIES,
    limits: Limits | None = None,
) -> FittedBodies:
    """Bodies for one person: that which was fitted, then its flips in depth, the likeliest first.

    Args:
        lifter: where the fit starts without `start`.
        keypoints: (17, 2) px, Human3.6M order.
        visibility: (17,), above 0.5 where a keypoint is known.
        intrinsics: of the camera, one row.
        start: (17, 3) mm, camera frame, wherever the hip is: what the fit is pulled towards.
        depth_order: (16,) of -1, 0, 1, see `depth_signs`; kept by all bodies.
        height_mm: of the body.
        most: how many bodies; each differs from those before by more than 50 mm in some joint.
        limits: joint limits; none: those that ship with the package.

    Raises:
        BadInput: a shape or a number is wrong, fewer than six keypoints are known, or a bone of the
            start has no length.
    """
    settings = PoseFitSettings.parse({"height_mm": height_mm})
    points, visible = checked_keypoints(keypoints[None], visibility[None], intrinsics)
    order = torch.zeros(len(BONES), dtype=torch.float64)
    if depth_order is not None:
        expect_shape("depth_order", depth_order, (len(BONES),))
        order = torch.from_numpy(np.sign(np.asarray(depth_order, np.float64)))
    fitter = Fitter(lifter, settings, limits or default_limits())
    _, rotation, faced, precision = fitter.faced(points, visible, intrinsics)
    goal = fitter.lifted(faced, visible) if start is None else _turned_start(start, rotation)
    one = _Refitting(fitter, settings, Evidence(faced, precision, goal), order)
    lengths = None if start is None else _log_lengths(start, height_mm)
    bodies, costs, converged = one.bodies(lengths, most)
    joints = body_joints(bodies, settings) @ rotation
    off = joints[..., :2] / joints[..., 2:] * intrinsics.focal + intrinsics.center - points
    distance = (torch.linalg.vector_norm(off, dim=2) * visible).sum(1) / visible.sum()
    found = joints.numpy(), costs.numpy(), distance.numpy(), converged.numpy()
    return described(*found, height_mm, limits)


def _turned_start(start: np.ndarray, rotation: Tensor) -> Tensor:
    """(1, 16, 3) directions of a start's bones before the camera that faces the person."""
    expect_shape("start", start, (len(JOINT_NAMES), 3))
    joints = torch.from_numpy(np.asarray(start, np.float64))[None]
    directions = bone_directions(joints)
    if not (torch.isfinite(joints).all() and (directions.square().sum(2) > 0.5).all()):
        raise BadInput("start should be a body whose bones all have a length")
    return directions @ rotation.transpose(1, 2)


def _log_lengths(start: np.ndarray, height_mm: float) -> Tensor:
    """(1, 10) lengths of a start, left and right together, as `Bodies` has them."""
    joints = torch.from_numpy(np.asarray(start, np.float64))[None]
    unit = lengths_mm(
        torch.zeros(1, 10, dtype=torch.float64), PoseFitSettings.parse({"height_mm": height_mm})
    )
    parents, children = (list(side) for side in zip(*BONES, strict=True))
    lengths = torch.linalg.vector_norm(joints[:, children] - joints[:, parents], dim=2)
    logs = (lengths / unit).log().clamp(-_MOST_LOG_LENGTH, _MOST_LOG_LENGTH)[0]
    sums = torch.zeros(10, dtype=torch.float64).index_add(0, GROUP, logs)
    return (sums / torch.bincount(GROUP, minlength=10))[None]


class _Refitting:
    """The search of one person."""

    def __init__(
        self, fitter: Fitter, settings: PoseFitSettings, evidence: Evidence, order: Tensor
    ) -> None:
        self._fitter, self._settings, self._order = fitter, settings, order
        self._plain = evidence

    def bodies(self, lengths: Tensor | None, most: int) -> tuple[Bodies, Tensor, Tensor]:
        """Up to `most` bodies, their costs and whether they converged, (k,) each."""
        fitter, settings = self._fitter, self._settings
        evidence = self._evidence(start := self._start(lengths))
        fitted = self._searched if lengths is None else self._grown
        body, converged = fitted(start, evidence)
        others = likely_flips(body, evidence, fitter.cost, settings, self._order == 0)
        found = self._kept_in_order(Bodies.concatenate([body, others]))
        places = self._apart(found, most)
        rows = torch.zeros(len(places), dtype=torch.int64)
        found = found.take(places)
        return found, fitter.cost.cost(found, evidence.take(rows)), converged[rows]

    def _grown(self, start: Bodies, evidence: Evidence) -> tuple[Bodies, Tensor]:
        """The body that a start becomes, and whether it converged, (1,)."""
        steps = self._settings.start_steps + self._settings.final_steps
        body, _, converged = self._fitter.refined(start, evidence, steps)
        return body, converged

    def _searched(self, start: Bodies, evidence: Evidence) -> tuple[Bodies, Tensor]:
        """The cheapest body of all flips of parts, and whether it converged, (1,)."""
        settings, fitter = self._settings, self._fitter
        base, cost, _ = fitter.refined(start, evidence, settings.start_steps)
        free = self._order == 0
        single = fitter.explored(base, evidence, (SINGLE & free).expand(1, -1, -1))
        chosen = combined(fitter.promising(base, cost, *single)) & free
        several = fitter.explored(base, evidence, chosen)
        pool = Bodies.concatenate([base, single[0], several[0]])
        costs = torch.cat([cost, single[1][0], several[1][0]])
        finalists = costs.topk(settings.finalists, largest=False).indices
        rows = torch.zeros(len(finalists), dtype=torch.int64)
        found, costs, converged = fitter.refined(
            pool.take(finalists), evidence.take(rows), settings.final_steps
        )
        best = costs.argmin()[None]
        return found.take(best), converged[best]

    def _start(self, lengths: Tensor | None) -> Bodies:
        """Where the search begins, standing where the keypoints say, turned as was said."""
        evidence, settings = self._plain, self._settings
        logs = torch.zeros(1, 10, dtype=torch.float64) if lengths is None else lengths
        bodies = Bodies(torch.zeros(1, 3, dtype=torch.float64), evidence.lifted, logs)
        root = standing_at(body_joints(bodies, settings), evidence)
        bodies = Bodies(root, evidence.lifted, logs)
        signs = depth_signs(body_joints(bodies, settings))
        return flipped(bodies, signs * self._order < 0, settings)

    def _evidence(self, start: Bodies) -> Evidence:
        """What bodies should explain; rays of unknown keypoints are those of the start."""
        if not self._order.any():
            return self._plain
        points, known = self._plain.points, self._plain.precision > 0
        there = body_joints(start, self._settings)
        rays = torch.where(
            known[..., None], torch.nn.functional.pad(points, (0, 1), value=1.0), there
        )
        rays = torch.nn.functional.normalize(rays, dim=2)[:, 1:]
        ordered = rays * self._order[:, None]
        return Evidence(points, self._plain.precision, self._plain.lifted, ordered)

    def _apart(self, bodies: Bodies, most: int) -> Tensor:
        """(k,) places of the first bodies that differ from each other."""
        joints = hip_centred(body_joints(bodies, self._settings))
        chosen: list[int] = []
        for place in range(len(bodies)):
            far = torch.linalg.vector_norm(joints[chosen] - joints[place], dim=2).amax(1)
            if (far > APART_MM).all():
                chosen.append(place)
            if len(chosen) == most:
                break
        return torch.tensor(chosen)

    def _kept_in_order(self, bodies: Bodies) -> Bodies:
        """The bodies, with bones that go against what was said turned just across it."""
        if not self._order.any():
            return bodies
        lengths = lengths_mm(bodies.log_lengths, self._settings)
        places, directions = [bodies.root], []
        for bone, (parent, _) in enumerate(BONES):
            direction, wanted = bodies.directions[:, bone], self._order[bone]
            for _ in range(_ORDER_STEPS if wanted else 0):
                end = places[parent] + lengths[:, bone, None] * direction
                ray = torch.nn.functional.normalize(end, dim=1)
                along = (direction * ray).sum(1, keepdim=True)
                missing = (_KEPT_MARGIN - wanted * along).clamp_min(0.0)
                direction = torch.nn.functional.normalize(direction + wanted * missing * ray, dim=1)
            directions.append(direction)
            places.append(places[parent] + lengths[:, bone, None] * direction)
        return Bodies(bodies.root, torch.stack(directions, dim=1), bodies.log_lengths)
