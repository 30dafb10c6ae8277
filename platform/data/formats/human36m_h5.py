"""A folder of Human3.6M as Martinez 2017 (https://arxiv.org/abs/1705.03098) reads it.

`S1/MyPoses/3D_positions/Walking 1.h5` and so on, for every subject; in each a data set
`3D_positions` of (96, frames): Human3.6M's 32 joints, x y z, world millimetres, z up. Names are
those that VideoPose3D gives to the same files: clip `Walking 1` of the action `Walking`; `Photo`
and `WalkDog` for `TakingPhoto` and `WalkingDog`.
"""

import re
from pathlib import Path

import numpy as np

from evoskeleton.data_pickle import printable
from evoskeleton.errors import BadInput
from evoskeleton.extras import require
from evoskeleton.platform.data.formats.human36m import clip_of_entry, joined
from evoskeleton.platform.data.poses import PoseSet

_NO_H5PY = "files of Human3.6M in HDF5 are read by {}: pip install 'evoskeleton[mat]'"
_POSITIONS = "3D_positions"
_SUBJECT = re.compile(r"S(\d{1,9})")
_OTHER_NAMES = {"TakingPhoto": "Photo", "WalkingDog": "WalkDog"}
_NAME = re.compile(r"(.+?)(?:[ _](\d+))?", re.DOTALL)
_MOST_FRAMES = 10_000_000


def load_human36m_folder(folder: Path) -> PoseSet:
    """All poses below a folder, in order of subject and file.

    Raises:
        BadInput: there is no such file below it, one cannot be read or does not fit, or h5py is not
            installed.
    """
    files = sorted(
        ((_subject(file), file) for file in folder.rglob(f"{_POSITIONS}/*.h5")),
        key=lambda each: (each[0], each[1].name),
    )
    if not files:
        raise BadInput(f"{folder} should hold files such as S1/MyPoses/{_POSITIONS}/Walking 1.h5")
    clips = [
        clip_of_entry(file, (subject, *_action_and_clip(file)), _rows(file))
        for subject, file in files
    ]
    return joined(folder, clips)


def _subject(file: Path) -> int:
    """The number in the nearest folder that is named like a subject."""
    for part in reversed(file.parts[:-1]):
        if found := _SUBJECT.fullmatch(part):
            return int(found[1])
    raise BadInput(f"{file} should lie in a folder of its subject, such as S1")


def _action_and_clip(file: Path) -> tuple[str, str]:
    found = _NAME.fullmatch(file.stem)
    assert found is not None, "any name fits"
    action = _OTHER_NAMES.get(found[1], found[1])
    return action, f"{action} {found[2]}" if found[2] else action


def _rows(path: Path) -> np.ndarray:
    """(frames, 96) numbers of one file."""
    h5py = require("h5py", _NO_H5PY)
    try:
        with h5py.File(path, "r") as file:
            found = file[_POSITIONS]
            if found.ndim != 2 or found.shape[0] != 96 or found.shape[1] > _MOST_FRAMES:
                raise BadInput(f"{path}: {_POSITIONS} should be (96, frames), got {found.shape}")
            rows: np.ndarray = np.asarray(found, np.float64).T
            return rows
    except BadInput:
        raise
    except Exception as error:  # h5py raises a dozen kinds on damaged files
        told = printable(" ".join(str(error).split()))
        raise BadInput(f"{path} cannot be read as HDF5: {told}") from None
