"""Poses of a training in two parts, in a stated share, without leaving any out."""

import math
from pathlib import Path

import numpy as np

from evoskeleton.evolution.chance import permutation
from evoskeleton.files import atomic_file

_AT_ONCE = 65_536


def write_mixture(
    path: Path, special: np.ndarray, general: np.ndarray, share: float, key: int
) -> None:
    """One .npy file, float32: all poses of both parts, one of them repeated up to its share.

    Args:
        path: of the file, which appears whole or not at all.
        special, general: (poses, 17, 3) world mm, one of each or more.
        share: of the rows that are to be `special`, in (0, 1).
        key: from `chance.key`; says which poses come once more than others.
    """
    rows = math.ceil(max(len(special) / share, len(general) / (1.0 - share)))
    first = min(rows - 1, max(1, round(rows * share)))
    with atomic_file(path) as file:
        header = {"descr": "<f4", "fortran_order": False, "shape": (rows, *special.shape[1:])}
        np.lib.format.write_array_header_1_0(file, header)
        for poses, count in ((special, first), (general, rows - first)):
            order = permutation(key, len(poses)).numpy()
            for at in range(0, count, _AT_ONCE):
                places = order[np.arange(at, min(at + _AT_ONCE, count)) % len(poses)]
                file.write(np.ascontiguousarray(poses[places], "<f4").tobytes())
