"""Evaluation: a lifter on real poses over fixed views or the data set's own, and where it errs.

Every pose is seen by every fixed view (`cameras.FIXED_VIEWS`), or by the cameras of its own data
set (`evaluation.own_views`), without noise and with all joints visible. Protocol 1 (MPJPE),
protocol 2 (P-MPJPE) and N-MPJPE average over all 17 joints, hip included, as published for
Human3.6M; PCK and AUC leave out the hip, which alignment makes right. Joints may be left out of
all of them.

Rarity of a pose: how far its body is, turned to one heading, from its nearest neighbours in a
reference set such as the seed poses.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import JOINT_NAMES, Joint
from evoskeleton.lifting.bundle import Lifter
from evoskeleton.lifting.cameras import (
    FIXED_VIEWS,
    fixed_views,
    project,
    world_to_camera,
)
from evoskeleton.lifting.evaluation.own_views import OwnViews
from evoskeleton.lifting.metrics import METRICS, joint_errors
from evoskeleton.lifting.normalization import hip_centred
from evoskeleton.shapes import expect_shape

_AT_ONCE = 1024
Scores = dict[str, float]


@dataclass(frozen=True)
class Evaluation:
    """Means over poses and views.

    Attributes:
        poses: how many were evaluated, each in every view.
        overall: metric by name, mean over all poses.
        mean_of_actions: mean of the actions' means, the average that papers report.
        by_action, by_clip, by_view: name -> metrics, and `poses` as a count.
        by_joint: joint -> mean error, mm.
        by_rarity: deciles from the most common poses to the rarest; empty without rarity.
        errors: (poses,) MPJPE of each pose, mean over the views, mm.
        clip: (poses,) the clip of each pose.
        own_views: names of the data set's own views; none: the fixed views.
        left_out: joints that do not count.
    """

    poses: int
    overall: Scores
    mean_of_actions: Scores
    by_action: dict[str, Scores]
    by_clip: dict[str, Scores]
    by_view: dict[str, Scores]
    by_joint: Scores
    by_rarity: list[Scores]
    errors: np.ndarray
    clip: np.ndarray
    own_views: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """All means as plain values for JSON, with the views they were taken over."""
        apart = ("errors", "clip", "own_views", "left_out")
        means = {k: v for k, v in vars(self).items() if k not in apart}
        views = [{"name": name} for name in self.own_views]
        left_out = {"left_out": list(self.left_out)} if self.left_out else {}
        return means | {"views": views or [view._asdict() for view in FIXED_VIEWS]} | left_out

    def rows(self) -> list[tuple[str, Scores]]:
        """(clip, metrics) of every clip, then of all poses."""
        return [*self.by_clip.items(), ("all", self.overall | {"poses": float(self.poses)})]


def evaluate(
    lifter: Lifter,
    poses: np.ndarray,
    action: np.ndarray,
    clip: np.ndarray,
    rarity: np.ndarray | None = None,
    *,
    views: OwnViews | None = None,
    leave_out: Sequence[str] = (),
) -> Evaluation:
    """Evaluate a lifter on real poses.

    Args:
        lifter: on any device.
        poses: (n, 17, 3) world mm.
        action: (n,) names.
        clip: (n,) names.
        rarity: (n,) from `rarity`, to group by; none: no deciles.
        views: of the n poses, by the cameras of their data set; none: the fixed views.
        leave_out: names of joints that do not count, such as those that another data set has
            elsewhere; never the hip.

    Raises:
        BadInput: there are no poses, the arrays differ in length, or a joint cannot be left out.
    """
    expect_shape("poses", poses, ("poses", len(JOINT_NAMES), 3))
    if len(poses) == 0:
        raise BadInput("poses should hold at least one pose, got none")
    for name, array in (("action", action), ("clip", clip), ("rarity", rarity)):
        if array is not None:
            expect_shape(name, array, (len(poses),))
    if views is not None:
        expect_shape("views", views.camera, (len(poses), len(views.names)))
    kept = _kept(leave_out)
    scores, joints = _score(lifter, poses, views, kept)
    mean = {name: values.mean(1) for name, values in scores.items()}
    by_action = _grouped(mean, np.asarray(action))
    return Evaluation(
        poses=len(poses),
        overall=_means(mean),
        mean_of_actions={
            name: float(np.mean([group[name] for group in by_action.values()])) for name in METRICS
        },
        by_action=by_action,
        by_clip=_grouped(mean, np.asarray(clip)),
        by_view={
            view: _means({name: values[:, at] for name, values in scores.items()})
            for at, view in enumerate(views.names if views else [view.name for view in FIXED_VIEWS])
        },
        by_joint={
            JOINT_NAMES[joint]: float(error)
            for joint, error in zip(kept, joints.mean(0), strict=True)
        },
        by_rarity=[] if rarity is None else _by_decile(mean, rarity),
        errors=mean["mpjpe"],
        clip=np.asarray(clip),
        own_views=views.names if views else (),
        left_out=tuple(leave_out),
    )


def _kept(leave_out: Sequence[str]) -> list[int]:
    """The joints that count."""
    for name in leave_out:
        if name not in JOINT_NAMES[1:]:
            known = ", ".join(JOINT_NAMES[1:])
            raise BadInput(f"joints to leave out should be among {known}, got {name}")
    return [joint for joint, name in enumerate(JOINT_NAMES) if name not in leave_out]


def lift_fixed_views(lifter: Lifter, poses: np.ndarray) -> tuple[Tensor, Tensor]:
    """What a lifter makes of (n, 17, 3) world mm, and the truth.

    Returns:
        Two tensors (n, views, 17, 3) on the processor, hip-centred camera mm.
    """
    pairs = [
        _lift(lifter, torch.from_numpy(np.array(poses[at : at + _AT_ONCE], dtype=np.float32)))
        for at in range(0, len(poses), _AT_ONCE)
    ]
    predicted, target = (torch.cat(parts) for parts in zip(*pairs, strict=True))
    return predicted, target


def _lift(lifter: Lifter, joints: Tensor) -> tuple[Tensor, Tensor]:
    joints = joints.to(lifter.device)
    cameras = fixed_views(joints[:, Joint.HIP])
    views = len(FIXED_VIEWS)
    seen = world_to_camera(joints.repeat_interleave(views, dim=0), cameras)
    predicted = lifter.lift_tensor(project(seen, cameras))
    both = (predicted, hip_centred(seen))
    first, second = (torch.unflatten(t, 0, (len(joints), views)).cpu() for t in both)
    return first, second


def _score(
    lifter: Lifter, poses: np.ndarray, views: OwnViews | None, kept: list[int]
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Every metric as (n, views), and the mean error of every joint that counts, (n, kept) mm."""
    parts: dict[str, list[np.ndarray]] = {name: [] for name in METRICS}
    joints = []
    for at in range(0, len(poses), _AT_ONCE):
        some = poses[at : at + _AT_ONCE]
        both = lift_fixed_views(lifter, some) if views is None else views.lift(lifter, some, at)
        shape, flat = both[0].shape[:2], [lifted.flatten(0, 1)[:, kept] for lifted in both]
        for name, metric in METRICS.items():
            parts[name].append(metric.measure(*flat).view(shape).numpy())
        joints.append(joint_errors(*flat).unflatten(0, shape).mean(1).numpy())
    return {name: np.concatenate(part) for name, part in parts.items()}, np.concatenate(joints)


def _means(scores: dict[str, np.ndarray], rows: np.ndarray | slice = slice(None)) -> Scores:
    return {name: float(values[rows].mean(dtype=np.float64)) for name, values in scores.items()}


def _grouped(scores: dict[str, np.ndarray], names: np.ndarray) -> dict[str, Scores]:
    groups = {}
    for name in np.unique(names):
        rows = np.flatnonzero(names == name)
        groups[str(name)] = _means(scores, rows) | {"poses": float(len(rows))}
    return groups


def _by_decile(scores: dict[str, np.ndarray], rarity: np.ndarray) -> list[Scores]:
    order = np.argsort(rarity, kind="stable")
    return [
        _means(scores, rows)
        | {"poses": float(len(rows)), "from": float(rarity[rows[0]]), "to": float(rarity[rows[-1]])}
        for rows in np.array_split(order, 10)
        if len(rows)
    ]


def heading_aligned(poses: np.ndarray) -> np.ndarray:
    """(n, 17, 3) world mm, hip at the origin, turned about z until LHip -> RHip lies along x."""
    centred = np.asarray(poses, np.float32) - np.asarray(poses, np.float32)[:, Joint.HIP, None]
    across = centred[:, Joint.RHIP] - centred[:, Joint.LHIP]
    angle = -np.arctan2(across[:, 1], across[:, 0])
    turn = np.zeros((len(centred), 3, 3), np.float32)
    turn[:, 0, 0] = turn[:, 1, 1] = np.cos(angle)
    turn[:, 1, 0], turn[:, 0, 1], turn[:, 2, 2] = np.sin(angle), -np.sin(angle), 1.0
    turned: np.ndarray = np.einsum("nij,nkj->nki", turn, centred)
    return turned


def rarity(poses: np.ndarray, reference: np.ndarray, neighbours: int = 5) -> np.ndarray:
    """How far each pose is from what is known.

    Args:
        poses: (n, 17, 3) world mm.
        reference: (m, 17, 3) world mm, such as the seed poses.
        neighbours: how many nearest reference poses are averaged.

    Returns:
        (n,) float32: root mean square distance over the joints, mm.
    """
    known = torch.from_numpy(heading_aligned(reference)).flatten(1)
    asked = torch.from_numpy(heading_aligned(poses)).flatten(1)
    nearest = min(neighbours, len(known))
    parts = [
        torch.cdist(part, known).topk(nearest, largest=False).values.mean(1)
        for part in torch.split(asked, _AT_ONCE)
    ]
    return torch.cat(parts).numpy() / np.float32(np.sqrt(len(JOINT_NAMES)))
