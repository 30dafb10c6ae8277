"""Joints out of points that are named as detectors name them: RHip, LAnkle, Neck, Nose, REar.

Files of detectors that saw a person from several cameras (Pose2Sim, OpenCap, FreeMoCap, Panoptic)
hold such points in 3D. They are mixed as those of pictures are, see `lifting.keypoints`; what a
picture's mixture needs and a file lacks is taken from what it has.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import JOINT_NAMES
from evoskeleton.lifting.keypoints.keypoint_formats import HOW_APPROXIMATED, set_of_names
from evoskeleton.platform.data.mocap.naming import spelled_names
from evoskeleton.platform.data.mocap.places import Place

_CROWNS = ("head", "headtop", "tophead")
_NOSE_TO_CROWN = {"Nose": 1.0, "Thorax": 0.24, "Hip": -0.24}
"""Of the trunk's length, the crown lies above the nose; that it lies behind it cannot be told."""


def places_by_keypoints(names: Sequence[str]) -> dict[str, Place]:
    """Places of the 17 joints among points of detectors' names; none of other files."""
    spelled = spelled_names(names)
    if "nose" not in spelled:
        return {}
    short = {own: key for key, own in spelled.items()}
    try:
        weights = set_of_names([_spoken(short.get(name, name)) for name in names]).weights
    except BadInput:
        return {}
    places = {
        joint: _place(joint, names, row)
        for joint, row in zip(JOINT_NAMES, weights, strict=True)
        if row.any()
    }
    if "Head" not in places:
        _add_head(places, spelled)
    return places


def _spoken(key: str) -> str:
    """A name such as "rhip" with its side apart, as the mixtures know it."""
    for side, word in (("right", "right"), ("left", "left"), ("r", "right"), ("l", "left")):
        part = key.removeprefix(side)
        if part != key and part in _PARTS:
            return f"{word}_{part}"
        part = key.removesuffix(side)
        if part != key and part in _PARTS:
            return f"{word}_{part}"
    return key


_PARTS = ("hip", "knee", "ankle", "shoulder", "elbow", "wrist", "ear", "eye")


def _place(joint: str, names: Sequence[str], row: np.ndarray) -> Place:
    weights = {name: float(w) for name, w in zip(names, row, strict=True) if w}
    return Place(weights, HOW_APPROXIMATED.get(joint, "") if joint != "Hip" else "")


def _add_head(places: dict[str, Place], spelled: Mapping[str, str]) -> None:
    """The crown where there are no ears: the file's own, or above the nose."""
    if "Thorax" not in places or "Hip" not in places:
        return
    own = next((spelled[key] for key in _CROWNS if key in spelled), None)
    if own is not None:
        crown = Place.mean(own)
    else:
        parts = {**places, "Nose": Place.mean(spelled["nose"])}
        note = "above the nose by a quarter of the trunk; it lies some 100 mm too far ahead"
        crown = _mixed({part: parts[part] for part in _NOSE_TO_CROWN}, _NOSE_TO_CROWN, note)
    places["Head"] = crown
    both = {"Thorax": places["Thorax"], "Head": crown}
    places["Neck"] = _mixed(both, {"Thorax": 0.5, "Head": 0.5}, HOW_APPROXIMATED["Neck"])


def _mixed(parts: Mapping[str, Place], shares: Mapping[str, float], note: str) -> Place:
    weights: dict[str, float] = {}
    for name, place in parts.items():
        for point, weight in place.weights.items():
            weights[point] = weights.get(point, 0.0) + shares[name] * weight
    return Place(weights, note)
