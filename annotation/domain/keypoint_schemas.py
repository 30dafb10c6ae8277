"""Keypoint schemas that clients may send, by name; each becomes Human3.6M's 17 joints.

`lifting.keypoints.keypoint_formats` knows the sets of detectors and annotators. Human3.6M's own two
layouts, 17 joints and its files of 32, have every joint.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import H36M_32_INDEX, JOINT_NAMES
from evoskeleton.lifting.keypoints.keypoint_formats import APPROXIMATED, SETS, KeypointSet

DEFAULT = "human36m"
IN_PROJECTS = (DEFAULT, "coco")
"""Schemas that projects may have: those that detectors suggest and files are written in."""


@dataclass(frozen=True)
class Schema:
    """A keypoint set, and the joints that it does not have and that are mixed from others."""

    keypoints: KeypointSet
    approximated: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Its points in their order; empty names are points that are not looked at."""
        return self.keypoints.names

    def to_human36m(
        self, points: np.ndarray, visibility: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Keypoints (poses, 17, 2) px and visibility (poses, 17) of (poses, points, 2) px.

        A joint is as visible as the least visible point that it is made of.
        """
        if self is SCHEMAS[DEFAULT]:
            return points, visibility
        return self.keypoints.to_human36m(points, np.where(visibility > 0.5, visibility, 0.0))


def known_schema(name: str) -> Schema:
    """A schema by name; the empty name is `DEFAULT`.

    Raises:
        BadInput: there is no such schema.
    """
    found = SCHEMAS.get(name or DEFAULT)
    if found is None:
        raise BadInput(f"schema should be one of {', '.join(SCHEMAS)}, got {name[:40]!r}")
    return found


def check_project_schema(name: str) -> None:
    """A project may have its annotations in a schema.

    Raises:
        BadInput: it may not.
    """
    if name not in IN_PROJECTS:
        wanted = " or ".join(IN_PROJECTS)
        raise BadInput(f"keypoints of a project should be {wanted}, got {name[:40]!r}")


def _of_32_joints() -> KeypointSet:
    names, weights = [""] * 32, np.zeros((len(JOINT_NAMES), 32))
    for joint, place in enumerate(H36M_32_INDEX):
        names[place], weights[joint, place] = JOINT_NAMES[joint], 1.0
    return KeypointSet(tuple(names), weights)


SCHEMAS: Mapping[str, Schema] = {
    DEFAULT: Schema(KeypointSet(JOINT_NAMES, np.eye(len(JOINT_NAMES)))),
    "human36m_32": Schema(_of_32_joints()),
} | {name: Schema(keypoints, APPROXIMATED) for name, keypoints in SETS.items()}
