"""Motions that do not know all joints in all frames, and that may declare what is not so."""

from dataclasses import replace

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import JOINT_NAMES
from evoskeleton.platform.data.mocap.motion import MM_PER_UNIT, UPRIGHT, Motion

_CLEAR = 1.25
"""A body's longest side is so much longer than the next, where it can be told to stand."""


def as_given(motion: Motion, units: str | float | None, up: str | None) -> Motion:
    """A motion with gaps as the user declares it, whatever its file says.

    Raises:
        BadInput: neither says which axis is up; the sentence names the likely one.
    """
    if not motion.gaps:
        return motion
    notes = list(motion.notes)
    if units is not None and motion.unit_mm not in (None, MM_PER_UNIT.get(str(units))):
        notes.append(
            f"the file declares units of {motion.unit_mm:.6g} mm, --units {units} is taken"
        )
        motion = replace(motion, unit_mm=None)
    if up is not None and motion.up not in (None, up):
        notes.append(f"the file declares {motion.up} up, --up {up} is taken")
        motion = replace(motion, up=None)
    if up is None and motion.up is None:
        likely = likely_up(motion)
        told = f"; bodies are longest along {likely}, so that it may be --up {likely}"
        raise BadInput(
            f"{motion.source} does not declare which axis is up: name it with --up "
            f"({', '.join(UPRIGHT)}){told if likely else ''}"
        )
    return replace(motion, notes=tuple(notes))


def likely_up(motion: Motion) -> str:
    """The axis along which bodies are longest; empty where none is by far."""
    known = np.isfinite(motion.positions).all(axis=2, keepdims=True)
    high = np.where(known, motion.positions, -np.inf).max(axis=1)
    low = np.where(known, motion.positions, np.inf).min(axis=1)
    with np.errstate(invalid="ignore"):
        sides = high - low
    told = sides[np.isfinite(sides).all(axis=1)]
    if not len(told):
        return ""
    middle = np.median(told, axis=0)
    first, second = np.argsort(middle)[::-1][:2]
    return "xyz"[first] if middle[first] > _CLEAR * middle[second] else ""


def without_gaps(
    motion: Motion, poses: np.ndarray, frames: np.ndarray
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """The (n, 17, 3) poses whose joints are all known, their frames, and what was left out.

    Raises:
        BadInput: none is; the sentence names the joints that are missing most.
    """
    known = np.isfinite(poses).all(axis=2)
    whole = known.all(axis=1)
    missing = (~known).mean(axis=0) if len(known) else np.ones(len(JOINT_NAMES))
    worst = sorted(np.flatnonzero(missing > 0), key=lambda joint: -missing[joint])[:3]
    told = ", ".join(f"{JOINT_NAMES[joint]} in {missing[joint]:.0%}" for joint in worst)
    if not whole.any():
        raise BadInput(
            f"{motion.source}: no frame has all joints; missing are {told} of the frames: the "
            "setting joints names other points for them"
        )
    gone = int((~whole).sum())
    notes = [f"{gone:,} of {len(whole):,} frames are left out: missing are {told}"] if gone else []
    return poses[whole], frames[whole], notes
