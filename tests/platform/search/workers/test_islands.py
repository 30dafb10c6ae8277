"""One island's generation: its gates, who joins, who is kept, who breeds next."""

import pickle

import numpy as np
import pytest
import torch

from evoskeleton.evolution.hierarchy import encode
from evoskeleton.evolution.limits.plausibility import Plausibility
from evoskeleton.evolution.limits.tables import Limits
from evoskeleton.evolution.operators.codes import IMMIGRANT
from evoskeleton.evolution.population import Population, generation_island_slot
from evoskeleton.evolution.toolbox import build_toolbox
from evoskeleton.platform.search.workers.islands import Island, IslandSettings, Survivors
from evoskeleton.platform.search.workers.scorers import Scores


@pytest.mark.parametrize("enabled", [False, True])
def test_the_gate_of_physical_sense_works_where_it_is_enabled(motion, enabled):
    """Without joint limits, wild arms go through the trunk."""
    settings = IslandSettings.parse(
        {
            "offspring": 400,
            "breeding": {"limbs": {"rate": 1.0, "sigma_deg": 60}, "turn": {"rate": 0}},
            "plausibility": {"enabled": enabled},
        }
    )
    toolbox = build_toolbox(settings.breeding)
    island = Island(settings, Limits.constant(90.0), toolbox, seed=1)
    genomes = encode(motion)
    parents = Population.seeds(genomes, torch.ones(len(genomes)))
    offspring, bodies = island.breed(parents, 1, 0)
    refused = Plausibility().margin_of_joints(bodies.joints) < 0
    if enabled:
        assert offspring.tried > 400 and not refused.any()
    else:
        assert offspring.tried == 400 and refused.sum() > 20


def made(motion, **settings) -> tuple[Island, Population]:
    """An island with wide limits, and its first parents."""
    parsed = IslandSettings.parse({"population": 20, "offspring": 40, **settings})
    toolbox = build_toolbox(parsed.breeding)
    genomes = encode(motion)
    parents = Population.seeds(genomes, torch.ones(len(genomes))).scored(torch.ones(len(genomes)))
    return Island(parsed, Limits.constant(170.0), toolbox, seed=1), parents


def scores(error: np.ndarray, disagreement: np.ndarray | None = None) -> Scores:
    """Scores of bodies that are all inside the pictures."""
    unknown = np.full_like(error, np.nan)
    return Scores(error, unknown if disagreement is None else disagreement, np.zeros_like(error))


def selected(
    island: Island, parents: Population, given: Scores, number: int = 0
) -> tuple[Population, Survivors]:
    """Parents and survivors of an island's first generation, under scores of its offspring."""
    offspring, bodies = island.breed(parents, 1, 0)
    return island.select(parents, None, offspring, bodies, given, 1, number)


def test_immigrants_join_behind_the_offspring_without_parents(motion):
    island, parents = made(motion, immigrants=7)
    offspring, described = island.breed(parents, 3, 1)
    bodies = offspring.population
    strangers = bodies.operators == IMMIGRANT
    slots = generation_island_slot(bodies.ids)[2]
    assert len(bodies) == len(described.joints) == 47
    assert slots[strangers].tolist() == list(range(40, 47))
    assert (bodies.mothers[strangers] == -1).all() and (bodies.mothers[~strangers] >= 0).all()
    _, again = island.breed(parents, 3, 1)
    assert np.array_equal(again.joints, described.joints)


def test_islands_take_their_objectives_in_turn_and_keep_to_their_bands(motion):
    island, parents = made(
        motion, keep=0.25, objectives=[["error"], ["disagreement"]], bands={"error": {"high": 0.5}}
    )
    rank = np.arange(40, dtype=np.float32)
    kept = {}
    for number in (0, 1, 2):
        _, survivors = selected(island, parents, scores(rank, -rank), number)
        kept[number] = survivors.rows.error.tolist()
    assert kept[0] == [15.0, 16.0, 17.0, 18.0, 19.0, 20.0] == kept[2]
    assert kept[1] == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]


def test_only_rows_of_the_table_breed_next(motion):
    island, parents = made(motion, population=500)
    everyone, survivors = selected(island, parents, scores(np.ones(40, np.float32)))
    rows = survivors.rows.id[::4]
    following, _ = island.renew(everyone, rows, 1, 0)
    bred = following.ids[generation_island_slot(following.ids)[0] == 1]
    assert len(bred) > 0 and set(bred.tolist()) <= set(rows.tolist())


def test_an_empty_band_keeps_nobody_and_breeding_goes_on_with_everybody(motion):
    island, parents = made(motion, bands={"error": {"by": "value", "low": 500}})
    everyone, survivors = selected(island, parents, scores(np.ones(40, np.float32)))
    assert len(survivors.rows) == 0 and survivors.bred == 40
    following, _ = island.renew(everyone, None, 1, 0)
    assert len(following) == 20


@pytest.mark.parametrize("tournament", [1, 3])
@pytest.mark.parametrize("population", [20, None])
def test_nobody_outside_a_band_breeds(motion, tournament, population):
    band = {"error": {"by": "value", "high": 5.0}}
    island, parents = made(motion, tournament=tournament, population=population, bands=band)
    parents = parents.scored(torch.arange(len(parents)).float())
    following, _ = island.renew(parents, None, 1, 0)
    assert sorted(following.error.tolist()) == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]


def test_migrants_are_the_fittest_of_their_island_and_within_its_bands(motion):
    band = {"error": {"by": "value", "high": 100.0}}
    island, bodies = made(motion, objectives=[["error"], ["novelty"]], bands=band)
    rank = torch.arange(len(bodies)).float()
    here = bodies.take(rank < 30).scored(rank[:30], novelty=-rank[:30])
    there = bodies.take(rank >= 30).scored(rank[30:], novelty=rank[30:] % 50)
    joined = island.migrate(here, there, 5, (1, 0)).ids
    came = set(joined[joined >= 30].tolist())
    assert came == {96, 97, 98, 99, 100}, "the hardest within the donor's band"
    assert set(joined.tolist()) - came == set(range(25)), "the least novel left"


def test_tumbled_bodies_pass_every_band_and_never_breed(motion):
    still = {name: {"rate": 0} for name in ("crossover", "limbs", "turn", "bend", "lengths")}
    island, parents = made(
        motion,
        population=500,
        offspring=200,
        keep=1.0,
        bands={"error": {"high": 0.5}},
        breeding={**still, "tumble": {"rate": 0.3}},
    )
    offspring, bodies = island.breed(parents, 1, 0)
    tumbled = offspring.population.tumbled.numpy()
    assert 30 < tumbled.sum() < 90
    errors = np.where(tumbled, 900.0, np.arange(200)).astype(np.float32)
    everyone, survivors = island.select(parents, None, offspring, bodies, scores(errors), 1, 0)
    kept = survivors.rows.error
    middle = np.sort(errors[~tumbled])[np.ceil(0.5 * ((~tumbled).sum() - 1)).astype(int)]
    assert (kept == 900).sum() == tumbled.sum() and kept[kept < 900].max() == middle
    assert set(survivors.rows.operator) == {"copy", "tumble"}
    following, _ = island.renew(everyone, None, 1, 0)
    assert not following.tumbled.any()
    assert len(following) > len(parents) / 2


@pytest.mark.parametrize("immigrants", [0, 3])
def test_an_island_without_one_valid_child_goes_on_with_its_parents(motion, immigrants):
    island, parents = made(motion, immigrants=immigrants)
    nobody = Island(
        IslandSettings.parse({"population": 20, "offspring": 40}),
        Limits.constant(-1.0),
        build_toolbox(IslandSettings().breeding),
        seed=1,
    )
    offspring, bodies = nobody.breed(parents, 1, 0)
    assert len(offspring.population) == 0 and offspring.tried == 3 * 40
    none = scores(np.empty(0, np.float32))
    everyone, survivors = island.select(parents, None, offspring, bodies, none, 1, 0)
    assert len(survivors.rows) == 0
    following, _ = island.renew(everyone, np.empty(0, np.int64), 1, 0)
    assert set(following.ids.tolist()) <= set(parents.ids.tolist()) and len(following) == 20


def test_no_step_of_an_island_changes_what_it_is_given(motion):
    island, parents = made(motion, immigrants=2, breeding={"tumble": {"rate": 0.3}})
    offspring, bodies = island.breed(parents, 1, 0)
    given = {"parents": parents, "offspring": offspring.population}
    before = pickle.loads(pickle.dumps(given))
    some = scores(np.arange(len(offspring.population), dtype=np.float32))
    everyone, survivors = island.select(parents, None, offspring, bodies, some, 1, 0)
    island.renew(everyone, survivors.rows.id[::2], 1, 0)
    island.migrate(parents, everyone, 5, (0, 1))
    for name, population in given.items():
        for key, part in population.to_arrays().items():
            same = np.array_equal(part, before[name].to_arrays()[key], equal_nan=True)
            assert same, f"{key} of the {name}"


def test_a_population_travels_whole(motion):
    island, parents = made(motion)
    again = pickle.loads(pickle.dumps(island.breed(parents, 1, 0)[0].population, protocol=5))
    for name, part in island.breed(parents, 1, 0)[0].population.to_arrays().items():
        assert np.array_equal(part, again.to_arrays()[name], equal_nan=True), name
