"""How the joints of a motion-capture file become Human3.6M's 17, by name.

Where a body of the file has no such joint, a weighted mean of its joints takes the place, with a
note that says so. The maps of the CMU database (ASF/AMC, and its common BVH conversion, which
names a bone by its start) are those of the CMU pose tables in Human3.6M's order: Hip is the middle
of the hip joints, Spine the end of `lowerback`, Thorax the end of `thorax`, Neck the middle of the
ends of `lowerneck` and `upperneck`, Head the end of `head`, the wrists the ends of `lwrist` and
`rwrist`. The end of the last bone of a BVH chain is called "<joint> End" here. What the makers of
files call their joints is in `namings`, a file each.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import JOINT_NAMES
from evoskeleton.platform.data.mocap.naming import namings, spelled_names
from evoskeleton.platform.data.mocap.places import JointMap, Place
from evoskeleton.platform.data.mocap.rigs import Rig, limbs_first
from evoskeleton.safe_npy import printable

OwnPlace = str | Sequence[str] | Mapping[str, float]
"""What a user may write for a joint: a name, names to average, or weights by name."""

_MOST_NAMES = 60


def find_joint_map(
    rig: Rig,
    own: Mapping[str, OwnPlace] | None,
    where: str,
    told: Mapping[str, Place] | None = None,
) -> JointMap:
    """The map for a file with these joints.

    Args:
        rig: joints of the file, each name once.
        own: the user's places, such as `{"Hip": "Hips", "Spine": ["Spine", "Spine1"]}`; they come
            before those of the known naming that has most of the others.
        where: the file, for messages.
        told: places that the file's reader knows; they come before those of namings.

    Raises:
        BadInput: a joint of the 17 has no place, or the user's places name a joint that is not
            one of the 17 or not one of the file.
    """
    joints, spelled = rig.joints, spelled_names(rig.joints)
    places = _own_places(joints, own or {}, where)
    known = [naming.joint_map(rig, spelled) for naming in namings() if naming.fits(rig, spelled)]
    candidates = [JointMap(each.name, {**each.places, **(told or {}), **places}) for each in known]
    best = min(candidates, key=lambda candidate: len(candidate.missing(joints)))
    missing = best.missing(joints)
    if missing:
        names = limbs_first(joints)
        joint, ends = _example(missing), ", each the end of its bone" if rig.at_ends else ""
        raise BadInput(
            f"{where}: no joint was found for {', '.join(missing)}; name them with the setting "
            f"joints, such as {{{joint}: {printable(_likely(joint, names))}}}; the file has "
            f"{_listed(names)}" + ends
        )
    return best


def _example(missing: Sequence[str]) -> str:
    """The joint that an example names: one of a limb, where others follow from the limbs."""
    derived = ("Hip", "Spine", "Thorax", "Neck") if len(missing) > 4 else ()
    return next((name for name in missing if name not in derived), missing[0])


_WORDS = {
    "Hip": ("hips", "pelvis", "hip", "root"), "RHip": ("thigh", "upleg", "hip", "leg"),
    "RKnee": ("knee", "calf", "shin", "leg"), "RFoot": ("ankle", "foot"),
    "Spine": ("spine", "abdomen", "waist"), "Thorax": ("chest", "thorax", "neck"),
    "Neck": ("neck",), "Head": ("head",), "RShoulder": ("upperarm", "shoulder", "arm"),
    "RElbow": ("elbow", "forearm", "lowerarm", "arm"), "RWrist": ("wrist", "hand"),
}  # fmt: skip


def _likely(joint: str, names: Sequence[str]) -> str:
    """A name of the file that an example may give for a joint."""
    side = joint[0].lower() if joint[0] in "RL" and joint[1].isupper() else ""
    words = _WORDS.get(joint) or _WORDS["R" + joint[1:]]
    likely = (
        name
        for word in words
        for name in names
        if word in name.lower() and side in name.lower().replace(word, "")
    )
    return next(likely, names[0])


def _own_places(joints: Sequence[str], own: Mapping[str, OwnPlace], where: str) -> dict[str, Place]:
    unknown = [str(name) for name in own if name not in JOINT_NAMES]
    if unknown:
        raise BadInput(
            f"setting joints: names should be among {', '.join(JOINT_NAMES)}, "
            f"got {printable(unknown[0])}"
        )
    return {name: _own_place(name, given, joints, where) for name, given in own.items()}


def _own_place(name: str, given: OwnPlace, joints: Sequence[str], where: str) -> Place:
    weights = _own_weights(name, given)
    for joint in weights:
        if joint not in joints:
            raise BadInput(
                f"setting joints: {name} should be made of joints of {where}, "
                f"got {printable(str(joint))}; the file has {_listed(limbs_first(joints))}"
            )
    return Place(weights)


def _own_weights(name: str, given: OwnPlace) -> dict[str, float]:
    """Weights that add up to one."""
    if isinstance(given, str):
        return {given: 1.0}
    weights: dict[str, float] = {}
    try:
        pairs = given.items() if isinstance(given, Mapping) else ((joint, 1.0) for joint in given)
        for joint, weight in pairs:
            weights[joint] = weights.get(joint, 0.0) + float(weight)
    except (TypeError, ValueError):
        weights = {}
    total = sum(weights.values())
    if not 0 < total < np.inf:
        raise BadInput(
            f"setting joints: {name} should be a joint of the file, a list of them, or weights "
            f"with a positive sum, got {printable(str(given))}"
        )
    return {joint: weight / total for joint, weight in weights.items()}


def _listed(names: Sequence[str]) -> str:
    more = ", ..." if len(names) > _MOST_NAMES else ""
    return printable(", ".join(names[:_MOST_NAMES]), most=3000) + more
