"""Sizes of pictures from their headers, turned as they should be seen."""

from pathlib import Path

from evoskeleton.errors import BadInput
from evoskeleton.pose2d.images import image_size


def size_of(path: str | Path) -> tuple[int, int] | None:
    """Width and height, px; none where there is no picture that could be read."""
    if not str(path):
        return None
    try:
        return image_size(path)
    except BadInput:
        return None
