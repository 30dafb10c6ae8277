"""Arrays of keypoints in `.npy` and `.npz` files, plain or as EvoSkeleton's dictionaries.

A plain array is (frames, points, 2 or 3), of one pose also (points, 2 or 3), of several people
(frames, people, points, 2 or 3); an `.npz` holds it as `keypoints`, and may hold `scores`. Where it
has not Human3.6M's 17, 32 or 16 points, the layout is declared. `twoDPose_*.npy` is `{(subject,
action, file): (frames, 64, 34 or 32)}`, such as (9, "Walking", "Walking 1.54138969.h5"), a file a
camera; its clips are called as those of `threeDPose_*.npy`. U3DPW's `annotation.npy` is
`{picture: {"h36m": (17, 2), "p2d": (14, 2), ...}}`, of which the 14 are LSP's.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.lifting.keypoints.layouts import of_count
from evoskeleton.platform.data.formats.human36m import file_to_clip
from evoskeleton.platform.data.target.declarations import NOTHING_DECLARED, Declarations
from evoskeleton.platform.data.target.found import Clip, FoundKeypoints
from evoskeleton.safe_npy import load_npz, load_object, printable

_OURS = ("human36m", "human36m_32", "human36m_16", "lsp14")
_WIDTHS = (64, 34, 32)


_IN_NPZ = ("keypoints", "keypoints_2d", "poses_2d", "joints_2d", "kpts")
_SCORES = ("scores", "confidence", "visibility", "keypoint_scores", "conf")


class Arrays:
    """A `.npy` file, or an `.npz` that no other reader takes."""

    def __init__(self, declared: Declarations = NOTHING_DECLARED) -> None:
        self._declared = declared

    def matches(self, path: Path) -> bool:
        """By the end of the name."""
        return path.suffix.lower() in (".npy", ".npz") and not path.is_dir()

    def read(self, path: Path) -> FoundKeypoints:
        """All poses; what is not finite, or lies at (0, 0), is not known."""
        if path.suffix.lower() == ".npz":
            return self._poses(str(path), _of_npz(path), Clip(file=str(path), counted="pose"))
        content = load_object(path)
        if not isinstance(content, dict):
            return self._poses(str(path), content, Clip(file=str(path), counted="pose"))
        parts = list(self._entries(path, content))
        return FoundKeypoints.concat(parts)

    def _entries(self, path: Path, content: dict[Any, Any]) -> Iterator[FoundKeypoints]:
        for key, value in content.items():
            where = f"{path}, {printable(str(key))}"
            if isinstance(value, dict):
                points = value.get("h36m", value.get("p2d"))
                whole = points[None] if isinstance(points, np.ndarray) else points
                yield self._poses(where, whole, Clip(file=printable(str(key))))
            else:
                yield self._poses(where, value, _clip(path, key))

    def _poses(self, where: str, array: Any, clip: Clip) -> FoundKeypoints:
        points, people = _as_points(where, array)
        confidence = points[..., 2] if points.shape[2] == 3 else None
        rows = np.arange(len(points))
        return self._declared.to_found(
            where,
            points[..., :2],
            confidence,
            of_count(points.shape[1], _OURS),
            clips=clip,
            number=rows // people,
            person=rows % people if people > 1 else None,
        )


def _clip(path: Path, key: Any) -> Clip:
    """A recording of one camera, called as the poses of the same recording are."""
    words = [printable(str(part)) for part in key] if isinstance(key, tuple) else [str(key)]
    if len(words) != 3:
        return Clip(str(path), words[0], " ".join(words[1:]) or words[0])
    subject, action, file = words
    name, _, ending = file.partition(".")
    camera = ending.removesuffix("-sh").removesuffix("h5").strip(".")
    clip = file_to_clip(action, f"{name}.h5") if ending else file
    called = f"S{subject}" if subject.isdecimal() else subject
    return Clip(str(path), called, clip, f"camera {camera}" if camera else "")


def _of_npz(path: Path) -> Any:
    """The array of an `.npz`, with its scores as a third number."""
    content = load_npz(path)
    if {"boxes", "segments"} <= content.keys():
        raise BadInput(
            f"{path} holds detections as VideoPose3D's infer_video writes them: its "
            "prepare_data_2d_custom.py makes a data_2d_custom file of them, which is read"
        )
    name = next((name for name in _IN_NPZ if name in content), None)
    if name is None:
        listed = printable(", ".join(content)) or "nothing"
        raise BadInput(f"{path} should hold positions_2d or keypoints, got {listed}")
    array: Any = content[name]
    sure = next((content[each] for each in _SCORES if each in content), None)
    if sure is None or not isinstance(array, np.ndarray):
        return array
    if not isinstance(sure, np.ndarray) or array.shape != (*sure.shape, 2):
        raise BadInput(f"{path}: {name} should be of two numbers for each of its scores")
    return np.concatenate([array, sure[..., None]], axis=-1)


def _as_points(where: str, array: Any) -> tuple[np.ndarray, int]:
    """(frames * people, points, 2 or 3) numbers, and how many people a frame has."""
    wanted = "(frames, points, 2 or 3) numbers"
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "iuf":
        kind = getattr(array, "dtype", type(array).__name__)
        raise BadInput(f"{where} should hold {wanted}, got {kind}")
    if array.ndim == 2 and array.shape[1] in _WIDTHS:
        array = array.reshape(len(array), -1, 2)
    if array.ndim == 2 and array.shape[1] in (2, 3):
        array = array[None]
    people = array.shape[1] if array.ndim == 4 else 1
    if array.ndim == 4 and array.shape[3] in (2, 3):
        array = array.reshape(-1, *array.shape[2:])
    if array.ndim != 3 or array.shape[2] not in (2, 3):
        raise BadInput(f"{where} should hold {wanted}, got {array.shape}")
    return np.asarray(array, np.float64), max(people, 1)
