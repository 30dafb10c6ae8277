"""A person's markers as a motion: the joints that they give stand behind them, by their names."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from evoskeleton.platform.data.markers.c3d import read_c3d
from evoskeleton.platform.data.markers.joint_centres import joint_centres
from evoskeleton.platform.data.markers.keypoint_names import places_by_keypoints
from evoskeleton.platform.data.markers.recorded import Recorded, people_of
from evoskeleton.platform.data.markers.trc import read_trc
from evoskeleton.platform.data.mocap.motion import Motion
from evoskeleton.platform.data.mocap.places import Place
from evoskeleton.platform.data.mocap.rigs import MADE

LEAST_CENTRES = 6
"""Joints that markers should give; a set that gives fewer is known by another way, or not."""


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
    )
