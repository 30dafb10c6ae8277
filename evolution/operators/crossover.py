"""Crossover: a pair trades the limbs of one branch of the body.

As Li et al. 2020 do (https://arxiv.org/abs/2006.07778, section 3.2); the head is one more branch.
"""

from dataclasses import replace
from functools import lru_cache

import torch
from pydantic import Field, field_validator
from torch import Tensor

from evoskeleton.errors import BadInput
from evoskeleton.evolution.chance import Draws, hits, picks
from evoskeleton.evolution.hierarchy import Genomes
from evoskeleton.evolution.operators.entry import Operator, rate_field
from evoskeleton.evolution.skeleton import BRANCHES, LIMBS, TORSO
from evoskeleton.settings import Settings

_HEAD = 0


class CrossoverSettings(Settings):
    """Crossover of subtrees."""

    rate: float = rate_field(1.0, "probability that a pair trades a branch at all")
    branches: tuple[str, ...] = Field(
        default=tuple(BRANCHES),
        min_length=1,
        description="joints at which a branch may be cut off, each as likely",
    )
    swap_lengths: bool = Field(
        default=True,
        description="a child gets the limb lengths of the parent that gives the branch",
    )

    @field_validator("branches")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        unknown = sorted(set(names) - set(BRANCHES))
        if unknown:
            raise ValueError(f"no branch is called {unknown[0]}, but {', '.join(BRANCHES)} are")
        return names


CROSSOVER = Operator("crossover", bit=0, changes=("limbs", "lengths"), settings=CrossoverSettings)


@lru_cache(maxsize=64)
def _limbs_of(branches: tuple[str, ...], device: torch.device) -> Tensor:
    """(9, branches) float32, 1 where a limb belongs to a branch."""
    table = torch.zeros(len(LIMBS), len(branches), device=device)
    for column, name in enumerate(branches):
        table[list(BRANCHES[name]), column] = 1.0
    return table


def traded_limbs(draws: Draws, settings: CrossoverSettings) -> Tensor:
    """Which limbs each pair trades: (9, pairs) float32, 1 or 0; all 0 where a pair trades none."""
    chance, place = draws.of_pairs().uniform("crossover", 2)
    table = _limbs_of(settings.branches, place.device)
    traded = table.index_select(1, picks(place, table.shape[1]))
    return traded if settings.rate >= 1.0 else traded.mul_(hits(chance, settings.rate))


def swap_branches(
    mothers: Genomes, fathers: Genomes, *, draws: Draws, settings: CrossoverSettings
) -> tuple[Genomes, Genomes]:
    """Crossover: each pair trades the limb directions of one random branch of the body.

    A daughter is her mother but for the branch, which is her father's; a son the other way round.
    The neck goes with the head. Where `swap_lengths` is set (as published) the lengths of all limbs
    come from the parent that gave the branch, those of the torso from the other.

    Args:
        mothers: genomes of (pairs,) bodies.
        fathers: genomes of (pairs,) bodies; `fathers[i]` mates with `mothers[i]`.
        draws: of the pairs; streams "crossover".

    Returns:
        Daughters and sons, (pairs,) each.

    Raises:
        BadInput: the two differ in size.
    """
    if len(mothers) != len(fathers):
        raise BadInput(f"fathers should be {len(mothers)} like the mothers, got {len(fathers)}")
    if settings.rate == 0.0:
        return mothers, fathers
    traded = traded_limbs(draws, settings)
    kept = 1.0 - traded
    return (
        _graft(mothers, fathers, kept, traded, settings),
        _graft(fathers, mothers, kept, traded, settings),
    )


def _graft(
    bodies: Genomes, donors: Genomes, kept: Tensor, traded: Tensor, settings: CrossoverSettings
) -> Genomes:
    """Weights are 0 or 1 and sum to 1, so that the sum picks one of two numbers exactly."""
    limbs = (bodies.limbs * kept).addcmul_(donors.limbs, traded)
    neck = (bodies.neck * kept[_HEAD]).addcmul_(donors.neck, traded[_HEAD])
    lengths = bodies.lengths
    if settings.swap_lengths:
        crossed = traded.amax(0)
        lengths = lengths.clone()
        own = lengths[len(TORSO) :]
        own.mul_(1.0 - crossed).addcmul_(donors.lengths[len(TORSO) :], crossed)
    return replace(bodies, limbs=limbs, neck=neck, lengths=lengths)
