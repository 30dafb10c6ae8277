"""Which joints a picture hides: single ones, limbs, sides, all below the hips, half bodies."""

import torch
from torch import Tensor

from evoskeleton.evolution.chance import key, stream, uniform
from evoskeleton.evolution.skeleton import JOINT_NAMES, Joint
from evoskeleton.lifting.detections.settings import DetectionSettings

LEGS = ((Joint.RKNEE, Joint.RFOOT), (Joint.LKNEE, Joint.LFOOT))
ARMS = ((Joint.RELBOW, Joint.RWRIST), (Joint.LELBOW, Joint.LWRIST))
SIDES = (
    (Joint.RHIP, Joint.RKNEE, Joint.RFOOT, Joint.RSHOULDER, Joint.RELBOW, Joint.RWRIST),
    (Joint.LHIP, Joint.LKNEE, Joint.LFOOT, Joint.LSHOULDER, Joint.LELBOW, Joint.LWRIST),
)
BELOW_HIPS = LEGS[0] + LEGS[1]
LOWER_HALF = (*BELOW_HIPS, Joint.HIP, Joint.RHIP, Joint.LHIP)


def hidden(settings: DetectionSettings, key_: int, counters: Tensor) -> Tensor:
    """(n, 17) bool: joints that a detector does not find."""
    draws = uniform(key(key_, stream("drop")), counters, len(JOINT_NAMES))
    gone = draws < settings.drop
    parts: list[tuple[tuple[Joint, ...], float]]
    parts = [(limb, settings.drop_limb) for limb in LEGS + ARMS]
    parts += [(side[1:3] + side[4:], settings.drop_side / 2) for side in SIDES]
    parts += [(BELOW_HIPS, settings.drop_legs), (LOWER_HALF, settings.drop_half)]
    parts += [(ARMS[0] + ARMS[1], settings.drop_arms)]
    whole = uniform(key(key_, stream("drop parts")), counters, len(parts))
    for number, (joints, rate) in enumerate(parts):
        gone[:, list(joints)] |= whole[:, number, None] < rate
    return gone


def guessed(joints: Tensor, settings: DetectionSettings, key_: int, counters: Tensor) -> Tensor:
    """(n, 17) visibility in [0, 1] of (n, 17, 3) camera mm: how much of a joint is seen.

    Limbs on the side that is farther from the camera are hidden by the body more often.
    """
    seen = 1.0 - 0.1 * uniform(key(key_, stream("seen")), counters, len(JOINT_NAMES))
    draws = uniform(key(key_, stream("guess")), counters, 8)
    for number, limb in enumerate(LEGS + ARMS):
        far = _is_far(joints, (Joint.RHIP, Joint.LHIP) if number < 2 else _SHOULDERS, number % 2)
        rate = torch.where(far, settings.guess_far, settings.guess)
        behind = draws[:, number] < rate
        left = 0.8 * draws[:, 4 + number]
        seen[:, list(limb)] = torch.where(behind[:, None], left[:, None], seen[:, list(limb)])
    return seen


_SHOULDERS = (Joint.RSHOULDER, Joint.LSHOULDER)
_FAR_MM = 120.0


def _is_far(joints: Tensor, pair: tuple[Joint, Joint], side: int) -> Tensor:
    """(n,) bool: whether the right (0) or left (1) of a pair lies well behind the other."""
    near, far = joints[:, pair[1 - side], 2], joints[:, pair[side], 2]
    behind: Tensor = far - near > _FAR_MM
    return behind
