"""3DPW's sequences (von Marcard 2018, https://doi.org/10.1007/978-3-030-01249-6_37).

A pickle of Python 2 with a dictionary: `jointPositions` is an array of each person, (frames, 72):
SMPL's 24 joints, world metres. It is read by `data_pickle`, which runs nothing. Which axis of the
world is up is not said; it is the one that bodies stand along. The clip is the sequence with the
person's number, and so is the subject: who is seen in several sequences is not told.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.platform.data.formats.smpl import JOINTS, PARENTS
from evoskeleton.platform.data.mocap.motion import Motion
from evoskeleton.safe_npy import load_pickle, printable

RATE = 30.0
"""Frames a second of `jointPositions`."""

_CLEAR = 1.5
"""Feet to head are so much longer along one axis than along the next."""

_KEY = "jointPositions"
_HEAD, _FEET = JOINTS.index("Head"), (JOINTS.index("L_Ankle"), JOINTS.index("R_Ankle"))


def read_3dpw(path: Path) -> list[Motion]:
    """Everybody in a sequence.

    Raises:
        BadInput: the file cannot be read, asks for more than data, or holds something else.
    """
    content = load_pickle(path)
    if not isinstance(content, dict) or _KEY not in content:
        keys = ", ".join(map(str, content)) if isinstance(content, dict) else type(content).__name__
        raise BadInput(f"{path} should be a sequence of 3DPW with {_KEY}, got {printable(keys)}")
    people = content[_KEY]
    if not isinstance(people, list | tuple | np.ndarray) or not len(people):
        raise BadInput(f"{path}: {_KEY} should be an array of each person")
    name = content.get("sequence")
    clip = name if isinstance(name, str) and name.isprintable() and 0 < len(name) < 200 else ""
    return [_person(path, clip or path.stem, number, each) for number, each in enumerate(people)]


def _person(path: Path, clip: str, number: int, joints: Any) -> Motion:
    where = f"{path}, {_KEY}, person {number}"
    if not isinstance(joints, np.ndarray) or joints.dtype.kind not in "iuf":
        raise BadInput(f"{where} should be numbers, got {type(joints).__name__}")
    if joints.ndim not in (2, 3) or not len(joints) or joints.size != 72 * len(joints):
        raise BadInput(f"{where} should be (frames, 72), got {joints.shape}")
    places = joints.astype(np.float64).reshape(-1, 24, 3)[:, : len(JOINTS)]
    motion = Motion(
        source=path,
        joints=JOINTS,
        positions=places,
        frame_rate=RATE,
        unit_mm=1000.0,
        parents=PARENTS,
        gaps=True,
        person=str(number),
        subject=f"{clip} {number}",
        clip=clip,
    )
    return _stood_up(motion)


def _stood_up(motion: Motion) -> Motion:
    """With the axis that is up, pointing up; as it is where nobody stands along one."""
    places = motion.positions
    rise = places[:, _HEAD] - places[:, list(_FEET)].mean(axis=1)
    middle = np.nanmedian(rise, axis=0) if np.isfinite(rise).any() else np.zeros(3)
    first, second = np.argsort(np.abs(middle))[::-1][:2]
    if not np.abs(middle[first]) > _CLEAR * np.abs(middle[second]):
        return motion
    up = "xyz"[first]
    told = f"{up} is taken for up, along which bodies stand"
    if middle[first] < 0:
        way = np.ones(3)
        way[[first, (first + 1) % 3]] = -1.0
        places, told = places * way, f"{told}; it points down and is turned round"
    return replace(motion, positions=places, up=up, notes=(told,))
