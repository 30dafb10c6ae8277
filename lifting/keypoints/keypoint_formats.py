"""Keypoint sets of detectors and of annotators, as Human3.6M's 17 by joint name.

A set is converted by weights (17, points) over its points: a joint that the set has is copied, any
other is a fixed mixture of its neighbours and is said to be approximated. Weights of a joint sum
to one, so that shifting, scaling or turning the picture does the same to the joints.

How the mixtures were found:

- Hip is the middle of the hips by definition. Spine and Thorax lie 42 and 88 % of the way from
  there to the middle of the shoulders: least squares over the training subjects of the CMU poses
  (mocap.cs.cmu.edu), 37 and 17 mm left over.
- Head is where motion capture ends the head bone, some 10 cm below the top of the skull: 285 mm
  from Thorax in those poses. The middle of the ears is 252 mm from Thorax by published proportions
  (Drillis 1966; tragus 130 mm below the vertex of a body of 1,750 mm), 88 % of the way on the same
  line. Neck is halfway between Thorax and Head, as in those poses. Keypoints of four calibrated
  cameras so converted give Thorax-Head 290, Hip-Thorax 463 and Thorax-Shoulder 187 mm on a person
  who had no part in this, against 285, 453 and 197 mm in those poses.

COCO 17: Lin 2014 (https://arxiv.org/abs/1405.0312). BlazePose 33: Bazarevsky 2020
(https://arxiv.org/abs/2006.10204).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import JOINT_NAMES
from evoskeleton.lifting.keypoints.plausible_keypoints import LEAST_KNOWN
from evoskeleton.shapes import expect_shape

COCO = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder",
    "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip",
    "left_knee", "right_knee", "left_ankle", "right_ankle",
)  # fmt: skip

BLAZEPOSE_POINTS = (
    "nose", "left_eye_inner", "left_eye", "left_eye_outer", "right_eye_inner", "right_eye",
    "right_eye_outer", "left_ear", "right_ear", "mouth_left", "mouth_right", "left_shoulder",
    "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_pinky",
    "right_pinky", "left_index", "right_index", "left_thumb", "right_thumb", "left_hip",
    "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle", "left_heel", "right_heel",
    "left_foot_index", "right_foot_index",
)  # fmt: skip

SAME_JOINT = {
    "RHip": "right_hip", "RKnee": "right_knee", "RFoot": "right_ankle",
    "LHip": "left_hip", "LKnee": "left_knee", "LFoot": "left_ankle",
    "LShoulder": "left_shoulder", "LElbow": "left_elbow", "LWrist": "left_wrist",
    "RShoulder": "right_shoulder", "RElbow": "right_elbow", "RWrist": "right_wrist",
}  # fmt: skip
"""Joints that COCO and BlazePose have too, by their name there."""

_JOINED = re.compile(r"^(left|right)(?=[a-z])|(?<=[a-z])(left|right)$", re.IGNORECASE)
_SIDES = {"left": "left", "l": "left", "right": "right", "r": "right"}

HEAD_TOPS = ("head_top", "top_head", "top_of_head")
"""Points at the top of the head, by which sets without ears have a Head."""

SPINE_SHARE, THORAX_SHARE, EAR_SHARE = 0.42, 0.88, 0.88

HOW_APPROXIMATED = {
    "Hip": "middle of the hips",
    "Spine": "42 % of the way from the middle of the hips to the middle of the shoulders",
    "Thorax": "88 % of the way from the middle of the hips to the middle of the shoulders",
    "Neck": "halfway between Thorax and Head",
    "Head": "on the line from Thorax through the middle of the ears, 1 / 0.88 times as far",
}
"""Joints that neither set has, and what stands for them."""

APPROXIMATED = tuple(name for name in JOINT_NAMES if name in HOW_APPROXIMATED)


@dataclass(frozen=True)
class KeypointSet:
    """Names of a set's points in their order, and the weights (17, points) of our joints.

    A joint without any weight is not known by the set.
    """

    names: tuple[str, ...]
    weights: np.ndarray

    @property
    def approximated(self) -> np.ndarray:
        """(17,) bool: joints that are mixed from several points."""
        mixed: np.ndarray = (self.weights != 0.0).sum(axis=1) > 1
        return mixed

    def to_human36m(
        self, points: np.ndarray, confidence: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Our joints out of the set's points.

        A mixture is as sure as the least sure point in it. Points without any confidence may be
        NaN; what needs them comes out as NaN with confidence 0.

        Args:
            points: (people, points, 2) px.
            confidence: (people, points) in [0, 1]; none: all 1.

        Returns:
            Keypoints (people, 17, 2) float32 px and confidence (people, 17) float32.

        Raises:
            BadInput: a shape is wrong.
        """
        expect_shape("keypoints", points, ("people", len(self.names), 2))
        sure = np.ones(points.shape[:2]) if confidence is None else np.asarray(confidence)
        expect_shape("confidence", sure, (len(points), len(self.names)))
        known = (sure > 0.0) & np.isfinite(points).all(axis=2)
        keypoints = self.weights @ np.where(known[..., None], points, 0.0)
        parts = np.where(self.weights != 0.0, np.where(known, sure, 0.0)[:, None], np.inf)
        least = np.where((self.weights != 0.0).any(axis=1), parts.min(axis=2), 0.0)
        keypoints = np.where((least > 0.0)[..., None], keypoints, np.nan)
        return keypoints.astype(np.float32), least.astype(np.float32)


def known_set(name: str) -> KeypointSet:
    """A set by name: "coco" or "blazepose".

    Raises:
        BadInput: there is no such set.
    """
    if name not in SETS:
        raise BadInput(f"keypoint set should be one of {', '.join(SETS)}, got {name}")
    return SETS[name]


def without_hips(name: str) -> KeypointSet:
    """A known set for pictures that end above the hips.

    Thorax is the middle of the shoulders there, Neck and Head follow from it and the ears; what
    needs the hips is not known.

    Raises:
        BadInput: there is no such set.
    """
    if name not in UPPER_SETS:
        known_set(name)
    return UPPER_SETS[name]


def set_of_names(names: Sequence[str]) -> KeypointSet:
    """A set of any points: our joints that are among them, by name.

    Human3.6M's own names are ours. Of any other set the limbs' joints are known by their side and
    part, such as left_knee, LKnee or "knee left", and the trunk and head are approximated where
    hips, shoulders and ears are there.

    Raises:
        BadInput: fewer than six of our joints are among them.
    """
    if tuple(names) == JOINT_NAMES:
        return KeypointSet(JOINT_NAMES, np.eye(len(JOINT_NAMES)))
    plain = tuple(plain_name(name) for name in names)
    weights = _weights(plain)
    if (weights != 0.0).any(axis=1).sum() < LEAST_KNOWN:
        listed = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
        raise BadInput(
            "keypoints should be named by side and part, such as left_knee, for six joints or "
            f"more, got {len(names)} names: {listed}"
        )
    return KeypointSet(tuple(names), weights)


def plain_name(name: str) -> str:
    """COCO's spelling: side, underscore, part, in small letters."""
    name = _JOINED.sub(lambda side: f" {side[0]} ", name.lower() if name.isupper() else name)
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=^[LR])(?=[A-Z])", " ", name)
    words = [word for word in re.split(r"[^a-z0-9]+", apart.lower()) if word]
    sides = [_SIDES[word] for word in words if word in _SIDES]
    parts = [word for word in words if word not in _SIDES]
    return "_".join([*sides, *parts])


def human36m_to_coco(keypoints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The twelve joints that COCO shares with us; its five points of the face are unknown.

    Args:
        keypoints: (people, 17, 2) px, Human3.6M order.

    Returns:
        (people, 17, 2) in COCO's order, NaN in the face, and (people, 17) bool: what is known.
    """
    expect_shape("keypoints", keypoints, ("people", len(JOINT_NAMES), 2))
    points = np.full_like(keypoints, np.nan, dtype=np.float32)
    for ours, theirs in SAME_JOINT.items():
        points[:, COCO.index(theirs)] = keypoints[:, JOINT_NAMES.index(ours)]
    return points, np.asarray(np.isfinite(points).all(axis=2))


def _weights(names: tuple[str, ...], hips: bool = True) -> np.ndarray:
    """(17, points) weights; the mixtures are built from each other, from the hips upwards.

    What a point is missing for has none. Without hips, see `without_hips`.
    """
    point = dict(zip(names, np.eye(len(names)), strict=True))
    absent = np.full(len(names), np.nan)
    joint = {ours: point.get(theirs, absent) for ours, theirs in SAME_JOINT.items()}
    joint["Hip"] = (joint["RHip"] + joint["LHip"]) / 2.0
    trunk = (joint["RShoulder"] + joint["LShoulder"]) / 2.0 - joint["Hip"]
    ears = (point.get("left_ear", absent) + point.get("right_ear", absent)) / 2.0
    joint["Spine"] = joint["Hip"] + SPINE_SHARE * trunk
    joint["Thorax"] = joint["Hip"] + THORAX_SHARE * trunk
    if not hips:
        joint["Thorax"] = (joint["RShoulder"] + joint["LShoulder"]) / 2.0
    top = next((point[name] for name in HEAD_TOPS if name in point), absent)
    joint["Head"] = joint["Thorax"] + (ears - joint["Thorax"]) / EAR_SHARE
    if np.isnan(ears).any():
        joint["Head"] = top
    joint["Neck"] = (joint["Thorax"] + joint["Head"]) / 2.0
    weights: np.ndarray = np.nan_to_num(np.stack([joint[name] for name in JOINT_NAMES]))
    return weights


SETS: Mapping[str, KeypointSet] = {
    name: KeypointSet(names, _weights(names))
    for name, names in (("coco", COCO), ("blazepose", BLAZEPOSE_POINTS))
}

UPPER_SETS: Mapping[str, KeypointSet] = {
    name: KeypointSet(known.names, _weights(known.names, hips=False))
    for name, known in SETS.items()
}
