"""2D keypoints of MPI-INF-3DHP's own files: what its cameras saw, without any 3D."""

from pathlib import Path

import numpy as np

from evoskeleton.platform.data.formats.mpi_inf_3dhp import (
    TEST_FILE,
    TRAINING_FILE,
    SeenInTraining,
    is_test_file,
    load_held_out_clip,
    training_keypoints,
)
from evoskeleton.platform.data.target.found import Clip, FoundKeypoints

EVERY = 10
"""Of the training's frames one in so many is taken, as the field does."""

TRAINING_PX = 2048
"""Width and height of the training's pictures; a joint outside of them is not known."""


class MpiInf3dhp:
    """An `annot.mat` or `annot_data.mat`; subjects and clips are named as those of the poses."""

    def matches(self, path: Path) -> bool:
        """By the name."""
        return path.name in (TRAINING_FILE, TEST_FILE) and not path.is_dir()

    def read(self, path: Path) -> FoundKeypoints:
        """Training: frames of all cameras that do not look down; test: the valid frames."""
        return _test(path) if is_test_file(path) else _training(path)


def _training(path: Path) -> FoundKeypoints:
    return FoundKeypoints.concat([_of_camera(path, seen) for seen in training_keypoints(path)])


def _of_camera(path: Path, seen: SeenInTraining) -> FoundKeypoints:
    keypoints = _inside(seen.keypoints[::EVERY])
    return FoundKeypoints.of(
        keypoints,
        clips=Clip(str(path), seen.subject, seen.clip, f"camera {seen.camera}"),
        number=EVERY * np.arange(len(keypoints)),
        image_size=np.full(2, TRAINING_PX),
    )


def _inside(keypoints: np.ndarray) -> np.ndarray:
    within = ((keypoints >= 0) & (keypoints < TRAINING_PX)).all(axis=2, keepdims=True)
    return np.where(within, keypoints, np.float32(np.nan))


def _test(path: Path) -> FoundKeypoints:
    clip = load_held_out_clip(path)
    return FoundKeypoints.of(
        clip.keypoints, clips=Clip(str(path), clip.subject, clip.name), number=clip.frame
    )
