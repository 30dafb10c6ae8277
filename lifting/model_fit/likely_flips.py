"""Which other bodies somebody may have meant: a bone or a limb that points the other way in depth.

What is wrong with a body that was fitted to keypoints is mostly the depth of one bone, of any bone
of the tree, or of both bones of an arm or a leg. So each of these is flipped (`depth_flips`), and
what comes of it is sorted by what it costs without the pull of the lifter or of the start: those
have had their say in the body that is flipped, and are just what is in doubt. Flips that hardly
move the body come last. Of 199 bodies that one flip brought nearer to the truth by 10 mm or more
(package's lifters; CMU subjects that they were trained on, and four others), that flip or a better
one was among the first five for 90 %.

One row a flip; bones by their far end, joints 1 to 16.
"""

import torch
from torch import Tensor

from evoskeleton.evolution.skeleton import BONES
from evoskeleton.lifting.model_fit.body_cost import (
    Bodies,
    BodyCost,
    CostSettings,
    Evidence,
    body_joints,
)
from evoskeleton.lifting.model_fit.depth_flips import PARTS, flipped
from evoskeleton.lifting.normalization import hip_centred

_WORTH_MM = 10.0
"""Mean shift of the joints that is worth a look."""

_LIMBS = PARTS[1:, 3]
_LIMB_COST = 1.5
"""How much rarer two bones are wrong than one, as a difference of logarithms."""

FLIPS = torch.cat([torch.eye(len(BONES), dtype=torch.bool), _LIMBS])
"""(20, 16) bool: every bone on its own, and both bones of every arm and leg."""


def likely_flips(
    body: Bodies, evidence: Evidence, cost: BodyCost, settings: CostSettings, free: Tensor
) -> Bodies:
    """A body after each flip of bones that are free, the likeliest first.

    Args:
        body: one body.
        evidence: what it should explain, one row.
        cost: of bodies under the settings.
        settings: of the cost.
        free: (16,) bool, bones of which nobody has said how they point.
    """
    flips = FLIPS[~(FLIPS & ~free).any(1)]
    rows = torch.zeros(len(flips), dtype=torch.int64)
    found = flipped(body.take(rows), flips, settings)
    extra = cost.unpulled(found, evidence.take(rows)) - cost.unpulled(body, evidence)
    extra = extra.clamp_min(0.0).log1p() + _LIMB_COST * (flips.sum(1) > 1)
    moved = hip_centred(body_joints(found, settings)) - hip_centred(body_joints(body, settings))
    little = torch.linalg.vector_norm(moved, dim=2).mean(1) < _WORTH_MM
    order = extra.argsort(stable=True)
    return found.take(order[little[order].long().argsort(stable=True)])
