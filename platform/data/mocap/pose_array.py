"""Poses in a plain `.npy` array of (frames, 17, 3), or (frames, 51), in Human3.6M's order."""

from pathlib import Path

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import JOINT_NAMES
from evoskeleton.platform.data.mocap.motion import Motion
from evoskeleton.safe_npy import load_object

_MAGIC = 128


def is_pose_array(path: Path) -> bool:
    """Whether an `.npy` file holds numbers, and no dictionary."""
    try:
        with open(path, "rb") as file:
            head = file.read(_MAGIC)
    except OSError:
        return False
    return head[:6] == b"\x93NUMPY" and b"'descr'" in head and b"|O" not in head


def read_pose_array(path: Path) -> Motion:
    """The joints in all frames; unit, axes and rate are not declared.

    Raises:
        BadInput: the file cannot be read, or holds something else.
    """
    array = load_object(path)
    wanted = f"(frames, {len(JOINT_NAMES)}, 3) numbers"
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "iuf":
        raise BadInput(f"{path} should hold {wanted}, got {getattr(array, 'dtype', type(array))}")
    if array.ndim == 2 and array.shape[1] == 3 * len(JOINT_NAMES):
        array = array.reshape(len(array), -1, 3)
    if array.ndim != 3 or array.shape[1:] != (len(JOINT_NAMES), 3) or not len(array):
        raise BadInput(f"{path} should hold {wanted}, got {array.shape}")
    return Motion(source=path, joints=JOINT_NAMES, positions=np.asarray(array, np.float64))
