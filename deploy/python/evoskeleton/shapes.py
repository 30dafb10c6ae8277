"""Shape errors in one form: `keypoints should be (poses, 17, 2), got (5, 17, 3)`."""

from collections.abc import Sequence
from typing import Any

from evoskeleton.errors import BadInput


def expect_shape(name: str, array: Any, axes: Sequence[int | str]) -> None:
    """Check an array at a public door.

    Args:
        name: what the caller calls the argument.
        array: anything with a `shape`.
        axes: one entry an axis: a number that must match, or a word for an axis of any length.

    Raises:
        BadInput: the number of axes or a fixed length differs.
    """
    shape = tuple(array.shape)
    fits = len(shape) == len(axes) and all(
        isinstance(axis, str) or axis == length for axis, length in zip(axes, shape, strict=True)
    )
    if not fits:
        raise BadInput(f"{name} should be ({', '.join(map(str, axes))}), got {shape}")
