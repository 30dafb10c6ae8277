"""Rotations of the whole body and of the trunk: turn, bend, tumble.

The turn follows Li et al. 2020 (https://arxiv.org/abs/2006.07778, section 3.2); the bend of the
trunk and bodies of any orientation are this project's.
"""

import math
from dataclasses import replace
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from evoskeleton.evolution.chance import Draws, hits
from evoskeleton.evolution.hierarchy import Genomes
from evoskeleton.evolution.operators.entry import Mutation, Operator, rate_field
from evoskeleton.evolution.rotations import about_axis, compose, frame
from evoskeleton.settings import Settings


class RotationSettings(Settings):
    """A rotation of the whole body or of the trunk."""

    rate: float = rate_field(0.5, "probability that a body is rotated")
    sigma_deg: float = Field(default=20.0, ge=0, le=180, description="spread of the angle, degrees")
    axis: Literal["any", "vertical"] = Field(
        default="any", description="any axis, evenly, or the vertical one (z of the frame)"
    )


class TumbleSettings(Settings):
    """Bodies that lie, fall or stand on their heads."""

    rate: float = rate_field(
        0.0, "probability that an offspring gets any orientation; it becomes a row, but no parent"
    )


def _random_rotation(draws: Draws, name: str, settings: RotationSettings) -> Tensor:
    """(3, 3, bodies): a normal angle about a random axis, and exactly none where chance says so."""
    (chance, height, around), normal = draws.numbers(name, 3, 1)
    angle = hits(chance, settings.rate).mul_(normal[0]).mul_(math.radians(settings.sigma_deg))
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


def bend_trunks(genomes: Genomes, *, draws: Draws, settings: RotationSettings) -> Genomes:
    """Rotate the thorax against the pelvis about an axis of the pelvis; stream "bend"."""
    if settings.rate == 0.0 or settings.sigma_deg == 0.0:
        return genomes
    return replace(genomes, trunk=compose(_random_rotation(draws, "bend", settings), genomes.trunk))


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
    hit = hits(chance, settings.rate).bool()
    pelvis = torch.where(hit, frame(normal[:3], normal[3:]), genomes.pelvis)
    return replace(genomes, pelvis=pelvis), hit


TURN = Mutation("turn", bit=2, changes=("pelvis",), settings=RotationSettings, apply=turn_bodies)
BEND = Mutation("bend", bit=3, changes=("trunk",), settings=RotationSettings, apply=bend_trunks)
TUMBLE = Operator("tumble", bit=7, changes=("pelvis",), settings=TumbleSettings)
