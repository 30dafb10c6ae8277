"""Who stands in the niches of a target, and who is there for it alone."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from evoskeleton.evolution.archive.agreement import disagreement
from evoskeleton.evolution.archive.resemblance import Sightings
from evoskeleton.evolution.hierarchy import decode, encode
from evoskeleton.evolution.operators.codes import LIFTED
from evoskeleton.evolution.population import Population
from evoskeleton.platform.search.target.resembling import Resembling

TARGETS, QUOTA = 3, 2


@pytest.fixture(scope="module")
def seeds(motion) -> Population:
    return Population.seeds(encode(motion[:30]))


def sightings(hits: list[tuple[int, int, float]], bodies: int) -> Sightings:
    """(target, body, distance) of hits; bodies that hit nothing are at 1."""
    hits = sorted(hits, key=lambda hit: (hit[0], hit[2], hit[1]))
    target, body, distance = (np.array(column) for column in zip(*hits, strict=True))
    nearest = np.ones(bodies, np.float32)
    np.minimum.at(nearest, body, distance.astype(np.float32))
    return Sightings(
        nearest=nearest,
        target=np.zeros(bodies, np.int32),
        hit_target=target.astype(np.int32),
        hit_body=body.astype(np.int32),
        hit_view=np.full(len(body), 2, np.int32),
        hit_distance=distance.astype(np.float32),
        hit_penalty=np.zeros(len(body), np.float32),
    )


def held(seeds: Population) -> Resembling:
    """Body 9 in two niches, 5 and 7 in one each."""
    bodies = seeds.take(torch.tensor([9, 5, 7]))
    hits = [(0, 0, 0.5), (1, 0, 0.6), (1, 1, 0.4), (2, 2, 0.3)]
    nobody = Resembling.nobody(TARGETS, QUOTA, seeds)
    assert len(nobody) == 0
    return nobody.taken(bodies, sightings(hits, 3))[0]


def test_bodies_of_the_niches_are_kept_in_order_of_id(seeds):
    known = held(seeds)
    assert known.bodies.ids.tolist() == [5, 7, 9] == known.niches.members().tolist()
    those = seeds.take(torch.tensor([5, 7, 9]))
    assert torch.equal(known.bodies.genomes.limbs, those.genomes.limbs)
    assert known.special.tolist() == [5, 7, 9]


def test_who_loses_the_last_place_leaves_unless_general(seeds):
    """Two newcomers take both places of niche 1, and one of them niche 2 as well."""
    newcomers = seeds.take(torch.tensor([20, 12]))
    near = [(1, 0, 0.1), (1, 1, 0.2), (2, 0, 0.1), (2, 1, 0.2)]
    after, lost = held(seeds).taken(newcomers, sightings(near, 2))
    assert lost.tolist() == [5, 7], "9 stands in niche 0 still"
    assert after.bodies.ids.tolist() == [9, 12, 20]
    general = held(seeds).with_general(np.array([5, 100]))
    assert general.special.tolist() == [7, 9]
    after, lost = general.taken(newcomers, sightings(near, 2))
    assert lost.tolist() == [7], "5 is part of the data set anyway"
    assert not after.general.any()


def test_those_who_are_not_near_enough_change_nothing(seeds):
    before = held(seeds)
    full = [(1, 0, 0.9)]
    after, lost = before.taken(seeds.take(torch.tensor([1])), sightings(full, 1))
    assert not len(lost) and after.bodies.ids.tolist() == before.bodies.ids.tolist()


def test_it_opens_as_it_was_saved(seeds):
    known = held(seeds).with_general(np.array([7]))
    again = Resembling.from_arrays({name: a.copy() for name, a in known.to_arrays().items()})
    assert again.general.tolist() == [False, True, False]
    for name, array in known.to_arrays().items():
        assert np.array_equal(array, again.to_arrays()[name], equal_nan=array.dtype.kind == "f")


def test_an_opinion_orders_the_niches_and_is_saved_with_them(seeds):
    """It is body 5 for niche 1, where 5 and 9 stand, and a third body for the others."""
    known = held(seeds)
    bodies = decode(seeds.genomes)
    opinion = bodies[[20, 5, 20]].numpy()
    told = known.held_to(opinion, 2.0)
    assert told.niches.members().tolist() == known.niches.members().tolist()
    assert told.niches.ids[1].tolist() == [5, 9]
    assert told.niches.penalty[1, 0] < 1e-4 < 0.01 < told.niches.penalty[1, 1]
    expected = 2.0 * disagreement(bodies[[9, 7]], bodies[[20, 20]]).numpy()
    assert told.niches.penalty[[0, 2], 0] == pytest.approx(expected)
    other = known.held_to(bodies[[20, 9, 20]].numpy(), 50.0)
    assert other.niches.ids[1].tolist() == [9, 5], "nearer is who agrees"
    again = Resembling.from_arrays(told.to_arrays())
    assert again.opinion is not None and np.array_equal(again.opinion, opinion)
    assert np.array_equal(again.niches.penalty, told.niches.penalty)


def test_what_earlier_versions_have_saved_has_no_opinion(seeds):
    known = held(seeds)
    arrays = known.to_arrays()
    del arrays["niches/penalty"]
    again = Resembling.from_arrays(arrays)
    assert again.opinion is None
    assert again.niches.worst().tolist() == known.niches.worst().tolist()


def test_parents_are_bodies_of_the_niches(seeds):
    known = held(seeds)
    parents = known.parents(key=3, count=400, nearest=1, draw="evenly")
    ids, times = np.unique(parents.ids.numpy(), return_counts=True)
    assert ids.tolist() == [5, 7, 9], "the nearest of each niche"
    assert times.min() > 90
    again = seeds.take(parents.ids)
    assert torch.equal(parents.genomes.limbs, again.genomes.limbs)


def test_what_was_bred_is_told_apart_from_what_a_lifter_has_answered(seeds):
    """9 is an answer: niche 0 has nobody else, in niche 1 body 5 stands before it anyway."""
    known = held(seeds)
    answered = torch.where(known.bodies.ids == 9, LIFTED, known.bodies.operators)
    known = replace(known, bodies=replace(known.bodies, operators=answered))
    assert known.bred().tolist() == [-1, 0, 0]
    record = known.record()
    assert record["niches_distance"] == pytest.approx(0.4)
    assert record["niches_bred_distance"] == pytest.approx(0.4)
    assert record["niches_within_0.3"] == 0.0 and record["niches_filled"] == pytest.approx(4 / 6)
    newcomer = seeds.take(torch.tensor([3]))
    nearer = newcomer.scored(torch.zeros(1))
    nearer = replace(nearer, operators=torch.full_like(nearer.operators, LIFTED))
    known, _ = known.taken(nearer, sightings([(1, 0, 0.1), (2, 0, 0.1)], 1))
    assert known.bred().tolist() == [-1, 1, 1]
    record = known.record()
    assert record["niches_distance"] == pytest.approx(0.1)
    assert record["niches_bred_distance"] == pytest.approx(0.4)
