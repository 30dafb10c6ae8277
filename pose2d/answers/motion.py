"""Answers to a video as a file of motion, to be opened elsewhere."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.lifting.motion.kinds import KINDS, Motion
from evoskeleton.pose2d.videos import is_video

_UNEVEN = 0.2
"""By how much of a frame's length two frames may be further apart than the others."""


def motion_kind(output: Path | None, files: Sequence[Path]) -> str | None:
    """The kind of motion that a file's name asks for; None for JSON lines.

    Raises:
        BadInput: motion is asked for of anything but one video.
    """
    kind = "" if output is None else output.suffix.lower()
    if kind not in KINDS:
        return None
    if len(files) != 1 or not is_video(files[0]):
        raise BadInput(f"{output} should be made of one video, got {len(files)} files")
    return kind


def write_motion(output: Path, kind: str, answers: Iterable[dict[str, Any]]) -> list[Path]:
    """One file for each person of a video.

    Args:
        output: name of the file of the first person; of the next, with their number in it.
        kind: of `KINDS`.
        answers: of `infer`.

    Raises:
        BadInput: nobody's joints are known, or a file cannot be written.
    """
    people = _people(answers)
    if not people:
        raise BadInput(f"{output} is not written: nobody's joints are known in this video")
    paths = []
    for place, (number, motion) in enumerate(sorted(people.items())):
        name = output.name if place == 0 else f"{output.stem}-{number}{output.suffix}"
        KINDS[kind](output.with_name(name), motion)
        paths.append(output.with_name(name))
    return paths


def _people(answers: Iterable[dict[str, Any]]) -> dict[int, Motion]:
    joints: dict[int, dict[int, Any]] = {}
    times: dict[int, float] = {}
    for answer in answers:
        times[answer["frame"]] = answer["seconds"]
        for person in answer["people"]:
            if person["joints"] is not None:
                joints.setdefault(person["id"], {})[answer["frame"]] = person["joints"]
    return {number: _motion(found, times) for number, found in joints.items()}


def _motion(found: dict[int, Any], times: dict[int, float]) -> Motion:
    """One person's frames from the first to the last; those between without joints are NaN."""
    frames = [frame for frame in sorted(times) if min(found) <= frame <= max(found)]
    none = np.full((17, 3), np.nan)
    joints = np.array([found.get(frame, none) for frame in frames], np.float64)
    joints, rate = evenly(joints, np.array([times[frame] for frame in frames]))
    return Motion(upright(joints), rate)


def evenly(joints: np.ndarray, seconds: np.ndarray) -> tuple[np.ndarray, float]:
    """Joints at even times, and how many a second: files of motion know one rate.

    Args:
        joints: (frames, 17, 3).
        seconds: (frames,), the times that were recorded. Where they are even already, or there are
            none, the joints stay as they are; else they are mixed from the frames before and after.
    """
    steps = np.diff(seconds)
    if not (steps > 0).any():
        return joints, 30.0
    rate = float(1.0 / np.median(steps[steps > 0]))
    if np.abs(steps * rate - 1.0).max() < _UNEVEN:
        return joints, rate
    kept = np.append(True, steps > 0)
    columns = joints[kept].reshape(kept.sum(), -1)
    times = seconds[0] + np.arange(round((seconds[-1] - seconds[0]) * rate) + 1) / rate
    mixed = [np.interp(times, seconds[kept], column) for column in columns.T]
    return np.stack(mixed, axis=1).reshape(-1, *joints.shape[1:]), rate


def upright(joints: np.ndarray) -> np.ndarray:
    """(frames, 17, 3) camera mm as world mm, z up: the camera is taken to be level, and the lower
    of both feet to stand on the ground in the middling frame."""
    world = np.stack([joints[..., 0], joints[..., 2], -joints[..., 1]], axis=-1)
    lowest = np.nanmedian(world[:, :, 2].min(axis=1))
    world[..., 2] -= lowest
    return world
