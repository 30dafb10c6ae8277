"""Local search beside breeding: the nearest bodies of every keypoint set, bent towards it.

A memetic algorithm (Moscato 1989): what was bred is refined by gradient steps, and what comes of it
breeds on. It is fenced, since a body bent far explains a picture with a wrong depth: only niches
that are near already are refined, from what was bred into them, each body once; and a limb that has
turned too far refuses the body.
"""

from dataclasses import dataclass

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from evoskeleton.evolution.archive.niches import Niches
from evoskeleton.evolution.archive.resemblance import Targets
from evoskeleton.evolution.population import generation_island_slot
from evoskeleton.lifting.cameras import ViewSettings
from evoskeleton.lifting.keypoint_views import cameras_of
from evoskeleton.lifting.model_fit.refinement import RefinementSettings, Views, refine


class LocalSearchSettings(RefinementSettings):
    """Which bodies of the niches are refined, and how far they may be bent."""

    nearest: int = Field(5, ge=1, description="the nearest bred bodies of a niche that are refined")
    within: float = Field(
        0.25,
        gt=0,
        le=1,
        description="distance of the nearest bred body of a niche below which it is refined; "
        "farther ones are left to breeding",
    )
    every: int = Field(1, ge=1, description="generations between refinements")


@dataclass(frozen=True, eq=False)
class Refinable:
    """Bodies of niches, one row for each that is to be refined.

    Attributes:
        ids: (rows,) int64 of the bodies.
        target: (rows,) int64, which keypoint set each is to explain.
        place: (rows,) int64, the how-manieth of those bred into the niche it is, from 0.
        view: (rows,) int64, in which of its views it stands there.
        distance: (rows,) float32 of the two so far.
    """

    ids: np.ndarray
    target: np.ndarray
    place: np.ndarray
    view: np.ndarray
    distance: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, index: np.ndarray) -> "Refinable":
        """The rows that an index or a mask names."""
        return Refinable(**{name: column[index] for name, column in vars(self).items()})


def refinable(niches: Niches, generation: int, settings: LocalSearchSettings) -> Refinable:
    """What has come into the niches since the last refinement.

    What a lifter has answered or what is refined already has no view, and is left alone.

    Args:
        niches: after the generation before.
        generation: in which bodies are refined.
        settings: how many, of which niches, and how often.
    """
    bred = niches.view >= 0
    place = np.where(bred, bred.cumsum(1) - 1, niches.quota)
    nearest = np.where(bred, niches.distance, np.inf).min(1, keepdims=True)
    born = generation_island_slot(torch.from_numpy(niches.ids))[0].numpy()
    new = born >= generation - settings.every
    due = generation % settings.every == 0
    wanted = bred & new & (place < settings.nearest) & (nearest < settings.within) & due
    target, column = np.nonzero(wanted)
    at = target, column
    view = niches.view[at].astype(np.int64)
    return Refinable(niches.ids[at], target, place[at], view, niches.distance[at])


def refined(
    wanted: Refinable,
    joints: Tensor,
    targets: Targets,
    ranges: ViewSettings,
    views: int,
    key: int,
    settings: LocalSearchSettings,
) -> tuple[np.ndarray, np.ndarray]:
    """Bodies bent towards their keypoint sets.

    Args:
        wanted: (rows,) which bodies, and towards which of the targets.
        joints: (rows, 17, 3) float32 world mm of them, on the device of the targets.
        targets: prepared.
        ranges, views, key: what the views of bodies are drawn from, see `keypoints_of`.
        settings: how far they may go.

    Returns:
        (rows, 17, 3) float32 world mm, and (rows,) float32 distances: inf where a limb has turned
        too far.
    """
    device = joints.device
    ids, target, view = (
        torch.from_numpy(part).to(device) for part in (wanted.ids, wanted.target, wanted.view)
    )
    cameras = cameras_of(ids, view, views, ranges, key)
    goal = Views(targets.points[target], targets.weights[target], cameras)
    found = refine(joints, goal, ranges, settings)
    distance = targets.distances(found.seen, target)
    distance = torch.where(found.turn_deg <= settings.most_deg, distance, torch.inf)
    return found.joints.cpu().numpy(), distance.cpu().numpy()
