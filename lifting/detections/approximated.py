"""Trunk and head as detectors have them: mixed from hips, shoulders and ears, in the picture.

The mixtures are those of `keypoint_formats`; here they are made of bodies in training, so that a
lifter knows Spine, Thorax, Neck and Head for what they are. Where the hips are hidden, Thorax is
the middle of the shoulders.
"""

import torch
from torch import Tensor

from evoskeleton.evolution.skeleton import Joint
from evoskeleton.lifting.keypoints.keypoint_formats import EAR_SHARE, SPINE_SHARE, THORAX_SHARE

_HIPS = [Joint.RHIP, Joint.LHIP]
_SHOULDERS = [Joint.LSHOULDER, Joint.RSHOULDER]
MIXED = [Joint.HIP, Joint.SPINE, Joint.THORAX, Joint.NECK, Joint.HEAD]


def ears_of(keypoints: Tensor) -> Tensor:
    """(n, 2) px: the middle of the ears of (n, 17, 2) keypoints, on the line Thorax to Head."""
    thorax, head = keypoints[:, Joint.THORAX], keypoints[:, Joint.HEAD]
    return thorax + EAR_SHARE * (head - thorax)


def mixed(
    keypoints: Tensor, ears: Tensor, sure: Tensor, ears_sure: Tensor
) -> tuple[Tensor, Tensor]:
    """Keypoints whose trunk and head are mixed from their neighbours.

    Args:
        keypoints: (n, 17, 2) px; trunk and head are not looked at.
        ears: (n, 2) px.
        sure: (n, 17) confidence, 0 where a joint is missing.
        ears_sure: (n,).

    Returns:
        (n, 17, 2) px and (n, 17); a mixture is as sure as the least sure part of it.
    """
    hips, shoulders = keypoints[:, _HIPS].mean(1), keypoints[:, _SHOULDERS].mean(1)
    hips_sure, shoulders_sure = sure[:, _HIPS].amin(1), sure[:, _SHOULDERS].amin(1)
    whole = hips_sure > 0
    thorax = torch.where(whole[:, None], hips + THORAX_SHARE * (shoulders - hips), shoulders)
    head = thorax + (ears - thorax) / EAR_SHARE
    trunk_sure = torch.where(whole, torch.minimum(hips_sure, shoulders_sure), shoulders_sure)
    head_sure = torch.minimum(trunk_sure, ears_sure)
    points, confidence = keypoints.clone(), sure.clone()
    points[:, MIXED] = torch.stack(
        [hips, hips + SPINE_SHARE * (shoulders - hips), thorax, (thorax + head) / 2.0, head], dim=1
    )
    confidence[:, MIXED] = torch.stack(
        [hips_sure, trunk_sure * whole, trunk_sure, head_sure, head_sure], dim=1
    )
    return points, confidence
