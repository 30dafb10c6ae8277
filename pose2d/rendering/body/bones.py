"""Bones of a drawn body: what moves each part of the skin, and how much of it.

Between the bones of a limb stand half bones, turned half as far, so that elbows, knees, shoulders
and hips keep their volume when they bend.
"""

from enum import IntEnum

import numpy as np

from evoskeleton.evolution.skeleton import Joint
from evoskeleton.pose2d.rendering.body.figure import ARM_AXIS, REST


class Bone(IntEnum):
    """What the skin hangs on; those of the right side follow in the order of the left."""

    PELVIS = 0
    BELLY = 1
    CHEST = 2
    NECK = 3
    HEAD = 4
    LEFT_SHOULDER = 5
    LEFT_UPPER = 6
    LEFT_ELBOW = 7
    LEFT_FORE = 8
    LEFT_HAND = 9
    LEFT_HIP = 10
    LEFT_THIGH = 11
    LEFT_KNEE = 12
    LEFT_SHANK = 13
    LEFT_FOOT = 14
    RIGHT_SHOULDER = 15
    RIGHT_UPPER = 16
    RIGHT_ELBOW = 17
    RIGHT_FORE = 18
    RIGHT_HAND = 19
    RIGHT_HIP = 20
    RIGHT_THIGH = 21
    RIGHT_KNEE = 22
    RIGHT_SHANK = 23
    RIGHT_FOOT = 24


SIDE = 10
"""From a bone of the left to that of the right."""

UPPER_ARM = float(np.linalg.norm(REST[Joint.LELBOW] - REST[Joint.LSHOULDER]))
ARM = UPPER_ARM + float(np.linalg.norm(REST[Joint.LWRIST] - REST[Joint.LELBOW]))
LEG_AXIS = (REST[Joint.LFOOT] - REST[Joint.LHIP]) / np.linalg.norm(
    REST[Joint.LFOOT] - REST[Joint.LHIP]
)
THIGH = float(np.linalg.norm(REST[Joint.LKNEE] - REST[Joint.LHIP]))
LEG = THIGH + float(np.linalg.norm(REST[Joint.LFOOT] - REST[Joint.LKNEE]))


def ramp(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Smoothly from 0 at `low` to 1 at `high`."""
    share = np.clip((values - low) / (high - low), 0.0, 1.0)
    return np.asarray(share * share * (3.0 - 2.0 * share))


def along_arm(points: np.ndarray, sign: int) -> tuple[np.ndarray, np.ndarray]:
    """How far down an arm (n, 3) points of the rest frame are, and how far from its axis, mm."""
    away = points * np.array([sign, 1, 1], np.float32) - REST[Joint.LSHOULDER]
    along = away @ ARM_AXIS
    return along, np.sqrt(np.maximum((away * away).sum(axis=1) - along * along, 0.0))


def along_leg(points: np.ndarray, sign: int) -> np.ndarray:
    """How far down a leg (n, 3) points of the rest frame are, mm."""
    away = points * np.array([sign, 1, 1], np.float32) - REST[Joint.LHIP]
    return np.asarray(away @ LEG_AXIS.astype(np.float32))


def skin_weights(points: np.ndarray) -> np.ndarray:
    """How much each bone moves (n, 3) points of the rest frame: (n, bones) float32, sum 1."""
    weights = np.zeros((len(points), len(Bone)))
    free = np.ones(len(points))
    for sign, first in ((1, 0), (-1, SIDE)):
        along, off = along_arm(points, sign)
        mine = ramp(-off, -105.0, -68.0) * ramp(along, -110.0, -30.0)
        mine = np.where(along > 420.0, ramp(-off, -160.0, -110.0), mine)
        steps = _arm_steps(along)
        for bone, share in enumerate(steps, Bone.LEFT_SHOULDER):
            weights[:, first + bone] = mine * share
        free -= weights[:, first + Bone.LEFT_SHOULDER : first + Bone.LEFT_HIP].sum(axis=1)
    for sign, first in ((1, 0), (-1, SIDE)):
        mine = free * ramp(sign * points[:, 0], -30.0, 30.0) * (points[:, 2] < 150.0)
        for bone, share in enumerate(_leg_steps(along_leg(points, sign)), Bone.LEFT_HIP):
            weights[:, first + bone] = mine * share
    legs = [*range(Bone.LEFT_HIP, Bone.LEFT_FOOT + 1), *range(Bone.RIGHT_HIP, len(Bone))]
    free = np.maximum(free - weights[:, legs].sum(axis=1), 0.0)
    for bone, share in enumerate(_trunk_steps(points)):
        weights[:, bone] = free * share
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), dtype=np.float32)


def _chain(*reached: np.ndarray) -> list[np.ndarray]:
    """Shares of the bones of a chain, of how far each has been reached."""
    return [
        here - beyond
        for here, beyond in zip(reached, [*reached[1:], np.zeros_like(reached[0])], strict=True)
    ]


def _arm_steps(along: np.ndarray) -> list[np.ndarray]:
    return _chain(
        ramp(along, -130.0, 25.0),
        ramp(along, 20.0, 140.0),
        ramp(along, UPPER_ARM - 55.0, UPPER_ARM - 2.0),
        ramp(along, UPPER_ARM + 2.0, UPPER_ARM + 55.0),
        ramp(along, ARM - 25.0, ARM + 20.0),
    )


def _leg_steps(along: np.ndarray) -> list[np.ndarray]:
    return _chain(
        ramp(along, -90.0, 20.0),
        ramp(along, 20.0, 140.0),
        ramp(along, THIGH - 70.0, THIGH - 2.0),
        ramp(along, THIGH + 2.0, THIGH + 70.0),
        ramp(along, LEG - 30.0, LEG + 20.0),
    )


def _trunk_steps(points: np.ndarray) -> list[np.ndarray]:
    z = points[:, 2]
    tilted = z - 0.5 * (points[:, 1] - 26.0)
    return _chain(
        np.ones_like(z),
        ramp(z, 40.0, 190.0),
        ramp(z, 230.0, 380.0),
        ramp(z, 500.0, 565.0),
        ramp(tilted, 588.0, 636.0),
    )
