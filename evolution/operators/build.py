"""Operators that make offspring: whole populations in, whole populations out.

Every operator is a pure function of genomes (component-first, see `hierarchy`), of its `Draws` and
of its settings; the genomes that come in are left as they were, and at a rate of zero the same
numbers come out. Chance is masked in rather than branched on, so that one code serves CPU and GPU:
a rotation whose angle is zero changes no bit.

Crossover, limb mutation, turn of the body and grounding follow Li et al. 2020
(https://arxiv.org/abs/2006.07778, sections 3.2 and 4); the bend of the trunk, the log-normal bone
lengths and the place of the shoulders are this project's; so are mirrored parents and bodies of any
orientation.
"""

import math
from dataclasses import replace
from functools import lru_cache
from typing import Literal

import torch
from pydantic import Field, field_validator
from torch import Tensor

from evoskeleton.errors import BadInput
from evoskeleton.evolution.chance import Draws
from evoskeleton.evolution.hierarchy import Genomes, joint_places, places_to_joints
from evoskeleton.evolution.rotations import about_axis, compose, frame
from evoskeleton.evolution.skeleton import BRANCHES, LIMB_MIRROR, LIMBS, TORSO
from evoskeleton.settings import Settings

__all__ = [
    "CrossoverSettings",
    "Draws",
    "GroundSettings",
    "LengthSettings",
    "LimbSettings",
    "MirrorSettings",
    "RotationSettings",
    "ShoulderSettings",
    "TumbleSettings",
    "bend_trunks",
    "ground",
    "mirror_bodies",
    "mutate_lengths",
    "mutate_limbs",
    "mutate_shoulders",
    "swap_branches",
    "template_bodies",
    "tumble_bodies",
    "turn_bodies",
]

_TORSO_MIRROR = (1, 0, 2, 3, 5, 4)
_HEAD = 0
_HIPS = 0
_SHOULDERS = ((4, -1.0), (5, 1.0))
"""Places of the shoulders among the bones of the torso, and the side that they point to."""


def _length_groups() -> tuple[int, ...]:
    """For each of the 15 lengths the number of the factor it shares with its mirror image."""
    mirror = (*_TORSO_MIRROR, *(len(TORSO) + limb for limb in LIMB_MIRROR))
    firsts = [min(bone, other) for bone, other in enumerate(mirror)]
    return tuple(sorted(set(firsts)).index(first) for first in firsts)


LENGTH_GROUPS = _length_groups()
"""Which of nine factors scales each of the 15 bone lengths; left and right share theirs."""

_FACTORS = max(LENGTH_GROUPS) + 1


def _rate(default: float, description: str) -> float:
    """A field for a probability."""
    return Field(default, ge=0, le=1, description=description)


class CrossoverSettings(Settings):
    """Crossover of subtrees."""

    rate: float = _rate(1.0, "probability that a pair trades a branch at all")
    branches: tuple[str, ...] = Field(
        default=tuple(BRANCHES),
        min_length=1,
        description="joints at which a pair may cut, drawn evenly",
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


class MirrorSettings(Settings):
    """Left for right."""

    rate: float = _rate(0.0, "probability that a parent is mirrored before the pair mates")


class LimbSettings(Settings):
    """Mutation of single limbs."""

    rate: float = _rate(0.3, "probability that a limb turns")
    sigma_deg: float = Field(default=10.0, ge=0, le=180, description="spread of the angle, degrees")
    where: Literal["all", "branch"] = Field(
        default="all", description="all limbs, or only those of the branch that the pair traded"
    )


class RotationSettings(Settings):
    """A rotation of the whole body or of the trunk."""

    rate: float = _rate(0.5, "probability that a body is rotated")
    sigma_deg: float = Field(default=20.0, ge=0, le=180, description="spread of the angle, degrees")
    axis: Literal["any", "vertical"] = Field(
        default="any", description="any axis, evenly, or the vertical one (z of the frame)"
    )


class TumbleSettings(Settings):
    """Bodies that lie, fall or stand on their heads."""

    rate: float = _rate(
        0.0, "probability that an offspring gets any orientation; it becomes a row, but no parent"
    )


class LengthSettings(Settings):
    """Mutation of bone lengths."""

    rate: float = _rate(0.5, "probability that a body gets other bone lengths")
    when: Literal["breeding", "storing"] = Field(
        default="breeding",
        description="breeding: children inherit them; storing: only the rows of the table get them",
    )
    template: float = _rate(
        1.0, "probability that they start from a template body, where there are templates"
    )
    scale_sigma: float = Field(
        default=0.05,
        ge=0,
        le=0.5,
        description="spread of the logarithm of the size of the whole body",
    )
    bone_sigma: float = Field(
        default=0.02,
        ge=0,
        le=0.5,
        description="spread of the logarithm of every bone, left as right",
    )
    hip_sigma: float = Field(
        default=0.0,
        ge=0,
        le=0.5,
        description="further spread of the logarithm of the width of the hips",
    )


class ShoulderSettings(Settings):
    """Where the shoulders sit on the thorax, left as right."""

    rate: float = _rate(0.0, "probability that the shoulders of a body get another place")
    up_sigma_deg: float = Field(
        default=5.0, ge=0, le=45, description="spread of how high they sit, degrees at the thorax"
    )
    forward_sigma_deg: float = Field(
        default=2.5, ge=0, le=45, description="spread of how far forwards they sit, degrees"
    )


class GroundSettings(Settings):
    """Where the lowest joint of a body comes to lie."""

    enabled: bool = Field(default=True, description="move bodies up or down at all")
    height_mm: float = Field(default=20.0, description="mean height of the lowest joint, mm")
    sigma_mm: float = Field(default=3.0, ge=0, description="spread of that height, mm")


def _hits(numbers: Tensor, rate: float) -> Tensor:
    """1 where a uniform number lies below the rate, else 0; float32 like `numbers`.

    Into floats at once: booleans would cost ten times as much.
    """
    return torch.lt(numbers, rate, out=torch.empty_like(numbers))


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
    traded = table.index_select(1, _picks(place, table.shape[1]))
    return traded if settings.rate >= 1.0 else traded.mul_(_hits(chance, settings.rate))


def _picks(numbers: Tensor, count: int) -> Tensor:
    """Uniform numbers to int64 in [0, count); rounding may reach `count` itself."""
    return (numbers * count).long().clamp_(max=count - 1)


def mirror_bodies(
    genomes: Genomes, *, draws: Draws, settings: MirrorSettings, who: str
) -> tuple[Genomes, Tensor]:
    """Mirror bodies, left for right, on the plane x = 0 of the world.

    What a body does to its right is as natural to its left, so this doubles the seeds' motion.

    Args:
        genomes: (pairs,) bodies, one of each pair.
        draws: of the pairs; stream "mirror" and `who`.
        settings: the rate.
        who: "mothers" or "fathers", whose chances are independent.

    Returns:
        The bodies, and which of them (pairs,) bool were mirrored.
    """
    if settings.rate == 0.0:
        return genomes, torch.zeros(len(genomes), dtype=torch.bool, device=genomes.device)
    hit = _hits(draws.of_pairs().uniform(f"mirror {who}", 1)[0], settings.rate).bool()
    mirrored = genomes.map_two(_mirrored(genomes), lambda own, other: torch.where(hit, other, own))
    return mirrored, hit


def _mirrored(genomes: Genomes) -> Genomes:
    """The mirror image: x changes its sign in the world and in every frame, sides their places."""
    sign = torch.tensor([-1.0, 1.0, 1.0], device=genomes.device)
    vector, limb, rotation = sign[:, None], sign[:, None, None], (sign[:, None] * sign)[:, :, None]
    torso, limbs = list(_TORSO_MIRROR), list(LIMB_MIRROR)
    lengths = [*torso, *(len(TORSO) + place for place in limbs)]
    return Genomes(
        root=genomes.root * vector,
        pelvis=genomes.pelvis * rotation,
        trunk=genomes.trunk * rotation,
        torso=genomes.torso[:, torso] * limb,
        limbs=genomes.limbs[:, limbs] * limb,
        neck=genomes.neck * vector,
        lengths=genomes.lengths[lengths],
    )


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


def mutate_limbs(
    genomes: Genomes,
    *,
    draws: Draws,
    settings: LimbSettings,
    crossover: CrossoverSettings | None = None,
) -> Genomes:
    """Turn limbs by a normal angle about one random axis of the frame they are measured in.

    A child limb keeps its direction in its parent's frame, so that it swings along.

    Args:
        genomes: (bodies,) bodies.
        draws: stream "limbs".
        settings: rate, spread, and which limbs may turn.
        crossover: the settings of the pairs' crossover; wanted where only the branch may turn.
    """
    if settings.rate == 0.0 or settings.sigma_deg == 0.0:
        return genomes
    share, normal = draws.numbers("limbs", len(LIMBS), len(LIMBS))
    upto = torch.stack([_hits(share, settings.rate * axis / 3.0) for axis in (1, 2, 3)])
    if settings.where == "branch":
        upto *= traded_limbs(draws, crossover or CrossoverSettings())
    angle = normal.mul_(math.radians(settings.sigma_deg))
    return replace(genomes, limbs=_turn_about_axes(genomes.limbs, upto, angle))


def _turn_about_axes(vectors: Tensor, upto: Tensor, angle: Tensor) -> Tensor:
    """Turn (3, k, n) by (k, n) about x, y or z, or not at all.

    `upto[i]` is 1 where the axis is the i-th or an earlier one, so that `upto[2]` is 1 where
    anything turns.
    """
    axes = upto.clone()
    axes[1:].sub_(upto[:-1])
    less = (upto[2] - axes).mul_(angle.cos().sub_(1.0))
    sines = axes.mul_(angle.sin_())
    turned = less.add_(1.0).mul_(vectors)
    for i in range(3):
        j, k = (i + 1) % 3, (i + 2) % 3
        turned[i].addcmul_(sines[j], vectors[k]).addcmul_(sines[k], vectors[j], value=-1.0)
    return turned


def _random_rotation(draws: Draws, name: str, settings: RotationSettings) -> Tensor:
    """(3, 3, bodies): a normal angle about a random axis, and exactly none where chance says so."""
    (chance, height, around), normal = draws.numbers(name, 3, 1)
    angle = _hits(chance, settings.rate).mul_(normal[0]).mul_(math.radians(settings.sigma_deg))
    axis = torch.zeros(3, len(angle), device=angle.device)
    if settings.axis == "vertical":
        axis[2] = 1.0
    else:
        across = torch.addcmul(height, height, height, value=-1.0).sqrt_().mul_(2.0)
        around.mul_(2.0 * math.pi)
        torch.mul(across, around.cos(), out=axis[0])
        torch.mul(across, around.sin(), out=axis[1])
        torch.sub(height.mul_(2.0), 1.0, out=axis[2])
    return about_axis(axis, angle)


def turn_bodies(genomes: Genomes, *, draws: Draws, settings: RotationSettings) -> Genomes:
    """Turn whole bodies about an axis of the world through the hip; stream "turn".

    The published method tilts about any axis as well. The heading alone would be pointless, as
    virtual views look from all sides.
    """
    if settings.rate == 0.0 or settings.sigma_deg == 0.0:
        return genomes
    return replace(
        genomes, pelvis=compose(_random_rotation(draws, "turn", settings), genomes.pelvis)
    )


def tumble_bodies(
    genomes: Genomes, *, draws: Draws, settings: TumbleSettings
) -> tuple[Genomes, Tensor]:
    """Give bodies any orientation, evenly over all rotations; stream "tumble".

    Small turns that add up over generations reach lying bodies late, and selection loses them on
    the way: to a lifter that has seen none they are the hardest bodies, which looks like the
    impossible. Limbs stay as they are against the torso, and so do the joint limits.

    Args:
        genomes: (bodies,) bodies.
        draws: stream "tumble".
        settings: the rate.

    Returns:
        The bodies, and which of them (bodies,) bool were tumbled.
    """
    if settings.rate == 0.0:
        return genomes, torch.zeros(len(genomes), dtype=torch.bool, device=genomes.device)
    (chance,), normal = draws.numbers("tumble", 1, 6)
    hit = _hits(chance, settings.rate).bool()
    pelvis = torch.where(hit, frame(normal[:3], normal[3:]), genomes.pelvis)
    return replace(genomes, pelvis=pelvis), hit


def bend_trunks(genomes: Genomes, *, draws: Draws, settings: RotationSettings) -> Genomes:
    """Rotate the thorax against the pelvis about an axis of the pelvis; stream "bend"."""
    if settings.rate == 0.0 or settings.sigma_deg == 0.0:
        return genomes
    return replace(genomes, trunk=compose(_random_rotation(draws, "bend", settings), genomes.trunk))


def mutate_lengths(
    genomes: Genomes, *, draws: Draws, settings: LengthSettings, templates: Genomes | None = None
) -> Genomes:
    """Give bodies other bone lengths: those of a template body, times log-normal factors.

    One factor scales the whole body and one every bone; left and right share theirs. Factors on a
    fixed table of templates keep sizes from drifting over the generations, which factors on a
    body's own lengths would let them do.

    Args:
        genomes: (bodies,) bodies.
        draws: stream "lengths".
        settings: rates and spreads.
        templates: bodies that lend their lengths, see `template_bodies`; none: everyone has their
            own.
    """
    if settings.rate == 0.0:
        return genomes
    (chance, source, place), normal = draws.numbers("lengths", 3, 1 + _FACTORS)
    start = genomes.lengths
    if templates is not None and settings.template > 0.0:
        start = _from_templates(start, templates.lengths, source, place, settings.template)
    spread = torch.full((_FACTORS, 1), settings.bone_sigma, device=normal.device)
    spread[LENGTH_GROUPS[_HIPS]] = math.hypot(settings.bone_sigma, settings.hip_sigma)
    factors = normal[1:].mul_(spread).add_(normal[0], alpha=settings.scale_sigma).exp_()
    changed = factors.index_select(0, _groups(factors.device)).mul_(start)
    hit = _hits(chance, settings.rate)
    return replace(genomes, lengths=changed.mul_(hit).addcmul_(genomes.lengths, 1.0 - hit))


@lru_cache(maxsize=8)
def _groups(device: torch.device) -> Tensor:
    return torch.tensor(LENGTH_GROUPS, device=device)


def _from_templates(
    own: Tensor, templates: Tensor, source: Tensor, place: Tensor, rate: float
) -> Tensor:
    table = templates.to(own).index_select(1, _picks(place, templates.shape[1]))
    if rate >= 1.0:
        return table
    hit = _hits(source, rate)
    return table.mul_(hit).addcmul_(own, 1.0 - hit)


def template_bodies(genomes: Genomes, count: int = 256) -> Genomes:
    """Bodies that lend offspring their build: at most `count` of these, evenly spaced."""
    bodies = len(genomes)
    chosen = torch.arange(min(count, bodies), device=genomes.device) * bodies // min(count, bodies)
    return genomes.take(chosen)


def mutate_shoulders(
    genomes: Genomes, *, draws: Draws, settings: ShoulderSettings, templates: Genomes | None = None
) -> Genomes:
    """Raise or lower both shoulders, and bring both forwards or back, by normal angles.

    People differ in this by about 5 degrees (CMU training subjects), and a lifter that has seen one
    person's shoulders takes them for everybody's. Angles start from a template body, so that they
    do not add up over generations.

    Args:
        genomes: (bodies,) bodies.
        draws: stream "shoulders".
        settings: rate and spreads.
        templates: bodies that lend their torsos; none: everyone has their own.
    """
    if settings.rate == 0.0:
        return genomes
    (chance, place), normal = draws.numbers("shoulders", 2, 2)
    start = genomes.torso if templates is None else templates.torso.to(genomes.torso)
    if templates is not None:
        start = start.index_select(2, _picks(place, len(templates)))
    hit = _hits(chance, settings.rate)
    spreads = (settings.up_sigma_deg, settings.forward_sigma_deg)
    up, forward = (math.radians(sigma) * hit * n for sigma, n in zip(spreads, normal, strict=True))
    torso = torch.where(hit.bool(), start, genomes.torso)
    for bone, side in _SHOULDERS:
        x, y, z = torso[:, bone].clone()
        x, z = _turned(side * x, z, up)
        x, y = _turned(x, y, forward)
        torso[:, bone] = torch.stack([side * x, y, z])
    return replace(genomes, torso=torso)


def _turned(first: Tensor, second: Tensor, angle: Tensor) -> tuple[Tensor, Tensor]:
    """Two components of vectors, turned in their plane from the first towards the second."""
    cos, sin = angle.cos(), angle.sin()
    return first * cos - second * sin, first * sin + second * cos


def ground(genomes: Genomes, *, draws: Draws, settings: GroundSettings) -> tuple[Genomes, Tensor]:
    """Rebuild the joints and put the lowest one, whichever it is, a normal height above z = 0.

    This comes after every other operator, so that no joint it looks at is stale.

    Args:
        genomes: (bodies,) bodies.
        draws: stream "ground".
        settings: mean and spread of the height.

    Returns:
        The bodies with their roots moved, and their joints (bodies, 17, 3), world mm.
    """
    places = joint_places(genomes)
    if settings.enabled:
        height = draws.normal("ground")[0].mul_(settings.sigma_mm).add_(settings.height_mm)
        shift = height - places[:, 2].amin(0)
        places[:, 2].add_(shift)
        root = genomes.root.clone()
        root[2].add_(shift)
        genomes = replace(genomes, root=root)
    return genomes, places_to_joints(places)
