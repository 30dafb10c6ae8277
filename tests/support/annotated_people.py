"""Annotated pictures made for tests: dots of known colours where the keypoints are."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from evoskeleton.lifting.keypoints.keypoint_formats import COCO

COLOURS = np.array(
    [(40 + 50 * (at % 5), 40 + 50 * (at // 5 % 5), 250 - 45 * (at % 6)) for at in range(17)]
)
"""Of COCO's points, all different."""

GROUND = 128
_SHARES = np.array(
    [(0.5, 0.08), (0.56, 0.05), (0.44, 0.05), (0.62, 0.07), (0.38, 0.07), (0.72, 0.25),
     (0.28, 0.25), (0.85, 0.4), (0.15, 0.4), (0.9, 0.58), (0.1, 0.58), (0.65, 0.55),
     (0.35, 0.55), (0.68, 0.75), (0.32, 0.75), (0.7, 0.95), (0.3, 0.95)]
)  # fmt: skip
"""A person who faces the camera, as shares of the box."""


def person_points(box: tuple[float, float, float, float], chance: np.random.Generator) -> Any:
    """(17, 2) px of somebody in an x y width height box."""
    x, y, width, height = box
    shares = (_SHARES + chance.uniform(-0.05, 0.05, _SHARES.shape)).clip(0.02, 0.98)
    return np.array([x, y]) + shares * (width, height)


def write_pictures(folder: Path, count: int = 4, size: tuple[int, int] = (200, 240)) -> Path:
    """Pictures with one person each, and `annotations.json`."""
    (folder / "images").mkdir(parents=True)
    images, people = [], []
    for number in range(1, count + 1):
        chance = np.random.default_rng(number)
        box = (40.0 + 3 * number, 30.0, 110.0, 180.0)
        points = person_points(box, chance)
        picture = np.full((size[1], size[0], 3), GROUND, np.uint8)
        for colour, (x, y) in zip(COLOURS, points, strict=True):
            picture[int(y) - 4 : int(y) + 5, int(x) - 4 : int(x) + 5] = colour
        name = f"{number:03d}.png"
        Image.fromarray(picture).save(folder / "images" / name)
        images.append({"id": number, "file_name": name, "width": size[0], "height": size[1]})
        people.append(annotation(number, number, points, box))
    return write_coco(folder / "annotations.json", images, people)


def annotation(number: int, image: int, points: Any, box: Any, level: int = 2) -> dict[str, Any]:
    """One person of a COCO file."""
    flat = np.column_stack([points, np.full(len(points), level)]).ravel().tolist()
    return {
        "id": number, "image_id": image, "category_id": 1, "iscrowd": 0, "keypoints": flat,
        "bbox": list(box), "area": box[2] * box[3] / 2, "num_keypoints": len(points),
    }  # fmt: skip


def write_coco(path: Path, images: Any, people: Any, names: Any = COCO) -> Path:
    """A COCO file."""
    categories = [{"id": 1, "name": "person", "keypoints": list(names)}]
    words = {"images": images, "annotations": people, "categories": categories}
    path.write_text(json.dumps(words))
    return path
