"""Joints inside the body out of markers on its skin, where makers' names say which is which.

Unit-free, in a right-handed frame of the file:

- Hip: from the front and the back of the pelvis, 36 % of the width of its front sideways, 19 % back
  and 30 % down (Bell 1990, https://doi.org/10.1016/0021-9290(90)90054-7: within 20 mm or so).
- Knee and ankle: the middle of two markers; of one on the outside, half the joint's breadth inward
  along the pelvis, 7 and 4.7 % of the leg.
- Shoulder: below its top by 17 % of the distance of the two tops (Rab 2002,
  https://doi.org/10.1016/S0966-6362(01)00207-4).
- Elbow and wrist: the middle of two markers, or the only one.
- Thorax: the middle of neck's back and front, or by the shoulders as of keypoints. Head: a marker
  on top, or the middle of the band.

A joint centre that the file has itself comes first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from evoskeleton.lifting.keypoints.keypoint_formats import THORAX_SHARE
from evoskeleton.platform.data.markers.landmarks import landmarks

SEEN_ENOUGH = 0.5
"""Of the frames of the marker that was seen most."""

_SIDEWAYS, _BACK, _DOWN = 0.36, 0.19, 0.30
_KNEE, _ANKLE = 0.07, 0.047
_BELOW_SHOULDER = 0.17


@dataclass
class Centres:
    """What was found.

    Attributes:
        points: (frames, 3) by the joint's name among the 17.
        notes: why a joint is not the file's own, by its name without a side.
    """

    points: dict[str, np.ndarray] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)

    def told(self) -> list[str]:
        """What is approximated, in one sentence; none where nothing is."""
        told = "; ".join(f"{joint} ({why})" for joint, why in self.notes.items())
        return [f"approximated by markers: {told}"] if told else []


def joint_centres(names: Sequence[str], points: np.ndarray) -> Centres:
    """The joints of the 17 that markers of known names give; none of sets without any.

    Args:
        names: of the markers.
        points: (frames, markers, 3), NaN where not seen.
    """
    seen = np.isfinite(points[..., 0]).sum(axis=0)
    enough = seen >= SEEN_ENOUGH * max(int(seen.max(initial=0)), 1)
    at = {name: number for number, name in enumerate(names)}
    there = {
        landmark: points[:, at[name]] for landmark, name in landmarks(names, list(enough)).items()
    }
    centres = Centres()
    with np.errstate(invalid="ignore", divide="ignore"):
        _hips(there, centres)
        _legs(there, centres)
        _trunk(there, centres)
        _arms(there, centres)
        _head(there, centres)
    return centres


def _mean(*points: np.ndarray) -> np.ndarray:
    mean: np.ndarray = np.mean(points, axis=0)
    return mean


def _unit(vectors: np.ndarray) -> np.ndarray:
    unit: np.ndarray = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def _across(vectors: np.ndarray, axis: np.ndarray) -> np.ndarray:
    """The part of vectors that is square to an axis, of length 1."""
    along = _unit(axis)
    return _unit(vectors - (vectors * along).sum(axis=1, keepdims=True) * along)


def _length(vectors: np.ndarray) -> float:
    return float(np.nanmedian(np.linalg.norm(vectors, axis=1)))


def _pelvis(there: Mapping[str, np.ndarray]) -> tuple[np.ndarray, ...] | None:
    """Middle of its front, and the ways right, ahead and up; None where it is not marked."""
    fronts = [there.get(f"{side} front_of_pelvis") for side in "RL"]
    backs = [there.get(f"{side} back_of_pelvis") for side in "RL"]
    back = there.get("sacrum") if backs[0] is None or backs[1] is None else _mean(*backs)  # type: ignore[arg-type]
    if fronts[0] is None or fronts[1] is None or back is None:
        return None
    front = _mean(fronts[0], fronts[1])
    right = _unit(fronts[0] - fronts[1])
    ahead = _across(front - back, right)
    return front, fronts[0] - fronts[1], right, ahead, np.cross(right, ahead)


def _hips(there: Mapping[str, np.ndarray], centres: Centres) -> None:
    for side in "RL":
        if (own := there.get(f"{side} hip")) is not None:
            centres.points[f"{side}Hip"] = own
    pelvis = _pelvis(there)
    if pelvis is not None and not {"RHip", "LHip"} <= centres.points.keys():
        front, span, right, ahead, up = pelvis
        wide = _length(span)
        centre = front - _BACK * wide * ahead - _DOWN * wide * up
        centres.points["RHip"] = centre + _SIDEWAYS * wide * right
        centres.points["LHip"] = centre - _SIDEWAYS * wide * right
        centres.notes["Hip"] = "from markers of the pelvis (Bell 1990), some 20 mm"
    if {"RHip", "LHip"} <= centres.points.keys():
        centres.points["Hip"] = _mean(centres.points["RHip"], centres.points["LHip"])


def _legs(there: Mapping[str, np.ndarray], centres: Centres) -> None:
    for side in "RL":
        hip = centres.points.get(f"{side}Hip")
        ankle = there.get(f"{side} ankle", there.get(f"{side} outside_of_ankle"))
        leg = np.nan if hip is None or ankle is None else _length(ankle - hip)
        for part, joint, share in (("knee", "Knee", _KNEE), ("ankle", "Foot", _ANKLE)):
            found = _hinge(there, centres, f"{side} ", part, hip, share * leg)
            if found is not None:
                centres.points[f"{side}{joint}"] = found[0]
                if found[1]:
                    centres.notes[joint] = found[1]


def _hinge(
    there: Mapping[str, np.ndarray],
    centres: Centres,
    side: str,
    part: str,
    above: np.ndarray | None,
    inward: float,
) -> tuple[np.ndarray, str] | None:
    """A knee or an ankle, and why it is approximated."""
    own, outside = there.get(side + part), there.get(f"{side}outside_of_{part}")
    inside = there.get(f"{side}inside_of_{part}")
    if own is not None:
        return own, ""
    if outside is None:
        return None
    if inside is not None:
        return _mean(outside, inside), ""
    right, left = centres.points.get("RHip"), centres.points.get("LHip")
    if above is None or right is None or left is None or not inward > 0.0:
        return None
    way = _across(left - right if side == "R " else right - left, outside - above)
    return outside + inward * way, "inward of its outer marker by half a breadth, some 20 mm"


def _trunk(there: Mapping[str, np.ndarray], centres: Centres) -> None:
    neck = [there[name] for name in ("back_of_neck", "front_of_neck") if name in there]
    tops = [there[f"{s} top_of_shoulder"] for s in "RL" if f"{s} top_of_shoulder" in there]
    if len(neck) == 2:
        centres.points["Thorax"] = _mean(*neck)
        centres.notes["Thorax"] = "the middle of the markers behind and before the neck"
    elif len(tops) == 2:
        hip = centres.points.get("Hip")
        centres.points["Thorax"] = _mean(*tops) if hip is None else _below_tops(tops, hip)
        centres.notes["Thorax"] = "by the middle of the shoulders' markers"
    if {"Hip", "Thorax"} <= centres.points.keys():
        centres.points["Spine"] = _mean(centres.points["Hip"], centres.points["Thorax"])
        centres.notes["Spine"] = "halfway from Hip to Thorax"


def _below_tops(tops: Sequence[np.ndarray], hip: np.ndarray) -> np.ndarray:
    """88 % of the way from the hip to the middle of the shoulders below their tops."""
    trunk = _mean(*tops) - hip
    below = _BELOW_SHOULDER * _length(tops[0] - tops[1]) * _unit(trunk)
    thorax: np.ndarray = hip + THORAX_SHARE * (trunk - below)
    return thorax


def _arms(there: Mapping[str, np.ndarray], centres: Centres) -> None:
    tops = [there.get(f"{side} top_of_shoulder") for side in "RL"]
    hip, thorax = centres.points.get("Hip"), centres.points.get("Thorax")
    for side, top in zip("RL", tops, strict=True):
        own = there.get(f"{side} shoulder")
        if own is not None:
            centres.points[f"{side}Shoulder"] = own
        elif top is not None and hip is not None and thorax is not None:
            both = [point for point in tops if point is not None]
            span = _length(both[0] - both[1]) if len(both) == 2 else _length(thorax - hip) * 0.7
            centres.points[f"{side}Shoulder"] = top + _BELOW_SHOULDER * span * _unit(hip - thorax)
            centres.notes["Shoulder"] = "below the marker on its top (Rab 2002)"
        _elbow_and_wrist(there, centres, side)


def _elbow_and_wrist(there: Mapping[str, np.ndarray], centres: Centres, side: str) -> None:
    pairs = {
        "Elbow": ("elbow", ("outside_of_elbow", "inside_of_elbow"), ()),
        "Wrist": (
            "wrist", ("thumb_side_of_wrist", "little_side_of_wrist"), ("middle_of_wrist",)
        ),
    }  # fmt: skip
    for joint, (own, pair, others) in pairs.items():
        found = [there[f"{side} {name}"] for name in pair if f"{side} {name}" in there]
        found = found or [there[f"{side} {name}"] for name in others if f"{side} {name}" in there]
        if f"{side} {own}" in there:
            centres.points[f"{side}{joint}"] = there[f"{side} {own}"]
        elif found:
            centres.points[f"{side}{joint}"] = _mean(*found)
            if len(found) == 1 and joint == "Elbow":
                centres.notes[joint] = "its only marker, which lies some 40 mm beside it"


def _head(there: Mapping[str, np.ndarray], centres: Centres) -> None:
    thorax = centres.points.get("Thorax")
    groups = (
        ("top_of_head",), ("middle_of_head",),
        ("R front_of_head", "L front_of_head", "R back_of_head", "L back_of_head"),
        ("R side_of_head", "L side_of_head"), ("R front_of_head", "L front_of_head"),
    )  # fmt: skip
    for group in groups:
        if thorax is not None and all(name in there for name in group):
            crown = _mean(*(there[name] for name in group))
            centres.points["Head"] = crown
            centres.points["Neck"] = _mean(thorax, crown)
            centres.notes["Neck"] = "halfway from Thorax to Head"
            if group != ("top_of_head",):
                centres.notes["Head"] = "the middle of its markers, some 100 mm below the top"
            return
