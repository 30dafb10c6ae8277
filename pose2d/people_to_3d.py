"""From people of a picture to 3D: whom a lifter is asked about, and how.

The one way of all that do it: photos and videos on the command line, the endpoint's estimates, and
what it suggests to annotators. A person's joints depend on that person and the lifter alone, not
on who else is in the picture or in the batch.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from evoskeleton.evolution.skeleton import JOINT_NAMES
from evoskeleton.lifting.bundle import Lifter
from evoskeleton.lifting.detections.confidence import as_confidence
from evoskeleton.lifting.keypoints.plausible_keypoints import LEAST_KNOWN
from evoskeleton.pose2d.detector import Person
from evoskeleton.pose2d.people.second_opinion import blended


class Liftable(NamedTuple):
    """Those people of a picture of whom enough is known.

    Attributes:
        people: how many there are in the picture, liftable or not.
        rows: the places of the liftable among them.
        keypoints: (rows, 17, 2) float32 px.
        known: (rows, 17) float32, above a half where a keypoint is known, 1 in plain sight.
        image_size: width and height of the picture, px.
        asked: the liftable themselves.
    """

    people: int
    rows: list[int]
    keypoints: np.ndarray
    known: np.ndarray
    image_size: tuple[int, int]
    asked: Sequence[Person]

    def placed(self, joints: np.ndarray, second_opinion: float = 0.0) -> list[np.ndarray | None]:
        """(rows, 17, 3) joints given back to all people: (17, 3) each, None to the others.

        Args:
            joints: what a lifter answers.
            second_opinion: share of the detector's own 3D, that of the lifter.
        """
        places: list[np.ndarray | None] = [None] * self.people
        for row, found in zip(self.rows, blended(joints, self.asked, second_opinion), strict=True):
            places[row] = found
        return places


def liftable(people: Sequence[Person], width: int, height: int) -> Liftable:
    """People of a picture of width x height px with `LEAST_KNOWN` known keypoints or more."""
    rows = [row for row, person in enumerate(people) if person.known.sum() >= LEAST_KNOWN]
    asked = [people[row] for row in rows]
    keypoints = np.array([person.keypoints for person in asked], np.float32)
    known = np.array(
        [as_confidence(person.visibility, person.known) for person in asked], np.float32
    )
    joints = len(JOINT_NAMES)
    return Liftable(
        len(people),
        rows,
        keypoints.reshape(-1, joints, 2),
        known.reshape(-1, joints),
        (width, height),
        asked,
    )


def lift_people(
    people: Sequence[Person], lifter: Lifter, width: int, height: int
) -> list[np.ndarray | None]:
    """(17, 3) float32 mm, camera frame, hip at 0, for each person of a picture; None with fewer
    than `LEAST_KNOWN` keypoints."""
    asked = liftable(people, width, height)
    joints = lifter.lift(asked.keypoints, asked.known, asked.image_size)
    return asked.placed(joints, lifter.second_opinion)
