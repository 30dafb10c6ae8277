"""2D keypoints as VideoPose3D keeps them (Pavllo 2019, https://arxiv.org/abs/1811.11742).

An `.npz` file with `positions_2d`, `{subject: {name: [(frames, points, 2), ...]}}`, px, an array a
camera; and `metadata`, whose `layout_name` is h36m or coco. Where it is absent, as in the file of
projected poses, the points that mirror each other tell the layout. Arrays of detections of one's
own videos have a name for a subject, "custom" for an action, and the sizes of the videos.
"""

import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import H36M_32_INDEX, JOINT_NAMES
from evoskeleton.lifting.keypoints.keypoint_formats import (
    COCO,
    KeypointSet,
    known_set,
    set_of_names,
)
from evoskeleton.platform.data.target.declarations import NOTHING_DECLARED, Declarations
from evoskeleton.platform.data.target.found import Clip, FoundKeypoints
from evoskeleton.safe_npy import load_npz, printable

_MEMBER = "positions_2d"
_ALL_JOINTS = 32


class VideoPose3d2d:
    """A file of such arrays; every array is a clip."""

    def __init__(self, declared: Declarations = NOTHING_DECLARED) -> None:
        self._declared = declared

    def matches(self, path: Path) -> bool:
        """By the name of what is in it."""
        try:
            with zipfile.ZipFile(path) as archive:
                return f"{_MEMBER}.npy" in archive.namelist()
        except (OSError, zipfile.BadZipFile):
            return path.suffix.lower() == ".npz"

    def read(self, path: Path) -> FoundKeypoints:
        """All frames of all cameras; what is not finite, or lies at (0, 0), is not known."""
        content = load_npz(path)
        if _MEMBER not in content:
            raise BadInput(f"{path} should hold {_MEMBER}, got {printable(', '.join(content))}")
        metadata = content.get("metadata")
        words = metadata if isinstance(metadata, dict) else {}
        points = self._declared.layout or _layout(path, words)
        return FoundKeypoints.concat([*_clips(path, content[_MEMBER], words, points)])


def _layout(path: Path, words: Mapping[str, Any]) -> KeypointSet:
    """Which points the arrays hold."""
    name = words.get("layout_name", _mirrored(words))
    if name == "h36m":
        return set_of_names(JOINT_NAMES)
    if name == "coco":
        return known_set("coco")
    raise BadInput(f"{path}: layout_name should be h36m or coco, got {printable(str(name))}")


def _mirrored(words: Mapping[str, Any]) -> str:
    """The layout in which the points on the left are those that are said to be."""
    try:
        left = sorted(int(point) for point in words["keypoints_symmetry"][0])
    except (KeyError, TypeError, ValueError, IndexError):
        return "no layout_name"
    ours = [joint for joint, name in enumerate(JOINT_NAMES) if name[0] == "L"]
    theirs = [point for point, name in enumerate(COCO) if name.startswith("left")]
    return {tuple(ours): "h36m", tuple(theirs): "coco"}.get(tuple(left), f"points {left} left")


def _clips(
    path: Path, subjects: Any, words: Mapping[str, Any], points: KeypointSet
) -> Iterator[FoundKeypoints]:
    for subject, names in _entries(f"{path}, {_MEMBER}", subjects):
        for name, cameras in _entries(f"{path}, {subject}", names):
            for number, array in enumerate(_cameras(cameras)):
                where = f"{path}, {subject}, {name}, camera {number}"
                keypoints, confidence = _ours(where, array, points)
                clip = Clip(str(path), subject, name, f"camera {number}")
                yield FoundKeypoints.of(
                    keypoints,
                    confidence,
                    clips=clip,
                    number=np.arange(len(keypoints)),
                    approximated=points.approximated,
                    image_size=_size(words, subject),
                )


def _entries(where: str, value: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(value, dict):
        raise BadInput(f"{where} should hold a dictionary by name, got {type(value).__name__}")
    return ((printable(str(name)), inside) for name, inside in value.items())


def _cameras(value: Any) -> list[Any]:
    """The arrays of all cameras; a single array may stand in place of a list of one."""
    if isinstance(value, np.ndarray) and value.ndim == 3:
        return [value]
    return list(value) if isinstance(value, list | tuple | np.ndarray) else [value]


def _ours(where: str, array: Any, points: KeypointSet) -> tuple[np.ndarray, np.ndarray]:
    """Keypoints (frames, 17, 2) px and confidence (frames, 17) of one camera."""
    wanted = f"(frames, {len(points.names)}, 2) px"
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "iuf":
        kind = getattr(array, "dtype", type(array).__name__)
        raise BadInput(f"{where} should hold {wanted}, got {kind}")
    if array.ndim == 3 and array.shape[1] == _ALL_JOINTS and points.names == JOINT_NAMES:
        array = array[:, list(H36M_32_INDEX)]
    if array.ndim != 3 or array.shape[1:] != (len(points.names), 2):
        raise BadInput(f"{where} should hold {wanted}, got {array.shape}")
    found = np.isfinite(array).all(axis=2) & (array != 0.0).any(axis=2)
    return points.to_human36m(array, found.astype(np.float64))


def _size(words: Mapping[str, Any], subject: str) -> np.ndarray | None:
    """Width and height of a video of one's own, px."""
    videos = words.get("video_metadata")
    size = videos.get(subject) if isinstance(videos, dict) else None
    try:
        return None if size is None else np.array([size["w"], size["h"]], np.float32)
    except (KeyError, TypeError, ValueError):
        return None
