"""The bodies that come nearest to the keypoints of a target, as they were seen there."""

import numpy as np
import torch
from torch import Tensor

from evoskeleton.evolution.hierarchy import decode
from evoskeleton.evolution.operators.codes import LIFTED
from evoskeleton.evolution.population import generation_island_slot
from evoskeleton.evolution.skeleton import Joint
from evoskeleton.lifting.cameras import project
from evoskeleton.lifting.keypoint_views import in_cameras
from evoskeleton.platform.data.target.keypoint_target import KeypointTarget
from evoskeleton.platform.record.explanations import Explanation
from evoskeleton.platform.search.campaign.closing.nearest_view import nearest_view
from evoskeleton.platform.search.campaign.settings import CampaignSettings
from evoskeleton.platform.search.target.resembling import Resembling
from evoskeleton.platform.search.workers.answers import as_lifted, projected
from evoskeleton.platform.search.workers.scorers import resemblance_views


def from_the_worst(held: Resembling) -> np.ndarray:
    """Keypoint sets (n,), from the one that is explained worst on; those that have a body at all.

    Of those explained as badly, the first comes first.
    """
    nearest = held.niches.distance[:, 0]
    order = np.argsort(-nearest, kind="stable")
    found: np.ndarray = order[np.isfinite(nearest[order])]
    return found


def explanation(
    settings: CampaignSettings, target: KeypointTarget, held: Resembling, row: int, place: int = 0
) -> Explanation:
    """A keypoint set with a body that comes near to it, in the view where it does.

    Args:
        settings: of the campaign.
        target: its keypoint sets.
        held: who stands in their niches.
        row: which keypoint set.
        place: in its niche, 0 for the nearest; somebody stands there.
    """
    joints, seen = _in_its_view(settings, target, held, row, place)
    return Explanation(
        name=str(target.name[row]),
        picture=str(target.picture[row]),
        frame=int(target.frame[row]),
        keypoints=target.keypoints[row],
        weights=target.weights[row],
        distance=float(held.niches.distance[row, place]),
        seen=laid_over(seen.numpy(), target.keypoints[row], target.weights[row]),
        joints=joints.numpy(),
    )


def _in_its_view(
    settings: CampaignSettings, target: KeypointTarget, held: Resembling, row: int, place: int
) -> tuple[Tensor, Tensor]:
    """A body of a niche (17, 3) mm as a level camera sees it, and (17, 2) as its camera did."""
    body = held.of(held.niches.ids[row, place : place + 1])
    world, ranges = decode(body.genomes), settings.training.fit.views
    upright = world[0] - world[0, Joint.HIP]
    view = int(held.niches.view[row, place])
    if view >= 0:
        views, key = settings.search.niches.views, resemblance_views(settings.seed)
        joints, cameras = in_cameras(world, body.ids, views, ranges, key)
        return _level(upright, cameras.rotation[view, 0]), project(joints, cameras)[view]
    if int(body.operators) == LIFTED:
        generation, _, slot = (int(part) for part in generation_island_slot(body.ids))
        lifted = as_lifted(world[0], slot, ranges, settings.seed, generation)
        right = torch.tensor([1.0, 0.0, 0.0])
    else:
        points, weights = target.keypoints[row], target.weights[row]
        lifted, right = nearest_view(world[0], points, weights, ranges)
    return _level(upright, right), projected(lifted[None], ranges)[0]


def _level(joints: Tensor, right: Tensor) -> Tensor:
    """(17, 3) mm, x right, y down, z away from a camera that looks level.

    Args:
        joints: (17, 3) world mm.
        right: (3,) the level direction that lies to the right in its picture.
    """
    away = torch.stack([-right[1], right[0], torch.zeros(())])
    return torch.stack([joints @ right, -joints[:, 2], joints @ away], dim=-1)


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
