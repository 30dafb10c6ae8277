"""COCO's annotations of people (Lin 2014, https://arxiv.org/abs/1405.0312), whatever wrote them.

A file names the points of its category; names that say side and part will do. Visibility 0 is not
labelled, 1 labelled and hidden, 2 in sight. Of what tools write otherwise, ids may be texts or
missing, and so may boxes, which then lie around the points.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.pose2d.samples.left_out import CROWD, NO_POINT, OTHER_CATEGORY
from evoskeleton.pose2d.samples.readers.annotation_file import (
    Shelf,
    entries,
    id_of,
    number,
    read_json,
)
from evoskeleton.pose2d.samples.readers.people_boxes import around_points
from evoskeleton.pose2d.samples.samples import PersonSample, Picture, Samples, samples_of

BOX_TO_AREA = 0.53
"""Area of a body for that of its box, where no outline is drawn: about COCO's mean."""

_PERSON = ("person", "people", "human")
_MOST_AREA = 1e12

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
    """Everybody with a labelled point; crowds, people without points and annotations of other
    categories are left out and counted.

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
    people, of_picture, left_out, drawn = [], [], Counter[str](), 0
    for at, entry in enumerate(entries(where, words, "annotations")):
        if (why := _unusable(entry, category)) is not None:
            left_out[why] += 1
            continue
        image = id_of(where, entry, "image_id")
        if image not in pictures:
            raise BadInput(f"{where}: there is no image {image} for an annotation")
        people.append(_person(where, entry, pictures[image], len(names), at))
        of_picture.append(place[image])
        drawn += _own_box(where, entry) is None
    found = samples_of(names, list(pictures.values()), people, of_picture, left_out)
    return replace(found, boxes_drawn=drawn)


def _category(where: str, words: Any) -> tuple[int | str, tuple[str, ...]]:
    """Id and points of the category that has points."""
    with_points = [each for each in entries(where, words, "categories") if each.get("keypoints")]
    people = [each for each in with_points if str(each.get("name")).lower() in _PERSON]
    chosen = people if len(people) == 1 else with_points
    if len(chosen) != 1:
        named = ", ".join(str(each.get("name"))[:40] for each in chosen[:6])
        there = f": {named}; call that of the people person" if named else ""
        raise BadInput(
            f"{where}: one category should have keypoints, {len(with_points)} have{there}"
        )
    names = chosen[0]["keypoints"]
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise BadInput(f"{where}: the keypoints of its category should be a list of names")
    return id_of(where, chosen[0], "id"), tuple(names)


def _pictures(where: str, words: Any, find: Callable[[str], str]) -> dict[int | str, Picture]:
    pictures: dict[int | str, Picture] = {}
    for entry in entries(where, words, "images"):
        name = entry.get("file_name")
        if not isinstance(name, str):
            raise BadInput(f"{where}: every image should have a file_name")
        size = (_size(entry.get("width")), _size(entry.get("height")))
        clip = next((str(entry[key]) for key in _CLIP_KEYS if entry.get(key) is not None), name)
        named = id_of(where, entry, "id")
        if named in pictures and pictures[named].name != name:
            raise BadInput(
                f"{where}: two images have the id {named}, {pictures[named].name}, {name}"
            )
        pictures[named] = Picture(find(name), name, clip, size)
    return pictures


def _size(value: Any) -> int:
    return int(value) if isinstance(value, int | float) and 0 < value < 1 << 31 else 0


def _unusable(entry: Mapping[str, Any], category: int | str) -> str | None:
    if entry.get("category_id", category) not in (category, str(category)):
        return OTHER_CATEGORY
    if entry.get("iscrowd"):
        return CROWD
    flat = entry.get("keypoints")
    if not flat or (isinstance(flat, list) and not any(flat[2::3])):
        return NO_POINT
    return None


def _person(
    where: str, entry: Mapping[str, Any], picture: Picture, count: int, at: int
) -> PersonSample:
    try:
        points = np.array(entry["keypoints"], np.float32).reshape(count, 3)
    except (ValueError, TypeError, OverflowError):
        raise BadInput(f"{where}: keypoints should be x y v for each of {count} points") from None
    labelled = (points[:, 2] > 0) & np.isfinite(points).all(axis=1)
    keypoints = np.where(labelled[:, None], points[:, :2], np.float32(np.nan))
    box = _own_box(where, entry)
    box = around_points(keypoints) if box is None else box
    area = entry.get("area")
    if not isinstance(area, int | float) or not 0 < area < _MOST_AREA:
        area = BOX_TO_AREA * float((box[2] - box[0]) * (box[3] - box[1]))
    visible = labelled & (points[:, 2] > 1)
    own = number(where, entry, "id") if isinstance(entry.get("id"), int | float) else at
    return PersonSample(picture, box, keypoints, labelled, visible, own, area, np.nan)


def _own_box(where: str, entry: Mapping[str, Any]) -> np.ndarray | None:
    """(4,) x0 y0 x1 y1 of x y width height; none where there is none, or an empty one."""
    given = entry.get("bbox")
    if not given:
        return None
    try:
        x, y, width, height = (float(value) for value in given)
    except (TypeError, ValueError):
        raise BadInput(f"{where}: bbox should be x y width height") from None
    if width <= 0 or height <= 0:
        return None
    return np.array([x, y, x + width, y + height], np.float32)
