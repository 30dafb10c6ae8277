"""COCO's annotations of people (Lin 2014, https://arxiv.org/abs/1405.0312), whatever wrote them.

A file names the points of its category; names that say side and part will do. Visibility 0 is not
labelled, 1 labelled and hidden, 2 in sight.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.pose2d.samples.left_out import CROWD, NO_POINT
from evoskeleton.pose2d.samples.readers.annotation_file import Shelf, entries, number, read_json
from evoskeleton.pose2d.samples.readers.people_boxes import around_points
from evoskeleton.pose2d.samples.samples import PersonSample, Picture, Samples, samples_of

BOX_TO_AREA = 0.53
"""Area of a body for that of its box, where no outline is drawn: about COCO's mean."""

_CLIP_KEYS = ("clip", "video_id", "vid_id", "seq_name", "sequence")


def matches(words: Any) -> bool:
    """Whether what a JSON file holds is of this kind."""
    return isinstance(words, dict) and "annotations" in words and "images" in words


def read_coco_people(
    path: Path,
    shelves: Sequence[Path] = (),
    words: Any = None,
    find: Callable[[str], str] | None = None,
) -> Samples:
    """Everybody with a labelled point; crowds and people without points are left out.

    Args:
        path: the file.
        shelves: folders of pictures that are looked into first.
        words: what the file holds, where it was read already.
        find: gives the path of a picture by its name; none: the file's own surroundings.

    Raises:
        BadInput: it is no such file, or an entry does not fit.
    """
    words, where = read_json(path) if words is None else words, f"COCO file {path}"
    find = find or Shelf.beside(path, shelves).find
    category, names = _category(where, words)
    pictures = _pictures(where, words, find)
    place = {image: at for at, image in enumerate(pictures)}
    people, of_picture, left_out = [], [], Counter[str]()
    for entry in entries(where, words, "annotations"):
        if entry.get("category_id", category) != category:
            continue
        if (why := _unusable(entry)) is not None:
            left_out[why] += 1
            continue
        image = number(where, entry, "image_id")
        if image not in pictures:
            raise BadInput(f"{where}: there is no image {image} for an annotation")
        people.append(_person(where, entry, pictures[image], len(names)))
        of_picture.append(place[image])
    return samples_of(names, list(pictures.values()), people, of_picture, left_out)


def _category(where: str, words: Any) -> tuple[int, tuple[str, ...]]:
    """Id and points of the category that has points."""
    with_points = [each for each in entries(where, words, "categories") if each.get("keypoints")]
    people = [each for each in with_points if each.get("name") == "person"]
    chosen = people if len(people) == 1 else with_points
    if len(chosen) != 1:
        raise BadInput(f"{where}: one category should have keypoints, {len(with_points)} have")
    names = chosen[0]["keypoints"]
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise BadInput(f"{where}: the keypoints of its category should be a list of names")
    return number(where, chosen[0], "id"), tuple(names)


def _pictures(where: str, words: Any, find: Callable[[str], str]) -> dict[int, Picture]:
    pictures = {}
    for entry in entries(where, words, "images"):
        name = entry.get("file_name")
        if not isinstance(name, str):
            raise BadInput(f"{where}: every image should have a file_name")
        size = (_size(entry.get("width")), _size(entry.get("height")))
        clip = next((str(entry[key]) for key in _CLIP_KEYS if entry.get(key) is not None), name)
        pictures[number(where, entry, "id")] = Picture(find(name), name, clip, size)
    return pictures


def _size(value: Any) -> int:
    return int(value) if isinstance(value, int | float) and 0 < value < 1 << 31 else 0


def _unusable(entry: Mapping[str, Any]) -> str | None:
    if entry.get("iscrowd"):
        return CROWD
    flat = entry.get("keypoints")
    if not flat or (isinstance(flat, list) and not any(flat[2::3])):
        return NO_POINT
    return None


def _person(where: str, entry: Mapping[str, Any], picture: Picture, count: int) -> PersonSample:
    try:
        points = np.array(entry["keypoints"], np.float32).reshape(count, 3)
    except (ValueError, TypeError, OverflowError):
        raise BadInput(f"{where}: keypoints should be x y v for each of {count} points") from None
    labelled = (points[:, 2] > 0) & np.isfinite(points).all(axis=1)
    keypoints = np.where(labelled[:, None], points[:, :2], np.float32(np.nan))
    box = _box(where, entry, keypoints)
    area = entry.get("area")
    if not isinstance(area, int | float) or not area > 0:
        area = BOX_TO_AREA * float((box[2] - box[0]) * (box[3] - box[1]))
    visible = labelled & (points[:, 2] > 1)
    number_ = number(where, entry, "id")
    return PersonSample(picture, box, keypoints, labelled, visible, number_, area, np.nan)


def _box(where: str, entry: Mapping[str, Any], keypoints: np.ndarray) -> np.ndarray:
    """x0 y0 x1 y1 of x y width height; around the points where there is none."""
    given = entry.get("bbox")
    if not given:
        return around_points(keypoints)
    try:
        x, y, width, height = (float(value) for value in given)
    except (TypeError, ValueError):
        raise BadInput(f"{where}: bbox should be x y width height") from None
    if width <= 0 or height <= 0:
        return around_points(keypoints)
    return np.array([x, y, x + width, y + height], np.float32)
