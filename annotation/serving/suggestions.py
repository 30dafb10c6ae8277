"""What the detector, the champion and the pose fit make of an image: a start for an annotator."""

from typing import NamedTuple

import numpy as np

from evoskeleton.annotation.domain.keypoint_schemas import DEFAULT
from evoskeleton.lifting.bundle import Lifter
from evoskeleton.lifting.error_radii import ErrorRadii
from evoskeleton.lifting.keypoints.keypoint_formats import human36m_to_coco
from evoskeleton.lifting.model_fit.fitted_bodies import FittedBodies
from evoskeleton.lifting.model_fit.pose_fit import PoseFit, PoseFitSettings, fit_poses
from evoskeleton.lifting.model_fit.refit import described
from evoskeleton.lifting.pinhole import Intrinsics
from evoskeleton.pose2d.detector import Person
from evoskeleton.pose2d.people_to_3d import lift_people, liftable

HIDDEN, VISIBLE = 1, 2


class Suggestion(NamedTuple):
    """One person.

    Attributes:
        keypoints: (points, 2) px in a project's schema, 0 where unknown.
        visibility: (points,) 0, 1 or 2.
        box: x0 y0 x1 y1 px.
        lifted: (17, 3) mm, camera frame, hip at 0; None where too little is known.
        fits: up to two bodies, the cheapest first.
        confidence: (points,) in [0, 1], of the keypoints; 0 where unknown.
        radii_mm: (17,) error radii of the joints, -1 where not known; None without radii.
    """

    keypoints: np.ndarray
    visibility: np.ndarray
    box: np.ndarray
    lifted: np.ndarray | None
    fits: FittedBodies
    confidence: np.ndarray
    radii_mm: np.ndarray | None


ASSUMED_HEIGHT_MM = PoseFitSettings.parse({}).height_mm
"""How tall fitted bodies are taken to be."""

_NONE = described(np.zeros((0, 17, 3)), np.zeros(0), np.zeros(0), np.zeros(0), ASSUMED_HEIGHT_MM)


def suggest(
    people: list[Person],
    lifter: Lifter,
    width: int,
    height: int,
    keypoints: str,
    radii: ErrorRadii | None = None,
) -> list[Suggestion]:
    """Suggestions for all people of a picture of width x height px, in their order."""
    asked = liftable(people, width, height)
    camera = Intrinsics.of_image(width, height)
    fitted = fit_poses(lifter, asked.keypoints, asked.known, camera) if asked.rows else None
    place = {row: at for at, row in enumerate(asked.rows)}
    found = []
    for row, lifted in enumerate(lift_people(people, lifter, width, height)):
        fits = _NONE if fitted is None or lifted is None else _bodies(fitted, place[row])
        two = _points(people[row], keypoints)
        sure = _confidence(people[row], keypoints)
        known = None if radii is None else _known_radii(radii, people[row])
        found.append(Suggestion(*two, people[row].box, lifted, fits, sure, known))
    return found


def _bodies(fitted: PoseFit, row: int) -> FittedBodies:
    """Bodies of one pose; those that there are."""
    there = np.isfinite(fitted.costs[row])
    columns = fitted.joints, fitted.costs, fitted.reprojection_px, fitted.converged
    joints, costs, reprojection_px, converged = (column[row][there] for column in columns)
    return described(joints, costs, reprojection_px, converged, ASSUMED_HEIGHT_MM)


def _known_radii(radii: ErrorRadii, person: Person) -> np.ndarray:
    found = np.asarray(radii.of(person.known), np.float64)
    return np.nan_to_num(found, nan=-1.0, posinf=-1.0)


def _confidence(person: Person, keypoints: str) -> np.ndarray:
    """(points,) in a project's schema."""
    sure = np.where(person.known, person.confidence, 0.0)
    if keypoints != DEFAULT:
        sure = human36m_to_coco(np.repeat(sure[None, :, None], 2, axis=2))[0][0, :, 0]
    found: np.ndarray = np.clip(np.nan_to_num(sure), 0.0, 1.0)
    return found


def _points(person: Person, keypoints: str) -> tuple[np.ndarray, np.ndarray]:
    """Keypoints and visibility in a project's schema."""
    points = np.asarray(person.keypoints, np.float64)
    level = np.where(person.visibility > 0.5, VISIBLE, HIDDEN) * person.known
    if keypoints != DEFAULT:
        levels = np.repeat(level[:, None], 2, axis=1).astype(np.float32)
        points, levels = (human36m_to_coco(one[None])[0][0] for one in (points, levels))
        level = np.nan_to_num(levels[:, 0])
    return np.nan_to_num(np.where(level[:, None] > 0, points, 0.0)), level.astype(int)
