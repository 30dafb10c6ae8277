"""The DEAP face: operators by name, statistics on arrays."""

import math
import pickle
import sys
from types import ModuleType

import cloudpickle
import pytest
import torch
from deap import tools

from evoskeleton.errors import BadInput
from evoskeleton.evolution.archive.diversity import mean_angle_deg, occupied_share
from evoskeleton.evolution.breeding import BreedingSettings, breed
from evoskeleton.evolution.chance import Draws
from evoskeleton.evolution.hierarchy import Genomes, encode
from evoskeleton.evolution.operators.build import template_bodies
from evoskeleton.evolution.operators.codes import code_to_name
from evoskeleton.evolution.population import Population
from evoskeleton.evolution.toolbox import (
    build_toolbox,
    statistics,
)


@pytest.fixture(scope="module")
def parents(motion) -> Population:
    return Population.seeds(encode(motion))


@pytest.fixture
def own_operators(monkeypatch) -> ModuleType:
    """A module of a user, importable by name."""
    module = ModuleType("my_operators")

    def keep(mothers, fathers, *, draws):
        return mothers, fathers

    def shrink(genomes, *, draws):
        parts = vars(genomes) | {"lengths": genomes.lengths * 0.5}
        return Genomes(**parts)

    module.keep, module.shrink, module.constant = keep, shrink, 3
    monkeypatch.setitem(sys.modules, "my_operators", module)
    return module


def bred(parents: Population, toolbox=None, **settings):
    return breed(
        parents,
        seed=1,
        generation=1,
        island=0,
        offspring=40,
        settings=BreedingSettings.parse(settings),
        valid=lambda genomes: torch.ones(len(genomes)),
        toolbox=toolbox,
    )


def test_a_toolbox_that_travelled_breeds_the_same(parents):
    toolbox = build_toolbox(BreedingSettings(), template_bodies(parents.genomes))
    travelled = pickle.loads(cloudpickle.dumps(toolbox))
    assert torch.equal(bred(parents, toolbox).joints, bred(parents, travelled).joints)


def test_without_a_toolbox_one_is_built_from_the_settings(parents):
    built = build_toolbox(BreedingSettings())
    assert torch.equal(bred(parents).joints, bred(parents, built).joints)


def test_settings_name_operators_of_ones_own(parents, own_operators):
    names = {"mate": "my_operators:keep", "mutate": "my_operators:shrink"}
    offspring = bred(parents, operators=names)
    assert {code_to_name(int(code)) for code in offspring.population.operators} == {"lengths"}
    assert float(offspring.population.genomes.lengths.max()) < 300


@pytest.mark.parametrize(
    "name, message",
    [
        ("my_operators", "should be named as module:function, got my_operators"),
        ("no_such_module:mate", "operator no_such_module:mate: No module named 'no_such_module'"),
        ("my_operators:wed", "operator my_operators:wed: my_operators holds no wed"),
        ("my_operators:constant", "my_operators:constant should be a function, got int"),
    ],
)
def test_an_operator_that_cannot_be_had_is_refused_in_one_sentence(own_operators, name, message):
    with pytest.raises(BadInput, match=message):
        build_toolbox(BreedingSettings.parse({"operators": {"mutate": name}}))


def test_select_and_evaluate_take_whole_populations(parents):
    toolbox = build_toolbox(BreedingSettings())
    scored = parents.scored(torch.arange(len(parents)).float())
    fitness = toolbox.evaluate(scored)
    winners = toolbox.select(Draws(1, 2, 3), fitness, scored.ids, size=2, winners=10)
    assert len(winners) == 10 and float(fitness[winners].mean()) > float(fitness.mean())


def test_statistics_compile_on_arrays(parents):
    scored = parents.scored(torch.arange(len(parents)).float())
    record = statistics().compile(scored)
    assert record["error_mean"] == pytest.approx(119.5)
    assert record["error_max"] == 239.0
    assert math.isnan(record["margin_mean"])
    assert isinstance(statistics(), tools.Statistics)


def test_a_population_of_equals_has_no_diversity(parents):
    equals = parents.genomes.take(torch.zeros(50, dtype=torch.int64))
    assert mean_angle_deg(equals) == pytest.approx(0.0, abs=0.1)
    assert mean_angle_deg(parents.genomes) > 5.0
    assert occupied_share(equals) < occupied_share(parents.genomes) < 1.0


def test_one_body_or_none_has_no_diversity(parents):
    assert mean_angle_deg(parents.genomes.take(torch.arange(1))) == 0.0
    assert occupied_share(parents.genomes.take(torch.arange(0))) == 0.0


def test_a_score_for_every_body_is_wanted(parents):
    with pytest.raises(BadInput, match=r"error should be \(240,\), got \(3,\)"):
        parents.scored(torch.ones(3))
