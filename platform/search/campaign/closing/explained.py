"""What a search towards keypoints has changed: how many are explained, and how well."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.lifting.bundle import load_bundle
from evoskeleton.lifting.bundles import bundle_folder
from evoskeleton.platform.data.target.keypoint_target import KeypointTarget
from evoskeleton.platform.record.explanations import Explanation
from evoskeleton.platform.search.campaign.closing.nearest_bodies import explanation, from_the_worst
from evoskeleton.platform.search.campaign.paths import CampaignFolder
from evoskeleton.platform.search.campaign.settings import CampaignSettings
from evoskeleton.platform.search.campaign.state import State
from evoskeleton.platform.search.workers.answers import answers

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
        begun_with: the lifter that trainings begin with, which is the first then; none: the first
            is that of the seeds alone.
        worst: the keypoint sets that are explained worst, from the worst on.
    """

    sets: int
    clips: int
    left_out: Mapping[str, int]
    curve: tuple[float, ...]
    bodies: Agreement
    lifters: Agreement
    begun_with: str | None
    worst: tuple[Explanation, ...]

    def rows(self) -> list[dict[str, str | float]]:
        """What has changed, a row a number: of whom, what, before, after."""
        whose = {"nearest bred body": self.bodies, "the lifter's own body": self.lifters}
        return [row for of, agreement in whose.items() for row in _rows(of, agreement)]


def _rows(of: str, agreement: Agreement) -> Iterator[dict[str, str | float]]:
    changes = {f"explained within {near:g}": share for near, share in agreement.within.items()}
    for number, change in {**changes, "median distance": agreement.distance}.items():
        yield {"of": of, "number": number, "before": change.before, "after": change.after}


def resembles_anybody(state: State) -> bool:
    """Whether a campaign has a target and has bred towards it."""
    return state.generation > 0 and bool(state.resembling)


def explained(
    settings: CampaignSettings, folder: CampaignFolder, state: State, champion: int, worst: int = 5
) -> Explained:
    """Compare the first generation with the last, and the first lifter with the champion.

    Raises:
        BadInput: the campaign has no target, or has not bred yet.
    """
    held = state.resembling
    if not held or not resembles_anybody(state):
        raise BadInput(f"campaign {settings.name} has bred nothing towards keypoints yet")
    target = KeypointTarget.load(folder.target)
    bred = state.logbook[1:]
    return Explained(
        sets=len(target),
        clips=len(set(target.clip.tolist())),
        left_out=target.left_out,
        curve=tuple(row["target/bred_distance"] for row in bred),
        bodies=Agreement(
            Change(bred[0]["target/bred_distance"], bred[-1]["target/bred_distance"]),
            {near: _logged(bred[0], bred[-1], near) for near in WITHIN},
        ),
        lifters=_lifters(settings, folder, target, champion),
        begun_with=settings.training.fit.begin,
        worst=tuple(
            explanation(settings, target, held, int(row)) for row in from_the_worst(held)[:worst]
        ),
    )


def _logged(first: Mapping[str, float], last: Mapping[str, float], near: float) -> Change:
    name = f"target/bred_within_{near:g}"
    return Change(first[name], last[name])


def _lifters(
    settings: CampaignSettings, folder: CampaignFolder, target: KeypointTarget, champion: int
) -> Agreement:
    """Of the lifter that trainings begin with or, else, of the seeds; and of the champion."""
    begin = settings.training.fit.begin
    before = bundle_folder(begin) if begin else folder.training(0) / "bundle"
    after = folder.training(champion) / "bundle"
    first, last = (_reprojected(settings, target, bundle) for bundle in (before, after))
    return Agreement(
        Change(float(np.median(first)), float(np.median(last))),
        {
            near: Change(float((first < near).mean()), float((last < near).mean()))
            for near in WITHIN
        },
    )


def _reprojected(settings: CampaignSettings, target: KeypointTarget, bundle: Path) -> np.ndarray:
    """Distance (targets,) of what a lifter makes of each keypoint set."""
    lifter = load_bundle(bundle)
    return answers(lifter, target, settings.training.fit.views, settings.seed, 0).distance
