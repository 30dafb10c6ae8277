"""The population that looks like the keypoints: how large a share each of many bodies has in it.

The distance of `resemblance` says how well a body explains one picture, in the view in which it
does so best, and leaves its depth open. But people are seen from all sides: a right body looks from
elsewhere like other pictures of the target, and a wrong one like none. So bodies are judged
together: in which shares do they make up a population whose pictures, taken in views drawn at
random, are likeliest to be those of the target? That is the maximum likelihood of the proportions
of a mixture, found by expectation maximisation (Dempster, Laird and Rubin 1977,
https://doi.org/10.1111/j.2517-6161.1977.tb01600.x). At the maximum there are no more bodies left
than pictures (Lindsay 1983, https://doi.org/10.1214/aos/1176346059), so it stops after few rounds.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.evolution.archive.resemblance import Sightings
from evoskeleton.shapes import expect_shape

CountBy = Literal["shares", "places"]
"""What says how often a body comes: its share in the population, or its places in niches."""

ROUNDS = 6
"""Of expectation maximisation."""

BANDWIDTH = 0.3
"""Of the Gaussian in which a body in a view gives a picture, in radii of the picture."""

_LEAST_RADIUS = 1e-3


def population_shares(views: Sequence[Sightings], radius: np.ndarray) -> np.ndarray | None:
    """How large a share of the population each body has.

    Args:
        views: of the same bodies, each seen in one view drawn at random; their hits are the pairs
            of body and target that count.
        radius: (targets,) distance that is near for each; the Gaussian is `BANDWIDTH` of it wide.

    Returns:
        (bodies,) float64 that sum to 1; None where nobody is near any target.

    Raises:
        BadInput: not the same number of bodies in all views.
    """
    expect_shape("radius", radius, ("targets",))
    bodies = {len(view.nearest) for view in views}
    if len(bodies) != 1:
        raise BadInput(f"views should be of the same bodies, got {sorted(bodies)} of them")
    body, target, distance = (
        np.concatenate([getattr(view, name) for view in views])
        for name in ("hit_body", "hit_target", "hit_distance")
    )
    if not len(body):
        return None
    width = BANDWIDTH * np.maximum(radius.astype(np.float64), _LEAST_RADIUS)
    given = np.exp(-0.5 * np.square(distance.astype(np.float64) / width[target]))
    shares: np.ndarray = np.full(bodies.pop(), 1.0)
    for _ in range(ROUNDS):
        credit = shares[body] * given
        credit = credit / np.bincount(target, credit)[target]
        shares = np.bincount(body, credit, len(shares))
    found: np.ndarray = shares / shares.sum()
    return found


def counts_of(shares: np.ndarray, rows: int) -> np.ndarray:
    """How often each body comes among so many rows: (bodies,) int64 that sum to `rows`.

    The bodies before any have as many rows as their shares come to, to the nearest.
    """
    ends = shares.cumsum()
    places = np.floor(ends / ends[-1] * rows + 0.5).astype(np.int64)
    found: np.ndarray = np.diff(places, prepend=0)
    return found
