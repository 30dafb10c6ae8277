"""Who of a set can be used: pictures that are there and whole at their beginning, boxes in them.

Everybody else is left out, counted and told. A picture whose header is sound and that breaks off
later is found when it is read.
"""

from collections.abc import Callable

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.lifting.keypoints.plausible_keypoints import MOST_PX
from evoskeleton.pose2d.picture_limits import MOST_PIXELS
from evoskeleton.pose2d.samples import left_out as why
from evoskeleton.pose2d.samples.picture_sizes import size_of
from evoskeleton.pose2d.samples.samples import Picture, Samples

Progress = Callable[[int, int], None]

LEAST_BOX_PX = 2.0
"""A box is empty below this width or height."""


def checked(samples: Samples, where: str, progress: Progress = lambda done, total: None) -> Samples:
    """Those people whom a training or a score can use, with the sizes of their pictures.

    Args:
        samples: as a reader gives them.
        where: names the source, to begin a sentence with.
        progress: called with pictures done and pictures in all.

    Raises:
        BadInput: nobody is left.
    """
    states, sizes = _looked_at(samples, progress)
    for reason in (why.PICTURE_MISSING, why.PICTURE_BROKEN, why.PICTURE_SIZE):
        bad = np.array([state == reason for state in states], bool)
        samples = samples.without(bad[samples.of_picture], reason)
    samples = _within(samples, sizes)
    if not len(samples):
        reasons = why.counted(samples.left_out) or "it has no people"
        missing = why.PICTURE_MISSING in samples.left_out
        way_on = "; --pictures names the folder of the pictures" if missing else ""
        raise BadInput(f"{where}: nobody is left to use: {reasons}{way_on}")
    return samples


def _looked_at(samples: Samples, progress: Progress) -> tuple[list[str], np.ndarray]:
    """What is wrong with each picture, empty where nothing is, and (pictures, 2) sizes, px."""
    used = np.zeros(len(samples.pictures), bool)
    used[samples.of_picture] = True
    states, sizes = [], np.zeros((len(samples.pictures), 2))
    for at, picture in enumerate(samples.pictures):
        state, size = _state(picture) if used[at] else ("", picture.size)
        states.append(state)
        sizes[at] = size
        progress(at + 1, len(samples.pictures))
    return states, sizes


def _state(picture: Picture) -> tuple[str, tuple[int, int]]:
    if not picture.path:
        return why.PICTURE_MISSING, (0, 0)
    size = size_of(picture.path)
    if size is None or not 0 < size[0] * size[1] <= MOST_PIXELS:
        return why.PICTURE_BROKEN, (0, 0)
    if all(picture.size) and picture.size != size:
        return why.PICTURE_SIZE, size
    return "", size


def _within(samples: Samples, sizes: np.ndarray) -> Samples:
    """Those whose box and points are in their picture."""
    boxes = samples.boxes
    sound = np.all(np.isfinite(boxes) & (np.abs(boxes) <= MOST_PX), axis=1)
    with np.errstate(invalid="ignore"):
        wide = np.all(boxes[:, 2:] - boxes[:, :2] >= LEAST_BOX_PX, axis=1)
    samples = samples.without(~(sound & wide), why.BOX_EMPTY)
    size, boxes = sizes[samples.of_picture], samples.boxes
    outside = np.any((boxes[:, 2:] <= 0) | (boxes[:, :2] >= size), axis=1)
    samples = samples.without(outside, why.BOX_OUTSIDE)
    unlabelled = ~np.any(samples.labelled, axis=1)
    samples = samples.without(unlabelled, why.NO_POINT)
    size = sizes[samples.of_picture][:, None]
    with np.errstate(invalid="ignore"):
        inside = np.all((samples.keypoints >= 0) & (samples.keypoints <= size), axis=2)
    nowhere = ~np.any(inside & samples.labelled, axis=1)
    return samples.without(nowhere, why.POINTS_OUTSIDE)
