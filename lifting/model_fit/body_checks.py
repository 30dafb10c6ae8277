"""What is unusual about bodies that somebody has made: limbs beyond their limits, odd lengths."""

import numpy as np
import torch

from evoskeleton.errors import BadInput
from evoskeleton.evolution.hierarchy import encode
from evoskeleton.evolution.limits.tables import Limits, default_limits
from evoskeleton.evolution.skeleton import BONES
from evoskeleton.lifting.model_fit.body_cost import length_deviations
from evoskeleton.lifting.model_fit.fitted_bodies import BodyChecks
from evoskeleton.lifting.normalization import hip_centred

_LEAST_MM = 0.1


def checked_bodies(
    joints: np.ndarray, heights_mm: np.ndarray, limits: Limits | None = None
) -> BodyChecks:
    """What is unusual about bodies.

    Args:
        joints: (k, 17, 3) mm, camera frame or any other that is no mirror image of the world's.
        heights_mm: (k,) how tall they are.
        limits: joint limits; none: those that ship with the package.

    Raises:
        BadInput: a bone has no length.
    """
    parents, children = (list(side) for side in zip(*BONES, strict=True))
    if (np.linalg.norm(joints[:, children] - joints[:, parents], axis=2) < _LEAST_MM).any():
        raise BadInput("joints should lie apart from each other, two that a bone joins do not")
    bodies = hip_centred(torch.from_numpy(np.asarray(joints, np.float64)))
    tall = torch.from_numpy(np.asarray(heights_mm, np.float64))[:, None, None]
    return BodyChecks(
        (limits or default_limits()).limb_margins(encode(bodies)).T.numpy(),
        length_deviations(bodies / tall, 1.0).numpy(),
    )
