"""People of a picture as bodies that were fitted to their keypoints."""

from collections.abc import Sequence

import numpy as np

from evoskeleton.lifting.bundle import Lifter
from evoskeleton.lifting.model_fit.pose_fit import fit_poses
from evoskeleton.lifting.pinhole import Intrinsics
from evoskeleton.pose2d.detector import Person
from evoskeleton.pose2d.people_to_3d import liftable


def fit_people(
    people: Sequence[Person], lifter: Lifter, width: int, height: int
) -> list[np.ndarray | None]:
    """As `people_to_3d.lift_people`, by a body within the joint limits that meets the keypoints.

    The camera is taken for one whose picture has not been cut, `Intrinsics.of_image`.
    """
    asked = liftable(people, width, height)
    if not asked.rows:
        return [None] * len(people)
    camera = Intrinsics.of_image(width, height)
    bodies = fit_poses(lifter, asked.keypoints, asked.known, camera).joints[:, 0]
    seen: np.ndarray = bodies - bodies[:, :1]
    return asked.placed(seen)
