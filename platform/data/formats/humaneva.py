"""HumanEva's skeletons (Sigal 2010, https://doi.org/10.1007/s11263-009-0273-6) as ours.

VideoPose3D keeps 15 joints: pelvis, thorax, left and right arm, left and right leg, head; or 20,
where thorax, elbows and knees are two points each, the ends of the bones that meet there. Spine and
Neck are halfway between their neighbours. Subjects are `Train/S1`, `Validate/S1`, ..., of which the
first word names a part of the data and no person; clips are `Walking 1 chunk0`.
"""

import re
from collections.abc import Mapping

import numpy as np

from evoskeleton.evolution.skeleton import JOINT_NAMES

COUNTS = (15, 20)

_OF_15: Mapping[str, tuple[int, ...]] = {
    "Hip": (8, 11), "RHip": (11,), "RKnee": (12,), "RFoot": (13,), "LHip": (8,), "LKnee": (9,),
    "LFoot": (10,), "Spine": (8, 11, 1, 1), "Thorax": (1,), "Neck": (1, 14), "Head": (14,),
    "LShoulder": (2,), "LElbow": (3,), "LWrist": (4,), "RShoulder": (5,), "RElbow": (6,),
    "RWrist": (7,),
}  # fmt: skip
"""Which of the 15 are averaged for a joint of ours."""

_OF_20 = (
    (0,), (1, 2), (3,), (4, 5), (6,), (7,), (8, 9), (10,), (11,), (12, 13), (14,), (15,),
    (16, 17), (18,), (19,),
)  # fmt: skip
"""Which of the 20 are averaged for each of the 15."""

NOTE = "HumanEva's skeleton has no Spine and Neck: they are halfway between their neighbours"

_CHUNK = re.compile(r"(.+?)(?: \d+)?(?: chunk\d+)?")


def to_17(joints: np.ndarray) -> np.ndarray:
    """(n, 17, 3) of (n, 15 or 20, 3)."""
    if joints.shape[1] == 20:
        joints = np.stack([joints[:, list(group)].mean(axis=1) for group in _OF_20], axis=1)
    return np.stack([joints[:, list(_OF_15[name])].mean(axis=1) for name in JOINT_NAMES], axis=1)


def named(subject: str, name: str) -> tuple[str, str, str]:
    """Subject, action and clip: `Train/S1`, `Walking 1 chunk0` are `HumanEva-S1`, `Walking`."""
    part, _, person = subject.rpartition("/")
    found = _CHUNK.fullmatch(name)
    action = found[1] if found else name
    return f"HumanEva-{person}", action, f"{part} {name}".strip()
