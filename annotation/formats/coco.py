"""COCO keypoint files in and out (Lin 2014, https://arxiv.org/abs/1405.0312).

A file names the points of its category. Those of COCO's 17 and of Human3.6M's 17 are known, and are
the keypoint schemas that a project may have, so that nothing is lost on the way in or out. Ids of
images and annotations are kept; what was never in a file gets the numbers after the largest that
the project knows, whatever of it is written.
"""

import itertools
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from evoskeleton.annotation.domain.annotated_person import AnnotatedPerson
from evoskeleton.annotation.domain.keypoint_schemas import DEFAULT, IN_PROJECTS
from evoskeleton.annotation.domain.records import AnnotationImage, Revision
from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import BONES, JOINT_NAMES
from evoskeleton.lifting.keypoints.keypoint_formats import COCO, human36m_to_coco

POINTS = dict(zip(IN_PROJECTS, (JOINT_NAMES, COCO), strict=True))
"""Names of the points in a file by keypoint schema."""

_COCO_SKELETON = (
    (16, 14), (14, 12), (17, 15), (15, 13), (12, 13), (6, 12), (7, 13), (6, 7), (6, 8), (7, 9),
    (8, 10), (9, 11), (2, 3), (1, 2), (1, 3), (2, 4), (3, 5), (4, 6), (5, 7),
)  # fmt: skip
SKELETONS = {
    DEFAULT: tuple((int(start) + 1, int(end) + 1) for start, end in BONES),
    "coco": _COCO_SKELETON,
}
"""Edges of a drawing by keypoint schema, places of points from 1 on."""


@dataclass(frozen=True)
class CocoImage:
    """One image of a file, and its people as plain data for `people.people_from_words`."""

    id: int
    name: str
    width: int
    height: int
    people: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class CocoFile:
    """What a file holds.

    Attributes:
        keypoints: schema of its points.
        images: in the file's order.
        without_points: annotations that have no keypoints, which are left out.
    """

    keypoints: str
    images: list[CocoImage]
    without_points: int


# In


def has_points_of_projects(data: bytes) -> bool:
    """Whether a file is COCO's, with points that a project may have; never raises."""
    try:
        words = json.loads(data)
        return "annotations" in words and bool(_category(words))
    except (ValueError, TypeError, RecursionError):
        return False


def read_coco(data: bytes) -> CocoFile:
    """The keypoints of a file.

    Raises:
        BadInput: it is no JSON or no COCO keypoint file, its points are of no known schema, or an
            entry does not fit.
    """
    try:
        words = json.loads(data)
    except (ValueError, RecursionError):
        raise BadInput("a COCO file should be JSON, it is not") from None
    category, keypoints = _category(words)
    images: dict[int, CocoImage] = {}
    for entry in _entries(words, "images"):
        image = _image(entry)
        if image.id in images:
            raise BadInput(f"COCO file: two images have id {image.id}")
        images[image.id] = image
    _refuse_twice("images have the name", [image.name for image in images.values()])
    left_out = _deal(_entries(words, "annotations"), category, images)
    return CocoFile(keypoints, list(images.values()), left_out)


def _category(words: Any) -> tuple[int, str]:
    """Id and keypoint schema of the category that has points."""
    with_points = [entry for entry in _entries(words, "categories") if entry.get("keypoints")]
    if len(with_points) != 1:
        raise BadInput(
            f"COCO file: one category should have keypoints, {len(with_points)} of them have"
        )
    names = with_points[0]["keypoints"]
    for schema, points in POINTS.items():
        if names == list(points):
            return _number(with_points[0], "id"), schema
    raise BadInput(
        "COCO file: the keypoints of its category should be named as COCO's 17 or Human3.6M's 17 "
        "are, in their order"
    )


def _entries(words: Any, name: str) -> list[dict[str, Any]]:
    found = words.get(name) if isinstance(words, dict) else None
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise BadInput(f"COCO file: {name} should be a list of objects")
    return found


def _image(entry: dict[str, Any]) -> CocoImage:
    name = entry.get("file_name")
    if not isinstance(name, str):
        raise BadInput("COCO file: every image should have a file_name")
    numbers = (_number(entry, key) for key in ("id", "width", "height"))
    number, width, height = numbers
    return CocoImage(number, name, width, height)


def _number(entry: dict[str, Any], key: str) -> int:
    """A whole number, also one that was written as 640.0."""
    value = entry.get(key)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 63:
        raise BadInput(f"COCO file: {key} should be a whole number, got {str(value)[:40]}")
    return value


def _deal(entries: Iterable[dict[str, Any]], category: int, images: dict[int, CocoImage]) -> int:
    """Give every annotation to its image; how many have no keypoints."""
    left_out, ids = 0, []
    for entry in entries:
        if entry.get("category_id") != category or not entry.get("keypoints"):
            left_out += 1
            continue
        image = images.get(_number(entry, "image_id"))
        if image is None:
            raise BadInput(f"COCO file: there is no image {entry['image_id']} for an annotation")
        ids.append(_number(entry, "id"))
        image.people.append(_person_words(entry, len(image.people)))
    _refuse_twice("annotations have id", ids)
    return left_out


def _refuse_twice(what: str, values: Sequence[Any]) -> None:
    seen: set[Any] = set()
    for value in values:
        if value in seen:
            raise BadInput(f"COCO file: two {what} {value}")
        seen.add(value)


def _person_words(entry: dict[str, Any], number: int) -> dict[str, Any]:
    where, flat = f"COCO file, annotation {entry['id']}", entry["keypoints"]
    if not isinstance(flat, list) or len(flat) % 3:
        raise BadInput(f"{where}: keypoints should be x y v for each point")
    words: dict[str, Any] = {
        "id": number,
        "keypoints": [flat[at : at + 2] for at in range(0, len(flat), 3)],
        "visibility": flat[2::3],
        "coco": {"id": _number(entry, "id"), "iscrowd": entry.get("iscrowd", 0)},
    }
    if entry.get("segmentation"):
        words["coco"]["segmentation"] = json.dumps(entry["segmentation"], separators=(",", ":"))
    if "area" in entry:
        words["coco"]["area"] = entry["area"]
    if (box := entry.get("bbox")) is not None:
        words["box"] = _corners(where, box)
    return words


def _corners(where: str, box: Any) -> list[float] | None:
    """x0 y0 x1 y1 of x y width height; none of a box without a size."""
    numbers = isinstance(box, list) and all(isinstance(value, int | float) for value in box)
    if not numbers or len(box) != 4:
        raise BadInput(f"{where}: bbox should be x y width height")
    x, y, width, height = box
    return [x, y, x + width, y + height] if width > 0 and height > 0 else None


# Out


def write_coco(
    annotated: Sequence[tuple[AnnotationImage, Revision]],
    keypoints: str,
    written: str | None = None,
    taken: tuple[int, int] = (0, 0),
    others: Sequence[AnnotationImage] = (),
) -> bytes:
    """A file of images and the people in them.

    Args:
        annotated: images with the revisions to write.
        keypoints: schema of the revisions.
        written: schema of the file; none: the same. Human3.6M's points can be written as COCO's,
            of which the twelve that both have are annotated.
        taken: the largest ids of images and people that are not free, beside those that are
            written; see `AnnotationStore.largest_coco_ids`.
        others: images without people to list as well, such as those that came from a file so.

    Raises:
        BadInput: the points of the schema cannot be written so.
    """
    written = written or keypoints
    if written not in POINTS or (keypoints, written) == ("coco", DEFAULT):
        raise BadInput(f"keypoints {keypoints} cannot be written to COCO as {written}")
    people = [(image, person) for image, revision in annotated for person in revision.people]
    images = [image for image, _ in annotated] + list(others)
    image_ids = _ids([image.coco_id for image in images], taken[0])
    of_image = {image.id: number for image, number in zip(images, image_ids, strict=True)}
    person_ids = _ids([person.coco.id if person.coco else None for _, person in people], taken[1])
    words = {
        "info": {"description": "annotated with evoskeleton"},
        "images": [
            {"id": of_image[image.id], "file_name": image.name}
            | {"width": image.width, "height": image.height}
            for image in images
        ],
        "categories": [
            {"id": 1, "name": "person", "supercategory": "person"}
            | {"keypoints": POINTS[written], "skeleton": SKELETONS[written]}
        ],
        "annotations": [
            {"id": number, "image_id": of_image[image.id], "category_id": 1}
            | _annotation(person, written if written != keypoints else None)
            for (image, person), number in zip(people, person_ids, strict=True)
        ],
    }
    return json.dumps(words).encode()


def _ids(known: Sequence[int | None], largest: int) -> list[int]:
    """Known ids, and for the others the numbers that follow on the largest; all different."""
    taken = [number for number in known if number is not None]
    free, seen = itertools.count(max([largest, *taken]) + 1), set()
    ids = []
    for number in known:
        ids.append(next(free) if number is None or number in seen else number)
        seen.add(number)
    return ids


def _annotation(person: AnnotatedPerson, written: str | None) -> dict[str, Any]:
    points, visibility = np.array(person.keypoints), np.array(person.visibility)
    if written == "coco":
        points, visibility = _as_coco(points, visibility)
    points = np.where(visibility[:, None] > 0, points, 0.0)
    box = _box(person, points[visibility > 0])
    area = person.coco.area if person.coco and person.coco.area is not None else box[2] * box[3]
    outline = person.coco.segmentation if person.coco else None
    more = {} if outline is None else {"segmentation": json.loads(outline)}
    return more | {
        "keypoints": [
            number
            for (x, y), v in zip(points.tolist(), visibility.tolist(), strict=True)
            for number in (x, y, v)
        ],
        "num_keypoints": int((visibility > 0).sum()),
        "bbox": box,
        "area": area,
        "iscrowd": person.coco.iscrowd if person.coco else 0,
    }


def _as_coco(points: np.ndarray, visibility: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Human3.6M's points as COCO's; the five of the face are not annotated."""
    converted, known = human36m_to_coco(points[None].astype(np.float64))
    levels = np.repeat(visibility[:, None], 2, axis=1).astype(np.float64)
    seen = np.nan_to_num(human36m_to_coco(levels[None])[0][0, :, 0]).astype(int)
    return np.nan_to_num(converted[0]).astype(np.float64), np.where(known[0], seen, 0)


def _box(person: AnnotatedPerson, points: np.ndarray) -> list[float]:
    """x y width height as drawn, or else around the annotated points."""
    if person.box is not None:
        x0, y0, x1, y1 = person.box
    elif len(points):
        (x0, y0), (x1, y1) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    else:
        return [0.0, 0.0, 0.0, 0.0]
    return [x0, y0, x1 - x0, y1 - y0]
