"""Human3.6M crops as EvoSkeleton lays them out: pictures, and an `.npy` file of dictionaries.

`h36m_annot_train.npy` and `h36m_annot_test.npy` hold an entry a picture: `path` of the cropped
picture, and `p_2d`, (17, 2) px in it, in Human3.6M order
(https://github.com/Nicholasli1995/EvoSkeleton, libs/dataset/h36m). A crop is the person with some
room around. The file is read without running what a pickle may name.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import JOINT_NAMES
from evoskeleton.pose2d.heatmap.person_crops import MARGIN
from evoskeleton.pose2d.samples.picture_sizes import size_of
from evoskeleton.pose2d.samples.readers.annotation_file import Shelf
from evoskeleton.pose2d.samples.readers.coco import BOX_TO_AREA
from evoskeleton.pose2d.samples.readers.people_boxes import around_middle, around_points
from evoskeleton.pose2d.samples.samples import PersonSample, Picture, Samples, samples_of
from evoskeleton.safe_npy import load_object

_SUBJECT = re.compile(r"(?:^|[/_])(S\d{1,2})(?=[/_.])")


def read_human36m_crops(path: Path, shelves: Sequence[Path] = ()) -> Samples:
    """One person a crop.

    Raises:
        BadInput: it is no such file.
    """
    records = load_object(path)
    records = records.ravel().tolist() if isinstance(records, np.ndarray) else records
    if not isinstance(records, list) or not all(isinstance(each, dict) for each in records):
        raise BadInput(f"{path} should hold a dictionary for each crop, with path and p_2d")
    shelf = Shelf.beside(path, shelves)
    people = [_person(path, at, record, shelf) for at, record in enumerate(records)]
    pictures = [person.picture for person in people]
    return samples_of(JOINT_NAMES, pictures, people, range(len(people)))


def _person(path: Path, at: int, record: dict[str, Any], shelf: Shelf) -> PersonSample:
    name = record.get("path")
    try:
        keypoints = np.array(record.get("p_2d"), np.float32).reshape(len(JOINT_NAMES), 2)
    except (TypeError, ValueError):
        raise BadInput(f"{path}: p_2d of crop {at} should be {len(JOINT_NAMES)} points") from None
    if not isinstance(name, str):
        raise BadInput(f"{path}: path of crop {at} should be a text")
    found = shelf.find(name)
    size = size_of(found) or (0, 0)
    picture = Picture(found, name, _clip(name), size)
    labelled = np.all(np.isfinite(keypoints), axis=1)
    box = _box(size, keypoints)
    area = BOX_TO_AREA * float(np.prod(box[2:] - box[:2]))
    return PersonSample(picture, box, keypoints, labelled, labelled, at, area, np.nan)


def _box(size: tuple[int, int], keypoints: np.ndarray) -> np.ndarray:
    """What makes the whole crop the region that a network looks at."""
    width, height = size
    if not width or not height:
        return around_points(keypoints)
    return around_middle(np.array([width, height]) / 2.0, width / MARGIN, height / MARGIN)


def _clip(name: str) -> str:
    """The subject, whom all of a split's crops share; else the name without its frame number."""
    subject = _SUBJECT.search(name)
    return subject[1] if subject else re.sub(r"[_.\-]?\d+$", "", name.rsplit(".", 1)[0])
