"""Arrays of keypoints in `.npy` files, plain or as EvoSkeleton's dictionaries.

A plain array is (frames, points, 2 or 3); where it has not Human3.6M's 17, 32 or 16 points, the
layout is declared. `twoDPose_*.npy` is `{(subject, action, file): (frames, 64, 34 or 32)}`, such as
(9, "Walking", "Walking 1.54138969.h5"), a file a camera; its clips are called as those of
`threeDPose_*.npy`. U3DPW's `annotation.npy` is `{picture: {"h36m": (17, 2), "p2d": (14, 2), ...}}`,
of which the 14 are LSP's.
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
from evoskeleton.safe_npy import load_object, printable

_OURS = ("human36m", "human36m_32", "human36m_16", "lsp14")
_WIDTHS = (64, 34, 32)


class Arrays:
    """A `.npy` file."""

    def __init__(self, declared: Declarations = NOTHING_DECLARED) -> None:
        self._declared = declared

    def matches(self, path: Path) -> bool:
        """By the end of the name."""
        return path.suffix.lower() == ".npy" and not path.is_dir()

    def read(self, path: Path) -> FoundKeypoints:
        """All poses; what is not finite, or lies at (0, 0), is not known."""
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
        points = _as_points(where, array)
        confidence = points[..., 2] if points.shape[2] == 3 else None
        return self._declared.to_found(
            where,
            points[..., :2],
            confidence,
            of_count(points.shape[1], _OURS),
            clips=clip,
            number=np.arange(len(points)),
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


def _as_points(where: str, array: Any) -> np.ndarray:
    """(frames, points, 2 or 3) numbers."""
    wanted = "(frames, points, 2 or 3) numbers"
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "iuf":
        kind = getattr(array, "dtype", type(array).__name__)
        raise BadInput(f"{where} should hold {wanted}, got {kind}")
    if array.ndim == 2 and array.shape[1] in _WIDTHS:
        array = array.reshape(len(array), -1, 2)
    if array.ndim != 3 or array.shape[2] not in (2, 3):
        raise BadInput(f"{where} should hold {wanted}, got {array.shape}")
    return np.asarray(array, np.float64)
