"""MPII Human Pose annotations (Andriluka 2014, https://doi.org/10.1109/CVPR.2014.471).

Two forms: `mpii_human_pose_v1_u12_1.mat` as it is published, and the JSON lists that training codes
made of it (`image`, `center`, `scale`, `joints`, `joints_vis`). A person's box is a square of
200 px times `scale` around the centre, which is moved down by 15 px times `scale`, as these codes
do. Points count from 1, as MATLAB does. The head's length, which PCKh divides by, is 0.6 times the
diagonal of its rectangle; a list has no rectangles, and the way from neck to top stands for it.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.lifting.keypoints.layouts import LAYOUTS
from evoskeleton.pose2d.samples.left_out import NO_POINT
from evoskeleton.pose2d.samples.readers.annotation_file import Shelf, read_json
from evoskeleton.pose2d.samples.readers.coco import BOX_TO_AREA
from evoskeleton.pose2d.samples.readers.people_boxes import around_middle, around_points
from evoskeleton.pose2d.samples.samples import PersonSample, Picture, Samples, samples_of
from evoskeleton.safe_mat import load_structs

NAMES = LAYOUTS["mpii"].names
_NECK, _TOP = NAMES.index("upper_neck"), NAMES.index("head_top")
_SIDE_PX, _DOWN_PX, _HEAD_SHARE = 200.0, 15.0, 0.6
_FIRST_PIXEL = 0.5
"""Where MATLAB's pixel 1 has its middle."""


def matches(words: Any) -> bool:
    """Whether what a JSON file holds is such a list."""
    first = words[0] if isinstance(words, list) and words else None
    return isinstance(first, dict) and {"image", "joints", "center", "scale"} <= first.keys()


def read_mpii_list(path: Path, shelves: Sequence[Path] = (), words: Any = None) -> Samples:
    """The people of a JSON list.

    Raises:
        BadInput: it is no such list.
    """
    words, where = read_json(path) if words is None else words, f"MPII file {path}"
    if not matches(words):
        raise BadInput(f"{where} should be a list of people with image, joints, center and scale")
    return _samples((_of_list(where, at, entry) for at, entry in enumerate(words)), path, shelves)


def read_mpii_mat(path: Path, shelves: Sequence[Path] = ()) -> Samples:
    """The people of the published file whose points are public.

    Raises:
        BadInput: it is no such file.
    """
    release = load_structs(path, ["RELEASE"])["RELEASE"]
    where = f"MPII file {path}"
    if not isinstance(release, dict) or "annolist" not in release:
        raise BadInput(f"{where}: RELEASE should hold annolist")
    return _samples(_of_release(where, release), path, shelves)


_Found = tuple[str, str, PersonSample | None]
"""Name of a picture, its clip, and a person in it; none where no point is labelled."""


def _samples(found: Iterator[_Found], path: Path, shelves: Sequence[Path]) -> Samples:
    shelf, pictures, place = Shelf.beside(path, shelves), list[Picture](), dict[str, int]()
    people, of_picture, left_out = list[PersonSample](), list[int](), Counter[str]()
    for name, clip, person in found:
        if person is None:
            left_out[NO_POINT] += 1
            continue
        if name not in place:
            place[name] = len(pictures)
            pictures.append(Picture(shelf.find(name), name, clip))
        people.append(person)
        of_picture.append(place[name])
    return samples_of(NAMES, pictures, people, of_picture, left_out)


def _of_list(where: str, at: int, entry: Any) -> _Found:
    try:
        points = np.array(entry["joints"], np.float32).reshape(len(NAMES), 2)
        there = np.all(points > 0, axis=1)
        labelled = there & np.array(entry.get("joints_vis", there), bool)
        centre, scale = np.array(entry["center"], float).reshape(2), float(entry["scale"])
        name, person = entry["image"], _person(at, points, labelled, labelled, centre, scale)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise BadInput(
            f"{where}: person {at} should have image, {len(NAMES)} joints, center and scale"
        ) from None
    return str(name), str(name), person


def _of_release(where: str, release: Mapping[str, Any]) -> Iterator[_Found]:
    """Everybody in the pictures of the training part; of the others nothing is public."""
    pictures = _listed(release["annolist"])
    try:
        public = np.array(release.get("img_train", np.ones(len(pictures))), float).ravel()
    except (TypeError, ValueError):
        raise BadInput(f"{where}: img_train should be a number for each picture") from None
    count = 0
    for at, entry in enumerate(pictures):
        if at >= len(public) or not public[at]:
            continue
        try:
            name = str(entry["image"]["name"])
            for rectangle in _listed(entry.get("annorect")):
                yield name, _clip(entry, name), _of_rectangle(rectangle, count)
                count += 1
        except (KeyError, IndexError, TypeError, ValueError, AttributeError):
            raise BadInput(f"{where}: picture {at + 1} of annolist is not as published") from None


def _clip(entry: Mapping[str, Any], name: str) -> str:
    video = entry.get("vididx")
    return f"video {int(video)}" if isinstance(video, int | float) else name


def _of_rectangle(rectangle: Any, count: int) -> PersonSample | None:
    """A person; none where nothing is labelled, as in rectangles that hold a head alone."""
    inside = rectangle.get("annopoints") if isinstance(rectangle, dict) else None
    marked = _listed(inside.get("point")) if isinstance(inside, dict) else []
    points = np.full((len(NAMES), 2), np.nan, np.float32)
    visible = np.zeros(len(NAMES), bool)
    for point in marked:
        points[int(point["id"])] = float(point["x"]), float(point["y"])
        visible[int(point["id"])] = _is_visible(point.get("is_visible"))
    labelled = np.all(np.isfinite(points), axis=1)
    if not labelled.any():
        return None
    sides = [rectangle.get(key) for key in ("x1", "y1", "x2", "y2")]
    head = np.nan
    if all(isinstance(side, int | float) for side in sides):
        x1, y1, x2, y2 = (float(side) for side in sides)
        head = _HEAD_SHARE * float(np.hypot(x2 - x1, y2 - y1))
    middle, scale = rectangle.get("objpos"), rectangle.get("scale")
    if isinstance(middle, dict) and isinstance(scale, int | float):
        centre = np.array([float(middle["x"]), float(middle["y"])])
        return _person(count, points, labelled, visible & labelled, centre, float(scale), head)
    return _person(count, points, labelled, visible & labelled, None, 0.0, head)


def _is_visible(value: Any) -> bool:
    """1, "1" or nothing at all, as later releases leave it out."""
    text = str(value).strip()
    return text not in ("0", "0.0")


def _person(
    number: int,
    points: np.ndarray,
    labelled: np.ndarray,
    visible: np.ndarray,
    centre: np.ndarray | None,
    scale: float,
    head: float = np.nan,
) -> PersonSample | None:
    if not labelled.any():
        return None
    keypoints = np.where(labelled[:, None], points - np.float32(_FIRST_PIXEL), np.float32(np.nan))
    if centre is None or not scale > 0:
        box = around_points(keypoints)
    else:
        middle = centre + np.array([0.0, _DOWN_PX * scale]) - _FIRST_PIXEL
        box = around_middle(middle, _SIDE_PX * scale, _SIDE_PX * scale)
    if np.isnan(head) and labelled[_NECK] and labelled[_TOP]:
        head = float(np.linalg.norm(keypoints[_TOP] - keypoints[_NECK]))
    body = around_points(keypoints)
    area = BOX_TO_AREA * float(np.prod(body[2:] - body[:2]))
    picture = Picture("", "", "")
    return PersonSample(picture, box, keypoints, labelled, visible, number, area, head)


def _listed(value: Any) -> list[Any]:
    """Several, one, or none of MATLAB's structs as a list."""
    if isinstance(value, dict):
        return [value]
    return value if isinstance(value, list) else []
