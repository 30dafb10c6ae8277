"""Bodies for keypoints that an annotator has corrected."""

from dataclasses import dataclass

import numpy as np

from evoskeleton.lifting.bundle import Lifter
from evoskeleton.lifting.cameras import FOCAL_PX
from evoskeleton.lifting.model_fit.fitted_bodies import FittedBodies
from evoskeleton.lifting.model_fit.refit import refit_body
from evoskeleton.lifting.pinhole import Intrinsics


@dataclass(frozen=True)
class RefitAsked:
    """What somebody wants to be fitted.

    Attributes:
        keypoints, known: (17, 2) px and (17,), Human3.6M order.
        width, height: of the picture, px.
        focal_px: of the camera.
        height_mm: of the body.
        start: (17, 3) mm, camera frame; None: the champion's answer.
        depth_order: (16,) of -1, 0, 1.
        most: bodies.
    """

    keypoints: np.ndarray
    known: np.ndarray
    width: int
    height: int
    focal_px: float
    height_mm: float
    start: np.ndarray | None
    depth_order: np.ndarray | None
    most: int


def assumed_focal_px(width: int, height: int) -> float:
    """Focal length of the camera that a picture is taken to be of; see `Intrinsics.of_image`."""
    return FOCAL_PX / 1000.0 * max(width, height)


def refit(lifter: Lifter | None, asked: RefitAsked) -> FittedBodies:
    """Bodies, as `refit_body`."""
    camera = Intrinsics.of_image(asked.width, asked.height)
    camera.focal[:] = asked.focal_px
    return refit_body(
        lifter,
        asked.keypoints,
        asked.known,
        camera,
        asked.start,
        asked.depth_order,
        asked.height_mm,
        asked.most,
    )
