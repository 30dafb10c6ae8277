"""Poses as files of motion for other programs, BVH, TRC or C3D: one clip a file."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.lifting.motion.kinds import KINDS, Motion
from evoskeleton.platform.data.poses import PoseSet

FORMATS = ("bvh", "trc", "c3d")

_MOST_GAPS = 10
"""Of a clip that lacks more frames than so many for each that is there, rows are frames."""

_NO_NAME = re.compile(r"[^\w.+-]+")


def write_motions(
    output: Path, poses: PoseSet, kind: str, rate: float | None, overwrite: bool = False
) -> int:
    """Write each clip; one clip as the file itself, several as files of a folder.

    Frames that are missing within a clip are filled evenly, or empty, as the format allows.

    Args:
        output: the file, or the folder.
        poses: world mm, z up.
        kind: one of `FORMATS`.
        rate: frames a second.
        overwrite: replace files that are there.

    Returns:
        How many files were written.

    Raises:
        BadInput: the rate is not known, two clips would have one name, or a file is there or
            cannot be written.
    """
    if rate is None:
        raise BadInput(f"{kind} wants frames a second, which the poses do not say: name --rate")
    clips = list(_clips(poses, rate))
    if len(clips) == 1:
        _refuse_there(output, overwrite)
        KINDS[f".{kind}"](output, clips[0][1])
        return 1
    files = [output / f"{name}.{kind}" for name, _ in clips]
    if len(set(files)) < len(files):
        raise BadInput(f"{output}: two clips would be written as one file")
    for file in files:
        _refuse_there(file, overwrite)
    output.mkdir(parents=True, exist_ok=True)
    for file, (_, motion) in zip(files, clips, strict=True):
        KINDS[f".{kind}"](file, motion)
    return len(files)


def _refuse_there(file: Path, overwrite: bool) -> None:
    if file.exists() and not overwrite:
        raise BadInput(f"{file} is there already; --overwrite replaces it")


def _clips(poses: PoseSet, rate: float) -> Iterator[tuple[str, Motion]]:
    number = poses.clip_number()
    for at, (subject, clip) in enumerate(poses.clips()):
        rows = poses.take(number == at)
        order = np.argsort(rows.frame, kind="stable")
        name = _NO_NAME.sub("_", clip if clip.startswith(subject) else f"{subject}_{clip}")
        yield name.strip("._") or f"clip_{at}", _motion(rows.take(order), rate)


def _motion(rows: PoseSet, rate: float) -> Motion:
    """A clip with all frames between its first and its last, at the step that its frames have."""
    frames = rows.frame.astype(np.int64)
    steps = np.diff(frames)
    step = int(np.gcd.reduce(steps)) if len(steps) else 1
    places = (frames - frames[0]) // max(step, 1)
    if step < 1 or places[-1] >= _MOST_GAPS * len(rows) or len(set(places.tolist())) < len(rows):
        return Motion(rows.poses.astype(np.float64), rate)
    joints = np.full((int(places[-1]) + 1, *rows.poses.shape[1:]), np.nan)
    joints[places] = rows.poses
    return Motion(joints, rate)
