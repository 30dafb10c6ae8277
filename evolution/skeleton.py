"""The joint tree as data: names, parents, limbs, mirror pairs, and the layouts of other files.

Human3.6M's 17 moving joints (Ionescu 2014, https://doi.org/10.1109/TPAMI.2013.248). "Foot" is the
ankle and "Neck" the nose-neck point of that data set.
"""

from enum import IntEnum
from typing import Literal, NamedTuple


class Joint(IntEnum):
    """The 17 joints in the order that every array here uses."""

    HIP = 0
    RHIP = 1
    RKNEE = 2
    RFOOT = 3
    LHIP = 4
    LKNEE = 5
    LFOOT = 6
    SPINE = 7
    THORAX = 8
    NECK = 9
    HEAD = 10
    LSHOULDER = 11
    LELBOW = 12
    LWRIST = 13
    RSHOULDER = 14
    RELBOW = 15
    RWRIST = 16


JOINT_NAMES = (
    "Hip", "RHip", "RKnee", "RFoot", "LHip", "LKnee", "LFoot", "Spine", "Thorax", "Neck", "Head",
    "LShoulder", "LElbow", "LWrist", "RShoulder", "RElbow", "RWrist",
)  # fmt: skip

PARENTS = (-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 9, 8, 11, 12, 8, 14, 15)
"""Parent of every joint; -1 marks the root."""

MIRROR = (0, 4, 5, 6, 1, 2, 3, 7, 8, 9, 10, 14, 15, 16, 11, 12, 13)
"""The joint on the other side of the body; joints of the middle stand for themselves."""

H36M_32_INDEX = (0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27)
"""Where the 17 joints stand in Human3.6M's 32-joint files."""


class Limb(NamedTuple):
    """A bone whose direction is free within the joint limits.

    `frame` is what its direction is measured in: the pelvis, the thorax, or its parent bone, and
    then `parent` is the parent's place in `LIMBS`.
    """

    name: str
    start: Joint
    end: Joint
    frame: Literal["pelvis", "thorax", "bone"]
    parent: int = -1


LIMBS = (
    Limb("head", Joint.THORAX, Joint.HEAD, "thorax"),
    Limb("left upper arm", Joint.LSHOULDER, Joint.LELBOW, "thorax"),
    Limb("left forearm", Joint.LELBOW, Joint.LWRIST, "bone", 1),
    Limb("right upper arm", Joint.RSHOULDER, Joint.RELBOW, "thorax"),
    Limb("right forearm", Joint.RELBOW, Joint.RWRIST, "bone", 3),
    Limb("left thigh", Joint.LHIP, Joint.LKNEE, "pelvis"),
    Limb("left shank", Joint.LKNEE, Joint.LFOOT, "bone", 5),
    Limb("right thigh", Joint.RHIP, Joint.RKNEE, "pelvis"),
    Limb("right shank", Joint.RKNEE, Joint.RFOOT, "bone", 7),
)
"""The nine limbs of Li et al. 2020 (https://arxiv.org/abs/2006.07778), in their order."""

LIMB_MIRROR = (0, 3, 4, 1, 2, 7, 8, 5, 6)
"""The limb on the other side of the body."""


class TorsoBone(NamedTuple):
    """A bone of the torso: carried rigidly by the pelvis or by the thorax."""

    start: Joint
    end: Joint
    frame: Literal["pelvis", "thorax"]


TORSO = (
    TorsoBone(Joint.HIP, Joint.RHIP, "pelvis"),
    TorsoBone(Joint.HIP, Joint.LHIP, "pelvis"),
    TorsoBone(Joint.HIP, Joint.SPINE, "pelvis"),
    TorsoBone(Joint.SPINE, Joint.THORAX, "thorax"),
    TorsoBone(Joint.THORAX, Joint.LSHOULDER, "thorax"),
    TorsoBone(Joint.THORAX, Joint.RSHOULDER, "thorax"),
)

TORSO_MIRROR = (1, 0, 2, 3, 5, 4)
"""The bone of the torso on the other side of the body."""

BONES = tuple((Joint(parent), Joint(child)) for child, parent in enumerate(PARENTS) if parent >= 0)
"""All 16 bones of the tree as (parent, child)."""

BRANCHES: dict[str, tuple[int, ...]] = {
    "Hip": (5, 6, 7, 8),
    "RHip": (7, 8),
    "RKnee": (8,),
    "LHip": (5, 6),
    "LKnee": (6,),
    "Thorax": (1, 2, 3, 4),
    "LShoulder": (1, 2),
    "LElbow": (2,),
    "RShoulder": (3, 4),
    "RElbow": (4,),
    "Neck": (0,),
}
"""Limbs of the branch below each joint at which crossover may cut; the published method has no
"Neck", so that its heads never mix."""
