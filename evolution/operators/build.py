"""The build of a body: bone lengths, the place of the shoulders, and the bodies that lend them.

Log-normal bone lengths and the place of the shoulders are this project's.
"""

import math
from dataclasses import replace
from functools import lru_cache
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from evoskeleton.evolution.chance import Draws, hits, picks
from evoskeleton.evolution.hierarchy import Genomes
from evoskeleton.evolution.operators.entry import Mutation, rate_field
from evoskeleton.evolution.skeleton import LIMB_MIRROR, TORSO, TORSO_MIRROR
from evoskeleton.settings import Settings

_HIPS = 0
_SHOULDERS = ((4, -1.0), (5, 1.0))
"""Places of the shoulders among the bones of the torso, and the side that they point to."""


def _length_groups() -> tuple[int, ...]:
    """For each of the 15 lengths the number of the factor it shares with its mirror image."""
    mirror = (*TORSO_MIRROR, *(len(TORSO) + limb for limb in LIMB_MIRROR))
    firsts = [min(bone, other) for bone, other in enumerate(mirror)]
    return tuple(sorted(set(firsts)).index(first) for first in firsts)


LENGTH_GROUPS = _length_groups()
"""Which of nine factors scales each of the 15 bone lengths; left and right share theirs."""

_FACTORS = max(LENGTH_GROUPS) + 1


class LengthSettings(Settings):
    """Mutation of bone lengths."""

    rate: float = rate_field(0.5, "probability that a body gets other bone lengths")
    when: Literal["breeding", "storing"] = Field(
        default="breeding",
        description="breeding: children inherit them; storing: only the rows of the table get them",
    )
    template: float = rate_field(
        1.0, "probability of taking the lengths of a template body first, where there are any"
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

    rate: float = rate_field(0.0, "probability that the shoulders of a body get another place")
    up_sigma_deg: float = Field(
        default=5.0, ge=0, le=45, description="spread of how high they sit, degrees at the thorax"
    )
    forward_sigma_deg: float = Field(
        default=2.5, ge=0, le=45, description="spread of how far forwards they sit, degrees"
    )


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
    hit = hits(chance, settings.rate)
    return replace(genomes, lengths=changed.mul_(hit).addcmul_(genomes.lengths, 1.0 - hit))


@lru_cache(maxsize=8)
def _groups(device: torch.device) -> Tensor:
    return torch.tensor(LENGTH_GROUPS, device=device)


def _from_templates(
    own: Tensor, templates: Tensor, source: Tensor, place: Tensor, rate: float
) -> Tensor:
    table = templates.to(own).index_select(1, picks(place, templates.shape[1]))
    if rate >= 1.0:
        return table
    hit = hits(source, rate)
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
        start = start.index_select(2, picks(place, len(templates)))
    hit = hits(chance, settings.rate)
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


LENGTHS = Mutation(
    "lengths",
    bit=4,
    changes=("lengths",),
    settings=LengthSettings,
    apply=mutate_lengths,
    build=True,
)
SHOULDERS = Mutation(
    "shoulders",
    bit=5,
    changes=("torso",),
    settings=ShoulderSettings,
    apply=mutate_shoulders,
    build=True,
)
