"""What makes bodies fit: one score, or several traded off; and who may not breed."""

import pytest
import torch

from evoskeleton.errors import BadInput
from evoskeleton.evolution.hierarchy import encode
from evoskeleton.evolution.population import Population
from evoskeleton.evolution.selection.bands import BandSettings
from evoskeleton.evolution.selection.objectives import fitness, outside_bands

NAN = float("nan")


@pytest.fixture(scope="module")
def bodies(motion) -> Population:
    """Four: the first beats the second in both, the third is best in one, the last is unscored."""
    seeds = Population.seeds(encode(motion[:4]))
    error = torch.tensor([5.0, 4.0, 1.0, NAN])
    return seeds.scored(error, novelty=torch.tensor([5.0, 4.0, 9.0, 1.0]))


def test_one_objective_is_its_own_fitness(bodies):
    assert torch.equal(fitness(bodies, ["novelty"]), bodies.novelty)
    assert fitness(bodies)[:3].tolist() == [5.0, 4.0, 1.0] and fitness(bodies)[3].isnan()


def test_several_objectives_are_traded_off(bodies):
    found = fitness(bodies, ["error", "novelty"])
    assert found[0] > found[1] and found[2] > found[1] and found[3].isnan()


@pytest.mark.parametrize("names", [[], ["height"]])
def test_other_objectives_are_refused(bodies, names):
    with pytest.raises(BadInput, match="objectives should be some of error, disagreement"):
        fitness(bodies, names)


def test_bands_leave_out_the_rest_and_the_unscored(bodies):
    band = {"error": BandSettings(by="value", low=2.0, high=4.5)}
    assert outside_bands(bodies, band).tolist() == [True, False, True, True]
    assert not outside_bands(bodies, {}).any()
