"""Messages of InferenceService: what is asked for, checked, and what is answered."""

from typing import NamedTuple, Protocol

import numpy as np

from evoskeleton.annotation.domain.keypoint_schemas import Schema, known_schema
from evoskeleton.annotation.generated.annotation_pb2 import SuggestRequest
from evoskeleton.annotation.generated.common_pb2 import Box, Model, Person
from evoskeleton.annotation.generated.inference_pb2 import (
    DetectPeopleRequest,
    EstimatePosesRequest,
    EstimatePosesResponse,
    GetModelResponse,
    LiftKeypointsRequest,
    LiftKeypointsResponse,
    StreamPosesRequest,
)
from evoskeleton.annotation.messages.arrays import floats_to_array, rows_of
from evoskeleton.errors import BadInput
from evoskeleton.lifting.error_radii import ErrorRadii
from evoskeleton.lifting.keypoints.plausible_keypoints import MOST_PX
from evoskeleton.pose2d import detector as pose2d

MOST_BOXES = 32
"""Largest coordinate, and largest side of a picture, that is believed."""

Pictured = DetectPeopleRequest | EstimatePosesRequest | StreamPosesRequest | SuggestRequest
"""Requests that may name the people of a picture by boxes."""

Calibrated = LiftKeypointsResponse | EstimatePosesResponse | GetModelResponse
"""Answers with error radii."""


class Named(Protocol):
    """A network by its weights; `version` is empty for one that is served from a folder."""

    @property
    def name(self) -> str:
        """Of the model."""

    @property
    def version(self) -> str:
        """In the registry."""

    @property
    def weight_hash(self) -> str:
        """SHA-256 in hex."""


class Keypoints(NamedTuple):
    """Keypoints (n, 17, 2) float32 px and visibility (n, 17); the schema that they came in, and the
    size of their image px, 0 0 where nobody gave it."""

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


def boxes_of(request: Pictured) -> np.ndarray | None:
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


def model_message(known: Named) -> Model:
    """Which network it was."""
    return Model(name=known.name, version=known.version, weight_hash=known.weight_hash)


def put_radii(answer: Calibrated, radii: ErrorRadii | None) -> None:
    """Add error radii, where there are any."""
    if radii is not None:
        answer.error_radii_mm.extend(radii.seen.tolist())
        answer.hidden_error_radii_mm.extend(radii.hidden.tolist())


def person_message(
    person: pose2d.Person, identity: int, joints: np.ndarray | None = None
) -> Person:
    """One person in 2D, and in 3D where (17, 3) joints mm are given."""
    x0, y0, x1, y1 = (float(value) for value in person.box)
    return Person(
        id=identity,
        score=person.score,
        box=Box(x0=x0, y0=y0, x1=x1, y1=y1),
        keypoints=person.keypoints.ravel().tolist(),
        confidence=person.confidence.tolist(),
        visibility=person.visibility.tolist(),
        known=person.known.tolist(),
        approximated=person.approximated,
        joints=() if joints is None else joints.ravel().tolist(),
    )
