"""How often each body of the niches comes in a training."""

import numpy as np
import torch

from evoskeleton.evolution.archive.niches import Niches
from evoskeleton.evolution.archive.shares import CountBy, counts_of, population_shares
from evoskeleton.evolution.chance import key, stream
from evoskeleton.evolution.hierarchy import decode
from evoskeleton.lifting.cameras import ViewSettings
from evoskeleton.lifting.keypoint_views import keypoints_of
from evoskeleton.platform.data.target.keypoint_target import KeypointTarget
from evoskeleton.platform.search.target.resembling import Resembling

_VIEWS = 16
_CROWD = 4
"""Bodies in one view that count for a target at most, in quotas of its niche."""


def training_counts(
    held: Resembling, target: KeypointTarget, ranges: ViewSettings, seed: int, by: CountBy
) -> np.ndarray:
    """How often each body of the niches comes: (bodies,) int64 that sum to the places taken.

    Args:
        held: who stands in the niches of the target.
        target: (targets,) keypoint sets.
        ranges: what views are drawn from.
        seed: of the campaign, where the views of each body are drawn from.
        by: see `CountBy`. Where nobody looks like any keypoint set from elsewhere, places count.
    """
    places = held.niches.places(held.bodies.ids.numpy())
    shares = _shares(held, target, ranges, seed) if by == "shares" else None
    return places if shares is None else counts_of(shares, int(places.sum()))


def _shares(
    held: Resembling, target: KeypointTarget, ranges: ViewSettings, seed: int
) -> np.ndarray | None:
    address = key(seed, stream("views of a population"))
    seen = keypoints_of(decode(held.bodies.genomes), held.bodies.ids, _VIEWS, ranges, address)
    targets, radius = target.prepared(), _radius(held.niches)
    bar, most = torch.from_numpy(radius), _CROWD * held.niches.quota
    views = [targets.seen(seen[:, [view]], bar, most) for view in range(_VIEWS)]
    return population_shares(views, radius)


def _radius(niches: Niches) -> np.ndarray:
    """(targets,) float32 distance of the farthest body of each niche; 1 of an empty one."""
    taken = np.where(np.isfinite(niches.distance), niches.distance, -1.0).max(1)
    found: np.ndarray = np.where(taken < 0, 1.0, taken).astype(np.float32)
    return found
