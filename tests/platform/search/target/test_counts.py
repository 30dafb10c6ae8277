"""How often bodies of the niches come in a training."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from evoskeleton.evolution.hierarchy import decode, encode
from evoskeleton.evolution.population import Population
from evoskeleton.lifting.cameras import ViewSettings
from evoskeleton.lifting.keypoint_views import keypoints_of
from evoskeleton.platform.data.target.keypoint_target import KeypointTarget
from evoskeleton.platform.search.target.counts import training_counts
from evoskeleton.platform.search.target.resembling import Resembling

SETS, QUOTA = 30, 5
RANGES = ViewSettings()


@pytest.fixture(scope="module")
def bodies(motion) -> Population:
    return Population.seeds(encode(motion[np.arange(150) * 7 % len(motion)]))


@pytest.fixture(scope="module")
def target(bodies) -> KeypointTarget:
    """Some of the bodies, seen in a view each."""
    people = bodies.take(torch.arange(SETS))
    seen = keypoints_of(decode(people.genomes), people.ids, 1, RANGES, 5)[:, 0].numpy()
    names = np.array([f"person {number}" for number in range(SETS)])
    return KeypointTarget(
        keypoints=seen,
        weights=np.ones(seen.shape[:2], np.float32),
        image_size=np.full((SETS, 2), np.nan, np.float32),
        clip=names,
        name=names,
        picture=np.full(SETS, ""),
        frame=np.full(SETS, -1, np.int32),
    )


@pytest.fixture(scope="module")
def held(bodies, target) -> Resembling:
    """Niches of those who come nearest in a few views."""
    views = keypoints_of(decode(bodies.genomes), bodies.ids, 4, RANGES, 7)
    sightings = target.prepared().seen(views, torch.ones(SETS), QUOTA)
    return Resembling.nobody(SETS, QUOTA, bodies).taken(bodies, sightings)[0]


def test_the_people_themselves_come_more_often_than_others_that_resemble_them(held, target):
    places = training_counts(held, target, RANGES, 1, "places")
    shares = training_counts(held, target, RANGES, 1, "shares")
    assert places.sum() == shares.sum() == SETS * QUOTA
    themselves = held.bodies.ids.numpy() < SETS
    assert shares[themselves].sum() > places[themselves].sum()
    assert (shares[~themselves] == 0).any() and places.min() > 0
    again = training_counts(held, target, RANGES, 1, "shares")
    assert np.array_equal(again, shares)


def test_where_nobody_looks_like_anybody_from_elsewhere_places_count(held, target):
    """Nothing is as near as a body that explains its keypoint set without a rest."""
    exact = replace(held.niches, distance=np.zeros_like(held.niches.distance))
    shares = training_counts(replace(held, niches=exact), target, RANGES, 1, "shares")
    assert shares.tolist() == training_counts(held, target, RANGES, 1, "places").tolist()
