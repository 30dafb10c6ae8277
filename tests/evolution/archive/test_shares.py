"""Shares of bodies in the population that looks most like the target."""

import numpy as np
import pytest

from evoskeleton.errors import BadInput
from evoskeleton.evolution.archive.resemblance import Sightings
from evoskeleton.evolution.archive.shares import BANDWIDTH, ROUNDS, counts_of, population_shares

NEAR, FAR = 0.1, 0.3


def view(hits: list[tuple[int, int, float]], bodies: int) -> Sightings:
    """(target, body, distance) of one view of all bodies."""
    target, body, distance = (np.array(column) for column in zip(*hits, strict=True))
    return Sightings(
        nearest=np.ones(bodies, np.float32),
        target=np.zeros(bodies, np.int32),
        hit_target=target.astype(np.int32),
        hit_body=body.astype(np.int32),
        hit_view=np.zeros(len(body), np.int32),
        hit_distance=distance.astype(np.float32),
        hit_penalty=np.zeros(len(body), np.float32),
    )


def test_who_looks_like_other_pictures_from_elsewhere_is_likelier_than_who_is_a_little_nearer():
    """Bodies 0 and 1 explain picture 0; 1 also picture 1 in another view, and 2 explains that."""
    views = [view([(0, 0, 0.99 * NEAR), (0, 1, NEAR), (1, 2, NEAR)], 4), view([(1, 1, NEAR)], 4)]
    shares = population_shares(views, np.full(2, NEAR))
    assert shares is not None
    assert shares[1] > 0.9 > 0.1 > shares[0]
    assert shares[3] == 0
    assert shares.sum() == pytest.approx(1)


def test_the_likelihood_of_the_target_rises_in_every_round(monkeypatch):
    """As expectation maximisation promises; by hand, from dense arrays."""
    rng = np.random.default_rng(3)
    distance = rng.uniform(0.01, FAR, (2, 5, 7))
    views = [view([(t, b, d[t, b]) for t in range(5) for b in range(7)], 7) for d in distance]
    radius = rng.uniform(0.2, FAR, 5)
    given = np.exp(-0.5 * (distance / (BANDWIDTH * radius[:, None])) ** 2).sum(0)
    likelihoods = []
    for rounds in range(1, ROUNDS + 1):
        monkeypatch.setattr("evoskeleton.evolution.archive.shares.ROUNDS", rounds)
        likelihoods.append(np.log(given @ population_shares(views, radius)).sum())
    assert (np.diff(likelihoods) > 0).all()


def test_without_anybody_near_there_are_no_shares():
    nobody = view([(0, 0, NEAR)], 4).without_hits_of(np.ones(4, bool))
    assert population_shares([nobody], np.ones(3)) is None


def test_views_of_other_bodies_are_refused():
    views = [view([(0, 0, NEAR)], 2), view([(0, 0, NEAR)], 3)]
    with pytest.raises(BadInput, match="views should be of the same bodies"):
        population_shares(views, np.ones(1))


def test_counts_follow_the_shares_and_sum_to_the_rows():
    share = np.random.default_rng(4).dirichlet(np.full(1000, 0.1))
    counts = counts_of(share, 4321)
    assert counts.sum() == 4321 and counts.min() == 0
    assert np.abs(counts - share * 4321).max() <= 1
