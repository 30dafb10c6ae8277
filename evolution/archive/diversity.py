"""How much the bodies of a population differ: cheap numbers for the record.

Both look at limb directions in their frames, so that size, heading and place of a body count for
nothing.
"""

import math

import torch
from torch import Tensor

from evoskeleton.evolution.hierarchy import Genomes
from evoskeleton.evolution.skeleton import LIMBS

_AROUND, _UPWARDS = 36, 18


def _sample(genomes: Genomes, size: int) -> Tensor:
    """Limb directions (3, 9, at most `size`) of bodies at even steps through the population."""
    bodies = len(genomes)
    count = min(size, bodies)
    chosen = torch.arange(count, device=genomes.device) * bodies // max(count, 1)
    return genomes.limbs.index_select(-1, chosen)


def mean_angle_deg(genomes: Genomes, sample: int = 256) -> float:
    """Mean angle between the same limb of two different bodies, degrees, over a fixed subsample.

    0 for a population of equals or of fewer than two.
    """
    limbs = _sample(genomes, sample).double()
    count = limbs.shape[-1]
    if count < 2:
        return 0.0
    cosines = torch.einsum("ckn,ckm->knm", limbs, limbs)
    above = torch.triu_indices(count, count, offset=1, device=limbs.device)
    angles = torch.acos(cosines[:, above[0], above[1]].clamp(-1.0, 1.0))
    return math.degrees(float(angles.mean()))


def occupied_share(genomes: Genomes, sample: int = 4096) -> float:
    """Share of direction bins of equal area (36 x 18 a limb) in which a body has that limb."""
    x, y, z = _sample(genomes, sample)
    around = ((torch.atan2(y, x) / (2.0 * math.pi) + 0.5) * _AROUND).long().clamp_(0, _AROUND - 1)
    upwards = ((z + 1.0) * (0.5 * _UPWARDS)).long().clamp_(0, _UPWARDS - 1)
    limb = torch.arange(len(LIMBS), device=z.device)[:, None]
    bins = (limb * _UPWARDS + upwards) * _AROUND + around
    return len(bins.unique()) / (len(LIMBS) * _UPWARDS * _AROUND)
