"""Mutation of single limbs (Li et al. 2020, https://arxiv.org/abs/2006.07778, section 3.2)."""

import math
from dataclasses import replace
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from evoskeleton.evolution.chance import Draws, hits
from evoskeleton.evolution.hierarchy import Genomes
from evoskeleton.evolution.operators.crossover import CrossoverSettings, traded_limbs
from evoskeleton.evolution.operators.entry import Mutation, rate_field
from evoskeleton.evolution.skeleton import LIMBS
from evoskeleton.settings import Settings


class LimbSettings(Settings):
    """Mutation of single limbs."""

    rate: float = rate_field(0.3, "probability that a limb turns")
    sigma_deg: float = Field(default=10.0, ge=0, le=180, description="spread of the angle, degrees")
    where: Literal["all", "branch"] = Field(
        default="all", description="all limbs, or only those of the branch that the pair traded"
    )


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
    upto = torch.stack([hits(share, settings.rate * axis / 3.0) for axis in (1, 2, 3)])
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


LIMB_TURNS = Mutation("limbs", bit=1, changes=("limbs",), settings=LimbSettings, apply=mutate_limbs)
