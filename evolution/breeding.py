"""One generation on one island: pairs, offspring, joint limits, second attempts, joints.

Offspring have slots. Of `pairs = ceil(offspring / 2)` matings, mating i gives a daughter in slot i
and a son in slot pairs + i. Every draw is addressed by (seed, generation, island, slot, attempt,
stream), so bodies can be bred in chunks of any size and come out the same bit for bit. Operators
run in torch's inference mode, which saves a tenth of the time; what `breed` returns is free of it.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import torch
from pydantic import Field
from torch import Tensor

from evoskeleton.errors import BadInput
from evoskeleton.evolution.breeding_toolbox import BreedingToolbox
from evoskeleton.evolution.chance import Draws
from evoskeleton.evolution.hierarchy import Genomes
from evoskeleton.evolution.limits.joint_limits import JointLimits
from evoskeleton.evolution.limits.trunk import TrunkRange
from evoskeleton.evolution.operators.codes import marks_to_codes
from evoskeleton.evolution.operators.crossover import CROSSOVER
from evoskeleton.evolution.operators.mirror import MIRROR
from evoskeleton.evolution.operators.orientation import TUMBLE
from evoskeleton.evolution.population import Population, ids
from evoskeleton.evolution.selection.selection import random_pairs
from evoskeleton.evolution.skeleton import LIMBS
from evoskeleton.evolution.toolbox import ToolboxSettings, build_toolbox, marked

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
        description="different pairs that breed in a generation; none: one for every two offspring",
    )
    trunk: TrunkRange = Field(
        default_factory=TrunkRange, description="how far the thorax bends and twists"
    )
    attempts: int = Field(
        default=3,
        ge=1,
        le=100,
        description="times a pair tries to have a child within the joint limits",
    )
    valid_limbs: int = Field(
        default=len(LIMBS),
        ge=1,
        le=len(LIMBS),
        description="how many of the nine limbs have to be within the joint limits",
    )

    def margin(self, limits: JointLimits, bodies: Genomes) -> Tensor:
        """Degrees (bodies,) to the nearest limit, of limbs or of the trunk; negative outside."""
        margin = limits.margin(bodies, self.valid_limbs)
        return torch.minimum(margin, self.trunk.margin(bodies)) if self.trunk.enabled else margin


@dataclass(frozen=True)
class Offspring:
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
    toolbox: BreedingToolbox
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
    toolbox: BreedingToolbox | None = None,
) -> Offspring:
    """Breed offspring and keep those within the joint limits.

    A child outside the limits is bred again by the same parents with the draws of the next attempt,
    up to `settings.attempts` times; then its slot stays empty.

    Args:
        parents: at least one body.
        seed: with the two below, where every draw comes from.
        generation: counted from 0.
        island: counted from 0.
        offspring: slots to fill.
        settings: operators and attempts.
        valid: margin (bodies,) float32 in degrees of genomes, negative outside the limits, such as
            `BreedingSettings.margin`.
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


def _fill(mating: _Mating, slots: Tensor, attempts: int) -> Offspring:
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


def _attempt(mating: _Mating, missing: Tensor) -> list[_Litter]:
    """Every pair that lacks a daughter or a son (2, pairs) mates once, a chunk at a time."""
    chunks = torch.split(missing.any(0).nonzero()[:, 0], CHUNK // 2 or 1)
    return [_litter(mating, pairs, missing.index_select(1, pairs)) for pairs in chunks]


def _litter(mating: _Mating, pairs: Tensor, missing: Tensor) -> _Litter:
    """The missing children of some pairs: bred, and those within the limits grounded.

    Taking bodies out of the inference tensors of `_bred` makes ordinary ones.
    """
    bred = _bred(mating, pairs, missing)
    within = (bred.margin >= 0.0).nonzero()[:, 0]
    slots = bred.slots.index_select(0, within)
    draws = replace(mating.draws, slots=slots, pairs=slots % mating.pairs)
    genomes, joints = mating.toolbox.ground(bred.genomes.take(within), draws=draws)
    operators, margin = (a.index_select(0, within) for a in (bred.operators, bred.margin))
    return _Litter(slots, genomes, joints, operators, margin)


@dataclass(frozen=True)
class _Bred:
    """Children, checked; of the genomes the last may be padding."""

    slots: Tensor
    genomes: Genomes
    operators: Tensor
    margin: Tensor


@torch.inference_mode()
def _bred(mating: _Mating, pairs: Tensor, missing: Tensor) -> _Bred:
    """Mate, mutate, check the limits."""
    trial = _mate(mating, pairs, missing)
    wanted = int(missing.sum())
    draws = replace(mating.draws, slots=trial.slots, pairs=trial.slots % mating.pairs)
    genomes, marks = mating.toolbox.mutate(trial.children, draws=draws)
    genomes, tumbled = mating.toolbox.tumble(genomes, draws=draws)
    margin = mating.valid(genomes)[:wanted]
    marks |= marked(trial.parents, trial.children, CROSSOVER.changes, CROSSOVER.bit)
    marks |= trial.mirrored << MIRROR.bit
    marks |= tumbled.long() << TUMBLE.bit
    return _Bred(trial.slots[:wanted], genomes, marks_to_codes(marks[:wanted]), margin)


@dataclass(frozen=True)
class _Trial:
    """Children and the parents that raised them, column by column; the last may be padding.

    `mirrored` is (bodies,) int64, 1 for children of a parent that was mirrored.
    """

    parents: Genomes
    children: Genomes
    slots: Tensor
    mirrored: Tensor


def _mate(mating: _Mating, pairs: Tensor, missing: Tensor) -> _Trial:
    padded = _padded(pairs)
    both = torch.cat([mating.mothers.index_select(0, padded), mating.fathers[padded]])
    parents = mating.parents.genomes.take(both)
    parents, mirrored = _mirror(mating, padded, parents)
    mothers, fathers = (parents.map(part) for part in (_first_half, _second_half))
    daughters, sons = mating.toolbox.mate(
        mothers, fathers, draws=replace(mating.draws, slots=padded)
    )
    children = _rejoin(parents, (mothers, fathers), (daughters, sons))
    trial = _Trial(parents, children, torch.cat([padded, padded + mating.pairs]), mirrored)
    if len(padded) == len(pairs) and bool(missing.all()):
        return trial
    side, place = missing.nonzero().T
    wanted = _padded(side * len(padded) + place)
    return _Trial(
        trial.parents.take(wanted),
        trial.children.take(wanted),
        trial.slots.index_select(0, wanted),
        trial.mirrored.index_select(0, wanted),
    )


def _mirror(mating: _Mating, pairs: Tensor, parents: Genomes) -> tuple[Genomes, Tensor]:
    """Parents of pairs, mothers first, some of them mirrored; and (parents,) int64, 1 for these."""
    draws = replace(mating.draws, slots=pairs)
    halves = [parents.map(part) for part in (_first_half, _second_half)]
    turned = [
        mating.toolbox.mirror(half, draws=draws, who=who)
        for half, who in zip(halves, ("mothers", "fathers"), strict=True)
    ]
    mirrored = torch.cat([hit for _, hit in turned]).long()
    if all(new is half for (new, _), half in zip(turned, halves, strict=True)):
        return parents, mirrored
    return Genomes.concatenate([new for new, _ in turned]), mirrored


def _first_half(array: Tensor) -> Tensor:
    return array[..., : array.shape[-1] // 2]


def _second_half(array: Tensor) -> Tensor:
    return array[..., array.shape[-1] // 2 :]


def _rejoin(
    whole: Genomes, halves: tuple[Genomes, Genomes], children: tuple[Genomes, Genomes]
) -> Genomes:
    """Daughters and sons in one; arrays that mating left alone are not copied again."""

    def joined(name: str) -> Tensor:
        new = [getattr(child, name) for child in children]
        untouched = all(a is getattr(half, name) for a, half in zip(new, halves, strict=True))
        return getattr(whole, name) if untouched else torch.cat(new, dim=-1)

    return Genomes(*(joined(field.name) for field in fields(Genomes)))


def _padded(numbers: Tensor) -> Tensor:
    """Fill up to a multiple of the padding with copies of the last entry."""
    return torch.cat([numbers, numbers[-1:].expand(-len(numbers) % _PADDING)])


def _gather(mating: _Mating, litters: list[_Litter], tried: int) -> Offspring:
    slots = _joined([litter.slots for litter in litters])
    order = None
    if not bool((slots[1:] > slots[:-1]).all()):
        order = slots.argsort()
    slots = _in_order(slots, order)
    pair = slots % mating.pairs
    draws, parents = mating.draws, mating.parents

    def column(name: str) -> Tensor:
        return _in_order(_joined([getattr(litter, name) for litter in litters]), order)

    population = Population.unscored(
        ids=ids(draws.generation, draws.island, slots),
        genomes=Genomes.concatenate([litter.genomes for litter in litters], order),
        mothers=parents.ids[mating.mothers[pair]],
        fathers=parents.ids[mating.fathers[pair]],
        operators=column("operators"),
        margin=column("margin"),
    )
    return Offspring(population, column("joints"), tried, tried - len(slots))


def _joined(parts: list[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def _in_order(rows: Tensor, order: Tensor | None) -> Tensor:
    return rows if order is None else rows.index_select(0, order)
