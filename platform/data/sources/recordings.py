"""Motion-capture files as poses; one clip a file.

The clip is the file's name. So is the action, and the subject is what stands before the first "_"
(as in the CMU database, where 02_01 is the first clip of subject 02), unless both are given or a
rule for them, see `subjects`.
"""

import logging
import math
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import JOINT_NAMES, MIRROR
from evoskeleton.platform.data.bodies import measure
from evoskeleton.platform.data.body_checks import likely_unit, warnings
from evoskeleton.platform.data.formats.amass import read_amass
from evoskeleton.platform.data.formats.panoptic import read_panoptic
from evoskeleton.platform.data.formats.three_dpw import read_3dpw
from evoskeleton.platform.data.markers.marker_motion import read_markers
from evoskeleton.platform.data.mocap.asf_amc import read_amc
from evoskeleton.platform.data.mocap.bvh import read_bvh
from evoskeleton.platform.data.mocap.gaps import as_given, without_gaps
from evoskeleton.platform.data.mocap.joint_maps import OwnPlace
from evoskeleton.platform.data.mocap.motion import (
    SAME_RATE,
    UPRIGHT,
    Motion,
    to_h36m,
    unit_mm,
    up_axis,
)
from evoskeleton.platform.data.mocap.pose_array import read_pose_array
from evoskeleton.platform.data.mocap.resampling import resampled
from evoskeleton.platform.data.poses import PLAUSIBLE_BODY_MM, PoseSet, body_height
from evoskeleton.platform.data.sources.settings import RecordingSource
from evoskeleton.platform.data.sources.subjects import who

_OURS: Mapping[str, OwnPlace] = {name: name for name in JOINT_NAMES}

_log = logging.getLogger(__name__)


def load_mocap(path: Path, settings: RecordingSource) -> PoseSet:
    """The poses of one file; what is approximated, and what no body does, is logged as a warning.

    Args:
        path: a file of motion capture.
        settings: what is declared of it.

    Raises:
        BadInput: the file is damaged, its unit or up axis is neither declared nor given, a joint
            is not found, or the unit makes bodies of a size that none has.
    """
    motions = read_motions(path, settings.kind, settings.skeleton)
    return PoseSet.concat([_person(path, motion, settings) for motion in motions])


def _person(path: Path, read: Motion, settings: RecordingSource) -> PoseSet:
    """One of the people of a file."""
    motion = as_given(read, settings.units, settings.up)
    own = settings.joints or (_OURS if motion.joints == JOINT_NAMES else None)
    poses, notes = to_h36m(motion, settings.units, settings.up, own)
    if settings.swap_sides:
        poses = poses[:, list(MIRROR)]
    unit, turn = unit_mm(motion, settings.units), UPRIGHT[up_axis(motion, settings.up)]
    poses, frames, more = _at_rate(motion, poses, settings)
    if motion.gaps:
        poses, frames, gone = without_gaps(motion, poses, frames)
        more += gone
    _refuse_size(path, poses, unit)
    bodies = measure(poses, np.zeros(len(poses), np.int64))
    for note in [*notes, *more, *warnings(bodies, unit, turn)]:
        _log.warning("%s%s: %s", path.name, motion.person and f", {motion.person}", note)
    named = who(path, settings.subject_from)
    clip = f"{motion.clip or path.stem} {motion.person}".strip()
    return PoseSet(
        poses=poses,
        subject=np.full(len(poses), _subject(motion, settings, named.subject)),
        action=np.full(len(poses), settings.action or named.action or motion.clip or path.stem),
        clip=np.full(len(poses), clip),
        frame=frames.astype(np.int32),
    )


def _subject(motion: Motion, settings: RecordingSource, named: str) -> str:
    if settings.subject or settings.subject_from:
        return f"{settings.subject or named} {motion.person}".strip()
    return motion.subject or motion.person or named


def read_motions(path: Path, kind: str, skeleton: str | None) -> list[Motion]:
    """The people of a file of a kind.

    Raises:
        BadInput: it cannot be read.
    """
    body = Path(skeleton).expanduser() if skeleton else None
    several: dict[str, Callable[[Path], list[Motion]]] = {
        "trc": read_markers, "c3d": read_markers, "3dpw": read_3dpw, "panoptic": read_panoptic,
    }  # fmt: skip
    if kind in several:
        return several[kind](path)
    one: dict[str, Callable[[], Motion]] = {
        "array": lambda: read_pose_array(path),
        "amc": lambda: read_amc(path, body),
        "amass": lambda: read_amass(path, body),
    }
    return [one[kind]() if kind in one else read_bvh(path, body)]


def _refuse_size(path: Path, poses: np.ndarray, unit: float) -> None:
    height = float(np.median(body_height(poses)))
    low, high = PLAUSIBLE_BODY_MM
    better = likely_unit(height, unit)
    if better and not low <= height <= high:
        raise BadInput(
            f"{path}: with units of {unit:.6g} mm the body would be {height / 1000:.3g} m tall; "
            f"{better}"
        )


def _at_rate(
    motion: Motion, poses: np.ndarray, settings: RecordingSource
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Poses at the rate that is asked for, their frames, and notes."""
    step = _step(motion, settings.fps, settings.rate)
    if step is not None:
        rows = np.arange(0, len(poses), step)
        return poses[rows], motion.first_frame + rows, []
    rate, fps = motion.frame_rate or settings.rate, settings.fps
    assert rate is not None and fps is not None, "there is a step otherwise"
    brought = resampled(poses, rate, fps)
    note = f"resampled from {rate:.6g} to {fps:.6g} frames a second, frames are counted anew"
    return brought, np.arange(len(brought)), [note]


def _step(motion: Motion, fps: float | None, declared: float | None) -> int | None:
    """Every how many frames one is kept; None where the rate is no multiple of what is wanted."""
    if fps is None:
        return 1
    rate = _rate(motion, declared)
    if rate is None:
        sentence = f"{motion.source} does not declare its frame rate: leave out --fps"
        raise BadInput(f"{sentence}, or declare the rate with --rate")
    step = round(rate / fps)
    even = step >= 1 and math.isclose(step * fps, rate, rel_tol=SAME_RATE)
    return step if even else None


def _rate(motion: Motion, declared: float | None) -> float | None:
    """Frames a second as the file says, or as was declared where it does not."""
    own = motion.frame_rate
    if own is not None and declared is not None and not math.isclose(own, declared, rel_tol=0.01):
        raise BadInput(
            f"{motion.source} declares {own:.6g} frames a second, got --rate {declared:g}: "
            "leave it out"
        )
    return declared if own is None else own
