"""One island's generation: its gates, who joins, who is kept, who breeds next."""

import numpy as np
import pytest
import torch

from evoskeleton.evolution.hierarchy import encode
from evoskeleton.evolution.limits.plausibility import Plausibility
from evoskeleton.evolution.limits.tables import Limits
from evoskeleton.evolution.population import OPERATORS, Population, generation_island_slot
from evoskeleton.evolution.toolbox import build_toolbox
from evoskeleton.platform.search.workers.islands import Island, IslandSettings


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
    brood, _ = island.breed(parents.to_arrays(), 1, 0)
    refused = Plausibility().margin_of_joints(brood["joints"]) < 0
    if enabled:
        assert int(brood["tried"]) > 400 and not refused.any()
    else:
        assert int(brood["tried"]) == 400 and refused.sum() > 20


def made(motion, **settings) -> tuple[Island, dict]:
    """An island with wide limits, and its first parents."""
    parsed = IslandSettings.parse({"population": 20, "offspring": 40, **settings})
    toolbox = build_toolbox(parsed.breeding)
    genomes = encode(motion)
    parents = Population.seeds(genomes, torch.ones(len(genomes))).scored(torch.ones(len(genomes)))
    return Island(parsed, Limits.constant(170.0), toolbox, seed=1), parents.to_arrays()


def test_immigrants_join_behind_the_offspring_without_parents(motion):
    island, parents = made(motion, immigrants=7)
    brood, _ = island.breed(parents, 3, 1)
    bodies = Population.from_arrays(brood)
    strangers = bodies.operators == OPERATORS.index("immigrant")
    slots = generation_island_slot(bodies.ids)[2]
    assert len(bodies) == len(brood["joints"]) == 47
    assert slots[strangers].tolist() == list(range(40, 47))
    assert (bodies.mothers[strangers] == -1).all() and (bodies.mothers[~strangers] >= 0).all()
    again, _ = island.breed(parents, 3, 1)
    assert np.array_equal(again["joints"], brood["joints"])


def test_islands_take_their_objectives_in_turn_and_keep_to_their_bands(motion):
    island, parents = made(
        motion, keep=0.25, objectives=[["error"], ["disagreement"]], bands={"error": {"high": 0.5}}
    )
    brood, _ = island.breed(parents, 1, 0)
    rank = np.arange(40, dtype=np.float32)
    scores = {"error": rank, "disagreement": -rank, "outside": rank * 0}
    kept = {}
    for number in (0, 1, 2):
        _, outcome = island.select(parents, None, brood, scores, 1, number)
        kept[number] = outcome["columns"]["error"].tolist()
    assert kept[0] == [15.0, 16.0, 17.0, 18.0, 19.0, 20.0] == kept[2]
    assert kept[1] == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]


def test_only_rows_of_the_table_breed_next(motion):
    island, parents = made(motion, population=500)
    brood, _ = island.breed(parents, 1, 0)
    scores = {"error": np.ones(40, np.float32), "outside": np.zeros(40, np.float32)}
    everyone, _ = island.select(parents, None, brood, scores, 1, 0)
    rows = brood["ids"][::4]
    following, _ = island.renew(everyone, rows, 1, 0)
    bred = following["ids"][generation_island_slot(torch.from_numpy(following["ids"]))[0] == 1]
    assert len(bred) > 0 and set(bred) <= set(rows)


def test_an_empty_band_keeps_nobody_and_breeding_goes_on_with_everybody(motion):
    island, parents = made(motion, bands={"error": {"by": "value", "low": 500}})
    brood, _ = island.breed(parents, 1, 0)
    scores = {"error": np.ones(40, np.float32), "outside": np.zeros(40, np.float32)}
    everyone, outcome = island.select(parents, None, brood, scores, 1, 0)
    assert outcome["counts"]["survivors"] == 0 and len(outcome["columns"]["id"]) == 0
    following, _ = island.renew(everyone, None, 1, 0)
    assert len(following["ids"]) == 20


@pytest.mark.parametrize("tournament", [1, 3])
@pytest.mark.parametrize("population", [20, None])
def test_nobody_outside_a_band_breeds(motion, tournament, population):
    band = {"error": {"by": "value", "high": 5.0}}
    island, parents = made(motion, tournament=tournament, population=population, bands=band)
    parents["error"] = np.arange(len(parents["ids"]), dtype=np.float32)
    following, _ = island.renew(parents, None, 1, 0)
    assert set(following["error"]) <= {0.0, 1.0, 2.0, 3.0, 4.0, 5.0} and len(following["ids"]) == 6


def test_migrants_are_the_fittest_of_their_island_and_within_its_bands(motion):
    band = {"error": {"by": "value", "high": 100.0}}
    island, parents = made(motion, objectives=[["error"], ["novelty"]], bands=band)
    bodies = Population.from_arrays(parents)
    rank = torch.arange(len(bodies)).float()
    here = bodies.take(rank < 30).scored(rank[:30], novelty=-rank[:30])
    there = bodies.take(rank >= 30).scored(rank[30:], novelty=rank[30:] % 50)
    joined = island.migrate(here.to_arrays(), there.to_arrays(), 5, (1, 0))
    came = set(joined["ids"][joined["ids"] >= 30])
    assert came == {96, 97, 98, 99, 100}, "the hardest within the donor's band"
    assert set(joined["ids"]) - came == set(range(25)), "the least novel left"


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
    brood, _ = island.breed(parents, 1, 0)
    tumbled = Population.from_arrays(brood).tumbled.numpy()
    assert 30 < tumbled.sum() < 90
    errors = np.where(tumbled, 900.0, np.arange(200)).astype(np.float32)
    scores = {"error": errors, "outside": np.zeros(200, np.float32)}
    everyone, outcome = island.select(parents, None, brood, scores, 1, 0)
    kept = outcome["columns"]["error"]
    middle = np.sort(errors[~tumbled])[np.ceil(0.5 * ((~tumbled).sum() - 1)).astype(int)]
    assert (kept == 900).sum() == tumbled.sum() and kept[kept < 900].max() == middle
    assert set(outcome["columns"]["operator"]) == {"copy", "tumble"}
    following, _ = island.renew(everyone, None, 1, 0)
    assert not Population.from_arrays(following).tumbled.any()
    assert len(following["ids"]) > len(parents["ids"]) / 2


@pytest.mark.parametrize("immigrants", [0, 3])
def test_an_island_without_one_valid_child_goes_on_with_its_parents(motion, immigrants):
    island, parents = made(motion, immigrants=immigrants)
    nobody = Island(
        IslandSettings.parse({"population": 20, "offspring": 40}),
        Limits.constant(-1.0),
        build_toolbox(IslandSettings().breeding),
        seed=1,
    )
    brood, _ = nobody.breed(parents, 1, 0)
    assert len(brood["ids"]) == 0 and int(brood["tried"]) == 3 * 40
    scores = {name: np.empty(0, np.float32) for name in ("error", "outside")}
    everyone, outcome = island.select(parents, None, brood, scores, 1, 0)
    assert outcome["counts"]["survivors"] == 0
    following, _ = island.renew(everyone, np.empty(0, np.int64), 1, 0)
    assert set(following["ids"]) <= set(parents["ids"]) and len(following["ids"]) == 20
