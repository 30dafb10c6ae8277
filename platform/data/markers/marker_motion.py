"""A person's markers as a motion: the joints that they give stand behind them, by their names."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from evoskeleton.platform.data.markers.c3d import read_c3d
from evoskeleton.platform.data.markers.joint_centres import SEEN_ENOUGH, joint_centres
from evoskeleton.platform.data.markers.keypoint_names import places_by_keypoints
from evoskeleton.platform.data.markers.recorded import Recorded, people_of
from evoskeleton.platform.data.markers.trc import read_trc
from evoskeleton.platform.data.mocap.motion import Motion
from evoskeleton.platform.data.mocap.naming import compared
from evoskeleton.platform.data.mocap.places import Place
from evoskeleton.platform.data.mocap.rigs import MADE

LEAST_CENTRES = 6
"""Joints that markers should give; a set that gives fewer is known by another way, or not."""


HEAD_SHARE = 285.0 / 453.0
"""From Thorax to Head in shares of Hip to Thorax, as in the CMU poses."""

_OF_HEADS = ("head", "hd", "nose", "ear", "eye", "skull", "crown", "vertex", "chin", "face")


def read_markers(path: Path) -> list[Motion]:
    """The people of a TRC or C3D file.

    Raises:
        BadInput: the file cannot be read or holds nobody.
    """
    take = read_c3d(path) if path.suffix.lower() == ".c3d" else read_trc(path)
    return [motion_of(person) for person in people_of(take)]


def motion_of(person: Recorded) -> Motion:
    """Markers, and behind them the joints that they give, which come first for the 17."""
    centres = joint_centres(person.names, person.points)
    places: Mapping[str, Place] = places_by_keypoints(person.names)
    points, names, notes = person.points, person.names, list(person.notes)
    if len(centres.points) >= LEAST_CENTRES:
        made = {joint: f"{MADE}{joint}" for joint in centres.points}
        places = {**places, **{joint: Place.mean(name) for joint, name in made.items()}}
        points = np.concatenate([points, np.stack([*centres.points.values()], axis=1)], axis=1)
        names = (*names, *made.values())
        notes += centres.told()
    places = {**_straight_up(person.names, places), **places}
    return Motion(
        source=person.source,
        joints=names,
        positions=points,
        frame_rate=person.rate,
        unit_mm=person.unit_mm,
        up=person.up,
        first_frame=person.first_frame,
        notes=tuple(notes),
        places=places,
        gaps=True,
        person=person.person,
        rarely=_rarely(person),
    )


def _rarely(person: Recorded) -> tuple[str, ...]:
    """Markers that were seen in less than half of the frames of the one that was seen most."""
    seen = np.isfinite(person.points[..., 0]).sum(axis=0)
    few = seen < SEEN_ENOUGH * seen.max(initial=0)
    return tuple(name for name, is_so in zip(person.names, few, strict=True) if is_so)


def _straight_up(names: Sequence[str], places: Mapping[str, Place]) -> dict[str, Place]:
    """Head and neck of sets without any point of a head: the trunk goes on."""
    plain = [compared(name) for name in names]
    if any(word in name for name in plain for word in _OF_HEADS):
        return {}
    if not {"Hip", "Thorax"} <= places.keys():
        return {}
    shares = {"Head": HEAD_SHARE, "Neck": HEAD_SHARE / 2.0}
    return {joint: _beyond(places["Hip"], places["Thorax"], by) for joint, by in shares.items()}


def _beyond(start: Place, end: Place, share: float) -> Place:
    """As far beyond an end as a share of the way to it."""
    weights = {name: -share * weight for name, weight in start.weights.items()}
    for name, weight in end.weights.items():
        weights[name] = weights.get(name, 0.0) + (1.0 + share) * weight
    return Place(weights, "no point is of the head; the line of the trunk goes on")
