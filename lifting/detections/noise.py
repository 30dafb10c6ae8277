"""Keypoints as a detector would find them: heavy tails, limbs that drift, sides that are confused.

Every number depends on (key, counter) alone, never on the other bodies of a batch.
"""

import torch
from torch import Tensor

from evoskeleton.evolution.chance import key, normal, stream, uniform
from evoskeleton.evolution.skeleton import JOINT_NAMES, Joint
from evoskeleton.lifting.detections.approximated import MIXED, ears_of, mixed
from evoskeleton.lifting.detections.confidence import LEAST_SURE
from evoskeleton.lifting.detections.hiding import ARMS, LEGS, guessed, hidden
from evoskeleton.lifting.detections.settings import DetectionSettings

_JOINTS = len(JOINT_NAMES)
_EARS = _JOINTS
_SPREAD = {
    Joint.RHIP: 1.2, Joint.LHIP: 1.2, Joint.RFOOT: 1.1, Joint.LFOOT: 1.1,
    Joint.LSHOULDER: 0.9, Joint.RSHOULDER: 0.9, Joint.LWRIST: 1.2, Joint.RWRIST: 1.2,
}  # fmt: skip
"""How much more than other joints these are off."""


def detected(
    keypoints: Tensor, joints: Tensor, settings: DetectionSettings, key_: int, counters: Tensor
) -> tuple[Tensor, Tensor]:
    """What a detector would say.

    Args:
        keypoints: (n, 17, 2) px without error.
        joints: (n, 17, 3) mm, camera frame: what hides what.
        settings: how the detector errs.
        key_: from `chance.key`.
        counters: (n,) int64 addresses under that key.

    Returns:
        (n, 17, 2) px and confidence (n, 17): 0 where a joint is missing, otherwise from just above
        a half, a guess, to 1, in plain sight; see `detections.confidence`.
    """
    visible = guessed(joints, settings, key_, counters)
    gone = hidden(settings, key_, counters)
    points = torch.cat([keypoints, ears_of(keypoints)[:, None]], dim=1)
    seen = torch.cat([visible, visible[:, [Joint.HEAD]]], dim=1)
    points = points + _errors(keypoints, seen, settings, key_, counters)
    own = _swapped(points[:, :_JOINTS], settings, key_, counters)
    sure = torch.where(gone, 0.0, confidence_of(visible))
    ears_sure = torch.where(gone[:, Joint.HEAD], 0.0, confidence_of(seen[:, _EARS]))
    mixture, mixture_sure = mixed(own, points[:, _EARS], sure, ears_sure)
    as_mixture = uniform(key(key_, stream("mixed")), counters, 1) < settings.mixed
    sure[:, MIXED] *= ~gone[:, MIXED]
    return (
        torch.where(as_mixture[..., None], mixture, own),
        torch.where(as_mixture, mixture_sure, sure),
    )


def confidence_of(visibility: Tensor) -> Tensor:
    """`detections.confidence.as_confidence` of joints that are found."""
    return LEAST_SURE + (1.0 - LEAST_SURE) * visibility


def _errors(
    keypoints: Tensor, visible: Tensor, settings: DetectionSettings, key_: int, counters: Tensor
) -> Tensor:
    """(n, 18, 2) px, of the joints and the ears."""
    size = (keypoints.amax(1) - keypoints.amin(1)).amax(1)
    low, high = settings.noise
    drawn = uniform(key(key_, stream("spread")), counters, 1)
    spread = low * (high / low) ** drawn
    unequal = normal(key(key_, stream("tail")), counters, _JOINTS + 1)
    unseen = 1.0 + settings.hidden_noise * (1.0 - visible)
    each = spread * unseen * torch.exp(settings.tail * unequal) * _spreads(keypoints.device)
    noise = normal(key(key_, stream("noise")), counters, 2 * (_JOINTS + 1))
    errors = each[..., None] * noise.view(-1, _JOINTS + 1, 2)
    drift = settings.drift * normal(key(key_, stream("drift")), counters, 8).view(-1, 4, 1, 2)
    for number, limb in enumerate(LEGS + ARMS):
        errors[:, list(limb)] += drift[:, number] * unseen[:, list(limb), None]
    return size[:, None, None] * errors


def _spreads(device: torch.device) -> Tensor:
    spreads = torch.ones(_JOINTS + 1, device=device)
    for joint, spread in _SPREAD.items():
        spreads[joint] = spread
    return spreads


def _swapped(points: Tensor, settings: DetectionSettings, key_: int, counters: Tensor) -> Tensor:
    """Left and right exchanged in some legs, and in some arms."""
    draws = uniform(key(key_, stream("swap")), counters, 2)
    swapped = points.clone()
    for number, (right, left) in enumerate((_LEG_SIDES, _ARM_SIDES)):
        rows = (draws[:, number] < settings.swap)[:, None, None]
        swapped[:, right] = torch.where(rows, points[:, left], points[:, right])
        swapped[:, left] = torch.where(rows, points[:, right], points[:, left])
    return swapped


_LEG_SIDES = ([Joint.RHIP, Joint.RKNEE, Joint.RFOOT], [Joint.LHIP, Joint.LKNEE, Joint.LFOOT])
_ARM_SIDES = (
    [Joint.RSHOULDER, Joint.RELBOW, Joint.RWRIST],
    [Joint.LSHOULDER, Joint.LELBOW, Joint.LWRIST],
)
