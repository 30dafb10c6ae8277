"""Breeding: operators against their scalar twins, and a generation against its promises."""

from dataclasses import fields, replace

import pytest
import torch

from evoskeleton.evolution import breeding
from evoskeleton.evolution.breeding import BreedingSettings, breed
from evoskeleton.evolution.chance import Draws
from evoskeleton.evolution.hierarchy import Genomes, encode
from evoskeleton.evolution.population import (
    OPERATORS,
    Population,
)

NEVER = {name: {"rate": 0.0} for name in ("crossover", "limbs", "turn", "bend", "lengths")}


def same(left: Genomes, right: Genomes) -> bool:
    return all(
        torch.equal(getattr(left, field.name), getattr(right, field.name))
        for field in fields(Genomes)
    )


def anything(genomes: Genomes) -> torch.Tensor:
    return torch.ones(len(genomes))


def head_high(genomes: Genomes) -> torch.Tensor:
    """A made-up limit that refuses about half of all offspring: a pure function of one body."""
    return genomes.limbs[2, 0] * 10.0 - 9.5


def draws(count: int, **changes) -> Draws:
    return replace(Draws(5, 2, 1, slots=torch.arange(count)), **changes)


@pytest.fixture(scope="module")
def genomes(motion) -> Genomes:
    return encode(motion)


@pytest.fixture(scope="module")
def parents(genomes) -> Population:
    return Population.seeds(genomes)


def offspring(parents, count=200, valid=anything, **settings):
    chosen = BreedingSettings.parse(settings)
    return breed(
        parents,
        seed=11,
        generation=3,
        island=2,
        offspring=count,
        settings=chosen,
        valid=valid,
    )


def test_all_rates_at_zero_give_back_the_parents_bit_for_bit(parents):
    brood = offspring(parents, ground={"enabled": False}, **NEVER)
    place = {int(parent): index for index, parent in enumerate(parents.ids)}
    half = len(brood.population) // 2
    raised_by = torch.cat([brood.population.mothers[:half], brood.population.fathers[half:]])
    origin = torch.tensor([place[int(parent)] for parent in raised_by])
    assert same(brood.population.genomes, parents.genomes.take(origin))
    assert {OPERATORS[code] for code in brood.population.operators} == {"copy"}


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_one_two_or_three_bodies_breed_with_and_without_crossover(parents, count, rate):
    few = parents.take(torch.arange(count))
    brood = offspring(few, count=7, crossover={"rate": rate})
    assert len(brood.population) == 7
    assert torch.isfinite(brood.joints).all()


def test_the_size_of_a_chunk_changes_no_bit(parents, monkeypatch):
    whole = offspring(parents, count=333, valid=head_high)
    for chunk in (1, 7, 64):
        monkeypatch.setattr(breeding, "CHUNK", chunk)
        parts = offspring(parents, count=333, valid=head_high)
        assert same(parts.population.genomes, whole.population.genomes)
        assert torch.equal(parts.population.ids, whole.population.ids)
        assert torch.equal(parts.joints, whole.joints)
    assert 0 < whole.rejected < whole.tried
