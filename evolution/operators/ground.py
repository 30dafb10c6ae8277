"""Grounding: the lowest joint of a body comes to lie near the floor.

As Li et al. 2020 do (https://arxiv.org/abs/2006.07778, section 4). It leaves no mark in the code of
an offspring, so that it has no bit.
"""

from dataclasses import replace

from pydantic import Field
from torch import Tensor

from evoskeleton.evolution.chance import Draws
from evoskeleton.evolution.hierarchy import Genomes, joint_places, places_to_joints
from evoskeleton.settings import Settings


class GroundSettings(Settings):
    """Where the lowest joint of a body comes to lie."""

    enabled: bool = Field(default=True, description="move bodies up or down at all")
    height_mm: float = Field(default=20.0, description="mean height of the lowest joint, mm")
    sigma_mm: float = Field(default=3.0, ge=0, description="spread of that height, mm")


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
