"""RefitBody and CheckBodies: what is asked for, checked, and what is answered."""

import math
from collections.abc import Sequence

import numpy as np

from evoskeleton.annotation.domain.annotated_person import MOST_PEOPLE
from evoskeleton.annotation.domain.keypoint_schemas import known_schema
from evoskeleton.annotation.generated import annotation_pb2 as pb
from evoskeleton.annotation.serving.refits import RefitAsked, assumed_focal_px
from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import BONES, JOINT_NAMES
from evoskeleton.lifting.keypoints.plausible_keypoints import MOST_PX
from evoskeleton.lifting.model_fit.fitted_bodies import BodyChecks, FittedBodies
from evoskeleton.lifting.model_fit.refit import MOST_BODIES

_HEIGHT_MM, _HEIGHTS_MM = 1700.0, (500.0, 3000.0)
_MOST_MM = 100_000.0
_FOCALS = 0.1, 100.0
"""Focal lengths that are believed, as shares of the longer side."""


def refit_of(request: pb.RefitBodyRequest, width: int, height: int, schema: str) -> RefitAsked:
    """What a request asks for, of a picture of width x height px.

    Raises:
        BadInput: a number or a length is not allowed.
    """
    if not (0 < width <= MOST_PX and 0 < height <= MOST_PX):
        raise BadInput(f"width and height should be 1 to {MOST_PX:,} px, got {width} x {height}")
    points, known = _keypoints(request, schema)
    body = _height(request)
    if request.most > MOST_BODIES:
        raise BadInput(f"most should be {MOST_BODIES} bodies at most, got {request.most}")
    return RefitAsked(
        points, known, width, height, _focal(request.focal_px, width, height), body,
        _start(request), _depth_order(request), request.most or MOST_BODIES,
    )  # fmt: skip


def _keypoints(request: pb.RefitBodyRequest, name: str) -> tuple[np.ndarray, np.ndarray]:
    """(17, 2) px and (17,) in Human3.6M order."""
    schema = known_schema(name)
    wanted = len(schema.names)
    for field, given, numbers in (
        ("keypoints", len(request.keypoints), 2 * wanted),
        ("visibility", len(request.visibility), wanted),
    ):
        if given != numbers:
            raise BadInput(f"{field} should be {numbers} numbers, got {given}")
    if any(level > 2 for level in request.visibility):
        raise BadInput("visibility should be 0, 1 or 2")
    points = np.array(request.keypoints).reshape(wanted, 2)
    known = (np.array(request.visibility) > 0).astype(np.float64)
    if not (np.abs(points[known > 0]) <= MOST_PX).all():
        raise BadInput(f"keypoints should be within {MOST_PX:,} px")
    points = np.where(known[:, None] > 0, points, 0.0)
    joints, visible = schema.to_human36m(points[None], known[None])
    return np.asarray(joints[0], np.float64), np.asarray(visible[0], np.float64)


def _focal(asked: float, width: int, height: int) -> float:
    if asked == 0:
        return assumed_focal_px(width, height)
    longer = max(width, height)
    least, most = (share * longer for share in _FOCALS)
    if not least <= asked <= most:
        raise BadInput(f"focal_px should be {least:g} to {most:g} in this picture, got {asked:g}")
    return asked


def _height(request: pb.RefitBodyRequest | pb.Body) -> float:
    body = request.body_height_mm if request.HasField("body_height_mm") else _HEIGHT_MM
    if not _HEIGHTS_MM[0] <= body <= _HEIGHTS_MM[1]:
        raise BadInput(f"body_height_mm should be 500 to 3000, got {body:g}")
    return body


def _start(request: pb.RefitBodyRequest) -> np.ndarray | None:
    return _joints("start", request.start) if request.start else None


def _joints(name: str, given: Sequence[float]) -> np.ndarray:
    """(17, 3) mm."""
    numbers = 3 * len(JOINT_NAMES)
    if len(given) != numbers:
        raise BadInput(f"{name} should be {numbers} numbers, got {len(given)}")
    if not all(math.fabs(number) <= _MOST_MM for number in given):
        raise BadInput(f"{name} should be within {_MOST_MM:,.0f} mm")
    return np.array(given).reshape(-1, 3)


def _depth_order(request: pb.RefitBodyRequest) -> np.ndarray | None:
    if not request.depth_order:
        return None
    given = list(request.depth_order)
    if len(given) != len(BONES) or any(abs(number) > 1 for number in given):
        raise BadInput(f"depth_order should be {len(BONES)} numbers of -1, 0 or 1")
    return np.array(given)


def bodies_of(request: pb.CheckBodiesRequest) -> tuple[np.ndarray, np.ndarray]:
    """(k, 17, 3) mm and (k,) mm, the bodies that a request asks about, and how tall they are.

    Raises:
        BadInput: there are too many, or a number or a length is not allowed.
    """
    bodies = request.bodies
    if len(bodies) > MOST_PEOPLE:
        raise BadInput(f"bodies should be {MOST_PEOPLE} at most, got {len(bodies)}")
    joints = [_joints(f"joints of body {at}", body.joints) for at, body in enumerate(bodies)]
    return np.array(joints).reshape(-1, 17, 3), np.array([_height(body) for body in bodies])


def check_messages(found: BodyChecks) -> list[pb.BodyCheck]:
    """What was found of each body as messages."""
    return [
        pb.BodyCheck(limit_margin_deg=margins.tolist(), bone_sigma=sigma.tolist())
        for margins, sigma in zip(found.limit_margin_deg, found.bone_sigma, strict=True)
    ]


def fitted_messages(found: FittedBodies) -> list[pb.FittedBody]:
    """Bodies as messages."""
    return [
        pb.FittedBody(
            joints=found.joints[row].ravel().tolist(),
            cost=found.costs[row],
            reprojection_px=found.reprojection_px[row],
            root=found.roots[row].tolist(),
            bone_sigma=found.bone_sigma[row].tolist(),
            limit_margin_deg=found.limit_margin_deg[row].tolist(),
            flips=found.flips[row].tolist(),
            converged=found.converged[row],
        )
        for row in range(len(found.joints))
    ]
