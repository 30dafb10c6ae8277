"""A detector's own points as our joints, and what is known of them."""

from typing import Any, NamedTuple

import numpy as np

from evoskeleton.lifting.keypoints.keypoint_formats import known_set, without_hips
from evoskeleton.pose2d.detector import KNOWN


class Joints(NamedTuple):
    """Joints of one person.

    Attributes:
        box: (4,) float32 px around the points that the picture shows.
        keypoints: (17, 2) float32 px.
        confidence, visibility: (17,) float32 in [0, 1].
    """

    box: np.ndarray
    keypoints: np.ndarray
    confidence: np.ndarray
    visibility: np.ndarray


def joints_of_points(
    name: str, points: np.ndarray, presence: np.ndarray, visibility: np.ndarray, image: np.ndarray
) -> Joints:
    """Joints out of the points of a known set; what lies outside the picture is not known.

    Where the hips are not known the upper body is taken by itself.

    Args:
        name: of a keypoint set.
        points: (points, 2) px.
        presence: (points,) in [0, 1]: that a point is there.
        visibility: (points,) in [0, 1]: that nothing hides it.
        image: (height, width, 3), of which the size is used.
    """
    height, width = image.shape[:2]
    inside = np.all((points >= 0) & (points <= (width, height)), axis=1)
    present = np.where(inside, presence, 0.0)[None]
    formats = known_set(name)
    keypoints, confidence = formats.to_human36m(points[None], present)
    keypoints, _ = formats.to_human36m(points[None])
    upper, upper_sure = without_hips(name).to_human36m(points[None], present)
    portrait = (confidence < KNOWN) & (upper_sure >= KNOWN)
    keypoints = np.where(portrait[..., None], upper, keypoints)
    confidence = np.where(portrait, upper_sure, confidence)
    _, visible = formats.to_human36m(points[None], visibility[None])
    return Joints(
        _box(points, inside, width, height),
        keypoints[0],
        confidence[0],
        np.minimum(visible[0], confidence[0]),
    )


def _box(points: np.ndarray, inside: Any, width: int, height: int) -> np.ndarray:
    """(4,) float32 px around the points, within the picture."""
    shown = points[inside] if inside.any() else np.clip(points, 0, (width, height))
    return np.concatenate([shown.min(axis=0), shown.max(axis=0)]).astype(np.float32)
