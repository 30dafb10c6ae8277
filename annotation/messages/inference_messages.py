"""What is asked for, out of messages that nobody has checked."""

from typing import Any, NamedTuple

import numpy as np

from evoskeleton.annotation.domain.keypoint_schemas import Schema, known_schema
from evoskeleton.annotation.generated.inference_pb2 import LiftKeypointsRequest
from evoskeleton.annotation.messages.arrays import floats_to_array, rows_of
from evoskeleton.annotation.serving.detection_queue import MOST_BOXES
from evoskeleton.errors import BadInput

MOST_PX = 1_000_000
"""Largest coordinate, and largest side of a picture, that is believed."""


class Keypoints(NamedTuple):
    """Keypoints (n, 17, 2) float32 px and visibility (n, 17); the schema that they came in, and the
    size of their image px, 0 0 where nobody told it."""

    points: np.ndarray
    visibility: np.ndarray
    schema: Schema
    image_size: tuple[int, int]


def keypoints_of(request: LiftKeypointsRequest, most_poses: int) -> Keypoints:
    """Checked keypoints of a request, in Human3.6M order.

    Raises:
        BadInput: schema, number of poses or points, a visible point or the size is not allowed.
    """
    schema = known_schema(request.schema)
    row = (len(schema.names), 2)
    _check_count(rows_of("keypoints", request.keypoints, row), request.poses, most_poses)
    points = floats_to_array(request.keypoints, row)
    visibility = _visibility(request, points)
    _check_finite(points, visibility, schema)
    points, visibility = schema.to_human36m(points, visibility)
    blind = ~(visibility > 0.5).any(axis=1)
    if blind.any():
        raise BadInput(f"pose {blind.argmax()} should have a joint that is known, it has none")
    return Keypoints(points, visibility, schema, _size(request.width, request.height))


def _check_count(poses: int, meant: int, most: int) -> None:
    if not 1 <= poses <= most:
        raise BadInput(f"keypoints should be of 1 to {most:,} poses, got {poses:,}")
    if meant and meant != poses:
        raise BadInput(f"keypoints should be of {meant:,} poses, got numbers for {poses:,}")


def _visibility(request: LiftKeypointsRequest, points: np.ndarray) -> np.ndarray:
    sent, row = request.visibility, points.shape[1:2]
    rows = rows_of("visibility", sent, row)
    if rows == 0:
        return np.ones(points.shape[:2], np.float32)
    if rows != len(points):
        raise BadInput(f"visibility should be of {len(points)} poses, got {rows}")
    visibility = floats_to_array(sent, row)
    if not np.isfinite(visibility).all():
        raise BadInput("visibility should be finite, it holds NaN or an infinite number")
    return visibility


def _check_finite(points: np.ndarray, visibility: np.ndarray, schema: Schema) -> None:
    fine = (np.abs(points) <= MOST_PX).all(axis=2) | (visibility <= 0.5)
    if fine.all():
        return
    for row, point in np.argwhere(~fine):
        if name := schema.names[point]:
            x, y = points[row, point]
            raise BadInput(
                f"keypoint {name} of pose {row} is visible and should be within "
                f"{MOST_PX:,} px, got ({x:g}, {y:g})"
            )


def _size(width: int, height: int) -> tuple[int, int]:
    unknown = not width and not height
    if not (unknown or (0 < width <= MOST_PX and 0 < height <= MOST_PX)):
        raise BadInput(
            f"width and height should be 1 to {MOST_PX:,} px, or both 0, got {width} x {height}"
        )
    return width, height


def boxes_of(request: Any) -> np.ndarray | None:
    """(people, 4) px of a request's boxes, or None without any; the detector checks the rest.

    Raises:
        BadInput: there are too many, or a number is beyond belief.
    """
    if not request.boxes:
        return None
    if len(request.boxes) > MOST_BOXES:
        raise BadInput(f"boxes should be {MOST_BOXES} at most, got {len(request.boxes)}")
    boxes = np.array([(box.x0, box.y0, box.x1, box.y1) for box in request.boxes])
    if not (np.abs(boxes) <= MOST_PX).all():
        raise BadInput(f"boxes should lie within {MOST_PX:,} px")
    return boxes
