"""The calls of the endpoint: requests and answers in numpy and dataclasses; nothing is sent here.

A `Call` is one request and how to read its answer. `client.py` sends it, now or awaited, so that
both clients share what a call means. Keypoints are px of the picture as it should be seen, joints
mm in the camera frame (x right, y down, z forward), hip-centred; see `proto/evoskeleton/v1`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np

from evoskeleton.annotation.generated import common_pb2, inference_pb2, inference_pb2_grpc
from evoskeleton.annotation.messages.arrays import array_to_floats, floats_to_array
from evoskeleton.errors import BadInput
from evoskeleton.lifting.error_radii import ErrorRadii
from evoskeleton.shapes import expect_shape

Answer = TypeVar("Answer")
FileContent = bytes | Path | str
"""A file, such as a JPEG, PNG, WebP or BMP picture: its content, or where it lies."""


@dataclass(frozen=True)
class Call(Generic[Answer]):
    """One unary call: the stub and its method, the request, what to make of the response."""

    stub: type
    method: str
    request: Any
    read: Callable[[Any], Answer]


@dataclass(frozen=True)
class Model:
    """A network, by its weights: `version` is empty for one that is served from a folder."""

    name: str
    version: str
    weight_hash: str


@dataclass(frozen=True)
class Lifted:
    """Keypoints, lifted.

    Attributes:
        joints: (poses, 17, 3) float32 mm, camera frame, hip-centred.
        model: what made them.
        error_radii: None where the model was not calibrated; `Served` says how often they hold.
        approximated: joints that the keypoint schema lacks.
    """

    joints: np.ndarray
    model: Model
    error_radii: ErrorRadii | None
    approximated: tuple[str, ...]


@dataclass(frozen=True)
class EstimatedPerson:
    """One person in one picture.

    Attributes:
        id: place in the answer; in a stream the same for the same person.
        score: that this is a person, 0 to 1.
        box: (4,) px, x0 y0 x1 y1.
        keypoints: (17, 2) px; NaN where the detector does not know the joint.
        confidence, visibility: (17,), 0 to 1.
        known: (17,) bool, keypoints that the lifter looked at.
        approximated: joints mixed from their neighbours.
        joints: (17, 3) mm; None in 2D, and with fewer than six known keypoints.
    """

    id: int
    score: float
    box: np.ndarray
    keypoints: np.ndarray
    confidence: np.ndarray
    visibility: np.ndarray
    known: np.ndarray
    approximated: tuple[str, ...]
    joints: np.ndarray | None


@dataclass(frozen=True)
class People:
    """Everybody in one picture; `model` and `error_radii` are None in answers in 2D.

    Attributes:
        width, height: of the picture, px, after its EXIF orientation.
    """

    people: tuple[EstimatedPerson, ...]
    width: int
    height: int
    detector: Model
    model: Model | None = None
    error_radii: ErrorRadii | None = None


@dataclass(frozen=True)
class Frame:
    """One answer of a stream: `people` is None where there is a `problem`."""

    number: int
    people: People | None
    problem: str


@dataclass(frozen=True)
class Served:
    """What a server serves.

    Attributes:
        schemas: names of the keypoints of each schema that can be lifted.
        errors_mm: measured errors by name, such as `mpjpe`.
        error_radii_level: share of errors that the radii hold, such as 0.9; 0 without radii.
        detector: None where the server has none.
        most_poses, most_pixels, most_message_bytes: limits of a request.
    """

    model: Model
    joint_names: tuple[str, ...]
    schemas: Mapping[str, tuple[str, ...]]
    errors_mm: Mapping[str, float]
    error_radii: ErrorRadii | None
    error_radii_level: float
    detector: Model | None
    most_poses: int
    most_pixels: int
    most_message_bytes: int


def lift(
    keypoints: np.ndarray,
    visibility: np.ndarray | None = None,
    schema: str = "human36m",
    size: tuple[int, int] = (0, 0),
) -> Call[Lifted]:
    """2D keypoints to 3D joints.

    Args:
        keypoints: (poses, points, 2) px; the points of the schema, in its order.
        visibility: (poses, points), above 0.5 where a point is known; none: all are.
        schema: one of `Served.schemas`.
        size: width and height of the picture, which only models trained on pixels look at.
    """
    request = inference_pb2.LiftKeypointsRequest(
        schema=schema,
        keypoints=array_to_floats(keypoints, packed=True),
        visibility=None if visibility is None else array_to_floats(visibility, packed=True),
        width=size[0],
        height=size[1],
    )
    return Call(INFERENCE, "LiftKeypoints", request, _lifted)


def detect(image: FileContent, boxes: np.ndarray | None = None) -> Call[People]:
    """People of a picture in 2D; (people, 4) px boxes x0 y0 x1 y1 name those to look at."""
    request = inference_pb2.DetectPeopleRequest(image=content(image), boxes=boxes_messages(boxes))
    return Call(INFERENCE, "DetectPeople", request, _people)


def estimate(image: FileContent, boxes: np.ndarray | None = None) -> Call[People]:
    """People of a picture in 2D and 3D; boxes as for `detect`."""
    request = inference_pb2.EstimatePosesRequest(image=content(image), boxes=boxes_messages(boxes))
    return Call(INFERENCE, "EstimatePoses", request, _people)


def served() -> Call[Served]:
    """What is being served now."""
    return Call(INFERENCE, "GetModel", inference_pb2.GetModelRequest(), _served)


def refresh() -> Call[tuple[Model, bool]]:
    """Ask the registry for the champion now; the champion, and whether it is another one."""
    return Call(
        INFERENCE,
        "RefreshModel",
        inference_pb2.RefreshModelRequest(),
        lambda answer: (model_record(answer.model), answer.changed),
    )


def frame_request(number: int, image: FileContent) -> inference_pb2.StreamPosesRequest:
    """One frame of a stream."""
    return inference_pb2.StreamPosesRequest(frame=number, image=content(image))


def frame(answer: inference_pb2.StreamPosesResponse) -> Frame:
    """One answer of a stream."""
    people = None if answer.problem else _people(answer.poses)
    return Frame(answer.frame, people, answer.problem)


def content(image: FileContent) -> bytes:
    """The bytes of an image file.

    Raises:
        BadInput: the file cannot be read.
    """
    if isinstance(image, bytes):
        return image
    try:
        return Path(image).read_bytes()
    except OSError as error:
        raise BadInput(f"image {image}: {error.strerror}") from None


INFERENCE = inference_pb2_grpc.InferenceServiceStub


def boxes_messages(boxes: np.ndarray | None) -> list[common_pb2.Box]:
    """(people, 4) px boxes x0 y0 x1 y1 as messages."""
    if boxes is None:
        return []
    expect_shape("boxes", boxes, ("people", 4))
    return [common_pb2.Box(x0=x0, y0=y0, x1=x1, y1=y1) for x0, y0, x1, y1 in boxes.tolist()]


def _array(values: Iterable[float], *shape: int) -> np.ndarray:
    return np.array(values, np.float32).reshape(shape)


def model_record(message: common_pb2.Model) -> Model:
    """A network out of a message."""
    return Model(message.name, message.version, message.weight_hash)


def _radii(message: Any) -> ErrorRadii | None:
    if not message.error_radii_mm:
        return None
    return ErrorRadii(_array(message.error_radii_mm, -1), _array(message.hidden_error_radii_mm, -1))


def _lifted(answer: inference_pb2.LiftKeypointsResponse) -> Lifted:
    joints = floats_to_array(answer.joints, (17, 3))
    return Lifted(joints, model_record(answer.model), _radii(answer), tuple(answer.approximated))


def _people(
    answer: inference_pb2.DetectPeopleResponse | inference_pb2.EstimatePosesResponse,
) -> People:
    found = tuple(_person(person) for person in answer.people)
    given = found, answer.width, answer.height, model_record(answer.detector)
    if isinstance(answer, inference_pb2.DetectPeopleResponse):
        return People(*given)
    return People(*given, model_record(answer.model), _radii(answer))


def _person(message: common_pb2.Person) -> EstimatedPerson:
    box = message.box
    return EstimatedPerson(
        id=message.id,
        score=message.score,
        box=_array((box.x0, box.y0, box.x1, box.y1), 4),
        keypoints=_array(message.keypoints, 17, 2),
        confidence=_array(message.confidence, 17),
        visibility=_array(message.visibility, 17),
        known=np.array(message.known, bool),
        approximated=tuple(message.approximated),
        joints=_array(message.joints, 17, 3) if message.joints else None,
    )


def _served(answer: inference_pb2.GetModelResponse) -> Served:
    return Served(
        model=model_record(answer.model),
        joint_names=tuple(answer.joint_names),
        schemas={schema.name: tuple(schema.points) for schema in answer.schemas},
        errors_mm=dict(answer.errors_mm),
        error_radii=_radii(answer),
        error_radii_level=answer.error_radii_level,
        detector=model_record(answer.detector) if answer.HasField("detector") else None,
        most_poses=answer.most_poses,
        most_pixels=answer.most_pixels,
        most_message_bytes=answer.most_message_bytes,
    )
