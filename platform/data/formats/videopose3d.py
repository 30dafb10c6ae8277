"""Human3.6M poses as VideoPose3D keeps them (Pavllo 2019, https://arxiv.org/abs/1811.11742).

An `.npz` file with `positions_3d`, a dictionary `{subject: {name: (frames, joints, 3)}}`, such as
"S1" and "Walking 1": 32 or 17 joints, world **metres**, z up. What reads it there drops 15 of the
32 joints by their number, wants float32, and takes the first word of a name for the action.

Files of HumanEva have 15 or 20 joints, see `humaneva`. Here the clip is the name, and the action
the name without a number at its end. A clip whose name does not say its action is written as
"<action> (<clip>)".
"""

import logging
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.files import whole_file
from evoskeleton.platform.data.formats.human36m import (
    by_clip,
    checked_name,
    joined,
    joints_to_17,
    joints_to_32,
    number_subjects,
)
from evoskeleton.platform.data.formats.humaneva import COUNTS, NOTE, named, to_17
from evoskeleton.platform.data.poses import PoseSet, single_clip
from evoskeleton.safe_npy import load_npz, printable, write_object

_log = logging.getLogger(__name__)

MM_PER_METRE = 1000.0
_MEMBER = "positions_3d"
_NUMBERED = re.compile(r"(.+?)(?: \d+)?")
_WITH_CLIP = re.compile(r"(.+?) \((.+)\)")


def load_videopose3d(path: Path) -> PoseSet:
    """All frames of a file, in its order; of the 32 joints the 17 that move.

    Raises:
        BadInput: there is no such file, it holds no `positions_3d` or more than data, or an entry
            does not fit; the sentence names subject, name and frame.
    """
    subjects = load_npz(path, [_MEMBER])[_MEMBER]
    poses = joined(path, list(_clips(path, subjects)))
    if any(subject.startswith("HumanEva-") for subject in set(poses.subject.tolist())):
        _log.warning("%s: %s", path.name, NOTE)
    return poses


def write_videopose3d(
    path: Path, poses: PoseSet, *, pseudo_subjects: bool = False, overwrite: bool = False
) -> dict[str, int]:
    """Write `data_3d_h36m.npz`: 32 joints, float32 metres.

    Millimetres come back to within a thousandth, up to 8 m from the origin. VideoPose3D itself has
    cameras for S1, S5, S6, S7, S8, S9 and S11 only and stops at any other subject; ours does not.

    Args, Returns, Raises: as `human36m.write_human36m`; and a clip's name is refused with which
    its action would be lost.
    """
    numbers = number_subjects(sorted(set(poses.subject.tolist())), pseudo_subjects)
    subjects: dict[str, dict[str, np.ndarray]] = {}
    for (subject, action, clip), rows in by_clip(poses).items():
        metres = (joints_to_32(rows) / np.float64(MM_PER_METRE)).astype(np.float32)
        subjects.setdefault(f"S{numbers[subject]}", {})[_name(action, clip)] = metres
    with whole_file(path, overwrite) as file:
        _write(file, subjects)
    return numbers


def _write(file: BinaryIO, subjects: dict[str, dict[str, np.ndarray]]) -> None:
    """A member's length is not known before it is written: it may pass 2 GiB."""
    with (
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open(f"{_MEMBER}.npy", "w", force_zip64=True) as member,
    ):
        write_object(member, subjects)  # type: ignore[arg-type]


def _clips(path: Path, subjects: Any) -> Iterator[PoseSet]:
    for subject, clips in _entries(f"{path}, {_MEMBER}", subjects):
        for name, positions in _entries(f"{path}, {subject}", clips):
            where = f"{path}, {subject}, {printable(name)}"
            joints, of_humaneva = _joints(where, positions)
            names = named(subject, name) if of_humaneva else (subject, *_action_and_clip(name))
            yield single_clip(joints, *names)


def _entries(where: str, value: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(value, dict):
        raise BadInput(f"{where} should hold a dictionary by name, got {type(value).__name__}")
    return ((checked_name(where, name), inside) for name, inside in value.items())


def _joints(where: str, positions: Any) -> tuple[np.ndarray, bool]:
    """(n, 17, 3) float32 mm, and whether they are HumanEva's."""
    wanted = "(frames, 32 or 17, 3) metres"
    if not isinstance(positions, np.ndarray) or positions.dtype.kind not in "iuf":
        kind = getattr(positions, "dtype", type(positions).__name__)
        raise BadInput(f"{where} should hold {wanted}, got {kind}")
    counts = (32, 17, *COUNTS)
    if positions.ndim != 3 or positions.shape[1] not in counts or positions.shape[2] != 3:
        raise BadInput(f"{where} should hold {wanted}, got {positions.shape}")
    of_humaneva = positions.shape[1] in COUNTS
    known = to_17(positions) if of_humaneva else positions
    return joints_to_17(where, known, MM_PER_METRE), of_humaneva


def _action_and_clip(name: str) -> tuple[str, str]:
    if found := _WITH_CLIP.fullmatch(name):
        return found[1], found[2]
    found = _NUMBERED.fullmatch(name)
    return (found[1] if found else name), name


def _name(action: str, clip: str) -> str:
    for name in (clip, f"{action} ({clip})"):
        if _action_and_clip(name) == (action, clip):
            return name
    raise BadInput(f"action {printable(action)} and clip {printable(clip)} do not fit into a name")
