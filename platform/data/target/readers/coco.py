"""COCO's keypoint files (Lin 2014, https://arxiv.org/abs/1405.0312): annotations, and results.

Annotations name their points; any names that say side and part will do. Results, as detectors
write them, are a list of people with COCO's 17 points and a score in place of the visibility. A
photo is a clip.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.lifting.keypoints.confidences import as_shares
from evoskeleton.lifting.keypoints.keypoint_formats import KeypointSet, known_set, set_of_names
from evoskeleton.lifting.keypoints.layouts import expect_best_order, of_count, same_count
from evoskeleton.platform.data.target.declarations import NOTHING_DECLARED, Declarations
from evoskeleton.platform.data.target.found import Clip, FoundKeypoints
from evoskeleton.platform.data.target.readers.json_text import read_json
from evoskeleton.platform.data.target.readers.marked import marked

_PLACES = (".", "images", "../images")
"""Where photos lie, seen from the folder of the file."""


class CocoFile:
    """A file of annotations or of results."""

    def __init__(self, declared: Declarations = NOTHING_DECLARED) -> None:
        self._declared = declared

    def matches(self, path: Path) -> bool:
        """By words that no other kind has."""
        if path.suffix.lower() != ".json":
            return False
        try:
            data = path.read_bytes()
        except OSError:
            return False
        annotations = b'"annotations"' in data and b'"images"' in data
        return annotations or (b'"image_id"' in data and b'"keypoints"' in data)

    def read(self, path: Path) -> FoundKeypoints:
        """Everybody who has keypoints; visibility 1, hidden but annotated, is known."""
        words, where = read_json(path), f"COCO file {path}"
        if isinstance(words, list):
            people = _entries(where, {"results": words}, "results")
            points = self._declared.layout or _by_count(people)
            return _people(where, people, points, _photos_of_results(path, people), self._declared)
        people = _entries(where, words, "annotations")
        photos = _photos(path, where, words)
        parts = [
            _people(
                where,
                [p for p in people if p.get("category_id") == category],
                points,
                photos,
                self._declared,
            )
            for category, points in _categories(where, words).items()
        ]
        return FoundKeypoints.concat(parts)


def _by_count(people: Sequence[dict[str, Any]]) -> KeypointSet:
    """The layout of results, by how many numbers a person has: COCO's, Halpe's or WholeBody's."""
    first: Any = next((person["keypoints"] for person in people if person.get("keypoints")), [])
    count = len(first) // 3 if isinstance(first, list) else 0
    return of_count(count, ("halpe26", "halpe136", "wholebody")) or known_set("coco")


class _Photo(NamedTuple):
    """A photo as a clip, and its width and height, px; NaN where not known."""

    clip: Clip
    size: tuple[float, float] = (np.nan, np.nan)


Photos = Mapping[Any, _Photo]


def _entries(where: str, words: Any, name: str) -> list[dict[str, Any]]:
    found = words.get(name) if isinstance(words, dict) else None
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise BadInput(f"{where}: {name} should be a list of objects")
    return found


def _categories(where: str, words: Any) -> dict[Any, KeypointSet]:
    """The keypoint sets that are ours at least in part, by the id of their category."""
    known, refusal = {}, f"{where}: no category has keypoints"
    for entry in _entries(where, words, "categories"):
        if names := entry.get("keypoints"):
            try:
                known[_id(where, entry, "id")] = set_of_names([str(name) for name in names])
            except BadInput as error:
                refusal = f"{where}: {error}"
    if not known:
        raise BadInput(refusal)
    return known


def _photos(path: Path, where: str, words: Any) -> Photos:
    photos = {}
    for entry in _entries(where, words, "images"):
        name = entry.get("file_name")
        if not isinstance(name, str):
            raise BadInput(f"{where}: every image should have a file_name")
        clip = Clip(file=name, picture=_lying(path.parent, name))
        size = (_px(entry.get("width")), _px(entry.get("height")))
        photos[_id(where, entry, "id")] = _Photo(clip, size)
    return photos


def _photos_of_results(path: Path, people: Sequence[dict[str, Any]]) -> Photos:
    """Of a file that says no more of a photo than its id."""
    ids = dict.fromkeys(_id(f"COCO file {path}", person, "image_id") for person in people)
    return {image: _Photo(Clip(file=str(path), part=f"image {image}")) for image in ids}


def _px(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and value > 0 else np.nan


def _id(where: str, entry: Mapping[str, Any], key: str) -> int | str:
    value = entry.get(key)
    if not isinstance(value, int | str):
        raise BadInput(f"{where}: {key} should be a number or a name, got {str(value)[:40]}")
    return value


def _lying(folder: Path, name: str) -> str:
    """Path of a photo that lies where photos do; empty where there is none."""
    if Path(name).is_absolute() or ".." in Path(name).parts:
        return ""
    places = (folder / place / name for place in _PLACES)
    return next((str(place) for place in places if place.is_file()), "")


def _people(
    where: str,
    people: Sequence[dict[str, Any]],
    points: KeypointSet,
    photos: Photos,
    declared: Declarations,
) -> FoundKeypoints:
    """Everybody of whom a keypoint is annotated."""
    annotated = [person for person in people if person.get("keypoints")]
    flat = _flat(where, annotated, len(points.names))
    if declared.points is None:
        expect_best_order(where, points, flat[..., :2], flat[..., 2] > 0.0)
    shares = as_shares(where, flat[..., 2], declared.full_confidence)
    sure = np.where(shares > declared.threshold, shares, 0.0)
    rows = np.flatnonzero(sure.any(axis=1))
    images = [_image(where, annotated[row], photos) for row in rows]
    sizes = np.array([declared.size or photos[image].size for image in images]).reshape(-1, 2)
    pixels = declared.pixels(where, flat[rows, :, :2], sizes)
    keypoints, confidence = points.to_human36m(pixels, sure[rows])
    place = {image: number for number, image in enumerate(photos)}
    return FoundKeypoints.of(
        keypoints,
        confidence,
        clips=[photo.clip for photo in photos.values()],
        clip=np.array([place[image] for image in images], np.int32),
        person=_counted(images),
        approximated=points.approximated,
        image_size=sizes,
    )


def _flat(where: str, people: Sequence[Mapping[str, Any]], points: int) -> np.ndarray:
    """(people, points, 3) float64 x y v."""
    rows = []
    for person in people:
        try:
            row = marked(person["keypoints"], person.get("keypoint_scores"))
        except (ValueError, TypeError, OverflowError):
            raise BadInput(
                f"{where}: keypoints should be x y v for each of {points} points"
            ) from None
        if len(row) != points:
            raise BadInput(
                f"{where}: keypoints should be x y v for each of {points} points, got {len(row)} "
                f"points; --points names another layout{same_count(len(row))}"
            )
        rows.append(row)
    return np.stack(rows) if rows else np.zeros((0, points, 3))


def _image(where: str, person: Mapping[str, Any], photos: Photos) -> int | str:
    image = _id(where, person, "image_id")
    if image not in photos:
        raise BadInput(f"{where}: there is no image {image} for an annotation")
    return image


def _counted(images: Sequence[int | str]) -> np.ndarray:
    """(people,) int32: the first, second, ... of its photo."""
    seen: Counter[int | str] = Counter()
    numbers = []
    for image in images:
        numbers.append(seen[image])
        seen[image] += 1
    return np.array(numbers, np.int32)
