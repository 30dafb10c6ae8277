"""One island's generation: what gates it has."""

import pytest
import torch

from evoskeleton.evolution.hierarchy import encode
from evoskeleton.evolution.limits import Limits
from evoskeleton.evolution.plausibility import Plausibility
from evoskeleton.evolution.population import Population
from evoskeleton.evolution.toolbox import build_toolbox
from evoskeleton.platform.search.islands import Island, IslandSettings


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
