"""Mutations and objectives of one's own, beside the built-in ones."""

import pickle
import sys
from dataclasses import fields, replace
from types import ModuleType

import cloudpickle
import pytest
import torch

from evoskeleton.errors import BadInput
from evoskeleton.evolution.breeding import BreedingSettings, Offspring, breed
from evoskeleton.evolution.hierarchy import Genomes, encode
from evoskeleton.evolution.operators.codes import codes_to_names
from evoskeleton.evolution.population import Population
from evoskeleton.evolution.selection.bands import BandSettings
from evoskeleton.evolution.selection.objectives import fitness, outside_bands
from evoskeleton.evolution.toolbox import build_toolbox

SOURCE = """
from dataclasses import replace

import torch

from evoskeleton.settings import Settings


class WaveSettings(Settings):
    grow: float = 1.5


def wave(genomes, *, draws, settings: WaveSettings):
    number = draws.uniform("turn")[0]
    factor = torch.where(number < 0.5, settings.grow, 1.0)
    return replace(genomes, lengths=genomes.lengths * factor)


def lend(genomes, *, settings, templates):
    return replace(genomes, torso=templates.torso[..., :1].expand_as(genomes.torso).clone())


def plain(genomes, *, draws):
    return genomes


def in_place(genomes, *, draws):
    genomes.limbs.neg_()
    return genomes


def nothing(genomes, *, draws):
    return None


def fewer(genomes, *, draws):
    return replace(genomes, lengths=genomes.lengths[:3])


def lost(genomes, *, draws):
    return replace(genomes, neck=genomes.neck * torch.nan)


def flat(genomes, *, draws):
    return replace(genomes, lengths=genomes.lengths * 0)


def all_of_it(genomes, *, draws, settings, templates):
    factor = 1.1 if templates is not None and settings.limbs.rate == 0.25 else 1.0
    return replace(genomes, lengths=genomes.lengths * factor)


def height(population):
    return population.genomes.root[2]


def heights(population):
    return population.genomes.root


def whole(population):
    return population.ids
"""
STILL = {name: {"rate": 0} for name in ("crossover", "limbs", "turn", "bend", "lengths")}


@pytest.fixture
def mine(monkeypatch, tmp_path) -> ModuleType:
    """A module of a user, importable by name."""
    (tmp_path / "mine_own.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    import mine_own

    yield mine_own
    del sys.modules["mine_own"]


@pytest.fixture(scope="module")
def parents(motion) -> Population:
    return Population.seeds(encode(motion))


def bred(parents: Population, toolbox=None, count: int = 300, **settings) -> Offspring:
    chosen = BreedingSettings.parse(STILL | {"ground": {"enabled": False}} | settings)
    return breed(
        parents,
        seed=1,
        generation=1,
        island=0,
        offspring=count,
        settings=chosen,
        valid=lambda genomes: torch.ones(len(genomes)),
        toolbox=toolbox or build_toolbox(chosen, parents.genomes.take(torch.tensor([7]))),
    )


def names(offspring: Offspring, *own: str) -> list[str]:
    return codes_to_names(offspring.population.operators, own).tolist()


def same(left: Genomes, right: Genomes) -> bool:
    return all(torch.equal(getattr(left, f.name), getattr(right, f.name)) for f in fields(Genomes))


def test_a_mutation_joins_the_built_in_ones_and_is_named(parents, mine):
    wave = {"use": "mine_own:wave", "grow": 2.0}
    some = names(bred(parents, mutations=[wave], turn={"rate": 0.5}), "mine_own:wave")
    assert set(some) == {"copy", "turn", "mine_own:wave", "turn+mine_own:wave"}
    rarely = names(bred(parents, count=2000, mutations=[{**wave, "rate": 0.2}]), "mine_own:wave")
    assert 140 < rarely.count("mine_own:wave") < 260


def test_at_a_rate_of_zero_nothing_changes(parents, mine):
    without, never = bred(parents), bred(parents, mutations=[{"use": "mine_own:wave", "rate": 0}])
    assert same(without.population.genomes, never.population.genomes)


def test_its_draws_are_its_own_and_leave_those_of_the_built_in_alone(parents, mine):
    """The function draws from a stream named "turn", as the turn of the body does."""
    turn = {"turn": {"rate": 0.5}}
    alone, beside = (
        bred(parents, **turn),
        bred(parents, mutations=[{"use": "mine_own:wave"}], **turn),
    )
    assert torch.equal(alone.population.genomes.pelvis, beside.population.genomes.pelvis)
    made = names(beside, "mine_own:wave")
    assert made.count("turn+mine_own:wave") > 30 and made.count("turn") > 30


def test_two_mutations_that_change_the_same_array_are_told_apart(parents, mine):
    both = {"lengths": {"rate": 1.0}, "mutations": [{"use": "mine_own:wave"}]}
    assert set(names(bred(parents, **both), "mine_own:wave")) == {
        "lengths",
        "lengths+mine_own:wave",
    }


def test_template_bodies_are_lent_to_who_asks_for_them(parents, mine):
    offspring = bred(parents, mutations=[{"use": "mine_own:lend", "anything": 3}])
    lent = parents.genomes.torso[..., 7:8]
    assert (offspring.population.genomes.torso == lent).all()


def test_what_replaces_all_mutations_gets_settings_and_templates_where_it_asks(parents, mine):
    replacing = {"operators": {"mutate": "mine_own:all_of_it"}, "limbs": {"rate": 0.25}}
    assert set(names(bred(parents, **replacing))) == {"lengths"}
    assert set(names(bred(parents, operators={"mutate": "mine_own:plain"}))) == {"copy"}


def test_a_toolbox_with_own_functions_travels_by_value(parents, mine):
    settings = BreedingSettings.parse({"mutations": [{"use": "mine_own:wave", "grow": 3}]})
    toolbox = build_toolbox(settings, objectives=("mine_own:height",))
    expected = bred(parents, toolbox).population.genomes
    cloudpickle.register_pickle_by_value(mine)
    travelled = pickle.loads(cloudpickle.dumps(toolbox))
    cloudpickle.unregister_pickle_by_value(mine)
    assert same(bred(parents, travelled).population.genomes, expected)
    by_height = travelled.evaluate(parents, objectives=("mine_own:height",))
    assert torch.equal(by_height, parents.genomes.root[2])


@pytest.mark.parametrize(
    "mutation, message",
    [
        ({"use": "mine_own:in_place"}, "should leave its arguments as they were, but changed one"),
        ({"use": "mine_own:nothing"}, "mine_own:nothing should return Genomes, got NoneType"),
        ({"use": "mine_own:fewer"}, r"lengths that operator mine_own:fewer returns should be \(15"),
        ({"use": "mine_own:lost"}, "neck that operator mine_own:lost returns should be finite"),
        ({"use": "mine_own:flat"}, "mine_own:flat should return lengths above 0 mm"),
        ({"use": "mine_own:absent"}, "operator mine_own:absent: mine_own holds no absent"),
        ({"use": "no_such:wave"}, "operator no_such:wave: No module named 'no_such'"),
        ({"use": "wave"}, "should be named as module:function, got wave"),
        ({"use": "mine_own:wave", "gro": 2}, "mine_own:wave: unknown setting gro; did you mean gr"),
        ({"use": "mine_own:wave", "grow": "much"}, "mine_own:wave: setting grow: input should be"),
        (
            {"use": "mine_own:plain", "grow": 2},
            "mine_own:plain takes no settings, got grow",
        ),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_sentence(parents, mine, mutation, message):
    with pytest.raises(BadInput, match=message):
        bred(parents, mutations=[mutation])


def test_a_mutation_named_twice_and_a_rate_above_one_are_refused():
    twice = {"mutations": [{"use": "mine:wave"}, {"use": "mine:wave", "rate": 0.5}]}
    with pytest.raises(BadInput, match="named once, but mine:wave is named twice"):
        BreedingSettings.parse(twice)
    with pytest.raises(BadInput, match="mutations.0.rate: input should be less than or equal to 1"):
        BreedingSettings.parse({"mutations": [{"use": "mine:wave", "rate": 2}]})


def test_an_own_objective_selects_and_bounds_beside_the_built_in_ones(parents, mine):
    root = parents.genomes.root.clone()
    root[2] = torch.arange(len(parents)).float()
    bodies = replace(parents, genomes=replace(parents.genomes, root=root))
    bodies = bodies.scored(torch.arange(len(parents)).float())
    assert torch.equal(fitness(bodies, ("mine_own:height",)), root[2])
    assert int(fitness(bodies, ("error", "mine_own:height")).argmax()) == len(parents) - 1
    band = {"mine_own:height": BandSettings(by="value", low=100.0)}
    assert int(outside_bands(bodies, band).sum()) == 100


@pytest.mark.parametrize(
    "name, message",
    [
        ("mine_own:heights", r"objective mine_own:heights should return \(240,\), got \(3, 240\)"),
        ("mine_own:whole", "objective mine_own:whole should return a tensor of floats, got int64"),
        ("mine_own:none", "mine_own holds no none"),
    ],
)
def test_an_objective_that_is_no_score_a_body_is_refused(parents, mine, name, message):
    with pytest.raises(BadInput, match=message):
        fitness(parents, (name,))
