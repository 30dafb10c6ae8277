"""One generation on one island: pairs, offspring, joint limits, second attempts, joints.

Offspring have slots. Of `pairs = ceil(offspring / 2)` matings, mating i gives a daughter in slot i
and a son in slot pairs + i. Every draw is addressed by (seed, generation, island, slot, attempt,
stream), so bodies can be bred in chunks of any size and come out the same bit for bit. Operators run in
torch's inference mode, which saves a tenth of the time; what `breed` returns is free of it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from pydantic import Field
from torch import Tensor

from evoskeleton.errors import BadInput
from evoskeleton.evolution.chance import Draws
from evoskeleton.evolution.hierarchy import Genomes
from evoskeleton.evolution.population import Population, ids
from evoskeleton.evolution.selection import random_pairs
from evoskeleton.evolution.toolbox import ToolboxSettings, build_toolbox

CHUNK = 16_384
"""Bodies bred at once; a setting of the processor, no result depends on it."""

_PADDING = 64
"""Batches are filled up to a multiple of this, because some kernels treat the odd rest of an array
with other code that rounds differently."""


class BreedingSettings(ToolboxSettings):
    """How an island breeds: its operators, and how often they try."""

    pairs: int | None = Field(
        default=None,
        ge=1,
        description="distinct matings of a generation; none: one for two offspring",
    )
    attempts: int = Field(
        default=3,
        ge=1,
        le=100,
        description="times a pair tries for a child within the joint limits",
    )


@dataclass(frozen=True)
class Brood:
    """What a generation gave.

    Attributes:
        population: the offspring within the joint limits, sorted by id, unscored.
        joints: (survivors, 17, 3) float32 world mm, on the device of the population.
        tried: bodies bred, those outside the limits included.
        rejected: bodies bred that were outside the limits.
    """

    population: Population
    joints: Tensor
    tried: int
    rejected: int


@dataclass(frozen=True)
class _Mating:
    """Who mates with whom, and where the children go."""

    parents: Population
    mothers: Tensor
    fathers: Tensor
    draws: Draws
    toolbox: Any
    valid: Callable[[Genomes], Tensor]

    @property
    def pairs(self) -> int:
        return len(self.mothers)


def breed(
    parents: Population,
    *,
    seed: int,
    generation: int,
    island: int,
    offspring: int,
    settings: BreedingSettings,
    valid: Callable[[Genomes], Tensor],
    toolbox: Any = None,
) -> Brood:
    """Breed offspring and keep those within the joint limits.

    A child outside the limits is bred again by the same parents with the draws of the next attempt,
    up to `settings.attempts` times; then its slot stays empty.

    Args:
        parents: at least one body.
        seed, generation, island: where every draw comes from.
        offspring: slots to fill.
        settings: operators and attempts.
        valid: margin (bodies,) float32 in degrees of genomes, negative outside the limits.
        toolbox: from `build_toolbox`; none: built from the settings.

    Raises:
        BadInput: nobody is there to breed, or no offspring are wanted.
    """
    if offspring < 1:
        raise BadInput(f"offspring should be at least 1, got {offspring}")
    _keep_memory()
    device = parents.genomes.device
    draws = Draws(seed, generation, island, slots=torch.empty(0, dtype=torch.int64, device=device))
    pairs = (offspring + 1) // 2
    mothers, fathers = random_pairs(draws, len(parents), min(pairs, settings.pairs or pairs))
    again = torch.arange(pairs, device=device) % len(mothers)
    toolbox = toolbox or build_toolbox(settings)
    mating = _Mating(parents, mothers[again], fathers[again], draws, toolbox, valid)
    return _fill(mating, torch.arange(offspring, device=device), settings.attempts)


def _keep_memory() -> None:
    """Make the C library keep what is freed, up to this size, instead of giving it back.

    glibc raises that bound to the largest block it has freed. Fetching the arrays of every chunk
    from the kernel anew costs a sixth of the time. Nothing is written to this block.
    """
    torch.empty(31 << 20, dtype=torch.uint8)


def _fill(mating: _Mating, slots: Tensor, attempts: int) -> Brood:
    """Try for a child in every slot until it is valid or the attempts are used up."""
    litters: list[_Litter] = []
    tried = 0
    missing = torch.zeros(2 * mating.pairs, dtype=torch.bool, device=slots.device)
    missing[slots] = True
    for attempt in range(attempts):
        wanted = int(missing.sum())
        if not wanted:
            break
        tried += wanted
        draws = replace(mating.draws, attempt=attempt)
        bred = _attempt(replace(mating, draws=draws), missing.view(2, -1))
        missing[torch.cat([litter.slots for litter in bred])] = False
        litters += bred
    return _gather(mating, litters, tried)


@dataclass(frozen=True)
class _Litter:
    """Children within the limits, grounded, in no order."""

    slots: Tensor
    genomes: Genomes
    joints: Tensor
    operators: Tensor
    margin: Tensor


@torch.inference_mode()
def _attempt(mating: _Mating, missing: Tensor) -> list[_Litter]:
    """Every pair that lacks a daughter or a son (2, pairs) mates once, a chunk at a time."""
    chunks = missing.any(0).nonzero()[:, 0].split(CHUNK // 2 or 1)
    return [_litter(mating, pairs, missing.index_select(1, pairs)) for pairs in chunks]


def _litter(mating: _Mating, pairs: Tensor, missing: Tensor) -> _Litter:
    """The children of some pairs, those that are missing: mutated, checked, grounded."""
    trial = _mate(mating, pairs, missing)
    wanted = int(missing.sum())
    draws = replace(mating.draws, slots=trial.slots, pairs=trial.slots % mating.pairs)
    bred = mating.toolbox.mutate(trial.children, draws=draws)
    margin = mating.valid(bred)
    within = (margin[:wanted] >= 0.0).nonzero()[:, 0]
    operators = _operators(trial.parents, trial.children, bred)[within]
    slots = trial.slots.index_select(0, within)
    draws = replace(draws, slots=slots, pairs=slots % mating.pairs)
    genomes, joints = mating.toolbox.ground(bred.take(within), draws=draws)
    return _Litter(slots, genomes, joints, operators, margin[within])


@dataclass(frozen=True)
class _Trial:
    """Children and the parents that raised them, column by column; the last may be padding."""

    parents: Genomes
    children: Genomes
    slots: Tensor


def _mate(mating: _Mating, pairs: Tensor, missing: Tensor) -> _Trial:
    padded = _padded(pairs)
    parents = [
        mating.parents.genomes.take(who.index_select(0, padded))
        for who in (mating.mothers, mating.fathers)
    ]
    children = mating.toolbox.mate(*parents, draws=replace(mating.draws, slots=padded))
    trial = _Trial(
        Genomes.concatenate(parents),
        Genomes.concatenate(children),
        torch.cat([padded, padded + mating.pairs]),
    )
    if len(padded) == len(pairs) and bool(missing.all()):
        return trial
    side, place = missing.nonzero().T
    wanted = _padded(side * len(padded) + place)
    return _Trial(
        trial.parents.take(wanted), trial.children.take(wanted), trial.slots.index_select(0, wanted)
    )


def _padded(numbers: Tensor) -> Tensor:
    """Fill up to a multiple of the padding with copies of the last entry."""
    return torch.cat([numbers, numbers[-1:].expand(-len(numbers) % _PADDING)])


def _operators(parents: Genomes, children: Genomes, bred: Genomes) -> Tensor:
    """Operator codes (bodies,) int64 by what has changed, whoever's operators were at work."""
    crossed = _changed(parents.limbs, children.limbs) | _changed(parents.lengths, children.lengths)
    parts = [
        crossed,
        _changed(children.limbs, bred.limbs),
        _changed(children.pelvis, bred.pelvis),
        _changed(children.trunk, bred.trunk),
        _changed(children.lengths, bred.lengths),
    ]
    code = torch.ones(len(bred), dtype=torch.int64, device=bred.device)
    for bit, changed in enumerate(parts):
        code += changed.long() << bit
    return code


def _changed(before: Tensor, after: Tensor) -> Tensor:
    """(bodies,) bool: any number of (..., bodies) differs."""
    return (after - before).abs_().flatten(0, -2).amax(0) > 0.0


def _gather(mating: _Mating, litters: list[_Litter], tried: int) -> Brood:
    slots = torch.cat([litter.slots for litter in litters])
    order = slots.argsort()
    slots = slots[order]
    pair = slots % mating.pairs
    draws, parents = mating.draws, mating.parents
    population = Population(
        ids=ids(draws.generation, draws.island, slots),
        genomes=Genomes.concatenate([litter.genomes for litter in litters], order),
        mothers=parents.ids[mating.mothers[pair]],
        fathers=parents.ids[mating.fathers[pair]],
        operators=torch.cat([litter.operators for litter in litters])[order],
        error=torch.full((len(slots),), torch.nan, device=slots.device),
        margin=torch.cat([litter.margin for litter in litters])[order],
    )
    joints = torch.cat([litter.joints for litter in litters]).index_select(0, order)
    return Brood(population, joints, tried, tried - len(slots))
