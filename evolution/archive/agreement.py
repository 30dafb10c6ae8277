"""Agreement in depth: how near bodies come to others in 3D, whatever their scale and turn.

One picture says little about depth: bodies that explain it equally well may differ by a hand's
breadth where a limb points forwards or backwards. Somebody else's opinion of the same picture, such
as a lifter's, tells them apart.

The disagreement is made as the distance in the picture is (see `resemblance`): what remains of one
body after the best scale, shift and turn of the other, as a share of its spread. With the singular
values of the 3 x 3 covariance of the joints it has a closed form (Umeyama 1991,
https://doi.org/10.1109/34.88573).
"""

import numpy as np
import torch
from torch import Tensor

from evoskeleton.shapes import expect_shape


def disagreement(bodies: Tensor, others: Tensor) -> Tensor:
    """How far bodies are from another one each.

    Args:
        bodies, others: (n, joints, 3), in any unit and frame.

    Returns:
        (n,) float32 in [0, 1]; 1 where all joints of one of them lie in one place, or are not
        finite.

    Raises:
        BadInput: they are not as many bodies of as many joints.
    """
    expect_shape("bodies", bodies, ("bodies", "joints", 3))
    expect_shape("others", others, tuple(bodies.shape))
    first, second = _standard(bodies), _standard(others)
    crossed = first.mT @ second
    pull = torch.linalg.svdvals(crossed)
    pull[:, 2] *= torch.linalg.det(crossed).sign()
    along = pull.sum(1).clamp(0.0, 1.0)
    left: Tensor = (1.0 - along.square()).sqrt()
    return left.float()


def penalty_of(joints: Tensor, opinion: np.ndarray, weight: float) -> np.ndarray:
    """What counts against bodies beside the distance: (n,) float32.

    Args:
        joints: (n, 17, 3) mm of bodies, on the CPU.
        opinion: (n, 17, 3) float32 mm, a body each that they are held to.
        weight: of the disagreement.
    """
    apart = disagreement(joints, torch.from_numpy(np.array(opinion)))
    return (weight * apart).numpy()


def _standard(bodies: Tensor) -> Tensor:
    """Float64 bodies about their middle, with a spread of 1; zeros where they have none."""
    apart = bodies.double()
    apart = apart - apart.mean(1, keepdim=True)
    spread = apart.square().sum((1, 2), keepdim=True).sqrt()
    known = torch.isfinite(spread) & (spread > 0)
    return torch.where(known, apart / spread, 0.0)
