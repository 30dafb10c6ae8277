"""What a search towards keypoints has changed: how many are explained, and how well."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from evoskeleton.errors import BadInput
from evoskeleton.evolution.hierarchy import decode
from evoskeleton.evolution.operators.codes import LIFTED
from evoskeleton.evolution.population import generation_island_slot
from evoskeleton.evolution.skeleton import Joint
from evoskeleton.lifting.bundle import load_bundle
from evoskeleton.lifting.cameras import project
from evoskeleton.lifting.keypoint_views import in_cameras
from evoskeleton.platform.data.target.keypoint_target import KeypointTarget
from evoskeleton.platform.record.explanations import Explanation
from evoskeleton.platform.search.adapting.nearest_view import nearest_view
from evoskeleton.platform.search.campaign.paths import CampaignFolder
from evoskeleton.platform.search.campaign.settings import CampaignSettings
from evoskeleton.platform.search.campaign.state import State
from evoskeleton.platform.search.target.resembling import Resembling
from evoskeleton.platform.search.workers.answers import answers, as_lifted, projected
from evoskeleton.platform.search.workers.scorers import resemblance_views

WITHIN = (0.1, 0.2)
"""Distances at which a keypoint set may be called explained."""


@dataclass(frozen=True)
class Change:
    """A number before and after."""

    before: float
    after: float


@dataclass(frozen=True)
class Agreement:
    """How near bodies come to the keypoints, of which each has one.

    Attributes:
        distance: the median.
        within: share of the keypoint sets that are nearer than each of some distances.
    """

    distance: Change
    within: Mapping[float, Change]


@dataclass(frozen=True, eq=False)
class Explained:
    """What a campaign has changed.

    Attributes:
        sets, clips: of the target.
        left_out: what of the target could not be used, by the reason.
        curve: median distance of the nearest bodies, by generation from the first.
        bodies: of the nearest bodies, after the first generation and after the last.
        lifters: of what the lifter itself makes of the keypoints, the first and the last.
        worst: the keypoint sets that are explained worst, from the worst on.
    """

    sets: int
    clips: int
    left_out: Mapping[str, int]
    curve: tuple[float, ...]
    bodies: Agreement
    lifters: Agreement
    worst: tuple[Explanation, ...]


def explained(
    settings: CampaignSettings, folder: CampaignFolder, state: State, champion: int, worst: int = 5
) -> Explained:
    """Compare the first generation with the last, and the first lifter with the champion.

    Raises:
        BadInput: the campaign has no target, or has not bred yet.
    """
    held = state.resembling
    if held is None or len(held) == 0:
        raise BadInput(f"campaign {settings.name} has bred nothing towards keypoints yet")
    target = KeypointTarget.load(folder.target)
    bred = state.logbook[1:]
    return Explained(
        sets=len(target),
        clips=len(set(target.clip.tolist())),
        left_out=target.left_out,
        curve=tuple(row["target/distance"] for row in bred),
        bodies=Agreement(
            Change(bred[0]["target/distance"], bred[-1]["target/distance"]),
            {near: _logged(bred[0], bred[-1], near) for near in WITHIN},
        ),
        lifters=_lifters(settings, folder, target, champion),
        worst=tuple(_explanation(settings, target, held, row) for row in _worst(held, worst)),
    )


def _logged(first: Mapping[str, float], last: Mapping[str, float], near: float) -> Change:
    name = f"target/within_{near:g}"
    return Change(first[name], last[name])


def _lifters(
    settings: CampaignSettings, folder: CampaignFolder, target: KeypointTarget, champion: int
) -> Agreement:
    """Of the first lifter, which knows the seeds alone, and of the champion."""
    first, last = (_reprojected(settings, folder, target, number) for number in (0, champion))
    return Agreement(
        Change(float(np.median(first)), float(np.median(last))),
        {
            near: Change(float((first < near).mean()), float((last < near).mean()))
            for near in WITHIN
        },
    )


def _reprojected(
    settings: CampaignSettings, folder: CampaignFolder, target: KeypointTarget, training: int
) -> np.ndarray:
    """Distance (targets,) of what a lifter makes of each keypoint set."""
    lifter = load_bundle(folder.training(training) / "bundle")
    return answers(lifter, target, settings.training.fit.views, settings.seed, 0).distance


def _worst(held: Resembling, count: int) -> np.ndarray:
    """Keypoint sets (at most count,) from the worst on; those that have a body at all."""
    nearest = held.niches.distance[:, 0]
    order = np.argsort(-nearest, kind="stable")
    found: np.ndarray = order[np.isfinite(nearest[order])][:count]
    return found


def _explanation(
    settings: CampaignSettings, target: KeypointTarget, held: Resembling, row: int
) -> Explanation:
    joints, seen = _in_its_view(settings, target, held, row)
    return Explanation(
        name=str(target.name[row]),
        picture=str(target.picture[row]),
        frame=int(target.frame[row]),
        keypoints=target.keypoints[row],
        weights=target.weights[row],
        distance=float(held.niches.distance[row, 0]),
        seen=laid_over(seen.numpy(), target.keypoints[row], target.weights[row]),
        joints=joints.numpy(),
    )


def _in_its_view(
    settings: CampaignSettings, target: KeypointTarget, held: Resembling, row: int
) -> tuple[Tensor, Tensor]:
    """The nearest body of a keypoint set, (17, 3) camera mm, and (17, 2) as that camera sees it."""
    name, view = int(held.niches.ids[row, 0]), int(held.niches.view[row, 0])
    place = int(np.searchsorted(held.bodies.ids.numpy(), name))
    body = held.bodies.take(torch.tensor([place]))
    world, ranges = decode(body.genomes), settings.training.fit.views
    if view >= 0:
        views, key = settings.search.niches.views, resemblance_views(settings.seed)
        joints, cameras = in_cameras(world, body.ids, views, ranges, key)
        return joints[view] - joints[view, Joint.HIP], project(joints, cameras)[view]
    if int(body.operators) == LIFTED:
        generation, _, slot = (int(part) for part in generation_island_slot(body.ids))
        lifted = as_lifted(world[0], slot, ranges, settings.seed, generation)
    else:
        lifted = nearest_view(world[0], target.keypoints[row], target.weights[row], ranges)
    return lifted, projected(lifted[None], ranges)[0]


def laid_over(seen: np.ndarray, keypoints: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(17, 2) px of a body at the scale and in the place where it fits keypoints best.

    Args:
        seen: (17, 2) the body, at any scale.
        keypoints: (17, 2) px.
        weights: (17,) of the keypoints.
    """
    shares = (weights / weights.sum())[:, None]
    middle, there = (shares * seen).sum(axis=0), (shares * keypoints).sum(axis=0)
    apart = seen - middle
    scale = (shares * apart * (keypoints - there)).sum() / (shares * apart**2).sum()
    found: np.ndarray = scale * apart + there
    return found
