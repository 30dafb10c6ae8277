"""What is answered, as messages: models, people, error radii."""

import numpy as np

from evoskeleton.annotation.generated import inference_pb2
from evoskeleton.annotation.generated.common_pb2 import Box, Model, Person
from evoskeleton.annotation.serving.champions import Champion
from evoskeleton.annotation.serving.detection_queue import ServedDetector
from evoskeleton.pose2d import detector as pose2d

Calibrated = (
    inference_pb2.LiftKeypointsResponse
    | inference_pb2.EstimatePosesResponse
    | inference_pb2.GetModelResponse
)


def model_message(known: Champion | ServedDetector) -> Model:
    """Which network it was."""
    return Model(name=known.name, version=known.version, weight_hash=known.weight_hash)


def put_radii(answer: Calibrated, champion: Champion) -> None:
    """Add the champion's error radii, where it has any."""
    if champion.radii is not None:
        answer.error_radii_mm.extend(champion.radii.seen.tolist())
        answer.hidden_error_radii_mm.extend(champion.radii.hidden.tolist())


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
