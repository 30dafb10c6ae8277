"""What is known of the people of a picture, as plain dictionaries, ready for JSON.

Joints are mm in the camera frame (x right, y down, z forward), hip-centred; keypoints are px of the
picture as it should be seen (EXIF orientation applied).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from evoskeleton.evolution.skeleton import JOINT_NAMES, Joint
from evoskeleton.lifting.error_radii import CalibratedRadii
from evoskeleton.lifting.keypoints.keypoint_files import FRAME
from evoskeleton.pose2d.detector import Person

_PARTS = (
    (Joint.RHIP, Joint.LHIP),
    (Joint.RKNEE, Joint.LKNEE),
    (Joint.LSHOULDER, Joint.RSHOULDER),
    (Joint.LELBOW, Joint.RELBOW),
)


class Shown(NamedTuple):
    """One person of a picture: number, keypoints, joints or None, and whether filled in."""

    identity: int
    person: Person
    joints: np.ndarray | None
    filled: bool = False


class Where(NamedTuple):
    """Which picture: of a photo, number and seconds are None."""

    file: Path
    width: int
    height: int
    number: int | None = None
    seconds: float | None = None


def is_partial(person: Person) -> bool:
    """Whether less than a body is seen: hips, knees, shoulders or elbows are known of no side."""
    return not all(person.known[list(part)].any() for part in _PARTS)


def line(
    where: Where,
    people: Sequence[Shown],
    seconds: Mapping[str, float],
    model: str,
    radii: CalibratedRadii | None,
) -> dict[str, Any]:
    """One picture's answer; `seconds` by stage are what it took."""
    place: dict[str, Any] = {}
    if where.number is not None:
        place = {"frame": where.number, "seconds": round(where.seconds or 0.0, 4)}
    return {
        "file": str(where.file),
        **place,
        "width": where.width,
        "height": where.height,
        "joint_names": list(JOINT_NAMES),
        "joints_unit": "mm",
        "joints_frame": FRAME,
        "people": [_person(shown, radii) for shown in people],
        "error_radii_level": None if radii is None else radii.level,
        "milliseconds": {name: round(1e3 * each, 2) for name, each in seconds.items()},
        "model": model,
    }


def _person(shown: Shown, radii: CalibratedRadii | None) -> dict[str, Any]:
    person, joints = shown.person, shown.joints
    errors = None if radii is None or joints is None else radii.of(person.known)
    return {
        "id": shown.identity,
        "score": round(person.score, 4),
        "box": _numbers(person.box, 2),
        "keypoints": _numbers(person.keypoints, 2),
        "confidence": _numbers(person.confidence, 3),
        "visibility": _numbers(person.visibility, 3),
        "known": person.known.tolist(),
        "approximated": list(person.approximated),
        "joints": None if joints is None else _numbers(joints, 2),
        "partial": joints is not None and is_partial(person),
        "filled": shown.filled,
        "error_radii": None if errors is None else _numbers(errors, 1),
    }


def _numbers(array: np.ndarray, digits: int) -> Any:
    """Nested lists; NaN, which JSON does not have, becomes null."""
    rounded = np.round(np.asarray(array, np.float64), digits)
    words = rounded.astype(object)
    words[~np.isfinite(rounded)] = None
    return words.tolist()
