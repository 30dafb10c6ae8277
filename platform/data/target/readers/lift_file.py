"""Keypoints as `lift` reads them: JSON or Parquet, Human3.6M's 17 joints, a pose an entry.

Its poses are those of one clip, or of a clip a picture where the file names pictures.
"""

from pathlib import Path

import numpy as np

from evoskeleton.lifting.keypoints.keypoint_files import read_points
from evoskeleton.lifting.keypoints.layouts import layout
from evoskeleton.platform.data.target.declarations import NOTHING_DECLARED, Declarations
from evoskeleton.platform.data.target.found import Clip, FoundKeypoints


class LiftFile:
    """A file of `lift`."""

    def __init__(self, declared: Declarations = NOTHING_DECLARED) -> None:
        self._declared = declared

    def matches(self, path: Path) -> bool:
        """By the end of the name; other kinds of JSON have readers that look before this one."""
        return path.suffix.lower() in (".json", ".parquet") and not path.is_dir()

    def read(self, path: Path) -> FoundKeypoints:
        """All poses; what is hidden, or no number, is not known."""
        found = read_points(path, self._declared.points)
        number = np.arange(len(found.keypoints))
        clips, clip = [Clip(file=str(path), counted="pose")], np.zeros_like(number)
        if found.images:
            of_image = {image: place for place, image in enumerate(dict.fromkeys(found.images))}
            clips = [Clip(file=image, counted="pose") for image in of_image]
            clip = np.array([of_image[image] for image in found.images])
        return self._declared.to_found(
            str(path),
            found.keypoints,
            found.visibility,
            layout(found.layout or "human36m"),
            clips=clips,
            clip=clip,
            number=number,
            size=None if found.size is None else np.array(found.size, np.float32),
        )
