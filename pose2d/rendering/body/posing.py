"""A drawn body takes a pose: where each bone goes, from 17 joints alone.

What joints leave open is taken from the neighbours or drawn: bent elbows and knees tell how a limb
is turned about its axis, straight ones follow the trunk; feet stand flat where they are near the
ground; the head looks where the chest does, turned by a drawn angle.
"""

import math
from dataclasses import dataclass

import numpy as np

from evoskeleton.evolution.skeleton import Joint
from evoskeleton.pose2d.rendering.body.bones import SIDE, Bone
from evoskeleton.pose2d.rendering.body.figure import ANKLE_HEIGHT, ARM_AXIS, REST

_BENT = 0.25
"""Sine of the angle from which on a bend alone tells how a limb is turned."""
_X, _Y, _Z = np.eye(3)
_FLAT_MM = 60.0


@dataclass(frozen=True)
class Freedom:
    """What joints do not tell, radians.

    Attributes:
        head_turn, head_nod: of the head against the chest.
        hand_turn: (left, right) of the hands about the forearms.
        toes: how far the toes of a foot in the air point down.
    """

    head_turn: float = 0.0
    head_nod: float = 0.0
    hand_turn: tuple[float, float] = (0.0, 0.0)
    toes: float = 0.5


@dataclass(frozen=True)
class PosedBones:
    """Affine maps (bones, 3, 4) from the rest frame to the world, and the size of the body."""

    maps: np.ndarray
    size: float


def body_size(joints: np.ndarray) -> float:
    """How large a body is against the one at rest: by its legs and trunk."""
    return float(_lengths(joints) / _lengths(REST.astype(float)))


def _lengths(joints: np.ndarray) -> float:
    pairs = ((0, 7), (7, 8), (1, 2), (2, 3), (4, 5), (5, 6))
    return float(sum(norm(joints[a] - joints[b]) for a, b in pairs))


def posed_bones(joints: np.ndarray, ground: float, freedom: Freedom) -> PosedBones:
    """Where the bones of a body are.

    Args:
        joints: (17, 3) world mm.
        ground: height of the ground there, world mm.
        freedom: what the joints leave open.
    """
    poser = _Poser(joints.astype(np.float64), ground, freedom)
    return PosedBones(poser.maps().astype(np.float32), poser.size)


class _Poser:
    """The frames of one body, worked out from the trunk outwards."""

    def __init__(self, joints: np.ndarray, ground: float, freedom: Freedom) -> None:
        self.joints, self.ground, self.freedom = joints, ground, freedom
        self.size = body_size(joints)
        self._maps = np.zeros((len(Bone), 3, 4))

    def maps(self) -> np.ndarray:
        """All bones' maps."""
        j = self.joints
        pelvis = frame(j[Joint.SPINE] - j[Joint.HIP], j[Joint.LHIP] - j[Joint.RHIP])
        chest = frame(j[Joint.THORAX] - j[Joint.SPINE], j[Joint.LSHOULDER] - j[Joint.RSHOULDER])
        pelvis, chest = pelvis @ _RESTING["pelvis"].T, chest @ _RESTING["chest"].T
        belly = halfway(pelvis, chest)
        self._put(Bone.PELVIS, pelvis, Joint.HIP, Joint.SPINE)
        self._put(Bone.BELLY, belly, Joint.SPINE, Joint.THORAX)
        self._put(Bone.CHEST, chest, Joint.THORAX)
        self._head(chest)
        for side in (0, 1):
            self._arm(chest, side)
            self._leg(pelvis, side)
        return self._maps

    def _head(self, chest: np.ndarray) -> None:
        j, free = self.joints, self.freedom
        up = unit(j[Joint.HEAD] - j[Joint.THORAX]) + unit(j[Joint.HEAD] - j[Joint.NECK])
        head = least_turn(chest, chest @ _Z, up)
        head = head @ about(_Z, free.head_turn) @ about(_X, free.head_nod)
        neck = least_turn(
            halfway(chest, head), halfway(chest, head) @ _Z, j[Joint.NECK] - j[Joint.THORAX]
        )
        self._put(Bone.NECK, neck, Joint.THORAX, Joint.NECK)
        self._put(Bone.HEAD, head, Joint.HEAD)

    def _arm(self, chest: np.ndarray, side: int) -> None:
        shoulder, elbow, wrist = _LIMBS["arm"][side]
        first = Bone.LEFT_SHOULDER + side * SIDE
        rest = ARM_AXIS * (1, 1, 1) if side == 0 else ARM_AXIS * (-1, 1, 1)
        forward = -_Y
        upper, fore = self._bent(chest, (shoulder, elbow, wrist), rest, forward)
        turn = self.freedom.hand_turn[side]
        hand = fore @ about(rest, turn)
        self._put(first, halfway(chest, upper), shoulder)
        self._put(first + 1, upper, shoulder, elbow)
        self._put(first + 2, halfway(upper, fore), elbow)
        self._put(first + 3, fore @ about(rest, 0.5 * turn), elbow, wrist)
        self._put(first + 4, hand, wrist)

    def _leg(self, pelvis: np.ndarray, side: int) -> None:
        hip, knee, ankle = _LIMBS["leg"][side]
        first = Bone.LEFT_HIP + side * SIDE
        rest = unit(REST[ankle] - REST[hip])
        thigh, shank = self._bent(pelvis, (hip, knee, ankle), rest, _Y)
        self._put(first, halfway(pelvis, thigh), hip)
        self._put(first + 1, thigh, hip, knee)
        self._put(first + 2, halfway(thigh, shank), knee)
        self._put(first + 3, shank, knee, ankle)
        self._put(first + 4, self._foot(shank, ankle), ankle)

    def _foot(self, shank: np.ndarray, ankle: Joint) -> np.ndarray:
        """Flat on the ground where the ankle is near it; else the toes hang a little."""
        height = float(self.joints[ankle, 2]) - self.ground
        near = 1.0 - min(max((height - ANKLE_HEIGHT * self.size) / _FLAT_MM, 0.0), 1.0)
        hanging = shank @ about(_X, self.freedom.toes)
        flat = frame(_Z, shank @ _X) if abs((shank @ _X)[2]) < 0.9 else hanging
        if (shank @ _Z)[2] < 0.5:
            return np.asarray(hanging)
        up = hanging @ _Z
        return least_turn(hanging, up, up + near * (flat @ _Z - up))

    def _bent(
        self,
        base: np.ndarray,
        chain: tuple[Joint, Joint, Joint],
        rest: np.ndarray,
        bends: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Turns of the two bones of a limb, which bends towards `bends` of the rest frame."""
        a, b, c = (self.joints[joint] for joint in chain)
        upper, lower = unit(b - a), unit(c - b)
        first = least_turn(base, base @ rest, upper)
        hinge = first @ cross(rest, bends)
        bend = cross(upper, lower)
        share = min(norm(bend) / _BENT, 1.0)
        mixed = (1.0 - share) * unit(hinge) + share * unit(bend)
        if norm(mixed) > 0.1:
            first = _about_axis(first, upper, hinge, mixed)
        return first, least_turn(first, upper, lower)

    def _put(self, bone: int, turn: np.ndarray, joint: Joint, end: Joint | None = None) -> None:
        """A bone at its joint, as wide as the body is large, and as long as it has to be."""
        scale = np.eye(3) * self.size
        if end is not None:
            axis = unit(REST[end] - REST[joint])
            length = norm(self.joints[end] - self.joints[joint])
            stretch = length / norm(REST[end] - REST[joint]) - self.size
            scale = scale + stretch * np.outer(axis, axis)
        linear = turn @ scale
        self._maps[bone, :, :3] = linear
        self._maps[bone, :, 3] = self.joints[joint] - linear @ REST[joint]


_LIMBS = {
    "arm": (
        (Joint.LSHOULDER, Joint.LELBOW, Joint.LWRIST),
        (Joint.RSHOULDER, Joint.RELBOW, Joint.RWRIST),
    ),
    "leg": ((Joint.LHIP, Joint.LKNEE, Joint.LFOOT), (Joint.RHIP, Joint.RKNEE, Joint.RFOOT)),
}


def cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The cross product of two vectors; numpy's is for whole arrays, and slow for two."""
    x, y, z = a.tolist()
    u, v, w = b.tolist()
    return np.array([y * w - z * v, z * u - x * w, x * v - y * u])


def norm(vector: np.ndarray) -> float:
    """The length of a vector."""
    x, y, z = vector.tolist()
    return math.sqrt(x * x + y * y + z * z)


def unit(vector: np.ndarray) -> np.ndarray:
    """A vector of length one; none of nothing."""
    return np.asarray(vector / max(norm(vector), 1e-9))


def frame(up: np.ndarray, left: np.ndarray) -> np.ndarray:
    """Rotation (3, 3) whose columns are left, back and up; `up` is kept, `left` follows."""
    z = unit(up)
    x = unit(left - z * (left @ z))
    return np.stack([x, cross(z, x), z], axis=1)


def about(axis: np.ndarray, angle: float) -> np.ndarray:
    """Rotation (3, 3) about a unit axis (Rodrigues)."""
    x, y, z = axis.tolist()
    s, c = math.sin(angle), math.cos(angle)
    k = 1.0 - c
    return np.array(
        [
            [c + k * x * x, k * x * y - s * z, k * x * z + s * y],
            [k * x * y + s * z, c + k * y * y, k * y * z - s * x],
            [k * x * z - s * y, k * y * z + s * x, c + k * z * z],
        ]
    )


def least_turn(base: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """`base`, turned the shortest way that takes one direction to another."""
    a, b = unit(before), unit(after)
    axis = cross(a, b)
    sine, cosine = norm(axis), float(a @ b)
    if sine < 1e-9:
        across = cross(a, _X if abs(a[0]) < 0.9 else _Y)
        return base if cosine > 0 else about(unit(across), np.pi) @ base
    return np.asarray(about(axis / sine, math.atan2(sine, cosine)) @ base)


def halfway(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The rotation halfway between two."""
    relative = first.T @ second
    axis = np.array(
        [
            relative[2, 1] - relative[1, 2],
            relative[0, 2] - relative[2, 0],
            relative[1, 0] - relative[0, 1],
        ]
    )
    sine, cosine = norm(axis) / 2.0, (float(np.trace(relative)) - 1.0) / 2.0
    if sine < 1e-6:
        return first
    return np.asarray(first @ about(unit(axis), 0.5 * math.atan2(sine, cosine)))


def _about_axis(
    base: np.ndarray, axis: np.ndarray, before: np.ndarray, after: np.ndarray
) -> np.ndarray:
    """`base`, turned about an axis until one direction across it points as another does."""
    a = unit(before - axis * (before @ axis))
    b = unit(after - axis * (after @ axis))
    angle = math.atan2(axis @ cross(a, b), a @ b)
    return np.asarray(about(axis, float(angle)) @ base)


_RESTING = {
    "pelvis": frame(REST[Joint.SPINE] - REST[Joint.HIP], _X),
    "chest": frame(REST[Joint.THORAX] - REST[Joint.SPINE], _X),
}
"""The frames of the trunk at rest."""
