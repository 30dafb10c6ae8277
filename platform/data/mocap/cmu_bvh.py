"""What is wrong with the common BVH conversion of the CMU database, and how it is put right.

The conversion leaves out three bones, whose offsets it sets to zero: `thorax` (what hangs on
Spine1: the neck and both shoulders) and `lwrist` and `rwrist` (what hangs on the hands: fingers
and thumbs). The trunk is 117 mm short and each forearm 95 mm on subject 02. And its first frame is
no recording but a pose that somebody put there: arms to the sides, trunk, knees and elbows
straight, whole degrees.

The ASF of the same subject has the three bones. Without it, `lwrist` and `rwrist` go on in the
line of the forearm (`lradius`, `rradius`) with half its length, as in the database's body model;
`thorax` goes on in the curve of the two bones below it, as long as the one below.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.platform.data.mocap.asf_amc import Skeleton

_LEFT_OUT: Mapping[str, tuple[str, ...]] = {
    "thorax": ("Neck", "LeftShoulder", "RightShoulder"),
    "lwrist": ("LeftFingerBase", "LThumb"),
    "rwrist": ("RightFingerBase", "RThumb"),
}
"""The joints whose offset each bone is."""

_SAME_BONE: Mapping[str, str] = {
    "LeftUpLeg": "lhipjoint",
    "LeftLeg": "lfemur",
    "LeftFoot": "ltibia",
    "RightUpLeg": "rhipjoint",
    "RightLeg": "rfemur",
    "RightFoot": "rtibia",
    "Spine": "lowerback",
    "Spine1": "upperback",
    "Neck1": "lowerneck",
    "Head": "upperneck",
    "LeftArm": "lclavicle",
    "LeftForeArm": "lhumerus",
    "LeftHand": "lradius",
    "RightArm": "rclavicle",
    "RightForeArm": "rhumerus",
    "RightHand": "rradius",
}
"""The bone of the ASF that each of the other joints has as its offset."""

_STRAIGHT = (
    *("Hips", "LowerBack", "Spine", "Spine1", "LeftShoulder", "RightShoulder"),
    *("LeftForeArm", "RightForeArm", "LeftLeg", "RightLeg", "LeftFoot", "RightFoot"),
)
"""The joints that nobody turned in the artificial first frame."""

_ROUNDING = 1e-3
"""Offsets are written with 5 digits after the point, directions of the ASF with 6."""

_WRIST_SHARE = 0.5
_HOW_WELL = {"thorax": "1 mm", "lwrist": "0.1 mm", "rwrist": "0.1 mm"}
"""How far the end made up for subject 02, whose true bones are known, is off at most."""


def is_conversion(joints: Sequence[str]) -> bool:
    """Whether a BVH has the joints of that conversion, by their names."""
    left_out = {joint for joints in _LEFT_OUT.values() for joint in joints}
    return (left_out | set(_SAME_BONE) | set(_STRAIGHT)).issubset(joints)


def restore_bones(
    offsets: Mapping[str, np.ndarray], skeleton: Skeleton | None, source: Path
) -> tuple[dict[str, np.ndarray], list[str]]:
    """Offsets of the joints whose bone was left out, and notes.

    Args:
        offsets: (3,) of each joint of a conversion, file units.
        skeleton: of the same subject, or None.
        source: the BVH, for messages.

    Raises:
        BadInput: the skeleton is of another body.
    """
    missing = [
        bone
        for bone, joints in _LEFT_OUT.items()
        if not any(offsets[joint].any() for joint in joints)
    ]
    if skeleton is not None:
        _refuse_other_body(offsets, skeleton, source)
    restored, notes = {}, []
    for bone in missing:
        if skeleton is None:
            vector = _made_up(bone, offsets)
            notes.append(_note(bone, vector))
        else:
            vector = skeleton.bones[bone].vector
            notes.append(f"the bone {bone}, left out in the file, is that of {skeleton.source}")
        restored.update(dict.fromkeys(_LEFT_OUT[bone], vector))
    return restored, notes


def _refuse_other_body(offsets: Mapping[str, np.ndarray], skeleton: Skeleton, source: Path) -> None:
    lacking = [bone for bone in (*_LEFT_OUT, *_SAME_BONE.values()) if bone not in skeleton.bones]
    if lacking:
        raise BadInput(f"skeleton {skeleton.source} should have a bone {lacking[0]}")
    for joint, bone in _SAME_BONE.items():
        wanted, got = offsets[joint], skeleton.bones[bone].vector
        if not np.allclose(got, wanted, rtol=0.0, atol=_ROUNDING):
            raise BadInput(
                f"skeleton {skeleton.source} is of another body than {source}: {bone} should be "
                f"{_rounded(wanted)} as the offset of {joint}, got {_rounded(got)}"
            )


def _rounded(vector: np.ndarray) -> str:
    return " ".join(f"{value:.5g}" for value in vector)


def _made_up(bone: str, offsets: Mapping[str, np.ndarray]) -> np.ndarray:
    """(3,) what a bone probably is, from its neighbours."""
    if bone == "lwrist":
        return _WRIST_SHARE * offsets["LeftHand"]
    if bone == "rwrist":
        return _WRIST_SHARE * offsets["RightHand"]
    below = offsets["Spine1"]
    onward = 2.0 * below - offsets["Spine"]
    length = np.linalg.norm(below)
    made_up: np.ndarray = onward * length / max(float(np.linalg.norm(onward)), 1e-12)
    return made_up


def _note(bone: str, vector: np.ndarray) -> str:
    return (
        f"the bone {bone} is left out in the file and approximated from its neighbours as "
        f"{np.linalg.norm(vector):.4g} file units long ({_HOW_WELL[bone]} off for subject 02 of "
        "the CMU database); an ASF of the same subject, setting skeleton, restores it"
    )


def is_t_pose(rotations: Mapping[str, np.ndarray]) -> bool:
    """Whether a frame is the one put in front: trunk, knees and elbows straight, whole degrees.

    Args:
        rotations: angles of each joint, degrees.
    """
    straight = not any(rotations[joint].any() for joint in _STRAIGHT)
    return straight and all((angles == np.round(angles)).all() for angles in rotations.values())
