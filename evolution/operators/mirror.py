"""Bodies mirrored, left for right."""

import torch
from torch import Tensor

from evoskeleton.evolution.chance import Draws, hits
from evoskeleton.evolution.hierarchy import Genomes
from evoskeleton.evolution.operators.entry import Operator, rate_field
from evoskeleton.evolution.skeleton import LIMB_MIRROR, TORSO, TORSO_MIRROR
from evoskeleton.settings import Settings


class MirrorSettings(Settings):
    """Left for right."""

    rate: float = rate_field(0.0, "probability that a parent is mirrored before the pair mates")


MIRROR = Operator(
    "mirror",
    bit=6,
    changes=("root", "pelvis", "trunk", "torso", "limbs", "neck", "lengths"),
    settings=MirrorSettings,
)


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
    hit = hits(draws.of_pairs().uniform(f"mirror {who}", 1)[0], settings.rate).bool()
    mirrored = genomes.map_two(_mirrored(genomes), lambda own, other: torch.where(hit, other, own))
    return mirrored, hit


def _mirrored(genomes: Genomes) -> Genomes:
    """The mirror image: x changes its sign in the world and in every frame, sides their places."""
    sign = torch.tensor([-1.0, 1.0, 1.0], device=genomes.device)
    vector, limb, rotation = sign[:, None], sign[:, None, None], (sign[:, None] * sign)[:, :, None]
    torso, limbs = list(TORSO_MIRROR), list(LIMB_MIRROR)
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
