"""Rendered people as the words of a COCO keypoint file (Lin 2014, https://arxiv.org/abs/1405.0312).

Beside COCO's own names, which any reader takes, stands what only a rendered picture knows: the
camera of an image (`camera`) and the clip that its first person was recorded in (`clip`), and of a
person the number of the pose (`pose`) and the 17 joints in the camera's frame (`joints_mm`).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from evoskeleton.evolution.skeleton import BONES, JOINT_NAMES
from evoskeleton.lifting.keypoints.keypoint_formats import COCO
from evoskeleton.pose2d.rendering.labels import PersonLabel
from evoskeleton.pose2d.rendering.picture import Picture
from evoskeleton.pose2d.rendering.scene.camera import Camera
from evoskeleton.pose2d.rendering.settings import RenderSettings

_NAMES = {"coco": COCO, "h36m": JOINT_NAMES}
_COCO_EDGES = (
    (16, 14), (14, 12), (17, 15), (15, 13), (12, 13), (6, 12), (7, 13), (6, 7), (6, 8), (7, 9),
    (8, 10), (9, 11), (2, 3), (1, 2), (1, 3), (2, 4), (3, 5), (4, 6), (5, 7),
)  # fmt: skip
_EDGES = {"coco": _COCO_EDGES, "h36m": tuple((int(a) + 1, int(b) + 1) for a, b in BONES)}


def image_words(number: int, name: str, picture: Picture, clip: str) -> dict[str, Any]:
    """An entry of `images`; `clip`, where there is one, keeps a clip's pictures together."""
    height, width = picture.pixels.shape[:2]
    words = {"id": number, "file_name": name, "width": width, "height": height}
    words |= {"clip": clip} if clip else {}
    return words | {"camera": _camera_words(picture.camera)}


def _camera_words(camera: Camera) -> dict[str, Any]:
    names = ("rotation", "position", "focal", "center", "radial", "tangential")
    return {name: np.round(getattr(camera, name), 6).tolist() for name in names}


def person_words(person: PersonLabel) -> dict[str, Any]:
    """An entry of `annotations` but for its ids."""
    points = np.where(person.visibility[:, None] > 0, np.round(person.keypoints, 2), 0.0)
    flat = np.concatenate([points, person.visibility[:, None]], axis=1).ravel().tolist()
    flat[2::3] = [int(v) for v in flat[2::3]]
    return {
        "category_id": 1,
        "keypoints": flat,
        "num_keypoints": int((person.visibility > 0).sum()),
        "bbox": list(person.box),
        "area": person.area,
        "segmentation": person.outline,
        "iscrowd": 0,
        "pose": person.pose,
        "joints_mm": np.round(person.joints, 1).tolist(),
    }


def whole_words(
    settings: RenderSettings, entries: Sequence[tuple[dict[str, Any], list[dict[str, Any]]]]
) -> dict[str, Any]:
    """A whole file of images and their people."""
    annotations: list[dict[str, Any]] = []
    for image, people in entries:
        for person in people:
            ids = {"id": len(annotations) + 1, "image_id": image["id"]}
            annotations.append(ids | person)
    category = {"id": 1, "name": "person", "supercategory": "person"}
    points = {"keypoints": _NAMES[settings.keypoints], "skeleton": _EDGES[settings.keypoints]}
    return {
        "info": {
            "description": "people rendered with evoskeleton",
            "settings": settings.model_dump(mode="json"),
        },
        "images": [image for image, _ in entries],
        "categories": [category | points],
        "annotations": annotations,
    }
