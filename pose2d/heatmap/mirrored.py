"""Left and right changed: which keypoint becomes which, and pictures whose maps fit by cell."""

from collections.abc import Sequence

import numpy as np

from evoskeleton.lifting.keypoints.keypoint_formats import plain_name

_OTHER = {"left": "right", "right": "left"}


def mirror_of(names: Sequence[str]) -> np.ndarray:
    """(keypoints,) int: the keypoint that each is in a mirrored picture.

    Sides are known by name, such as left_knee, LKnee or "knee left"; whatever has no other side
    stays itself.
    """
    plain = [plain_name(name) for name in names]
    places = {name: row for row, name in enumerate(plain)}
    others = (_other_side(name) for name in plain)
    return np.array([places.get(other, row) for row, other in enumerate(others)], np.int64)


def one_sided(names: Sequence[str]) -> list[str]:
    """Keypoints whose other side is not among them, so that nobody can be mirrored."""
    plain = [plain_name(name) for name in names]
    return [
        name for name, known in zip(names, plain, strict=True) if _other_side(known) not in plain
    ]


def _other_side(plain: str) -> str:
    return "_".join(_OTHER.get(word, word) for word in plain.split("_"))


def mirrored_pictures(pictures: np.ndarray, stride: int) -> np.ndarray:
    """(..., width) pictures mirrored so that cell i of their maps shows what cell -1 - i shows.

    Cell i stands for pixel i x stride, so that a picture that is only turned around shows it
    stride - 1 pixels beside the cell. The edge fills what is missing.
    """
    flipped = pictures[..., ::-1]
    if stride == 1:
        return np.ascontiguousarray(flipped)
    edge = np.repeat(flipped[..., -1:], stride - 1, axis=-1)
    return np.concatenate([flipped[..., stride - 1 :], edge], axis=-1)


def mirrored_maps(maps: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    """Maps (pictures, keypoints, rows, columns) of mirrored pictures as of those themselves."""
    back: np.ndarray = maps[:, mirror, :, ::-1]
    return back
