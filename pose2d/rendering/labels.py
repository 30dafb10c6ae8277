"""What is written of a person in a picture: keypoints, what hides them, box, area, outline."""

from dataclasses import dataclass

import cv2
import numpy as np

from evoskeleton.evolution.skeleton import Joint
from evoskeleton.pose2d.rendering.looks.dressed import Dressed
from evoskeleton.pose2d.rendering.scene.camera import Camera

LEAST_PIXELS = 40
"""Of a person, below which nobody could tell that somebody is there."""

_COCO_JOINTS = (
    Joint.LSHOULDER, Joint.RSHOULDER, Joint.LELBOW, Joint.RELBOW, Joint.LWRIST, Joint.RWRIST,
    Joint.LHIP, Joint.RHIP, Joint.LKNEE, Joint.RKNEE, Joint.LFOOT, Joint.RFOOT,
)  # fmt: skip

_DEEP = {
    Joint.HIP: 175.0, Joint.RHIP: 150.0, Joint.LHIP: 150.0, Joint.RKNEE: 85.0, Joint.LKNEE: 85.0,
    Joint.RFOOT: 75.0, Joint.LFOOT: 75.0, Joint.SPINE: 185.0, Joint.THORAX: 170.0,
    Joint.NECK: 120.0, Joint.HEAD: 125.0, Joint.LSHOULDER: 95.0, Joint.RSHOULDER: 95.0,
    Joint.LELBOW: 70.0, Joint.RELBOW: 70.0, Joint.LWRIST: 60.0, Joint.RWRIST: 60.0,
}  # fmt: skip
"""How deep below its own skin and clothes a joint may lie, mm."""

_SKIN_DEEP = 26.0
_OUTLINE_PX = 0.7
NOT_LABELLED, HIDDEN, VISIBLE = 0, 1, 2


@dataclass(frozen=True)
class Seen:
    """What a picture shows, pixel by pixel.

    Attributes:
        owner: (height, width) int16: number of the person, or -1.
        depth: (height, width) float32 mm to the nearest surface; infinite where nothing is.
    """

    owner: np.ndarray
    depth: np.ndarray


@dataclass(frozen=True)
class PersonLabel:
    """One person of a picture.

    Attributes:
        keypoints: (points, 2) float64 px.
        visibility: (points,) int, as COCO has it.
        box: x y width height px of what can be seen.
        area: px that can be seen.
        outline: polygons x y x y ... of what can be seen.
        joints: (17, 3) camera mm.
        pose: which of the poses it is.
    """

    keypoints: np.ndarray
    visibility: np.ndarray
    box: tuple[float, float, float, float]
    area: float
    outline: list[list[float]]
    joints: np.ndarray
    pose: int


def label(
    person: Dressed, number: int, pose: int, camera: Camera, seen: Seen, schema: str
) -> PersonLabel | None:
    """The label of a person; none of one who can hardly be seen."""
    mask = seen.owner == number
    area = int(np.count_nonzero(mask))
    if area < LEAST_PIXELS:
        return None
    points, deep = _points(person, schema)
    in_camera = camera.in_camera(points)
    keypoints = camera.project(in_camera)
    visibility = _visibility(keypoints, in_camera[:, 2], deep * person.size, number, camera, seen)
    joints = camera.in_camera(person.joints)
    return PersonLabel(keypoints, visibility, _box(mask), float(area), _outline(mask), joints, pose)


def _points(person: Dressed, schema: str) -> tuple[np.ndarray, np.ndarray]:
    """Points (points, 3) world mm of a schema, and how deep below its skin each may lie, mm."""
    if schema == "h36m":
        return person.joints, np.array([_DEEP[joint] for joint in Joint])
    joints = list(_COCO_JOINTS)
    deep = [_SKIN_DEEP] * len(person.face) + [_DEEP[joint] for joint in joints]
    return np.concatenate([person.face, person.joints[joints]]), np.array(deep)


def _visibility(
    keypoints: np.ndarray,
    depth: np.ndarray,
    deep: np.ndarray,
    number: int,
    camera: Camera,
    seen: Seen,
) -> np.ndarray:
    """Outside of the picture: not labelled; behind somebody, something or oneself: hidden."""
    width, height = camera.size
    inside = (keypoints >= 0).all(axis=1) & (keypoints < (width, height)).all(axis=1) & (depth > 0)
    column, row = np.where(inside[:, None], keypoints, 0.0).astype(int).T
    nearest, owner = seen.depth[row, column], seen.owner[row, column]
    hidden = np.where(owner == number, nearest < depth - deep, nearest < depth)
    return np.where(inside, np.where(hidden, HIDDEN, VISIBLE), NOT_LABELLED)


def _box(mask: np.ndarray) -> tuple[float, float, float, float]:
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    x, y = float(columns[0]), float(rows[0])
    return x, y, float(columns[-1]) + 1.0 - x, float(rows[-1]) + 1.0 - y


def _outline(mask: np.ndarray) -> list[list[float]]:
    """Polygons around the parts that can be seen; specks are left out."""
    found, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    polygons = [cv2.approxPolyDP(each, _OUTLINE_PX, True).reshape(-1, 2) + 0.5 for each in found]
    return [polygon.ravel().tolist() for polygon in polygons if len(polygon) >= 3]
