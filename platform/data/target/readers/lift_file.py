"""Keypoints as `lift` reads them: JSON or Parquet, Human3.6M's 17 joints, a pose an entry."""

from pathlib import Path

import numpy as np

from evoskeleton.lifting.keypoints.keypoint_files import read_keypoints
from evoskeleton.platform.data.target.found import HIDDEN, Clip, FoundKeypoints


class LiftFile:
    """A file of `lift`; its poses are those of one clip."""

    def matches(self, path: Path) -> bool:
        """By the end of the name; other kinds of JSON have readers that look before this one."""
        return path.suffix.lower() in (".json", ".parquet") and not path.is_dir()

    def read(self, path: Path) -> FoundKeypoints:
        """All poses; what is hidden is not known."""
        keypoints, visibility = read_keypoints(path)
        seen = np.ones(keypoints.shape[:2]) if visibility is None else visibility
        return FoundKeypoints.of(
            keypoints,
            np.where(seen > HIDDEN, seen, 0.0),
            clips=Clip(file=str(path), counted="pose"),
            number=np.arange(len(keypoints)),
        )
