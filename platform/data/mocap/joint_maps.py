"""How the joints of a motion-capture file become Human3.6M's 17, by name.

Where a body of the file has no such joint, a weighted mean of its joints takes the place, with a
note that says so. The maps of the CMU database (ASF/AMC, and its common BVH conversion, which
names a bone by its start) are those of the CMU pose tables in Human3.6M's order: Hip is the middle
of the hip joints, Spine the end of `lowerback`, Thorax the end of `thorax`, Neck the middle of the
ends of `lowerneck` and `upperneck`, Head the end of `head`, the wrists the ends of `lwrist` and
`rwrist`. The end of the last bone of a BVH chain is called "<joint> End" here.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import JOINT_NAMES
from evoskeleton.safe_npy import printable

OwnPlace = str | Sequence[str] | Mapping[str, float]
"""What a user may write for a joint: a name, names to average, or weights by name."""

_MOST_NAMES = 60


@dataclass(frozen=True)
class Place:
    """Where one of the 17 joints is: a weighted mean of file joints.

    Attributes:
        weights: by file joint; they add up to one.
        note: why that is not the joint itself; empty where it is.
    """

    weights: Mapping[str, float]
    note: str = ""

    @staticmethod
    def mean(*names: str, note: str = "") -> "Place":
        """The mean of file joints."""
        return Place({name: 1.0 / len(names) for name in names}, note)

    def __str__(self) -> str:
        parts = sorted(self.weights)
        if len(parts) == 1:
            return parts[0]
        if len(set(self.weights.values())) == 1:
            return f"the mean of {', '.join(parts)}"
        return " + ".join(f"{self.weights[name]:g} {name}" for name in parts)


@dataclass(frozen=True)
class JointMap:
    """A place for each of the 17 joints, by its name in `skeleton.JOINT_NAMES`.

    Attributes:
        name: of the naming.
        places: by joint.
        signs: file joints of no place here that a file of this naming has as well.
    """

    name: str
    places: Mapping[str, Place]
    signs: tuple[str, ...] = ()

    def missing(self, joints: Iterable[str]) -> list[str]:
        """The joints of the 17 that have no place among those of a file."""
        there = set(joints)
        return [
            name
            for name in JOINT_NAMES
            if name not in self.places or not there.issuperset(self.places[name].weights)
        ]

    def weights(self, joints: Sequence[str]) -> np.ndarray:
        """(17, joints): what each file joint adds to each of the 17."""
        table = np.zeros((len(JOINT_NAMES), len(joints)))
        at = {name: number for number, name in enumerate(joints)}
        for row, name in enumerate(JOINT_NAMES):
            for joint, weight in self.places[name].weights.items():
                table[row, at[joint]] = weight
        return table

    def approximations(self) -> list[str]:
        """A sentence for each joint that is not the file's own."""
        return [
            f"{name} is approximated by {place}: {place.note}"
            for name, place in self.places.items()
            if place.note
        ]


def find_joint_map(
    joints: Sequence[str], own: Mapping[str, OwnPlace] | None, where: str
) -> JointMap:
    """The map for a file with these joints.

    Args:
        joints: names of the file, each once.
        own: the user's places, such as `{"Hip": "Hips", "Spine": ["Spine", "Spine1"]}`; they come
            before those of the known map that has most of the others.
        where: the file, for messages.

    Raises:
        BadInput: a joint of the 17 has no place, or the user's places name a joint that is not
            one of the 17 or not one of the file.
    """
    places = _own_places(joints, own or {}, where)
    candidates = [
        JointMap(known.name, {**known.places, **places}, known.signs)
        for known in KNOWN_MAPS
        if set(known.signs) <= set(joints)
    ]
    best = min(candidates, key=lambda candidate: len(candidate.missing(joints)))
    missing = best.missing(joints)
    if missing:
        raise BadInput(
            f"{where}: no joint was found for {', '.join(missing)}; name them with the setting "
            f"joints, such as {{{missing[0]}: {printable(joints[0])}}}; the file has "
            f"{_listed(joints)}"
        )
    return best


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
                f"got {printable(str(joint))}; the file has {_listed(joints)}"
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


# Known maps

_ON_THE_AXIS = "the nose-neck point lies in front of the neck, this one on its axis"
_BETWEEN = "the file's trunk has no joint there"

_SIDED = {
    "Hip": "{side}UpLeg",
    "Knee": "{side}Leg",
    "Foot": "{side}Foot",
    "Shoulder": "{side}Arm",
    "Elbow": "{side}ForeArm",
    "Wrist": "{side}Hand",
}
"""Limb joints in the naming that CMU's BVH conversion and Mixamo share."""


def _limbs(pattern: Mapping[str, str], sides: tuple[str, str]) -> dict[str, Place]:
    """Places of the twelve limb joints; `sides` are the file's words for right and left."""
    return {
        f"{letter}{joint}": Place.mean(name.format(side=side))
        for letter, side in zip("RL", sides, strict=True)
        for joint, name in pattern.items()
    }


def _cmu_asf() -> JointMap:
    limbs = {
        "Hip": "{side}hipjoint",
        "Knee": "{side}femur",
        "Foot": "{side}tibia",
        "Shoulder": "{side}clavicle",
        "Elbow": "{side}humerus",
        "Wrist": "{side}wrist",
    }
    trunk = {
        "Hip": Place.mean("rhipjoint", "lhipjoint"),
        "Spine": Place.mean("lowerback"),
        "Thorax": Place.mean("thorax"),
        "Neck": Place.mean("lowerneck", "upperneck", note=_ON_THE_AXIS),
        "Head": Place.mean("head"),
    }
    return JointMap("CMU ASF/AMC", trunk | _limbs(limbs, ("r", "l")))


def _cmu_bvh() -> JointMap:
    """A joint is the start of its bone: `Neck` is where `thorax` ends."""
    trunk = {
        "Hip": Place.mean("RightUpLeg", "LeftUpLeg"),
        "Spine": Place.mean("Spine"),
        "Thorax": Place.mean("Neck"),
        "Neck": Place.mean("Neck1", "Head", note=_ON_THE_AXIS),
        "Head": Place.mean("Head End"),
    }
    limbs = _SIDED | {"Wrist": "{side}FingerBase"}
    return JointMap("CMU BVH conversion", trunk | _limbs(limbs, ("Right", "Left")))


def _mixamo(prefix: str, crown: str) -> JointMap:
    """Hips, Spine to Spine2, Neck at the base of the neck, Head at the base of the skull."""
    limbs = {joint: prefix + name for joint, name in _SIDED.items()}
    trunk = {
        "Hip": Place.mean(f"{prefix}RightUpLeg", f"{prefix}LeftUpLeg"),
        "Spine": Place.mean(f"{prefix}Spine", f"{prefix}Spine1", note=_BETWEEN),
        "Thorax": Place.mean(f"{prefix}Neck"),
        "Neck": Place.mean(f"{prefix}Neck", prefix + crown, note=_ON_THE_AXIS),
        "Head": Place.mean(prefix + crown),
    }
    places = trunk | _limbs(limbs, ("Right", "Left"))
    return JointMap(f"Mixamo, {prefix}{crown}", places, signs=(f"{prefix}Spine2",))


def _xsens() -> JointMap:
    limbs = {
        "Hip": "{side}Hip",
        "Knee": "{side}Knee",
        "Foot": "{side}Ankle",
        "Shoulder": "{side}Shoulder",
        "Elbow": "{side}Elbow",
        "Wrist": "{side}Wrist",
    }
    collars = "RightCollar", "LeftCollar"
    neck = {collars[0]: 0.25, collars[1]: 0.25, "Head End": 0.5}
    trunk = {
        "Hip": Place.mean("RightHip", "LeftHip"),
        "Spine": Place.mean("Chest2", note=_BETWEEN),
        "Thorax": Place.mean(*collars, note="the file's Neck is higher, at its seventh vertebra"),
        "Neck": Place(neck, note=_ON_THE_AXIS),
        "Head": Place.mean("Head End"),
    }
    return JointMap("Xsens MVN", trunk | _limbs(limbs, ("Right", "Left")))


KNOWN_MAPS: tuple[JointMap, ...] = (
    _cmu_asf(),
    _cmu_bvh(),
    *(
        _mixamo(prefix, crown)
        for crown in ("HeadTop_End", "Head End")
        for prefix in ("", "mixamorig:", "mixamorig_")
    ),
    _xsens(),
)
"""Tried in this order; the first that finds most of the joints is taken."""
