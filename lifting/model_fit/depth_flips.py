"""Which other bodies would look the same: bones that point towards the camera instead of away.

A bone of known length whose far end lies on a known ray has two places to be, in front of its near
end and behind it (Lee and Chen 1985; Taylor 2000, https://doi.org/10.1006/cviu.2000.0878). Flips
are (rows, 16) bool, one column a bone of the tree. The body falls into five parts that flip on
their own: the torso, two arms, two legs. A part has four states; the first leaves it as it is.
"""

import torch
from torch import Tensor

from evoskeleton.evolution.skeleton import BONES, Joint
from evoskeleton.lifting.model_fit.body_cost import Bodies, CostSettings, body_joints, lengths_mm


def _states(first: tuple[Joint, ...], second: tuple[Joint, ...]) -> Tensor:
    """(4, 16): nothing, the first bones, the second, both."""
    states = torch.zeros(4, len(BONES), dtype=torch.bool)
    for state, joints in ((1, first), (2, second), (3, first + second)):
        states[state, [joint - 1 for joint in joints]] = True
    return states


PARTS = torch.stack(
    [
        _states(
            (Joint.RHIP, Joint.LHIP, Joint.RSHOULDER, Joint.LSHOULDER),
            (Joint.SPINE, Joint.THORAX, Joint.NECK, Joint.HEAD),
        ),
        _states((Joint.LELBOW,), (Joint.LWRIST,)),
        _states((Joint.RELBOW,), (Joint.RWRIST,)),
        _states((Joint.LKNEE,), (Joint.LFOOT,)),
        _states((Joint.RKNEE,), (Joint.RFOOT,)),
    ]
)
"""(5, 4, 16) bool: part, state, bones that flip."""

SINGLE = PARTS[:, 1:].flatten(0, 1)
"""(15, 16) bool: one part in one state other than the first."""

COMBINATIONS = torch.cartesian_prod(*(torch.arange(4) for _ in PARTS))
"""(1024, 5) int64: the state of every part."""


def combined(combinations: Tensor) -> Tensor:
    """Flips (..., 16) of states (..., 5)."""
    parts = [PARTS[part][combinations[..., part]] for part in range(len(PARTS))]
    return torch.stack(parts).any(0)


def flipped(bodies: Bodies, flips: Tensor, settings: CostSettings) -> Bodies:
    """The bodies with some bones flipped in depth, every joint still on its ray.

    Where a bone has become too short to reach the ray, it points at the nearest place on it.
    """
    lengths = lengths_mm(bodies.log_lengths, settings)
    old = body_joints(bodies, settings)
    rays = torch.nn.functional.normalize(old, dim=2)
    new = [bodies.root]
    directions = []
    for bone, (parent, child) in enumerate(BONES):
        ray, length = rays[:, child], lengths[:, bone, None]
        start = new[parent]
        ahead = ((old[:, child] - old[:, parent]) * ray).sum(1, keepdim=True) > 0
        sign = torch.where(ahead ^ flips[:, bone, None], 1.0, -1.0)
        middle = (start * ray).sum(1, keepdim=True) * ray - start
        reach = (length.square() - middle.square().sum(1, keepdim=True)).clamp_min(0.0).sqrt()
        direction = torch.nn.functional.normalize(middle + sign * reach * ray, dim=1)
        directions.append(direction)
        new.append(start + length * direction)
    return Bodies(bodies.root, torch.stack(directions, dim=1), bodies.log_lengths)
